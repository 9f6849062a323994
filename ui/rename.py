"""The name of a chat: the button and the dialog that change it, with a suggestion by a model for who wants one."""

import uuid
from collections.abc import Callable

import streamlit as st

from chatcore import history
from chatcore.errors import ChatcoreError
from chatcore.parts import ChatInfo
from chatcore.texts import TITLE_CHARACTERS
from chatcore.titles import suggest_title
from ui import app

TITLE, SUGGEST = "rename.title", "rename.suggest"


def show_button(chat: ChatInfo) -> None:
    """The button over a chat."""
    if st.button("Rename", icon=":material/edit:", key="rename.button", type="tertiary", help="Give this chat another name"):
        show_dialog(chat.id, chat.title)


# A rerun when it is dismissed, so that what was typed is not there when it is opened again.
@st.dialog("Rename chat", on_dismiss="rerun")
def show_dialog(chat_id: uuid.UUID, title: str, on_done: Callable[[str], None] | None = None) -> None:
    """The field, and a button that has a model fill it. `on_done` hears the new title."""
    with app.calm():
        if TITLE not in st.session_state:
            st.session_state[TITLE] = title
        # Before the field is drawn: then it can still be filled.
        if st.session_state.get(SUGGEST):
            suggest(chat_id)
        with st.form("rename.form", border=False):
            st.text_input("Title", key=TITLE, max_chars=TITLE_CHARACTERS)
            with st.container(horizontal=True, vertical_alignment="center"):
                # First, because Enter presses the first button of a form.
                saved = st.form_submit_button("Save", key="rename.save", type="primary", on_click=_save, args=(chat_id, on_done))
                st.form_submit_button(
                    "Suggest a title", key=SUGGEST, icon=":material/lightbulb:", type="tertiary",
                    help="Asks the model for a title of this chat as it is now. Nothing changes until you save.",
                )  # fmt: skip
        if "app.error" in st.session_state:
            app.show_kept_error()
        elif saved:
            st.rerun()


def suggest(chat_id: uuid.UUID) -> None:
    """Has a model fill the field; what was in it stays where none can."""
    core, viewer = app.core(), app.viewer()
    try:
        with st.spinner("Asking the model for a title …"):
            st.session_state[TITLE] = suggest_title(core.runner, viewer, chat_id)
    except ChatcoreError as error:
        app.show_error(error)


def _save(chat_id: uuid.UUID, on_done: Callable[[str], None] | None) -> None:
    with app.calm_callback():
        chat = history.rename_chat(app.core().db, app.viewer(), chat_id, title=st.session_state[TITLE])
        if on_done:
            on_done(chat.title)
