"""The questions of a search, as PostgreSQL's text search answers them.

Why in steps: the planner knows nothing of rare words and walks a whole index by time to find twenty of them (1 s at a million
messages, measured). So the viewer's newest messages are looked at first, which finds frequent words at once. How many of them
match says which months hold the page; of these the index of words is asked, and of all the rest of the time only if they do not.

The index is asked the whole question where it can be, a role and what must not be there too, so that no entry has to be read for it.
Only three letters of a word are no question to it: it would join the lists of all words that begin so. Then the entries are read that
it names by the rest of the question. Where chats are chosen and the words are frequent, the chats lead to the entries instead.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from math import sqrt
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from chatcore.search.ask import Ask, listed, written
from chatcore.search.pools import Looked, Pool
from chatcore.search.postgresql_statements import (
    DIALECT,
    ENTRIES_OF,
    INDEX_DIALECT,
    TITLES,
    Key,
    Stretch,
    TsQuery,
    Values,
    asking,
    exact_term,
    is_short_beginning,
    looking,
    messages_in,
    of_the_set,
    of_titles,
    pairs_of,
    reading,
    shape_of,
    values_of,
)  # fmt: skip
from chatcore.search.query import Term

# How many of the newest messages are looked at first, and how many in all if so many should hold the page: 1.5 us each (measured).
# A question of which the index of words knows nothing rare is worth a longer look, and for many hits one that is longer still.
# Where chats are chosen it may be the chats that are rare, and not the words.
LOOKED_AT, MOST_LOOKED_AT, MOST_LOOKED_AT_IN_CHATS, MOST_LOOKED_AT_WIDE, MOST_FOR_A_HIT = 400, 1200, 3600, 6000, 15
# Of more chats than these the set is read by each statement, and not named: with 2,000 of them named, frequent words in a tag or a
# folder took 1.5 times as long (by turns).
MOST_NAMED_CHATS = MOST_NAMED_FOR_POOL = 100
# Chats with so few messages are read; and others, where reading them takes less than the lists of frequent words: as long as these
# take for so many messages with the word, or with several together, among those that were looked at first. They name as much more
# as a person has more entries than the one with whom that was measured.
FEW_MESSAGES, MESSAGES_FOR_A_HIT, MESSAGES_FOR_A_HIT_IN_SET, MEASURED_WITH = 1000, (400, 800), (150, 400), 184_000
# Words that so many of the first have are frequent: a longer look for them ends sooner than their lists. What so many have leads nowhere.
FREQUENT, OFTEN = 20, 100
# How many months the index of words is asked for by name, how many are so few that their entries are read, and how long one is.
# For a page in a set of chats four take 4.6 ms of a word in 5 %, all of the time 15; where the set leads to the entries each month
# takes 1 to 2, all of the time 23 (measured, 940 chats with 14,500 messages).
MOST_MONTHS, SOME_MONTHS, FEW_MONTHS, MONTH = 8, 4, 2, timedelta(days=30)
# So long a time is read of first where there should be so many times as many hits as are wanted. In chats hits come in flocks, those
# of a chat together: the months that follow should hold so many times the rest of a page.
MUCH_TIME, FAR_MORE, IN_FLOCKS = 7 * MONTH, 4, 3
MOST_MONTHS_IN_SET, LONGEST = 12, timedelta(days=3650)
# What one in so many entries has is rare: the lists of all words with a short beginning are then read for less than whole months.
RARE = 100
# What was not found among the first that were looked at may be as frequent as this many hits among them.
UNSEEN = 0.5
# A page of so many is for the best match, or to count.
MANY = 100
# So many entries are read first for words with a short beginning, and so many in all: for a page they are then looked up, for the
# best match of many that is where it ends; but not before some are found. So many hits are asked for their chat.
READ, MOST_READ, MOST_ASKED = 1000, 2000, 4000
# Chats with no more messages than these are read whole, even for the best match; so few of them are seldom among the newest.
MOST_READ_IN_CHATS, FEW_CHATS = 20_000, 20
# Half of a set with so few is read for the best match no sooner than all of it. To find a chat's entries takes as long as to read some.
# That there is too much in a set is mostly seen by so many of its chats.
FEW_FOR_BEST, CHAT_AS_MESSAGES, SOME_CHATS = 10_000, 5, 1500
LOWEST_ID = -(2**63)
EARLIEST = datetime.min.replace(tzinfo=UTC)

KEY_TYPES: Sequence[type] = (datetime, int)
Found = tuple[int, Key]
Id = TypeVar("Id", int, uuid.UUID)


def newest(tx: Session, ask: Ask, *, limit: int, after: Key | None) -> list[Found]:
    """The ids of the newest messages that match, behind the one of this key, each with its key."""
    return find(tx, ask, limit=limit, after=after).found


def pool(tx: Session, ask: Ask, *, size: int) -> Pool:
    """The newest messages that match, at most `size`; not all of them where it takes too long to read everything."""
    # Phrases are rare: all hits of them are sooner asked for their chat than the list of the set is made.
    is_asked = ask.is_set and bool(pairs_of(ask))
    if ask.is_set and not is_asked:
        ask = with_messages(tx, ask)
        is_asked = ask.messages > MOST_READ_IN_CHATS
    looked = by_asking(tx, ask, limit=size + 1) if is_asked else find(tx, ask, limit=size + 1, after=None, most=MOST_READ)
    return looked.pool(size, lambda number, end: newest(tx, ask, limit=number, after=end))


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known after a look at the newest entries that did not hold `limit` hits: what was found so far, the first look, how many
    entries were looked at in all, the key behind which older hits are to be found, what tells about how many entries the person
    has, and whether the chats lead to the hits. `most`: for the best match, which need not go through everything."""

    limit: int
    most: int | None
    found: list[Found]
    first: "Look"
    number: int
    end: Key
    theirs: Callable[[], int]
    by_chats: bool

    @property
    def missing(self) -> int:
        """How many hits are still to be found."""
        return self.limit - len(self.found)


