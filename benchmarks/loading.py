"""Writes a corpus into a database, rows and search index in bulk, and remembers in the database what was written.

Quick because rows go to the driver as they are (executemany, COPY), their words are cut in another process, and the index gets
them many at a time and in the order of its keys. On PostgreSQL the index over the words is made at the end, from all of them.
A run that was ended goes on where it stopped: the rows before are made again but not written.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict
from itertools import islice

import psycopg
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from benchmarks.corpus import VERSION, Batch, Corpus, Row
from benchmarks.corpus_people import ISSUER, PEOPLE, folder_rows, tag_rows
from benchmarks.filling import NOW
from benchmarks.portions import Filling, Portion, portions_ahead
from chatcore.accounts import local_owner
from chatcore.bulk import as_stored, insert_rows
from chatcore.db import Database, lift_limits
from chatcore.errors import Invalid
from chatcore.rows import CHATS, MESSAGES
from chatcore.search.build import mark_days
from chatcore.search.entering import SET, allow_pieces, begin_entering
from chatcore.search.merging import Gathering

# What goes through the pipe at once, and what is committed: each transaction leaves a piece of SQLite's full-text index.
MESSAGES_A_PORTION = 5_000
MESSAGES_A_TRANSACTION = 100_000
# SQLite, while it fills: FTS5 holds the words of a transaction in so many bytes (1 MB of its own accord: a piece every 2,000
# messages, and twice the time), the pages that rows fall into at random stay in so many KB, and pieces are put together in
# steps of so many pages.
HASH_BYTES, USUAL_HASH_BYTES = 256 * 1024 * 1024, 1024 * 1024
CACHE_KB = 512 * 1024
MERGED_PAGES = 10_000
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
# PostgreSQL: the statements of indexes that are away while it fills. To make them from all rows takes a fraction of the time.
AWAY = "benchmark_index"
MADE_LAST = "tablename = 'message_search' AND indexdef LIKE '% USING gin %'"
INDEX_MEMORY = "1GB"

OnProgress = Callable[[int, int], None]


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
    prepare(db)
    size = min(at_once, MESSAGES_A_PORTION)
    with closing(portions_ahead(corpus, size, written=earlier.written if earlier else 0)) as portions:
        while some := list(islice(portions, at_once // size)):
            with db.write() as tx:
                write(tx, some)
                take_ids(tx, "chatmessage")
                remember(tx, some[-1].filling)
            if on_progress:
                on_progress(some[-1].filling.written, corpus.wanted)
    settle(db)
    filling = read_marker(db)
    assert filling is not None
    return filling


def prepare(db: Database) -> None:
    """Lets SQLite take memory, and PostgreSQL do without the index over the words."""
    allow_pieces(db)
    with db.write() as tx:
        if db.is_sqlite:
            driver_of(tx).execute(SET, ("hashsize", HASH_BYTES))
            driver_of(tx).execute(f"PRAGMA cache_size=-{CACHE_KB}")
            return
        tx.execute(sa.text(f"CREATE TABLE IF NOT EXISTS {AWAY} (statement TEXT NOT NULL)"))
        found = tx.execute(sa.text(f"SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND {MADE_LAST}"))
        for name, statement in found.all():
            tx.execute(sa.text(f"INSERT INTO {AWAY} (statement) VALUES (:statement)"), {"statement": statement})
            tx.execute(sa.text(f"DROP INDEX {name}"))


def settle(db: Database) -> None:
    """Everything is as in a database that has been in use: the index is whole and not in more pieces than it is in use, the planner
    knows what is there, and PostgreSQL has cleaned up."""
    if db.is_sqlite:
        Gathering(db, pages=MERGED_PAGES).finish()
        with db.write() as tx:
            driver_of(tx).execute(SET, ("hashsize", USUAL_HASH_BYTES))
        # The next connection has a cache of the usual size again.
        db.release()
        db.refresh_statistics()
        return
    with db.write() as tx:
        lift_limits(tx.connection())
        tx.execute(sa.text(f"SET LOCAL maintenance_work_mem = '{INDEX_MEMORY}'"))
        for statement in tx.execute(sa.text(f"SELECT statement FROM {AWAY}")).scalars().all():
            tx.connection().exec_driver_sql(statement)
        tx.execute(sa.text(f"DROP TABLE {AWAY}"))
    with db.connect() as connection:
        quiet = connection.execution_options(isolation_level="AUTOCOMMIT")
        quiet.exec_driver_sql("SET statement_timeout = 0")
        quiet.exec_driver_sql("VACUUM (ANALYZE)")
        quiet.exec_driver_sql("RESET statement_timeout")


def write(tx: Session, portions: Sequence[Portion]) -> None:
    """All rows of portions that follow each other, with their place in the search index and their marks."""
    if dialect_of(tx) == "postgresql":
        lift_limits(tx.connection())
    first, last = portions[0].entries[0].message_id, portions[-1].entries[-1].message_id
    entering = begin_entering(tx, first, last)
    for portion in portions:
        write_rows(tx, portion.batch)
    mark_days(tx, first, last)
    # All at once: each time words are put in makes a piece.
    entering.add([entry for portion in portions for entry in portion.entries])
    entering.end()


def write_rows(tx: Session, batch: Batch) -> None:
    """All rows of a batch, in the order that the keys between them ask for."""
    insert(tx, "chatsession", batch.chats)
    insert(tx, "chatmessage", batch.messages)
    insert(tx, "generation", batch.generations)
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


def remember(tx: Session, filling: Filling) -> None:
    """Writes down what the database holds, in the transaction that wrote it."""
    tx.execute(sa.text(f"DELETE FROM {MARKER}"))
    tx.execute(sa.text(f"INSERT INTO {MARKER} (told) VALUES (:told)"), {"told": json.dumps(asdict(filling))})
