"""The questions of a search, as PostgreSQL's text search answers them.

Why in two steps: the planner knows nothing of rare words and walks a whole index by time to find twenty of them (1 s at a
million messages, measured). So the viewer's newest messages are looked at first, which finds frequent words at once, and more
of them if these promise to fill the page; else the word is rare, and the index of words names its few messages.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Session

from chatcore.rows import CHATS, MESSAGES
from chatcore.search.ask import Ask, Dialect, of_titles, written
from chatcore.search.query import Term

# The tag of a message with more words, or more of one word, than a tsvector keeps the places of.
LONG = "':long'"
# How many of the newest messages the first step looks at, and how many at the most, as long as one in RARE of them matches:
# 1.5 us each (measured).
LOOKED_AT, MOST_LOOKED_AT, RARE = 400, 24_000, 100


class TsQuery(sa.types.UserDefinedType[str]):
    """A question to the text search."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Its name in SQL."""
        return "tsquery"


Time = sa.DateTime(timezone=True)
ENTRIES = sa.table(
    "message_search", sa.column("message_id", sa.BigInteger), sa.column("user_id", sa.String), sa.column("created_at", Time),
    sa.column("words", TSVECTOR),
)  # fmt: skip
TITLES = sa.table(
    "chat_search", sa.column("session_id", sa.Uuid), sa.column("user_id", sa.String), sa.column("created_at", Time),
    sa.column("words", TSVECTOR),
)  # fmt: skip

Key = tuple[datetime, int]
KEY_TYPES: Sequence[type] = (datetime, int)


def exact_term(term: Term) -> str:
    """A term in the words of tsquery (https://www.postgresql.org/docs/current/datatype-textsearch.html)."""
    star = ":*" if term.prefix else ""
    if term.part:
        return f"':w{term.words[0]}'{star}"
    if len(term.words) == 1:
        return f"('{term.words[0]}'{star} | ':w{term.words[0]}'{star})"
    return "(" + " <-> ".join(f"'{word}'" for word in term.words) + star + ")"


def wide_term(term: Term) -> str:
    """The same for a term that must be there: a phrase may also be in a message too long for all its places to be kept,
    which `exactly` then reads."""
    if len(term.words) == 1:
        return exact_term(term)
    loose = " & ".join(f"'{word}'" for word in term.words)
    return f"({exact_term(term)} | {LONG} & {loose}{':*' if term.prefix else ''})"


DIALECT = Dialect(wide_term, exact_term, lambda tag: f"':{tag}'", both=" & ", either=" | ", but_not=" & !")


def matches(words: sa.ColumnElement[object], question: str) -> sa.ColumnElement[bool]:
    """Whether the words of an entry answer the question."""
    return words.op("@@", is_comparison=True)(sa.cast(sa.literal(question), TsQuery))


def in_time(ask: Ask, created_at: sa.ColumnElement[datetime]) -> list[sa.ColumnElement[bool]]:
    """The conditions of after: and before:."""
    conditions = []
    if ask.query.after:
        conditions.append(created_at >= ask.query.after)
    if ask.query.before:
        conditions.append(created_at < ask.query.before)
    return conditions


def in_chat(ask: Ask, message_id: sa.ColumnElement[int]) -> list[sa.ColumnElement[bool]]:
    """The condition that the chat of a message is one of those asked for."""
    if not ask.in_chat:
        return []
    chat = (
        sa.select(1).select_from(MESSAGES.join(CHATS, CHATS.c.id == MESSAGES.c.session_id)).where(MESSAGES.c.id == message_id, *ask.in_chat)
    )
    # The offset keeps it a question for each entry: a join would be turned round and read all chats first.
    return [sa.exists(chat.offset(0))]


