"""The prompts that wait in a chat, under its last message: each can be changed, removed or sent now."""

import uuid
from collections.abc import Sequence

import streamlit as st

from chatcore.core import Core
from chatcore.errors import NotFound
from chatcore.parts import Viewer
from chatcore.queue import running_in, send_queued
from chatcore.queued import Queued, change_queued, list_queued, remove_queued
from ui import app, window, words

EDITING, TEXT = "queue.editing", "queue.text"
# While something waits: what comes next is sent by the server, and nobody tells the page.
LOOK_S = 1.0
SHOWN = 400


def show_queue(core: Core, viewer: Viewer, chat_id: uuid.UUID, waiting: Sequence[Queued]) -> None:
    """Draws what waits; nothing where nothing does. `waiting` was read before the messages: what was sent between the two looks is
    still on it, and found out a moment later."""
    if waiting:
        _queue(chat_id, tuple(queued.id for queued in waiting), running_in(core.db, viewer, chat_id))


@st.fragment(run_every=LOOK_S)
def _queue(chat_id: uuid.UUID, ids: tuple[int, ...], answer_id: int | None) -> None:
    with app.calm():
        core, viewer = app.core(), app.viewer()
        try:
            waiting = list_queued(core.db, viewer, chat_id)
        except NotFound:
            waiting = ()
        if tuple(queued.id for queued in waiting) != ids or running_in(core.db, viewer, chat_id) != answer_id:
            # One of them was sent, or the answer has ended: the page has more to show than this.
            st.rerun()
        with st.container(key="queue", gap="xsmall"):
            app.show_kept_error("queue")
            st.caption(headline(len(waiting), running=answer_id is not None))
            for queued in waiting:
                with st.container(key=f"queued-{queued.id}", gap="xxsmall"):
                    if st.session_state.get(EDITING) == queued.id:
                        show_editor(queued)
                    else:
                        show_queued(queued, running=answer_id is not None)


def headline(number: int, *, running: bool) -> str:
    """What happens with those that wait."""
    what = "This prompt waits" if number == 1 else f"{number} prompts wait"
    if running:
        return f":material/schedule: {what}: sent when the answer is there, also if you close this page."
    return f":material/pause_circle: {what} for you: the answer before did not come to its end. Send what should go on."


def show_queued(queued: Queued, *, running: bool) -> None:
    """One that waits, with what can be done with it."""
    with st.chat_message("user"):
        if queued.text:
            st.markdown(words.plain(words.shortened(queued.text, SHOWN)))
        if queued.files:
            st.caption(
                ":material/attach_file: " + " · ".join(f"{words.plain(file.name)} ({words.size(file.size_bytes)})" for file in queued.files)
            )
    with st.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
        st.button("Send now", icon=":material/send:", key=f"queue.send.{queued.id}", type="tertiary", on_click=_send, args=(queued,),
                  help="Stops the running answer and sends this" if running else "Sends this")  # fmt: skip
        st.button("Edit", icon=":material/edit:", key=f"queue.edit.{queued.id}", type="tertiary", on_click=_edit, args=(queued,))
        st.button("Remove", icon=":material/delete:", key=f"queue.remove.{queued.id}", type="tertiary", on_click=_remove, args=(queued,))


def show_editor(queued: Queued) -> None:
    """Its text in a field."""
    st.text_area("The prompt that waits", key=TEXT, height="content")
    with st.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
        st.button("Cancel", key="queue.cancel", type="tertiary", on_click=_edit, args=(None,))
        st.button("Save", key="queue.save", type="primary", on_click=_save, args=(queued,))


def _edit(queued: Queued | None) -> None:
    st.session_state[EDITING] = queued.id if queued else None
    if queued:
        st.session_state[TEXT] = queued.text


def _save(queued: Queued) -> None:
    with app.calm_callback():
        change_queued(app.core().db, app.viewer(), queued.id, text=str(st.session_state.get(TEXT) or ""))
        st.session_state[EDITING] = None


def _remove(queued: Queued) -> None:
    with app.calm_callback():
        remove_queued(app.core().db, app.viewer(), queued.id)


def _send(queued: Queued) -> None:
    with app.calm_callback():
        send_queued(app.core().runner, app.viewer(), queued.id, now=app.now())
        window.to_end(queued.chat_id)
