"""What the database does for a call: the statements it ran, and how the planner goes about them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import event

from chatcore.db import Database


@contextmanager
def statements() -> Iterator[list[tuple[str, object]]]:
    """Collects (SQL, parameters) of everything that runs inside the block, on any engine."""
    seen: list[tuple[str, object]] = []

    def note(connection: sa.Connection, cursor: object, sql: str, parameters: object, *_: object) -> None:
        if not sql.startswith("BEGIN"):
            seen.append((sql, parameters))

    event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(sa.Engine, "before_cursor_execute", note)


def plans(db: Database, call: Callable[[], object], *, bitmaps: bool = False) -> list[str]:
    """The plan of each reading statement of a call, as its engine words it. With `bitmaps` PostgreSQL may use those, which is
    the only way an index of words can be read.

    PostgreSQL prefers to read a small table whole and to sort what is there; both are made dear, so that what is left
    of them in a plan is what no index could serve.
    """
    with statements() as seen:
        call()
    found = []
    with db.read_at_length() as tx:
        connection = tx.connection()
        if not db.is_sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_sort = off")
            connection.exec_driver_sql(f"SET LOCAL enable_bitmapscan = {'on' if bitmaps else 'off'}")
        explain = "EXPLAIN QUERY PLAN " if db.is_sqlite else "EXPLAIN "
        for sql, parameters in seen:
            if sql.startswith(("SELECT", "WITH")):
                rows = connection.exec_driver_sql(explain + sql, parameters).all()  # type: ignore[arg-type]  # as the driver was given them
                found.append("\n".join(str(row[-1]) for row in rows))
    return found
