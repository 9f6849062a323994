"""The imports so far, each of which can be taken back."""

import streamlit as st

from chatcore.formats import FORMATS
from chatcore.importing import RunInfo, list_imports, undo_import
from ui import app, words

DONE = "imports.undone"
STATES = {
    "running": "going on", "interrupted": "interrupted: drop the file again to go on", "stopped": "stopped: drop the file again to go on",
    "failed": "failed", "complete": "", "undone": "taken back",
}  # fmt: skip


def show() -> None:
    """The list, the newest first; nothing where nothing was imported yet."""
    if done := st.session_state.pop(DONE, None):
        st.success(words.plain(done), icon=":material/undo:")
    runs = list_imports(app.core().db, app.viewer())
    if not runs:
        return
    st.subheader("Your imports", anchor=False)
    labels = {known.name: known.label for known in FORMATS}
    for run in runs:
        show_run(run, labels.get(run.format, run.format))


def show_run(run: RunInfo, label: str) -> None:
    """One import."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        when = run.started_at.astimezone(app.time_zone())
        here = "" if run.state == "undone" and not run.chats else words.plural(run.chats, "chat") + " here"
        facts = [label, f"{when.day} {when:%B %Y, %H:%M}", here, STATES[run.state]]
        name, rest = words.plain(words.shortened(run.file_name, 60)), words.plain(" · ".join(filter(None, facts)))
        st.markdown(f"**{name}**  \n:small[{rest}]", width="stretch")
        may_undo = run.state not in ("running", "undone")
        if may_undo and st.button("Undo …", icon=":material/undo:", key=f"imports.undo.{run.id}", type="tertiary"):
            confirm(run)


@st.dialog("Take this import back?")
def confirm(run: RunInfo) -> None:
    """Says what would happen before it happens."""
    st.markdown(
        f"{words.plural(run.chats, 'chat')} that came with **{words.plain(run.file_name)}** will be deleted for good, with their usage. "
        "Chats in which you went on writing stay. The same file can be imported again."
    )
    with st.container(horizontal=True):
        taken = st.button("Take it back", type="primary", key="imports.undo.yes", on_click=take_back, args=(run.id,))
        if taken or st.button("Keep it", key="imports.undo.no"):
            st.rerun()


def take_back(run_id: int) -> None:
    """Undoes an import, and has it said what that took away."""
    with app.calm_callback():
        undone = undo_import(app.core().db, app.viewer(), run_id, now=app.now())
        kept = f" {words.plural(undone.kept_chats, 'chat')} stayed, since you went on writing there." if undone.kept_chats else ""
        took = f"{words.plural(undone.chats, 'chat')} and {words.plural(undone.messages, 'message')}"
        st.session_state[DONE] = f"Took away {took}.{kept}"
