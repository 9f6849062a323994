"""The questions of a search, as FTS5 answers them: always along the keys of the index, newest first, and no further than
the page needs.

Why so: FTS5 keeps the rows of a word in the order of their keys, so twenty hits of a word that every third message has
cost 0.1 ms; ranking them all costs seconds (measured at a million messages).
"""

import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.parts import Role
from chatcore.rows import CHATS, MESSAGES
from chatcore.search.ask import KEPT, Ask, is_kept, of_titles, written
from chatcore.search.beginnings import has_all
from chatcore.search.fts5 import (
    CHAT_ENTRIES,
    CHAT_INDEX,
    DIALECT,
    MESSAGE_ENTRIES,
    MESSAGE_INDEX,
    Tags,
    entries,
    sampled,
    term,
    text_to_read,
)
from chatcore.search.pools import Looked, Pool
from chatcore.search.query import Term

# So many chats are named to the index one by one; of more of them each hit is asked whether it lies in one.
MOST_NAMED_CHATS, MOST_NAMED_FOR_POOL = 100, 100
# A word whose end is open is looked for in the newest messages, 7 µs each, if so many of them hold enough of it for that to end
# sooner than the other way: to join the lists of all words that begin so takes as long as reading JOINED messages, and one more
# for JOINED_FOR_ONE that have such a word, whoever wrote them (1.5 ms and 0.3 µs, measured at a million messages).
FIRST_READ, JOINED, JOINED_FOR_ONE = 100, 200, 25
# Before the lists are joined, at most so many messages out of the whole history tell whether these were only unlike the others:
# after an import, joining took 0.1 to 0.6 s for words that stand in every third message further back.
SAMPLED = 200
# Where a filter chooses among many chats, each message that is read costs to ask so many others for their chat.
READ_FOR_CHATS = 15
# So many messages with the words are looked at for their role, 4 µs each: every second one has it, and for the AND with its list,
# which is as long, FTS5 takes half as long again. Not so models: of a rare one the list is shorter (measured).
MOST_BY_ROLE, ROLES_AT_ONCE = 1500, 25
# A word is rare in so many messages: to look at the rows of all takes 3 µs each, a leap in the list of a tag or of a frequent word
# twice as much. So many of the words are tried, the longest first.
RARE, WORDS_TRIED = 2000, 2
# For a pool so many messages are read, or asked for their chat, 5 to 10 µs each; but all of them until some are found.
MOST_READ, MOST_ASKED = 2000, 4000

