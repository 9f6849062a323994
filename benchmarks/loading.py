"""Writes a corpus into a database as an import of its size does, and remembers in the database what was written.

Quick because rows go to the driver as they are (executemany, COPY); the types of the tables say how a value is stored.
A run that was ended goes on where it stopped: the rows before are made again but not written.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import psycopg
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from benchmarks.corpus import VERSION, Batch, Corpus, Row
from benchmarks.corpus_people import ISSUER, PEOPLE, folder_rows, tag_rows
from benchmarks.filling import NOW
from chatcore.accounts import local_owner
from chatcore.bulk import as_stored, insert_rows
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.rows import CHATS, MESSAGES
from chatcore.search.build import index_later, later_step, mark_days

MESSAGES_A_TRANSACTION = 5_000
COLUMNS = {
    "users": ("id", "name", "email", "issuer", "subject", "is_owner", "created_at"),
    "tag": ("id", "user_id", "name"),
    "folder": ("id", "user_id", "parent_id", "name"),
    "chatsession": (
        "id", "user_id", "title", "provider", "model_name", "created_at", "updated_at", "pinned", "archived", "deleted_at", "folder_id",
        "message_count", "input_tokens", "output_tokens", "last_message_at", "last_snippet",
    ),
    "chattag": ("session_id", "tag_id", "user_id"),
    "chatmessage": (
        "id", "session_id", "user_id", "parent_id", "role", "status", "created_at", "provider", "model_name", "tool_calls", "content",
    ),
    "generation": (
        "user_id", "session_id", "message_id", "provider", "model_name", "state", "started_at", "finished_at", "duration_s",
        "time_to_first_chunk_s", "eval_s", "input_tokens", "output_tokens", "usage_source", "finish_reason", "context_window", "error_type",
        "error_message", "error_hint", "error_retryable",
    ),
}  # fmt: skip
LEAF = {
    "sqlite": "UPDATE chatsession SET current_message_id = ? WHERE id = ?",
    "postgresql": "UPDATE chatsession SET current_message_id = %s WHERE id = %s",
}
MARKER = "benchmark_corpus"

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Filling:
    """What a database was filled with. `written` messages of `messages` so far; `planted` as `Corpus.planted` has it."""

    version: int
    seed: int
    messages: int
    written: int
    chats: int
    answers: int
    text_bytes: int
    long_chat: str | None
    planted: dict[str, dict[str, int]]

    @property
    def whole(self) -> bool:
        """Whether nothing is left to be written."""
        return self.written == self.messages


def settle(db: Database) -> None:
    """The planner knows what is there, and PostgreSQL has cleaned up, as in a database that has been in use."""
    db.refresh_statistics()
    if db.is_sqlite:
        return
    with db.connect() as connection:
        quiet = connection.execution_options(isolation_level="AUTOCOMMIT")
        quiet.exec_driver_sql("SET statement_timeout = 0")
        quiet.exec_driver_sql("VACUUM (ANALYZE)")
        quiet.exec_driver_sql("RESET statement_timeout")


def read_marker(db: Database) -> Filling | None:
    """What the database was filled with; None for one that was not filled from here."""
    with db.read() as tx:
        if not sa.inspect(tx.connection()).has_table(MARKER):
            return None
        told = tx.execute(sa.text(f"SELECT told FROM {MARKER}")).scalar()
    return Filling(**json.loads(told)) if told else None


def load(db: Database, corpus: Corpus, *, at_once: int = MESSAGES_A_TRANSACTION, on_progress: OnProgress | None = None) -> Filling:
    """Writes all of the corpus, or what is left of it, `at_once` messages in a transaction (the same each time).

    `on_progress` hears the messages done and in all. Raises Invalid for a database that was filled with something else.
    """
    earlier = read_marker(db)
    if earlier and (earlier.version, earlier.seed, earlier.messages) != (VERSION, corpus.seed, corpus.wanted):
        raise Invalid(
            f"The database {db.label} holds {earlier.messages:,} messages of seed {earlier.seed}, version {earlier.version}.",
            f"Delete it, or name another place: version {VERSION} is made now.",
        )
    if not earlier:
        add_people(db)
    written = earlier.written if earlier else 0
    for batch in corpus.batches(at_once):
        if corpus.messages <= written:
            continue
        with db.write() as tx:
            write(tx, batch)
            take_ids(tx, "chatmessage")
            remember(tx, corpus)
        # Now, so that what is left to be indexed at an end in the middle is little.
        while later_step(db) is not None:
            pass
        if on_progress:
            on_progress(corpus.messages, corpus.wanted)
    settle(db)
    filling = read_marker(db)
    assert filling is not None
    return filling


def write(tx: Session, batch: Batch) -> None:
    """All rows of a batch, in the order that the keys between them ask for."""
    if dialect_of(tx) == "postgresql":
        tx.execute(sa.text("SET LOCAL statement_timeout = 0"))
    ids = [int(str(row[0])) for row in batch.messages]
    index_later(tx, sorted(ids))
    insert(tx, "chatsession", batch.chats)
    insert(tx, "chatmessage", batch.messages)
    insert(tx, "generation", batch.generations)
    mark_days(tx, sorted(ids))
    insert(tx, "chattag", batch.tags)
    # The chat and its last message name each other, so one of them has to be written twice.
    leaves = as_stored(tx, (MESSAGES.c.id, CHATS.c.id), batch.leaves)
    driver_of(tx).cursor().executemany(LEAF[dialect_of(tx)], leaves)


def take_ids(tx: Session, table: str) -> None:
    """Says which ids of a table are taken; SQLite sees that by itself."""
    if dialect_of(tx) == "postgresql":
        tx.execute(sa.text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"))


def insert(tx: Session, table: str, rows: Iterable[Row]) -> None:
    """Rows of COLUMNS into a table, as an import of its size writes them."""
    insert_rows(tx, SQLModel.metadata.tables[table], COLUMNS[table], rows)


def driver_of(tx: Session) -> "sqlite3.Connection | psycopg.Connection[tuple[object, ...]]":
    """The driver's own connection, in the transaction that is open."""
    driver = tx.connection().connection.driver_connection
    assert isinstance(driver, sqlite3.Connection | psycopg.Connection)
    return driver


def dialect_of(tx: Session) -> str:
    return tx.get_bind().dialect.name


def add_people(db: Database) -> None:
    """The people with their tags and folders, and the place where it is remembered what was written."""
    local_owner(db, now=NOW)
    people = [(person, person.replace("person-", "Person "), f"{person}@example.org", ISSUER, person, False, NOW) for person in PEOPLE[1:]]
    with db.write() as tx:
        insert(tx, "users", people)
        insert(tx, "tag", tag_rows())
        insert(tx, "folder", folder_rows())
        take_ids(tx, "tag")
        take_ids(tx, "folder")
        tx.execute(sa.text(f"CREATE TABLE {MARKER} (told TEXT NOT NULL)"))


def remember(tx: Session, corpus: Corpus) -> None:
    """Writes down what the database holds, in the transaction that wrote it."""
    told = Filling(
        version=VERSION,
        seed=corpus.seed,
        messages=corpus.wanted,
        written=corpus.messages,
        chats=corpus.chats,
        answers=corpus.answers,
        text_bytes=corpus.text_bytes,
        long_chat=corpus.long_chat_id.hex if corpus.long_chat_id else None,
        planted=corpus.planted,
    )
    tx.execute(sa.text(f"DELETE FROM {MARKER}"))
    tx.execute(sa.text(f"INSERT INTO {MARKER} (told) VALUES (:told)"), {"told": json.dumps(asdict(told))})
