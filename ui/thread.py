"""The messages of a chat: a window of them, each in its place, the one being written live."""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from chatcore import chat as verbs
from chatcore import revisions
from chatcore.context import cut_answers
from chatcore.core import Core
from chatcore.errors import NotFound
from chatcore.parts import CallRecord, GenerationInfo, MessageInfo, Offset, Role, State, Thread, Update, Viewer
from chatcore.thread import open_thread
from chatcore.toolcalls import pieces
from ui import app, attachments, comparison, composer, gauge, message_actions, tool_calls, window, words
from ui.comparison import Pairs
from ui.find import Found
from ui.live import Reading, land, live_answer
from ui.markdown import show

PAINTS_PER_S = 15
# Characters. A megabyte of markdown takes the browser many seconds, at every rerun.
LONGEST = 100_000
SHOWN_OF_LONGER = 20_000
FALLBACK = "thread.unavailable"

OUTCOMES = {
    State.STOPPED: ("Stopped.", ""),
    State.INTERRUPTED: ("The answer was interrupted.", "What had been written is kept. Try again for a whole one."),
    State.FAILED: ("The answer failed.", "Try again, or choose another model."),
}


@dataclass(frozen=True, slots=True)
class Pending:
    """A running answer that the script itself must follow, and where to draw it; unless `named`, nobody may know who writes it."""

    message_id: int
    place: DeltaGenerator
    named: bool = True


def open_window(core: Core, viewer: Viewer, chat_id: uuid.UUID) -> Thread:
    """The part of the chat that is on screen: its end, or where the viewer or the URL asked to be.

    A message that is not in this chat is told, and the chat is shown at its end. Raises NotFound for a chat that is not
    the viewer's.
    """
    try:
        view = window.view_of(chat_id, app.current_message_id())
        return open_thread(core.db, viewer, chat_id, place=view.place, limit=view.size)
    except NotFound:
        thread = open_thread(core.db, viewer, chat_id)
        app.keep_error(NotFound("The message this link names is not in this chat.", "You see the end of the chat instead."))
        window.to_end(chat_id)
        return thread


def last_used(core: Core, viewer: Viewer, thread: Thread) -> composer.Choice | None:
    """(provider, model) of the last answer of the chat, also where that is not on screen; None where it has none."""
    messages = reversed(thread.messages)
    if not window.is_at_end(thread):
        messages = reversed(open_thread(core.db, viewer, thread.chat.id, limit=2).messages)
    used = ((message.provider, message.model_name) for message in messages if message.role is Role.ASSISTANT)
    return next(((provider, model) for provider, model in used if provider and model), None)


def show_thread(thread: Thread, found: Found | None, pairs: Pairs) -> Pending | None:
    """Draws the window of a chat, oldest message first, where two answers are compared both of them; answers what `follow_here` must
    follow when the rest is drawn."""
    view = window.view_of(thread.chat.id, app.current_message_id())
    above, rest = window.portions(view, thread.messages)
    last = thread.messages[-1] if thread.messages and window.is_at_end(thread) else None
    pending: list[Pending | None] = []
    cut = cut_answers(thread.messages)

    def show_portion(messages: Sequence[MessageInfo]) -> None:
        for message in messages:
            pair = pairs.get(message.id)
            if pair is not None and comparison.stands_beside(pair, thread):
                comparison.show_pair(pair, thread, lambda answer, named: pending.append(show_compared(answer, named=named)))
                continue
            with st.container(key=f"message-{message.id}"):
                pending.append(show_message(message, is_last=message is last))
                if message.id in cut:
                    gauge.show_cut()
                if pair is not None:
                    comparison.show_told(pair)

    def show_above(portions: window.Portions) -> None:
        # Each portion leaves a place for the one above it: what is on screen already keeps its own place, so nothing jumps.
        with st.container():
            if portions:
                show_above(portions[1:])
                show_portion(portions[0])

    with st.container(key="thread"):
        show_way_up(view, thread)
        show_above(above)
        for portion in rest:
            with st.container():
                show_portion(portion)
        show_way_down(view, thread)
    message_actions.show_bars(app.core(), app.viewer(), thread, pairs)
    land(reading(view, thread, found), on_earlier=lambda: window.grow_up(view, thread), on_later=lambda: window.grow_down(view, thread),
         on_start=lambda: window.to_start(view.chat_id), on_end=lambda: window.to_end(view.chat_id))  # fmt: skip
    return next(filter(None, pending), None)


def show_way_up(view: window.View, thread: Thread) -> None:
    """The button for earlier messages; the browser presses it when the reader comes near."""
    with st.container(horizontal=True, horizontal_alignment="center"):
        if thread.has_earlier:
            st.button("Show earlier messages", icon=":material/expand_less:", key="thread.earlier", type="tertiary",
                      on_click=window.grow_up, args=(view, thread))  # fmt: skip


def show_way_down(view: window.View, thread: Thread) -> None:
    """The buttons for later messages, and what is said where another branch than the shown one ends."""
    if window.is_at_end(thread):
        return
    if not thread.has_later:
        st.caption("This attempt ends here. The chat went on after another one.", text_alignment="center")
    with st.container(horizontal=True, horizontal_alignment="center"):
        if thread.has_later:
            st.button("Show later messages", icon=":material/expand_more:", key="thread.later", type="tertiary",
                      on_click=window.grow_down, args=(view, thread))  # fmt: skip
        else:
            message_actions.show_this_branch(thread)
        st.button("Back to the newest messages", icon=":material/vertical_align_bottom:", key="thread.newest", type="tertiary",
                  on_click=window.to_end, args=(thread.chat.id,))  # fmt: skip


