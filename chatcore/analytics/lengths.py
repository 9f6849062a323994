"""Questions over the chats of a period: which have most messages, and how long they are. Text is never read, titles are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session

from chatcore.analytics.chosen import all_dates, by_chat, choose, chosen_rows, numbers_beside
from chatcore.analytics.filters import Filters
from chatcore.analytics.frames import NEVER, Values, framed, known, texts, utc_times
from chatcore.analytics.numbers import Ints, percentiles_of_counts, sizes, totals
from chatcore.analytics.statements import DAY_S, MESSAGES
from chatcore.db import Database
from chatcore.parts import Role, Viewer
from chatcore.rollup.days import EPOCH, MICROSECOND
from chatcore.rollup.measures import amount
from chatcore.rollup.pages import NO_CHAT, ROLES, UNKNOWN, Rows, Table, chat_key, runs_of
from chatcore.rollup.sums import own_rows
from chatcore.rows import CHATS

MOST_CHATS = 20
DELETED = "Deleted chats"
TOKENS = ("input_tokens", "output_tokens")
DEPTHS = (50, 90)
# The sums that these questions are content with.
CELLS = ("chats",)


@dataclass(frozen=True, slots=True, eq=False)
class Chats:
    """Messages of one chat in one local day or hour that lie beside each other, taken together: the days (or hours), counted from the
    first of the period, the place of the chat among `number` of them, and how many messages there are by role, in the order of ROLES.
    `earlier` is the place here of what the same chat has in the same day or the one before that it has any in, -1 of its first."""

    times: Ints
    places: Ints
    by_role: tuple[Ints, ...]
    number: int
    earlier: Ints

    @property
    def messages(self) -> Ints:
        """How many messages, whoever wrote them."""
        found: Ints = np.add.reduce(self.by_role)
        return found

    def written(self) -> tuple[Ints, ...]:
        """How many messages each chat has, by role."""
        return tuple(totals(self.places, written, self.number) for written in self.by_role)


def top_chats(db: Database, viewer: Viewer, filters: Filters, *, least: int = 1, most: int | None = None) -> pd.DataFrame:
    """Which chats have most messages in the period?

    At most 20 rows, most messages first and the latest of equal ones: `chat_id` (text), `title`, `in_trash`, `messages`,
    `input_tokens`, `output_tokens` (of the answers asked for in the period; None if no usage is known), `first_message_at` and
    `last_message_at` (UTC, of those in the period). Then, if there are any, one row for all chats that were deleted for good: its
    title is DELETED, it has the tokens, and None where nobody knows any more. With `least` or `most` only chats of so many messages, and
    no deleted ones. Filters for everybody find the viewer's own chats too: a title is a word of what was written. Raises Denied if
    they are and the viewer is not the owner.
    """
    with db.read() as tx:
        return top_of(tx, viewer, top_rows(tx, viewer, filters), least=least, most=most)


def chat_lengths(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How many chats have how many messages?

    One row for 1, 2, 3 to 4, 5 to 8 messages and so on up to the longest chat: `messages_from`, `messages_to` (included), `chats`,
    `share` (of all chats with a message in the period). Messages of the period are counted.
    """
    with db.read() as tx:
        return lengths_of(chats_of(chosen_rows(tx, viewer, filters, kinds=CELLS), filters).written())