def find(tx: Session, ask: Ask, *, limit: int, after: Key | None, most: int | None = None) -> Looked[Key]:
    """The newest messages that match, behind the one of this key: those of the newest entries, which are looked at, and the
    `older` ones. Where entries have to be read, of so many at the `most`."""
    if ask.chat_ids is not None and ask.messages <= FEW_MESSAGES:
        return Looked(by_words(tx, ask, limit=limit, after=after, by_chats=True))
    looks = look_for(tx, ask, limit=limit, after=after, most=most)
    found, first, end = [hit for look in looks for hit in look.hits], looks[0], looks[-1].last
    if len(found) == limit or end is None:
        return Looked(found)
    # Asked for once at the most, and only where it decides something.
    theirs = cache(partial(number_of_entries, tx, ask))
    number = sum(look.number for look in looks)
    return older(tx, ask, Seen(limit, most, found, first, number, end, theirs, is_by_chats(ask, first, theirs)))


def older(tx: Session, ask: Ask, seen: Seen) -> Looked[Key]:
    """What was found and older hits, the first way that suits."""
    if is_much_in_chats(ask, seen):
        return of_newest_in_chats(tx, ask, seen)
    if is_beginning_with_rare(ask, seen):
        return by_what_is_rare(tx, ask, seen)
    if is_beginning_for_best(ask, seen):
        return Looked(seen.found, seen.end)
    if is_page_in_chats(ask, seen):
        return by_page_in_chats(tx, ask, seen)
    if is_little_in_set(ask, seen):
        return by_lists(tx, ask, seen, None)
    since = since_when(ask, seen)
    if since is None and is_frequent_together(ask, seen):
        since = month_of(seen.end[0], MONTH, most=FEW_MONTHS)
    if since is None and is_more_than_wanted(seen):
        since = month_of(seen.end[0], MUCH_TIME, most=MOST_MONTHS)
    if since is not None and not seen.by_chats:
        return by_newest_months(tx, ask, seen, since)
    return by_lists(tx, ask, seen, since)


def is_much_in_chats(ask: Ask, seen: Seen) -> bool:
    """Whether there is too much in the chats to read all of it for the best match."""
    return seen.most is not None and seen.by_chats and ask.messages > MOST_READ_IN_CHATS


def of_newest_in_chats(tx: Session, ask: Ask, seen: Seen) -> Looked[Key]:
    """What the newest entries in the chats hold."""
    look = read_at(tx, ask, MOST_ASKED, limit=seen.missing, after=seen.end, by_chats=True)
    return Looked([*seen.found, *look.hits], look.last)


def is_beginning_with_rare(ask: Ask, seen: Seen) -> bool:
    """Whether the index of words leads to a short beginning by what else is asked for."""
    return has_short(ask) and has_rare_rest(ask, seen.first) and not seen.by_chats


