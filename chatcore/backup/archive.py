"""A backup as one compressed file: a ZIP with the rows of each table as lines, and a manifest that says what must be in it.

`manifest.json` is an object: `format` (1), `revision` (the schema), `version` (of chatcore), `engine`, `made_at`, and `tables`, for
each its `columns` (name and kind), `key`, `rows` and the `sha256` of its lines. docs/operations.md describes it for people.
"""

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chatcore import __version__
from chatcore.backup.lines import BLOCK_BYTES, Block, Column, Kind, Table
from chatcore.backup.loading import OnProgress, silent
from chatcore.backup.source import Content, Counted, Source, checked_revision, content_of
from chatcore.errors import Invalid

FORMAT = 1
MANIFEST = "manifest.json"
# Chats become 46 % of their size at level 1, and 40 % at level 6 in four times the time (measured).
LEVEL = 1
# A manifest has some kilobytes; a file that only pretends to be a backup may have any.
LONGEST_MANIFEST = 4 * 2**20
DAMAGED = "It is damaged or was not written to its end: use another backup. Nothing was changed."


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `contents` are rows and hashes by table; the hash is empty where only rows were counted."""

    revision: str
    version: str
    engine: str
    made_at: datetime
    tables: tuple[Table, ...]
    contents: Mapping[str, Content]

    @property
    def messages(self) -> int:
        """How many messages it holds."""
        return self.rows("chatmessage")

    @property
    def chats(self) -> int:
        """How many chats it holds."""
        return self.rows("chatsession")

    def rows(self, table: str) -> int:
        """How many rows of a table it holds."""
        return self.contents[table].rows if table in self.contents else 0

    def as_json(self) -> dict[str, object]:
        """As it is written down."""
        return {
            "format": FORMAT,
            "revision": self.revision,
            "version": self.version,
            "engine": self.engine,
            "made_at": self.made_at.isoformat(),
            "tables": {
                table.name: {
                    "columns": {column.name: column.kind.value for column in table.columns},
                    "key": list(table.key),
                    "rows": self.contents[table.name].rows,
                    "sha256": self.contents[table.name].sha256,
                }
                for table in self.tables
            },
        }


def read_manifest(raw: bytes | str, label: str) -> Manifest:
    """A manifest from its JSON. Raises Invalid for what is none, or one of a newer chatcore."""
    try:
        found = json.loads(raw)
        if int(found["format"]) > FORMAT:
            raise Invalid(f"{label} was made by a newer chatcore.", "Update this one first. Nothing was changed.")
        revision = checked_revision(found["revision"], label)
        tables, contents = [], {}
        for name, told in found["tables"].items():
            columns = tuple(Column(column, Kind(kind)) for column, kind in told["columns"].items())
            tables.append(Table(name, columns, tuple(told["key"]), int(told["rows"])))
            contents[name] = Content(int(told["rows"]), str(told["sha256"]))
        made_at = datetime.fromisoformat(found["made_at"])
        return Manifest(revision, str(found["version"]), str(found["engine"]), made_at, tuple(tables), contents)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Invalid(f"{label} does not say what it holds as a backup of chatcore does.", DAMAGED) from error


def write_archive(source: Source, engine: str, path: Path, *, now: datetime, on_progress: OnProgress = silent) -> Manifest:
    """Writes a source to a new archive. Raises Invalid for a source that cannot be read, OSError for a full disk."""
    total, done = sum(table.rows for table in source.tables), 0
    contents: dict[str, Content] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for table in source.tables:
            counted = Counted()
            with archive.open(member_of(table.name), "w", force_zip64=True) as member:
                for block in counted.through(source.blocks(table)):
                    member.write(block.content)
                    done += block.rows
                    on_progress("Writing", min(done, total), total)
            contents[table.name] = counted.content
        manifest = Manifest(source.revision, __version__, engine, now, source.tables, contents)
        archive.writestr(MANIFEST, json.dumps(manifest.as_json(), indent=1))
    return manifest


def member_of(table: str) -> str:
    return f"tables/{table}.lines"


class ArchiveSource:
    """An open archive."""

    def __init__(self, archive: zipfile.ZipFile, label: str) -> None:
        self.archive = archive
        self.label = label
        try:
            info = archive.getinfo(MANIFEST)
            if info.file_size > LONGEST_MANIFEST:
                raise Invalid(f"{label} is not a backup of chatcore.", "Choose another file. Nothing was changed.")
            raw = archive.read(MANIFEST)
        except KeyError as error:
            raise Invalid(f"{label} is not a backup of chatcore.", "Choose another file. Nothing was changed.") from error
        self.manifest = read_manifest(raw, label)

    @property
    def revision(self) -> str:
        """The schema of the database it was made of."""
        return self.manifest.revision

    @property
    def tables(self) -> tuple[Table, ...]:
        """Its tables."""
        return self.manifest.tables

    def blocks(self, table: Table) -> Iterator[Block]:
        """The lines of a table. Raises Invalid at their end if they are not those that were written."""
        counted = Counted()
        yield from counted.through(self._blocks(table))
        if counted.content != self.manifest.contents[table.name]:
            raise Invalid(f"The table {table.name} in {self.label} is not what was written.", DAMAGED)

    def _blocks(self, table: Table) -> Iterator[Block]:
        begun: list[bytes] = []
        try:
            with self.archive.open(member_of(table.name)) as member:
                while piece := member.read(BLOCK_BYTES):
                    whole, end, rest = piece.rpartition(b"\n")
                    if end:
                        yield Block(b"".join((*begun, whole, end)), whole.count(b"\n") + 1)
                        begun = []
                    begun.append(rest)
        except KeyError as error:
            raise Invalid(f"The table {table.name} is missing in {self.label}.", DAMAGED) from error
        if left := b"".join(begun):
            yield Block(left, 0)


@contextmanager
def open_archive(path: Path) -> Iterator[ArchiveSource]:
    """Opens an archive. Raises Invalid for a file that is none, or a damaged one, also while it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield ArchiveSource(archive, str(path))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Invalid(f"{path} cannot be read as a backup: {error}.", DAMAGED) from error
    except OSError as error:
        raise Invalid(
            f"{path} cannot be read: {error.strerror or error}.", "See to the file and its rights. Nothing was changed."
        ) from error


def check_archive(path: Path, on_progress: OnProgress = silent) -> Manifest:
    """Reads a whole archive and compares it with what it says of itself. Raises Invalid."""
    with open_archive(path) as source:
        total, done = sum(table.rows for table in source.tables), 0
        for table in source.tables:
            done += content_of(source, table).rows
            on_progress("Checking", min(done, total), total)
        return source.manifest
