"""What asks first."""

import uuid
from collections.abc import Sequence

import streamlit as st

from chatcore import history
from ui import app, words
from ui.sessions import actions, bulk
from ui.sessions.actions import Done


def show() -> None:
    """Opens the dialog that was asked for; it lives on by itself from then on."""
    verb, chat_ids = st.session_state.pop(bulk.DIALOG, (None, ()))
    match verb:
        case "rename":
            chat = history.get_chat(app.core().db, app.viewer(), chat_ids[0])
            rename_dialog(chat.id, chat.title)
        case "purge":
            purge_dialog(chat_ids)
        case "empty":
            empty_dialog()


@st.dialog("Rename chat")
def rename_dialog(chat_id: uuid.UUID, title: str) -> None:
    with st.form("sessions.rename", border=False):
        st.text_input("Title", value=title, key="sessions.title", max_chars=200)
        saved = st.form_submit_button("Save", type="primary", on_click=rename, args=(chat_id,))
    close(saved)


@st.dialog("Delete for ever?")
def purge_dialog(chat_ids: Sequence[uuid.UUID]) -> None:
    st.markdown(f"{words.plural(len(chat_ids), 'chat')} with all messages will be gone. Nobody can bring them back.")
    ask_usage()
    close(
        st.button(
            "Delete for ever", key="sessions.purge", type="primary", icon=":material/delete_forever:", on_click=purge, args=(chat_ids,)
        )
    )


@st.dialog("Empty the trash?")
def empty_dialog() -> None:
    st.markdown("Every chat in the trash will be gone, with all messages. Nobody can bring them back.")
    ask_usage()
    close(st.button("Empty the trash", key="sessions.purge_all", type="primary", icon=":material/delete_forever:", on_click=empty))


def ask_usage() -> None:
    st.checkbox("Forget the usage numbers too", key="sessions.forget", help="The analytics page then counts these answers no more.")


def close(confirmed: bool) -> None:
    """Closes the dialog if what was confirmed went well, else says in it what went wrong."""
    if "app.error" in st.session_state:
        app.show_kept_error()
    elif confirmed:
        st.rerun()


def rename(chat_id: uuid.UUID) -> None:
    with app.calm_callback():
        chat = history.rename_chat(app.core().db, app.viewer(), chat_id, title=st.session_state["sessions.title"])
        bulk.tell(Done(f"Renamed to “{chat.title}”."))


def purge(chat_ids: Sequence[uuid.UUID]) -> None:
    with app.calm_callback():
        number = history.purge_chats(app.core().db, app.viewer(), chat_ids, forget_usage=bool(st.session_state.get("sessions.forget")))
        bulk.tell(Done(f"{words.plural(number, 'chat')} deleted for ever."))


def empty() -> None:
    with app.calm_callback():
        number = actions.empty_trash(app.core().db, app.viewer(), forget_usage=bool(st.session_state.get("sessions.forget")))
        bulk.tell(Done(f"{words.plural(number, 'chat')} deleted for ever."))
