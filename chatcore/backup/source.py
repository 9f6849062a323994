"""One state of a database, read to its end: which tables it has, and their rows as lines, in the order of their keys.

Nothing is ever written to it. While it is read others may write: on SQLite one transaction sees one state of the file, on
PostgreSQL that is what REPEATABLE READ means.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from chatcore.backup.lines import BLOCK_BYTES, Block, Column, Kind, Table, blocks_of_rows
from chatcore.db import explain, label_of
from chatcore.errors import ChatcoreError, Invalid
from chatcore.migrations.run import TABLES, known_revisions

ROWS_AT_ONCE = 500
# As both engines call the types that the migrations give columns.
KINDS = {
    "INTEGER": Kind.INTEGER, "BIGINT": Kind.INTEGER, "SMALLINT": Kind.INTEGER, "VARCHAR": Kind.TEXT, "TEXT": Kind.TEXT,
    "CHAR(32)": Kind.UUID, "DATETIME": Kind.TIME, "BOOLEAN": Kind.FLAG, "FLOAT": Kind.NUMBER, "BLOB": Kind.BYTES,
    "CHARACTER VARYING": Kind.TEXT, "UUID": Kind.UUID, "TIMESTAMP WITH TIME ZONE": Kind.TIME, "DOUBLE PRECISION": Kind.NUMBER,
    "BYTEA": Kind.BYTES,
}  # fmt: skip
# A mark for the rollup names the transaction that made it, which means nothing elsewhere: one a day is left, made by nobody.
MARKS, MARK_WRITER = ("usage_dirty", "usage_sum_dirty"), "writer"


class Source(Protocol):
    """What can be read table by table. `label` is for people, `revision` the schema it has."""

    @property
    def label(self) -> str: ...
    @property
    def revision(self) -> str: ...
    @property
    def tables(self) -> tuple[Table, ...]: ...
    def blocks(self, table: Table) -> Iterator[Block]:
        """The rows of a table."""
        ...


@dataclass(frozen=True, slots=True)
class Content:
    """What was read of a table: how many rows, and the SHA-256 of their lines."""

    rows: int
    sha256: str


class Counted:
    """Blocks on their way, counted and hashed."""

    def __init__(self) -> None:
        self.rows = 0
        self.hash = hashlib.sha256()

    def through(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """The same blocks."""
        for block in blocks:
            self.rows += block.rows
            self.hash.update(block.content)
            yield block

    @property
    def content(self) -> Content:
        """What has come through."""
        return Content(self.rows, self.hash.hexdigest())


def content_of(source: Source, table: Table) -> Content:
    """Reads a table for what it holds."""
    counted = Counted()
    for _ in counted.through(source.blocks(table)):
        pass
    return counted.content


# --- the two engines ---------------------------------------------------------------------------------------------


class SqliteSource:
    """An open SQLite file, in a transaction."""

    def __init__(self, connection: sqlite3.Connection, label: str) -> None:
        self.connection = connection
        self.label = label
        self.revision = checked_revision(self._one("SELECT version_num FROM alembic_version"), label)
        there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        self.tables = tuple(self._describe(name) for name in TABLES if name in there)

    def _one(self, sql: str) -> object:
        try:
            row = self.connection.execute(sql).fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return None
        return row[0] if row else None

    def _describe(self, name: str) -> Table:
        found = self.connection.execute("SELECT name, type, pk FROM pragma_table_info(?)", (name,)).fetchall()
        keys = sorted((place, column) for column, _, place in found if place)
        table = Table(name, tuple(Column(column, kind_of(name, column, kind)) for column, kind, _ in found), tuple(key for _, key in keys))
        return replace(table, rows=int(str(self._one(counting(table)))))

    def blocks(self, table: Table) -> Iterator[Block]:
        """The rows of a table, in the order of its key."""
        columns = ", ".join("0" if is_writer(table, column) else f'"{column.name}"' for column in table.columns)
        order = ", ".join(f'"{name}"' for name in key_of(table))
        with closing(self.connection.execute(f'SELECT {columns} FROM "{table.name}"{grouping(table)} ORDER BY {order}')) as cursor:
            cursor.arraysize = ROWS_AT_ONCE
            try:
                yield from blocks_of_rows(table.columns, rows_of(cursor))
            except (ValueError, TypeError) as error:
                raise Invalid(f"The table {table.name} of {self.label} has a value that its column cannot hold: {error}.") from error


def rows_of(cursor: sqlite3.Cursor) -> Iterator[Sequence[object]]:
    while rows := cursor.fetchmany():
        yield from rows


class PostgresSource:
    """An open PostgreSQL connection, in a transaction."""

    def __init__(self, connection: psycopg.Connection, label: str) -> None:
        self.connection = connection
        self.label = label
        there = self._column("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        versions = self._column("SELECT version_num FROM alembic_version") if "alembic_version" in there else ()
        self.revision = checked_revision(next(iter(versions), None), label)
        self.tables = tuple(self._describe(name) for name in TABLES if name in there)

    def _column(self, sql: str) -> tuple[object, ...]:
        return tuple(row[0] for row in self.connection.execute(sql.encode()).fetchall())

    def _describe(self, name: str) -> Table:
        found = self.connection.execute(PG_COLUMNS, {"name": name}).fetchall()
        keys = sorted((place, column) for column, _, place in found if place is not None)
        table = Table(name, tuple(Column(column, kind_of(name, column, kind)) for column, kind, _ in found), tuple(key for _, key in keys))
        return replace(table, rows=int(str(self._column(counting(table))[0])))

    def blocks(self, table: Table) -> Iterator[Block]:
        """The rows of a table, in the order of its key: by bytes, as SQLite sorts."""
        columns = ", ".join("0" if is_writer(table, column) else written_by_postgresql(column) for column in table.columns)
        order = ", ".join(f'"{name}"' + (' COLLATE "C"' if table.kind_of(name) is Kind.TEXT else "") for name in key_of(table))
        question = f'COPY (SELECT {columns} FROM "{table.name}"{grouping(table)} ORDER BY {order}) TO STDOUT'
        gathered: list[bytes] = []
        size = 0
        with self.connection.cursor() as cursor, cursor.copy(question.encode()) as copy:
            # The server sends each row by itself (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY).
            for line in copy:
                gathered.append(bytes(line))
                size += len(line)
                if size >= BLOCK_BYTES:
                    yield Block(b"".join(gathered), len(gathered))
                    gathered, size = [], 0
        if gathered:
            yield Block(b"".join(gathered), len(gathered))


PG_COLUMNS = """
    SELECT a.attname, upper(format_type(a.atttypid, NULL)), array_position(i.indkey::int2[], a.attnum)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE n.nspname = current_schema() AND c.relname = %(name)s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""


