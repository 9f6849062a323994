"""What the tables have in common: the clock, and columns that are made alike."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Boolean, Column, text

from chatcore.columns import BigId

STATES = "'running', 'complete', 'stopped', 'failed', 'interrupted'"


def utc_now() -> datetime:
    """The default clock of a row made by hand; services pass their own `now`."""
    return datetime.now(UTC)


def big_id() -> Column[int]:
    return Column(BigId, primary_key=True, autoincrement=True)


def flag(*, default: bool) -> Column[bool]:
    return Column(Boolean, nullable=False, default=default, server_default=text("true" if default else "false"))


def count() -> Column[int]:
    return Column(BigInteger, nullable=False, default=0, server_default=text("0"))
