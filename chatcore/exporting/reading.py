"""Reads chats to be written down elsewhere, some at a time, with everything that belongs to them."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, SQLModel

from chatcore.db import Database
from chatcore.organise.folders import folders_in
from chatcore.organise.tags import tags_of
from chatcore.parts import ChatInfo, Role, Viewer
from chatcore.rows import (
    ATTACHMENTS,
    CHAT_COLUMNS,
    CHATS,
    COMPARISONS,
    CONTENTS,
    GENERATIONS,
    MESSAGE_COLUMNS,
    MESSAGES,
    SAME_FILE,
    chat_info,
    parts_of,
)

FEEDBACK = SQLModel.metadata.tables["feedback"]
# A portion is in memory at a time: chats of so many messages together, or one longer chat.
MESSAGES_A_PORTION = 2000
CHATS_A_PORTION = 500
MESSAGE_NAMES = tuple(column.key for column in MESSAGE_COLUMNS)
# What the ledger knows of an attempt, but for who ran it.
ATTEMPT = tuple(
    name
    for name in GENERATIONS.c.keys()  # noqa: SIM118  # a collection of columns, which iterates over columns
    if name not in ("id", "user_id", "session_id", "message_id", "request_key", "owner", "heartbeat_at", "stop_requested_at")
)

Row = dict[str, object]
Portion = TypeVar("Portion")


@dataclass(frozen=True, slots=True)
class Written:
    """A message with what belongs to it. `row` has the columns of `MESSAGE_COLUMNS`; `files` are without their bytes."""

    row: Row
    attempts: tuple[Row, ...] = ()
    files: tuple[Row, ...] = ()
    rating: int | None = None
    note: str | None = None

    @property
    def id(self) -> int:
        return int(str(self.row["id"]))

    @property
    def role(self) -> Role:
        return Role(str(self.row["role"]))

    @property
    def text(self) -> str:
        return str(self.row["content"])


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat with all its messages, in the order they were written, and the comparisons whose two answers are there."""

    info: ChatInfo
    messages: tuple[Written, ...]
    tags: tuple[str, ...] = ()
    folder: str | None = None
    system_prompt: str | None = None
    comparisons: tuple[Row, ...] = ()

    @property
    def shown(self) -> tuple[Written, ...]:
        """The messages of the branch that is shown, oldest first."""
        by_id = {message.id: message for message in self.messages}
        place = self.info.current_message_id or (max(by_id) if by_id else None)
        path: list[Written] = []
        while place is not None and place in by_id and len(path) <= len(by_id):
            path.append(by_id[place])
            parent = by_id[place].row["parent_id"]
            place = int(str(parent)) if parent is not None else None
        return tuple(reversed(path))


class Turn(NamedTuple):
    """A message of the branch that is shown, as far as trainers want it."""

    role: str
    text: str
    tool_calls: str | None


class Branch(NamedTuple):
    """The branch that a chat shows, oldest first. `messages` counts those of all branches."""

    chat_id: uuid.UUID
    system_prompt: str | None
    messages: int
    turns: list[Turn]


@dataclass(slots=True)
class Belongings:
    """What belongs to the messages of a portion, by message."""

    attempts: dict[int, list[Row]] = field(default_factory=dict)
    files: dict[int, list[Row]] = field(default_factory=dict)
    ratings: dict[int, tuple[int, str | None]] = field(default_factory=dict)


def all_chat_ids(db: Database, viewer: Viewer) -> list[uuid.UUID]:
    """The ids of every chat of the viewer that is not in the trash, oldest first."""
    mine = sa.select(CHATS.c.id).where(CHATS.c.user_id == viewer.user_id, CHATS.c.deleted_at.is_(None))
    with db.read() as tx:
        return list(tx.execute(mine.order_by(CHATS.c.created_at, CHATS.c.id)).scalars())


def count_messages(db: Database, viewer: Viewer, chat_ids: Sequence[uuid.UUID]) -> int:
    """How many messages these chats have, as their counters say."""
    total = 0
    with db.read() as tx:
        for part in parts_of(chat_ids):
            of_these = sa.and_(CHATS.c.user_id == viewer.user_id, CHATS.c.id.in_(part))
            total += int(tx.execute(sa.select(sa.func.coalesce(sa.func.sum(CHATS.c.message_count), 0)).where(of_these)).scalar_one())
    return total


