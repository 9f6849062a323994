"""Makes a database of a source: the schema, then the rows without anything that checks or counts each of them, then the keys,
indexes and triggers, then the search index; at last everything is read again and compared with what came. All or nothing.

On PostgreSQL that is one transaction. On SQLite it is a file of its own that takes its name when it is whole (`placing`).
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from chatcore.backup.lines import Column, Kind, Table, for_postgresql, rows_of_block
from chatcore.backup.source import Content, Counted, PostgresSource, Source, SqliteSource, content_of, understood
from chatcore.db import Database, count_tables, label_of, open_database, sqlite_engine
from chatcore.errors import Conflict, Invalid
from chatcore.migrations import search_index
from chatcore.migrations.run import HEAD, TABLES, check_foreign_keys, run_steps
from chatcore.migrations.stored import NUMBERS_SINCE
from chatcore.search.bulk import fill_index

# How long PostgreSQL waits for somebody who uses a table that is to be replaced.
LOCK_WAIT_S = 5
# How long others have to leave, and how often it is looked.
LEAVING_S, ASK_AGAIN_S = 2.0, 0.05

# Hears what is done now, and how far it is: done and in all.
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was brought, by table. `is_indexed`: whether the search finds everything already, or is still to be filled."""

    tables: dict[str, Content]
    is_indexed: bool = True

    @property
    def rows(self) -> int:
        """Of all tables together."""
        return sum(content.rows for content in self.tables.values())


def silent(stage: str, done: int, total: int) -> None:
    """For who wants to hear of no progress."""


# --- SQLite ------------------------------------------------------------------------------------------------------


def build_file(source: Source, path: Path, on_progress: OnProgress = silent) -> Loaded:
    """Makes a new SQLite file of a source; one of that name, left by a copy that was ended, goes first. Raises Invalid, Conflict
    or Denied, and then leaves no file."""
    remove_file(path)
    url = make_url(f"sqlite:///{path}")
    # Nobody else knows the file, and it is thrown away unless it becomes whole: nothing has to be undone or to be on the disk.
    engine = sqlite_engine(url, begin="BEGIN IMMEDIATE", pool_size=1, query_only=False, migrating=True)
    try:
        with clear_errors(str(path)), engine.connect() as connection:
            raw = cast(sqlite3.Connection, connection.connection.driver_connection)
            for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=OFF", "synchronous=OFF"):
                raw.execute(f"PRAGMA {pragma}")
            with connection.begin():
                loaded = load(connection, source, on_progress)
            if source.revision < NUMBERS_SINCE:
                # What its times and ids took as text is empty now.
                raw.execute("VACUUM")
            raw.execute("PRAGMA journal_mode=DELETE")
    except BaseException:
        engine.dispose()
        remove_file(path)
        raise
    engine.dispose()
    return loaded


def remove_file(path: Path) -> None:
    """Removes a SQLite file that nobody uses, with what stands beside it."""
    for end in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


# --- PostgreSQL --------------------------------------------------------------------------------------------------


def fill_database(source: Source, db: Database, on_progress: OnProgress = silent) -> Loaded:
    """Replaces what a PostgreSQL database has of chatcore with a source. Raises Invalid, Conflict or Denied; then, and if the
    process ends meanwhile, it is as it was."""
    db.release()
    with clear_errors(db.label), db.migration() as connection:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'")
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '256MB'")
        refuse_others(connection, db.label)
        remove_ours(connection)
        loaded = load(connection, source, on_progress)
        connection.exec_driver_sql("ANALYZE")
        return loaded


def need_free(url: URL) -> None:
    """Raises Conflict if anybody is connected to a PostgreSQL database."""
    db = open_database(url.render_as_string(hide_password=False))
    try:
        # Those of ours that opened it are no others.
        db.release()
        with clear_errors(db.label), db.migration() as connection:
            refuse_others(connection, db.label)
    finally:
        db.close()


OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend'"
)


