"""Takes over the messages of an older database, a portion at a time, each at the end of its chat."""

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.history import LONGEST_NAME
from chatcore.models import DEFAULT_TITLE
from chatcore.older_rows import Unreadable, read_id, read_json_text, read_role, read_text, read_time
from chatcore.parts import Role
from chatcore.rows import CHATS, MESSAGES, new_message_ids
from chatcore.takeover.refs import Ref, Tally, Target, identified, lock, reference, references, remember
from chatcore.takeover.source import Row
from chatcore.texts import cut, snippet, storable

TITLE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Taken:
    """A message as it will be written; `chat` is its conversation's id in the source."""

    external_id: str
    chat: str
    role: Role
    content: str
    created_at: datetime | None
    tool_calls: str | None
    provider: str | None
    model_name: str | None
    user_id: str | None


def take_messages(target: Target, rows: Sequence[Row], tally: Tally) -> None:
    """Writes the messages of a portion that no earlier run has written, each at the end of its chat."""
    found = identified("message", "id", rows, tally)
    fresh = [taken for external_id, row in found.items() if (taken := read_message(external_id, row, tally))]
    with target.db.read() as tx:
        known = references(tx, target.source, "message", (message.external_id for message in fresh))
    if len(known) == len(fresh):
        tally.unchanged["message"] += len(fresh)
        return
    with target.db.write() as tx:
        lock(tx, target.source)
        known = references(tx, target.source, "message", (message.external_id for message in fresh))
        tally.unchanged["message"] += len(known)
        write_messages(tx, target, [message for message in fresh if message.external_id not in known], tally)


def read_message(external_id: str, row: Row, tally: Tally) -> Taken | None:
    """A row of the source as a message; None, and counted, if it is none."""
    try:
        if row["chat"] is None:
            raise Unreadable("its conversation is missing")
        tool_calls = read_json_text(row.get("tool_calls"))
        message = Taken(
            external_id=external_id,
            chat=read_id(row["chat"]),
            role=read_role(row["role"]),
            content=storable(read_text(row["content"], "content")),
            created_at=read_time(row.get("created_at")),
            tool_calls=storable(tool_calls) if tool_calls else None,
            provider=optional_name(row.get("provider")),
            model_name=optional_name(row.get("model_name")),
            user_id=read_id(row["owner"]) if row.get("owner") is not None else None,
        )
    except Unreadable as error:
        tally.skip("message", row, str(error))
        return None
    return message


def optional_name(value: object) -> str | None:
    return cut(storable(str(value)), LONGEST_NAME) if value is not None else None


def write_messages(tx: Session, target: Target, messages: Sequence[Taken], tally: Tally) -> None:
    """Appends messages to their chats in the order given, with the chats' counters, leaves and marks for the rollup."""
    chat_refs = references(tx, target.source, "chat", (message.chat for message in messages))
    user_refs = references(tx, target.source, "user", (message.user_id for message in messages if message.user_id is not None))
    ends = read_ends(tx, chat_refs.values())
    values, refs = [], []
    for message, message_id in zip(messages, new_message_ids(tx, len(messages)), strict=True):
        ref = chat_refs.get(message.chat)
        try:
            if ref is None:
                raise Unreadable("its conversation is missing")
            if target.has_owners and message.user_id is not None:
                user = user_refs.get(message.user_id)
                if user is None or user.user_id != ref.user_id:
                    raise Unreadable("its user is not the conversation's")
        except Unreadable as error:
            tally.skip("message", {"id": message.external_id}, str(error))
            continue
        if ref.session_id is None:
            # The chat was deleted here for ever.
            tally.unchanged["message"] += 1
            continue
        end = ends[ref.session_id]
        values.append(message_values(message, message_id, end))
        refs.append(reference("message", message.external_id, end.user_id, session_id=end.chat_id, message_id=message_id))
        end.take(message, message_id)
        tally.odd_tool_calls += is_odd(message.tool_calls)
    if values:
        tx.execute(sa.insert(MESSAGES), values)
        remember(tx, target, refs)
        write_ends(tx, [end for end in ends.values() if end.contents])
        tally.imported["message"] += len(values)


@dataclass(slots=True)
class End:
    """The end of a chat while messages are added to it."""

    chat_id: uuid.UUID
    user_id: str
    created_at: datetime
    title: str
    leaf_id: int | None
    last_at: datetime | None
    snippet: str | None
    contents: list[str] = field(default_factory=list)

    def take(self, message: Taken, message_id: int) -> None:
        """Goes on to a message that is now the last."""
        created_at = message.created_at or self.created_at
        self.leaf_id = message_id
        self.last_at = max(self.last_at, created_at) if self.last_at else created_at
        self.contents.append(message.content)
        if self.title == DEFAULT_TITLE and message.role is Role.USER:
            self.title = cut(snippet(message.content), TITLE_CHARACTERS) or DEFAULT_TITLE

    def last_snippet(self) -> str | None:
        """The start of the last message that shows anything; made once for each chat, because it is dear."""
        return next(filter(None, map(snippet, reversed(self.contents))), self.snippet)


def read_ends(tx: Session, refs: Iterable[Ref]) -> dict[uuid.UUID, End]:
    """The ends of chats, which are locked until the transaction is over, in the order of their ids so that nobody deadlocks."""
    ids = {ref.session_id for ref in refs if ref.session_id is not None}
    statement = (
        sa.select(
            CHATS.c.id, CHATS.c.user_id, CHATS.c.created_at, CHATS.c.title, CHATS.c.current_message_id, CHATS.c.last_message_at,
            CHATS.c.last_snippet,
        ).where(CHATS.c.id.in_(ids)).order_by(CHATS.c.id).with_for_update(key_share=True)
    )  # fmt: skip
    return {row.id: End(*row) for row in tx.execute(statement)}


def message_values(message: Taken, message_id: int, end: End) -> dict[str, object]:
    """Our columns for a message at the end of a chat."""
    return {
        "id": message_id,
        "session_id": end.chat_id,
        "user_id": end.user_id,
        "parent_id": end.leaf_id,
        "role": str(message.role),
        "status": "complete",
        "created_at": message.created_at or end.created_at,
        "provider": message.provider,
        "model_name": message.model_name,
        "tool_calls": message.tool_calls,
        "content": message.content,
    }


def write_ends(tx: Session, ends: Sequence[End]) -> None:
    """Writes what changed of the chats."""
    tx.connection().execute(
        sa.update(CHATS)
        .where(CHATS.c.id == sa.bindparam("chat_id"))
        .values(
            title=sa.bindparam("new_title"),
            current_message_id=sa.bindparam("leaf_id"),
            message_count=CHATS.c.message_count + sa.bindparam("added"),
            last_message_at=sa.bindparam("last_at"),
            last_snippet=sa.bindparam("cut"),
        ),
        [
            {
                "chat_id": end.chat_id, "new_title": end.title, "leaf_id": end.leaf_id, "added": len(end.contents), "last_at": end.last_at,
                "cut": end.last_snippet(),
            }
            for end in ends
        ],
    )  # fmt: skip


def is_odd(tool_calls: str | None) -> bool:
    """Whether the text is no JSON."""
    try:
        json.loads(tool_calls or "null")
    except (ValueError, RecursionError):
        return True
    return False
