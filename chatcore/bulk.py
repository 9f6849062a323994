"""Many rows at once, past SQLAlchemy: executemany on SQLite, COPY on PostgreSQL. Every trigger and law holds as ever.

To compile and bind a row takes SQLAlchemy longer than SQLite takes to write it.
"""

from collections.abc import Iterable, Iterator, Sequence

import sqlalchemy as sa
from sqlmodel import Session

Row = Sequence[object]


def insert_rows(tx: Session, table: sa.Table, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Writes rows, each with values for these columns, in their order. Raises what an insert by SQLAlchemy raises."""
    stored = as_stored(tx, [table.c[name] for name in names], rows)
    if tx.get_bind().dialect.name == "sqlite":
        batch = list(stored)
        if batch:
            places = ", ".join("?" for _ in names)
            tx.connection().exec_driver_sql(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places})", batch)
        return
    copy_rows(tx, table.name, names, stored)


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


def as_stored(tx: Session, columns: Sequence[sa.Column[object]], rows: Iterable[Row]) -> Iterator[Row]:
    """The rows as the driver takes them: times, ids and flags as the types of these columns write them."""
    dialect = tx.get_bind().dialect
    writers = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
    changed = [(place, write) for place, write in enumerate(writers) if write is not None]
    for row in rows:
        values = list(row)
        for place, write in changed:
            values[place] = write(values[place])
        yield tuple(values)
