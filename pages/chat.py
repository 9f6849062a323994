"""Chat with a model. The URL names the chat (?c=), the message it opens at (&m=) and what is looked for in it (&q=); the answer is
written by the Runner, not by this script."""

from collections.abc import Sequence

import streamlit as st

from chatcore.core import Core
from chatcore.errors import NotFound
from chatcore.parts import Thread
from chatcore.queued import Queued, list_queued
from ui import app, chat_head, comparison, composer, connect, find, queue, sidebar, temporary, temporary_thread, thread, words
from ui.drafts import keep_drafts

# What the button says, and what it sends.
SUGGESTIONS = (
    ("Explain a hard idea simply", "Explain a hard idea from physics in simple words, with an example."),
    ("Write a friendly e-mail", "Help me write a short, friendly e-mail. Ask me first what it is about."),
    ("Plan a weekend", "Plan a weekend trip with me. Ask me three questions first."),
    ("Review some code", "I will paste a piece of code. Review it: what is wrong, what is unclear, what would you change?"),
)
GUIDE_SUGGESTIONS = (
    ("How do I connect Ollama?", "How do I connect Ollama?"),
    ("Where is my data?", "Where is my data?"),
    ("How do I find a chat?", "How do I find a chat?"),
    ("Show me an answer", "/stream 400 60"),
)


def main() -> None:
    core, viewer = app.core(), app.viewer()
    wanted = app.current_chat_id()
    opened: Thread | None = None
    waiting: Sequence[Queued] = ()
    pending: thread.Pending | None = None
    if wanted is not None:
        try:
            chat_id = app.as_chat_id(wanted)
            waiting = list_queued(core.db, viewer, chat_id)
            opened = thread.open_window(core, viewer, chat_id)
        except NotFound:
            app.forget_chat()
            show_not_found()
            sidebar.show_chats(None)
            return
    unsaved = temporary.opened() if opened is None else None
    if unsaved is not None:
        app.forget_chat()
        pending = temporary_thread.show_chat(unsaved)
        composer.show_composer(core, viewer, None, temporary_thread.last_used(unsaved))
    elif opened is None:
        app.forget_chat()
        start = st.container(key="start")
        choice = composer.show_composer(core, viewer, None)
        with start:
            show_start(core, on_guide=choice[0] == "guide")
    else:
        app.remember_chat()
        st.set_page_config(page_title=f"{words.shortened(opened.chat.title, 60)} · chatcore")
        found = find.found(core, viewer, opened.chat.id, st.query_params.get(app.FIND_PARAM), app.current_message_id())
        chat_head.show_head(core, viewer, opened, found)
        pairs = comparison.pairs_of(core, viewer, opened)
        pending = thread.show_thread(opened, found, pairs)
        queue.show_queue(core, viewer, opened.chat.id, waiting)
        compared = comparison.last_asked(opened, pairs)
        used, rival = compared or (thread.last_used(core, viewer, opened), None)
        composer.show_composer(core, viewer, opened, used, rival)
    keep_drafts(viewer.user_id, None if unsaved else str(opened.chat.id) if opened else "new")
    sidebar.show_chats(opened.chat.id if opened else None, opened.chat.title if opened else None)
    if pending:
        thread.follow_here(core, viewer, pending)


def show_start(core: Core, *, on_guide: bool) -> None:
    """The page before the first prompt."""
    st.title("What would you like to know?", anchor=False, text_alignment="center")
    composer.show_suggestions(None, GUIDE_SUGGESTIONS if on_guide else SUGGESTIONS)
    temporary.show_button()
    if connect.needed(core):
        connect.show_panel()


def show_not_found() -> None:
    """What is said for a chat that is not there, or not the viewer's."""
    with st.container(key="not_found", horizontal_alignment="center"):
        st.space("large")
        st.title("This chat is not here", anchor=False, text_alignment="center")
        st.markdown("It may have been deleted, or the link belongs to somebody else.", text_alignment="center")
        with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center"):
            st.button(
                "Start a new chat", icon=":material/edit_square:", type="primary", key="chat.new", on_click=app.show_chat, args=(None,)
            )
            st.page_link(app.SESSIONS_PAGE, label="Look through all chats", icon=":material/search:")


main()
