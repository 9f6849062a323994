"""The questions of a search, as PostgreSQL's text search answers them.

Why in steps: the planner knows nothing of rare words and walks a whole index by time to find twenty of them (1 s at a million
messages, measured). So the viewer's newest messages are looked at first, which finds frequent words at once. How many of them
match says which months hold the page; of these the index of words is asked, and of all the rest of the time only if they do not.

What is not rare is no question to the index of words (a role, what must not be there, three letters of a word): it would
read long lists where the entry, which has to be read for its time anyhow, says it at once.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from chatcore.search.ask import Ask, Pool, written
from chatcore.search.postgresql_statements import (
    DIALECT,
    INDEX_DIALECT,
    TITLES,
    Key,
    Stretch,
    TsQuery,
    Values,
    asking,
    exact_term,
    looking,
    of_titles,
    pairs_of,
    shape_of,
    values_of,
)  # fmt: skip
from chatcore.search.query import Term

# How many of the newest messages are looked at first, and how many in all if so many should hold the page: 1.5 us each (measured).
# A question of which the index of words knows nothing rare is worth a longer look, and for many hits one that is longer still.
# Where chats are chosen it may be the chats that are rare, and not the words.
LOOKED_AT, MOST_LOOKED_AT, MOST_LOOKED_AT_IN_CHATS, MOST_LOOKED_AT_WIDE, MOST_FOR_A_HIT = 400, 1200, 3600, 6000, 15
# So many chats are named one by one; of more of them each hit is asked whether it lies in one.
MOST_NAMED_CHATS = MOST_NAMED_FOR_POOL = 100
# The index of words joins the lists of all words with such a beginning: 50 ms for three letters (measured).
LONG_BEGINNING = 5
# How many months the index of words is asked for by name, how many are so few that their entries are read, and how long one is.
MOST_MONTHS, FEW_MONTHS, MONTH = 8, 2, timedelta(days=30)
# What one in so many entries has is rare: the lists of all words with a short beginning are then read for less than whole months.
RARE = 100
# What was not found among the first that were looked at may be as frequent as this many hits among them.
UNSEEN = 0.5
# January of the year 1, as `month_number` counts.
FIRST_MONTH = 12

KEY_TYPES: Sequence[type] = (datetime, int)
Found = tuple[int, Key]
Id = TypeVar("Id", int, uuid.UUID)


def newest(tx: Session, ask: Ask, *, limit: int, after: Key | None) -> list[Found]:
    """The ids of the newest messages that match, behind the one of this key, each with its key."""
    if ask.chat_ids is not None:
        return by_words(tx, ask, limit=limit, after=after)
    # What the index of words cannot narrow costs it more than a longer look.
    is_short = any(map(is_short_beginning, ask.query.terms))
    is_wide = is_short or (ask.query.among_chats and not is_narrow(ask))
    most = MOST_LOOKED_AT_IN_CHATS if ask.query.among_chats else MOST_LOOKED_AT
    most = max(MOST_LOOKED_AT_WIDE, MOST_FOR_A_HIT * limit) if is_wide else most
    found: list[Found] = []
    looked, step = 0, LOOKED_AT
    looks: list[Look] = []
    while looked == 0 or looked + step <= most:
        looks.append(look_at(tx, ask, step, limit=limit - len(found), after=after))
        found += looks[-1].hits
        if len(found) == limit or looks[-1].last is None:
            return found
        looked, after = looked + step, looks[-1].last
        # As frequent as it was so far, so many entries hold the rest of the page; no fewer than before, since hits come in flocks.
        step = in_steps(max(looked, wanted(looked, len(found), limit)))
        if is_wide and looked == LOOKED_AT:
            step = min(step, most - looked)
    # A set of chats that is rarer than the words (as rare as it makes them) names the older hits, for less than many months of the words.
    by_chats = ask.is_set and (not is_narrow(ask) or (len(looks[0].hits) + UNSEEN) * LOOKED_AT <= looks[0].with_words ** 2)
    since = None
    if looks[0].first and after and not (is_short and len(found) * RARE < looked):
        (end, _) = after
        span = (looks[0].first - end) * (wanted(looked, len(found), limit) / looked)
        since = month_of(end, span, most=FEW_MONTHS if by_chats or is_short else MOST_MONTHS)
    return found + by_words(tx, ask, limit=limit - len(found), after=after, since=since, by_chats=by_chats)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at some entries found: the hits, when the first entry was made, the key of the last, None if there are no more;
    of a set of chats how many have the words, in whichever chat."""

    hits: Sequence[Found] = ()
    first: datetime | None = None
    last: Key | None = None
    with_words: int = 0