def by_what_is_rare(tx: Session, ask: Ask, seen: Seen) -> Looked[Key]:
    """What is among the entries that have the rest of the question; for a page then by the lists."""
    read = read_on(tx, ask, seen.first, limit=seen.missing, after=seen.end, most=seen.most or MOST_READ)
    found = [*seen.found, *read.found]
    if seen.most or len(found) == seen.limit or read.end is None:
        return Looked(found, read.end)
    seen = replace(seen, found=found, end=read.end)
    return by_lists(tx, ask, seen, since_when(ask, seen))


def is_beginning_for_best(ask: Ask, seen: Seen) -> bool:
    """Whether a short beginning is all that could lead to the hits, for the best match."""
    return seen.most is not None and has_short(ask) and not seen.by_chats


def is_page_in_chats(ask: Ask, seen: Seen) -> bool:
    """Whether a page is to be found in chats that are named, of which the newest entries hold a page of what is frequent."""
    return seen.by_chats and not ask.is_set and ask.messages > 2 * READ and seen.limit <= MANY


def by_page_in_chats(tx: Session, ask: Ask, seen: Seen) -> Looked[Key]:
    """What the first entries in the chats hold; then by all that is in them."""
    look = read_at(tx, ask, READ, limit=seen.missing, after=seen.end, by_chats=True)
    found = [*seen.found, *look.hits]
    if len(found) == seen.limit or look.last is None:
        return Looked(found)
    seen = replace(seen, found=found, end=look.last)
    return by_lists(tx, ask, seen, since_when(ask, seen))


def is_little_in_set(ask: Ask, seen: Seen) -> bool:
    """Whether all that is in a set of chats is read for the best match as soon as a part of it."""
    return seen.by_chats and ask.is_set and seen.limit > MANY and 0 < ask.messages <= FEW_FOR_BEST


def is_frequent_together(ask: Ask, seen: Seen) -> bool:
    """Whether many hits are wanted of several things, each of which is frequent."""
    return seen.limit > MANY and ask.chat_ids is None and not ask.is_set and not has_short(ask) and is_joined(ask)


def is_more_than_wanted(seen: Seen) -> bool:
    """Whether there should be far more hits than the many that are wanted, so that some months of them take less than all."""
    return seen.limit > MANY and bool(seen.found) and seen.theirs() * len(seen.found) > FAR_MORE * seen.limit * seen.number


def by_newest_months(tx: Session, ask: Ask, seen: Seen, since: datetime) -> Looked[Key]:
    """What the lists name of the months since a time, then of as many as should hold the rest: no more of long lists is read than that.
    Of a word in 5 % of 10 million messages 4,000 hits take a tenth of the time that all 92,000 of a person do (measured)."""
    hits = by_words(tx, ask, limit=seen.missing, after=seen.end, since=since, is_all=True)
    found = seen.found + hits
    if len(found) == seen.limit or (ask.query.after and since <= ask.query.after):
        return Looked(found)
    span = (seen.end[0] - since) * (wanted(len(hits), len(hits), seen.missing) / len(hits)) if hits else timedelta.max
    then = month_of(since, IN_FLOCKS * span if hits and ask.is_set else span, most=MOST_MONTHS)
    return Looked(found + by_words(tx, ask, limit=seen.limit - len(found), after=(since, LOWEST_ID), since=then))


def by_lists(tx: Session, ask: Ask, seen: Seen, since: datetime | None) -> Looked[Key]:
    """What the index of words names, or what is in the chats: first not before a time, where that should hold the rest."""
    return Looked(seen.found + by_words(tx, ask, limit=seen.missing, after=seen.end, since=since, by_chats=seen.by_chats))


def since_when(ask: Ask, seen: Seen) -> datetime | None:
    """The month since which the rest of the hits should be, as frequent as they were so far; None if that is long ago or not known."""
    in_set = seen.by_chats and ask.is_set
    if not seen.first.first or (not in_set and has_short(ask) and len(seen.found) * RARE < seen.number):
        return None
    entries = wanted(seen.number, len(seen.found), seen.limit, seen.first.expected)
    span = (seen.first.first - seen.end[0]) * (entries / seen.number)
    # In a set hits come in flocks, those of a chat together; to look through too little costs more than through too much.
    span = 2 * span if seen.found and ask.is_set and seen.limit <= MANY and span < LONGEST else span
    return month_of(seen.end[0], span, most=most_months(ask, in_set=in_set))


def has_short(ask: Ask) -> bool:
    """Whether there is a short beginning of a word in the question."""
    return any(map(is_short_beginning, ask.query.terms))


