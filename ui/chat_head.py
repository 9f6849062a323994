"""The head of a chat: its title, and the bar that moves in a long chat and searches in any."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

import streamlit as st

from chatcore.core import Core
from chatcore.errors import Invalid
from chatcore.parts import Thread, Viewer
from chatcore.thread import first_since, span
from ui import app, find, rename, share, window, words
from ui.chatbar import Bar, chat_bar
from ui.find import Found

BAR = "chat.bar"


def show_head(core: Core, viewer: Viewer, thread: Thread, found: Found | None) -> None:
    """Draws the title, and beside it the bar where the chat has anything to search in."""
    long = window.is_long(thread)
    with st.container(key="chat_head", horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(key="chat_title"):
            st.title(words.plain(thread.chat.title), anchor=False)
        rename.show_button(thread.chat)
        share.show_button(core, thread.chat)
        if thread.chat.message_count >= 2:
            chat_bar(bar(core, viewer, thread, found, long=long), key=BAR, on_act=lambda: _acted(thread, found))


def bar(core: Core, viewer: Viewer, thread: Thread, found: Found | None, *, long: bool) -> Bar:
    """What the bar shows of this chat."""
    zone = app.time_zone()
    days = span(core.db, viewer, thread.chat.id) if long else None
    here = thread.messages[0].created_at if thread.messages else None
    return Bar(
        chat=str(thread.chat.id),
        long=long,
        first_day=days[0].astimezone(zone).date().isoformat() if days else None,
        last_day=days[1].astimezone(zone).date().isoformat() if days else None,
        day=here.astimezone(zone).date().isoformat() if here else None,
        text=found.text if found else "",
        hits=len(found.hits.message_ids) if found else 0,
        complete=found.hits.complete if found else True,
        at=found.at if found else 0,
        notice=found.notice if found else "",
    )


def _acted(thread: Thread, found: Found | None) -> None:
    with app.calm_callback():
        action = st.session_state[BAR].act
        if action:
            perform(app.core(), app.viewer(), thread, found, action)


def perform(core: Core, viewer: Viewer, thread: Thread, found: Found | None, action: Mapping[str, str]) -> None:
    """Does what was chosen in the bar. Raises NotFound for a chat that is gone, Invalid for a day that is none."""
    match action["do"]:
        case "date":
            go_to_day(core, viewer, thread, action["day"])
        case "find":
            look_for(core, viewer, thread, action["text"])
        case "hit":
            move(thread, found, int(action["by"]))
        case "close":
            st.query_params.pop(app.FIND_PARAM, None)


def go_to_day(core: Core, viewer: Viewer, thread: Thread, day: str) -> None:
    """Shows the first message of the day in the viewer's time zone, or of the next one that has any."""
    try:
        start = datetime.combine(date.fromisoformat(day), time(), tzinfo=app.time_zone()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{words.shortened(day, 40)!r} is no day.", "Choose one in the calendar.") from error
    message_id = first_since(core.db, viewer, thread.chat.id, moment=start)
    if message_id is None:
        window.to_end(thread.chat.id)
    else:
        window.to_message(thread.chat.id, message_id)


def look_for(core: Core, viewer: Viewer, thread: Thread, text: str) -> None:
    """Searches the chat and goes to the newest hit."""
    if not text.strip():
        st.query_params.pop(app.FIND_PARAM, None)
        return
    st.query_params[app.FIND_PARAM] = text
    found = find.found(core, viewer, thread.chat.id, text, None)
    move(thread, found, 0)


def move(thread: Thread, found: Found | None, by: int) -> None:
    """Goes to another hit, marks it and leaves the rest as it is."""
    hit = find.step(found.hits.message_ids, found.at, by) if found else None
    if hit is not None:
        window.to_marked(thread, hit)
