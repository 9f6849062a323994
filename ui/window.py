"""Which part of a chat is on screen: a window of its messages that grows and then slides, and where in it the reader lands.

Kept for the browser session and the chat that is open. A message in the URL (`?m=`) opens the window around it.
"""

import uuid
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import streamlit as st

from chatcore.parts import MessageInfo, Thread
from chatcore.thread import END, START, After, Around, Before, Place
from ui import app

# Measured: 40 messages are on screen in 0.35 s, 200 in 0.87 s, 1,000 in 3.6 s, and every rerun sends them again.
WINDOW = 40
MOST = 200
# What is put above lies one level deeper than what was there; after so many levels all is drawn anew.
DEEPEST = 25

Landing = int | str


def new_visit() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class View:
    """A window of a chat, and the jump that led to it.

    `asked` is the message the URL named. `landing` is where the reader is taken when the jump (`visit`) is new: "start",
    "end", or the id of a message. `above` are the first messages of the portions that were put above, the nearest first;
    `below` those of the portions put below, likewise: each portion is drawn in a place of its own, so that what is on
    screen stays untouched.
    """

    chat_id: uuid.UUID
    asked: int | None = None
    place: Place = END
    size: int = WINDOW
    landing: Landing = "end"
    visit: str = field(default_factory=new_visit)
    above: tuple[int, ...] = ()
    below: tuple[int, ...] = ()


def view_of(chat_id: uuid.UUID, asked: int | None) -> View:
    """The view of a chat at the message the URL names (None: none): what it was, else one that opens there."""
    known = st.session_state.get(app.VIEW)
    if isinstance(known, View) and (known.chat_id, known.asked) == (chat_id, asked):
        return known
    if asked is None:
        return keep(View(chat_id))
    return keep(View(chat_id, asked, Around(asked), landing=asked))


def keep(view: View) -> View:
    st.session_state[app.VIEW] = view
    return view


# --- jumps -------------------------------------------------------------------------------------------------------


def to_end(chat_id: uuid.UUID) -> None:
    """Shows the newest messages."""
    app.forget_message()
    keep(View(chat_id))


def to_start(chat_id: uuid.UUID) -> None:
    """Shows the first messages."""
    app.forget_message()
    keep(View(chat_id, place=START, landing="start"))


def to_message(chat_id: uuid.UUID, message_id: int) -> None:
    """Shows a message with what stands around it, without marking it."""
    app.forget_message()
    keep(View(chat_id, place=Around(message_id), landing=message_id))


def to_marked(thread: Thread, message_id: int) -> None:
    """Marks a message and takes the reader there; where it is on screen already, what is on screen stays."""
    app.name_message(message_id)
    view = st.session_state.get(app.VIEW)
    if isinstance(view, View) and view.chat_id == thread.chat.id and message_id in [message.id for message in thread.messages]:
        keep(replace(view, asked=message_id, landing=message_id, visit=new_visit()))


# --- the window grows and slides ---------------------------------------------------------------------------------


def grow_up(view: View, thread: Thread) -> None:
    """Puts 40 messages above those of `thread`, which is what the view shows; above 200 the last ones leave."""
    shown = thread.messages
    size = min(len(shown) + WINDOW, MOST)
    last = shown[size - WINDOW - 1]
    place = END if last is shown[-1] and is_at_end(thread) else Before(last.id, included=True)
    keep(settled(replace(view, place=place, size=size, above=(*view.above, shown[0].id))))


def grow_down(view: View, thread: Thread) -> None:
    """Puts 40 messages below those of `thread`, which is what the view shows; above 200 the first ones leave."""
    shown = thread.messages
    size = min(len(shown) + WINDOW, MOST)
    first = shown[len(shown) + WINDOW - size]
    keep(settled(replace(view, place=After(first.id, included=True), size=size, below=(*view.below, shown[-1].id + 1))))


def settled(view: View) -> View:
    """The view; one that has slid very far begins with a single portion again."""
    return view if len(view.above) + len(view.below) <= DEEPEST else replace(view, above=(), below=())


def is_at_end(thread: Thread) -> bool:
    """Whether the window ends where the chat ends."""
    leaf_id = thread.chat.current_message_id
    return not thread.has_later and (not thread.messages or leaf_id is None or thread.messages[-1].id == leaf_id)


def is_long(thread: Thread) -> bool:
    """Whether the chat has more messages than a window."""
    return thread.has_earlier or thread.has_later or len(thread.messages) > WINDOW


Portions = Sequence[Sequence[MessageInfo]]


def portions(view: View, messages: Sequence[MessageInfo]) -> tuple[Portions, Portions]:
    """The messages as they came on screen: (what was put above, the nearest first; the rest in order). Some may be empty."""
    upper = sorted(view.above)
    above: list[list[MessageInfo]] = [[] for _ in upper]
    rest: list[list[MessageInfo]] = [[] for _ in range(len(view.below) + 1)]
    for message in messages:
        level = len(upper) - bisect_right(upper, message.id)
        if level:
            above[level - 1].append(message)
        else:
            rest[bisect_right(view.below, message.id)].append(message)
    return above, rest