def most_months(ask: Ask, *, in_set: bool) -> int:
    """How many months are asked by themselves. Many take as long as all of the time, and where chats are chosen they seldom hold the
    page. `in_set`: a set of chats leads to the entries."""
    if in_set:
        return MOST_MONTHS_IN_SET
    if ask.is_set and not has_short(ask):
        return SOME_MONTHS
    return FEW_MONTHS if ask.is_set or ask.chat_ids is not None or has_short(ask) else MOST_MONTHS


def is_joined(ask: Ask) -> bool:
    """Whether what is rare may be several things together, of which each is frequent."""
    return len(ask.query.groups) + len(ask.tag_groups) + len(ask.query.without) + len(ask.not_tags) > 1


def look_for(tx: Session, ask: Ask, *, limit: int, after: Key | None, most: int | None) -> list["Look"]:
    """Looks at the newest entries until they hold the page, or until the index of words or the chats are the shorter way."""
    is_short = has_short(ask)
    # What the index of words cannot narrow costs it more than a longer look.
    is_wide = is_short or (ask.query.among_chats and not is_narrow(ask))
    longest = MOST_LOOKED_AT_IN_CHATS if ask.query.among_chats else MOST_LOOKED_AT
    longest = max(MOST_LOOKED_AT_WIDE, MOST_FOR_A_HIT * limit) if is_wide else longest
    longest = min(longest, MOST_ASKED) if most else longest
    if ask.chat_ids is not None and (most or len(ask.chat_ids) <= FEW_CHATS):
        # All that is in the chats is soon read, and few chats are seldom among the newest.
        longest = LOOKED_AT
    looks: list[Look] = []
    looked, found, step, is_far = 0, 0, LOOKED_AT, True
    while looked == 0 or (looked < longest and looked + step <= longest):
        looks.append(look_at(tx, ask, step, limit=limit - found, after=after))
        found, looked, after = found + len(looks[-1].hits), looked + step, looks[-1].last
        if found == limit or after is None or (is_short and has_rare_rest(ask, looks[0])):
            break
        if ask.is_set and looks[0].with_words >= FREQUENT and looks[0].in_set < OFTEN:
            # Where a long look should not hold the page, the chats lead to so few of the entries sooner.
            is_wide, is_far, longest = False, False, min(longest, MOST_LOOKED_AT_IN_CHATS)
        # As frequent as it was so far, so many entries hold the rest of the page; no fewer than before, since hits come in flocks.
        step = in_steps(max(looked, wanted(looked, found, limit, looks[0].expected)))
        if looked == LOOKED_AT and (is_wide or (is_far and looks[0].with_words >= FREQUENT and most is None)):
            step = min(step, longest - looked)
    return looks


def read_on(tx: Session, ask: Ask, first: "Look", *, limit: int, after: Key, most: int) -> Looked[Key]:
    """What the next entries hold that the index of words names by what is rare in the question: first the newest months of them, as
    the `first` look tells how many there are, no more than `most` of all."""
    found: list[Found] = []
    (end, _) = after
    span = ((first.first or end) - end) * (READ / max(first.with_words, UNSEEN))
    since, key, read, step = month_of(end, span, most=MOST_MONTHS), after, 0, READ
    while read < most:
        look = read_at(tx, ask, step, limit=limit - len(found), after=key, since=since)
        found += look.hits
        if len(found) == limit:
            return Looked(found)
        if look.last is not None:
            key, read, step = look.last, read + step, most - READ
        elif since is None:
            return Looked(found)
        else:
            span, key, read = 2 * span, (since, LOWEST_ID), read + READ
            since = month_of(since, span, most=MOST_MONTHS)
    return Looked(found, key)


