"""What the rows of older schemas mean: their times, roles and ids, whichever way a database kept them. Pure: knows no database."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime

from chatcore.parts import Role
from chatcore.texts import storable

# Both engines keep ids in an index, and PostgreSQL's takes no more than 2,704 bytes a row.
LONGEST_ID = 500
SHOWN_ID = 80

ROLES = {
    "user": Role.USER,
    "human": Role.USER,
    "person": Role.USER,
    "assistant": Role.ASSISTANT,
    "ai": Role.ASSISTANT,
    "bot": Role.ASSISTANT,
    "model": Role.ASSISTANT,
}


class Unreadable(Exception):
    """A row that cannot be taken; the text says why."""


def read_role(value: object) -> Role:
    """Who wrote a message, also under the names other programs use. Raises Unreadable for anybody else (system, tool)."""
    role = ROLES.get(str(value).strip().lower()) if value is not None else None
    if role is None:
        raise Unreadable(f"unknown role {str(value)[:40]!r}" if value is not None else "no role")
    return role


def read_time(value: object) -> datetime | None:
    """The moment, aware and UTC; a time without a zone is UTC, as the older schemas wrote it. None stays None. Raises Unreadable."""
    if value is None:
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
        return moment.replace(tzinfo=UTC) if moment.utcoffset() is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(f"bad time {str(value)[:40]!r}") from None


def read_times(*values: object) -> tuple[datetime | None, ...]:
    """The same for times of which one is enough: an unreadable one is None. Raises Unreadable if no other is left."""
    moments: list[datetime | None] = []
    unreadable: Unreadable | None = None
    for value in values:
        try:
            moments.append(read_time(value))
        except Unreadable as error:
            moments.append(None)
            unreadable = unreadable or error
    if unreadable and not any(moments):
        raise unreadable
    return tuple(moments)


def read_uuid(value: object) -> uuid.UUID:
    """The UUID, kept as text with or without dashes, as bytes or as itself. Raises Unreadable."""
    try:
        if isinstance(value, bytes):
            return uuid.UUID(bytes=value)
        return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value).strip())
    except ValueError:
        raise Unreadable(f"bad id {str(value)[:40]!r}") from None


def read_text(value: object, what: str) -> str:
    """The text as it is. Raises Unreadable where there is none."""
    if value is None:
        raise Unreadable(f"no {what}")
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def read_id(value: object) -> str:
    """An id as text that can be stored, whatever its type. Raises Unreadable where there is none, and above 500 characters."""
    if value is None:
        raise Unreadable("no id")
    text = id_text(value)
    if len(text) > LONGEST_ID:
        raise Unreadable(f"an id of more than {LONGEST_ID} characters")
    return text


def shown_id(value: object) -> str:
    """The start of an id for a report, empty where there is none."""
    return "" if value is None else id_text(value)[:SHOWN_ID]


def id_text(value: object) -> str:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else storable(str(value))


def read_json_text(value: object) -> str | None:
    """JSON as text, whether the database kept text or an object; text that is no JSON stays as it was, so nothing is lost."""
    if isinstance(value, bytes | memoryview):
        value = bytes(value).decode(errors="replace")
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value, ensure_ascii=False)


def row_as_json(row: Mapping[str, object]) -> str:
    """The whole row as JSON text; bytes as hexadecimal digits, times in ISO 8601."""
    return json.dumps(dict(row), ensure_ascii=False, default=plain_value)


def plain_value(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if isinstance(value, date) else str(value)
