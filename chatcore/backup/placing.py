"""Where a database goes: whether something is there already, and how a SQLite file takes the place of another."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy.engine import URL

from chatcore.backup.source import connect_postgres, reading_connection, understood
from chatcore.db import label_of, make_room
from chatcore.errors import Conflict, Denied, Invalid
from chatcore.migrations.run import TABLES

# These say nothing of what somebody wrote: the first start makes them.
MADE_BY_A_START = ("users",)


@dataclass(frozen=True, slots=True)
class Place:
    """What is at an address: rows by table where there are any, and whether another program's tables are there instead."""

    label: str
    rows: dict[str, int]
    foreign: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nobody has written anything there."""
        return not any(rows for name, rows in self.rows.items() if name not in MADE_BY_A_START)

    @property
    def holds(self) -> str:
        """What is there, in words: 12 chats with 340 messages."""
        chats, messages = self.rows.get("chatsession", 0), self.rows.get("chatmessage", 0)
        return f"{chats:,} {'chat' if chats == 1 else 'chats'} with {messages:,} {'message' if messages == 1 else 'messages'}"


def look_at(url: URL) -> Place:
    """What is at an address; nothing where there is no file. Raises Invalid, Conflict or Denied."""
    label = label_of(url)
    try:
        if url.get_backend_name() == "sqlite":
            path = Path(str(url.database))
            if not path.exists() or (path.is_file() and path.stat().st_size == 0):
                make_room(path)
                return Place(label, {})
            with closing(reading_connection(path)) as file:
                there = {row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                return described(label, there, lambda name: file.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
        with closing(connect_postgres(url)) as server:
            there = {row[0] for row in server.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")}
            return described(label, there, lambda name: counted(server, name))
    except (sqlite3.Error, psycopg.Error) as error:
        raise understood(error, label) from error


def counted(server: psycopg.Connection, name: str) -> int:
    row = server.execute(f'SELECT count(*) FROM "{name}"'.encode()).fetchone()
    return int(row[0]) if row else 0


def described(label: str, there: set[str], count: Callable[[str], int]) -> Place:
    """A place with these tables."""
    if "alembic_version" not in there:
        foreign = next((name for name in TABLES if name in there), None)
        return Place(label, {}, foreign)
    return Place(label, {name: count(name) for name in TABLES if name in there})


def need_empty(url: URL, option: str) -> None:
    """Raises Invalid unless nothing is at an address."""
    place = look_at(url)
    if place.foreign:
        raise Invalid(f"{place.label} belongs to another program: it has a table {place.foreign}.", f"Name another after {option}.")
    if not place.is_empty:
        raise Invalid(f"{place.label} is not empty: it has {place.holds}.", f"Name a new or empty database after {option}.")


# --- SQLite files ------------------------------------------------------------------------------------------------


@contextmanager
def nobody_else(path: Path) -> Iterator[None]:
    """Holds a SQLite file that nobody has open, with its log folded in. Raises Conflict if somebody has."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as file:
        try:
            file.execute("PRAGMA locking_mode=EXCLUSIVE")
            # A file in write-ahead mode can only leave it when no other connection is there.
            file.execute("PRAGMA journal_mode=DELETE")
            file.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise Conflict(
                f"The database {path} is in use.", "Stop chatcore and whatever else has it open, then try again. Nothing was changed."
            ) from error
        yield


def put_in_place(part: Path, path: Path, *, now: datetime, keep: bool) -> Path | None:
    """Gives a SQLite file the name of another, which is put aside if it is to be kept; where to. Raises Conflict while somebody
    uses that one, Denied where files cannot be renamed; then everything is as it was."""
    aside = path.with_name(f"{path.name}.before-restore-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}") if keep else None
    try:
        sync(part)
        if not path.exists():
            os.replace(part, path)
            return None
        with nobody_else(path):
            if aside is not None:
                shutil.copymode(path, part)
                os.rename(path, aside)
            try:
                os.replace(part, path)
            except OSError:
                if aside is not None:
                    os.rename(aside, path)
                raise
            # They belonged to the one before; its log was folded in.
            for end in ("-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)
        return aside
    except OSError as error:
        raise Denied(f"{path} cannot be put in its place: {error.strerror}.", "See to the rights on its folder.") from error


def sync(path: Path) -> None:
    """What was written is on the disk."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
