"""The questions of a search, as PostgreSQL's text search answers them.

Why in steps: the planner knows nothing of rare words and walks a whole index by time to find twenty of them (1 s at a million
messages, measured). So the viewer's newest messages are looked at first, which finds frequent words at once. How many of them
match says what comes next: some more of them, or the index of words, which names all messages with the words, of the months
that will do where a few were found.

What is not rare is no question to the index of words (a role, what must not be there, three letters of a word): it would
read long lists where the entry, which has to be read for its time anyhow, says it at once.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlmodel import Session

from chatcore.rows import CHATS, MESSAGES
from chatcore.search.ask import Ask, Dialect, Pool, of_titles, written
from chatcore.search.query import Term

# The tag of a message with more words, or more of one word, than a tsvector keeps the places of.
LONG = "':long'"
# How many of the newest messages are looked at first, and how many more if so many should hold the page: 1.5 us each (measured).
LOOKED_AT, MOST_LOOKED_AT, MOST_LOOKED_AT_WIDE, MOST_FOR_A_HIT = 400, 3000, 6000, 15
# So many chats are named to their index, which with the index of words finds their hits; of more of them each hit is asked
# whether it lies in one. In so few the newest messages of all chats need not be looked at first.
MOST_NAMED_CHATS, MOST_NAMED_FOR_POOL, FEW_CHATS = 500, 1500, 100
# The index of words joins the lists of all words with such a beginning: 50 ms for three letters (measured).
LONG_BEGINNING = 5
# How many months the index of words is asked for by name, how many are so few that their entries are read, and how long one is.
MOST_MONTHS, FEW_MONTHS, MONTH = 8, 2, timedelta(days=30)
# Of what one in so many entries has there are so few that all months are asked at once.
RARE = 100
# January of the year 1, as `month_number` counts.
FIRST_MONTH = 12


class TsQuery(sa.types.UserDefinedType[str]):
    """A question to the text search."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Its name in SQL."""
        return "tsquery"


Time = sa.DateTime(timezone=True)
ENTRIES = sa.table(
    "message_search", sa.column("message_id", sa.BigInteger), sa.column("user_id", sa.String), sa.column("session_id", sa.Uuid),
    sa.column("created_at", Time), sa.column("words", TSVECTOR),
)  # fmt: skip
TITLES = sa.table(
    "chat_search", sa.column("session_id", sa.Uuid), sa.column("user_id", sa.String), sa.column("created_at", Time),
    sa.column("words", TSVECTOR),
)  # fmt: skip

Key = tuple[datetime, int]
KEY_TYPES: Sequence[type] = (datetime, int)
Found = tuple[int, Key]
Id = TypeVar("Id", int, uuid.UUID)


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
    return f"({exact_term(term)} | {LONG} & {loose_words(term)})"


def loose_words(term: Term) -> str:
    """That every word of a phrase is there."""
    return " & ".join(f"'{word}'" for word in term.words) + (":*" if term.prefix else "")


def loose_term(term: Term) -> str:
    """The same for the index of words, which knows no places: of a phrase its words."""
    return exact_term(term) if len(term.words) == 1 else f"({loose_words(term)})"


DIALECT = Dialect(wide_term, exact_term, lambda tag: f"':{tag}'", both=" & ", either=" | ", but_not=" & !")
INDEX_DIALECT = replace(DIALECT, term=loose_term)


def matches(words: sa.ColumnElement[object], question: str) -> sa.ColumnElement[bool]:
    """Whether the words of an entry answer the question."""
    return words.op("@@", is_comparison=True)(sa.cast(sa.literal(question), TsQuery))


def answers(words: sa.ColumnElement[object], question: str) -> sa.ColumnElement[bool]:
    """The same, but never a question to the index of words."""
    return sa.func.ts_match_vq(words, sa.cast(sa.literal(question), TsQuery), type_=sa.Boolean)


