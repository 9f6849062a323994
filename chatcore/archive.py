"""What a person brings: a file of JSON, a ZIP with such files, or a database of SQLite. Opened for reading, never written.

Nothing is unpacked to the disk, and how much may come out of a ZIP is limited: 10 MB can hold 10 GB of zeros.
"""

import io
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from chatcore.errors import Invalid

MOST_MEMBERS = 200_000
# A year of heavy use is 1 to 2 GB of text.
UNPACKED_BYTES = 16 * 2**30
# Text shrinks to a tenth, seldom to a fiftieth; zeros to a thousandth. Below so many bytes nobody is harmed.
HARMLESS_BYTES = 64 * 2**20
MOST_RATIO = 200
LARGEST_ASSET = 32 * 2**20
LARGEST_CELL = 64 * 2**20

# What reading a damaged file raises.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, sqlite3.Error, NotImplementedError)


class Unpackable(Exception):
    """A file that cannot be read on; the text says why."""


UNREADABLE = (Unpackable, *DAMAGE)


@dataclass(frozen=True, slots=True)
class Document:
    """A file of JSON: the one that was brought, or one in the ZIP."""

    name: str
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class Tables:
    """A database of SQLite: its tables with their columns."""

    connection: sqlite3.Connection
    columns: Mapping[str, frozenset[str]]

    def has(self, table: str, *columns: str) -> bool:
        """Whether there is this table, with these columns."""
        return self.columns.get(table, frozenset()).issuperset(columns) and table in self.columns

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self.connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])

    def rows(
        self, table: str, wanted: Sequence[str], *, order: Sequence[str] = (), where: Mapping[str, object] | None = None
    ) -> Iterator[dict[str, object]]:
        """The rows of a table, with those of the wanted columns that it has; none if it is not there. `where` columns are equal."""
        there = self.columns.get(table, frozenset())
        names = [name for name in wanted if name in there]
        if not names or not there.issuperset(where or {}):
            return
        sql = f"SELECT {', '.join(quoted(name) for name in names)} FROM {quoted(table)}"
        if where:
            sql += f" WHERE {' AND '.join(f'{quoted(name)} = ?' for name in where)}"
        if sorting := [quoted(name) for name in order if name in there]:
            sql += f" ORDER BY {', '.join(sorting)}"
        with closing(self.connection.execute(sql, tuple((where or {}).values()))) as cursor:
            for row in cursor:
                yield dict(zip(names, row, strict=True))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that is open: documents of JSON, or tables, and the pictures and files that lie beside the documents by name."""

    path: Path
    documents: tuple[Document, ...] = ()
    tables: Tables | None = None
    assets: Mapping[str, str] = field(default_factory=dict)
    archive: zipfile.ZipFile | None = None

    def asset(self, name: str) -> bytes:
        """The bytes of a file that lies beside the documents. Raises Unpackable."""
        if self.archive is None:
            raise Unpackable("the file has nothing beside it")
        try:
            with self.archive.open(self.assets[name]) as stream:
                content = stream.read(LARGEST_ASSET + 1)
        except (KeyError, RuntimeError, *DAMAGE) as error:
            raise Unpackable(f"{name} cannot be read") from error
        if len(content) > LARGEST_ASSET:
            raise Unpackable(f"{name} is larger than {LARGEST_ASSET >> 20} MB")
        return content


@contextmanager
def open_file(path: Path) -> Iterator[Opened]:
    """Opens what a person brings. Raises Invalid for what is no file, and for a ZIP that is damaged, locked or without JSON."""
    if not path.is_file():
        raise Invalid(f"There is no file {path}.", "Name the file that the other program exported.")
    with path.open("rb") as stream:
        head = stream.read(16)
    if head.startswith(b"SQLite format 3\0"):
        with open_tables(path) as tables:
            yield Opened(path, tables=tables)
    elif head.startswith(b"PK"):
        with open_zip(path) as archive:
            yield from_zip(path, archive)
    else:
        yield Opened(path, (Document(path.name, lambda: path.open("rb")),))


# --- ZIP ---------------------------------------------------------------------------------------------------------


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (ValueError, *DAMAGE) as error:
        raise Invalid(f"{path.name} is a damaged ZIP file.", "Download it again, then try once more.") from error
    with archive:
        yield archive


def from_zip(path: Path, archive: zipfile.ZipFile) -> Opened:
    """The documents of a ZIP and what lies beside them. Raises Invalid."""
    members = [member for member in archive.infolist() if not member.is_dir() and not is_noise(member.filename)]
    if len(members) > MOST_MEMBERS:
        raise Invalid(f"{path.name} holds {len(members):,} files, the most is {MOST_MEMBERS:,}.", "Bring the export as it was downloaded.")
    chosen = sorted((member for member in members if is_conversations(member.filename)), key=lambda member: member.filename)
    if not chosen:
        texts = (".json", ".jsonl", ".ndjson")
        chosen = sorted((member for member in members if member.filename.lower().endswith(texts)), key=lambda member: member.filename)
    if not chosen:
        raise Invalid(f"{path.name} has no JSON file in it.", "Bring the export as it was downloaded, or the database itself, not zipped.")
    if any(member.flag_bits & 1 for member in chosen):
        raise Invalid(f"{path.name} is locked with a password.", "Unpack it yourself, then bring the JSON file.")
    meter = Meter(path.stat().st_size)
    names = {member.filename for member in chosen}
    assets = {PurePosixPath(member.filename).name: member.filename for member in members if member.filename not in names}
    documents = tuple(Document(member.filename, opener(archive, member, meter, anew=member is chosen[0])) for member in chosen)
    return Opened(path, documents, assets=assets, archive=archive)


def is_noise(name: str) -> bool:
    """Whether a member is something that macOS adds."""
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith("._")


def is_conversations(name: str) -> bool:
    """Whether a member is conversations.json, or one of the parts conversations-000.json and so on."""
    stem = PurePosixPath(name).name.lower()
    middle = stem.removeprefix("conversations").removesuffix(".json")
    return stem.startswith("conversations") and stem.endswith(".json") and (not middle or (middle[0] == "-" and middle[1:].isdigit()))


@dataclass(slots=True)
class Meter:
    """How much came out of a ZIP of so many bytes."""

    packed_bytes: int
    unpacked_bytes: int = 0

    def count(self, size_bytes: int) -> None:
        """Counts what was read. Raises Unpackable when it is more than an export can be."""
        self.unpacked_bytes += size_bytes
        ratio = self.unpacked_bytes / max(self.packed_bytes, 1)
        if self.unpacked_bytes > UNPACKED_BYTES or (self.unpacked_bytes > HARMLESS_BYTES and ratio > MOST_RATIO):
            raise Unpackable("the ZIP file unpacks to far more than an export holds, so it was not read on")


class Metered(io.RawIOBase):
    """A member of a ZIP whose bytes are counted as they are read."""

    def __init__(self, stream: BinaryIO, meter: Meter) -> None:
        self.stream = stream
        self.meter = meter

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self.stream.read(size)
        self.meter.count(len(content))
        return content

    def close(self) -> None:
        if not self.closed:
            self.stream.close()
        super().close()


def opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo, meter: Meter, *, anew: bool) -> Callable[[], BinaryIO]:
    """What opens a member of a ZIP for counted reading; with the first one the count begins `anew`."""

    def open_member() -> BinaryIO:
        if anew:
            meter.unpacked_bytes = 0
        try:
            return cast(BinaryIO, Metered(cast(BinaryIO, archive.open(member)), meter))
        except (RuntimeError, *DAMAGE) as error:
            raise Unpackable(f"{member.filename} cannot be unpacked") from error

    return open_member


# --- SQLite ------------------------------------------------------------------------------------------------------


@contextmanager
def open_tables(path: Path) -> Iterator[Tables]:
    """A database, for reading only. Raises Invalid."""
    connection = None
    try:
        connection = connect(path)
        yield Tables(connection, tables_of(connection))
    except sqlite3.DatabaseError as error:
        raise Invalid(
            f"{path.name} is a damaged database: {error}.", "Close the program it belongs to, copy it again, and try once more."
        ) from error
    finally:
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def connect(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. A file whose log is not beside it is read as it stands."""
    address = path.resolve().as_uri()
    for mode in ("?mode=ro", "?mode=ro&immutable=1"):
        connection = sqlite3.connect(address + mode, uri=True, check_same_thread=False)
        try:
            connection.execute("PRAGMA query_only=ON")
            # What views and triggers of a stranger's file could call stays switched off.
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            if "immutable" in mode:
                raise
            continue
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_CELL)
        connection.text_factory = lambda found: found.decode(errors="replace")
        return connection
    raise AssertionError("the last mode raises")


def tables_of(connection: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """The plain tables and their columns; views and virtual tables are never read."""
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    plain = [str(name) for name, sql in found if sql and not str(sql).lstrip().upper().startswith("CREATE VIRTUAL")]
    return {name: frozenset(row[1] for row in connection.execute(f"PRAGMA table_info({quoted(name)})")) for name in plain}
