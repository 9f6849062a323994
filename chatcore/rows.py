"""How rows become values: the columns a list reads, the portions a bulk is written in, and the cursors that lead from page
to page.

Shared by the modules that read chats (history, browse, search, organise). Lists never read a message's content.
"""

import base64
import binascii
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.errors import Invalid, NotFound
from chatcore.parts import AttachmentInfo, ChatInfo, GenerationInfo, MessageInfo, Page, Role, Shelf, State
from chatcore.texts import storable

Id = TypeVar("Id", int, uuid.UUID)

CHATS = SQLModel.metadata.tables["chatsession"]
MESSAGES = SQLModel.metadata.tables["chatmessage"]
GENERATIONS = SQLModel.metadata.tables["generation"]
DECISIONS = SQLModel.metadata.tables["call_decision"]
TITLE_USAGE = SQLModel.metadata.tables["title_usage"]
ATTACHMENTS = SQLModel.metadata.tables["attachment"]
CONTENTS = SQLModel.metadata.tables["attachment_content"]
COMPARISONS = SQLModel.metadata.tables["comparison"]
FOLDERS = SQLModel.metadata.tables["folder"]
TAGS = SQLModel.metadata.tables["tag"]
CHAT_TAGS = SQLModel.metadata.tables["chattag"]
# Kept by triggers from the messages (chatcore/migrations/search_index.py), so it is no model of its own.
USED_MODELS = sa.table("used_model", sa.column("user_id"), sa.column("provider"), sa.column("model_name"))

# SQLite takes at most 32,766 parameters in one statement, PostgreSQL 65,535.
IDS_A_STATEMENT = 10_000
LARGEST_PAGE = 1000
LARGEST_ID = 2**63 - 1

# A literal, because a bound parameter does not let SQLite use the partial indexes on running rows.
RUNNING = sa.literal_column("'running'", sa.Text())
# One look at the few answers that run anywhere, then a probe for each row; a correlated EXISTS would walk every
# generation of the chat instead.
IS_RUNNING = CHATS.c.id.in_(
    sa.select(GENERATIONS.c.session_id).where(GENERATIONS.c.state == RUNNING, GENERATIONS.c.session_id.is_not(None))
).label("running")

CHAT_COLUMNS = (
    CHATS.c.id,
    CHATS.c.title,
    CHATS.c.provider,
    CHATS.c.model_name,
    CHATS.c.created_at,
    CHATS.c.updated_at,
    CHATS.c.pinned,
    CHATS.c.archived,
    CHATS.c.deleted_at,
    CHATS.c.message_count,
    CHATS.c.input_tokens,
    CHATS.c.output_tokens,
    CHATS.c.current_message_id,
    CHATS.c.last_message_at,
    CHATS.c.last_snippet,
    CHATS.c.folder_id,
    IS_RUNNING,
)

MESSAGE_COLUMNS = (
    MESSAGES.c.id,
    MESSAGES.c.session_id,
    MESSAGES.c.parent_id,
    MESSAGES.c.role,
    MESSAGES.c.status,
    MESSAGES.c.created_at,
    MESSAGES.c.provider,
    MESSAGES.c.model_name,
    MESSAGES.c.tool_calls,
    MESSAGES.c.reasoning,
    MESSAGES.c.content,
)

GENERATION_COLUMNS = (
    GENERATIONS.c.id,
    GENERATIONS.c.message_id,
    GENERATIONS.c.state,
    GENERATIONS.c.provider,
    GENERATIONS.c.model_name,
    GENERATIONS.c.started_at,
    GENERATIONS.c.finished_at,
    GENERATIONS.c.duration_s,
    GENERATIONS.c.time_to_first_chunk_s,
    GENERATIONS.c.eval_s,
    GENERATIONS.c.input_tokens,
    GENERATIONS.c.output_tokens,
    GENERATIONS.c.usage_source,
    GENERATIONS.c.finish_reason,
    GENERATIONS.c.error_type,
    GENERATIONS.c.error_message,
    GENERATIONS.c.error_hint,
    GENERATIONS.c.error_retryable,
    GENERATIONS.c.reasoning_s,
    GENERATIONS.c.context_window,
    GENERATIONS.c.context_tokens,
)

DIALECTS = ("sqlite", "postgresql")


