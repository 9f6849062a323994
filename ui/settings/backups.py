"""Backups: those that are there, one more with a click, and what a restore would do before it does it."""

import streamlit as st

from chatcore.backup import service
from chatcore.backup.folder import Backup, Made, Note
from chatcore.backup.jobs import Job
from ui import app, jobs, words
from ui.settings import dialogs

WHY = {
    Made.BY_HAND: "made by hand",
    Made.AUTOMATIC: "automatic",
    Made.BEFORE_RESTORE: "made before a restore",
    Made.ELSEWHERE: "from elsewhere",
}
DROPPED = "settings.dropped"
# More are in the folder, and on the command line.
SHOWN = 30


def show() -> None:
    """The whole part. Raises Denied for who does not own the installation."""
    # Before anything is read: nobody else learns that there are backups.
    standing = service.survey(app.core().settings, app.viewer())
    app.show_kept_error()
    st.subheader("Backups", anchor=False)
    show_how()
    show_failure(standing.failure)
    show_outcome(standing.outcome)
    if standing.planned is not None:
        show_planned(standing.planned)
    if standing.job is not None and not standing.job.ended.is_set():
        jobs.watch(current, page="settings", title=lambda job: job.title, how_far=progress_text, note=", and everybody may go on chatting.")
    else:
        show_end(standing.job)
        st.button("Back up now", icon=":material/save:", type="primary", key="settings.backup", on_click=begin)
        show_place()
    show_list(standing.backups)
    show_moving()


def show_how() -> None:
    """What a backup is, and whether any is made without a click."""
    settings = app.core().settings
    st.markdown(
        "A backup holds everything of everybody on this installation: chats, files, usage, settings. It is made while the app is in use, "
        "and read again before it counts as one."
    )
    where = f"They are in `{settings.backups_at}`, on this server: copy them elsewhere now and then, since a broken disk takes both."
    if settings.backup_every_s:
        every, kept = words.interval(settings.backup_every_s), words.plural(settings.backup_keep, "automatic one")
        st.markdown(
            f"**Automatic: {every}.** The newest {kept} stay, older ones are deleted; those made by hand stay until you delete them. "
            f"{where}"
        )
    else:
        st.markdown(
            f"**Automatic backups are off.** To have one every day and keep a week of them, start chatcore with "
            f"`CHATCORE_BACKUP_EVERY=1d` and `CHATCORE_BACKUP_KEEP=7`. {where}"
        )


# --- what happened -----------------------------------------------------------------------------------------------


def show_failure(failure: Note | None) -> None:
    """An automatic backup that failed stays on the page until one succeeds."""
    if failure is not None:
        st.error(f"**The automatic backup of {dialogs.moment(failure.at)} failed.**  \n{said(failure)}", icon=":material/error:")


def show_outcome(outcome: Note | None) -> None:
    """How the restore at the last start ended, until it was read."""
    if outcome is None:
        return
    if outcome.succeeded:
        st.success(f"**{words.plain(outcome.message)}**  \n{words.plain(outcome.hint)}", icon=":material/check_circle:")
    else:
        st.error(f"**The restore at the last start was not done.**  \n{said(outcome)}", icon=":material/error:")
    st.button("I have read this", key="settings.read", on_click=put_away)


def said(note: Note) -> str:
    return words.with_code(f"{note.message} {note.hint}".strip())


def show_planned(backup: Backup) -> None:
    """A restore that waits for the next start."""
    st.warning(
        f"**The next start restores the backup of {dialogs.moment(backup.made_at)}.**  \n"
        "Until then the app goes on as it is. Restart it now: what is written from here on stays in the database that is put aside.",
        icon=":material/restart_alt:",
    )
    st.button("Cancel the restore", key="settings.cancel", on_click=cancel)


def current() -> Job | None:
    """The job that runs, or has ended last."""
    return service.survey(app.core().settings, app.viewer()).job


def progress_text(job: Job) -> str:
    """The stage, and how much of it is done where that is known."""
    if not job.stage:
        return "Beginning …"
    return f"{job.stage} · {job.share:.0%}" if job.total else f"{job.stage} …"


def show_end(job: Job | None) -> None:
    """How the last job ended."""
    if job is None:
        return
    jobs.show_failure(job, stopped="Nothing is left of it.")
    if job.message:
        st.success(words.plain(job.message), icon=":material/check_circle:")


# --- the list ----------------------------------------------------------------------------------------------------


