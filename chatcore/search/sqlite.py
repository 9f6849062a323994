"""The questions of a search, as FTS5 answers them: always along the keys of the index, newest first, and no further than
the page needs.

Why so: FTS5 keeps the rows of a word in the order of their keys, so twenty hits of a word that every third message has
cost 0.1 ms; ranking them all costs seconds (measured at a million messages).
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.rows import CHATS, MESSAGES
from chatcore.search.ask import Ask, Dialect, of_titles, written
from chatcore.search.query import Term
from chatcore.words import INDEXED_CHARACTERS, folded, parts_of_words, words_of

# So many chats are named to the index one by one; of more of them each hit is asked whether it lies in one.
MOST_NAMED_CHATS, MOST_NAMED_FOR_POOL = 100, 100
# An entry lies at most so many seconds after its message, unless as many messages share one.
DRIFT_S = 6 * 3600
# How many messages are read for a word whose end is open, 0.04 ms each: so many at first, and on if such a share of them has it.
# To join the lists of all words that begin so takes 2 ms where they are in 1 % of a million messages, 8 ms in 10 %, 27 ms in
# 30 %, 655 ms in 85 % (measured): for the rare ones that is less, and for a thousand hits nearly always.
FIRST_READ, PAGE = 50, 60
SHARE_FOR_PAGE, SHARE_FOR_MORE = 0.08, 0.5
NOTHING = re.compile(r"(?!)")
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

MESSAGE_ENTRIES = sa.table("message_search", sa.column("key", sa.BigInteger), sa.column("message_id", sa.BigInteger))
MESSAGE_INDEX = sa.table("message_fts", sa.column("rowid", sa.BigInteger))
CHAT_ENTRIES = sa.table("chat_search", sa.column("key", sa.BigInteger), sa.column("session_id", CHATS.c.id.type))
CHAT_INDEX = sa.table("chat_fts", sa.column("rowid", sa.BigInteger))
TEXT = sa.func.substr(MESSAGES.c.content, 1, INDEXED_CHARACTERS).label("text")
KEY = MESSAGE_INDEX.c.rowid.label("key")

Key = tuple[int]
KEY_TYPES: Sequence[type] = (int,)
Id = TypeVar("Id", int, uuid.UUID)


def term(term: Term) -> str:
    """A term in FTS5's words (https://www.sqlite.org/fts5.html#full_text_query_syntax)."""
    phrase = f'"{" ".join(term.words)}"' + (" *" if term.prefix else "")
    if term.part:
        return f"parts : {phrase}"
    return f"{{words parts}} : {phrase}" if len(term.words) == 1 else f"words : {phrase}"


DIALECT = Dialect(term, term, lambda tag: f'tags : "{tag}"', both=" AND ", either=" OR ", but_not=" NOT ")


def entries(ask: Ask, *columns: sa.ColumnElement[object], after: Sequence[object] | None = None) -> sa.Select[*tuple[object, ...]]:
    """The entries that answer the question, the newest first, behind the one of this key; each with its message where a column
    or a condition asks for it."""
    since, before = ask.query.after, ask.query.before
    tables = MESSAGE_INDEX.join(MESSAGE_ENTRIES, MESSAGE_ENTRIES.c.key == MESSAGE_INDEX.c.rowid)
    if since or before or ask.in_chat or any(column is TEXT for column in columns):
        tables = tables.join(MESSAGES, MESSAGES.c.id == MESSAGE_ENTRIES.c.message_id)
    statement = sa.select(*columns).select_from(tables)
    statement = statement.where(sa.text("message_fts MATCH :match").bindparams(match=question(ask)))
    if since:
        statement = statement.where(MESSAGE_INDEX.c.rowid >= second(since), MESSAGES.c.created_at >= since)
    if before:
        statement = statement.where(MESSAGE_INDEX.c.rowid < second(before) + DRIFT_S, MESSAGES.c.created_at < before)
    if ask.in_chat:
        statement = statement.where(sa.exists(sa.select(1).where(CHATS.c.id == MESSAGES.c.session_id, *ask.in_chat).correlate(MESSAGES)))
    if after is not None:
        statement = statement.where(MESSAGE_INDEX.c.rowid < sa.literal(after[0]))
    return statement.order_by(MESSAGE_INDEX.c.rowid.desc())


def question(ask: Ask) -> str:
    """The whole question, with the chats it is narrowed to."""
    if ask.chat_ids is not None:
        ask = replace(ask, tag_groups=(*ask.tag_groups, tuple("c" + chat_id.hex for chat_id in ask.chat_ids)))
    return written(ask, DIALECT)


