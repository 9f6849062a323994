"""What lies behind a number about tools and windows: the calls or the answers that it counts, the newest first.

Found in the pages of the rollup, which know the messages and attempts of what they count: looking into the JSON of every message of
the period would take a second.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session

from chatcore.analytics.behind import AnswerBehind, answers_named, check_own
from chatcore.analytics.chats import keys_meant
from chatcore.analytics.context import CUTS, fill_shares, is_known, part_of_window
from chatcore.analytics.detailed import choose
from chatcore.analytics.filters import Filters
from chatcore.analytics.statements import MESSAGES
from chatcore.analytics.tools import ENDED, rounds_of_answers, server_of
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.parts import CallState, Page, Period, Viewer
from chatcore.rollup.days import DAY_US, MICROSECOND, day_of, start_of
from chatcore.rollup.gather import details_of
from chatcore.rollup.pages import CALL_STATES, REASONS, Detail, Details, Table
from chatcore.rows import CHATS, checked_limit, decode_cursor, encode_cursor
from chatcore.texts import snippet
from chatcore.toolcalls import load_calls, reason_of


@dataclass(frozen=True, slots=True)
class CallsMeant:
    """Which calls a number counts; what is left out does not narrow them. `ended`: a column of `tools` (done, failed, declined,
    stopped, running), `reason` one of `tool_errors`, `rounds` the rounds with tools of their answer."""

    tool: str | None = None
    server: str | None = None
    ended: str | None = None
    reason: str | None = None
    rounds: int | None = None


@dataclass(frozen=True, slots=True)
class FillsMeant:
    """Which answers a number about windows counts: in this twentieth of the window (0 to 20), from this part of it on, or cut so
    (`left_out`, `cut_short`, `refused`); without any of them those whose fill is known."""

    part: int | None = None
    at_least: float | None = None
    cut: str | None = None


@dataclass(frozen=True, slots=True)
class CallBehind:
    """A tool call that was counted: what it was, how it went, the start of what it answered, and the message it stands in."""

    message_id: int
    chat_id: uuid.UUID
    chat_title: str
    in_trash: bool
    provider: str | None
    model_name: str | None
    created_at: datetime
    tool: str
    state: CallState
    reason: str | None
    duration_s: float | None
    snippet: str


# Days of the rollup that are read first for a list. Most lists are full by then.
FIRST_DAYS = 32
NEWEST = ("at", -1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows of a list: of which kind, which of them, and the columns that they are in the order of, each with 1 or -1 for backwards."""

    kind: Detail
    fits: Callable[[Details], NDArray[np.bool_]]
    order: tuple[tuple[str, int], ...]


def calls_behind(
    db: Database, viewer: Viewer, filters: Filters, *, meant: CallsMeant = CallsMeant(), limit: int = 20, cursor: str | None = None
) -> Page[CallBehind]:
    """A page of the calls that `tools` and the other questions about them count; calls of the same answer in their order.

    Raises Invalid for an end or a reason that no call has, a limit below 1 or above 1,000, and a cursor of another list.
    """
    check_own(filters)
    wanted = Wanted("calls", lambda details: which_calls(details, meant), (NEWEST, ("message", -1), ("place", 1)))
    with db.read() as tx:
        keys, next_cursor = part_of(tx, viewer, filters, wanted, limit=limit, cursor=cursor)
        found = calls_at(tx, [(-message, place) for _, message, place in keys])
    return Page(found, next_cursor)


def fills_behind(
    db: Database, viewer: Viewer, filters: Filters, *, meant: FillsMeant = FillsMeant(), limit: int = 20, cursor: str | None = None
) -> Page[AnswerBehind]:
    """A page of the answers that `context` and `context_fill` count, the newest first.

    Raises Invalid for a cut that there is not, a limit below 1 or above 1,000, and a cursor of another list.
    """
    check_own(filters)
    wanted = Wanted("fills", lambda details: which_fills(details.rows, meant), (NEWEST, ("generation", -1)))
    with db.read() as tx:
        keys, next_cursor = part_of(tx, viewer, filters, wanted, limit=limit, cursor=cursor)
        found = answers_named(tx, [-generation for _, generation in keys])
    return Page(found, next_cursor)


def which_calls(details: Details, meant: CallsMeant) -> NDArray[np.bool_]:
    """For each call whether it is meant."""
    calls = details.rows
    fits = np.ones(len(calls), dtype=np.bool_)
    if meant.tool is not None or meant.server is not None:
        wanted = [
            (meant.tool is None or tool == meant.tool) and (meant.server is None or server_of(tool) == meant.server)
            for tool in details.tools
        ]
        fits &= np.array(wanted, dtype=np.bool_)[calls["tool"]]
    if meant.ended is not None:
        if meant.ended not in ENDED:
            raise Invalid(f"No call ends as {meant.ended!r}.", f"Ask for one of {', '.join(ENDED)}.")
        fits &= np.isin(calls["state"], [CALL_STATES.index(state) for state in ENDED[meant.ended]])
    if meant.reason is not None:
        if meant.reason not in REASONS:
            raise Invalid(f"No call fails because of {meant.reason!r}.", f"Ask for one of {', '.join(filter(None, REASONS))}.")
        fits &= calls["reason"] == REASONS.index(meant.reason)
    if meant.rounds is not None:
        messages, rounds = rounds_of_answers(calls)
        fits &= rounds[np.searchsorted(messages, calls["message"])] == meant.rounds
    return fits


