"""Prompts that wait in a chat until the answer before them has ended, in the order in which they were written."""

import uuid
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.history import get_chat_in, possible_id
from chatcore.parts import Viewer
from chatcore.texts import clean_text

QUEUED = SQLModel.metadata.tables["queued_prompt"]
# Shown whole under the thread; who has more to say writes it into one.
MOST_WAITING = 20


@dataclass(frozen=True, slots=True)
class Queued:
    """A prompt that waits, and who shall answer it."""

    id: int
    chat_id: uuid.UUID
    text: str
    provider: str
    model_name: str
    created_at: datetime
    use_tools: bool = False


def list_queued(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> tuple[Queued, ...]:
    """What waits in a chat, the next one first. Raises NotFound."""
    with db.read() as tx:
        get_chat_in(tx, viewer, chat_id)
        found = sa.select(QUEUED).where(QUEUED.c.user_id == viewer.user_id, QUEUED.c.session_id == chat_id).order_by(QUEUED.c.id)
        return tuple(queued(row) for row in tx.execute(found).mappings())


def get_queued(db: Database, viewer: Viewer, queued_id: int) -> Queued:
    """A prompt that waits. Raises NotFound for one that was sent or removed."""
    with db.read() as tx:
        row = tx.execute(sa.select(QUEUED).where(of_viewer(viewer, queued_id))).mappings().one_or_none()
    if row is None:
        raise no_prompt()
    return queued(row)


def change_queued(db: Database, viewer: Viewer, queued_id: int, *, text: str) -> Queued:
    """Gives a prompt that waits another text; it keeps its turn. Raises Invalid, NotFound."""
    text = clean_text(text)
    with db.write() as tx:
        changed = sa.update(QUEUED).where(of_viewer(viewer, queued_id)).values(text=text).returning(*QUEUED.c)
        row = tx.execute(changed).mappings().one_or_none()
    if row is None:
        raise no_prompt()
    return queued(row)


def remove_queued(db: Database, viewer: Viewer, queued_id: int) -> None:
    """Forgets a prompt that waits. Raises NotFound."""
    with db.write() as tx:
        take_queued_in(tx, viewer, queued_id)


def take_queued_in(tx: Session, viewer: Viewer, queued_id: int) -> None:
    """Takes a prompt out of the queue, inside the transaction that sends it. Raises NotFound if somebody was faster."""
    taken = sa.delete(QUEUED).where(of_viewer(viewer, queued_id)).returning(QUEUED.c.id)
    if tx.execute(taken).one_or_none() is None:
        raise no_prompt()


def put_queued_in(
    tx: Session,
    viewer: Viewer,
    chat_id: uuid.UUID,
    *,
    text: str,
    provider: str,
    model_name: str,
    now: datetime,
    use_tools: bool = False,
    request_key: str | None = None,
) -> Queued:
    """Puts a prompt to the end of the queue of a chat that the caller has locked. Raises Invalid where too many wait, IntegrityError
    for a request key that was used."""
    mine = (QUEUED.c.user_id == viewer.user_id, QUEUED.c.session_id == chat_id)
    if tx.execute(sa.select(sa.func.count()).where(*mine)).scalar_one() >= MOST_WAITING:
        raise Invalid(f"{MOST_WAITING} prompts wait in this chat already.", "Wait until some are answered, or remove some.")
    values = {
        "user_id": viewer.user_id,
        "session_id": chat_id,
        "text": text,
        "provider": provider,
        "model_name": model_name,
        "use_tools": use_tools,
        "request_key": request_key,
        "created_at": now,
    }
    return queued(tx.execute(sa.insert(QUEUED).values(values).returning(*QUEUED.c)).mappings().one())


def queued(row: sa.RowMapping) -> Queued:
    """A row as a value."""
    return Queued(row["id"], row["session_id"], row["text"], row["provider"], row["model_name"], row["created_at"], row["use_tools"])


def of_viewer(viewer: Viewer, queued_id: int) -> sa.ColumnElement[bool]:
    """The condition for one prompt, if it is the viewer's."""
    return sa.and_(QUEUED.c.user_id == viewer.user_id, QUEUED.c.id == possible_id(queued_id))


def no_prompt() -> NotFound:
    return NotFound("This prompt does not wait any more.", "It was sent or removed; look at the chat.")
