"""Pieces that the statements share, written for both engines."""

import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.analytics.filters import QUARTER_S, Filters
from chatcore.parts import Period

MESSAGES = SQLModel.metadata.tables["chatmessage"]
GENERATIONS = SQLModel.metadata.tables["generation"]


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


def quarter(tx: Session, column: sa.ColumnElement[object]) -> sa.ColumnElement[int]:
    """The number of the quarter of an hour since 1970-01-01 UTC in which a time lies."""
    if tx.get_bind().dialect.name == "sqlite":
        # To the minute only: SQLite rounds 23:59:59.9999 up to the next day.
        return sa.cast(sa.func.strftime("%s", sa.func.substr(column, 1, 16)), sa.Integer) // QUARTER_S
    return sa.cast(sa.func.floor(sa.extract("epoch", column) / QUARTER_S), sa.BigInteger)


def frame_of(tx: Session, statement: sa.Select[tuple[object, ...]]) -> pd.DataFrame:
    """The rows of a statement under its column names."""
    result = tx.execute(statement)
    return pd.DataFrame.from_records([tuple(row) for row in result], columns=list(result.keys()))
