"""The questions of a search, as FTS5 answers them: always along the keys of the index, newest first, and no further than
the page needs.

Why so: FTS5 keeps the rows of a word in the order of their keys, so twenty hits of a word that every third message has
cost 0.1 ms; ranking them all costs seconds (measured at a million messages).
"""

import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.rows import CHATS, MESSAGES
from chatcore.search.ask import Ask, Dialect, Pool, of_titles, written
from chatcore.search.beginnings import has_all, is_plain
from chatcore.search.query import Term
from chatcore.words import INDEXED_CHARACTERS

# So many chats are named to the index one by one; of more of them each hit is asked whether it lies in one.
MOST_NAMED_CHATS, MOST_NAMED_FOR_POOL = 100, 100
# An entry lies at most so many seconds after its message, unless as many messages share one.
DRIFT_S = 6 * 3600
# A word whose end is open is looked for in the newest messages, 7 µs each, if so many of them hold enough of it for that to end
# sooner than the other way: to join the lists of all words that begin so takes as long as reading JOINED messages, and one more
# for JOINED_FOR_ONE that have such a word, whoever wrote them (1.5 ms and 0.5 µs, measured at a million messages).
FIRST_READ, JOINED, JOINED_FOR_ONE = 100, 200, 14
# Where a filter chooses among many chats, each message that is read costs to ask so many others for their chat.
READ_FOR_CHATS = 15
# For a pool so many messages are read, or asked for their chat, 4 µs each; but all of them until FEWEST are found.
MOST_READ, MOST_ASKED, FEWEST = 3000, 8000, 20
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

MESSAGE_ENTRIES = sa.table("message_search", sa.column("key", sa.BigInteger), sa.column("message_id", sa.BigInteger))
MESSAGE_INDEX = sa.table("message_fts", sa.column("rowid", sa.BigInteger))
CHAT_ENTRIES = sa.table("chat_search", sa.column("key", sa.BigInteger), sa.column("session_id", CHATS.c.id.type))
CHAT_INDEX = sa.table("chat_fts", sa.column("rowid", sa.BigInteger))
TEXT = sa.func.substr(MESSAGES.c.content, 1, INDEXED_CHARACTERS).label("text")
KEY = MESSAGE_INDEX.c.rowid.label("key")

Key = tuple[int]
KEY_TYPES: Sequence[type] = (int,)
Found = tuple[int, Key]
Entries = sa.Select[*tuple[object, ...]]
Id = TypeVar("Id", int, uuid.UUID)


def term(term: Term) -> str:
    """A term in FTS5's words (https://www.sqlite.org/fts5.html#full_text_query_syntax)."""
    phrase = f'"{" ".join(term.words)}"' + (" *" if term.prefix else "")
    if term.part:
        return f"parts : {phrase}"
    return f"{{words parts}} : {phrase}" if len(term.words) == 1 else f"words : {phrase}"


DIALECT = Dialect(term, term, lambda tag: f'tags : "{tag}"', both=" AND ", either=" OR ", but_not=" NOT ")


def entries(ask: Ask, *, text: sa.ColumnElement[str] | None = None, after: Sequence[object] | None = None) -> Entries:
    """The ids and keys of the messages that answer the question, the newest first, behind the one of this key; with `text` this
    column of theirs too."""
    since, before = ask.query.after, ask.query.before
    tables = MESSAGE_INDEX.join(MESSAGE_ENTRIES, MESSAGE_ENTRIES.c.key == MESSAGE_INDEX.c.rowid)
    if since or before or ask.in_chat or text is not None:
        tables = tables.join(MESSAGES, MESSAGES.c.id == MESSAGE_ENTRIES.c.message_id)
    columns = (MESSAGE_ENTRIES.c.message_id, KEY, *([text.label("text")] if text is not None else []))
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


def newest(tx: Session, ask: Ask, *, limit: int, after: Sequence[object] | None) -> list[Found]:
    """The ids of the newest messages that match, behind the one of this key, each with its key."""
    looked = by_reading(tx, ask, limit=limit, after=after)
    if looked is not None:
        return looked.found
    statement = entries(ask, after=after).limit(limit)
    return [(row.message_id, (row.key,)) for row in tx.execute(statement)]


def pool(tx: Session, ask: Ask, *, size: int) -> Pool:
    """The newest messages that match, at most `size`; not all of them where it takes too long to look at everything."""
    if ask.in_chat and ask.query.among_few_chats:
        looked = by_asking(tx, ask, limit=size + 1)
    else:
        looked = by_reading(tx, ask, limit=size + 1, after=None, most=MOST_READ) or Looked(newest(tx, ask, limit=size + 1, after=None))
    found, end = looked.found, looked.end
    if end and len(found) < FEWEST:
        found = found + newest(tx, ask, limit=FEWEST - len(found), after=end)
    is_whole = len(found) <= size and (end is None or len(found) < FEWEST)
    return Pool([message_id for message_id, _ in found[:size]], is_whole)


# --- looking at messages that may match --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found, the newest first, and the key of the last message that was looked at if older ones may match too."""

    found: list[Found]
    end: Key | None = None


