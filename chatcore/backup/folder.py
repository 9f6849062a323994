"""The folder of backups: which there are, what is known of each, and who works in it.

A backup is one file, and a small JSON file beside it says what it holds, its SHA-256 and when it was last found whole. A file
without one, as somebody may put there, can be checked and restored all the same. Whoever writes holds the folder: one
backup is made at a time, by whichever process.
"""

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from chatcore import processes
from chatcore.backup.archive import Manifest, read_manifest
from chatcore.errors import ChatcoreError, Conflict, Denied, Invalid, NotFound

RUNNING, FAILURE, OUTCOME = ".running", "last-failure.json", "last-restore.json"
# A process on another machine that has said nothing for so long is taken for dead: it says so every few seconds.
SILENT_S, SAYS_SO_S = 600.0, 5.0


class Busy(Conflict):
    """Another process works in the folder."""


class Made(StrEnum):
    """Why there is a backup."""

    BY_HAND = "manual"
    AUTOMATIC = "automatic"
    BEFORE_RESTORE = "before-restore"
    ELSEWHERE = "brought"


NAME = re.compile(rf"chatcore-(\d{{8}}T\d{{6}})Z(?:-\d+)?-({'|'.join(Made)})\.(db|zip)")


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is there. `manifest`, `sha256` and `verified_at` are what stands beside it: None if nothing does. `has_changed`:
    it has not the size that stands there."""

    path: Path
    made: Made
    made_at: datetime
    size_bytes: int
    manifest: Manifest | None = None
    sha256: str | None = None
    verified_at: datetime | None = None
    has_changed: bool = False

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class Note:
    """What happened last, for who looks later: an automatic backup that failed, or a restore at a start and how it ended."""

    at: datetime
    message: str
    hint: str = ""
    succeeded: bool = False


# --- what is there -----------------------------------------------------------------------------------------------


def list_folder(folder: Path) -> tuple[Backup, ...]:
    """The backups in a folder, the newest first; none where there is no folder. Raises Denied."""
    try:
        names = sorted(os.listdir(folder), reverse=True) if folder.is_dir() else []
    except OSError as error:
        raise Denied(f"The folder {folder} cannot be read: {error.strerror}.", "See to its rights, or name another.") from error
    found = []
    for name in names:
        if NAME.fullmatch(name):
            # One that is deleted at this moment is not there.
            with suppress(OSError, NotFound):
                found.append(look(folder / name))
    return tuple(found)


def find(folder: Path, name: str) -> Backup:
    """The backup of this name. Raises NotFound."""
    if not NAME.fullmatch(name):
        raise NotFound(f"There is no backup {name[:80]}.", "Look at the list: it may have been deleted.")
    return look(folder / name)


def look(path: Path) -> Backup:
    """What is known of a backup file, of whatever name, without reading it. Raises NotFound."""
    try:
        stat = path.stat()
    except OSError as error:
        raise NotFound(f"There is no backup {path}.", "Look at the list: it may have been deleted.") from error
    named = NAME.fullmatch(path.name)
    made_at = named_at(path.name) or datetime.fromtimestamp(stat.st_mtime, UTC)
    backup = Backup(path, Made(named[2]) if named else Made.BY_HAND, made_at, stat.st_size)
    try:
        told = json.loads(beside(path).read_text())
        if int(told["size_bytes"]) != stat.st_size:
            return replace(backup, has_changed=True)
        manifest = read_manifest(json.dumps(told["manifest"]), str(path))
        verified_at = datetime.fromisoformat(told["verified_at"]) if told["verified_at"] else None
        return Backup(path, backup.made, manifest.made_at, stat.st_size, manifest, str(told["sha256"]), verified_at)
    except (OSError, ValueError, TypeError, KeyError, Invalid):
        return backup


def named_at(name: str) -> datetime | None:
    """When a backup was made, as the name of its file says; None for one that was renamed."""
    named = NAME.fullmatch(name)
    try:
        return datetime.strptime(named[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if named else None
    except ValueError:
        return None


def beside(path: Path) -> Path:
    """Where it stands what a backup holds."""
    return path.with_name(f"{path.name}.json")


def write_beside(path: Path, manifest: Manifest, *, size_bytes: int, sha256: str, verified_at: datetime | None) -> None:
    """Writes down what a backup holds."""
    told = {
        "manifest": manifest.as_json(),
        "size_bytes": size_bytes,
        "sha256": sha256,
        "verified_at": verified_at.isoformat() if verified_at else None,
    }
    write_json(beside(path), told)


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Writes a small file that is whole whenever it is there."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(value, indent=1))
    os.replace(part, path)


def new_path(folder: Path, made: Made, *, now: datetime, end: str) -> Path:
    """A name that nothing has."""
    number = 1
    while True:
        turn = f"-{number}" if number > 1 else ""
        path = folder / f"chatcore-{now.astimezone(UTC):%Y%m%dT%H%M%S}Z{turn}-{made}{end}"
        if not path.exists():
            return path
        number += 1


def remove(backup: Backup) -> None:
    """Deletes a backup. Raises Denied."""
    try:
        backup.path.unlink(missing_ok=True)
        beside(backup.path).unlink(missing_ok=True)
    except OSError as error:
        raise Denied(f"{backup.path} cannot be deleted: {error.strerror}.", "See to the rights on its folder.") from error


def thin_out(folder: Path, keep: int) -> tuple[Backup, ...]:
    """Deletes all but the newest `keep` automatic backups; which. Those made by hand or before a restore stay."""
    old = [backup for backup in list_folder(folder) if backup.made is Made.AUTOMATIC][keep:]
    for backup in old:
        remove(backup)
    return tuple(old)


# --- who works in it ---------------------------------------------------------------------------------------------


class Hold:
    """The folder, held by this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.said = time.monotonic()

    def say_so(self) -> None:
        """Tells other processes that this one still works."""
        if time.monotonic() - self.said > SAYS_SO_S:
            self.said = time.monotonic()
            with suppress(OSError):
                os.utime(self.path)