def refuse_others(connection: sa.Connection, label: str) -> None:
    """Raises Conflict if anybody else is connected: a program that runs would write to tables that are gone."""
    give_up = time.monotonic() + LEAVING_S
    # A connection that was closed, as that of the backup before a restore, is still there for a moment.
    while others := connection.exec_driver_sql(OTHERS).scalar_one():
        if time.monotonic() < give_up:
            time.sleep(ASK_AGAIN_S)
            connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
            continue
        raise Conflict(
            f"The database {label} is in use: {others} other {'connection is' if others == 1 else 'connections are'} open.",
            "Stop chatcore on every machine, and whatever else uses it, then try again.",
        )


def remove_ours(connection: sa.Connection) -> None:
    """Takes our tables and functions away. What belongs to other programs stays."""
    ours = [*TABLES, *search_index.TABLES, "alembic_version"]
    functions = connection.exec_driver_sql(
        "SELECT DISTINCT t.tgfoid::regprocedure::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE NOT t.tgisinternal AND n.nspname = current_schema() AND c.relname = ANY(%(ours)s)",
        {"ours": ours},
    ).scalars()
    triggers = list(functions)
    if sa.inspect(connection).has_table("chatmessage"):
        search_index.drop(connection)
    # Named together, they may point to each other.
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {', '.join(ours)}")
    for function in triggers:
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {function}")


# --- both --------------------------------------------------------------------------------------------------------


def load(connection: sa.Connection, source: Source, on_progress: OnProgress) -> Loaded:
    """Schema, rows, what hangs on them, the newest schema, the search index, the comparison: in one transaction."""
    on_progress("Preparing", 0, 1)
    run_steps(connection, to=source.revision)
    target = reading(connection)
    check_tables(source, target)
    total, done = sum(table.rows for table in source.tables), 0
    brought: dict[str, Content] = {}
    with undressed(connection, tuple(table.name for table in target.tables), on_progress):
        for table in source.tables:
            counted = Counted()
            for rows in write(connection, table, counted, source):
                done += rows
                on_progress("Copying", min(done, total), total)
            brought[table.name] = counted.content
    on_progress("Comparing", 0, total)
    compare(reading(connection), source.tables, brought, on_progress)
    set_sequences(connection, source.tables)
    if source.revision != HEAD:
        run_steps(connection)
    whole = fill_index(connection, on_done=lambda count, number: on_progress("Indexing for the search", count, number))
    if connection.dialect.name == "sqlite":
        check_foreign_keys(connection)
        count_tables(connection)
    return Loaded(brought, whole)


def reading(connection: sa.Connection) -> SqliteSource | PostgresSource:
    """The target as a source, in its own transaction."""
    driver, label = connection.connection.driver_connection, label_of(connection.engine.url)
    return (
        SqliteSource(driver, label) if isinstance(driver, sqlite3.Connection) else PostgresSource(cast(psycopg.Connection, driver), label)
    )


def check_tables(source: Source, target: Source) -> None:
    """Raises Invalid if the source has not exactly the tables and columns of its schema."""
    for table in target.tables:
        theirs = next((found for found in source.tables if found.name == table.name), None)
        same = theirs is not None and set(theirs.columns) == set(table.columns)
        if not same:
            raise Invalid(
                f"The table {table.name} of {source.label} is not the one of schema {source.revision}.",
                "See what is wrong with it: python -m chatcore doctor. Nothing was changed.",
            )
    if unknown := {table.name for table in source.tables} - {table.name for table in target.tables}:
        raise Invalid(f"{source.label} has a table {sorted(unknown)[0]} that schema {source.revision} has not.", "Nothing was changed.")


@contextmanager
def undressed(connection: sa.Connection, tables: tuple[str, ...], on_progress: OnProgress) -> Iterator[None]:
    """For the block, tables have no triggers, no indexes and no foreign keys; then they get them back, as they were."""
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql(
            "SELECT type, name, sql FROM sqlite_master WHERE type = 'trigger' OR (type = 'index' AND sql IS NOT NULL) ORDER BY type, rowid"
        ).all()
        for kind, name, _ in found:
            connection.exec_driver_sql(f"DROP {kind} {name}")
        later = [sql for _, _, sql in found]
    else:
        for table in tables:
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        later = take_indexes(connection, tables)
        later += [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in tables]
    yield
    for number, statement in enumerate(later):
        on_progress("Indexing", number, len(later))
        connection.exec_driver_sql(statement)


