"""Questions over the chats of a period: which have most messages, and how long they are. Text is never read, titles are."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session

from chatcore.analytics.chosen import chosen_rows
from chatcore.analytics.filters import Filters
from chatcore.analytics.numbers import Ints, percentiles, sizes, totals
from chatcore.analytics.statements import MESSAGES
from chatcore.db import Database
from chatcore.parts import Role, Viewer
from chatcore.rollup.days import EPOCH, MICROSECOND
from chatcore.rollup.pages import NO_CHAT, ROLES, UNKNOWN, Rows, chat_key
from chatcore.rows import CHATS

MOST_CHATS = 20
DELETED = "Deleted chats"
TOKENS = ("input_tokens", "output_tokens")


@dataclass(frozen=True, slots=True, eq=False)
class Chats:
    """The chats that messages are in: their keys in the rollup, and for each message the place of its own."""

    keys: NDArray[np.int64]
    places: Ints

    @property
    def number(self) -> int:
        return len(self.keys)


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
        rows = chosen_rows(tx, viewer, filters)
        return top_of(tx, viewer, rows, chats_of(rows), least=least, most=most)


def chat_lengths(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How many chats have how many messages?

    One row for 1, 2, 3 to 4, 5 to 8 messages and so on up to the longest chat: `messages_from`, `messages_to` (included), `chats`,
    `share` (of all chats with a message in the period). Messages of the period are counted.
    """
    with db.read() as tx:
        return lengths_of(chats_of(chosen_rows(tx, viewer, filters)))


