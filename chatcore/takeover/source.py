"""Reads a database of an older program, which is never written: its users, its conversations, its messages.

Two shapes are known: `users`, `conversations`, `messages`, and the specification's plain `chatsession` and `chatmessage`
where they stand beside another program's `users`. Columns beyond the known ones are not read; known ones may be missing.
"""

import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from chatcore.db import explain, label_of
from chatcore.errors import Invalid
from chatcore.settings import database_url

# A transaction writes at most 1,000 rows: for each message its row, its reference, its chat and its mark for the rollup.
PORTION = 250

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Shape:
    """The names an older program gave its tables, and the column of a message that names its chat."""

    chats: str
    messages: str
    chat_of_message: str


SHAPES = (
    Shape(chats="conversations", messages="messages", chat_of_message="conversation_id"),
    Shape(chats="chatsession", messages="chatmessage", chat_of_message="session_id"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """An older database, open for reading one state of it."""

    connection: sa.Connection
    shape: Shape
    name: str
    columns: Mapping[str, frozenset[str]]

    @property
    def has_owners(self) -> bool:
        """Whether chats say whose they are."""
        return "user_id" in self.columns[self.shape.chats]

    @property
    def has_users(self) -> bool:
        """Whether there is a table of users that can be told apart."""
        return "id" in self.columns.get("users", ())

    def owner(self, table: str) -> str:
        """The column `owner`: whose a row is, written as in `users`, since Python writes some numbers and bytes otherwise."""
        return ", CAST(user_id AS TEXT) AS owner" if "user_id" in self.columns[table] else ""

    def users(self) -> Generator[Sequence[Row], None, None]:
        """The users, by id, also those whom only a conversation names; in portions, ids as text under `key`."""
        parts = []
        if self.has_users:
            parts.append("SELECT CAST(id AS TEXT) AS key FROM users WHERE id IS NOT NULL")
        if self.has_owners:
            parts.append(f"SELECT CAST(user_id AS TEXT) AS key FROM {self.shape.chats} WHERE user_id IS NOT NULL")
        if not parts:
            return
        everybody = " UNION ".join(parts)
        if self.has_users:
            yield from self.portions(
                f"SELECT u.*, k.key FROM ({everybody}) k LEFT JOIN users u ON CAST(u.id AS TEXT) = k.key ORDER BY k.key"
            )
        else:
            yield from self.portions(f"SELECT k.key FROM ({everybody}) k ORDER BY k.key")

    def chats(self) -> Generator[Sequence[Row], None, None]:
        """The conversations, by id, in portions, with the key of their user under `owner`."""
        yield from self.portions(f"SELECT c.*{self.owner(self.shape.chats)} FROM {self.shape.chats} c ORDER BY id")

    def messages(self) -> Generator[Sequence[Row], None, None]:
        """The messages of all conversations, by time and then by id, in portions, with `chat` and `owner` as their ids."""
        times = "created_at" in self.columns[self.shape.messages]
        # As text, '2026-01-01T08:00Z' and '2026-01-01 09:00' would not be in order.
        sqlite = "julianday(created_at), created_at, " if times else ""
        postgresql = "created_at NULLS FIRST, " if times else ""
        order = sqlite if self.connection.dialect.name == "sqlite" else postgresql
        extra = f"m.{self.shape.chat_of_message} AS chat{self.owner(self.shape.messages)}"
        yield from self.portions(f"SELECT m.*, {extra} FROM {self.shape.messages} m ORDER BY {order}id")

    def count_messages(self) -> int:
        """How many messages there are."""
        count: int = self.connection.execute(sa.text(f"SELECT count(*) FROM {self.shape.messages}")).scalar_one()
        return count

    def portions(self, sql: str) -> Generator[Sequence[Row], None, None]:
        """The rows of a question, a portion at a time, never all in memory."""
        with self.connection.execute(sa.text(sql), execution_options={"stream_results": True}) as result:
            for part in result.mappings().partitions(PORTION):
                yield [{str(name): value for name, value in row.items()} for row in part]


@contextmanager
def open_source(raw_url: str, *, target: URL) -> Iterator[Source]:
    """Opens an older database for reading only.

    Raises Invalid for a URL that cannot be used, a database without the tables, and the target itself; Conflict or Denied
    for one that does not answer.
    """
    url = source_url(raw_url)
    if same_database(url, target):
        raise Invalid("This is the database chatcore itself uses.", "Name the older database after --from.")
    engine = reading_engine(url)
    try:
        with engine.connect() as connection:
            yield describe(connection, label=label_of(url), name=source_name(url))
    except DBAPIError as error:
        explained = explain(error, label_of(url))
        if explained is None:
            raise
        raise explained from error
    finally:
        engine.dispose()


def source_url(raw: str) -> URL:
    """The address of an older database: a URL, or the path of a SQLite file. Raises Invalid."""
    try:
        if "://" not in raw and Path(raw).is_file():
            raw = f"sqlite:///{Path(raw).resolve()}"
        url = make_url(database_url(raw)) if raw.strip() else None
    except (Invalid, sa.exc.ArgumentError, ValueError, OSError):
        # Also a port that is no number, and a name longer than a file may have.
        url = None
    if url is None:
        raise Invalid(
            "The older database cannot be found by this address.",
            "Write sqlite:///path/to/file.db, the path of a file, or postgresql://user:password@host:5432/name.",
        )
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
        raise Invalid(f"There is no file {url.database}.", "Correct the path after --from.")
    return url


def same_database(one: URL, other: URL) -> bool:
    if one.get_backend_name() == other.get_backend_name() == "sqlite":
        return Path(str(one.database)).resolve() == Path(str(other.database)).resolve()
    return source_name(one) == source_name(other)


def source_name(url: URL) -> str:
    """What an older database is called in `importref`: the same at the next import, whoever signs in."""
    if url.get_backend_name() == "sqlite":
        return f"sqlite:{Path(str(url.database)).resolve()}"
    return label_of(url.set(username=None, password=None))


def reading_engine(url: URL) -> sa.Engine:
    """An engine that cannot write. One state is read to the end: a sorted question may take longer than any time limit."""
    if url.get_backend_name() != "sqlite":
        options = "-c timezone=UTC -c default_transaction_read_only=on -c statement_timeout=0"
        connect_args = {"connect_timeout": 5, "options": options}
        return sa.create_engine(url, poolclass=NullPool, isolation_level="REPEATABLE READ", connect_args=connect_args)
    address = f"{Path(str(url.database)).resolve().as_uri()}?mode=ro"
    engine = sa.create_engine("sqlite://", poolclass=NullPool, creator=lambda: reading_connection(address))

    @event.listens_for(engine, "begin")
    def start(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def reading_connection(address: str) -> sqlite3.Connection:
    """A connection that takes text as it is: SQLite also keeps what is no UTF-8."""
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    connection.text_factory = lambda found: found.decode(errors="replace")
    return connection


def describe(connection: sa.Connection, *, label: str, name: str) -> Source:
    """Finds out which tables and columns there are. Raises Invalid if none of the known shapes fits."""
    inspector = sa.inspect(connection)
    there = set(inspector.get_table_names())
    if there.issuperset({"importref", "generation", "chatmessage"}):
        raise Invalid(f"{label} is a chatcore database already.", "Set DATABASE_URL to it to use it.")
    shape = next((shape for shape in SHAPES if there.issuperset({shape.chats, shape.messages})), None)
    if shape is None:
        raise Invalid(f"{label} has no tables conversations and messages.", "Name the database of the older program, not another one.")
    names = [name for name in ("users", shape.chats, shape.messages) if name in there]
    columns = {name: frozenset(column["name"] for column in inspector.get_columns(name)) for name in names}
    for table, needed in ((shape.chats, {"id"}), (shape.messages, {"id", shape.chat_of_message, "role", "content"})):
        if missing := needed - columns[table]:
            raise Invalid(f"The table {table} of {label} has no column {', '.join(sorted(missing))}.", "It cannot be taken over.")
    return Source(connection, shape, name, columns)