def show_place() -> None:
    """Where a backup from elsewhere is dropped."""
    number = st.session_state.get(DROPPED, 0)
    with st.expander("Bring a backup from elsewhere"):
        dropped = st.file_uploader(
            "Drop a backup of chatcore here",
            type=["db", "sqlite", "sqlite3", "zip"],
            key=f"{DROPPED}.{number}",
            max_upload_size=service.LARGEST_BYTES // 1_000_000,
        )
        st.caption(
            "It is read whole and listed below with what is in it. Nothing is restored before you say so.  \n"
            "A larger one is restored on the server: `python -m chatcore restore FILE`"
        )
    if dropped is not None:
        # The place is empty again, whatever comes of the file.
        st.session_state[DROPPED] = number + 1
        with app.calm_callback():
            service.begin_taking_in(app.core().settings, app.viewer(), dropped.getbuffer(), file_name=dropped.name, now=app.now())
        st.rerun()


def show_list(backups: tuple[Backup, ...]) -> None:
    """The backups, the newest first."""
    if not backups:
        st.caption("There are no backups yet.")
        return
    for backup in backups[:SHOWN]:
        show_backup(backup)
    if len(backups) > SHOWN:
        st.caption(f"and {words.count(len(backups) - SHOWN)} older ones: python -m chatcore backups")
    dialogs.show(backups)


def show_backup(backup: Backup) -> None:
    """One backup: when, how large, what it holds, whether it was found whole, and what can be done with it."""
    with (
        st.container(border=True, key=f"settings_backup_{backup.name.partition('.')[0]}"),
        st.container(horizontal=True, vertical_alignment="center"),
    ):
        made = dialogs.moment(backup.made_at)
        st.markdown(f"**{made[:1].upper()}{made[1:]}**  \n:small[{words.plain(facts(backup))}]  \n{verified(backup)}", width="stretch")
        st.link_button("Download", address(backup), icon=":material/download:", type="tertiary")
        menu = [("Restore …", "restore"), ("Check again", "check"), ("Delete …", "delete")]
        for label, what in menu:
            st.button(label, key=f"settings.{what}.{backup.name}", type="tertiary", on_click=choose, args=(what, backup.name))


def facts(backup: Backup) -> str:
    """Size, what it holds, and why it was made."""
    held = backup.manifest
    told = [words.size(backup.size_bytes)]
    if held is not None:
        told += [words.plural(held.messages, "message"), words.plural(held.chats, "chat")]
    return " · ".join([*told, WHY[backup.made]])


def verified(backup: Backup) -> str:
    """Whether the backup was found whole, and when."""
    if backup.has_changed:
        return ":red-badge[:material/broken_image: Has changed since it was made]"
    if backup.verified_at is None:
        return ":orange-badge[:material/help: Not checked yet]"
    return f":green-badge[:material/verified: Found whole {words.plain(dialogs.moment(backup.verified_at))}]"


def address(backup: Backup) -> str:
    """Where the browser gets the file, without the pages holding it in memory."""
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{path}/api/v1/backups/{backup.name}" if path else f"/api/v1/backups/{backup.name}"


def show_moving() -> None:
    """Where the rest is."""
    with st.expander("Move to PostgreSQL, or to another machine"):
        st.markdown(
            "A whole database is copied to another address, of the same kind or the other, and compared row by row:\n\n"
            "```\npython -m chatcore copy --from sqlite:///data/chatcore.db --to postgresql://user:password@host:5432/name\n```\n\n"
            "Stop chatcore before, and start it afterwards with `DATABASE_URL` on the copy: what is written meanwhile is not in it. "
            "A backup that was downloaded is restored anywhere with `python -m chatcore restore FILE`."
        )


# --- what was clicked --------------------------------------------------------------------------------------------


def begin() -> None:
    """Begins a backup."""
    with app.calm_callback():
        service.begin_backup(app.core().settings, app.viewer(), now=app.now())


def choose(what: str, name: str) -> None:
    """Begins a check, or has the dialog shown that asks first."""
    with app.calm_callback():
        if what == "check":
            service.begin_check(app.core().settings, app.viewer(), name, now=app.now())
        else:
            st.session_state[dialogs.ASKED] = (what, name)


def cancel() -> None:
    """The next start restores nothing."""
    with app.calm_callback():
        service.cancel_restore(app.core().settings, app.viewer())


def put_away() -> None:
    """What was read goes."""
    with app.calm_callback():
        service.put_away(app.core().settings, app.viewer())