def in_time(ask: Ask, created_at: sa.ColumnElement[datetime]) -> list[sa.ColumnElement[bool]]:
    """The conditions of after: and before:."""
    conditions = []
    if ask.query.after:
        conditions.append(created_at >= ask.query.after)
    if ask.query.before:
        conditions.append(created_at < ask.query.before)
    return conditions


def behind(key: Key | None) -> list[sa.ColumnElement[bool]]:
    """The condition that an entry comes after the one of this key, the newest first."""
    return [sa.tuple_(ENTRIES.c.created_at, ENTRIES.c.message_id) < sa.tuple_(*map(sa.literal, key))] if key else []


def in_chat(ask: Ask, session_id: sa.ColumnElement[uuid.UUID]) -> list[sa.ColumnElement[bool]]:
    """The condition that the chat of a message is one of those asked for."""
    if ask.chat_ids is not None:
        return [among(session_id, ask.chat_ids)]
    if not ask.in_chat:
        return []
    # The offset keeps it a question for each entry: a join would be turned round and read all chats first.
    return [sa.exists(sa.select(1).where(CHATS.c.id == session_id, *ask.in_chat).offset(0))]


def newest(tx: Session, ask: Ask, *, limit: int, after: Key | None) -> list[Found]:
    """The ids of the newest messages that match, behind the one of this key, each with its key."""
    if ask.chat_ids is not None and len(ask.chat_ids) <= FEW_CHATS:
        return by_words(tx, ask, limit=limit, after=after, since=ask.query.after)
    # What the index of words cannot narrow costs it more than a longer look.
    is_wide = (ask.query.among_chats and ask.chat_ids is None) or any(map(is_short_beginning, ask.query.terms))
    most = max(MOST_LOOKED_AT_WIDE if is_wide else MOST_LOOKED_AT, MOST_FOR_A_HIT * limit)
    found: list[Found] = []
    looked, step, start = 0, LOOKED_AT, None
    while looked + step <= most:
        hits, first, last = look_at(tx, ask, step, limit=limit - len(found), after=after)
        found += hits
        if len(found) == limit or last is None:
            return found
        start, looked, after = start or first, looked + step, last
        # As frequent as it was so far, so many entries hold the rest of the page; no fewer than before, since hits come in flocks.
        step = max(looked, looked * (limit - len(found)) * 3 // (2 * len(found))) if found else most
        if is_wide and looked == LOOKED_AT:
            step = min(step, most - looked)
    if start and after and len(found) * RARE >= looked and ask.chat_ids is None:
        (end, _) = after
        since = month_ago(end, (start - end) * (step / looked))
        if since:
            found += by_words(tx, ask, limit=limit - len(found), after=after, since=since)
            after = (since, 0)
    if len(found) == limit:
        return found
    return found + by_words(tx, ask, limit=limit - len(found), after=after, since=ask.query.after)


def look_at(tx: Session, ask: Ask, number: int, *, limit: int, after: Key | None) -> tuple[list[Found], datetime | None, Key | None]:
    """Those of the person's next entries by time that match, the time of the first that was looked at, and the key of the
    last, None if there are no more."""
    theirs = sa.select(ENTRIES).where(ENTRIES.c.user_id == ask.user_id, *in_time(ask, ENTRIES.c.created_at), *behind(after))
    by_time = theirs.order_by(*newest_first(ENTRIES.c.created_at, ENTRIES))
    entries = by_time.limit(number).subquery()
    hits = (
        sa.select(entries.c.message_id, entries.c.created_at, sa.literal("hit", sa.String).label("what"))
        .where(matches(entries.c.words, written(ask, DIALECT)), *exactly(ask, entries), *in_chat(ask, entries.c.session_id))
        .order_by(*newest_first(entries.c.created_at, entries))
        .limit(limit)
    )
    ends = [
        by_time.with_only_columns(ENTRIES.c.message_id, ENTRIES.c.created_at, sa.literal(what, sa.String)) for what in ("first", "last")
    ]
    rows = tx.execute(sa.union_all(hits, ends[0].limit(1), ends[1].offset(number - 1).limit(1))).all()
    first = next((row.created_at for row in rows if row.what == "first"), None)
    last = next((key for _, key in keyed(row for row in rows if row.what == "last")), None)
    return keyed(row for row in rows if row.what == "hit"), first, last


def month_ago(end: datetime, span: timedelta) -> datetime | None:
    """The first day of the month that lies so long before a time; None for one that is long ago."""
    ago = span // MONTH
    number = max(month_number(end) - 1 - ago, FIRST_MONTH)
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) if ago < MOST_MONTHS else None