def read_at(tx: Session, ask: Ask, number: int, *, limit: int, after: Key, since: datetime | None = None, by_chats: bool = False) -> "Look":
    """What the next so many entries hold, of those not before `since` that the index of words names by what is rare in the question;
    or of those in the chats."""
    values = values_of(ask, after) | {"limit": limit, "between": since}
    read = replace(stretch(ask, values, 0, (since, after[0]), by_chats=by_chats), since=since is not None)
    groups = tuple(long_enough(ask))
    values["index0"] = written(replace(ask, query=replace(ask.query, groups=groups, without=())), INDEX_DIALECT)
    rows = tx.execute(reading(shape_of(ask, after), read, number), values).all()
    last = keyed(row for row in rows if row.what == "last")
    return Look(number, keyed(row for row in rows if row.what == "hit"), last=last[0][1] if last else None)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at so many entries found: the hits, when the first entry was made, the key of the last, None if there are no more;
    of chosen chats how many have the words, in whichever chat, of short beginnings how many have what else is asked for; of a set
    of chats how many lie in one of them, and how many hits there should then be."""

    number: int
    hits: Sequence[Found] = ()
    first: datetime | None = None
    last: Key | None = None
    with_words: int = 0
    in_set: int = 0
    expected: float = 0.0


def has_rare_rest(ask: Ask, look: Look) -> bool:
    """Whether what is asked for beside short beginnings is rare enough for the index of words to lead to it."""
    return is_narrow(ask) and look.with_words < OFTEN


def is_by_chats(ask: Ask, look: Look, theirs: Callable[[], int]) -> bool:
    """Whether the chats lead to the older hits, since reading what is in them takes less than the lists of the words, which name hits
    among `theirs`, so many entries of the person."""
    if not (ask.is_set or ask.messages):
        return False
    if not is_narrow(ask):
        return True
    if ask.messages:
        # The list of a set's entries makes long lists of one word quicker, not those of several, each of which is longer than the hits.
        of_one, of_several = MESSAGES_FOR_A_HIT_IN_SET if ask.is_set else MESSAGES_FOR_A_HIT
        most = look.with_words * (of_several if is_joined(ask) else of_one)
        return ask.messages <= most or (most > 0 and ask.messages <= most * longer(theirs()))
    # A set that is rarer than the words, as rare as it makes them. All of it is listed, and of the words a few months read.
    number = (max(len(look.hits), look.expected) + UNSEEN) * LOOKED_AT
    return number <= look.with_words**2 and number * longer(theirs()) <= look.with_words**2


def longer(theirs: int) -> float:
    """How many times as long as when they were measured the lists are for a person with so many entries."""
    return max(1.0, theirs / MEASURED_WITH)


def number_of_entries(tx: Session, ask: Ask) -> int:
    """About how many entries the person has; 0 if few."""
    return tx.execute(ENTRIES_OF, {"user_id": ask.user_id}).scalar() or 0


def wanted(looked: int, found: int, limit: int, expected: float = 0.0) -> int:
    """How many entries should hold the rest of a page, if so many of those looked at matched, or of the first so many should have;
    more than that, the fewer they were."""
    likely = max(found, expected * looked / LOOKED_AT, UNSEEN)
    return int(looked / likely * (limit - found) * (1.2 + 1 / sqrt(likely)))


def in_steps(number: int) -> int:
    """A number as one of few, no smaller, so that few statements are made."""
    return int(LOOKED_AT * 2 ** ((max(number, 1) - 1) // max(LOOKED_AT, 1)).bit_length())


def look_at(tx: Session, ask: Ask, number: int, *, limit: int, after: Key | None) -> Look:
    """A look at the person's next so many entries by time."""
    statement = looking(shape_of(ask, after), number, is_first=number == LOOKED_AT)
    rest = replace(ask.query, groups=tuple(group for group in ask.query.groups if not any(map(is_short_beginning, group))))
    values = values_of(ask, after) | {"limit": limit, "frequent": FREQUENT, "rest": written(replace(ask, query=rest), DIALECT)}
    rows = tx.execute(statement, values).all()
    first, last = ([row for row in rows if row.what == what] for what in ("first", "last"))
    with_words, in_set = (sum(row.message_id for row in rows if row.what == what) for what in ("words", "chats"))
    return Look(
        number,
        hits=keyed(row for row in rows if row.what == "hit"),
        first=first[0].created_at if first else None,
        last=keyed(last)[0][1] if last else None,
        with_words=with_words,
        in_set=in_set,
        expected=0.0 if has_short(ask) else with_words * in_set / number,
    )


def month_of(end: datetime, span: timedelta, *, most: int) -> datetime | None:
    """The first day of the month that lies so long before a time; None if from there to that time are more months than `most`."""
    if span > most * MONTH or span > end - EARLIEST:
        return None
    number = month_number(end - span)
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


