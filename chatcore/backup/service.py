"""What the settings page, the routes and the upkeep ask of backups. They hold what everybody wrote, so only the owner may."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.engine import make_url

from chatcore.backup import WANTED, jobs
from chatcore.backup.folder import (
    FAILURE,
    OUTCOME,
    Backup,
    Busy,
    Made,
    Note,
    drop_note,
    find,
    leave_note,
    list_folder,
    note_of,
    read_note,
    remove,
    thin_out,
)
from chatcore.backup.jobs import Job
from chatcore.backup.making import check_backup, make_backup, take_in
from chatcore.backup.restoring import plan, planned
from chatcore.errors import ChatcoreError, Conflict, Denied, Invalid
from chatcore.parts import Viewer
from chatcore.phrases import plural
from chatcore.settings import Settings

log = logging.getLogger("chatcore.backup")

# One that failed is tried again after so long, or after the time between two if that is shorter.
AGAIN_S = 3600.0
# A file that is dropped on a page is held in memory.
LARGEST_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with backups. `planned` is what the next start restores, `failure` the automatic backup that failed last,
    unless one has been made since, `outcome` how a restore at a start ended."""

    backups: tuple[Backup, ...]
    job: Job | None
    planned: Backup | None
    failure: Note | None
    outcome: Note | None


def must_own(viewer: Viewer) -> None:
    """Raises Denied for who does not run this installation."""
    if not viewer.is_owner:
        raise Denied("Only the owner of this installation sees and makes backups: they hold everybody's chats.", "Ask them to do it.")


def survey(settings: Settings, viewer: Viewer) -> Standing:
    """Everything the page shows. Raises Denied."""
    must_own(viewer)
    folder = settings.backups_at
    wanted = planned(folder)
    backups = list_folder(folder)
    return Standing(
        backups,
        jobs.current(folder),
        next((backup for backup in backups if wanted is not None and backup.name == wanted.message), None),
        read_note(folder, FAILURE),
        read_note(folder, OUTCOME),
    )


def named(settings: Settings, viewer: Viewer, name: str) -> Backup:
    """A backup by its name. Raises Denied, NotFound."""
    must_own(viewer)
    return find(settings.backups_at, name)


def begin_backup(settings: Settings, viewer: Viewer, *, now: datetime) -> Job:
    """Begins to make a backup in the background. Raises Denied, Conflict."""
    must_own(viewer)
    return jobs.start(settings.backups_at, "Making a backup", partial(back_up, settings, Made.BY_HAND, now))


def begin_taking_in(settings: Settings, viewer: Viewer, content: memoryview | bytes, *, file_name: str, now: datetime) -> Job:
    """Begins to check a backup from elsewhere, which is listed if it is whole, in the background. Raises Denied, Invalid above
    200 MB, Conflict."""
    must_own(viewer)
    if len(content) > LARGEST_BYTES:
        raise Invalid(
            f"{file_name} has more than {LARGEST_BYTES // 1_000_000} MB.",
            "Copy it to the server and restore it there: python -m chatcore restore FILE",
        )

    def work(job: Job) -> str:
        backup = take_in(content, settings.backups_at, file_name=file_name, now=now, on_progress=job.heard)
        held = backup.manifest
        holds = f", with {plural(held.messages, 'message')} in {plural(held.chats, 'chat')}" if held else ""
        return f"{file_name} is whole{holds}. It is listed here as {backup.name}; nothing is restored yet."

    return jobs.start(settings.backups_at, "Checking a backup from elsewhere", work)


def begin_check(settings: Settings, viewer: Viewer, name: str, *, now: datetime) -> Job:
    """Begins to check a backup in the background. Raises Denied, NotFound, Conflict."""
    backup = named(settings, viewer, name)

    def work(job: Job) -> str:
        check_backup(backup.path, now=now, on_progress=job.heard)
        return f"{backup.name} is whole."

    return jobs.start(settings.backups_at, "Checking a backup", work)


def delete_backup(settings: Settings, viewer: Viewer, name: str) -> None:
    """Deletes a backup for good. Raises Denied, NotFound, Conflict for one that the next start restores."""
    backup = named(settings, viewer, name)
    wanted = planned(settings.backups_at)
    if wanted is not None and wanted.message == backup.name:
        raise Conflict("The next start restores this backup.", "Cancel that first.")
    remove(backup)


def plan_restore(settings: Settings, viewer: Viewer, name: str, *, now: datetime) -> None:
    """Notes that the next start restores a backup. Raises Denied, NotFound, Conflict while something is being done there."""
    backup = named(settings, viewer, name)
    job = jobs.current(settings.backups_at)
    if job is not None and not job.ended.is_set():
        raise Conflict(f"{job.title}: that is going on.", "Wait until it has ended.")
    plan(settings.backups_at, backup, now=now)


def cancel_restore(settings: Settings, viewer: Viewer) -> None:
    """The next start restores nothing. Raises Denied."""
    must_own(viewer)
    drop_note(settings.backups_at, WANTED)


def put_away(settings: Settings, viewer: Viewer) -> None:
    """Forgets the job that has ended, and how the restore at a start ended. Raises Denied."""
    must_own(viewer)
    jobs.put_away(settings.backups_at)
    drop_note(settings.backups_at, OUTCOME)


# --- what is done ------------------------------------------------------------------------------------------------


def back_up(settings: Settings, made: Made, now: datetime, job: Job) -> str:
    """Makes a backup, and says which."""
    backup = make_backup(make_url(settings.database_url), settings.backups_at, made, now=now, on_progress=job.heard)
    return f"Made {backup.name} and found it whole."


def automatic_step(settings: Settings, *, now: datetime) -> bool:
    """Begins a backup in the background if one is due. Never more to do at once.

    Every process asks, and the folder says which one makes it: there the last is seen, and only one can work in it.
    """
    folder, every_s = settings.backups_at, settings.backup_every_s
    job = jobs.current(folder)
    if every_s is None or (job is not None and not job.ended.is_set()):
        return False
    failure = read_note(folder, FAILURE)
    if failure is not None and now - failure.at < timedelta(seconds=min(AGAIN_S, every_s)):
        return False
    last = next((backup for backup in list_folder(folder) if backup.made is Made.AUTOMATIC), None)
    if last is None or now - last.made_at >= timedelta(seconds=every_s):
        jobs.start(folder, "Making an automatic backup", partial(back_up_by_itself, settings, now))
    return False


def back_up_by_itself(settings: Settings, now: datetime, job: Job) -> str:
    """Makes an automatic backup and deletes those that are too many. What goes wrong is logged, and kept for the owner to see."""
    folder = settings.backups_at
    try:
        said = back_up(settings, Made.AUTOMATIC, now, job)
        old = thin_out(folder, settings.backup_keep)
    except jobs.Stopped:
        raise
    except Exception as error:
        # Another process makes it: this one will see it.
        if not job.stop_asked.is_set() and not isinstance(error, Busy):
            explained = error if isinstance(error, ChatcoreError) else None
            note = note_of(explained, now) if explained else Note(now, f"An automatic backup broke: {error}.", "The log says more.")
            leave_note(folder, FAILURE, note)
            log.error("An automatic backup failed: %s", error, exc_info=None if explained else error)
        raise
    drop_note(folder, FAILURE)
    log.info("%s%s", said, f" Deleted {len(old)} older." if old else "")
    return said