def month_number(when: datetime) -> int:
    """A month as a number, one more for each month."""
    when = when.astimezone(UTC)
    return when.year * 12 + when.month - 1


def months_between(since: datetime | None, after: Key | None) -> list[str]:
    """The tags of the months from one time to that of a key; none if either is not known, or if they are many."""
    if since is None or after is None:
        return []
    (end, _) = after
    numbers = range(month_number(since), month_number(end) + 1)
    return [f"t{number // 12:04d}{number % 12 + 1:02d}" for number in numbers] if len(numbers) <= MOST_MONTHS else []


def by_words(tx: Session, ask: Ask, *, limit: int, after: Key | None, since: datetime | None) -> list[Found]:
    """The newest entries that match, behind the one of this key and not before `since`, of those that the index of words names."""
    # The interval of nothing keeps the planner from walking along the time.
    by_time = (ENTRIES.c.created_at + sa.text("interval '0'")).label("by_time")
    matching = sa.select(ENTRIES.c.message_id, ENTRIES.c.session_id, ENTRIES.c.created_at, by_time).where(
        matches(ENTRIES.c.words, index_question(ask, months_between(since, after))),
        *in_pairs(ask),
        *(in_chat(ask, ENTRIES.c.session_id) if ask.chat_ids is not None else []),
        *in_time(ask, ENTRIES.c.created_at),
        *([ENTRIES.c.created_at >= since] if since else []),
        *behind(after),
        answers(ENTRIES.c.words, written(ask, DIALECT)),
        *exactly(ask, ENTRIES),
    )
    # The chats are asked last, of as many hits as the page takes: of all of them that would be most of the time.
    entries = matching.order_by(*newest_first(by_time, ENTRIES)).limit(None if ask.in_chat else limit).subquery()
    statement = sa.select(entries.c.message_id, entries.c.created_at).where(*(in_chat(ask, entries.c.session_id) if ask.in_chat else []))
    return keyed(tx.execute(statement.order_by(*newest_first(entries.c.by_time, entries)).limit(limit)))


def newest_first(created_at: sa.ColumnElement[datetime], table: sa.FromClause) -> list[sa.ColumnElement[datetime] | sa.ColumnElement[int]]:
    """The order of hits."""
    return [created_at.desc(), table.c.message_id.desc()]


def keyed(rows: Iterable[sa.Row[tuple[int, datetime]]]) -> list[Found]:
    """Each message with its key."""
    return [(row.message_id, (row.created_at, row.message_id)) for row in rows]


def index_question(ask: Ask, months: Sequence[str]) -> str:
    """What the index of words is asked: of the question only what makes it name fewer entries for less than reading them costs."""
    paired = pairs_of(ask)
    long_enough = [group for group in ask.query.groups if not any(map(is_short_beginning, group)) and group not in paired]
    rare_tags = [group for group in ask.tag_groups if not group[0].startswith("r")]
    is_narrow = long_enough or paired or 0 < len(months) <= FEW_MONTHS or ask.chat_ids is not None
    groups = long_enough if is_narrow else [group for group in ask.query.groups if group not in paired]
    query = replace(ask.query, groups=tuple(groups), without=())
    return written(replace(ask, query=query, tag_groups=(*rare_tags, *([tuple(months)] if months else [])), not_tags=()), INDEX_DIALECT)