Key = tuple[int]
KEY_TYPES: Sequence[type] = (int,)
Found = tuple[int, Key]
LAST_MESSAGE = sa.select(sa.func.max(MESSAGE_ENTRIES.c.message_id))
# The message behind so many newer ones that match.
NTH = (
    sa.select(sa.select(MESSAGE_ENTRIES.c.message_id).where(MESSAGE_ENTRIES.c.key == MESSAGE_INDEX.c.rowid).scalar_subquery())
    .select_from(MESSAGE_INDEX)
    .where(sa.text("message_fts MATCH :match"))
    .order_by(MESSAGE_INDEX.c.rowid.desc())
    .limit(1)
    .offset(sa.bindparam("before", type_=sa.Integer))
)
TITLES = (
    sa.select(CHATS.c.id)
    .select_from(
        CHAT_INDEX.join(CHAT_ENTRIES, CHAT_ENTRIES.c.key == CHAT_INDEX.c.rowid).join(CHATS, CHATS.c.id == CHAT_ENTRIES.c.session_id)
    )
    .where(sa.text("chat_fts MATCH :match"))
    .order_by(CHAT_INDEX.c.rowid.desc())
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
TITLES_KEPT = TITLES.where(KEPT)
Id = TypeVar("Id", int, uuid.UUID)


def newest(tx: Session, ask: Ask, *, limit: int, after: Sequence[object] | None) -> list[Found]:
    """The ids of the newest messages that match, behind the one of this key, each with its key."""
    looked = by_rarest(tx, ask, limit=limit, after=after) or by_reading(tx, ask, limit=limit, after=after)
    return looked.found if looked else by_index(tx, ask, limit=limit, after=after)


def by_index(tx: Session, ask: Ask, *, limit: int, after: Sequence[object] | None) -> list[Found]:
    """The same, as the index names them; of the first with the words their rows tell the role."""
    found: list[Found] = []
    apart = roles_apart(ask)
    if apart:
        looked = by_roles(tx, *apart, limit=limit, after=after)
        found, after = looked.found, looked.end
        if after is None:
            return found
    question = entries(ask, after=after)
    values = {**question.values, "limit": limit - len(found)}
    return found + [(message_id, (key,)) for message_id, key in tx.execute(question.statement, values)]


def pool(tx: Session, ask: Ask, *, size: int) -> Pool:
    """The newest messages that match, at most `size`; not all of them where it takes too long to look at everything."""
    looked = by_rarest(tx, ask, limit=size + 1, after=None)
    if looked is None and ask.in_chat and ask.query.among_few_chats:
        looked = by_asking(tx, ask, limit=size + 1)
    if looked is None:
        looked = by_reading(tx, ask, limit=size + 1, after=None, most=MOST_READ)
    if looked is None:
        looked = Looked(by_index(tx, ask, limit=size + 1, after=None))
    return looked.pool(size, lambda number, end: newest(tx, ask, limit=number, after=end))


# --- looking at messages that may match --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Apart:
    """A question without its groups of words with an open end, these, and what tells whether a text has one of each."""

    rest: Ask
    groups: tuple[tuple[Term, ...], ...]
    is_in: Callable[[str], bool]


def read_apart(ask: Ask) -> Apart | None:
    """The question with its words with an open end taken apart, since the index knows no beginnings; None if there are none."""
    groups = tuple(group for group in ask.query.groups if any(term.prefix for term in group))
    closed = tuple(group for group in ask.query.groups if group not in groups)
    return Apart(replace(ask, query=replace(ask.query, groups=closed)), groups, has_all(groups)) if groups else None


def roles_apart(ask: Ask) -> tuple[Ask, frozenset[str]] | None:
    """The question without the roles it asks for, and these; None if there are none, or where each message is asked for its chat,
    which costs more than a leap in a list."""
    roles = ask.query.roles
    if not roles or not ask.query.groups or (ask.in_chat and ask.query.among_few_chats):
        return None
    groups = tuple(group for group in ask.tag_groups if not group[0].startswith("r"))
    rest = replace(ask, tag_groups=groups, not_tags=tuple(tag for tag in ask.not_tags if not tag.startswith("r")))
    return rest, frozenset(roles.among or Role).difference(roles.without)


def by_roles(tx: Session, ask: Ask, roles: frozenset[str], *, limit: int, after: Sequence[object] | None) -> Looked[Key]:
    """The newest messages that match and have one of the roles, of so many as are looked at."""
    found: list[Found] = []
    question = entries(ask, with_role=True, after=after)
    values, as_taken = {**question.values, "limit": MOST_BY_ROLE}, {"yield_per": ROLES_AT_ONCE}
    with tx.execute(question.statement, values, execution_options=as_taken) as rows:
        for number, (message_id, key, role) in enumerate(rows, 1):
            if role in roles:
                found.append((message_id, (key,)))
                if len(found) == limit:
                    break
            if number == MOST_BY_ROLE:
                return Looked(found, (key,))
    return Looked(found)


def by_rarest(tx: Session, ask: Ask, *, limit: int, after: Sequence[object] | None) -> Looked[Key] | None:
    """The newest messages that match, by all that have the rarest of the words, anybody's: whose one is, its tags, its chat and its other
    words are told by its row. None if there is no such word, or nothing to tell that the index does not tell in less time."""
    groups, tags = ask.query.groups, Tags(ask.tag_groups, ask.not_tags)
    is_long = tags.are_long or (ask.in_chat and ask.query.among_few_chats)
    if ask.query.without or ask.chat_ids is not None or not tags.are_told or not is_long:
        return None
    closed = {word for group in groups if len(group) == 1 and not group[0].prefix for word in group[0].words}
    tried = sorted(closed, key=lambda word: (-len(word), word))[:WORDS_TRIED]
    rare = next((Term((word,)) for word in tried if is_rare(tx, Term((word,)))), None)
    if rare is None:
        return None
    read = tuple(group for group in groups if group != (rare,))
    is_in = has_all(read) if read else None
    question = entries(ask, read=read, only=rare, tags=tags, after=after)
    found: list[Found] = []
    values, as_taken = {**question.values, "limit": -1}, {"yield_per": FIRST_READ}
    with tx.execute(question.statement, values, execution_options=as_taken) as rows:
        for message_id, key, *text in rows:
            if is_in is None or (text[0] is not None and is_in(text[0])):
                found.append((message_id, (key,)))
                if len(found) == limit:
                    break
    return Looked(found)


def is_rare(tx: Session, word: Term) -> bool:
    """Whether few messages have a word; frequent ones are seldom looked for so far."""
    there = tx.execute(NTH, {"match": term(word), "before": FIRST_READ}).scalar()
    if there is None:
        return True
    last = tx.execute(LAST_MESSAGE).scalar() or 1
    if (last - there) * RARE < FIRST_READ * last:
        return False
    return tx.execute(NTH, {"match": term(word), "before": RARE}).scalar() is None


def by_asking(tx: Session, ask: Ask, *, limit: int) -> Looked[Key]:
    """The newest messages that match, of so many as can be asked whether they lie in one of many chats."""
    apart = read_apart(ask)
    if apart and worth_reading(tx, apart, None, limit=limit, most=MOST_READ) is None:
        apart = None
    question = entries(replace(apart.rest if apart else ask, in_chat=()))
    asked, columns, values = question.statement.cte("asked"), [], question.values
    if apart:
        text, words = text_to_read(apart.groups)
        columns, values = [text], {**values, **words}
    chat = sa.select(1).where(CHATS.c.id == MESSAGES.c.session_id, *ask.in_chat).correlate(MESSAGES)
    joined = asked.join(MESSAGES, MESSAGES.c.id == asked.c.message_id)
    theirs = sa.select(asked.c.message_id, asked.c.key, *columns).select_from(joined).where(sa.exists(chat))
    end = sa.case((sa.func.count() == MOST_ASKED, sa.func.min(asked.c.key)))
    last = sa.select(sa.null(), end, *(sa.null() for _ in columns)).select_from(asked)
    *rows, (_, key, *_) = tx.execute(sa.union_all(theirs, last), {**values, "limit": MOST_ASKED})
    found = [(row[0], (row[1],)) for row in rows if apart is None or (row[2] is not None and apart.is_in(row[2]))]
    found.sort(key=itemgetter(1), reverse=True)
    return Looked(found[:limit], (key,) if key is not None else None)


def by_reading(tx: Session, ask: Ask, *, limit: int, after: Sequence[object] | None, most: int | None = None) -> Looked[Key] | None:
    """The newest messages with words whose end is open, by reading those that match otherwise, `most` at most. None if there
    are no such words, or if these messages hold few, so that joining the lists of all words that begin so takes less."""
    apart, enough = read_apart(ask), None
    if apart is None:
        return None
    if ask.in_chat and ask.query.among_few_chats:
        enough = worth_reading(tx, apart, None, limit=limit, most=most, each=READ_FOR_CHATS)
        if enough is None:
            return None
    found: list[Found] = []
    question = entries(apart.rest, read=apart.groups, after=after)
    # Read while they are taken, without an end.
    values, as_taken = {**question.values, "limit": -1}, {"yield_per": FIRST_READ}
    with tx.execute(question.statement, values, execution_options=as_taken) as rows:
        for number, (message_id, key, text) in enumerate(rows, 1):
            if text is not None and apart.is_in(text):
                found.append((message_id, (key,)))
                if len(found) == limit:
                    return Looked(found)
            if number == FIRST_READ and enough is None:
                enough = worth_reading(tx, apart, len(found) / number, limit=limit, most=most)
                if enough is None:
                    return None
            if number == most:
                return Looked(found, (key,))
            if number == enough:
                return None
    return Looked(found)


def share_sampled(tx: Session, apart: Apart, last: int) -> float:
    """Which share of everybody's messages have them, told by some that lie equally far apart, the same ones until there are twice
    as many: pages that are in memory."""
    step = 1 << max(last // SAMPLED, 0).bit_length()
    question = sampled(apart.groups, range(step, last + 1, step))
    texts = tx.execute(question.statement, question.values).scalars().all()
    return sum(text is not None and apart.is_in(text) for text in texts) / max(len(texts), 1)


def worth_reading(tx: Session, apart: Apart, newest: float | None, *, limit: int, most: int | None, each: int = 1) -> int | None:
    """After how many messages reading has taken too long where such a share of the newest has the words, if that is known, and each
    costs that much more; None if joining takes less anyway."""
    last = tx.execute(LAST_MESSAGE).scalar() or 0

    def to_read(share: float) -> float:
        return limit / share if share else math.inf

    def joining(share: float) -> float:
        return JOINED + share * last / JOINED_FOR_ONE

    def is_less(share: float) -> bool:
        return min(to_read(share), most or math.inf) * each <= joining(share)

    share = newest
    if share is None or not is_less(share):
        share = share_sampled(tx, apart, last)
        if not is_less(share):
            return None
    # Half as many again as it should take, for what is rarer further back, and not less than joining would take.
    return most or max(int(1.5 * to_read(share)) + FIRST_READ, int(joining(share) / each))


# --- titles and columns ------------------------------------------------------------------------------------------


def count(tx: Session, ask: Ask, *, cap: int) -> int:
    """How many messages match, counted up to `cap`."""
    return len(newest(tx, ask, limit=cap, after=None)) if cap else 0


def titles(tx: Session, ask: Ask, *, limit: int) -> list[object]:
    """The ids of the newest chats whose title matches."""
    conditions = of_titles(ask)
    statement = TITLES if conditions == [] else TITLES_KEPT if is_kept(conditions) else TITLES.where(*conditions)
    return list(tx.execute(statement, {"match": written(ask, DIALECT, titles=True), "limit": limit}).scalars())


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
