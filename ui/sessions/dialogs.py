"""What asks first."""

import uuid
from collections.abc import Sequence

import streamlit as st

from chatcore import history
from chatcore.organise.folders import LONGEST_FOLDER, make_folder
from chatcore.organise.tags import list_tags, tags_of
from ui import app, rename, words
from ui.sessions import actions, bulk, folders, tags, views
from ui.sessions.actions import Done


def show() -> None:
    """Opens the dialog that was asked for; it lives on by itself from then on."""
    verb, chat_ids = st.session_state.pop(bulk.DIALOG, (None, ()))
    match verb:
        case "rename":
            chat = history.get_chat(app.core().db, app.viewer(), chat_ids[0])
            rename.show_dialog(chat.id, chat.title, on_done=lambda title: bulk.tell(Done(f"Renamed to “{title}”.")))
        case "purge":
            purge_dialog(chat_ids)
        case "empty":
            empty_dialog()
        case "tag":
            tag_dialog(chat_ids)
        case "move":
            move_dialog(chat_ids)
        case "save":
            views.show_save_dialog()
        case "views":
            views.show_dialog()
        case "folders":
            folders.show_dialog()
        case "tags":
            tags.show_dialog()


@st.dialog("Delete for ever?")
def purge_dialog(chat_ids: Sequence[uuid.UUID]) -> None:
    st.markdown(f"{words.plural(len(chat_ids), 'chat')} with all messages will be gone. Nobody can bring them back.")
    ask_usage()
    bulk.close(
        st.button(
            "Delete for ever", key="sessions.purge", type="primary", icon=":material/delete_forever:", on_click=purge, args=(chat_ids,)
        )
    )


@st.dialog("Empty the trash?")
def empty_dialog() -> None:
    st.markdown("Every chat in the trash will be gone, with all messages. Nobody can bring them back.")
    ask_usage()
    bulk.close(st.button("Empty the trash", key="sessions.purge_all", type="primary", icon=":material/delete_forever:", on_click=empty))


@st.dialog("Tags")
def tag_dialog(chat_ids: Sequence[uuid.UUID]) -> None:
    """Which tags to put on, which to take off."""
    db, viewer = app.core().db, app.viewer()
    known = [tag.name for tag in list_tags(db, viewer)]
    worn = {name for names in tags_of(db, viewer, chat_ids).values() for name in names}
    st.caption(f"For {words.plural(len(chat_ids), 'chat')}.")
    with st.form("sessions.tag", border=False):
        # Beside the field: the open list hides what is below, and it stays open for the next tag.
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.multiselect(
                "Put on",
                known,
                key="sessions.tags_on",
                placeholder="Choose, or write and press Enter",
                accept_new_options=True,
                select_all=False,
                max_selections=20,
            )
            saved = st.form_submit_button("Save", type="primary", on_click=tag, args=(chat_ids,))
        if worn:
            st.multiselect("Take off", [name for name in known if name in worn], key="sessions.tags_off", placeholder="Choose tags")
    bulk.close(saved)


@st.dialog("Move to a folder")
def move_dialog(chat_ids: Sequence[uuid.UUID]) -> None:
    """Which folder, or a new one in it."""
    st.caption(f"For {words.plural(len(chat_ids), 'chat')}.")
    with st.form("sessions.move", border=False):
        folders.choose("Folder", key="sessions.move_to", none="No folder")
        st.text_input(
            "New folder in it", key="sessions.move_new", max_chars=LONGEST_FOLDER, placeholder="Leave empty for the folder itself"
        )
        saved = st.form_submit_button("Move", type="primary", on_click=move, args=(chat_ids,))
    bulk.close(saved)


def ask_usage() -> None:
    st.checkbox("Forget the usage numbers too", key="sessions.forget", help="The analytics page then counts these answers no more.")


def tag(chat_ids: Sequence[uuid.UUID]) -> None:
    add, remove = (list(st.session_state.get(key, ())) for key in ("sessions.tags_on", "sessions.tags_off"))
    with app.calm_callback():
        bulk.tell(actions.tag(app.core().db, app.viewer(), chat_ids, add=add, remove=remove))


def move(chat_ids: Sequence[uuid.UUID]) -> None:
    folder_id: int | None = st.session_state["sessions.move_to"] or None
    name = str(st.session_state.get("sessions.move_new") or "").strip()
    with app.calm_callback():
        db, viewer = app.core().db, app.viewer()
        if name:
            folder_id = make_folder(db, viewer, name=name, parent_id=folder_id).id
        bulk.tell(actions.move(db, viewer, chat_ids, folder_id=folder_id))


def purge(chat_ids: Sequence[uuid.UUID]) -> None:
    with app.calm_callback():
        db, viewer = app.core().db, app.viewer()
        # The trash may have been emptied while it was asked.
        left = actions.there(db, viewer, chat_ids)
        number = history.purge_chats(db, viewer, left, forget_usage=bool(st.session_state.get("sessions.forget")))
        bulk.tell(Done(f"{words.plural(number, 'chat')} deleted for ever."))


def empty() -> None:
    with app.calm_callback():
        number = actions.empty_trash(app.core().db, app.viewer(), forget_usage=bool(st.session_state.get("sessions.forget")))
        bulk.tell(Done(f"{words.plural(number, 'chat')} deleted for ever."))
