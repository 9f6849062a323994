"""Prompts that wait in a chat until the answer before them has ended, in the order in which they were written."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.db import Database
from chatcore.documents import Upload, clean_file_name
from chatcore.errors import Invalid, NotFound
from chatcore.history import get_chat_in, possible_id
from chatcore.parts import Viewer
from chatcore.texts import clean_text

QUEUED = SQLModel.metadata.tables["queued_prompt"]
FILES = SQLModel.metadata.tables["queued_file"]
# Shown whole under the thread; who has more to say writes it into one.
MOST_WAITING = 20


@dataclass(frozen=True, slots=True)
class QueuedFile:
    """A file that waits with its prompt, without what it holds."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Queued:
    """A prompt that waits, and who shall answer it. With files the text may be empty."""

    id: int
    chat_id: uuid.UUID
    text: str
    provider: str
    model_name: str
    created_at: datetime
    use_tools: bool = False
    files: tuple[QueuedFile, ...] = ()


def list_queued(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> tuple[Queued, ...]:
    """What waits in a chat, the next one first. Raises NotFound."""
    with db.read() as tx:
        get_chat_in(tx, viewer, chat_id)
        found = sa.select(QUEUED).where(QUEUED.c.user_id == viewer.user_id, QUEUED.c.session_id == chat_id).order_by(QUEUED.c.id)
        return queued(tx, tx.execute(found).mappings().all())


def get_queued(db: Database, viewer: Viewer, queued_id: int) -> Queued:
    """A prompt that waits. Raises NotFound for one that was sent or removed."""
    with db.read() as tx:
        return get_queued_in(tx, viewer, queued_id)


def get_queued_in(tx: Session, viewer: Viewer, queued_id: int) -> Queued:
    """The same inside a transaction."""
    rows = tx.execute(sa.select(QUEUED).where(of_viewer(viewer, queued_id))).mappings().all()
    if not rows:
        raise no_prompt()
    return queued(tx, rows)[0]


def uploads_of(db: Database, viewer: Viewer, queued_id: int) -> tuple[Upload, ...]:
    """The files of a prompt that waits, with what they hold, in their order."""
    theirs = sa.and_(FILES.c.user_id == viewer.user_id, FILES.c.queued_id == possible_id(queued_id))
    with db.read() as tx:
        return tuple(Upload(*row) for row in tx.execute(sa.select(FILES.c.name, FILES.c.content).where(theirs).order_by(FILES.c.id)))


def change_queued(db: Database, viewer: Viewer, queued_id: int, *, text: str) -> Queued:
    """Gives a prompt that waits another text; it keeps its turn and its files. Raises Invalid, NotFound."""
    with db.write() as tx:
        has_files = bool(get_queued_in(tx, viewer, queued_id).files)
        text = clean_text(text) if text.strip() or not has_files else ""
        tx.execute(sa.update(QUEUED).where(of_viewer(viewer, queued_id)).values(text=text))
        return get_queued_in(tx, viewer, queued_id)


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
    files: Sequence[Upload] = (),
) -> Queued:
    """Puts a prompt with its files to the end of the queue of a chat that the caller has locked. Raises Invalid where too many wait,
    IntegrityError for a request key that was used."""
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
    queued_id = tx.execute(sa.insert(QUEUED).values(values).returning(QUEUED.c.id)).scalar_one()
    for file in files:
        held = {"name": clean_file_name(file.name), "size_bytes": len(file.content), "content": file.content}
        tx.execute(sa.insert(FILES).values(user_id=viewer.user_id, queued_id=queued_id, **held))
    return get_queued_in(tx, viewer, queued_id)


def queued(tx: Session, rows: Sequence[sa.RowMapping]) -> tuple[Queued, ...]:
    """Rows as values with the names of their files."""
    named: dict[int, list[QueuedFile]] = {}
    columns = (FILES.c.queued_id, FILES.c.name, FILES.c.size_bytes)
    there = FILES.c.queued_id.in_([row["id"] for row in rows])
    for queued_id, *file in tx.execute(sa.select(*columns).where(there).order_by(FILES.c.id)) if rows else ():
        named.setdefault(queued_id, []).append(QueuedFile(*file))
    return tuple(
        Queued(
            row["id"],
            row["session_id"],
            row["text"],
            row["provider"],
            row["model_name"],
            row["created_at"],
            row["use_tools"],
            tuple(named.get(row["id"], ())),
        )
        for row in rows
    )


def of_viewer(viewer: Viewer, queued_id: int) -> sa.ColumnElement[bool]:
    """The condition for one prompt, if it is the viewer's."""
    return sa.and_(QUEUED.c.user_id == viewer.user_id, QUEUED.c.id == possible_id(queued_id))


def no_prompt() -> NotFound:
    return NotFound("This prompt does not wait any more.", "It was sent or removed; look at the chat.")