def of_messages(column: sa.ColumnElement[int | None], dialect: str) -> sa.ColumnElement[bool]:
    """Whether a column has one of the ids in the parameter `message_ids`. PostgreSQL takes them as one array: a statement with
    another number of parameters would be another one, which it would have to plan anew."""
    if dialect == "postgresql":
        return column == sa.any_(sa.bindparam("message_ids", type_=ARRAY(sa.BigInteger)))
    return column.in_(sa.bindparam("message_ids", expanding=True))


# Every thread asks this: built once, because building a statement takes longer than the database takes to run it.
NEWEST_GENERATIONS = {
    dialect: sa.select(*GENERATION_COLUMNS).where(
        GENERATIONS.c.id.in_(
            sa.select(sa.func.max(GENERATIONS.c.id))
            .where(of_messages(GENERATIONS.c.message_id, dialect))
            .group_by(GENERATIONS.c.message_id)
        )
    )
    for dialect in DIALECTS
}

SAME_FILE = sa.and_(CONTENTS.c.user_id == ATTACHMENTS.c.user_id, CONTENTS.c.sha256 == ATTACHMENTS.c.sha256)
ATTACHED_TO = ATTACHMENTS.c.message_id.in_(sa.bindparam("message_ids", expanding=True))
ATTACHMENT_COLUMNS = (
    ATTACHMENTS.c.id,
    ATTACHMENTS.c.message_id,
    ATTACHMENTS.c.name,
    ATTACHMENTS.c.media_type,
    ATTACHMENTS.c.size_bytes,
    CONTENTS.c.characters,
    CONTENTS.c.is_cut,
)
ATTACHED = {
    dialect: sa.select(*ATTACHMENT_COLUMNS)
    .join_from(ATTACHMENTS, CONTENTS, SAME_FILE)
    .where(of_messages(ATTACHMENTS.c.message_id, dialect))
    .order_by(ATTACHMENTS.c.id)
    for dialect in DIALECTS
}


def new_message_ids(tx: Session, count: int) -> list[int]:
    """So many ids, rising, that nobody else will get: on SQLite the next ones, since this transaction is the only one that writes."""
    if tx.get_bind().dialect.name == "sqlite":
        newest = tx.connection().exec_driver_sql("SELECT max(id) FROM chatmessage").scalar() or 0
        return list(range(newest + 1, newest + 1 + count))
    taken = sa.text("SELECT nextval(pg_get_serial_sequence('chatmessage', 'id')) FROM generate_series(1, :count)")
    return sorted(tx.execute(taken, {"count": count}).scalars())


def on_shelf(shelf: Shelf) -> list[sa.ColumnElement[bool]]:
    """The conditions that hold for the chats of a shelf, in the words of the partial indexes."""
    if shelf is Shelf.TRASH:
        return [CHATS.c.deleted_at.is_not(None)]
    return [CHATS.c.deleted_at.is_(None), CHATS.c.archived == sa.literal(shelf is Shelf.ARCHIVED)]


def pinned_and_not(first: sa.Select[uuid.UUID]) -> sa.CompoundSelect[uuid.UUID]:
    """The first pinned and the first other chats: the index of the lists has `pinned` before the time, so each is a short
    walk along it, and together they hold the page."""
    walks = [first.where(CHATS.c.pinned == sa.literal(pinned)).subquery() for pinned in (True, False)]
    return sa.union_all(*(sa.select(walk.c.id) for walk in walks))


def parts_of(wanted: Iterable[Id]) -> Iterator[list[Id]]:
    """The different ids, in portions that fit into a statement."""
    ids = iter(dict.fromkeys(wanted))
    while part := list(islice(ids, IDS_A_STATEMENT)):
        yield part


def no_chat() -> NotFound:
    return NotFound("This chat is not there.", "It may have been deleted. Look in the trash or go back to your chats.")


def chat_info(row: sa.RowMapping) -> ChatInfo:
    """A row of CHAT_COLUMNS (others beside them are left out) as a value."""
    return ChatInfo(**{column.key: row[column.key] for column in CHAT_COLUMNS})


def message_infos(tx: Session, rows: Iterable[sa.RowMapping]) -> tuple[MessageInfo, ...]:
    """Rows of MESSAGE_COLUMNS as values, each answer with its newest generation and each prompt with its attachments, which takes
    one statement each for all."""
    found = list(rows)
    attached = attachments_of(tx, [row["id"] for row in found if row["role"] == Role.USER])
    generations = newest_generations(tx, [row["id"] for row in found if row["role"] == Role.ASSISTANT])
    return tuple(
        MessageInfo(
            id=row["id"],
            session_id=row["session_id"],
            parent_id=row["parent_id"],
            role=Role(row["role"]),
            status=State(row["status"]),
            content=row["content"],
            created_at=row["created_at"],
            provider=row["provider"],
            model_name=row["model_name"],
            reasoning=row["reasoning"],
            tool_calls=row["tool_calls"],
            generation=generations.get(row["id"]),
            attachments=attached.get(row["id"], ()),
        )
        for row in found
    )