def reading(view: window.View, thread: Thread, found: Found | None) -> Reading:
    """What the browser has to know to keep the reader's place."""
    return Reading(
        visit=view.visit,
        landing=view.landing,
        messages=[message.id for message in thread.messages],
        prompts=[message.id for message in thread.messages if message.role is Role.USER],
        marked=view.asked,
        earlier=thread.has_earlier,
        later=thread.has_later,
        ends=window.is_at_end(thread),
        words=found.words if found else [],
    )


def show_message(message: MessageInfo, *, is_last: bool) -> Pending | None:
    """Draws one message; the last answer can be tried again, or go on, if it did not end well."""
    with st.chat_message(message.role.value):
        if message_actions.is_edited(message):
            message_actions.show_editor(message)
        elif message.role is Role.USER:
            show_text(message)
            attachments.show_files(message)
        elif message.status is State.RUNNING:
            return show_running(message)
        else:
            show_answer(message)
            if is_last:
                message_actions.show_ways_on(message)
    return None


def show_compared(message: MessageInfo, *, named: bool) -> Pending | None:
    """Draws one of two answers that are compared."""
    with st.chat_message(message.role.value):
        if message.status is State.RUNNING:
            return show_running(message, named=named)
        show_answer(message, named=named)
    return None


def show_answer(message: MessageInfo, *, named: bool = True) -> None:
    """Draws an answer that has ended: its reasoning folded, its text, what went wrong, its figures. While nobody may know who wrote it
    (not `named`), nothing that a model server said of itself is on the page."""
    if message.reasoning:
        with st.expander(thoughts(message.generation), type="compact"):
            st.markdown(show(message.reasoning, keep_lines=True))
    calls = tool_calls.calls_of(message)
    if calls:
        show_pieces(message, calls)
    else:
        show_text(message)
    if message.status is State.FAILED and not named:
        st.warning("**The answer failed.**  \nWhy stands here when the names are shown.", icon=":material/error:")
    elif message.status is not State.COMPLETE:
        show_outcome(message)
    elif revisions.was_cut_off(message):
        st.caption(":material/content_cut: The answer reached the limit of its length.")
    if named:
        st.caption(footer(message))


def thoughts(generation: GenerationInfo | None) -> str:
    """What stands over folded reasoning: how long it took, where that is known."""
    spent_s = generation.reasoning_s if generation else None
    return "Thoughts" if spent_s is None else f"Thought for {words.duration(max(spent_s, 0.1))}"


def show_pieces(message: MessageInfo, calls: Sequence[CallRecord]) -> None:
    """Draws an answer with its tool calls where they were made."""
    if len(message.content) > LONGEST:
        for call in calls:
            tool_calls.show_call(call)
        show_text(message)
        return
    for piece in pieces(message.content, calls):
        if piece.text.strip():
            st.markdown(show(piece.text.strip("\n")))
        for call in piece.calls:
            tool_calls.show_call(call)


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
        parts.append(f"first word after {words.time_taken(generation.time_to_first_chunk_s)}")
    return parts


# --- the answer that is being written ----------------------------------------------------------------------------


def show_running(message: MessageInfo, *, named: bool = True) -> Pending | None:
    """Shows an answer as it grows: the browser follows it. Where it cannot, keeps a place for `follow_here`."""
    if not st.session_state.get(FALLBACK):
        live_answer(message.id, named=named, on_done=lambda: None, on_unavailable=_unavailable)
        return None
    place = st.container()
    st.button("Stop", icon=":material/stop:", key=f"thread.stop.{message.id}", on_click=_stop, args=(message.id,))
    return Pending(message.id, place, named)


def _unavailable() -> None:
    st.session_state[FALLBACK] = True


def follow_here(core: Core, viewer: Viewer, pending: Pending) -> None:
    """Follows an answer from the script, which must have drawn everything else: it ends with a rerun when the answer has ended.

    Finished blocks are drawn once, only the growing one again, at most 15 times a second.
    """
    with pending.place:
        finished, growing, questions = st.container(), st.empty(), st.empty()
    growing.caption("Waiting for the model…")
    text, drawn = "", 0
    for number, update in enumerate(paced(core.runner.follow_sync(viewer, pending.message_id, Offset()))):
        if update.calls is not None:
            with questions.container():
                tool_calls.show_questions(pending.message_id, update.calls, number)
        text += update.text
        parts = blocks(text)
        for part in parts[drawn:-1]:
            finished.markdown(show(part))
        drawn = max(drawn, len(parts) - 1)
        if parts:
            growing.markdown(show(parts[-1]))
        elif update.reasoning_s is not None:
            growing.caption(f"Thinking… {words.duration(update.reasoning_s)}")
        elif update.progress and pending.named:
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
        if update.state is State.RUNNING and time.monotonic() < due_s and not update.progress and update.calls is None:
            continue
        due_s = time.monotonic() + 1 / PAINTS_PER_S
        yield Update(text, "", update.state, update.next, update.progress, update.error, update.hint, update.reasoning_s, update.calls)
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
