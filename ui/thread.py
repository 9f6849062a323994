"""The messages of a chat: a window of the newest, each in its place, the one being written live."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from chatcore import chat as verbs
from chatcore import history
from chatcore.core import Core
from chatcore.parts import GenerationInfo, MessageInfo, Offset, Role, State, Thread, Update, Viewer
from chatcore.thread import END, Before, open_thread
from ui import app, composer, words
from ui.live import land, live_answer
from ui.markdown import show

# Measured: 40 messages are on screen in 0.35 s, 200 in 0.87 s, 1,000 in 3.6 s, and every rerun sends them again.
WINDOW = 40
MOST = 200
PAINTS_PER_S = 15
# Characters. A megabyte of markdown takes the browser many seconds, at every rerun.
LONGEST = 100_000
SHOWN_OF_LONGER = 20_000
VIEW, FALLBACK = "thread.view", "thread.unavailable"

OUTCOMES = {
    State.STOPPED: ("Stopped.", ""),
    State.INTERRUPTED: ("The answer was interrupted.", "What had been written is kept. Try again for a whole one."),
    State.FAILED: ("The answer failed.", "Try again, or choose another model."),
}


@dataclass(frozen=True, slots=True)
class Pending:
    """A running answer that the script itself must follow, and where to draw it."""

    message_id: int
    place: DeltaGenerator


def open_window(core: Core, viewer: Viewer, chat_id: uuid.UUID) -> Thread:
    """The part of the chat that is on screen: the newest messages, more of them or older ones where the viewer asked.

    Raises NotFound for what is not the viewer's.
    """
    last, before = window(chat_id)
    return open_thread(core.db, viewer, chat_id, place=END if before is None else Before(before), limit=last)


def window(chat_id: uuid.UUID) -> tuple[int, int | None]:
    """How many messages of this chat to show, and before which one; (40, None) until the viewer asks for others."""
    view = st.session_state.get(VIEW)
    return view[1:] if view and view[0] == chat_id else (WINDOW, None)


def last_used(thread: Thread) -> composer.Choice | None:
    """(provider, model) of the last answer; None where the end of the chat is not on screen."""
    if window(thread.chat.id)[1] is not None:
        return None
    used = ((message.provider, message.model_name) for message in reversed(thread.messages) if message.role is Role.ASSISTANT)
    return next(((provider, model) for provider, model in used if provider and model), None)


def show_thread(thread: Thread) -> Pending | None:
    """Draws the window of a chat, oldest message first; answers what `follow_here` must follow when the rest is drawn."""
    pending = None
    messages, chat_id = thread.messages, thread.chat.id
    last, before = window(chat_id)
    with st.container(key="thread"):
        if thread.has_earlier:
            st.button("Show earlier messages", icon=":material/expand_less:", key="thread.earlier", type="tertiary",
                      on_click=_earlier, args=(chat_id, last, before, tuple(message.id for message in messages)))  # fmt: skip
        for message in messages:
            pending = show_message(message, is_last=before is None and message is messages[-1]) or pending
        if before is not None:
            st.button("Back to the newest messages", icon=":material/expand_more:", key="thread.newest", type="tertiary", on_click=_newest)
    land(f"{chat_id}-{before}", first_message_id=messages[0].id if messages else None)
    return pending


def _earlier(chat_id: uuid.UUID, last: int, before: int | None, shown: tuple[int, ...]) -> None:
    if last < MOST:
        st.session_state[VIEW] = (chat_id, last + WINDOW, before)
    else:
        # The window slides from here on: half of it stays, so that the reader knows where they are.
        st.session_state[VIEW] = (chat_id, MOST, shown[len(shown) // 2])


def _newest() -> None:
    st.session_state.pop(VIEW, None)


def show_message(message: MessageInfo, *, is_last: bool) -> Pending | None:
    """Draws one message; the last answer can be tried again."""
    with st.chat_message(message.role.value):
        if message.role is Role.USER:
            show_text(message)
        elif message.status is State.RUNNING:
            return show_running(message)
        else:
            show_answer(message)
            if is_last:
                show_retry(message)
    return None


def show_answer(message: MessageInfo) -> None:
    """Draws an answer that has ended: its reasoning folded, its text, what went wrong, its figures."""
    if message.reasoning:
        with st.expander("Thoughts", type="compact"):
            st.markdown(show(message.reasoning, keep_lines=True))
    show_text(message)
    if message.status is not State.COMPLETE:
        show_outcome(message)
    st.caption(footer(message))


def show_text(message: MessageInfo) -> None:
    """Draws the text of a message; of one that no browser could lay out, the beginning, and the whole as a file."""
    text = message.content
    if not text:
        return
    whole = len(text) <= LONGEST
    st.markdown(show(text if whole else text[:SHOWN_OF_LONGER], keep_lines=message.role is Role.USER))
    if not whole:
        st.caption(f"The first {words.count(SHOWN_OF_LONGER)} of {words.count(len(text))} characters.")
        name = f"message-{message.id}.md"
        st.download_button(
            "Download the whole message", text, name, "text/markdown", icon=":material/download:", key=f"thread.file.{message.id}"
        )


def show_outcome(message: MessageInfo) -> None:
    """Says how an answer ended that is not whole, and what to do about it."""
    text, hint = OUTCOMES[message.status]
    generation = message.generation
    if generation and generation.error_message and message.status is not State.STOPPED:
        text, hint = generation.error_message, generation.error_hint or ""
    if message.status is State.STOPPED:
        st.caption(
            ":material/stop_circle: You stopped this answer."
            if message.content
            else ":material/stop_circle: You stopped this answer before it began."
        )
        return
    body = f"**{words.with_code(text)}**" + (f"  \n{words.with_code(hint)}" if hint else "")
    st.warning(body, icon=":material/error:" if message.status is State.FAILED else ":material/power_off:")


def show_retry(message: MessageInfo) -> None:
    """The button that asks for the answer once more, from the model that is chosen now."""
    whole = message.status is State.COMPLETE
    st.button(
        "Try again",
        icon=":material/refresh:",
        key="thread.retry",
        type="tertiary" if whole or message.status is State.STOPPED else "secondary",
        help="Ask for this answer once more, from the model chosen below.",
        on_click=_retry,
        args=(message.id,),
    )


def _retry(message_id: int) -> None:
    with app.calm_callback():
        message = history.get_message(app.core().db, app.viewer(), message_id)
        if message.status is State.RUNNING:
            return  # the second click of a double click
        provider, model_name = composer.chosen(message.session_id) or (message.provider, message.model_name)
        verbs.retry(app.core().runner, app.viewer(), message_id, now=app.now(), provider=provider, model_name=model_name)


def footer(message: MessageInfo) -> str:
    """The small line under an answer: model, time, tokens, speed, time to the first word; what is not known is left out."""
    name = [words.plain(words.model_name(message.provider, message.model_name))] if message.model_name else []
    parts = [*name, words.moment(message.created_at, now=app.now(), zone=app.time_zone())]
    return " · ".join(parts + figures(message.generation))


def figures(generation: GenerationInfo | None) -> list[str]:
    """Tokens, tokens per second and time to the first word of an attempt, as far as they are known."""
    if generation is None:
        return []
    parts = []
    about = "≈ " if generation.usage_source == "estimated" else ""
    if generation.output_tokens:
        parts.append(about + words.plural(generation.output_tokens, "token"))
    if generation.output_tokens_per_s:
        parts.append(f"{generation.output_tokens_per_s:.0f} tokens/s")
    if generation.time_to_first_chunk_s is not None and generation.time_to_first_chunk_s >= 0.05:
        parts.append(f"first word after {words.duration(generation.time_to_first_chunk_s)}")
    return parts


# --- the answer that is being written ----------------------------------------------------------------------------


def show_running(message: MessageInfo) -> Pending | None:
    """Shows an answer as it grows: the browser follows it. Where it cannot, keeps a place for `follow_here`."""
    if not st.session_state.get(FALLBACK):
        live_answer(message.id, on_done=lambda: None, on_unavailable=_unavailable)
        return None
    place = st.container()
    st.button("Stop", icon=":material/stop:", key="thread.stop", on_click=_stop, args=(message.id,))
    return Pending(message.id, place)


def _unavailable() -> None:
    st.session_state[FALLBACK] = True


def follow_here(core: Core, viewer: Viewer, pending: Pending) -> None:
    """Follows an answer from the script, which must have drawn everything else: it ends with a rerun when the answer has ended.

    Finished blocks are drawn once, only the growing one again, at most 15 times a second.
    """
    with pending.place:
        finished, growing = st.container(), st.empty()
    growing.caption("Waiting for the model…")
    text, drawn = "", 0
    for update in paced(core.runner.follow_sync(viewer, pending.message_id, Offset())):
        text += update.text
        parts = blocks(text)
        for part in parts[drawn:-1]:
            finished.markdown(show(part))
        drawn = max(drawn, len(parts) - 1)
        if parts:
            growing.markdown(show(parts[-1]))
        elif update.progress:
            growing.caption(words.plain(update.progress))
    st.rerun()


def _stop(message_id: int) -> None:
    with app.calm_callback():
        verbs.stop(app.core().runner, app.viewer(), message_id, now=app.now())


def paced(updates: Iterator[Update]) -> Iterator[Update]:
    """The updates, joined so that at most 15 come in a second."""
    text, due_s = "", 0.0
    for update in updates:
        text += update.text
        if update.state is State.RUNNING and time.monotonic() < due_s and not update.progress:
            continue
        due_s = time.monotonic() + 1 / PAINTS_PER_S
        yield Update(text, "", update.state, update.next, update.progress, update.error, update.hint)
        text = ""


def blocks(text: str) -> list[str]:
    """Markdown cut at blank lines outside fences, so that Streamlit sees the finished ones unchanged."""
    parts: list[str] = []
    current: list[str] = []
    fenced = False
    for line in text.split("\n"):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        if not line.strip() and not fenced:
            parts.append("\n".join(current))
            current = []
        else:
            current.append(line)
    parts.append("\n".join(current))
    return [part for part in parts if part.strip()]
