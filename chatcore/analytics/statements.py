"""Pieces that the statements share, written for both engines."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.analytics.filters import Filters, first_day, offsets
from chatcore.errors import Invalid
from chatcore.parts import Page, Period
from chatcore.rows import beyond, checked_limit, decode_cursor, encode_cursor

MESSAGES = SQLModel.metadata.tables["chatmessage"]
GENERATIONS = SQLModel.metadata.tables["generation"]

EPOCH_ORDINAL = 719163  # date(1970, 1, 1).toordinal()
HOUR_S, DAY_S = 3_600, 86_400
HOURS_A_WEEK = 7 * 24


def between(column: sa.ColumnElement[object], period: Period) -> list[sa.ColumnElement[bool]]:
    """Start included, end excluded."""
    return [column >= period.start, column < period.end]


def narrow(table: sa.FromClause, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """The chosen providers and models; nothing if all are meant."""
    conditions: list[sa.ColumnElement[bool]] = []
    if filters.providers:
        conditions.append(table.c.provider.in_(filters.providers))
    if filters.models:
        conditions.append(table.c.model_name.in_(filters.models))
    return conditions


def local_number(tx: Session, column: sa.ColumnElement[object], filters: Filters, unit_s: int) -> sa.ColumnElement[int]:
    """In which hour or day (of `unit_s` seconds on the local clock) a time lies, counted from 0 at the midnight of `first_day`.

    An hour that a clock change repeats is one hour here, as it is on the clock.
    """
    at: sa.ColumnElement[int]
    if tx.get_bind().dialect.name == "sqlite":
        at, second = sa.type_coerce(column, sa.BigInteger), 1_000_000
    else:
        at, second = sa.cast(sa.func.floor(sa.extract("epoch", column)), sa.BigInteger), 1
    # From the first midnight on nothing is negative, and division rounds down on both engines.
    midnight_s = (first_day(filters).toordinal() - EPOCH_ORDINAL) * DAY_S
    shifts = [(since, (int(offset.total_seconds()) - midnight_s) * second) for since, offset in offsets(filters.period, filters.time_zone)]
    shift: sa.ColumnElement[int] = sa.literal(shifts[0][1], sa.BigInteger)
    if len(shifts) > 1:
        shift = sa.case(*((column >= since, amount) for since, amount in reversed(shifts[1:])), else_=shifts[0][1])
    return (at + shift) // (unit_s * second)


def at_hour(
    tx: Session, column: sa.ColumnElement[object], filters: Filters, hour_of_week: tuple[int, int] | None
) -> list[sa.ColumnElement[bool]]:
    """That a time lies in this hour of any week: (weekday, hour), 0 being Monday. Raises Invalid for one that no week has."""
    if hour_of_week is None:
        return []
    weekday, hour = hour_of_week
    if not (0 <= weekday < 7 and 0 <= hour < 24):
        raise Invalid(f"No week has an hour {hour} on weekday {weekday}.", "Weekdays are 0 (Monday) to 6, hours 0 to 23.")
    number = local_number(tx, column, filters, HOUR_S)
    return [(number + first_day(filters).weekday() * 24) % HOURS_A_WEEK == weekday * 24 + hour]


def newest(
    tx: Session,
    moment: sa.ColumnElement[object],
    row_id: sa.ColumnElement[object],
    conditions: Sequence[sa.ColumnElement[bool]],
    *,
    kind: str,
    limit: int,
    cursor: str | None,
) -> Page[int]:
    """A page of ids, by time and then by id. Nothing but the two is read, along the index that every person's rows have by time."""
    checked_limit(limit)
    behind = [beyond([moment, row_id], decode_cursor(cursor, kind, [datetime, int]), descending=True)] if cursor is not None else []
    statement = sa.select(moment, row_id).where(*conditions, *behind).order_by(moment.desc(), row_id.desc()).limit(limit + 1)
    rows = tx.execute(statement).all()
    more = len(rows) > limit
    return Page(tuple(row[1] for row in rows[:limit]), encode_cursor(kind, list(rows[limit - 1])) if more else None)
