"""Tags on the page: the dialog in which they are renamed, joined and deleted."""

import streamlit as st

from chatcore.organise.tags import LONGEST_TAG, TagInfo, delete_tag, rename_tag
from ui import app, data, words
from ui.sessions import bulk
from ui.sessions.actions import Done


@st.dialog("Tags", on_dismiss="rerun")
def show_dialog() -> None:
    """Renames and deletes tags; what was done is said in it, and shown on the page when it closes."""
    bulk.show_outcome()
    found = {tag.id: tag for tag in data.tags(app.core().db, app.viewer())}
    if not found:
        st.caption("There are no tags yet. Tick chats and press “Tag …” to make one.")
        return
    if st.session_state.get("sessions.tag_chosen") not in found:
        st.session_state["sessions.tag_chosen"] = next(iter(found))
    chosen = st.selectbox("Tag", list(found), format_func=lambda chosen: found[chosen].name, key="sessions.tag_chosen")
    show_change(found[chosen])


def show_change(tag: TagInfo) -> None:
    """The name of one tag, and how to delete it."""
    key = f"sessions.tag_name.{tag.id}"
    st.session_state.setdefault(key, tag.name)
    chats = words.plural(tag.chats, "chat")
    with st.form(f"sessions.tag_change.{tag.id}", border=False):
        st.text_input("Name", key=key, max_chars=LONGEST_TAG, help="Under the name of another tag the two become one.")
        st.form_submit_button("Save", type="primary", on_click=rename, args=(tag.id,))
    sure = st.checkbox(f"Take it off {chats} for ever", key=f"sessions.tag_sure.{tag.id}")
    st.button("Delete the tag", icon=":material/delete:", key="sessions.tag_delete", disabled=not sure, on_click=delete, args=(tag,))


def rename(tag_id: int) -> None:
    key = f"sessions.tag_name.{tag_id}"
    with app.calm_callback():
        tag = rename_tag(app.core().db, app.viewer(), tag_id, name=st.session_state[key])
        st.session_state[f"sessions.tag_name.{tag.id}"] = tag.name
        st.session_state["sessions.tag_chosen"] = tag.id
        bulk.tell(Done(f"{words.plural(tag.chats, 'chat')} now tagged “{tag.name}”."))


def delete(tag: TagInfo) -> None:
    with app.calm_callback():
        delete_tag(app.core().db, app.viewer(), tag.id)
        bulk.tell(Done(f"The tag “{tag.name}” is deleted."))