def read_chats(db: Database, viewer: Viewer, chat_ids: Sequence[uuid.UUID]) -> Iterator[Chat]:
    """These chats, in this order, each once; those that are not there or not the viewer's are left out."""
    for start in range(0, len(chat_ids), CHATS_A_PORTION):
        part = list(dict.fromkeys(chat_ids[start : start + CHATS_A_PORTION]))
        with db.read() as tx:
            of_these = sa.and_(CHATS.c.user_id == viewer.user_id, CHATS.c.id.in_(part))
            prompts = (CHATS.c.system_prompt,) if "system_prompt" in CHATS.c else ()
            rows = {row["id"]: row for row in tx.execute(sa.select(*CHAT_COLUMNS, *prompts).where(of_these)).mappings()}
            paths = {folder_id: found.path for folder_id, found in folders_in(tx, viewer).items()}
        tags = tags_of(db, viewer, list(rows))
        for portion in portions([rows[chat_id] for chat_id in part if chat_id in rows]):
            with db.read() as tx:
                messages = messages_of(tx, viewer, [row["id"] for row in portion])
                compared = comparisons_of(tx, viewer, [row["id"] for row in portion])
            for row in portion:
                info = chat_info(row)
                yield Chat(
                    info,
                    tuple(messages.get(info.id, ())),
                    tags.get(info.id, ()),
                    paths.get(info.folder_id) if info.folder_id is not None else None,
                    row.get("system_prompt"),
                    tuple(compared.get(info.id, ())),
                )


def read_branches(db: Database, viewer: Viewer, chat_ids: Sequence[uuid.UUID]) -> Iterator[Branch]:
    """The same chats as the branches they show: few columns, and no row becomes an object of its own but what is told."""
    found = branches_of(db, viewer, chat_ids)
    return chain.from_iterable(found if db.is_sqlite else ahead(found))


def branches_of(db: Database, viewer: Viewer, chat_ids: Sequence[uuid.UUID]) -> Iterator[list[Branch]]:
    """The same in portions."""
    # As text, since nothing but a comparison is made of it: SQLite keeps it so, and PostgreSQL's driver would make an object of each.
    as_text = sa.type_coerce if db.is_sqlite else sa.cast
    key, chat = as_text(CHATS.c.id, sa.String).label("key"), as_text(MESSAGES.c.session_id, sa.String).label("chat")
    columns = (chat, MESSAGES.c.id, MESSAGES.c.parent_id, MESSAGES.c.role, MESSAGES.c.content, MESSAGES.c.tool_calls)
    for start in range(0, len(chat_ids), CHATS_A_PORTION):
        part = list(dict.fromkeys(chat_ids[start : start + CHATS_A_PORTION]))
        of_these = sa.and_(CHATS.c.user_id == viewer.user_id, one_of(CHATS.c.id, part, db.dialect))
        asked = sa.select(CHATS.c.id, key, CHATS.c.message_count, CHATS.c.current_message_id, CHATS.c.system_prompt).where(of_these)
        with db.read() as tx:
            rows = {row["id"]: row for row in tx.execute(asked).mappings()}
        for portion in portions([rows[chat_id] for chat_id in part if chat_id in rows]):
            theirs = sa.and_(
                MESSAGES.c.user_id == viewer.user_id, one_of(MESSAGES.c.session_id, [row["id"] for row in portion], db.dialect)
            )
            by_chat: dict[str, dict[int, tuple[int | None, Turn]]] = {row["key"]: {} for row in portion}
            with db.read() as tx:
                # All at once: row by row each is fetched by a call of its own.
                for of_chat, message_id, parent_id, *told in tx.execute(sa.select(*columns).where(theirs)).all():
                    by_chat[of_chat][message_id] = (parent_id, Turn._make(told))
            found = [(row, by_chat[row["key"]]) for row in portion]
            yield [Branch(row["id"], row["system_prompt"], len(of), branch_of(of, row["current_message_id"])) for row, of in found]


def ahead(found: Iterator[Portion]) -> Iterator[Portion]:
    """The same portions, the next of which is read while one is written: PostgreSQL needs nothing of this process meanwhile."""
    with ThreadPoolExecutor(1, "chatcore-reading-ahead") as pool:
        following = pool.submit(next, found, None)
        while (portion := following.result()) is not None:
            following = pool.submit(next, found, None)
            yield portion


def one_of(column: sa.Column[uuid.UUID], chat_ids: list[uuid.UUID], dialect: str) -> sa.ColumnElement[bool]:
    """Whether a column names one of these chats. On PostgreSQL they are one parameter: each portion asks with the same statement."""
    return column.in_(chat_ids) if dialect == "sqlite" else column == sa.any_(sa.bindparam(None, chat_ids, ARRAY(column.type)))


