"""The settings of each chat, read and written."""

import uuid

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.db import Database
from chatcore.history import mine
from chatcore.parameters import ChatSettings, dump_options, load_settings
from chatcore.parts import Viewer
from chatcore.rows import CHATS, no_chat


def read_settings(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> ChatSettings:
    """How the model of a chat is asked. Raises NotFound."""
    with db.read() as tx:
        return read_settings_in(tx, viewer, chat_id)


def read_settings_in(tx: Session, viewer: Viewer, chat_id: uuid.UUID) -> ChatSettings:
    """The same as `read_settings` inside a transaction."""
    found = sa.select(CHATS.c.system_prompt, CHATS.c.think, CHATS.c.options).where(mine(viewer, chat_id))
    row = tx.execute(found).one_or_none()
    if row is None:
        raise no_chat()
    return load_settings(*row)


def write_settings(db: Database, viewer: Viewer, chat_id: uuid.UUID, settings: ChatSettings) -> ChatSettings:
    """Changes how the model of a chat is asked from the next prompt on, all of it. Raises NotFound."""
    with db.write() as tx:
        write_settings_in(tx, viewer, chat_id, settings)
    return settings


def write_settings_in(tx: Session, viewer: Viewer, chat_id: uuid.UUID, settings: ChatSettings) -> None:
    """The same as `write_settings` inside a transaction."""
    values = {"system_prompt": settings.system_prompt, "think": settings.think, "options": dump_options(settings.options)}
    changed = sa.update(CHATS).where(mine(viewer, chat_id)).values(values).returning(CHATS.c.id)
    if tx.execute(changed).one_or_none() is None:
        raise no_chat()