def newest_generations(tx: Session, message_ids: Sequence[int]) -> dict[int, GenerationInfo]:
    """The newest generation of each of these messages, which the caller has checked to be the viewer's."""
    if not message_ids:
        return {}
    rows = tx.execute(NEWEST_GENERATIONS[tx.get_bind().dialect.name], {"message_ids": list(message_ids)}).mappings()
    infos = {}
    for row in rows:
        values = dict(row)
        message_id = values.pop("message_id")
        infos[message_id] = GenerationInfo(**values | {"state": State(row["state"])})
    return infos


def attachments_of(tx: Session, message_ids: Sequence[int]) -> dict[int, tuple[AttachmentInfo, ...]]:
    """The files on these messages, which the caller has checked to be the viewer's, without what they hold."""
    if not message_ids:
        return {}
    infos: dict[int, tuple[AttachmentInfo, ...]] = {}
    for row in tx.execute(ATTACHED[tx.get_bind().dialect.name], {"message_ids": list(message_ids)}).mappings():
        infos[row["message_id"]] = (*infos.get(row["message_id"], ()), AttachmentInfo(**row))
    return infos


# --- pages -------------------------------------------------------------------------------------------------------


def checked_limit(limit: int) -> int:
    """The number of rows of a page. Raises Invalid below 1 and above 1,000."""
    if not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(f"A page cannot have {limit} rows.", f"Ask for 1 to {LARGEST_PAGE:,}.")
    return limit


def beyond(columns: Sequence[sa.ColumnElement[object]], key: Sequence[object], *, descending: bool) -> sa.ColumnElement[bool]:
    """The rows after `key` in the order of `columns`: one row value, since both engines can seek it in an index and
    neither can seek the same thing written as a chain of ORs (1.4 ms against 0.05 ms, measured). The key are values or parameters."""
    row = sa.tuple_(*columns)
    ends = (
        value if isinstance(value, sa.BindParameter) else sa.literal(value, column.type) for column, value in zip(columns, key, strict=True)
    )
    last = sa.tuple_(*ends)
    return row < last if descending else row > last


def page_of_chats(rows: Sequence[sa.RowMapping], limit: int, *, kind: str, key: Sequence[str]) -> Page[ChatInfo]:
    """The first `limit` rows as a page; a row more means that there is a next one, whose cursor holds the `key` columns."""
    items = tuple(chat_info(row) for row in rows[:limit])
    more = len(rows) > limit
    return Page(items, encode_cursor(kind, [rows[limit - 1][name] for name in key]) if more else None)


def encode_cursor(kind: str, key: Sequence[object]) -> str:
    """An opaque, URL-safe text for the key of the last row of a page. `kind` names the list it belongs to."""
    return base64.urlsafe_b64encode(json.dumps([kind, *map(plain, key)], separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, kind: str, types: Sequence[type]) -> list[object]:
    """The key a cursor of this kind holds. Raises Invalid for anything that `encode_cursor` did not write for this list."""
    try:
        found = json.loads(base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if not isinstance(found, list) or found[:1] != [kind]:
            raise ValueError("another list")
        return [parse(value, wanted) for value, wanted in zip(found[1:], types, strict=True)]
    except (ValueError, OverflowError, RecursionError, binascii.Error) as error:
        raise Invalid("This place in the list is not known.", "Start again from the first page.") from error


def plain(value: object) -> object:
    """A cursor's value as JSON can hold it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value.hex if isinstance(value, uuid.UUID) else value


def parse(value: object, wanted: type) -> object:
    """A cursor's value from what JSON held. Raises ValueError if it is no `wanted`."""
    if wanted is uuid.UUID and isinstance(value, str):
        return uuid.UUID(value)
    if wanted is datetime and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment.astimezone(UTC)
    if type(value) is not wanted or (isinstance(value, int) and abs(value) > LARGEST_ID):
        raise ValueError(f"not a {wanted.__name__}")
    return storable(value) if isinstance(value, str) else value