def wanted(looked: int, found: int, limit: int) -> int:
    """How many entries should hold the rest of a page, if so many of those looked at matched; more than that, the fewer they were."""
    likely = max(found, UNSEEN)
    return int(looked / likely * (limit - found) * (1.2 + 1 / sqrt(likely)))


def in_steps(number: int) -> int:
    """A number as one of few, no smaller, so that few statements are made."""
    return int(LOOKED_AT * 2 ** ((max(number, 1) - 1) // max(LOOKED_AT, 1)).bit_length())


def look_at(tx: Session, ask: Ask, number: int, *, limit: int, after: Key | None) -> Look:
    """A look at the person's next so many entries by time."""
    statement = looking(shape_of(ask, after), number, is_first=number == LOOKED_AT)
    rows = tx.execute(statement, values_of(ask, after) | {"limit": limit}).all()
    first, last, words = ([row for row in rows if row.what == what] for what in ("first", "last", "words"))
    return Look(
        hits=keyed(row for row in rows if row.what == "hit"),
        first=first[0].created_at if first else None,
        last=keyed(last)[0][1] if last else None,
        with_words=words[0].message_id if words else 0,
    )


def month_of(end: datetime, span: timedelta, *, most: int) -> datetime | None:
    """The first day of the month that lies so long before a time; None if from there to that time are more months than `most`."""
    if span > most * MONTH:
        return None
    number = max(month_number(end - span), FIRST_MONTH)
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) if month_number(end) - number < most else None


def month_number(when: datetime) -> int:
    """A month as a number, one more for each month."""
    when = when.astimezone(UTC)
    return when.year * 12 + when.month - 1


def months_between(since: datetime | None, until: datetime | None) -> list[str]:
    """The tags of the months from one time to another; none if either is not known, or if they are many."""
    if since is None or until is None:
        return []
    numbers = range(month_number(since), month_number(until) + 1)
    return [f"t{number // 12:04d}{number % 12 + 1:02d}" for number in numbers] if len(numbers) <= MOST_MONTHS else []


def by_words(tx: Session, ask: Ask, *, limit: int, after: Key | None, since: datetime | None = None, by_chats: bool = False) -> list[Found]:
    """The newest entries that match, behind the one of this key, of those that the index of words names: first not before
    `since`, then, where these are too few, the others. `by_chats`: a set of chats names the others, if there is one."""
    values = values_of(ask, after) | {"limit": limit, "between": since}
    (start, end) = (ask.query.after, min(filter(None, (ask.query.before, after[0] if after else None)), default=None))
    if since is None or (start and since <= start):
        stretches = [stretch(ask, values, 0, (start, end), by_chats=by_chats)]
    else:
        newer, older = stretch(ask, values, 0, (since, end)), stretch(ask, values, 1, (start, since), by_chats=by_chats)
        stretches = [replace(newer, since=True), replace(older, until=True)]
    rows = tx.execute(asking(shape_of(ask, after), stretches[0], stretches[1] if stretches[1:] else None), values).all()
    return sorted(keyed(rows), key=lambda hit: hit[1], reverse=True)[:limit]


def stretch(ask: Ask, values: Values, place: int, times: tuple[datetime | None, datetime | None], *, by_chats: bool = False) -> Stretch:
    """A stretch of time as the index of words is asked of it, with what it is asked among the values."""
    months = months_between(*times)
    values[f"index{place}"] = index_question(ask, len(months))
    values[f"months{place}"] = " | ".join(f"':{month}'" for month in months)
    return Stretch(months=bool(months) and not by_chats, by_chats=by_chats)


def keyed(rows: Iterable[sa.Row[tuple[int, datetime]]]) -> list[Found]:
    """Each message with its key."""
    return [(row.message_id, (row.created_at, row.message_id)) for row in rows]


def index_question(ask: Ask, months: int) -> str:
    """What the index of words is asked: of the question only what makes it name fewer entries for less than reading them costs."""
    paired = pairs_of(ask)
    few_enough = 0 < months <= FEW_MONTHS or ask.chat_ids is not None
    groups = long_enough(ask) if few_enough or long_enough(ask) or paired else [group for group in ask.query.groups if group not in paired]
    query = replace(ask.query, groups=tuple(groups), without=())
    return written(replace(ask, query=query, tag_groups=rare_tags(ask), not_tags=()), INDEX_DIALECT)


def is_narrow(ask: Ask) -> bool:
    """Whether the index of words knows anything of the question that may be rare."""
    return bool(long_enough(ask) or pairs_of(ask) or rare_tags(ask))


def long_enough(ask: Ask) -> list[tuple[Term, ...]]:
    """The groups that the index of words is asked for."""
    paired = pairs_of(ask)
    return [group for group in ask.query.groups if not any(map(is_short_beginning, group)) and group not in paired]


def rare_tags(ask: Ask) -> tuple[tuple[str, ...], ...]:
    """The tags that are not as frequent as a role."""
    return tuple(group for group in ask.tag_groups if not group[0].startswith("r"))


def is_short_beginning(term: Term) -> bool:
    """Whether it would mean to join the lists of very many words."""
    return term.prefix and len(term.words[-1]) < LONG_BEGINNING


def pool(tx: Session, ask: Ask, *, size: int) -> Pool:
    """The newest messages that match, at most `size`."""
    found = newest(tx, ask, limit=size + 1, after=None)
    return Pool([message_id for message_id, _ in found[:size]], len(found) <= size)


def count(tx: Session, ask: Ask, *, cap: int) -> int:
    """How many messages match, counted up to `cap`."""
    return len(newest(tx, ask, limit=cap, after=None)) if cap > 0 else 0


def titles(tx: Session, ask: Ask, *, limit: int) -> list[uuid.UUID]:
    """The ids of the newest chats whose title matches."""
    statement = of_titles(ask.in_chat, ask.chat_ids is not None, ask.query.after is not None, ask.query.before is not None)
    values = {
        "question": written(ask, DIALECT, titles=True), "user_id": ask.user_id, "limit": limit, "after": ask.query.after,
        "before": ask.query.before, "chats": list(ask.chat_ids or ()),
    }  # fmt: skip
    return list(tx.execute(statement, values).scalars().all())


def titled(user_id: str, words: tuple[str, ...]) -> sa.Select[uuid.UUID]:
    """Selects the ids of a person's chats that have these words in the title; the last may go on."""
    terms = [Term((word,), prefix=place == len(words)) for place, word in enumerate(words, 1)]
    question = sa.cast(sa.literal(" & ".join(map(exact_term, terms))), TsQuery)
    return sa.select(TITLES.c.session_id).where(TITLES.c.user_id == user_id, TITLES.c.words.op("@@", is_comparison=True)(question))


def beginning(text: sa.ColumnElement[str], characters: int) -> sa.ColumnElement[str]:
    """The first characters of a text. Counting them takes longer than reading them, so a text of few bytes is taken whole."""
    return sa.case((sa.func.octet_length(text) <= characters, text), else_=sa.func.substr(text, 1, characters))


def among(column: sa.ColumnElement[Id], ids: Sequence[Id]) -> sa.ColumnElement[bool]:
    """Whether a column has one of these."""
    return column == sa.any_(sa.cast(sa.literal(listed(ids)), ARRAY(column.type)))


def in_list(column: sa.ColumnElement[Id]) -> sa.ColumnElement[bool]:
    """Whether a column has one of those in the parameter `ids`, written by `listed`."""
    return column == sa.any_(sa.cast(sa.bindparam("ids", type_=sa.String), ARRAY(column.type)))


def listed(ids: Sequence[Id]) -> str:
    """Ids as an array in one parameter: as a thousand they take 5 ms, as an array of the driver 1 ms (measured)."""
    return f"{{{','.join(map(str, ids))}}}"
