"""What asks before a backup is restored or deleted, and says what would happen."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from chatcore.backup import service
from chatcore.backup.folder import Backup, Made
from chatcore.migrations.run import HEAD
from ui import app, words

# What is asked about: what to do, and the name of the backup.
ASKED = "settings.asked"
WORD = "restore"


def show(backups: Sequence[Backup]) -> None:
    """Opens the dialog that was asked for."""
    what, name = st.session_state.get(ASKED, ("", ""))
    backup = next((backup for backup in backups if backup.name == name), None)
    if backup is not None:
        (restore if what == "restore" else delete)(backup)


def moment(when: datetime) -> str:
    """A time where the viewer is, with its day, as it stands in a sentence: today 14:05, yesterday 14:05, 3 Mar 14:05."""
    told = words.moment(when, now=app.now(), zone=app.time_zone())
    return f"today {told}" if len(told) == len("14:05") else words.within(told)


def forget() -> None:
    """The dialog was closed."""
    st.session_state.pop(ASKED, None)


@st.dialog("Restore this backup?", on_dismiss=forget)
def restore(backup: Backup) -> None:
    """Says what the next start would do, and wants it confirmed in writing."""
    when = words.plain(moment(backup.made_at))
    which, missing = f"The backup of **{when}**", "was written since then"
    if backup.made is Made.ELSEWHERE:
        which, missing = "This backup **from elsewhere**", "is here now"
    st.markdown(
        f"{which} takes the place of the database.{holds(backup)} What {missing} is not in it.\n\n"
        "A database in use cannot be exchanged, so this happens at the next start:\n"
        "1. You restart chatcore. With several servers on one PostgreSQL, stop them all and start one.\n"
        "2. The backup is checked. If anything is wrong with it, nothing is changed and the app starts as it is.\n"
        f"3. {kept()}\n"
        "4. The backup is put in its place, and brought to the newest schema if it is older.\n\n"
        "Until you restart, nothing changes, and you can take this back."
    )
    typed = st.text_input(f'Write "{WORD}" to go on', key="settings.word")
    with st.container(horizontal=True):
        done = st.button(
            "Restore at the next start", type="primary", key="settings.restore.yes", disabled=typed.strip().lower() != WORD,
            on_click=plan, args=(backup.name,),
        )  # fmt: skip
        if done or st.button("Leave it", key="settings.restore.no", on_click=forget):
            st.rerun()


def holds(backup: Backup) -> str:
    """What is in a backup, in sentences; nothing where that is not known."""
    held = backup.manifest
    if held is None:
        return ""
    told = [(held.rows("users"), "person", "people"), (held.chats, "chat", "chats"), (held.messages, "message", "messages")]
    files = held.rows("attachment")
    parts = [words.plural(*one) for one in ([*told, (files, "file", "files")] if files else told)]
    older = "" if held.revision == HEAD else f" Its schema is {held.revision}, of an older chatcore; yours has {HEAD}."
    return f" It holds {', '.join(parts[:-1])} and {parts[-1]}.{older}"


def kept() -> str:
    """What becomes of the database there is."""
    if app.core().db.is_sqlite:
        return f"The database of now is kept beside it, as `{app.core().db.label}.before-restore-` and the time."
    return "Of the database of now a backup is made first, and listed here."


def plan(name: str) -> None:
    """Notes the wish."""
    forget()
    with app.calm_callback():
        service.plan_restore(app.core().settings, app.viewer(), name, now=app.now())


@st.dialog("Delete this backup?", on_dismiss=forget)
def delete(backup: Backup) -> None:
    """Says that there is no way back."""
    when = words.plain(moment(backup.made_at))
    st.markdown(
        f"The backup of **{when}** is deleted from the disk of the server; {words.size(backup.size_bytes)} become free. Your chats stay."
    )
    with st.container(horizontal=True):
        done = st.button(
            "Delete", type="primary", icon=":material/delete:", key="settings.delete.yes", on_click=remove, args=(backup.name,)
        )
        if done or st.button("Keep it", key="settings.delete.no", on_click=forget):
            st.rerun()


def remove(name: str) -> None:
    """Deletes it."""
    forget()
    with app.calm_callback():
        service.delete_backup(app.core().settings, app.viewer(), name)
