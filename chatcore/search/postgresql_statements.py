"""The statements of a search on PostgreSQL, each built once for all questions of one shape: to build and to write one takes as
long as the server takes to answer it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import TypeGuard

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.sql.operators import in_op

from chatcore.rows import CHATS, MESSAGES
from chatcore.search.ask import KEPT, Ask, Dialect, is_kept, written
from chatcore.search.query import Term

# The tag of a message with more words, or more of one word, than a tsvector keeps the places of.
LONG = "':long'"
# The index of words joins the lists of all words with such a beginning: 50 ms for three letters (measured).
LONG_BEGINNING = 5
# So many statements are kept; questions with filters for chats make new ones.
STATEMENTS = 200


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
# About how many entries a person has, as the database counted in a sample when it last did; nothing if they have few
# (https://www.postgresql.org/docs/current/view-pg-stats.html).
ENTRIES_OF = sa.text("""
    SELECT CAST(c.reltuples * common.share AS BIGINT)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = 'user_id'
    CROSS JOIN unnest(CAST(CAST(s.most_common_vals AS TEXT) AS TEXT[]), s.most_common_freqs) AS common(user_id, share)
    WHERE c.oid = 'message_search'::regclass AND common.user_id = :user_id
""")

NO_CHAT = uuid.UUID(int=0)

# What a hit is placed by, and how its key is compared.
KEY_COLUMNS = (ENTRIES.c.message_id, ENTRIES.c.created_at)

Key = tuple[datetime, int]
Columns = sa.FromClause
Values = dict[str, object]


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


class Chats(Enum):
    """How a question is narrowed to chats: not at all, to all but those in the trash, to those that are named, to those of a set
    that each statement reads, or by asking for the chat of each hit."""

    ALL, KEPT, NAMED, SET, EACH = range(5)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the text of a statement depends on. `phrases`: how many phrases each group has that has any; `refused`: how many
    must not be there; `pairs`: how many groups the index of pairs is asked for; `is_short`: whether a word has a short beginning."""

    has_after: bool
    has_before: bool
    is_behind: bool
    phrases: tuple[int, ...]
    refused: int
    pairs: int
    is_short: bool
    chats: Chats
    in_chat: tuple[sa.ColumnElement[bool], ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time of which the index of words is asked. `months`: its months are named to it; `since`, `until`: it begins, it
    ends at the time between the two stretches of a question; `by_chats`: not the index of words, but the chats lead to the entries;
    `is_listed`: the entries of the set of chats are listed and that list compared with the others, before any is read;
    `is_whole`: the index of words is asked the whole question, and no entry has to be read for it."""

    months: bool = False
    since: bool = False
    until: bool = False
    by_chats: bool = False
    is_listed: bool = False
    is_whole: bool = False


def shape_of(ask: Ask, key: Key | None) -> Shape:
    """The shape of a question for what comes after a key."""
    phrases = [sum(len(term.words) > 1 for term in group) for group in ask.query.groups]
    return Shape(
        has_after=ask.query.after is not None,
        has_before=ask.query.before is not None,
        is_behind=key is not None,
        phrases=tuple(filter(None, phrases)),
        refused=sum(len(term.words) > 1 for term in ask.query.without),
        pairs=len(pairs_of(ask)),
        is_short=any(map(is_short_beginning, ask.query.terms)),
        chats=chats_of(ask),
        in_chat=ask.in_chat,
    )


def chats_of(ask: Ask) -> Chats:
    """How a question is narrowed to chats."""
    if ask.chat_ids is not None:
        return Chats.NAMED
    if ask.is_set:
        return Chats.SET
    return Chats.KEPT if is_kept(ask.in_chat) else Chats.EACH if ask.in_chat else Chats.ALL


def values_of(ask: Ask, key: Key | None) -> Values:
    """What a question says, by the names of the parameters."""
    values: Values = {"user_id": ask.user_id, "question": written(ask, DIALECT), "after": ask.query.after, "before": ask.query.before}
    values |= dict(zip(("key_time", "key_id"), key, strict=True)) if key else {}
    values |= {"chats": ask.chats_listed} if ask.chat_ids is not None else {}
    groups = [group for group in ask.query.groups if any(len(term.words) > 1 for term in group)]
    for place, group in enumerate(groups):
        values[f"exact{place}"] = " | ".join(map(exact_term, group))
        values |= phrases_of(f"phrase{place}", group)
    values |= phrases_of("refused", ask.query.without)
    for place, ((term,), words) in enumerate(pairs_of(ask).items()):
        values[f"vector{place}"] = " ".join(f"'{word}':{number}" for number, word in enumerate(words, 1))
        values[f"loose{place}"] = f"{LONG} & {loose_words(term)}"
    return values


def phrases_of(name: str, terms: Sequence[Term]) -> Values:
    """The phrases among some terms as parameters."""
    phrases = [term for term in terms if len(term.words) > 1]
    texts = {f"{name}_{place}": " ".join(term.words) for place, term in enumerate(phrases)}
    return texts | {f"{name}_{place}_open": term.prefix for place, term in enumerate(phrases)}


def is_short_beginning(term: Term) -> bool:
    """Whether it would mean to join the lists of very many words."""
    return term.prefix and len(term.words[-1]) < LONG_BEGINNING


def pairs_of(ask: Ask) -> dict[tuple[Term, ...], tuple[str, ...]]:
    """The groups that are one phrase, each with the words of it that follow each other and are whole."""
    wholes = {group: group[0].words[:-1] if group[0].prefix else group[0].words for group in ask.query.groups if len(group) == 1}
    return {group: words for group, words in wholes.items() if len(words) > 1}


# --- statements --------------------------------------------------------------------------------------------------


@lru_cache(STATEMENTS)
def looking(shape: Shape, number: int, *, is_first: bool) -> sa.CompoundSelect[int, datetime, str]:
    """Selects those of the person's next so many entries by time that match, at most `limit`, as "hit"; the first that was
    looked at, as "first", and if there were so many the last. In the first look for chosen chats also how many have the words, in
    whichever chat, and for short beginnings how many have the rest, as "words"; and for a set of chats, where so many have the words as
    are `frequent`, how many lie in one of them, as "chats"."""
    when = ENTRIES.c.created_at
    # The times are written out too, or the planner takes a hundredth of all entries to lie between them, and sorts these.
    theirs = sa.select(ENTRIES).where(ENTRIES.c.user_id == text("user_id"), *in_time(shape, when, literal=True), *behind(shape, when))
    by_time = theirs.order_by(*newest_first(when, ENTRIES))
    # The number is written out: as a parameter the planner would take it for a tenth of all entries.
    entries = by_time.limit(sa.literal_column(str(number))).subquery()
    has_words = [matches(entries.c.words, "question"), *exactly(shape, entries)]
    matching: sa.FromClause = entries
    counts: list[sa.Select[int, datetime, str]] = []
    if is_first and (shape.is_short or shape.chats in (Chats.NAMED, Chats.SET)):
        # To read the set takes as long as to look at the chats of so few, which is only worth it where the words are frequent.
        is_set = shape.chats is Chats.SET
        shape = replace(shape, chats=Chats.EACH) if is_set else shape
        # Found once for hits and counts: what takes the time is to fetch the words of so many entries.
        counted = [matches(entries.c.words, "rest")] if shape.is_short else has_words
        having = sa.select(entries.c.message_id, entries.c.created_at, entries.c.session_id).where(*counted).cte("having")
        counts = [counting("words", having)]
        if is_set:
            is_frequent = sa.select(sa.func.count()).select_from(having).scalar_subquery() >= sa.bindparam("frequent", type_=sa.Integer)
            counts.append(counting("chats", entries).where(is_frequent, *in_chats(shape, entries.c.session_id)))
        if not shape.is_short:
            matching, has_words = having, []
    hits = (
        sa.select(matching.c.message_id, matching.c.created_at, sa.literal_column("'hit'").label("what"))
        .where(*has_words, *in_chats(shape, matching.c.session_id))
        .order_by(*newest_first(matching.c.created_at, matching))
        .limit(sa.bindparam("limit"))
    )
    first, last = (by_time.with_only_columns(*KEY_COLUMNS, sa.literal_column(f"'{what}'")) for what in ("first", "last"))
    last = last.offset(sa.literal_column(str(number - 1)))
    return sa.union_all(hits, *(end.limit(sa.literal_column("1")) for end in (first, last)), *counts)


def counting(what: str, rows: sa.FromClause) -> sa.Select[int, datetime, str]:
    """Selects how many rows there are, as `what`."""
    return sa.select(sa.func.count(), sa.cast(sa.null(), Time), sa.literal_column(f"'{what}'")).select_from(rows)


@lru_cache(STATEMENTS)
def reading(shape: Shape, stretch: Stretch, number: int) -> sa.CompoundSelect[int, datetime, str]:
    """Selects those that match, at most `limit`, as "hit", of the newest so many entries of a stretch of time that the index of words
    or the chats lead to; and if there were so many, the last."""
    when = ENTRIES.c.created_at
    by_words = [matches(ENTRIES.c.words, "index0"), *in_pairs(shape)]
    led = in_chats(shape, ENTRIES.c.session_id, leads=True) if stretch.by_chats else by_words
    led += [matches(ENTRIES.c.words, "months0")] if stretch.months else []
    times = [*in_time(shape, by_no_index(when)), *behind(shape, by_no_index(when))]
    times += [by_no_index(when) >= time("between")] if stretch.since else []
    newest = sa.select(ENTRIES).where(*led, *times).order_by(by_no_index(when).desc(), ENTRIES.c.message_id.desc())
    entries = newest.limit(sa.literal_column(str(number))).cte("entries")
    in_chat = [] if stretch.by_chats else in_chats(shape, entries.c.session_id)
    order = newest_first(entries.c.created_at, entries)
    hits = sa.select(entries.c.message_id, entries.c.created_at, sa.literal_column("'hit'").label("what"))
    hits = hits.where(matches(entries.c.words, "question"), *exactly(shape, entries), *in_chat).order_by(*order)
    last = (
        sa.select(entries.c.message_id, entries.c.created_at, sa.literal_column("'last'"))
        .order_by(*order)
        .offset(sa.literal_column(str(number - 1)))
    )
    return sa.union_all(hits.limit(sa.bindparam("limit")), last)


@lru_cache(STATEMENTS)
def messages_in(in_chat: tuple[sa.ColumnElement[bool], ...]) -> sa.Select[int, int]:
    """Selects how many chats of a set there are, of which at most `limit` are read, and how many messages are in these, each chat counted
    as `fewest` or more."""
    number = sa.func.greatest(CHATS.c.message_count, sa.bindparam("fewest", type_=sa.Integer))
    chats = sa.select(number.label("number")).where(CHATS.c.user_id == text("user_id"), *in_chat)
    some = chats.limit(sa.bindparam("limit", type_=sa.Integer)).subquery()
    messages = sa.cast(sa.func.coalesce(sa.func.sum(some.c.number), 0), sa.BigInteger)
    return sa.select(sa.func.count().label("chats"), messages.label("messages")).select_from(some)


@lru_cache(STATEMENTS)
def of_the_set(shape: Shape) -> sa.Select[int]:
    """Selects those of the messages in the parameter `ids` whose chat is one of the set."""
    ids = ENTRIES.c.message_id == sa.any_(sa.cast(text("ids"), ARRAY(sa.BigInteger)))
    return sa.select(ENTRIES.c.message_id).where(ids, *in_chats(shape, ENTRIES.c.session_id))


@lru_cache(STATEMENTS)
def asking(shape: Shape, first: Stretch, then: Stretch | None) -> sa.Select[tuple[int, datetime]] | sa.CompoundSelect[tuple[int, datetime]]:
    """Selects the newest entries that match, at most `limit`, of those that the index of words names of a stretch of time;
    where they are too few, as many of another. In no order."""
    newer = named(shape, first, 0)
    if then is None:
        return newer
    found = newer.cte("newer")
    enough = sa.select(sa.func.count()).select_from(found).scalar_subquery() >= sa.bindparam("limit")
    older = named(shape, then, 1).subquery("older")
    # What depends on no row is asked once, before the first: a yes spares all of it.
    return sa.union_all(sa.select(found), sa.select(older).where(sa.not_(enough)))


def named(shape: Shape, stretch: Stretch, place: int) -> sa.Select[tuple[int, datetime]]:
    """The same of one stretch; `place` is in the names of its parameters."""
    when = by_no_index(ENTRIES.c.created_at)
    conditions = [
        *([] if stretch.by_chats else [matches(ENTRIES.c.words, f"index{place}")]),
        # For itself: the index then goes from the entries of the month to those of the word and back, where in one question it
        # would look at each entry of the rarest word.
        *([matches(ENTRIES.c.words, f"months{place}")] if stretch.months else []),
        *([] if stretch.by_chats else in_pairs(shape)),
        *in_time(shape, when),
        *(since(stretch) if stretch.since else []),
        *([when < time("between")] if stretch.until else behind(shape, when)),
        *([] if stretch.is_whole else [sa.func.ts_match_vq(ENTRIES.c.words, question("question"), type_=sa.Boolean)]),
        *exactly(shape, ENTRIES),
    ]
    limit: sa.BindParameter[int] = sa.bindparam("limit")
    if shape.chats is not Chats.EACH:
        conditions += [listed_in(shape)] if stretch.is_listed else in_chats(shape, ENTRIES.c.session_id, leads=stretch.by_chats)
        return sa.select(*KEY_COLUMNS).where(*conditions).order_by(*newest_first(when, ENTRIES)).limit(limit)
    # The chats are asked last, of as many hits as the page takes: of all of them that would be most of the time.
    by_time = sa.select(*KEY_COLUMNS, ENTRIES.c.session_id, when.label("by_time")).where(*conditions)
    hits = by_time.order_by(*newest_first(when, ENTRIES)).subquery()
    of_chats = sa.select(hits.c.message_id, hits.c.created_at).where(*in_chats(shape, hits.c.session_id))
    return of_chats.order_by(*newest_first(hits.c.by_time, hits)).limit(limit)


# --- their conditions --------------------------------------------------------------------------------------------


def since(stretch: Stretch) -> list[sa.ColumnElement[bool]]:
    """The condition that an entry is not before the time between two stretches. Where the chats lead, the list by time does too: it
    takes less to compare the two than to read what is in the chats."""
    if not stretch.by_chats:
        return [by_no_index(ENTRIES.c.created_at) >= time("between")]
    # Asked for in a statement of their own the planner does not know these times, and takes what lies between for little; that a set
    # of chats holds more than it takes it for, it does not know either.
    start, end = (sa.select(sa.cast(time(name), Time)).scalar_subquery() for name in ("between", "key_time"))
    return [ENTRIES.c.user_id == text("user_id"), ENTRIES.c.created_at >= start, ENTRIES.c.created_at <= end]


def text(name: str) -> sa.BindParameter[str]:
    """A parameter that is text."""
    return sa.bindparam(name, type_=sa.String)


def time(name: str, *, literal: bool = False) -> sa.BindParameter[datetime]:
    """A parameter that is a time; `literal`: it is written out each time."""
    return sa.bindparam(name, type_=Time, literal_execute=literal)


def question(name: str) -> sa.ColumnElement[str]:
    """A parameter that is a question to the text search."""
    return sa.cast(text(name), TsQuery)


def matches(words: sa.ColumnElement[object], name: str) -> sa.ColumnElement[bool]:
    """Whether the words of an entry answer the question in a parameter."""
    return words.op("@@", is_comparison=True)(question(name))


def named_chats() -> sa.ColumnElement[Sequence[uuid.UUID]]:
    """The parameter with the ids of chats, as `listed` writes them."""
    return sa.cast(text("chats"), ARRAY(CHATS.c.id.type))


def by_no_index(when: sa.ColumnElement[datetime]) -> sa.ColumnElement[datetime]:
    """A time; the interval of nothing keeps the planner from walking along it, or adding the list of all entries of half of it."""
    return when + sa.text("interval '0'")


def in_time(shape: Shape, created_at: sa.ColumnElement[datetime], *, literal: bool = False) -> list[sa.ColumnElement[bool]]:
    """The conditions of after: and before:."""
    conditions = [created_at >= time("after", literal=literal)] if shape.has_after else []
    return conditions + ([created_at < time("before", literal=literal)] if shape.has_before else [])


def behind(shape: Shape, created_at: sa.ColumnElement[datetime]) -> list[sa.ColumnElement[bool]]:
    """The condition that an entry comes after the one of the key, the newest first."""
    key = sa.tuple_(time("key_time"), sa.bindparam("key_id", type_=sa.BigInteger))
    return [sa.tuple_(created_at, ENTRIES.c.message_id) < key] if shape.is_behind else []


def newest_first(created_at: sa.ColumnElement[datetime], table: Columns) -> list[sa.ColumnElement[datetime] | sa.ColumnElement[int]]:
    """The order of hits."""
    return [created_at.desc(), table.c.message_id.desc()]


def in_chats(shape: Shape, session_id: sa.ColumnElement[uuid.UUID], *, leads: bool = False) -> list[sa.ColumnElement[bool]]:
    """The condition that the chat of a message is one of those asked for. `leads`: the chats may lead to their messages."""
    match shape.chats:
        case Chats.ALL:
            return []
        case Chats.KEPT:
            return [is_in_no_trash(session_id)]
        case Chats.NAMED if leads:
            return [session_id == sa.any_(named_chats())]
        case Chats.NAMED:
            # A set that is asked, and not compared one by one; nor does it lead.
            return [session_id.in_(sa.select(sa.func.unnest(named_chats()))).is_(sa.true())]
        case Chats.SET:
            chosen = chosen_by(shape.in_chat)
            # Asked whether it is true, the set is read once; else it would be joined, and that from the chats to all their messages.
            return [session_id.in_(chosen) if leads else session_id.in_(chosen).is_(sa.true())]
        case Chats.EACH:
            # The offset keeps it a question for each entry: a join would be turned round and read all chats first.
            return [sa.exists(sa.select(1).where(CHATS.c.id == session_id, *shape.in_chat).offset(sa.literal_column("0")))]


def is_in_no_trash(session_id: sa.ColumnElement[uuid.UUID]) -> sa.ColumnElement[bool]:
    """Whether a chat is not one of those in the trash, which are few, and read once; a look at the chat of each of a thousand hits takes
    5 ms (measured)."""
    trash = sa.select(CHATS.c.id).where(CHATS.c.user_id == text("user_id"), CHATS.c.deleted_at.is_not(None))
    return session_id.not_in(trash)


@lru_cache(STATEMENTS)
def chosen_by(in_chat: tuple[sa.ColumnElement[bool], ...]) -> sa.Select[uuid.UUID]:
    """Selects the ids of the chats of a set. Where only tags and the trash narrow it, the list of a tag names them and no chat is read:
    4,500 chats with a tag take 3 ms then, and 20 to 40 if each is read (measured)."""
    narrowing = [condition for condition in in_chat if condition is not KEPT]
    leading = next((one for one in narrowing if is_by_select(one) and one.operator is in_op), None)
    if leading is None or not all(map(is_by_select, narrowing)):
        return sa.select(CHATS.c.id).where(CHATS.c.user_id == text("user_id"), *in_chat)
    (chat_id,) = leading.right.element.subquery().c
    conditions = [one.operator(chat_id, one.right) for one in narrowing if one is not leading]
    conditions += [is_in_no_trash(chat_id)] if len(narrowing) < len(in_chat) else []
    return sa.select(chat_id).where(*conditions)


def is_by_select(condition: sa.ColumnElement[bool]) -> TypeGuard[sa.BinaryExpression[bool]]:
    """Whether a condition on a chat compares its id, and nothing else of it, with what a statement selects."""
    return isinstance(condition, sa.BinaryExpression) and condition.left is CHATS.c.id and isinstance(condition.right, sa.ScalarSelect)


def listed_in(shape: Shape) -> sa.ColumnElement[bool]:
    """The same of a set, whose entries are listed before any is read: the planner, which takes them for those of ten chats, would
    read them one by one, were not the entries of another chat asked for too, which nobody has."""
    ids = sa.func.array(chosen_by(shape.in_chat).scalar_subquery(), type_=ARRAY(CHATS.c.id.type))
    return sa.or_(ENTRIES.c.session_id == sa.any_(ids), ENTRIES.c.session_id == sa.literal(NO_CHAT))


def in_pairs(shape: Shape) -> list[sa.ColumnElement[bool]]:
    """That each two words of a phrase follow each other somewhere, as the index of words knows them by a number; a message
    that is too long for the places of its words need only have the words."""
    conditions = []
    for place in range(shape.pairs):
        vector = sa.cast(text(f"vector{place}"), TSVECTOR)
        has_pairs = sa.func.search_pairs(ENTRIES.c.words).op("@>", is_comparison=True)(sa.func.search_pairs(vector))
        conditions.append(sa.or_(has_pairs, matches(ENTRIES.c.words, f"loose{place}")))
    return conditions


def exactly(shape: Shape, table: Columns) -> list[sa.ColumnElement[bool]]:
    """That each phrase is there, or is not, in a message too long for the places of its words: by reading it."""

    def read(name: str, number: int) -> sa.ColumnElement[bool]:
        names = [f"{name}_{place}" for place in range(number)]
        phrases = [sa.func.search_has(MESSAGES.c.content, text(name), sa.bindparam(f"{name}_open", type_=sa.Boolean)) for name in names]
        return sa.exists(sa.select(1).where(MESSAGES.c.id == table.c.message_id, sa.or_(*phrases)).correlate(table))

    conditions = [
        sa.or_(matches(table.c.words, f"exact{place}"), read(f"phrase{place}", number)) for place, number in enumerate(shape.phrases)
    ]
    if shape.refused:
        is_long = table.c.words.op("@@", is_comparison=True)(sa.cast(sa.literal(LONG), TsQuery))
        conditions.append(sa.not_(sa.and_(is_long, read("refused", shape.refused))))
    return conditions


# --- titles ------------------------------------------------------------------------------------------------------


@lru_cache(STATEMENTS)
def of_titles(in_chat: tuple[sa.ColumnElement[bool], ...], is_named: bool, has_after: bool, has_before: bool) -> sa.Select[uuid.UUID]:
    """Selects the newest chats whose title matches, at most `limit`. The time of a chat is that of its last activity."""
    by_time = (TITLES.c.created_at + sa.text("interval '0'")).label("by_time")
    found = sa.select(TITLES.c.session_id, by_time).where(matches(TITLES.c.words, "question"), TITLES.c.user_id == text("user_id"))
    entries = found.order_by(by_time.desc(), TITLES.c.session_id.desc()).subquery()
    conditions = [
        *in_chat,
        *([CHATS.c.id.in_(sa.select(sa.func.unnest(named_chats()))).is_(sa.true())] if is_named else []),
        *([CHATS.c.updated_at >= time("after")] if has_after else []),
        *([CHATS.c.updated_at < time("before")] if has_before else []),
    ]
    chat = sa.select(1).where(CHATS.c.id == entries.c.session_id, *conditions)
    return (
        sa.select(entries.c.session_id)
        .where(sa.exists(chat.offset(sa.literal_column("0"))))
        .order_by(entries.c.by_time.desc(), entries.c.session_id.desc())
        .limit(sa.bindparam("limit"))
    )
