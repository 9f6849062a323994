"""The tree of a chat: what stands beside a message, which branch is shown, what is deleted and what is copied from it."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.attachments import copy_attachments
from chatcore.chat import LONGEST_PATH, StillAnswering, claim
from chatcore.chat_settings import read_settings_in, write_settings_in
from chatcore.columns import new_chat_id
from chatcore.db import Database
from chatcore.history import get_chat_in, mine, no_message, possible_id
from chatcore.parts import ChatInfo, State, Viewer
from chatcore.rows import CHATS, LARGEST_ID, MESSAGES, attachments_of, new_message_ids, parts_of
from chatcore.texts import TITLE_CHARACTERS, cut, snippet
from chatcore.thread import PATH, path_to

FORK_MARK = " (fork)"
# Both engines take so many rows in one statement without a detour.
ROWS_A_STATEMENT = 500

CHILD = MESSAGES.alias("child")
BELOW = sa.select(MESSAGES.c.id).where(MESSAGES.c.id == sa.bindparam("message_id")).cte("below", recursive=True)
BELOW = BELOW.union_all(sa.select(CHILD.c.id).join(BELOW, CHILD.c.parent_id == BELOW.c.id))
IDS_BELOW = sa.select(BELOW.c.id)
NEWEST_BELOW = sa.select(sa.func.max(BELOW.c.id))
UP_TO = sa.select(PATH.c.id).where(PATH.c.id == sa.bindparam("lowest_id"))


@dataclass(frozen=True, slots=True)
class Siblings:
    """The messages that follow the same message, the oldest first, and which of them is meant, counted from 1."""

    ids: tuple[int, ...]
    at: int

    @property
    def before(self) -> int | None:
        """The one before it, None for the first."""
        return self.ids[self.at - 2] if self.at > 1 else None

    @property
    def after(self) -> int | None:
        """The one after it, None for the last."""
        return self.ids[self.at] if self.at < len(self.ids) else None


def siblings(db: Database, viewer: Viewer, message_ids: Iterable[int]) -> dict[int, Siblings]:
    """What stands beside each of these messages, itself among it; what is not there or not the viewer's is left out.

    Two statements, however many messages are asked for.
    """
    found: dict[int, Siblings] = {}
    with db.read() as tx:
        for part in parts_of(message_id for message_id in message_ids if abs(message_id) <= LARGEST_ID):
            found |= siblings_in(tx, viewer, part)
    return found


def siblings_in(tx: Session, viewer: Viewer, message_ids: Sequence[int]) -> dict[int, Siblings]:
    """The same as `siblings` inside a transaction, of at most 10,000 messages."""
    columns = (MESSAGES.c.id, MESSAGES.c.parent_id, MESSAGES.c.session_id)
    asked = tx.execute(sa.select(*columns).where(MESSAGES.c.id.in_(message_ids), MESSAGES.c.user_id == viewer.user_id)).all()
    # Two walks along the index on the parent: an OR over both would look through whole chats.
    parents = {row.parent_id for row in asked if row.parent_id is not None}
    chats = {row.session_id for row in asked if row.parent_id is None}
    under = sa.select(*columns).where(MESSAGES.c.parent_id.in_(parents))
    starts = sa.select(*columns).where(MESSAGES.c.parent_id.is_(None), MESSAGES.c.session_id.in_(chats))
    kin: dict[tuple[uuid.UUID, int | None], list[int]] = {}
    for row in tx.execute(sa.union_all(under, starts)):
        kin.setdefault((row.session_id, row.parent_id), []).append(row.id)
    found = {}
    for row in asked:
        ids = tuple(sorted(kin[row.session_id, row.parent_id]))
        found[row.id] = Siblings(ids, ids.index(row.id) + 1)
    return found


def count_below(db: Database, viewer: Viewer, message_id: int) -> int:
    """How many messages follow a message, in all its branches: what goes with it. Raises NotFound."""
    with db.read() as tx:
        find(tx, viewer, message_id)
        return len(tx.execute(IDS_BELOW, {"message_id": message_id}).all()) - 1


def switch_branch(db: Database, viewer: Viewer, message_id: int, *, preferred: Sequence[int] = ()) -> int:
    """Shows the branch of a message; the id of the message the chat ends with from now on. Raises NotFound.

    That is the newest message below it, or below the first of the `preferred` messages that stands below it: who comes back
    to a branch finds the part of it that they left. The chat keeps its place in the list.
    """
    with db.write() as tx:
        chat_id = find(tx, viewer, message_id).session_id
        # Against a message that is added or a branch that is deleted meanwhile.
        tx.execute(sa.select(CHATS.c.id).where(mine(viewer, chat_id)).with_for_update(key_share=True))
        top = next((wanted for wanted in preferred if stands_below(tx, wanted, message_id)), message_id)
        leaf_id: int | None = tx.execute(NEWEST_BELOW, {"message_id": top}).scalar()
        if leaf_id is None:
            raise no_message()
        tx.execute(sa.update(CHATS).where(mine(viewer, chat_id)).values(current_message_id=leaf_id))
    return leaf_id


def delete_message(db: Database, viewer: Viewer, message_id: int) -> int:
    """Deletes a message with everything that follows it, in all its branches, for ever; answers how many messages.

    If the shown branch goes, what stands beside the message is shown, else the message before it. What was used stays known.
    Raises NotFound, Conflict while the chat answers or lies in the trash.
    """
    with db.write() as tx:
        found = find(tx, viewer, message_id)
        chat = claim(tx, viewer, found.session_id)
        gone = tx.execute(IDS_BELOW, {"message_id": message_id}).scalars().all()
        if not gone:
            raise no_message()
        values: dict[str, object] = {"message_count": CHATS.c.message_count - len(gone)}
        if chat["current_message_id"] in set(gone):
            # Before the rows go: the key would set it to null, and a chat with messages shows one of them.
            values["current_message_id"] = shown_instead(tx, viewer, message_id, found.parent_id)
        tx.execute(sa.update(CHATS).where(mine(viewer, found.session_id)).values(values))
        for part in parts_of(gone):
            # In one transaction: that each of them follows one that is there is looked at in the end.
            tx.execute(sa.delete(MESSAGES).where(MESSAGES.c.id.in_(part), MESSAGES.c.user_id == viewer.user_id))
        describe_end(tx, viewer, found.session_id)
    return len(gone)


def fork(db: Database, viewer: Viewer, message_id: int, *, now: datetime) -> ChatInfo:
    """A new chat with copies of a message and of what came before it on its branch. Raises NotFound, Conflict for an answer
    that is still being written.

    The copies keep their times, and no attempts (generations) are copied: what was used is counted once.
    """
    with db.write() as tx:
        found = find(tx, viewer, message_id)
        if found.status == State.RUNNING:
            raise StillAnswering
        source = get_chat_in(tx, viewer, found.session_id)
        path = path_to(tx, message_id, LONGEST_PATH)[::-1]
        chat_id = new_chat_id()
        values = {"id": chat_id, "user_id": viewer.user_id, "title": fork_title(source.title), "created_at": now, "updated_at": now}
        named = {"provider": source.provider, "model_name": source.model_name, "folder_id": source.folder_id}
        came_from = sa.select(CHATS.c.continued_from).where(CHATS.c.id == source.id).scalar_subquery()
        tx.execute(sa.insert(CHATS).values(values | named | {"message_count": len(path), "continued_from": came_from}))
        write_settings_in(tx, viewer, chat_id, read_settings_in(tx, viewer, found.session_id))
        copies = dict(zip((row["id"] for row in path), new_message_ids(tx, len(path)), strict=True))
        rows = [
            dict(row)
            | {"id": copies[row["id"]], "parent_id": copies.get(row["parent_id"]), "session_id": chat_id, "user_id": viewer.user_id}
            for row in path
        ]
        for start in range(0, len(rows), ROWS_A_STATEMENT):
            tx.execute(sa.insert(MESSAGES), rows[start : start + ROWS_A_STATEMENT])
        for part in parts_of(copies):
            for message_id in attachments_of(tx, part):
                copy_attachments(tx, viewer, message_id, copies[message_id])
        tx.execute(sa.update(CHATS).where(mine(viewer, chat_id)).values(current_message_id=rows[-1]["id"]))
        describe_end(tx, viewer, chat_id)
        return get_chat_in(tx, viewer, chat_id)


# --- parts of them -----------------------------------------------------------------------------------------------


def find(tx: Session, viewer: Viewer, message_id: int) -> sa.Row[tuple[object, ...]]:
    """Where a message stands: (id, session_id, parent_id, status). Raises NotFound."""
    columns = (MESSAGES.c.id, MESSAGES.c.session_id, MESSAGES.c.parent_id, MESSAGES.c.status)
    theirs = sa.and_(MESSAGES.c.id == possible_id(message_id), MESSAGES.c.user_id == viewer.user_id)
    row = tx.execute(sa.select(*columns).where(theirs)).one_or_none()
    if row is None:
        raise no_message()
    return row


def stands_below(tx: Session, message_id: int, top_id: int) -> bool:
    """Whether a message follows another one on its branch, or is it."""
    if message_id < top_id or message_id > LARGEST_ID:
        return False
    way_up = {"leaf_id": message_id, "steps": LONGEST_PATH, "lowest_id": top_id}
    return tx.execute(UP_TO, way_up).one_or_none() is not None


def shown_instead(tx: Session, viewer: Viewer, message_id: int, parent_id: int | None) -> int | None:
    """The end of the branch that is shown when a message goes: the one below its nearest sibling, else its parent."""
    beside = siblings_in(tx, viewer, [message_id])[message_id]
    nearest = beside.before if beside.before is not None else beside.after
    if nearest is None:
        return parent_id
    leaf_id: int | None = tx.execute(NEWEST_BELOW, {"message_id": nearest}).scalar()
    return leaf_id


def describe_end(tx: Session, viewer: Viewer, chat_id: uuid.UUID) -> None:
    """Has the lists say of a chat what it ends with now: nothing of what was deleted may be read there."""
    shown = sa.select(MESSAGES.c.content, MESSAGES.c.created_at).join(CHATS, CHATS.c.current_message_id == MESSAGES.c.id)
    end = tx.execute(shown.where(mine(viewer, chat_id))).one_or_none()
    values = {"last_snippet": snippet(end.content) or None if end else None, "last_message_at": end.created_at if end else None}
    tx.execute(sa.update(CHATS).where(mine(viewer, chat_id)).values(values))


def fork_title(title: str) -> str:
    """The title of a copy; one that is a copy already keeps its mark."""
    return title if title.endswith(FORK_MARK) else cut(title, TITLE_CHARACTERS - len(FORK_MARK)) + FORK_MARK