@contextmanager
def held(folder: Path) -> Iterator[Hold]:
    """Holds a folder, which is made if it is not there, and removes what a process that was ended left in it. Raises Conflict
    while another process works in it, Denied if it cannot be written."""
    path = folder / RUNNING
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            try:
                handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                break
            except FileExistsError:
                if not is_left(path):
                    raise Busy("A backup is being made or restored.", "Wait until that has ended.") from None
                path.unlink(missing_ok=True)
        else:
            raise Busy("A backup is being made or restored.", "Wait until that has ended.")
        with os.fdopen(handle, "w") as stream:
            stream.write(processes.new_owner())
    except OSError as error:
        raise Denied(
            f"The folder {folder} for backups cannot be written: {error.strerror}.",
            "See to its rights, or name another with CHATCORE_BACKUP_FOLDER.",
        ) from error
    try:
        for left in folder.glob("chatcore-*.part*"):
            left.unlink(missing_ok=True)
        yield Hold(path)
    finally:
        path.unlink(missing_ok=True)


def is_left(path: Path) -> bool:
    """Whether the process that holds a folder is known to have ended, or has been silent for long."""
    try:
        return processes.is_gone(path.read_text()) or time.time() - path.stat().st_mtime > SILENT_S
    except OSError:
        return True


# --- notes -------------------------------------------------------------------------------------------------------

# What could not be written down, because the folder itself is what is wrong.
_unwritten: dict[Path, Note] = {}


def leave_note(folder: Path, name: str, note: Note) -> None:
    """Keeps what happened, for the owner to read."""
    told = {"at": note.at.isoformat(), "message": note.message, "hint": note.hint, "succeeded": note.succeeded}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / name, told)
    except OSError:
        _unwritten[folder / name] = note


def read_note(folder: Path, name: str) -> Note | None:
    """What was kept, None if nothing was."""
    try:
        told = json.loads((folder / name).read_text())
        return Note(datetime.fromisoformat(told["at"]), str(told["message"]), str(told["hint"]), bool(told["succeeded"]))
    except (OSError, ValueError, TypeError, KeyError):
        return _unwritten.get(folder / name)


def drop_note(folder: Path, name: str) -> None:
    """Forgets it."""
    _unwritten.pop(folder / name, None)
    with suppress(OSError):
        (folder / name).unlink(missing_ok=True)


def note_of(error: ChatcoreError, now: datetime) -> Note:
    """A note that something failed."""
    return Note(now, error.message, error.hint)
