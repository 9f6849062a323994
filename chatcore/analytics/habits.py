"""How chatting is spread over time: a calendar, days in a row, and messages by the hour, day, week or month. Text is never read."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from sqlmodel import Session

from chatcore.analytics.chosen import all_dates, chosen_rows, local_dates, local_numbers
from chatcore.analytics.filters import Filters, FineStep, first_day, firsts_of, whole_days, zone
from chatcore.analytics.frames import Values, framed, known, texts
from chatcore.analytics.lengths import CELLS, Chats, chats_by_day, chats_in, chats_of, depth_of, lengths_of, top_of, top_rows
from chatcore.analytics.messages import HOURS, count_days
from chatcore.analytics.numbers import Ints, totals
from chatcore.analytics.statements import HOUR_S
from chatcore.db import Database
from chatcore.parts import Viewer
from chatcore.rollup.days import MICROSECOND, microseconds
from chatcore.rollup.pages import ROLES, Rows

STREAKS = ("current", "longest")


@dataclass(frozen=True, slots=True)
class Habits:
    """The frames of `calendar`, `streaks`, `activity_over_time`, `chat_lengths`, `chat_depth` and `top_chats`, read in one
    transaction."""

    calendar: pd.DataFrame
    streaks: pd.DataFrame
    over_time: pd.DataFrame
    lengths: pd.DataFrame
    depth: pd.DataFrame
    top: pd.DataFrame


def habits(db: Database, viewer: Viewer, filters: Filters, *, now: datetime, step: FineStep = "day") -> Habits:
    """When was chatted, for how many days in a row, and in which chats? `step` is that of `activity_over_time`."""
    with db.read() as tx:
        rows = chosen_rows(tx, viewer, filters, kinds=cells_of(step))
        chats = chats_of(rows, filters)
        per_day = calendar_of(rows, chats, filters)
        wrote_before = begins_with_a_run(per_day["messages"]) and wrote_the_day_before(tx, viewer, filters)
        top = top_of(tx, viewer, top_rows(tx, viewer, filters) if filters.everybody else rows)
    written = chats.written()
    return Habits(
        calendar=per_day,
        streaks=streaks_of(per_day["messages"], filters, now=now, wrote_before=wrote_before),
        over_time=activity_of(rows, filters, step),
        lengths=lengths_of(written),
        depth=depth_of(written),
        top=top,
    )


def cells_of(step: FineStep) -> tuple[str, ...]:
    """The sums that a question over time is content with: chats are not told apart by the hour."""
    return () if step == "hour" else CELLS


def calendar(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """On which days were messages written?

    One row per local day of the period, days without messages included: `day` (naive midnight of the viewer's zone), `weekday`
    (0 = Monday), `week` (the Monday of its week, naive midnight), `messages`, `chats` (in which a message was written that day).
    """
    with db.read() as tx:
        rows = chosen_rows(tx, viewer, filters, kinds=CELLS)
    return calendar_of(rows, chats_of(rows, filters), filters)


def streaks(db: Database, viewer: Viewer, filters: Filters, *, now: datetime) -> pd.DataFrame:
    """For how many local days in a row were messages written?

    Two rows, `streak` "current" and "longest" (the latest of equal ones): `days`, `first_day` and `last_day` (naive midnights,
    None for no day), and `began_earlier`: whether the day before the period has a message too, so that only a part of the run lies
    in the period. The current one ends today, or yesterday while today has no message yet; it is None for a period that
    reaches neither.
    """
    with db.read() as tx:
        per_day = count_days(chosen_rows(tx, viewer, filters, kinds=HOURS), filters)["messages"]
        wrote_before = begins_with_a_run(per_day) and wrote_the_day_before(tx, viewer, filters)
    return streaks_of(per_day, filters, now=now, wrote_before=wrote_before)


def activity_over_time(db: Database, viewer: Viewer, filters: Filters, *, step: FineStep = "day") -> pd.DataFrame:
    """How many messages were written in each hour, day, week or month?

    One row per step of the viewer's zone, those without messages included: `start` (the first day of the step, naive midnight),
    for hours also `hour` (0 to 23), `user_messages`, `assistant_messages`, `messages` (their sum), and `chats` (in which a message
    was written then, so a chat counts in each of its steps). An hour that a clock change repeats is one row, one that it skips
    is 0.
    """
    with db.read() as tx:
        rows = chosen_rows(tx, viewer, filters, kinds=cells_of(step))
    return activity_of(rows, filters, step)


def begins_with_a_run(per_day: pd.Series) -> bool:
    """Whether the first day of the period has a message, so that its run of days may have begun earlier."""
    return bool(per_day.iloc[0] > 0)


def wrote_the_day_before(tx: Session, viewer: Viewer, filters: Filters) -> bool:
    """Whether the local day before the period has a message."""
    first = first_day(filters)
    day_before = whole_days(first - timedelta(days=1), first - timedelta(days=1), filters.time_zone)
    return bool(len(chosen_rows(tx, viewer, replace(filters, period=day_before)).messages))


def calendar_of(rows: Rows, chats: Chats, filters: Filters) -> pd.DataFrame:
    """The frame of `calendar`."""
    dates = all_dates(filters)
    weeks = firsts_of(dates, "week")
    return framed(
        {
            "day": dates,
            "weekday": (dates - weeks).astype("m8[D]").astype(np.int64),
            "week": weeks,
            "messages": totals(chats.times, chats.messages, len(dates)),
            "chats": chats_by_day(rows, filters).copy(),
        }
    )


def streaks_of(per_day: pd.Series, filters: Filters, *, now: datetime, wrote_before: bool) -> pd.DataFrame:
    """The frame of `streaks`, from the messages of each day of the period and whether there are some of the day before."""
    first = first_day(filters)
    # Where a run begins and where the first day after it is, counted from the first day of the period.
    starts, ends = np.flatnonzero(np.diff(per_day.to_numpy() > 0, prepend=False, append=False)).reshape(-1, 2).T
    today = (now.astimezone(zone(filters.time_zone)).date() - first).days
    found = [current_run(starts, ends, today) if 0 <= today <= len(per_day) else None, longest_run(starts, ends)]
    firsts, afters = (np.array([run[side] if run else 0 for run in found]) for side in (0, 1))
    none = firsts == afters
    never = np.datetime64("NaT", "us")
    return framed(
        {
            "streak": texts(STREAKS),
            "days": known(afters - firsts, np.array([run is None for run in found])),
            "first_day": np.where(none, never, local_dates(firsts, filters)),
            "last_day": np.where(none, never, local_dates(afters - 1, filters)),
            "began_earlier": ~none & (firsts == 0) & wrote_before,
        }
    )


def current_run(starts: Ints, ends: Ints, today: int) -> tuple[int, int]:
    """The run of days that has today in it or, while today has no message, ends yesterday; as its first day and the one after it.
    What is dated in the future is not of it."""
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if start <= today <= end:
            return start, min(end, today + 1)
    return 0, 0


def longest_run(starts: Ints, ends: Ints) -> tuple[int, int]:
    """The longest run, of equal ones the latest, as its first day and the one after it."""
    if not len(starts):
        return 0, 0
    place = len(starts) - 1 - int(np.argmax((ends - starts)[::-1]))
    return int(starts[place]), int(ends[place])


def activity_of(rows: Rows, filters: Filters, step: FineStep) -> pd.DataFrame:
    """The frame of `activity_over_time`."""
    if step == "hour":
        ends = np.array([microseconds(filters.period.start), microseconds(filters.period.end - MICROSECOND)])
        first, last = local_numbers(ends, filters, HOUR_S)
        hours = np.arange(first, last + 1)
        columns: dict[str, Values] = {"start": local_dates(hours // 24, filters), "hour": hours % 24}
        chats, number = chats_of(rows, filters, HOUR_S), len(hours)
        groups = chats.times - first
    else:
        starts, places = np.unique(firsts_of(all_dates(filters), step), return_inverse=True)
        columns, chats, number = {"start": starts}, chats_of(rows, filters), len(starts)
        groups = places[chats.times]
    written = [totals(groups, by_role, number) for by_role in chats.by_role]
    columns |= {f"{role.value}_messages": by_role for role, by_role in zip(ROLES, written, strict=True)}
    return framed({**columns, "messages": np.add.reduce(written), "chats": chats_in(groups, chats, number)})
