"""Folders on the page: the field that chooses one, and the dialog in which they are made, renamed, moved and deleted."""

from collections.abc import Callable, Collection

import streamlit as st

from chatcore.organise.folders import LONGEST_FOLDER, NO_FOLDER, FolderInfo, change_folder, delete_folder, make_folder
from ui import app, data, words
from ui.sessions import bulk
from ui.sessions.actions import Done

# In the place of a folder: chats in any or none. A field takes None for nothing chosen yet.
EVERY_FOLDER = -1
TOP = "No folder, at the top"


def known() -> dict[int, FolderInfo]:
    """The viewer's folders in the order of the tree, by id."""
    return {folder.id: folder for folder in data.folders(app.core().db, app.viewer())}


def written(folder: FolderInfo) -> str:
    """A folder as people read it: Work / Plans."""
    return folder.path.replace("/", " / ")


def choose(label: str, *, key: str, none: str, but: Collection[int] = ()) -> None:
    """A field to choose a folder from the tree, or NO_FOLDER, called `none`; typing finds one by its path."""
    found = {folder_id: folder for folder_id, folder in known().items() if folder_id not in but}
    if st.session_state.get(key) not in found:
        st.session_state[key] = NO_FOLDER  # also for a folder that has gone since it was chosen
    st.selectbox(label, [NO_FOLDER, *found], format_func=lambda chosen: written(found[chosen]) if chosen in found else none, key=key)


def show_filter(key: str, on_change: Callable[[], None]) -> None:
    """The field that narrows the list to a folder, with what is in it counted; nothing for who has no folder."""
    found = known()
    if not found and st.session_state[key] == EVERY_FOLDER:
        return

    def said(folder_id: int) -> str:
        if folder_id in found:
            return f"{written(found[folder_id])} ({words.count(found[folder_id].chats)})"
        return "In no folder" if folder_id == NO_FOLDER else "All folders"

    options = [EVERY_FOLDER, *found, NO_FOLDER]
    st.selectbox("Folder", options, format_func=said, key=key, label_visibility="collapsed", width=190, on_change=on_change)


# --- the dialog --------------------------------------------------------------------------------------------------


@st.dialog("Folders", on_dismiss="rerun")
def show_dialog() -> None:
    """Makes, renames, moves and deletes folders; what was done is said in it, and shown on the page when it closes."""
    bulk.show_outcome()
    new, other = st.tabs(["New folder", "Change a folder"])
    with new, st.form("sessions.folder_new", border=False):
        st.text_input("Name", key="sessions.folder_name", max_chars=LONGEST_FOLDER)
        choose("In", key="sessions.folder_in", none=TOP)
        st.form_submit_button("Make the folder", type="primary", on_click=make)
    with other:
        found = known()
        if not found:
            st.caption("There are no folders yet.")
            return
        if st.session_state.get("sessions.folder_chosen") not in found:
            st.session_state["sessions.folder_chosen"] = next(iter(found))
        chosen = st.selectbox("Folder", list(found), format_func=lambda chosen: written(found[chosen]), key="sessions.folder_chosen")
        show_change(found[chosen])


def show_change(folder: FolderInfo) -> None:
    """Name and place of one folder, and how to delete it."""
    inside = {folder.id}
    for other in known().values():
        if other.parent_id in inside:
            inside.add(other.id)
    name, place = f"sessions.folder_name.{folder.id}", f"sessions.folder_in.{folder.id}"
    st.session_state.setdefault(name, folder.name)
    st.session_state.setdefault(place, folder.parent_id or NO_FOLDER)
    with st.form(f"sessions.folder_change.{folder.id}", border=False):
        st.text_input("Name", key=name, max_chars=LONGEST_FOLDER)
        choose("In", key=place, none=TOP, but=inside)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.form_submit_button("Save", type="primary", on_click=change, args=(folder.id,))
            st.form_submit_button("Delete the folder", icon=":material/delete:", type="tertiary", on_click=delete, args=(folder.id,))
    st.caption(
        f"{words.plural(folder.chats, 'chat')} in it. With the folder no chat is deleted: they move up, and so do the folders in it."
    )


def make() -> None:
    state = st.session_state
    with app.calm_callback():
        parent_id = state["sessions.folder_in"] or None
        folder = make_folder(app.core().db, app.viewer(), name=state["sessions.folder_name"], parent_id=parent_id)
        state["sessions.folder_name"] = ""
        bulk.tell(Done(f"Folder “{folder.path}” made."))


def change(folder_id: int) -> None:
    name, place = f"sessions.folder_name.{folder_id}", f"sessions.folder_in.{folder_id}"
    with app.calm_callback():
        folder = change_folder(app.core().db, app.viewer(), folder_id, name=st.session_state[name], parent_id=st.session_state[place])
        st.session_state[name] = folder.name
        bulk.tell(Done(f"The folder is now “{folder.path}”."))


def delete(folder_id: int) -> None:
    with app.calm_callback():
        delete_folder(app.core().db, app.viewer(), folder_id)
        bulk.tell(Done("The folder is deleted; what was in it moved up."))
