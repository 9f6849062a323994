"""Puts a backup in the place of a database: first it is verified, then all is done or nothing, and what was there is kept.

A database in use cannot be replaced under those who use it: answers that are being written would go to rows that are no more. So
the pages only note the wish, and the next start carries it out before anybody has the database open.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from chatcore.backup import WANTED
from chatcore.backup.archive import Manifest, open_archive
from chatcore.backup.folder import OUTCOME, Backup, Made, Note, drop_note, find, leave_note, note_of, read_note
from chatcore.backup.loading import OnProgress, build_file, fill_database, need_free, remove_file, silent
from chatcore.backup.making import check_backup, make_backup, need_room
from chatcore.backup.placing import look_at, nobody_else, put_in_place
from chatcore.backup.source import Source, open_source
from chatcore.db import label_of, open_database
from chatcore.errors import ChatcoreError, Invalid
from chatcore.migrations.run import HEAD, check_foreign_keys, schema_revision, upgrade

log = logging.getLogger("chatcore.backup")

COPIED_AT_ONCE = 1 << 22


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore that was done: what came, and where the database before lies: a file, or a backup; None if there was none."""

    manifest: Manifest
    aside: Path | None


def restore(path: Path, target: URL, folder: Path, *, now: datetime, on_progress: OnProgress = silent) -> Restored:
    """Makes the database at `target` what a backup holds. The one before is kept: a SQLite file beside the new one, of PostgreSQL
    a backup in `folder`. An older schema is brought to the newest.

    Raises Invalid for a backup that is damaged, foreign or newer, Conflict while somebody uses the database, Denied; then
    nothing was changed.
    """
    manifest = check_backup(path, now=now, on_progress=on_progress).manifest
    place = look_at(target)
    if place.foreign:
        raise Invalid(f"{place.label} belongs to another program: it has a table {place.foreign}.", "Name another database.")
    if target.get_backend_name() == "sqlite":
        return Restored(manifest, restore_file(path, Path(str(target.database)), now=now, on_progress=on_progress))
    need_free(target)
    aside = None if place.is_empty else make_backup(target, folder, Made.BEFORE_RESTORE, now=now, on_progress=on_progress).path
    db = open_database(target.render_as_string(hide_password=False))
    try:
        with opened(path) as source:
            fill_database(source, db, on_progress)
    finally:
        db.close()
    return Restored(manifest, aside)


def restore_file(path: Path, target: Path, *, now: datetime, on_progress: OnProgress) -> Path | None:
    """The same for a SQLite file: made beside it, whole and of the newest schema, before it takes its place."""
    part = target.with_name(f"{target.name}.restore-part")
    if target.exists():
        # Before anything that takes long.
        with nobody_else(target):
            pass
    try:
        if is_archive(path):
            with opened(path) as source:
                build_file(source, part, on_progress)
        else:
            remove_file(part)
            need_room(target.parent, path.stat().st_size)
            copy_plainly(path, part, on_progress)
            bring_up(part)
        return put_in_place(part, target, now=now, keep=True)
    except OSError as error:
        raise Invalid(f"{part} cannot be written: {error.strerror}.", "Make room and see to the rights. Nothing was changed.") from error
    finally:
        remove_file(part)


def copy_plainly(path: Path, part: Path, on_progress: OnProgress) -> None:
    """Copies a file that nobody writes."""
    total, done = path.stat().st_size, 0
    with path.open("rb") as source, part.open("wb") as target:
        while piece := source.read(COPIED_AT_ONCE):
            target.write(piece)
            done += len(piece)
            on_progress("Copying", done, total)
    shutil.copymode(path, part)


def bring_up(part: Path) -> None:
    """Brings a copy to the newest schema, without a backup of it: it is one. Raises Invalid."""
    db = open_database(f"sqlite:///{part}")
    try:
        with db.read() as tx:
            found = schema_revision(tx.connection())
        if found != HEAD:
            with db.migration() as connection:
                upgrade(connection, label=str(part), file=None)
                check_foreign_keys(connection)
    finally:
        db.close()


def is_archive(path: Path) -> bool:
    """Whether a backup is an archive and not a SQLite file."""
    with path.open("rb") as stream:
        return stream.read(2) == b"PK"


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """A backup as a source, whichever kind it is."""
    if is_archive(path):
        with open_archive(path) as archive:
            yield archive
    else:
        with open_source(make_url(f"sqlite:///{path}")) as source:
            yield source


# --- at the next start -------------------------------------------------------------------------------------------


def plan(folder: Path, backup: Backup, *, now: datetime) -> None:
    """Notes that the next start is to restore a backup."""
    leave_note(folder, WANTED, Note(now, backup.name))


def planned(folder: Path) -> Note | None:
    """What the next start is to restore: the name of the backup is the note's message. None: nothing."""
    return read_note(folder, WANTED)


def carry_out(target: URL, folder: Path, *, now: datetime) -> None:
    """At a start, before the database is opened: restores what was planned, and notes how it ended. Never raises for what is
    wrong with it: the start goes on with the database as it is."""
    wanted = planned(folder)
    if wanted is None:
        return
    log.info("Restoring %s into %s, as was asked for.", wanted.message, label_of(target))
    try:
        done = restore(find(folder, wanted.message).path, target, folder, now=now)
        kept = f"The database before is kept as {done.aside}." if done.aside else ""
        note = Note(now, f"Restored {wanted.message}.", kept, succeeded=True)
        log.info("%s %s", note.message, note.hint)
    except ChatcoreError as error:
        note = note_of(error, now)
        log.error("The restore failed, and nothing was changed. %s", error)
    except Exception as error:
        note = Note(now, f"The restore broke: {error}.", "Nothing was changed. The log says more.")
        log.exception("the restore broke, and nothing was changed")
    leave_note(folder, OUTCOME, note)
    drop_note(folder, WANTED)
