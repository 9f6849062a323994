"""The thread of a chat: the branch that is shown, read a window at a time.

Messages form a tree: each names the one it follows, and a chat names the leaf of the branch it shows.
"""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.db import Database
from chatcore.history import get_chat_in, leaf_of, parent_of
from chatcore.parts import Thread, Viewer
from chatcore.rows import MESSAGE_COLUMNS, MESSAGES, checked_limit, message_infos

LEAF = sa.select(MESSAGES.c.id, MESSAGES.c.parent_id, sa.literal(1).label("step")).where(MESSAGES.c.id == sa.bindparam("leaf_id"))
PATH = LEAF.cte("path", recursive=True)
PARENT = MESSAGES.alias("parent")
# The key of the parent leads each step through the primary key; that a parent is in the same chat is a law.
PATH = PATH.union_all(
    sa.select(PARENT.c.id, PARENT.c.parent_id, PATH.c.step + 1)
    .join(PATH, PARENT.c.id == PATH.c.parent_id)
    .where(PATH.c.step < sa.bindparam("steps"))
)
BRANCH = sa.select(*MESSAGE_COLUMNS).join(PATH, PATH.c.id == MESSAGES.c.id).order_by(PATH.c.step)


def open_thread(db: Database, viewer: Viewer, chat_id: uuid.UUID, *, last: int = 40, before: int | None = None) -> Thread:
    """The last messages of the branch a chat shows, or the ones before message `before`, oldest first.

    Costs the same in a chat of any length. `last` is 1 to 1,000. Raises NotFound, also for a `before` of another chat.
    """
    checked_limit(last)
    with db.read() as tx:
        chat = get_chat_in(tx, viewer, chat_id)
        leaf = leaf_of(tx, chat_id, chat.current_message_id) if before is None else parent_of(tx, chat_id, before)
        rows = path_to(tx, leaf, last + 1) if leaf is not None else []
        messages = message_infos(tx, reversed(rows[:last]))
    return Thread(chat=chat, messages=messages, has_earlier=len(rows) > last)


def path_to(tx: Session, leaf_id: int, limit: int) -> Sequence[sa.RowMapping]:
    """A message and what came before it on its branch, newest first, at most `limit` rows."""
    return tx.execute(BRANCH, {"leaf_id": leaf_id, "steps": limit}).mappings().all()
