"""Carries the rows of the specification's plain `chatsession` and `chatmessage` tables into ours."""

from datetime import datetime

import sqlalchemy as sa

OURS = (
    "users", "chatsession", "chatmessage", "generation", "attachment", "feedback", "tag", "chattag", "importref",
    "unmigrated_row", "usage_hourly", "usage_dirty",
)  # fmt: skip
PLAIN = ("chatsession", "chatmessage")


def foreign_tables(connection: sa.Connection) -> tuple[str, ...]:
    """Tables in the way: named like ours, and not the specification's plain two."""
    there = set(sa.inspect(connection).get_table_names())
    return tuple(name for name in OURS if name in there and name not in PLAIN)


def set_aside(connection: sa.Connection) -> tuple[str, ...]:
    return ()


def carry_rows(connection: sa.Connection, plain: tuple[str, ...], *, now: datetime) -> None:
    pass