def which_fills(fills: Table, meant: FillsMeant) -> NDArray[np.bool_]:
    """For each answer whether it is meant."""
    if meant.cut is not None:
        if meant.cut not in CUTS:
            raise Invalid(f"No answer is cut as {meant.cut!r}.", f"Ask for one of {', '.join(CUTS)}.")
        cut: NDArray[np.bool_] = (fills["cut"] & CUTS[meant.cut]) > 0
        return cut
    fits = is_known(fills)
    if meant.part is not None:
        own = np.full(len(fills), -1, dtype=np.int64)
        own[fits] = part_of_window(fills.where(fits))
        fits = own == meant.part
    if meant.at_least is not None:
        fits = fits & (np.nan_to_num(fill_shares(fills), nan=-1.0) >= meant.at_least)
    return fits


def part_of(
    tx: Session, viewer: Viewer, filters: Filters, wanted: Wanted, *, limit: int, cursor: str | None
) -> tuple[list[tuple[int, ...]], str | None]:
    """The keys of the rows of one page, in order, and the cursor of the next one. Pages of the rollup are read from the newest back, and no
    more of them than the list needs."""
    checked_limit(limit)
    name = f"{wanted.kind}-behind"
    last = tuple(cast(list[int], decode_cursor(cursor, name, [int] * len(wanted.order)))) if cursor is not None else None
    chats = keys_meant(tx, viewer, filters)
    found: list[tuple[int, ...]] = []
    for period in portions(filters.period, None if last is None else -last[0]):
        details = choose(details_of(tx, viewer, period, wanted.kind), replace(filters, period=period), chats)
        found += first_keys(details.rows.where(wanted.fits(details)), wanted, last, limit + 1 - len(found))
        if len(found) > limit:
            return found[:limit], encode_cursor(name, list(found[limit - 1]))
    return found, None


def portions(period: Period, until_us: int | None) -> Iterator[Period]:
    """A period in portions of whole UTC days, the newest first and each twice as long as the one before, without days after a moment."""
    first, last = day_of(period.start), day_of(period.end - MICROSECOND)
    if until_us is not None:
        last = max(first, min(last, until_us // DAY_US))
    days = FIRST_DAYS
    while last >= first:
        start = max(first, last - days + 1)
        yield Period(max(period.start, start_of(start)), min(period.end, start_of(last + 1)))
        last, days = start - 1, 2 * days


def first_keys(rows: Table, wanted: Wanted, last: tuple[int, ...] | None, number: int) -> list[tuple[int, ...]]:
    """The first keys of rows in order, so many of them, behind the last one of the page before."""
    beside = 0
    if last is not None:
        rows = rows.where(rows["at"] <= -last[0])
        beside = int(np.count_nonzero(rows["at"] == -last[0]))
    # Only those that can be among the first are put in order.
    at, most = rows["at"], number + beside
    if len(at) > most:
        rows = rows.where(at >= np.partition(at, len(at) - most)[len(at) - most])
    keys = zip(*((rows[column] * sign).tolist() for column, sign in wanted.order), strict=True)
    return sorted(key for key in keys if last is None or key > last)[:number]


def calls_at(tx: Session, wanted: list[tuple[int, int]]) -> tuple[CallBehind, ...]:
    """The calls at these places of these messages, without those that are not there any more."""
    written = MESSAGES.c
    columns = (written.id, written.session_id, written.provider, written.model_name, written.created_at, written.tool_calls)
    tables = MESSAGES.join(CHATS, CHATS.c.id == written.session_id)
    ids = list({message_id for message_id, _ in wanted})
    statement = sa.select(*columns, CHATS.c.title, CHATS.c.deleted_at).select_from(tables).where(written.id.in_(ids))
    rows = {row.id: (row, load_calls(row.tool_calls)) for row in tx.execute(statement)}
    found = []
    for message_id, place in wanted:
        row, calls = rows.get(message_id, (None, ()))
        if row is None or place >= len(calls):
            continue
        call = calls[place]
        found.append(
            CallBehind(
                message_id=row.id,
                chat_id=row.session_id,
                chat_title=row.title,
                in_trash=row.deleted_at is not None,
                provider=row.provider,
                model_name=row.model_name,
                created_at=row.created_at,
                tool=call.name,
                state=call.state,
                reason=reason_of(call),
                duration_s=call.duration_s,
                snippet=snippet(call.result or ""),
            )
        )
    return tuple(found)