TAKEN = """
    SELECT 2 AS turn, format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
      format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY(%(tables)s::regclass[])
    UNION ALL
    SELECT 1, format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
      format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE contype = 'u' AND conrelid = ANY(%(tables)s::regclass[])
    UNION ALL
    SELECT 0, format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index WHERE indrelid = ANY(%(tables)s::regclass[]) AND NOT indisprimary
      AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)"""


def take_indexes(connection: sa.Connection, tables: tuple[str, ...]) -> list[str]:
    """Takes foreign keys, unique keys and indexes of PostgreSQL tables away; the statements that make them again, in their order.
    One large table is then checked and sorted once, and not row by row."""
    found = connection.exec_driver_sql(TAKEN, {"tables": list(tables)}).all()
    for _, drop, _ in sorted(found, key=lambda row: -row[0]):
        connection.exec_driver_sql(drop)
    return [make for _, _, make in sorted(found, key=lambda row: row[0])]


def write(connection: sa.Connection, table: Table, counted: Counted, source: Source) -> Iterator[int]:
    """Writes the rows of a table, and says how many after each block."""
    driver, names = connection.connection.driver_connection, ", ".join(f'"{column.name}"' for column in table.columns)
    blocks = counted.through(source.blocks(table))
    try:
        if isinstance(driver, sqlite3.Connection):
            insert = f'INSERT INTO "{table.name}" ({names}) VALUES ({", ".join("?" * len(table.columns))})'
            for block in blocks:
                driver.executemany(insert, rows_of_block(table.columns, block, numbers=source.revision >= NUMBERS_SINCE))
                yield block.rows
            return
        question = f'COPY "{table.name}" ({names}) FROM STDIN'.encode()
        with cast(psycopg.Connection, driver).cursor() as cursor, cursor.copy(question) as copy:
            for block in blocks:
                copy.write(for_postgresql(table.columns, block))
                yield block.rows
    except (ValueError, sqlite3.IntegrityError, psycopg.DataError, psycopg.IntegrityError) as error:
        reason = str(error).strip().splitlines()[0]
        raise Invalid(f"A row of {table.name} of {source.label} cannot be written: {reason}.", "Nothing was changed.") from error


def compare(target: Source, tables: Sequence[Table], brought: dict[str, Content], on_progress: OnProgress) -> None:
    """Raises Invalid if the target has not exactly what came."""
    total, done = sum(table.rows for table in tables), 0
    for table in tables:
        found = content_of(target, table)
        done += found.rows
        on_progress("Comparing", min(done, total), total)
        if found != brought[table.name]:
            raise Invalid(
                f"What {target.label} has in the table {table.name} after writing is not what was read: {found.rows:,} of "
                f"{brought[table.name].rows:,} rows{', with other content' if found.rows == brought[table.name].rows else ''}.",
                "Nothing was changed. Report this.",
            )


SET_SEQUENCE = (
    "SELECT setval(sequence, (SELECT max(id) FROM {table})) FROM pg_get_serial_sequence('{table}', 'id') AS sequence "
    "WHERE sequence IS NOT NULL AND EXISTS (SELECT 1 FROM {table})"
)


def set_sequences(connection: sa.Connection, tables: Sequence[Table]) -> None:
    """The next number of each table of PostgreSQL comes after those that were brought."""
    if connection.dialect.name == "sqlite":
        return
    for table in tables:
        if Column("id", Kind.INTEGER) in table.columns:
            connection.execute(sa.text(SET_SEQUENCE.format(table=table.name)))


@contextmanager
def clear_errors(label: str) -> Iterator[None]:
    """Turns what a driver says into a sentence for people."""
    try:
        yield
    except (sa.exc.DBAPIError, sqlite3.Error, psycopg.Error) as error:
        raise understood(getattr(error, "orig", None) or error, label) from error