def branch_of(found: Mapping[int, tuple[int | None, Turn]], shown: int | None) -> list[Turn]:
    """The turns down to the message that is shown, else to the newest."""
    place = shown if shown is not None else max(found, default=None)
    path: list[Turn] = []
    while place is not None and place in found and len(path) <= len(found):
        place, turn = found[place]
        path.append(turn)
    path.reverse()
    return path


def portions(rows: Sequence[sa.RowMapping]) -> Iterator[list[sa.RowMapping]]:
    """The chats in portions of so many messages."""
    portion: list[sa.RowMapping] = []
    size = 0
    for row in rows:
        if portion and size + row["message_count"] > MESSAGES_A_PORTION:
            yield portion
            portion, size = [], 0
        portion.append(row)
        size += row["message_count"]
    if portion:
        yield portion


def messages_of(tx: Session, viewer: Viewer, chat_ids: list[uuid.UUID]) -> dict[uuid.UUID, list[Written]]:
    """The messages of these chats by chat, in the order they were written."""
    theirs = sa.and_(MESSAGES.c.user_id == viewer.user_id, MESSAGES.c.session_id.in_(chat_ids))
    rows = tx.execute(sa.select(*MESSAGE_COLUMNS).where(theirs).order_by(MESSAGES.c.id)).all()
    known = belongings_of(tx, viewer, chat_ids)
    found: dict[uuid.UUID, list[Written]] = {}
    for values in rows:
        row = dict(zip(MESSAGE_NAMES, values, strict=True))
        message_id = row["id"]
        rating, note = known.ratings.get(message_id, (None, None))
        attempts, files = known.attempts.get(message_id, ()), known.files.get(message_id, ())
        found.setdefault(row["session_id"], []).append(Written(row, tuple(attempts), tuple(files), rating, note))
    return found


def belongings_of(tx: Session, viewer: Viewer, chat_ids: list[uuid.UUID]) -> Belongings:
    """The ledger's rows, the files and the ratings of the messages of these chats."""
    known = Belongings()
    columns = [GENERATIONS.c.message_id, *(GENERATIONS.c[name] for name in ATTEMPT)]
    theirs = sa.and_(GENERATIONS.c.user_id == viewer.user_id, GENERATIONS.c.session_id.in_(chat_ids), GENERATIONS.c.message_id.is_not(None))
    for message_id, *values in tx.execute(sa.select(*columns).where(theirs).order_by(GENERATIONS.c.id)):
        known.attempts.setdefault(message_id, []).append(dict(zip(ATTEMPT, values, strict=True)))
    in_chats = MESSAGES.c.session_id.in_(chat_ids)
    names = ("id", "message_id", "name", "media_type", "size_bytes", "sha256", "created_at")
    files = sa.select(*(ATTACHMENTS.c[name] for name in names)).join(MESSAGES, MESSAGES.c.id == ATTACHMENTS.c.message_id)
    for row in tx.execute(files.where(in_chats, ATTACHMENTS.c.user_id == viewer.user_id).order_by(ATTACHMENTS.c.id)).mappings():
        known.files.setdefault(row["message_id"], []).append(dict(row))
    ratings = sa.select(FEEDBACK.c.message_id, FEEDBACK.c.rating, FEEDBACK.c.note).join(MESSAGES, MESSAGES.c.id == FEEDBACK.c.message_id)
    for rated in tx.execute(ratings.where(in_chats, FEEDBACK.c.user_id == viewer.user_id)):
        known.ratings[rated.message_id] = (rated.rating, rated.note)
    return known


def comparisons_of(tx: Session, viewer: Viewer, chat_ids: list[uuid.UUID]) -> dict[uuid.UUID, list[Row]]:
    """The comparisons in these chats whose two answers are there, by chat."""
    row = COMPARISONS.c
    whole = sa.and_(row.user_id == viewer.user_id, row.session_id.in_(chat_ids), row.left_message_id.is_not(None))
    found: dict[uuid.UUID, list[Row]] = {}
    for one in tx.execute(sa.select(COMPARISONS).where(whole, row.right_message_id.is_not(None)).order_by(row.id)).mappings():
        found.setdefault(one["session_id"], []).append(dict(one))
    return found


def file_bytes(db: Database, viewer: Viewer, file_id: int) -> bytes:
    """The bytes of a file of the viewer; none if it is gone."""
    with db.read() as tx:
        mine = sa.and_(ATTACHMENTS.c.id == file_id, ATTACHMENTS.c.user_id == viewer.user_id)
        return bytes(tx.execute(sa.select(CONTENTS.c.content).join_from(ATTACHMENTS, CONTENTS, SAME_FILE).where(mine)).scalar() or b"")