def written_by_postgresql(column: Column) -> str:
    """What makes PostgreSQL write a column as the lines have it."""
    name = f'"{column.name}"'
    match column.kind:
        case Kind.TIME:
            return f"to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
        case Kind.UUID:
            return f"replace(CAST({name} AS text), '-', '')"
        case Kind.NUMBER:
            return f"encode(float8send({name} + 0.0), 'hex')"
        case Kind.BYTES:
            return f"encode({name}, 'hex')"
        case Kind.TEXT | Kind.INTEGER | Kind.FLAG:
            return name


def kind_of(table: str, column: str, declared: str) -> Kind:
    """The kind of a declared type. Raises Invalid for one that nobody has taught this module."""
    declared = declared.upper()
    kind = KINDS.get(declared) or KINDS.get(declared.partition("(")[0])
    if kind is None:
        raise Invalid(f"The column {table}.{column} is a {declared}, which cannot be copied.", "Report this; nothing was changed.")
    return kind


def is_writer(table: Table, column: Column) -> bool:
    return table.name in MARKS and column.name == MARK_WRITER


def key_of(table: Table) -> tuple[str, ...]:
    return tuple(name for name in table.key if table.name not in MARKS or name != MARK_WRITER)


def grouping(table: Table) -> str:
    return f" GROUP BY {', '.join(key_of(table))}" if table.name in MARKS else ""


def counting(table: Table) -> str:
    """The question how many rows will be read."""
    return f'SELECT count(*) FROM (SELECT 1 FROM "{table.name}"{grouping(table)}) AS read'


def checked_revision(found: object, label: str) -> str:
    """The schema a database has. Raises Invalid for one that is not ours, or newer than this program."""
    if not isinstance(found, str):
        raise Invalid(f"{label} is not a chatcore database.", "To take over an older program's: python -m chatcore import --from URL")
    if found not in known_revisions():
        raise Invalid(
            f"{label} has the schema {found}, which this chatcore does not know.", "It was made by a newer chatcore: update this one first."
        )
    return found


# --- opening -----------------------------------------------------------------------------------------------------


@contextmanager
def open_source(url: URL) -> Iterator[SqliteSource | PostgresSource]:
    """Opens a database for reading one state of it. Raises Invalid, Conflict or Denied."""
    label = label_of(url)
    try:
        if url.get_backend_name() == "sqlite":
            with closing(reading_connection(Path(str(url.database)))) as file:
                file.execute("BEGIN")
                yield SqliteSource(file, label)
        else:
            with closing(connect_postgres(url)) as server:
                server.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield PostgresSource(server, label)
    except (sqlite3.Error, psycopg.Error) as error:
        raise understood(error, label) from error


def understood(error: Exception, label: str) -> ChatcoreError:
    """A sentence for what a driver says while rows are read or written."""
    reason = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
    return explain(error, label) or Invalid(f"The database {label} cannot be read or filled: {reason}", "Nothing was changed.")


def reading_connection(path: Path) -> sqlite3.Connection:
    """A connection to a SQLite file that cannot write to it. Raises Invalid where there is no such file."""
    if not path.is_file():
        raise Invalid(f"There is no file {path}.", "Correct the path.")
    # A file in write-ahead mode that nobody has open cannot be read without making the files beside it; one that is not can.
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA cache_size=-65536")
    return connection


def connect_postgres(url: URL) -> psycopg.Connection:
    """A connection of our own, without a time limit."""
    options = "-c timezone=UTC -c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c extra_float_digits=1"
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(address, connect_timeout=5, options=options)


def parsed(raw: str, option: str) -> URL:
    """The address of a database as a person wrote it. Raises Invalid, naming the option."""
    try:
        return make_url(raw)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise Invalid(
            f"{option} is not the address of a database.", "Write sqlite:///path/to/file.db or postgresql://user:password@host:5432/name."
        ) from error
