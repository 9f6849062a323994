"""Filling the search index for messages that were there before it, and building it anew.

In small steps, the newest messages first: each is a transaction of its own, so others write meanwhile, an end in the
middle loses nothing, and the next start goes on where it stopped. Whatever is written meanwhile is indexed by the triggers.
"""

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.migrations import search_index
from chatcore.migrations.run import HEAD, schema_revision
from chatcore.rows import CHATS, MESSAGES

# A step of so many rows holds up another writer for about 20 ms.
ROWS_A_STEP = 200

Id = TypeVar("Id")
OnProgress = Callable[[int, int], None]
SEARCH_BUILD = sa.table("search_build", sa.column("what", sa.String), sa.column("place", sa.BigInteger), sa.column("total", sa.BigInteger))
# Asked by every search.
LEFT_OF_MESSAGES = sa.select(SEARCH_BUILD.c.place, SEARCH_BUILD.c.total).where(SEARCH_BUILD.c.what == "messages")


def indexed_share(tx: Session) -> float:
    """The share of all messages that the index knows: 1.0 but for the time after it was made."""
    row = tx.execute(LEFT_OF_MESSAGES).one_or_none()
    return 1.0 if row is None or not row.total else max(0.0, 1.0 - (row.place - 1) / row.total)


def is_building(tx: Session) -> bool:
    """Whether something is left to be indexed."""
    return tx.execute(sa.select(SEARCH_BUILD.c.what).limit(1)).one_or_none() is not None


def build_index(db: Database, *, on_progress: OnProgress | None = None) -> int:
    """Indexes everything that is not yet; answers how many messages and titles it went through. `on_progress` hears how far it
    is in ids, done and in all. May be ended at any time and called again, also by several processes at once."""
    done = 0
    while True:
        step = build_step(db)
        if step is None:
            return done
        done += step
        if on_progress:
            with db.read() as tx:
                share, total = indexed_share(tx), tx.execute(sa.text("SELECT coalesce(max(id), 0) FROM chatmessage")).scalar_one()
            on_progress(round(share * total), total)


def build_step(db: Database) -> int | None:
    """Indexes the next rows in one transaction; answers how many these were, None if nothing is left to be done."""
    with db.read() as tx:
        if not is_building(tx):
            return None
    with db.write() as tx:
        # Titles first: they are few, and found from the start.
        for what, step in (("chats", index_chats), ("messages", index_messages)):
            place = tx.execute(sa.select(SEARCH_BUILD.c.place).where(SEARCH_BUILD.c.what == what).with_for_update()).scalar()
            if place is None:
                continue
            number, following = step(tx, place)
            if following is None:
                tx.execute(sa.delete(SEARCH_BUILD).where(SEARCH_BUILD.c.what == what))
            else:
                tx.execute(sa.update(SEARCH_BUILD).where(SEARCH_BUILD.c.what == what).values(place=following))
            return number
    return None


def index_messages(tx: Session, below: int) -> tuple[int, int | None]:
    """Indexes the newest messages below an id; how many, and the id to go on below, None at the end."""
    wanted = sa.text("SELECT id FROM chatmessage WHERE id < :below ORDER BY id DESC LIMIT :rows")
    ids = list(tx.execute(wanted, {"below": below, "rows": ROWS_A_STEP}).scalars())
    if not ids:
        return 0, None
    add_all(tx, search_index.ENTER_MESSAGE_BY_ID[tx.get_bind().dialect.name], held(tx, MESSAGES.c.id, ids))
    tx.execute(sa.text(search_index.NOTE_MODELS_OF_RANGE), {"first": ids[-1], "below": below})
    return len(ids), ids[-1] if len(ids) == ROWS_A_STEP else None


def index_chats(tx: Session, done: int) -> tuple[int, int | None]:
    """Indexes the titles of chats that have no entry; how many, and how many there are now, None at the end."""
    wanted = sa.text("SELECT c.id FROM chatsession c WHERE NOT EXISTS (SELECT 1 FROM chat_search s WHERE s.session_id = c.id) LIMIT :rows")
    ids = list(tx.execute(wanted, {"rows": ROWS_A_STEP}).scalars())
    if not ids:
        return 0, None
    add_all(tx, search_index.ENTER_CHAT_BY_ID[tx.get_bind().dialect.name], held(tx, CHATS.c.id, ids))
    return len(ids), done + len(ids) if len(ids) == ROWS_A_STEP else None


def held(tx: Session, column: sa.ColumnElement[Id], ids: list[Id]) -> list[Id]:
    """Those of the rows that nobody is deleting, held until the end: on PostgreSQL an entry for a row that goes would be refused."""
    if tx.get_bind().dialect.name == "sqlite":
        return ids
    there = set(tx.execute(sa.select(column).where(column.in_(ids)).with_for_update(key_share=True, read=True)).scalars())
    return [row_id for row_id in ids if row_id in there]


def add_all(tx: Session, statement: str, ids: list[Id]) -> None:
    """Gives each row its entry. One by one and the oldest first: FTS5 writes what comes in the order of keys at once."""
    if ids:
        # A chat's id is bound as it was read, which on SQLite is text.
        tx.connection().execute(sa.text(statement), [{"id": row_id} for row_id in reversed(ids)])


def rebuild_index(db: Database, *, on_progress: OnProgress | None = None) -> int:
    """Throws the index away and builds it anew from the messages; answers how many messages and titles it has. Until it
    ends a search finds what is indexed so far, the newest first."""
    with db.migration() as connection:
        if schema_revision(connection) != HEAD:
            raise Invalid(f"The database {db.label} has not the newest schema.", "Run: python -m chatcore migrate")
        search_index.drop(connection)
        search_index.create(connection)
    return build_index(db, on_progress=on_progress)
