"""Synthetic chats in bulk, deterministic. Written with Core statements: filling is not what is measured."""

import random
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import sqlalchemy as sa
from sqlmodel import SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.columns import new_chat_id
from chatcore.db import Database
from chatcore.parts import Viewer

CHATS = SQLModel.metadata.tables["chatsession"]
MESSAGES = SQLModel.metadata.tables["chatmessage"]
NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
VOCABULARY = """
tides moon orbit bread sourdough python pandas index query garden roses tomato kernel thread socket paris rome travel budget poem
river stone light wave spectrum guitar chord piano loan interest tax harbour ship sail knot memory cache latency train station winter
"""
WORDS = VOCABULARY.split()
MODELS = (("ollama", "llama3.2:3b"), ("ollama", "qwen3:8b"), ("ollama", "gpt-oss:20b"), ("guide", "guide"))
ROWS_AT_ONCE = 2_000


def sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words)).capitalize()


def fill_chats(db: Database, viewer: Viewer, number: int, *, messages: int = 0) -> list[uuid.UUID]:
    """So many chats, the newest first in the answer, one every 10 minutes back from NOW; 1 in 50 is pinned, 1 in 20 archived,
    1 in 40 in the trash. `messages` (about 250 characters each) go into every chat."""
    rng = random.Random(20260314)
    chats = [chat_row(rng, viewer, index, messages) for index in range(number)]
    insert(db, CHATS, chats)
    if messages:
        insert(db, MESSAGES, (row for chat in chats for row in message_rows(rng, viewer, chat["id"], messages)))
    analyze(db)
    return [uuid.UUID(str(chat["id"])) for chat in chats]


def fill_chat(db: Database, viewer: Viewer, length: int, *, title: str, last: str = "The end of it.") -> uuid.UUID:
    """A chat of so many messages in one line of descent, about 600 characters each; `last` is the text of the last one.

    It is the newest chat of the list.
    """
    rng = random.Random(length)
    chat = chat_row(rng, viewer, 0, length) | {"title": title, "updated_at": NOW + timedelta(hours=1), "pinned": False, "archived": False}
    chat["deleted_at"] = None
    insert(db, CHATS, [chat])
    rows = list(message_rows(rng, viewer, chat["id"], length, words=95))
    rows[-1]["content"] = last
    insert(db, MESSAGES, rows)
    chat_id = uuid.UUID(str(chat["id"]))
    with db.write() as tx:
        ids = tx.execute(sa.select(MESSAGES.c.id).where(MESSAGES.c.session_id == chat_id).order_by(MESSAGES.c.id)).scalars().all()
        parents = [{"message": child, "parent": parent} for parent, child in pairwise(ids)]
        if parents:
            change = sa.update(MESSAGES).where(MESSAGES.c.id == sa.bindparam("message")).values(parent_id=sa.bindparam("parent"))
            tx.execute(change.execution_options(synchronize_session=False), parents)
        tx.execute(sa.update(CHATS).where(CHATS.c.id == chat_id).values(current_message_id=ids[-1]))
    analyze(db)
    return chat_id


def chat_row(rng: random.Random, viewer: Viewer, index: int, messages: int) -> dict[str, object]:
    provider, model = rng.choice(MODELS)
    when = NOW - timedelta(minutes=10 * index)
    return {
        "id": new_chat_id(), "user_id": viewer.user_id, "title": sentence(rng, rng.randint(2, 7)), "provider": provider,
        "model_name": model, "created_at": when - timedelta(hours=rng.randint(0, 72)), "updated_at": when, "pinned": index % 50 == 7,
        "archived": index % 20 == 19, "deleted_at": when if index % 40 == 38 else None, "message_count": messages,
        "input_tokens": rng.randint(10, 40_000), "output_tokens": rng.randint(10, 9_000), "last_message_at": when,
        "last_snippet": sentence(rng, 16),
    }  # fmt: skip


def message_rows(rng: random.Random, viewer: Viewer, chat_id: object, number: int, *, words: int = 40) -> Iterator[dict[str, object]]:
    for index in range(number):
        role = "assistant" if index % 2 else "user"
        yield {
            "session_id": chat_id, "user_id": viewer.user_id, "role": role, "status": "complete", "parent_id": None,
            "created_at": NOW + timedelta(seconds=index), "content": sentence(rng, words),
            "provider": "guide" if index % 2 else None, "model_name": "guide" if index % 2 else None,
        }  # fmt: skip


def insert(db: Database, table: sa.Table, rows: Iterable[dict[str, object]]) -> None:
    """Writes rows in steps, as an import would."""
    left = iter(rows)
    while batch := list(islice(left, ROWS_AT_ONCE)):
        with db.write() as tx:
            tx.execute(sa.insert(table), batch)


def analyze(db: Database) -> None:
    """The planner knows what is there, as it does in a database that has been in use."""
    db.refresh_statistics()
    if not db.is_sqlite:
        with db.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