def newest(tx: Session, ask: Ask, *, limit: int, after: Sequence[object] | None) -> list[tuple[int, Key]]:
    """The ids of the newest messages that match, behind the one of this key, each with its key."""
    question = written(ask, DIALECT)
    behind = [sa.tuple_(ENTRIES.c.created_at, ENTRIES.c.message_id) < sa.tuple_(*map(sa.literal, after))] if after else []
    theirs = (ENTRIES.c.user_id == ask.user_id, *in_time(ask, ENTRIES.c.created_at), *behind)
    newest_first = (ENTRIES.c.created_at.desc(), ENTRIES.c.message_id.desc())
    # The index of words knows nothing of chats: with a filter on them it would name every message with the word.
    among_chats = ask.query.among_chats and ask.chat_ids is None
    looked_at = LOOKED_AT
    while looked_at <= MOST_LOOKED_AT:
        entries = sa.select(ENTRIES).where(*theirs).order_by(*newest_first).limit(looked_at).subquery()
        found = rows(tx, ask, entries, question, limit)
        if len(found) == limit:
            return found
        if len(found) * RARE < looked_at and not among_chats:
            break
        # As frequent as it is here, so many entries would hold a page.
        looked_at = max(2 * looked_at, looked_at * limit * 3 // (2 * max(len(found), 1)))
    # The user's tag is in the question, so the index of words finds theirs by itself.
    return rows(tx, ask, sa.select(ENTRIES).where(*in_time(ask, ENTRIES.c.created_at), *behind).subquery(), question, limit)


def rows(tx: Session, ask: Ask, table: sa.Subquery, question: str, limit: int) -> list[tuple[int, Key]]:
    """The newest entries of a table that match."""
    # The interval of nothing keeps the planner from walking along the time.
    by_time = table.c.created_at + sa.text("interval '0'")
    statement = (
        sa.select(table.c.message_id, table.c.created_at)
        .where(matches(table.c.words, question), *exactly(ask, table), *in_chat(ask, table.c.message_id))
        .order_by(by_time.desc(), table.c.message_id.desc())
        .limit(limit)
    )
    return [(row.message_id, (row.created_at, row.message_id)) for row in tx.execute(statement)]


def exactly(ask: Ask, table: sa.Subquery) -> list[sa.ColumnElement[bool]]:
    """That each phrase is there, or is not, in a message too long for the places of its words: by reading it."""

    def read(terms: Sequence[Term]) -> sa.ColumnElement[bool]:
        phrases = [sa.func.search_has(MESSAGES.c.content, " ".join(term.words), term.prefix) for term in terms if len(term.words) > 1]
        return sa.exists(sa.select(1).where(MESSAGES.c.id == table.c.message_id, sa.or_(*phrases)).correlate(table))

    conditions = [
        sa.or_(matches(table.c.words, " | ".join(map(exact_term, group))), read(group))
        for group in ask.query.groups
        if any(len(term.words) > 1 for term in group)
    ]
    if any(len(term.words) > 1 for term in ask.query.without):
        conditions.append(sa.not_(sa.and_(matches(table.c.words, LONG), read(ask.query.without))))
    return conditions


def count(tx: Session, ask: Ask, *, cap: int) -> int:
    """How many messages match, counted up to `cap`."""
    return len(newest(tx, ask, limit=cap, after=None)) if cap > 0 else 0


def titles(tx: Session, ask: Ask, *, limit: int) -> list[uuid.UUID]:
    """The ids of the newest chats whose title matches."""
    statement = (
        sa.select(TITLES.c.session_id)
        .select_from(TITLES.join(CHATS, CHATS.c.id == TITLES.c.session_id))
        .where(matches(TITLES.c.words, written(ask, DIALECT, titles=True)), TITLES.c.user_id == ask.user_id, *of_titles(ask))
        .order_by((TITLES.c.created_at + sa.text("interval '0'")).desc(), TITLES.c.session_id.desc())
        .limit(limit)
    )
    return list(tx.execute(statement).scalars())


def titled(user_id: str, words: tuple[str, ...]) -> sa.Select[uuid.UUID]:
    """Selects the ids of a person's chats that have these words in the title; the last may go on."""
    terms = [Term((word,), prefix=place == len(words)) for place, word in enumerate(words, 1)]
    return sa.select(TITLES.c.session_id).where(TITLES.c.user_id == user_id, matches(TITLES.c.words, " & ".join(map(exact_term, terms))))