@dataclass(frozen=True, slots=True)
class Apart:
    """A question without its words with an open end, the text of a message if they may be in it, and what tells if they are."""

    rest: Ask
    text: sa.ColumnElement[str]
    is_in: Callable[[str], bool]


def read_apart(ask: Ask) -> Apart | None:
    """The question with its words with an open end taken apart, which no index knows; None if there are none."""
    opened = [group for group in ask.query.groups if any(term.prefix for term in group)]
    closed = tuple(group for group in ask.query.groups if group not in opened)
    if not opened:
        return None
    return Apart(replace(ask, query=replace(ask.query, groups=closed)), likely_text(opened), has_all(opened))


def likely_text(groups: Sequence[Sequence[Term]]) -> sa.ColumnElement[str]:
    """The text of a message, or NULL where SQLite itself can see that a group has none of its words in it."""
    content = MESSAGES.c.content
    likely = [sa.or_(*(content.like(f"%{term.words[0]}%") for term in group)) for group in groups if all(map(is_plain, group))]
    is_ascii = sa.func.length(content) == sa.func.length(sa.cast(content, sa.LargeBinary))
    return sa.case((sa.and_(*(sa.or_(one, sa.not_(is_ascii)) for one in likely)), TEXT), else_=sa.null()) if likely else TEXT


def by_asking(tx: Session, ask: Ask, *, limit: int) -> Looked:
    """The newest messages that match, of so many as can be asked whether they lie in one of many chats."""
    apart = read_apart(ask)
    if apart and worth_reading(tx, share_read(tx, apart, after=None), limit=limit, most=MOST_READ) is None:
        apart = None
    asked = entries(replace(apart.rest if apart else ask, in_chat=())).limit(MOST_ASKED).cte("asked")
    chat = sa.select(1).where(CHATS.c.id == MESSAGES.c.session_id, *ask.in_chat).correlate(MESSAGES)
    columns = (asked.c.message_id, asked.c.key, (apart.text if apart else sa.null()).label("text"))
    theirs = sa.select(*columns).select_from(asked.join(MESSAGES, MESSAGES.c.id == asked.c.message_id)).where(sa.exists(chat))
    last = sa.select(sa.null(), sa.case((sa.func.count() == MOST_ASKED, sa.func.min(asked.c.key))), sa.null()).select_from(asked)
    *rows, (_, end, _) = tx.execute(sa.union_all(theirs, last))
    found = [(message_id, (key,)) for message_id, key, text in rows if not apart or (text is not None and apart.is_in(text))]
    found.sort(key=itemgetter(1), reverse=True)
    return Looked(found[:limit], (end,) if end is not None else None)


def by_reading(tx: Session, ask: Ask, *, limit: int, after: Sequence[object] | None, most: int | None = None) -> Looked | None:
    """The newest messages with words whose end is open, by reading those that match otherwise, `most` at most. None if there
    are no such words, or if these messages hold few, so that joining the lists of all words that begin so takes less."""
    apart, enough = read_apart(ask), None
    if apart is None:
        return None
    if ask.in_chat and ask.query.among_few_chats:
        # How frequent the words are is told by messages of any chat, of which more are found in less time.
        enough = worth_reading(tx, share_read(tx, apart, after=after), limit=limit, most=most, each=READ_FOR_CHATS)
        if enough is None:
            return None
    found: list[Found] = []
    statement = entries(apart.rest, text=apart.text, after=after)
    with tx.execute(statement.execution_options(yield_per=FIRST_READ)) as rows:
        for number, (message_id, key, text) in enumerate(rows, 1):
            if text is not None and apart.is_in(text):
                found.append((message_id, (key,)))
                if len(found) == limit:
                    return Looked(found)
            if number == FIRST_READ and enough is None:
                enough = worth_reading(tx, len(found) / number, limit=limit, most=most)
                if enough is None:
                    return None
            if number == most:
                return Looked(found, (key,))
            if number == enough:
                return None
    return Looked(found)


def share_read(tx: Session, apart: Apart, *, after: Sequence[object] | None) -> float:
    """Which share of the newest messages, in any chat, have the words with an open end."""
    statement = entries(replace(apart.rest, in_chat=()), text=apart.text, after=after).limit(FIRST_READ)
    texts = tx.execute(statement).scalars("text").all()
    return sum(text is not None and apart.is_in(text) for text in texts) / max(len(texts), 1)


def worth_reading(tx: Session, share: float, *, limit: int, most: int | None, each: int = 1) -> int | None:
    """After how many messages reading has taken too long where such a share has the words, and each costs that much more; None if
    joining takes less anyway."""
    messages = tx.execute(sa.select(sa.func.max(MESSAGE_ENTRIES.c.message_id))).scalar() or 0
    to_read = limit / share if share else math.inf
    if min(to_read, most or math.inf) * each > JOINED + share * messages / JOINED_FOR_ONE:
        return None
    # Twice as many as it should take, for what is rarer further back.
    return most or int(2 * to_read) + FIRST_READ


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
