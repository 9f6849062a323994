"""The thread of a chat: the branch that is shown, read a window at a time.

Messages form a tree: each names the one it follows, and a chat names the leaf of the branch it shows. Along a branch ids
grow. A window costs the same in a chat of any length: ways through the tree are walked by ids, a window's length of them.
Only where a long branch was left for another long one is it walked from the leaf which of the two is shown.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, assert_never

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.db import Database
from chatcore.history import get_chat_in, leaf_of, no_message, possible_id
from chatcore.parts import Thread, Viewer
from chatcore.rows import LARGEST_ID, MESSAGE_COLUMNS, MESSAGES, checked_limit, message_infos

Value = TypeVar("Value")

# Branches that were left are short: an attempt that failed, some messages after a prompt that was put otherwise. Of longer
# ones so many messages are looked at before the shown branch is walked instead.
LEFT = 200
# How far above a message it is looked whether the shown branch turned off before it.
LOOK_BACK = 100
# No branch has as many messages; it stands where the number of steps is bounded by something else.
ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Before:
    """The messages before this one, with it if `included`; None: the end of the branch that is shown."""

    message_id: int | None = None
    included: bool = False


@dataclass(frozen=True, slots=True)
class After:
    """The messages after this one, with it if `included`; None: the start of the branch that is shown."""

    message_id: int | None = None
    included: bool = False


@dataclass(frozen=True, slots=True)
class Around:
    """A message with what stands around it on its branch, a third of the window before it."""

    message_id: int


Place = Before | After | Around
END, START = Before(), After()


# --- statements, built once --------------------------------------------------------------------------------------

PARENT = MESSAGES.alias("parent")


def upward() -> sa.CTE:
    """A message and what came before it on its branch, as (id, parent_id, step): so many steps, down to a lowest id."""
    leaf = MESSAGES.c.id == sa.bindparam("leaf_id")
    path = sa.select(MESSAGES.c.id, MESSAGES.c.parent_id, sa.literal(1).label("step")).where(leaf).cte("path", recursive=True)
    # The key of the parent leads each step through the primary key; that a parent is in the same chat is a law.
    step = sa.select(PARENT.c.id, PARENT.c.parent_id, path.c.step + 1).join(path, PARENT.c.id == path.c.parent_id)
    # Asked of the key, not of the parent: for a condition on the table SQLite reads all of it into a filter first, where its statistics
    # say less than a million messages (0.3 s, measured).
    return path.union_all(step.where(path.c.step < sa.bindparam("steps"), path.c.parent_id >= sa.bindparam("lowest_id")))


PATH = upward()
BRANCH = sa.select(*MESSAGE_COLUMNS).join(PATH, PATH.c.id == MESSAGES.c.id).order_by(PATH.c.step)
UP_FROM_ITS_END = sa.select(PATH.c.id, PATH.c.parent_id).order_by(PATH.c.step.desc()).limit(sa.bindparam("limit"))

CHILD = MESSAGES.alias("child")
IDS: sa.BindParameter[int] = sa.bindparam("ids", expanding=True)
WAY: sa.BindParameter[int] = sa.bindparam("way", expanding=True)
ROOTS = sa.and_(MESSAGES.c.session_id == sa.bindparam("chat_id"), MESSAGES.c.parent_id.is_(None))
CHILDREN = MESSAGES.c.parent_id == sa.bindparam("message_id")
NOTHING = sa.literal_column("0", MESSAGES.c.id.type)


def downward(first: sa.ColumnElement[bool]) -> sa.Select[*tuple[object, ...]]:
    """The newest message for which the condition holds, the newest one that follows it, and so on, each with the id of its
    `oldest` sibling."""
    # Nothing is added, so that no index has what is asked for: PostgreSQL would look along all ids of the chat, or of all messages,
    # for the first one that follows the message (16 ms of 5,000, measured).
    message_id, child_id = MESSAGES.c.id + NOTHING, CHILD.c.id + NOTHING
    seed = sa.select(sa.func.max(message_id).label("id"), sa.func.min(message_id).label("oldest"), sa.literal(1).label("step"))
    down = seed.where(first).cte("down", recursive=True)
    newest, oldest = (
        sa.select(pick(child_id)).where(CHILD.c.parent_id == down.c.id).scalar_subquery() for pick in (sa.func.max, sa.func.min)
    )
    step = sa.select(newest, oldest, down.c.step + 1).where(down.c.id.is_not(None), down.c.step < sa.bindparam("steps"))
    down = down.union_all(step)
    return sa.select(*MESSAGE_COLUMNS, down.c.oldest).join(down, down.c.id == MESSAGES.c.id).order_by(down.c.step)


DOWN_FROM_START, DOWN_FROM = downward(ROOTS), downward(CHILDREN)
ROWS = sa.select(*MESSAGE_COLUMNS).where(MESSAGES.c.session_id == sa.bindparam("chat_id"), MESSAGES.c.id.in_(IDS)).order_by(MESSAGES.c.id)

# The highest message of a way up, and what else follows the same messages as those of it.
TOP = UP_FROM_ITS_END.add_columns(sa.true().label("is_top")).limit(sa.literal_column("1"))
SIBLINGS = sa.select(CHILD.c.id, CHILD.c.parent_id, sa.false()).join(
    PATH, sa.and_(CHILD.c.parent_id == PATH.c.parent_id, CHILD.c.id != PATH.c.id)
)
TOP_AND_SIBLINGS = sa.union_all(sa.select(TOP.subquery()), SIBLINGS)
# What else follows the messages of a way down.
PARTING = sa.select(MESSAGES.c.id).where(MESSAGES.c.parent_id.in_(IDS), MESSAGES.c.id.not_in(WAY))
OTHER_STARTS = sa.select(MESSAGES.c.id).where(ROOTS, MESSAGES.c.id.not_in(WAY))
SUBTREES = sa.select(MESSAGES.c.id).where(MESSAGES.c.id.in_(IDS)).cte("subtrees", recursive=True)
SUBTREES = SUBTREES.union_all(sa.select(CHILD.c.id).join(SUBTREES, CHILD.c.parent_id == SUBTREES.c.id))
# Both engines stop the recursion when so many rows are found.
BELOW = sa.select(SUBTREES.c.id).limit(LEFT + 1)

KEY, CHAT_ID = sa.tuple_(CHILD.c.session_id, CHILD.c.id), sa.bindparam("chat_id", type_=CHILD.c.session_id.type)
# By the key of both columns: where the chat is a condition and the id the order, PostgreSQL would rather look through all
# messages by their ids until it meets one of the chat. SQLite finds a place inside the chat only by conditions.
FROM_ID_ON = {
    "sqlite": lambda lowest: sa.and_(CHILD.c.session_id == CHAT_ID, CHILD.c.id >= lowest),
    "postgresql": lambda lowest: sa.tuple_(CHAT_ID, lowest) <= KEY,
}


def first_from(dialect: str, lowest: sa.ColumnElement[int], column: sa.Column[Value]) -> sa.Select[Value]:
    """A column of the first message of a chat from this id on."""
    return sa.select(column).where(FROM_ID_ON[dialect](lowest)).order_by(CHILD.c.session_id, CHILD.c.id).limit(1)


def halving(dialect: str) -> sa.Select[tuple[int]]:
    """The first message of a chat, up to a leaf, that was written at or after a moment: times grow with ids, so the range of
    ids is halved until it is found."""
    nothing, moment = sa.null().cast(MESSAGES.c.id.type), sa.bindparam("moment", type_=MESSAGES.c.created_at.type)
    low, high = sa.literal(0, MESSAGES.c.id.type), sa.bindparam("leaf_id", type_=MESSAGES.c.id.type) + 1
    ids = sa.select(low.label("low"), high.label("high"), nothing.label("found")).cte("ids", recursive=True)
    middle = (ids.c.low + ids.c.high) // 2
    probe = MESSAGES.alias("probe")
    probed = first_from(dialect, middle, CHILD.c.id)
    early = probe.c.created_at < moment
    half = sa.select(
        sa.case((early, probe.c.id + 1), else_=ids.c.low),
        sa.case((early, ids.c.high), else_=middle),
        sa.case((early, ids.c.found), else_=probe.c.id),
    )
    half = half.join_from(ids, probe, probe.c.id == probed.scalar_subquery()).where(ids.c.low < ids.c.high)
    ids = ids.union_all(half)
    return sa.select(ids.c.found).where(ids.c.low >= ids.c.high)


FIRST_SINCE = {dialect: halving(dialect) for dialect in FROM_ID_ON}
FIRST_TIME = {dialect: first_from(dialect, sa.literal(0, CHILD.c.id.type), CHILD.c.created_at) for dialect in FROM_ID_ON}
LAST_TIME = sa.select(MESSAGES.c.created_at).where(MESSAGES.c.id == sa.bindparam("leaf_id"))


# --- windows -----------------------------------------------------------------------------------------------------


def open_thread(db: Database, viewer: Viewer, chat_id: uuid.UUID, *, place: Place = END, limit: int = 40) -> Thread:
    """A window of at most `limit` (1 to 1,000) messages of a chat at this place, oldest first.

    The branch is the one that is shown; around, before and after a message on another one, that message's, which goes on
    with the newest of what follows. Costs the same in a chat of any length. Raises Invalid, and NotFound, also for a
    message of another chat.
    """
    checked_limit(limit)
    with db.read() as tx:
        chat = get_chat_in(tx, viewer, chat_id)
        leaf_id = leaf_of(tx, chat_id, chat.current_message_id)
        rows, has_earlier, has_later = window(tx, chat_id, leaf_id, place, limit)
        messages = message_infos(tx, rows)
    return Thread(chat=chat, messages=messages, has_earlier=has_earlier, has_later=has_later)


def first_since(db: Database, viewer: Viewer, chat_id: uuid.UUID, *, moment: datetime) -> int | None:
    """The first message of the shown branch that was written at or after a moment; None if there is none. Raises NotFound.

    Costs the same in a chat of any length. A branch that was left more than 100 messages earlier counts as shown.
    """
    with db.read() as tx:
        chat = get_chat_in(tx, viewer, chat_id)
        leaf_id = leaf_of(tx, chat_id, chat.current_message_id)
        if leaf_id is None:
            return None
        asked = {"chat_id": chat_id, "leaf_id": leaf_id, "moment": moment}
        found: int | None = tx.execute(FIRST_SINCE[db.dialect], asked).scalar()
        if found is None:
            return None
        way_up = {"leaf_id": found, "steps": LOOK_BACK, "lowest_id": -LARGEST_ID}
        rows = tx.execute(TOP_AND_SIBLINGS, way_up).all()
        (top,) = (row for row in rows if row.is_top)
        beginnings = [row.id for row in rows if not row.is_top]
        if top.parent_id is None:
            beginnings += tx.execute(OTHER_STARTS, {"chat_id": chat_id, "way": [top.id]}).scalars()
        left = subtrees(tx, beginnings)
        if len(left) <= LEFT and leaf_id not in left:
            return found
        return int(shown_from(tx, leaf_id, found, 1)[0].id)


def span(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> tuple[datetime, datetime] | None:
    """When the first message of a chat and the last one of the shown branch were written; None for an empty chat.

    Raises NotFound.
    """
    with db.read() as tx:
        chat = get_chat_in(tx, viewer, chat_id)
        leaf_id = leaf_of(tx, chat_id, chat.current_message_id)
        if leaf_id is None:
            return None
        first: datetime = tx.execute(FIRST_TIME[db.dialect], {"chat_id": chat_id}).scalar_one()
        last: datetime = tx.execute(LAST_TIME, {"leaf_id": leaf_id}).scalar_one()
    return first, last


# --- ways through the tree ---------------------------------------------------------------------------------------


def window(tx: Session, chat_id: uuid.UUID, leaf_id: int | None, place: Place, limit: int) -> tuple[Sequence[sa.RowMapping], bool, bool]:
    """The rows of a window, oldest first, and whether its branch has earlier and later messages. Raises NotFound."""
    up: Sequence[sa.RowMapping]
    down: Sequence[sa.RowMapping]
    match place:
        case Before(message_id, included):
            if message_id is None:
                up, has_later = path_to(tx, leaf_id, limit + 1), False
            else:
                up = path_in(tx, chat_id, message_id, limit + 1 + (not included))[not included :]
                has_later = not included or bool(descend(tx, chat_id, leaf_id, message_id, 1))
            return up[:limit][::-1], len(up) > limit, has_later
        case After(message_id, included):
            up = path_in(tx, chat_id, message_id, 2) if message_id is not None else ()
            first = up[:1] if included else ()
            down = [*first, *descend(tx, chat_id, leaf_id, message_id, limit + 1 - len(first))]
            return down[:limit], len(up) > len(first), len(down) > limit
        case Around(message_id):
            below = limit - 1 - limit // 3
            above = limit - below
            up, down = path_in(tx, chat_id, message_id, above + 1), descend(tx, chat_id, leaf_id, message_id, below + 1)
            # What one side has too little of, the other makes up for.
            if len(down) < below and len(up) > above:
                above, below = limit - len(down), len(down)
                up = path_to(tx, message_id, above + 1)
            elif len(up) < above and len(down) > below:
                above, below = len(up), limit - len(up)
                down = descend(tx, chat_id, leaf_id, message_id, below + 1)
            return [*up[:above][::-1], *down[:below]], len(up) > above, len(down) > below
        case _:
            assert_never(place)


def path_to(tx: Session, leaf_id: int | None, limit: int) -> Sequence[sa.RowMapping]:
    """A message and what came before it on its branch, newest first, at most `limit` rows; none of None."""
    if leaf_id is None:
        return []
    return tx.execute(BRANCH, {"leaf_id": leaf_id, "steps": limit, "lowest_id": -LARGEST_ID}).mappings().all()


def path_in(tx: Session, chat_id: uuid.UUID, message_id: int, limit: int) -> Sequence[sa.RowMapping]:
    """The same as `path_to` of a message that must be in this chat. Raises NotFound."""
    rows = path_to(tx, possible_id(message_id), limit)
    if not rows or rows[0]["session_id"] != chat_id:
        raise no_message()
    return rows


def descend(tx: Session, chat_id: uuid.UUID, leaf_id: int | None, message_id: int | None, limit: int) -> Sequence[sa.RowMapping]:
    """What follows a message (None: the first messages), oldest first, at most `limit` rows.

    On the branch to the leaf it is what leads there and ends there, elsewhere the newest of what follows each message.
    """
    if leaf_id is None or leaf_id == message_id:
        return []
    start: dict[str, object] = {"chat_id": chat_id} if message_id is None else {"message_id": message_id}
    rows = tx.execute(DOWN_FROM_START if message_id is None else DOWN_FROM, start | {"steps": limit}).mappings().all()
    newest = [row["id"] for row in rows]
    if leaf_id in newest:
        return rows[: newest.index(leaf_id) + 1]
    forked = any(row["id"] != row["oldest"] for row in rows)
    if not forked or (message_id is not None and leaf_id < message_id):
        return rows
    parents = [*([] if message_id is None else [message_id]), *newest[:-1]]
    beginnings = list(tx.execute(PARTING, {"ids": parents, "way": newest}).scalars())
    if message_id is None:
        beginnings += tx.execute(OTHER_STARTS, {"chat_id": chat_id, "way": newest}).scalars()
    left = subtrees(tx, beginnings)
    if len(left) <= LEFT and leaf_id not in left:
        return rows
    shown = shown_from(tx, leaf_id, -LARGEST_ID if message_id is None else message_id + 1, limit)
    if not shown or shown[0].parent_id != message_id:
        return rows
    return tx.execute(ROWS, {"chat_id": chat_id, "ids": [row.id for row in shown]}).mappings().all()


def subtrees(tx: Session, beginnings: Sequence[int]) -> set[int]:
    """The messages of the branches that begin so, at most 201."""
    return set(tx.execute(BELOW, {"ids": beginnings}).scalars()) if beginnings else set()


def shown_from(tx: Session, leaf_id: int, lowest_id: int, limit: int) -> Sequence[sa.Row[tuple[int, int | None]]]:
    """The first messages of the branch to a leaf from this id on, as (id, parent_id), oldest first. Walks up from the leaf."""
    return tx.execute(UP_FROM_ITS_END, {"leaf_id": leaf_id, "steps": ALL, "lowest_id": lowest_id, "limit": limit}).all()
