"""Pieces that the statements share, written for both engines."""

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.analytics.filters import Filters, first_day, offsets
from chatcore.parts import Period

MESSAGES = SQLModel.metadata.tables["chatmessage"]
GENERATIONS = SQLModel.metadata.tables["generation"]

EPOCH_ORDINAL = 719163  # date(1970, 1, 1).toordinal()
HOUR_S, DAY_S = 3_600, 86_400


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
    if tx.get_bind().dialect.name == "sqlite":
        # Cut to the second, because SQLite rounds 23:59:59.9999 up to the next day.
        utc_s = sa.cast(sa.func.strftime("%s", sa.func.substr(column, 1, 19)), sa.Integer)
    else:
        utc_s = sa.cast(sa.func.floor(sa.extract("epoch", column)), sa.BigInteger)
    # From the first midnight on nothing is negative, and division rounds down on both engines.
    midnight_s = (first_day(filters).toordinal() - EPOCH_ORDINAL) * DAY_S
    shifts = [(since, int(offset.total_seconds()) - midnight_s) for since, offset in offsets(filters.period, filters.time_zone)]
    shift: sa.ColumnElement[int] = sa.literal(shifts[0][1])
    if len(shifts) > 1:
        shift = sa.case(*((column >= since, shift_s) for since, shift_s in reversed(shifts[1:])), else_=shifts[0][1])
    return (utc_s + shift) // unit_s