def by_words(
    tx: Session, ask: Ask, *, limit: int, after: Key | None, since: datetime | None = None, by_chats: bool = False, is_all: bool = False
) -> list[Found]:
    """The newest entries that match, behind the one of this key, of those that the index of words names: first not before
    `since`, which `is_all`, or then, where these are too few, the others. `by_chats`: chosen chats name the others."""
    values = values_of(ask, after) | {"limit": limit, "between": since}
    (start, end) = (ask.query.after, min(filter(None, (ask.query.before, after[0] if after else None)), default=None))
    if since is None or (start and since <= start) or (by_chats and ask.chat_ids is not None):
        stretches = [stretch(ask, values, 0, (start, end), by_chats=by_chats)]
    else:
        newer, older = (stretch(ask, values, place, times, by_chats=by_chats) for place, times in enumerate([(since, end), (start, since)]))
        stretches = [replace(newer, since=True), replace(older, until=True)]
    # A bounded set, or one that leads through a part of the time.
    is_listed = ask.is_set and (ask.messages > 0 if not by_chats else since is not None)
    stretches = [replace(one, is_listed=is_listed and not (by_chats and one.until)) for one in stretches]
    rows = tx.execute(asking(shape_of(ask, after), stretches[0], stretches[1] if stretches[1:] and not is_all else None), values).all()
    return sorted(keyed(rows), key=lambda hit: hit[1], reverse=True)[:limit]


def stretch(ask: Ask, values: Values, place: int, times: tuple[datetime | None, datetime | None], *, by_chats: bool = False) -> Stretch:
    """A stretch of time as the index of words is asked of it, with what it is asked among the values."""
    months = months_between(*times)
    question = index_question(ask, len(months))
    values[f"index{place}"] = question
    values[f"months{place}"] = " | ".join(f"':{month}'" for month in months)
    return Stretch(months=bool(months) and not by_chats, by_chats=by_chats, is_whole=question == values["question"] and not by_chats)


def keyed(rows: Iterable[sa.Row[tuple[int, datetime]]]) -> list[Found]:
    """Each message with its key."""
    return [(row.message_id, (row.created_at, row.message_id)) for row in rows]


def index_question(ask: Ask, months: int) -> str:
    """What the index of words is asked: all of the question but short beginnings that it can do without, and phrases, of which it
    knows the words and the pairs."""
    paired = pairs_of(ask)
    few_enough = 0 < months <= FEW_MONTHS or ask.chat_ids is not None
    groups = long_enough(ask) if few_enough or long_enough(ask) or paired else [group for group in ask.query.groups if group not in paired]
    without = [term for term in ask.query.without if len(term.words) == 1 and not is_short_beginning(term)]
    return written(replace(ask, query=replace(ask.query, groups=tuple(groups), without=tuple(without))), INDEX_DIALECT)


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


def with_messages(tx: Session, ask: Ask) -> Ask:
    """The question, which is for a set of chats, with how many messages are in it: of so many chats at most as can be read."""
    values = {"user_id": ask.user_id, "fewest": CHAT_AS_MESSAGES}
    for most in (SOME_CHATS, MOST_READ_IN_CHATS // CHAT_AS_MESSAGES + 1):
        counted = tx.execute(messages_in(ask.in_chat), values | {"limit": most}).one()
        if counted.chats < most or counted.messages > MOST_READ_IN_CHATS:
            break
    return replace(ask, messages=counted.messages)


def by_asking(tx: Session, ask: Ask, *, limit: int) -> Looked[Key]:
    """The newest messages that match, of so many of all chats as can be asked whether they lie in one of the set."""
    hits = find(tx, replace(ask, in_chat=(), is_set=False, messages=0), limit=MOST_ASKED, after=None, most=MOST_READ)
    if not hits.found:
        return hits
    theirs = set(tx.execute(of_the_set(shape_of(ask, None)), {"user_id": ask.user_id, "ids": listed(id for id, _ in hits.found)}).scalars())
    end = hits.end or (hits.found[-1][1] if len(hits.found) == MOST_ASKED else None)
    return Looked([hit for hit in hits.found if hit[0] in theirs][:limit], end)


def count(tx: Session, ask: Ask, *, cap: int) -> int:
    """How many messages match, counted up to `cap`."""
    return len(newest(tx, ask, limit=cap, after=None)) if cap > 0 else 0


def titles(tx: Session, ask: Ask, *, limit: int) -> list[uuid.UUID]:
    """The ids of the newest chats whose title matches."""
    statement = of_titles(ask.in_chat, ask.chat_ids is not None, ask.query.after is not None, ask.query.before is not None)
    values = {
        "question": written(ask, DIALECT, titles=True), "user_id": ask.user_id, "limit": limit, "after": ask.query.after,
        "before": ask.query.before, "chats": ask.chats_listed,
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