def second(when: datetime) -> int:
    """The whole second since 1970 in which a time lies."""
    return int((when - EPOCH).total_seconds() // 1)


def newest(tx: Session, ask: Ask, *, limit: int, after: Sequence[object] | None) -> list[tuple[int, Key]]:
    """The ids of the newest messages that match, behind the one of this key, each with its key."""
    found = by_reading(tx, ask, limit=limit, after=after) if any(term.prefix for term in ask.query.terms) else None
    if found is not None:
        return found
    statement = entries(ask, MESSAGE_ENTRIES.c.message_id, KEY, after=after).limit(limit)
    return [(row.message_id, (row.key,)) for row in tx.execute(statement)]


def by_reading(tx: Session, ask: Ask, *, limit: int, after: Sequence[object] | None) -> list[tuple[int, Key]] | None:
    """The same for words whose end is open, by reading the newest messages that match otherwise; None if these hold few, so
    that joining the lists of all words that begin so takes less: the index knows no beginnings."""
    open_groups = {group: plain_word(group) for group in ask.query.groups if any(term.prefix for term in group)}
    rest = replace(ask, query=replace(ask.query, groups=tuple(group for group in ask.query.groups if group not in open_groups)))
    share = SHARE_FOR_PAGE if limit <= PAGE else SHARE_FOR_MORE
    # Twice as many as it should take, so that what is rarer further back ends in time.
    most = max(FIRST_READ, int(2 * limit / share))
    statement = entries(rest, MESSAGE_ENTRIES.c.message_id, KEY, TEXT, after=after).limit(most)
    found: list[tuple[int, Key]] = []
    number = 0
    for number, row in enumerate(tx.execute(statement.execution_options(yield_per=FIRST_READ)), 1):
        if all(has_one(row.text, group, plain) for group, plain in open_groups.items()):
            found.append((row.message_id, (row.key,)))
            if len(found) == limit:
                return found
        if number == FIRST_READ and len(found) < FIRST_READ * share:
            return None
    return found if number < most else None


def plain_word(group: Sequence[Term]) -> re.Pattern[str]:
    """Finds a word of the group in most of the ASCII texts that have one: as it stands, in small letters, between signs."""
    words = [
        f"{term.words[0]}{'' if term.prefix else '(?![a-z0-9])'}" for term in group if len(term.words) == 1 and term.words[0].isalnum()
    ]
    return re.compile(f"(?<![a-z0-9])(?:{'|'.join(words)})") if words else NOTHING


def has_one(text: str, group: Sequence[Term], plain: re.Pattern[str]) -> bool:
    """Whether a text has one of the terms; `plain` is `plain_word` of them. What is not there at all is not cut into words."""
    is_ascii = text.isascii()
    low = text.lower() if is_ascii else folded(text)
    if is_ascii and plain.search(low):
        return True
    likely = [term for term in group if all(word in low for word in term.words)]
    if not likely:
        return False
    words, parts = words_of(text), parts_of_words(text)
    return any(has_term(words, parts, term) for term in likely)


def has_term(words: Sequence[str], parts: Sequence[str], term: Term) -> bool:
    """Whether a term is among the words of a text, or its one word among their parts."""
    size = len(term.words)
    if size == 1:
        found = parts if term.part else (*words, *parts)
        return any(word.startswith(term.words[0]) if term.prefix else word == term.words[0] for word in found)
    places = (tuple(words[start : start + size]) for start in range(len(words) - size + 1))
    ends = (place for place in places if place[:-1] == term.words[:-1])
    return any(place[-1].startswith(term.words[-1]) if term.prefix else place[-1] == term.words[-1] for place in ends)


def count(tx: Session, ask: Ask, *, cap: int) -> int:
    """How many messages match, counted up to `cap`."""
    return len(newest(tx, ask, limit=cap, after=None)) if cap else 0


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


def titled(user_id: str, words: tuple[str, ...]) -> sa.Select[uuid.UUID]:
    """Selects the ids of a person's chats that have these words in the title; the last may go on."""
    terms = [Term((word,), prefix=place == len(words)) for place, word in enumerate(words, 1)]
    question = " AND ".join([*map(term, terms), DIALECT.tag(DIALECT.owner(user_id))])
    return (
        sa.select(CHAT_ENTRIES.c.session_id)
        .select_from(CHAT_INDEX.join(CHAT_ENTRIES, CHAT_ENTRIES.c.key == CHAT_INDEX.c.rowid))
        .where(sa.literal_column("chat_fts").op("MATCH")(question))
    )


def beginning(text: sa.ColumnElement[str], characters: int) -> sa.ColumnElement[str]:
    """The first characters of a text."""
    return sa.func.substr(text, 1, characters)


def among(column: sa.ColumnElement[Id], ids: Sequence[Id]) -> sa.ColumnElement[bool]:
    """Whether a column has one of these."""
    return column.in_(ids)


def in_list(column: sa.ColumnElement[Id]) -> sa.ColumnElement[bool]:
    """Whether a column has one of those in the parameter `ids`, written by `listed`."""
    return column.in_(sa.bindparam("ids", expanding=True))


def listed(ids: Sequence[Id]) -> Sequence[Id]:
    """Ids as the parameter that `in_list` asks for."""
    return ids
