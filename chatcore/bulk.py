"""Many rows at once, past SQLAlchemy: executemany on SQLite, COPY on PostgreSQL. Every trigger and law holds as ever.

To compile and bind a row takes SQLAlchemy longer than SQLite takes to write it.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel import Session

# Few sizes, so that the driver keeps the statements; 20 columns of 25 rows are far below the most parameters of a statement.
ROWS_A_STATEMENT = (25, 10, 5, 2, 1)

# What a session notes of its transaction.
DRIVER = "chatcore_driver"

Row = Sequence[object]
Write = Callable[[object], object]


def insert_rows(tx: Session, table: sa.Table, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Writes rows, each with values for these columns, in their order. Raises what an insert by SQLAlchemy raises."""
    dialect = tx.get_bind().dialect
    stored = with_written(rows, writers_by_name(table, tuple(names), dialect))
    if dialect.name == "sqlite":
        insert_many(tx, f"INSERT INTO {table.name} ({', '.join(names)})", stored)
        return
    copy_rows(tx, table.name, names, stored)


def insert_many(tx: Session, head: str, rows: Sequence[Row]) -> int:
    """Writes rows on SQLite, many with a statement: where a table has triggers, to begin a statement and end it takes as long as to
    write the row (measured), as every full-text table then writes what it has. How many rows were written."""
    written = start = 0
    for size in ROWS_A_STATEMENT:
        number = (len(rows) - start) // size
        if number:
            row = f"({', '.join('?' * len(rows[0]))})"
            statement = f"{head} VALUES {', '.join([row] * size)}"
            several = (tuple(chain.from_iterable(rows[start + n * size : start + (n + 1) * size])) for n in range(number))
            written += execute_many(tx, statement, several)
            start += number * size
    return written


def execute_many(tx: Session, statement: str, rows: Iterable[Row]) -> int:
    """Executes a statement of SQLite for each of these rows; how many rows it changed. Raises what SQLAlchemy raises."""
    driver = sqlite_driver(tx)
    try:
        return driver.executemany(statement, rows).rowcount
    except sqlite3.Error as error:
        raise sa.exc.DBAPIError.instance(statement, None, error, sqlite3.Error, dialect=tx.get_bind().dialect) from error


def quickly(tx: Session, statement: sa.TextClause, values: Mapping[str, object]) -> list[tuple[object, ...]]:
    """The rows of a statement in plain SQL, with values that the driver takes as they are. To have it executed by SQLAlchemy takes
    longer than SQLite takes for a short one."""
    if tx.get_bind().dialect.name == "sqlite":
        found: list[tuple[object, ...]] = sqlite_driver(tx).execute(statement.text, values).fetchall()
        return found
    result = tx.execute(statement, values)
    return [tuple(row) for row in result] if isinstance(result, sa.CursorResult) and result.returns_rows else []


def execute_each(tx: Session, statement: sa.Update, rows: Sequence[Mapping[str, object]]) -> None:
    """Executes a statement for each of these rows, by the names of its parameters. Raises what SQLAlchemy raises."""
    dialect = tx.get_bind().dialect
    if dialect.name != "sqlite":
        tx.connection().execute(statement, rows)
        return
    sql, places = compiled(statement, dialect)
    execute_many(tx, sql, [tuple(write(row[name]) if write else row[name] for name, write in places) for row in rows])


@lru_cache(maxsize=20)
def compiled(statement: sa.Update, dialect: sa.Dialect) -> tuple[str, list[tuple[str, Write | None]]]:
    """The statement in SQL, and its parameters in their order, each with what makes its value one of the driver."""
    made = statement.compile(dialect=dialect)
    assert isinstance(made, SQLCompiler)
    return made.string, [(name, made.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in made.positiontup or ()]


def sqlite_driver(tx: Session) -> sqlite3.Connection:
    """The driver's own connection, in the transaction of `tx`, which is asked for it once: that takes longer than a short statement."""
    known, driver = tx.info.get(DRIVER, (None, None))
    if known is None or known is not tx.get_transaction():
        driver = tx.connection().connection.driver_connection
        tx.info[DRIVER] = tx.get_transaction(), driver
    assert isinstance(driver, sqlite3.Connection)
    return driver


def copy_rows(tx: Session, table: str, names: Sequence[str], stored: Iterable[Row]) -> None:
    """The same on PostgreSQL (https://www.postgresql.org/docs/current/sql-copy.html)."""
    # Not at the start: an installation on SQLite never needs it.
    import psycopg
    from psycopg import sql

    driver = tx.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names)))
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in stored:
                copy.write_row(row)
    except psycopg.Error as error:
        raise sa.exc.DBAPIError.instance(statement.as_string(driver), None, error, psycopg.Error, dialect=tx.get_bind().dialect) from error


def as_stored(tx: Session, columns: Sequence[sa.Column[object]], rows: Iterable[Row]) -> list[Row]:
    """The rows as the driver takes them: times, ids and flags as the types of these columns write them."""
    return with_written(rows, writers_of(tuple(columns), tx.get_bind().dialect))


def with_written(rows: Iterable[Row], writers: Sequence[tuple[int, Write]]) -> list[Row]:
    """The rows with the values of some places written by these: column by column, which takes half as long as row by row (measured)."""
    values: list[Iterable[object]] = list(zip(*rows, strict=True)) if writers else []
    if not values:
        return list(rows)
    for place, write in writers:
        values[place] = each_written(values[place], write)
    return list(zip(*values, strict=True))


def each_written(values: Iterable[object], write: Write) -> Iterator[object]:
    """These values as the driver takes them. What is the same as the one before, as the chat of many messages, is not written anew."""
    before = made = object()
    for value in values:
        if value is not before:
            before, made = value, write(value)
        yield made


def as_driver(tx: Session, column: sa.Column[object], value: object) -> object:
    """A value of this column as the driver takes it."""
    ((written,),) = as_stored(tx, (column,), [(value,)])
    return written


@lru_cache(maxsize=100)
def writers_by_name(table: sa.Table, names: tuple[str, ...], dialect: sa.Dialect) -> list[tuple[int, Write]]:
    """What makes values of these columns of a table those of the driver, with the place of each."""
    return writers_of(tuple(table.c[name] for name in names), dialect)


@lru_cache(maxsize=100)
def writers_of(columns: tuple[sa.Column[object], ...], dialect: sa.Dialect) -> list[tuple[int, Write]]:
    """What makes values of these columns those of the driver, with the place of each; to find it takes as long as to use it on many."""
    writers = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
    return [(place, write) for place, write in enumerate(writers) if write is not None]