def is_short_beginning(term: Term) -> bool:
    """Whether it would mean to join the lists of very many words."""
    return term.prefix and len(term.words[-1]) < LONG_BEGINNING


def pairs_of(ask: Ask) -> dict[tuple[Term, ...], tuple[str, ...]]:
    """The groups that are one phrase, each with the words of it that follow each other and are whole."""
    wholes = {group: group[0].words[:-1] if group[0].prefix else group[0].words for group in ask.query.groups if len(group) == 1}
    return {group: words for group, words in wholes.items() if len(words) > 1}


def in_pairs(ask: Ask) -> list[sa.ColumnElement[bool]]:
    """That each two words of a phrase follow each other somewhere, as the index of words knows them by a number; a message
    that is too long for the places of its words need only have the words."""
    conditions = []
    for (term,), words in pairs_of(ask).items():
        vector = sa.cast(sa.literal(" ".join(f"'{word}':{place}" for place, word in enumerate(words, 1))), TSVECTOR)
        has_pairs = sa.func.search_pairs(ENTRIES.c.words).op("@>", is_comparison=True)(sa.func.search_pairs(vector))
        conditions.append(sa.or_(has_pairs, matches(ENTRIES.c.words, f"{LONG} & {loose_words(term)}")))
    return conditions


def exactly(ask: Ask, table: sa.FromClause) -> list[sa.ColumnElement[bool]]:
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


def pool(tx: Session, ask: Ask, *, size: int) -> Pool:
    """The newest messages that match, at most `size`."""
    found = newest(tx, ask, limit=size + 1, after=None)
    return Pool([message_id for message_id, _ in found[:size]], len(found) <= size)


def count(tx: Session, ask: Ask, *, cap: int) -> int:
    """How many messages match, counted up to `cap`."""
    return len(newest(tx, ask, limit=cap, after=None)) if cap > 0 else 0


def titles(tx: Session, ask: Ask, *, limit: int) -> list[uuid.UUID]:
    """The ids of the newest chats whose title matches."""
    by_time = (TITLES.c.created_at + sa.text("interval '0'")).label("by_time")
    named = sa.select(TITLES.c.session_id, by_time).where(
        matches(TITLES.c.words, written(ask, DIALECT, titles=True)), TITLES.c.user_id == ask.user_id
    )
    entries = named.order_by(by_time.desc(), TITLES.c.session_id.desc()).subquery()
    chat = sa.select(1).where(CHATS.c.id == entries.c.session_id, *of_titles(ask))
    statement = (
        sa.select(entries.c.session_id)
        .where(sa.exists(chat.offset(0)))
        .order_by(entries.c.by_time.desc(), entries.c.session_id.desc())
        .limit(limit)
    )
    return list(tx.execute(statement).scalars())


def titled(user_id: str, words: tuple[str, ...]) -> sa.Select[uuid.UUID]:
    """Selects the ids of a person's chats that have these words in the title; the last may go on."""
    terms = [Term((word,), prefix=place == len(words)) for place, word in enumerate(words, 1)]
    return sa.select(TITLES.c.session_id).where(TITLES.c.user_id == user_id, matches(TITLES.c.words, " & ".join(map(exact_term, terms))))


def beginning(text: sa.ColumnElement[str], characters: int) -> sa.ColumnElement[str]:
    """The first characters of a text. Counting them takes longer than reading them, so a text of few bytes is taken whole."""
    return sa.case((sa.func.octet_length(text) <= characters, text), else_=sa.func.substr(text, 1, characters))


def among(column: sa.ColumnElement[Id], ids: Sequence[Id]) -> sa.ColumnElement[bool]:
    """Whether a column has one of these: in one parameter, since a thousand take 5 ms (measured)."""
    return column == sa.any_(sa.literal(list(ids), ARRAY(column.type)))


def among_given(column: sa.ColumnElement[Id]) -> sa.ColumnElement[bool]:
    """Whether a column has one of the values that are given as `ids`."""
    return column == sa.any_(sa.bindparam("ids", type_=ARRAY(column.type)))