def chat_depth(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How many messages and prompts does a chat have?

    Two rows, `measure` "messages" and "prompts": `chats` (with a message in the period), `p50`, `p90` (half and 9 of 10 of the chats
    have at most so many; None without chats), `most`. Messages of the period are counted.
    """
    with db.read() as tx:
        rows = chosen_rows(tx, viewer, filters)
        return depth_of(rows, chats_of(rows))


def chats_of(rows: Rows) -> Chats:
    """The chats of the messages."""
    places, keys = pd.factorize(rows.messages["chat"])
    return Chats(keys, places)


def chats_in(groups: Ints, chats: Chats, number: int) -> Ints:
    """In how many chats the messages of each group are."""
    pairs = groups * max(chats.number, 1) + chats.places
    # Most messages follow one of their own chat, and it is quick to see which do not.
    changes = pairs[np.flatnonzero(np.diff(pairs, prepend=-1))]
    return sizes(pd.unique(changes) // max(chats.number, 1), number)


def lengths_of(chats: Chats) -> pd.DataFrame:
    """The frame of `chat_lengths`."""
    written = sizes(chats.places, chats.number)
    longest = int(written.max(initial=0))
    buckets = longest.bit_length() + (longest & (longest - 1) > 0)
    ends = 2 ** np.arange(buckets)
    counted = sizes(np.searchsorted(ends, written), buckets)
    starts = np.append(1, ends[:-1] + 1)[:buckets]
    return pd.DataFrame({"messages_from": starts, "messages_to": ends, "chats": counted, "share": counted / max(chats.number, 1)})


def depth_of(rows: Rows, chats: Chats) -> pd.DataFrame:
    """The frame of `chat_depth`."""
    prompts = rows.messages["role"] == ROLES.index(Role.USER)
    found = []
    for measure, places in (("messages", chats.places), ("prompts", chats.places[prompts])):
        counts = sizes(places, chats.number)
        _, (parts,) = percentiles(np.zeros(len(counts), dtype=np.int64), counts.astype(np.float32), 1, [50, 90])
        found.append((measure, chats.number, *parts, counts.max() if len(counts) else None))
    frame = pd.DataFrame(found, columns=["measure", "chats", "p50", "p90", "most"])
    return frame.astype({"measure": "str", "most": "Int64"})


def top_of(tx: Session, viewer: Viewer, rows: Rows, chats: Chats, *, least: int = 1, most: int | None = None) -> pd.DataFrame:
    """The frame of `top_chats`."""
    if set(rows.users) - {viewer.user_id}:
        rows = own_rows(rows, viewer)
        chats = chats_of(rows)
    at = rows.messages["at"]
    written = sizes(chats.places, chats.number)
    first, last = np.zeros(chats.number, dtype=np.int64), np.zeros(chats.number, dtype=np.int64)
    # One person's, in the order of time, so the last one that is set stays.
    last[chats.places] = at
    first[chats.places[::-1]] = at[::-1]
    fits = np.flatnonzero((written >= least) & (written <= (written.max(initial=0) if most is None else most)))
    top = fits[np.lexsort((-last[fits], -written[fits]))][:MOST_CHATS]
    named = titles(tx, viewer, first[top])
    # One that was deleted since the rollup was read has no name.
    top = np.array([place for place in top if int(chats.keys[place]) in named], dtype=np.int64)
    shown = [named[int(key)] for key in chats.keys[top]]
    keys, moments = [*chats.keys[top]], [first[top], last[top]]
    frame = pd.DataFrame({"chat_id": pd.Series([str(row.id) for row in shown], dtype="str")})
    frame["title"] = pd.Series([row.title for row in shown], dtype="str")
    frame["in_trash"] = pd.Series([row.deleted_at is not None for row in shown], dtype="bool")
    frame["messages"] = pd.Series(written[top], dtype="Int64")
    for name, times in zip(("first_message_at", "last_message_at"), moments, strict=True):
        frame[name] = pd.to_datetime(times, unit="us", utc=True).as_unit("us")
    if least <= 1 and most is None and (rows.answers["chat"] == NO_CHAT).any():
        frame = frame.reindex(range(len(frame) + 1))
        frame.loc[len(frame) - 1, "title"] = DELETED
        frame["in_trash"] = frame["in_trash"].eq(True)
        keys.append(NO_CHAT)
    return frame.assign(**tokens_of(rows, keys))[
        ["chat_id", "title", "in_trash", "messages", *TOKENS, "first_message_at", "last_message_at"]
    ]


def own_rows(rows: Rows, viewer: Viewer) -> Rows:
    """The rows of one person out of everybody's."""
    places = np.array([place for place, user_id in enumerate(rows.users) if user_id == viewer.user_id], dtype=np.int64)
    messages, answers = (made.where(np.isin(made["user"], places)) for made in (rows.messages, rows.answers))
    return replace(rows, messages=messages, answers=answers)


def tokens_of(rows: Rows, keys: list[int]) -> dict[str, pd.Series]:
    """The TOKENS that the answers of each chat used, None where none has a known usage."""
    asked = rows.answers["chat"]
    order = np.argsort(np.array(keys, dtype=np.int64))
    ordered = np.array(keys, dtype=np.int64)[order]
    places = np.searchsorted(ordered, asked)
    theirs = np.flatnonzero(np.append(ordered, UNKNOWN)[places] == asked)
    groups, found = order[places[theirs]], {}
    for name in TOKENS:
        tokens = rows.answers[name][theirs]
        known = tokens != UNKNOWN
        sums = totals(groups[known], tokens[known], len(keys))
        found[name] = pd.Series(sums, dtype="Int64").mask(sizes(groups[known], len(keys)) == 0)
    return found


def titles(tx: Session, viewer: Viewer, moments_us: Ints) -> dict[int, sa.Row[tuple[object, ...]]]:
    """The viewer's chats that have a message of one of these moments (microseconds since 1970), by their key in the rollup: `id`,
    `title`, `deleted_at`. The rollup has half of a chat's id, and no index leads from there to a chat, but one does from a moment."""
    moments = [EPOCH + MICROSECOND * int(at) for at in moments_us]
    mine = [MESSAGES.c.user_id == viewer.user_id, MESSAGES.c.created_at.in_(moments)]
    tables = MESSAGES.join(CHATS, CHATS.c.id == MESSAGES.c.session_id)
    statement = sa.select(CHATS.c.id, CHATS.c.title, CHATS.c.deleted_at).select_from(tables).where(*mine).distinct()
    return {chat_key(row.id): row for row in tx.execute(statement)}
