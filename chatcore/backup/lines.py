"""Rows as lines of text, the same for the same row on SQLite and on PostgreSQL: what archives hold, and what is compared.

The form is that of PostgreSQL's COPY (https://www.postgresql.org/docs/current/sql-copy.html, text format), which both
engines can be made to speak: fields with tabs between them, `\\N` for null, a backslash before what would be a sign. Where the
engines write a value differently one way holds: a time has six digits of a second and is UTC, an id of a chat has no dashes, a
number with a fraction is its eight bytes in hexadecimal (each engine rounds its decimals in its own way), bytes are hexadecimal.
"""

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from chatcore.columns import as_number, as_time

NULL = "\\N"
# Of a time as both engines are made to write it: 2026-03-14 15:09:26.535897
TIME_CHARACTERS = 26
SIGNS = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
MEANT = {written[1]: sign for sign, written in SIGNS.items()}
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
# So much of a table is passed on at a time.
BLOCK_BYTES = 1 << 18


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    FLAG = "flag"
    TIME = "time"
    UUID = "uuid"
    NUMBER = "number"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its name."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is read: its columns in their order, those of its key, and how many rows there are."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rows: int = 0

    def kind_of(self, name: str) -> Kind:
        """What a column of this name holds."""
        return next(column.kind for column in self.columns if column.name == name)


@dataclass(frozen=True, slots=True)
class Block:
    """Some whole lines of a table, in UTF-8, and how many these are."""

    content: bytes
    rows: int


# --- values to lines ---------------------------------------------------------------------------------------------


def written_text(value: str) -> str:
    """A text without signs of the form."""
    for sign, written in SIGNS.items():
        if sign in value:
            value = value.replace(sign, written)
    return value


def written_time(value: str | int) -> str:
    """A time as SQLite has it, a number or of an older schema a text, with all its digits."""
    if isinstance(value, int):
        return as_time(value).isoformat(" ", "microseconds")[:TIME_CHARACTERS]
    if len(value) == TIME_CHARACTERS and value[10] == " ":
        return value
    moment = datetime.fromisoformat(value)
    return f"{(moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None):%Y-%m-%d %H:%M:%S.%f}"


def written_id(value: bytes | str) -> str:
    """The id of a chat as SQLite has it, as bytes or of an older schema as text."""
    return value.hex() if isinstance(value, bytes) else value


def written_number(value: float) -> str:
    """A number by its bits; there is one zero."""
    return struct.pack(">d", value + 0.0).hex()


WRITERS: dict[Kind, Callable[..., str]] = {
    Kind.TEXT: written_text,
    Kind.INTEGER: str,
    Kind.FLAG: lambda value: "t" if value else "f",
    Kind.TIME: written_time,
    Kind.UUID: written_id,
    Kind.NUMBER: written_number,
    Kind.BYTES: lambda value: value.hex(),
}


def blocks_of_rows(columns: Sequence[Column], rows: Iterator[Sequence[object]]) -> Iterator[Block]:
    """Rows as SQLite gives them, in lines. Raises ValueError or TypeError for a value that its column cannot hold elsewhere."""
    writers = [WRITERS[column.kind] for column in columns]
    lines: list[str] = []
    size = 0
    for row in rows:
        line = "\t".join([NULL if value is None else write(value) for write, value in zip(writers, row, strict=True)])
        lines.append(line)
        size += len(line)
        if size >= BLOCK_BYTES:
            yield block_of(lines)
            lines, size = [], 0
    if lines:
        yield block_of(lines)


def block_of(lines: Sequence[str]) -> Block:
    return Block(("\n".join(lines) + "\n").encode(), len(lines))


# --- lines to values ---------------------------------------------------------------------------------------------


def read_text(field: str) -> str:
    """What a text was before it was written."""
    return ESCAPE.sub(lambda found: MEANT.get(found[1], found[1]), field) if "\\" in field else field


def read_number(field: str) -> float:
    value: float = struct.unpack(">d", bytes.fromhex(field))[0]
    return value


def read_time(field: str) -> int:
    """A time as SQLite keeps it since it keeps numbers."""
    return as_number(datetime.fromisoformat(field).replace(tzinfo=UTC))


# As older schemas of SQLite have the values.
READERS: dict[Kind, Callable[[str], object]] = {
    Kind.TEXT: read_text,
    Kind.INTEGER: int,
    Kind.FLAG: lambda field: field == "t",
    Kind.TIME: lambda field: field,
    Kind.UUID: lambda field: field,
    Kind.NUMBER: read_number,
    Kind.BYTES: bytes.fromhex,
}
NUMBER_READERS = READERS | {Kind.TIME: read_time, Kind.UUID: bytes.fromhex}


def rows_of_block(columns: Sequence[Column], block: Block, *, numbers: bool) -> Iterator[list[object]]:
    """The rows of a block as SQLite takes them, times and ids as numbers or as text. Raises ValueError for lines that are none of
    these columns."""
    readers = [(NUMBER_READERS if numbers else READERS)[column.kind] for column in columns]
    # Not splitlines: a text may have other signs that end a line.
    for line in block.content.decode().split("\n")[:-1]:
        yield [None if field == NULL else read(field) for read, field in zip(readers, line.split("\t"), strict=True)]


# What PostgreSQL reads in another way than the lines are written.
SPOKEN: dict[Kind, Callable[[str], str]] = {
    Kind.NUMBER: lambda field: repr(read_number(field)),
    Kind.BYTES: lambda field: f"\\\\x{field}",
}


def for_postgresql(columns: Sequence[Column], block: Block) -> bytes:
    """The lines of a block as PostgreSQL's COPY takes them."""
    places = [(place, SPOKEN[column.kind]) for place, column in enumerate(columns) if column.kind in SPOKEN]
    if not places:
        return block.content
    lines = []
    for line in block.content.decode().split("\n")[:-1]:
        fields = line.split("\t")
        for place, speak in places:
            if fields[place] != NULL:
                fields[place] = speak(fields[place])
        lines.append("\t".join(fields))
    return block_of(lines).content
