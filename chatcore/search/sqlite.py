"""The questions of a search, as FTS5 answers them: always along the keys of the index, newest first, and no further than
the page needs.

Why so: FTS5 keeps the rows of a word in the order of their keys, so twenty hits of a word that every third message has
cost 0.1 ms; ranking them all costs seconds (measured at a million messages).
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.rows import CHATS, MESSAGES
from chatcore.search.ask import Ask, Dialect, of_titles, written
from chatcore.search.query import Term

# An entry lies at most so many seconds after its own: the next free one is near, unless very many share a second.
DRIFT_S = 2**20
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

MESSAGE_ENTRIES = sa.table("message_search", sa.column("key", sa.BigInteger), sa.column("message_id", sa.BigInteger))
MESSAGE_INDEX = sa.table("message_fts", sa.column("rowid", sa.BigInteger))
CHAT_ENTRIES = sa.table("chat_search", sa.column("key", sa.BigInteger), sa.column("session_id", CHATS.c.id.type))
CHAT_INDEX = sa.table("chat_fts", sa.column("rowid", sa.BigInteger))
KEY = MESSAGE_INDEX.c.rowid.label("key")

Key = tuple[int]
KEY_TYPES: Sequence[type] = (int,)


def term(term: Term) -> str:
    """A term in FTS5's words (https://www.sqlite.org/fts5.html#full_text_query_syntax)."""
    phrase = f'"{" ".join(term.words)}"' + (" *" if term.prefix else "")
    if term.part:
        return f"parts : {phrase}"
    return f"{{words parts}} : {phrase}" if len(term.words) == 1 else f"words : {phrase}"


DIALECT = Dialect(term, term, lambda tag: f'tags : "{tag}"', both=" AND ", either=" OR ", but_not=" NOT ")


def entries(ask: Ask, *columns: sa.ColumnElement[object], lower: int | None = None) -> sa.Select[*tuple[object, ...]]:
    """The entries that answer the question, each with its message and, where a condition asks for it, its chat."""
    after, before = ask.query.after, ask.query.before
    tables = MESSAGE_INDEX.join(MESSAGE_ENTRIES, MESSAGE_ENTRIES.c.key == MESSAGE_INDEX.c.rowid)
    if after or before or ask.in_chat:
        tables = tables.join(MESSAGES, MESSAGES.c.id == MESSAGE_ENTRIES.c.message_id)
    statement = sa.select(*columns).select_from(tables)
    statement = statement.where(sa.text("message_fts MATCH :match").bindparams(match=written(ask, DIALECT)))
    if after:
        statement = statement.where(MESSAGE_INDEX.c.rowid >= second(after), MESSAGES.c.created_at >= after)
    if before:
        statement = statement.where(MESSAGE_INDEX.c.rowid < second(before) + DRIFT_S, MESSAGES.c.created_at < before)
    if lower is not None:
        statement = statement.where(MESSAGE_INDEX.c.rowid >= lower)
    if ask.in_chat:
        statement = statement.where(sa.exists(sa.select(1).where(CHATS.c.id == MESSAGES.c.session_id, *ask.in_chat).correlate(MESSAGES)))
    return statement


def second(when: datetime) -> int:
    """The whole second since 1970 in which a time lies."""
    return int((when - EPOCH).total_seconds() // 1)


def newest(tx: Session, ask: Ask, *, limit: int, after: Sequence[object] | None) -> list[tuple[int, Key]]:
    """The ids of the newest messages that match, behind the one of this key, each with its key."""
    statement = entries(ask, MESSAGE_ENTRIES.c.message_id, KEY).order_by(MESSAGE_INDEX.c.rowid.desc()).limit(limit)
    if after is not None:
        statement = statement.where(MESSAGE_INDEX.c.rowid < sa.literal(after[0]))
    return [(row.message_id, (row.key,)) for row in tx.execute(statement)]


def best(tx: Session, ask: Ask, pool: Sequence[Key], *, limit: int, offset: int) -> list[int]:
    """The ids of the messages among `pool`, the keys of the newest that match, sorted by bm25; the tags do not count."""
    rank = sa.text("bm25(message_fts, 1.0, 0.5, 0.0)")
    statement = entries(ask, MESSAGE_ENTRIES.c.message_id, lower=pool[-1][0]).order_by(rank, MESSAGE_INDEX.c.rowid.desc())
    return list(tx.execute(statement.limit(limit).offset(offset)).scalars())


def count(tx: Session, ask: Ask, *, cap: int) -> int:
    """How many messages match, counted up to `cap`."""
    found = entries(ask, sa.literal(1)).limit(cap).subquery()
    number: int = tx.execute(sa.select(sa.func.count()).select_from(found)).scalar_one()
    return number


def titles(tx: Session, ask: Ask, *, limit: int) -> list[object]:
    """The ids of the newest chats whose title matches."""
    statement = (
        sa.select(CHATS.c.id)
        .select_from(
            CHAT_INDEX.join(CHAT_ENTRIES, CHAT_ENTRIES.c.key == CHAT_INDEX.c.rowid).join(CHATS, CHATS.c.id == CHAT_ENTRIES.c.session_id)
        )
        .where(sa.text("chat_fts MATCH :match").bindparams(match=written(ask, DIALECT, titles=True)), *of_titles(ask))
        .order_by(CHAT_INDEX.c.rowid.desc())
        .limit(limit)
    )
    return list(tx.execute(statement).scalars())