def chat_depth(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How many messages and prompts does a chat have?

    Two rows, `measure` "messages" and "prompts": `chats` (with a message in the period), `p50`, `p90` (half and 9 of 10 of the chats
    have at most so many; None without chats), `most`. Messages of the period are counted.
    """
    with db.read() as tx:
        return depth_of(chats_of(chosen_rows(tx, viewer, filters, kinds=CELLS), filters).written())


def chats_of(rows: Rows, filters: Filters, unit_s: int = DAY_S) -> Chats:
    """The chats of the messages, by day or by hour."""
    name = ("chats", filters.period, filters.time_zone, unit_s)
    return rows.chats.once(name, lambda: chats_together(rows.chats, filters, unit_s))


def chats_together(table: Table, filters: Filters, unit_s: int) -> Chats:
    """The same, found anew."""
    times, keys = np.repeat(numbers_beside(table, filters, unit_s), table.runs.lengths), table["chat"]
    firsts, _ = runs_of(times, keys)
    places, found = pd.factorize(keys[firsts])
    messages, roles = amount(table, "messages"), table["role"]
    by_role = (np.add.reduceat(messages * (roles == role), firsts) if len(firsts) else firsts for role in range(len(ROLES)))
    return Chats(times[firsts], places, tuple(by_role), len(found), earlier_of(places, times[firsts]))


def earlier_of(places: Ints, times: Ints) -> Ints:
    """`Chats.earlier`. By the clock on the wall, which may go back over a midnight."""
    width = int(times.max(initial=0)) + 1
    # Nearly in order, as most chats are of one day, so this sort takes a quarter of what hashing does.
    order = np.argsort(places * width + times, kind="stable")
    again = np.flatnonzero(places[order[1:]] == places[order[:-1]])
    earlier = np.full(len(places), -1)
    earlier[order[again + 1]] = order[again]
    return earlier


def count_chats(rows: Rows, filters: Filters) -> int:
    """In how many chats was a message written?"""
    return chats_of(rows, filters).number


def chats_in(groups: Ints, chats: Chats, number: int) -> Ints:
    """In how many chats the messages of each group are; `groups` has that of each time of `Chats`, and rises with it."""
    if not len(groups):
        return np.zeros(number, dtype=np.int64)
    counted = (chats.earlier >= 0) & (groups[chats.earlier] == groups)
    return sizes(groups[~counted], number)


def chats_by_day(rows: Rows, filters: Filters) -> Ints:
    """In how many chats a message was written on each day of the period."""
    chats = chats_of(rows, filters)
    name = ("chats by day", filters.period, filters.time_zone)
    return rows.chats.once(name, lambda: chats_in(chats.times, chats, len(all_dates(filters))))


def lengths_of(by_role: Sequence[Ints]) -> pd.DataFrame:
    """The frame of `chat_lengths`, from `Chats.written`."""
    written: Ints = np.add.reduce(by_role)
    number, alike = len(written), np.bincount(written)
    longest = max(len(alike) - 1, 0)
    buckets = longest.bit_length() + (longest & (longest - 1) > 0)
    ends = 2 ** np.arange(buckets)
    counted = totals(np.searchsorted(ends, np.arange(len(alike))), alike, buckets)[:buckets]
    starts = np.append(1, ends[:-1] + 1)[:buckets]
    return framed({"messages_from": starts, "messages_to": ends, "chats": counted, "share": counted / max(number, 1)})


def depth_of(by_role: Sequence[Ints]) -> pd.DataFrame:
    """The frame of `chat_depth`, from `Chats.written`."""
    written = (np.add.reduce(by_role), by_role[ROLES.index(Role.USER)])
    number = len(written[0])
    # Lengths are small numbers and few of them, so they are counted instead of put in order.
    found = np.array([percentiles_of_counts(np.bincount(counts), DEPTHS) for counts in written])
    none = np.full(len(written), not number)
    return framed(
        {
            "measure": texts(("messages", "prompts")),
            "chats": np.full(len(written), number),
            "p50": found[:, 0],
            "p90": found[:, 1],
            "most": known(np.array([counts.max(initial=0) for counts in written]), none),
        }
    )


def top_rows(tx: Session, viewer: Viewer, filters: Filters) -> Rows:
    """The viewer's own rows, also where the filters are for everybody."""
    if filters.everybody:
        return choose(own_rows(tx, viewer, filters.period, filters.time_zone), filters, None)
    return chosen_rows(tx, viewer, filters)


def top_of(tx: Session, viewer: Viewer, rows: Rows, *, least: int = 1, most: int | None = None) -> pd.DataFrame:
    """The frame of `top_chats`, from the viewer's own rows."""
    keys, places = by_chat(rows.messages)
    written, first, last = rows.messages.once("spans", lambda: spans_of(places, len(keys), rows.messages["at"]))
    fits = np.flatnonzero((written >= least) & (written <= (written.max(initial=0) if most is None else most)))
    top = fits[np.lexsort((-last[fits], -written[fits]))][:MOST_CHATS]
    named = titles(tx, viewer, first[top])
    # One that was deleted since the rollup was read has no name.
    top = np.array([place for place in top if int(keys[place]) in named], dtype=np.int64)
    shown = [named[int(key)] for key in keys[top]]
    deleted = np.array([least <= 1 and most is None and bool((rows.answers["chat"] == NO_CHAT).any())])
    gone = np.flatnonzero(deleted)
    nobody_knows = np.append(np.zeros(len(top), dtype=np.bool_), deleted[deleted])
    columns: dict[str, Values] = {
        "chat_id": texts([*(str(row.id) for row in shown), *(None for _ in gone)]),
        "title": texts([*(row.title for row in shown), *(DELETED for _ in gone)]),
        "in_trash": np.array([*(row.deleted_at is not None for row in shown), *(False for _ in gone)], dtype=np.bool_),
        "messages": known(np.append(written[top], gone), nobody_knows),
        **tokens_of(rows, np.append(keys[top], np.full(len(gone), NO_CHAT))),
    }
    for name, times in (("first_message_at", first[top]), ("last_message_at", last[top])):
        columns[name] = utc_times(np.append(times, np.full(len(gone), NEVER)))
    return framed(columns)


def spans_of(places: Ints, number: int, at: Ints) -> tuple[Ints, Ints, Ints]:
    """How many messages each chat has, and when the first and the last of them was written; of one person's rows. `places`: the chat of
    each message, of so many."""
    first, last = np.zeros(number, dtype=np.int64), np.zeros(number, dtype=np.int64)
    # In the order of time, so the last one that is set stays.
    last[places] = at
    first[places[::-1]] = at[::-1]
    return sizes(places, number), first, last


def tokens_of(rows: Rows, keys: Ints) -> dict[str, Values]:
    """The TOKENS that the answers of each chat used, None where none has a known usage."""
    theirs = np.flatnonzero(np.isin(rows.answers["chat"], keys))
    order = np.argsort(keys)
    groups = order[np.searchsorted(keys, rows.answers["chat"][theirs], sorter=order)]
    found = dict[str, Values]()
    for name in TOKENS:
        tokens = rows.answers[name][theirs]
        told = tokens != UNKNOWN
        sums = totals(groups[told], tokens[told], len(keys))
        found[name] = known(sums, sizes(groups[told], len(keys)) == 0)
    return found


def titles(tx: Session, viewer: Viewer, moments_us: Ints) -> dict[int, sa.Row[tuple[object, ...]]]:
    """The viewer's chats that have a message of one of these moments (microseconds since 1970), by their key in the rollup: `id`,
    `title`, `deleted_at`. The rollup has half of a chat's id, and no index leads from there to a chat, but one does from a moment."""
    moments = [EPOCH + MICROSECOND * int(at) for at in moments_us]
    mine = [MESSAGES.c.user_id == viewer.user_id, MESSAGES.c.created_at.in_(moments)]
    tables = MESSAGES.join(CHATS, CHATS.c.id == MESSAGES.c.session_id)
    statement = sa.select(CHATS.c.id, CHATS.c.title, CHATS.c.deleted_at).select_from(tables).where(*mine).distinct()
    return {chat_key(row.id): row for row in tx.execute(statement)}
