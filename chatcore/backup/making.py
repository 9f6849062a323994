"""Makes backups of a database in use, and looks whether one is whole.

SQLite: the pages of the file as they were at one moment, copied while one reading transaction holds that moment. Writers do
not wait for it, and it is not begun again when they write. VACUUM INTO would give a smaller file in six times the time: 84
against 15 s for a million messages on a machine that did much else, where an append took 3 ms (half) and 50 ms (1 in 100)
before, during the one and during the other (measured).
PostgreSQL: an archive of the rows (`archive`), one state of them.
"""

import hashlib
import os
import re
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from sqlalchemy.engine import URL

from chatcore import __version__
from chatcore.backup.archive import DAMAGED, Manifest, check_archive, write_archive
from chatcore.backup.folder import Backup, Made, held, look, named_at, new_path, write_beside
from chatcore.backup.loading import OnProgress, remove_file, silent
from chatcore.backup.placing import sync
from chatcore.backup.source import Content, SqliteSource, open_source, reading_connection, understood
from chatcore.errors import Conflict, Denied, Invalid

# Pages a step: 8 MB, after which others may read from the disk.
PAGES_A_STEP = 1024
# What is read at a time for the hash.
HASHED_AT_ONCE = 1 << 22
# Room that must be left on the disk: a database in use grows meanwhile.
SPARE_BYTES = 64 * 2**20
# How often SQLite is asked to tell that it still works: instructions of its machine, some tens of milliseconds.
INSTRUCTIONS = 2_000_000
SQLITE_HEAD = b"SQLite format 3\x00"
PARTS = re.compile(r"\S*/chatcore-[^/\s]+\.part")


class Write(Protocol):
    """Writes a backup to a file."""

    def __call__(self, part: Path, *, on_progress: OnProgress) -> None: ...


@dataclass(frozen=True, slots=True)
class Verified:
    """A backup that is whole: what it holds, and the SHA-256 of its file."""

    manifest: Manifest
    sha256: str


def make_backup(url: URL, folder: Path, made: Made, *, now: datetime, on_progress: OnProgress = silent) -> Backup:
    """Makes a backup of a database, verified, and answers which. Raises Invalid, Conflict or Denied; then nothing is left of it."""
    end = ".db" if url.get_backend_name() == "sqlite" else ".zip"
    return put_into(folder, partial(write_file, url, now=now), made, now=now, end=end, on_progress=on_progress)


def take_in(content: memoryview | bytes, folder: Path, *, file_name: str, now: datetime, on_progress: OnProgress = silent) -> Backup:
    """Puts a backup from elsewhere, of the name it had there, among those of this installation if it is whole, and answers which it
    is now. Raises what `make_backup` raises."""

    def write(part: Path, *, on_progress: OnProgress) -> None:
        need_room(folder, len(content))
        on_progress("Writing", 0, 0)
        part.write_bytes(content)

    end = ".zip" if bytes(content[:2]) == b"PK" else ".db"
    made_at = named_at(file_name) or now
    try:
        return put_into(folder, write, Made.ELSEWHERE, now=made_at, end=end, on_progress=on_progress)
    except Invalid as error:
        # The sentence names the file as we called it, which nobody has heard of.
        raise Invalid(PARTS.sub(lambda _: file_name, error.message), error.hint) from error


def put_into(folder: Path, write: Write, made: Made, *, now: datetime, end: str, on_progress: OnProgress) -> Backup:
    """Has a backup written into the folder, and keeps it if it is whole. Raises Invalid, Conflict or Denied; then nothing is left of it."""
    with held(folder) as hold:

        def heard(stage: str, done: int, total: int) -> None:
            hold.say_so()
            on_progress(stage, done, total)

        path = new_path(folder, made, now=now, end=end)
        part = path.with_name(f"{path.name}.part")
        try:
            part.touch(mode=0o600)
            write(part, on_progress=heard)
            verified = verify(part, on_progress=heard, now=now)
            write_beside(path, verified.manifest, size_bytes=part.stat().st_size, sha256=verified.sha256, verified_at=now)
            os.replace(part, path)
        except OSError as error:
            raise Conflict(
                f"The backup {path} cannot be written: {error.strerror or error}.", "Make room, or name another folder."
            ) from error
        finally:
            remove_file(part)
        return look(path)


def write_file(url: URL, path: Path, *, now: datetime, on_progress: OnProgress = silent) -> None:
    """Writes the backup itself."""
    if url.get_backend_name() == "sqlite":
        copy_file(Path(str(url.database)), path, on_progress)
        return
    with open_source(url) as source:
        write_archive(source, "postgresql", path, now=now, on_progress=on_progress)


