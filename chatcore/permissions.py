"""What a person lets tools do: for one chat, else for all of theirs. What nobody said is the tool's own policy."""

import uuid

import sqlalchemy as sa
from sqlmodel import SQLModel

from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.parts import Policy, Viewer
from chatcore.rows import CHATS, no_chat

PERMISSIONS = SQLModel.metadata.tables["tool_permission"]
USERS = SQLModel.metadata.tables["users"]
LONGEST_TOOL = 64


def policies_of(db: Database, viewer: Viewer, chat_id: uuid.UUID | None) -> dict[str, Policy]:
    """What the viewer said about tools, by their names: for this chat, else for all; nothing of a chat that is not theirs."""
    here: sa.ColumnElement[bool] = PERMISSIONS.c.session_id.is_(None)
    if chat_id is not None:
        here = sa.or_(here, PERMISSIONS.c.session_id == chat_id)
    statement = (
        sa.select(PERMISSIONS.c.tool, PERMISSIONS.c.decision)
        .where(PERMISSIONS.c.user_id == viewer.user_id, here)
        # Those of the chat come last and so replace the others.
        .order_by(PERMISSIONS.c.session_id.is_not(None))
    )
    with db.read() as tx:
        return {row.tool: Policy(row.decision) for row in tx.execute(statement)}


def set_policy(db: Database, viewer: Viewer, tool: str, policy: Policy | None, *, chat_id: uuid.UUID | None = None) -> None:
    """Remembers what a tool may do in this chat, without one in all chats; None forgets it. Raises Invalid, NotFound."""
    if not 1 <= len(tool) <= LONGEST_TOOL:
        raise Invalid(f"A tool's name has 1 to {LONGEST_TOOL} characters.", "Choose one from the list of tools.")
    same_chat = PERMISSIONS.c.session_id.is_(None) if chat_id is None else PERMISSIONS.c.session_id == chat_id
    mine = sa.and_(PERMISSIONS.c.user_id == viewer.user_id, same_chat, PERMISSIONS.c.tool == tool)
    with db.write() as tx:
        # Two clicks at once come one after the other.
        tx.execute(sa.select(USERS.c.id).where(USERS.c.id == viewer.user_id).with_for_update(key_share=True))
        if chat_id is not None:
            chat = sa.select(CHATS.c.id).where(CHATS.c.user_id == viewer.user_id, CHATS.c.id == chat_id)
            if tx.execute(chat).one_or_none() is None:
                raise no_chat()
        tx.execute(sa.delete(PERMISSIONS).where(mine))
        if policy is not None:
            values = {"user_id": viewer.user_id, "session_id": chat_id, "tool": tool, "decision": policy.value}
            tx.execute(sa.insert(PERMISSIONS).values(values))
