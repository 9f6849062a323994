"""Column types that mean the same on SQLite and on PostgreSQL, and the one place where ids are made.

SQLite keeps a time as a number and the id of a chat as its 16 bytes: as text both were a tenth of the file more, and slower to
read (decision 0013). Their columns are still declared DATETIME and CHAR(32), which is how a copy knows them from numbers and files.
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import uuid_utils.compat
from sqlalchemy import BigInteger, Dialect, Integer, Uuid
from sqlalchemy.dialects.sqlite import DATETIME
from sqlmodel.sql.sqltypes import UTCDateTime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# A 64-bit id: SQLite makes a column the rowid only if its type is exactly INTEGER, which is 5 times faster to insert
# than a random UUID and keeps messages in the order they were written.
BigId = BigInteger().with_variant(Integer, "sqlite")


def as_number(value: datetime) -> int:
    """A time as SQLite keeps it: microseconds since 1970 UTC. Raises ValueError for one without a zone."""
    if value.utcoffset() is None:
        raise ValueError(f"a time needs a timezone: {value}")
    return (value - EPOCH) // MICROSECOND


def as_time(number: int) -> datetime:
    """The time, in UTC, that such a number is."""
    return EPOCH + timedelta(microseconds=number)


class TimeAsNumber(DATETIME):
    """A time on SQLite."""

    cache_ok = True

    def bind_processor(self, _: Dialect) -> Callable[[datetime | None], int | None]:
        """Aware times in."""
        return lambda value: None if value is None else as_number(value)

    def result_processor(self, _: Dialect, __: object) -> Callable[[int | None], datetime | None]:
        """Aware UTC out."""
        return lambda number: None if number is None else EPOCH + timedelta(microseconds=number)

    def literal_processor(self, _: Dialect) -> Callable[[datetime], str]:
        """The same where a value stands in a statement."""
        return lambda value: str(as_number(value))


class ChatIdAsBytes(Uuid[uuid.UUID]):
    """The id of a chat on SQLite."""

    cache_ok = True

    def bind_processor(self, _: Dialect) -> Callable[[uuid.UUID | None], bytes | None]:
        """UUIDs in."""
        return lambda value: None if value is None else value.bytes

    def result_processor(self, _: Dialect, __: object) -> Callable[[bytes | None], uuid.UUID | None]:
        """UUIDs out."""
        return lambda found: None if found is None else uuid.UUID(bytes=found)

    def literal_processor(self, _: Dialect) -> Callable[[uuid.UUID], str]:
        """The same where a value stands in a statement."""
        return lambda value: f"x'{value.hex}'"


# Any time, and the id of any chat: aware UTC datetimes and UUIDs to everybody above.
Time = UTCDateTime().with_variant(TimeAsNumber, "sqlite")
ChatId = Uuid().with_variant(ChatIdAsBytes, "sqlite")


def new_chat_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562): chats made one after the other lie beside each other in the index."""
    return uuid_utils.compat.uuid7()