def copy_file(source: Path, path: Path, on_progress: OnProgress) -> None:
    """Copies a SQLite file in use as it is at this moment."""
    need_room(path.parent, source.stat().st_size if source.exists() else 0)
    try:
        with closing(reading_connection(source)) as reader, closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute("PRAGMA synchronous=OFF")
            # Held until the end: else a page that somebody writes meanwhile begins the copy anew.
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
            reader.backup(writer, pages=PAGES_A_STEP, progress=lambda _, left, total: on_progress("Copying", total - left, total))
            # A file that needs no other beside it, also for reading.
            writer.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise understood(error, str(source)) from error
    sync(path)


def need_room(folder: Path, size_bytes: int) -> None:
    """Raises Conflict if a disk has not so much room."""
    free = shutil.disk_usage(folder).free
    if free < size_bytes + SPARE_BYTES:
        raise Conflict(
            f"{folder} has {free / 1e9:.1f} GB free, and {(size_bytes + SPARE_BYTES) / 1e9:.1f} GB are needed.",
            "Delete older backups, make room, or name another folder with CHATCORE_BACKUP_FOLDER.",
        )


# --- whether one is whole ----------------------------------------------------------------------------------------


def check_backup(path: Path, *, now: datetime, on_progress: OnProgress = silent) -> Verified:
    """Reads a whole backup file, compares it with what was written down of it, and writes down that it was found whole.

    Raises Invalid, saying what is wrong, NotFound for no file.
    """
    backup = look(path)
    verified = verify(path, on_progress=on_progress, now=now, made_at=backup.made_at)
    if backup.has_changed or (backup.sha256 is not None and backup.sha256 != verified.sha256):
        raise Invalid(f"{path} has changed since it was made.", DAMAGED)
    if backup.manifest is not None:
        try:
            write_beside(path, backup.manifest, size_bytes=backup.size_bytes, sha256=verified.sha256, verified_at=now)
        except OSError:
            # A disk for reading only is a good place for backups.
            return verified
        return replace(verified, manifest=backup.manifest)
    return verified


def verify(path: Path, *, now: datetime, made_at: datetime | None = None, on_progress: OnProgress = silent) -> Verified:
    """What a file holds that is a whole backup. Raises Invalid."""
    try:
        with path.open("rb") as stream:
            head = stream.read(len(SQLITE_HEAD))
    except OSError as error:
        raise Denied(f"{path} cannot be read: {error.strerror}.", "See to its rights.") from error
    if head.startswith(b"PK"):
        manifest = check_archive(path, on_progress)
    elif head == SQLITE_HEAD:
        manifest = check_sqlite(path, made_at or now, on_progress)
    else:
        raise Invalid(f"{path} is neither a SQLite database nor an archive.", "Choose a backup of chatcore. Nothing was changed.")
    return Verified(manifest, sha256_of(path, on_progress))


def check_sqlite(path: Path, made_at: datetime, on_progress: OnProgress) -> Manifest:
    """What a SQLite file holds, if its pages are whole and every row points to rows that are there. Raises Invalid."""
    begun = time.monotonic()

    def alive() -> int:
        # Nobody knows how far a check is, only that it goes on.
        on_progress("Checking", int(time.monotonic() - begun), 0)
        return 0

    try:
        with closing(reading_connection(path)) as file:
            source = SqliteSource(file, str(path))
            file.set_progress_handler(alive, INSTRUCTIONS)
            pages, page_bytes = (int(file.execute(f"PRAGMA {what}").fetchone()[0]) for what in ("page_count", "page_size"))
            # A file that lacks its end may look whole to SQLite, if nothing was on the pages there.
            if path.stat().st_size != pages * page_bytes:
                raise Invalid(f"{path} has not the length that it says.", DAMAGED)
            said = file.execute("PRAGMA quick_check(1)").fetchone()[0]
            if said != "ok":
                raise Invalid(f"{path} is damaged: {said}.", DAMAGED)
            broken = file.execute("PRAGMA foreign_key_check").fetchone()
            if broken:
                raise Invalid(f"In {path} a row of {broken[0]} points to a row of {broken[2]} that is not there.", DAMAGED)
            contents = {table.name: Content(table.rows, "") for table in source.tables}
            return Manifest(source.revision, __version__, "sqlite", made_at, source.tables, contents)
    except sqlite3.Error as error:
        raise Invalid(f"{path} is damaged: {error}.", DAMAGED) from error


def sha256_of(path: Path, on_progress: OnProgress) -> str:
    """The SHA-256 of a file."""
    total, done, found = path.stat().st_size, 0, hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(HASHED_AT_ONCE):
            found.update(piece)
            done += len(piece)
            on_progress("Sealing", done, total)
    return found.hexdigest()
