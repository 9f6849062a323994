"""How chatting is spread over time: a calendar, days in a row, and messages by the hour, day, week or month. Text is never read."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from chatcore.analytics.chosen import chosen_rows, local_dates, local_numbers
from chatcore.analytics.filters import Filters, FineStep, first_day, local_days, midnight, starts_of, zone
from chatcore.analytics.lengths import Chats, chats_in, chats_of, depth_of, lengths_of, top_of
from chatcore.analytics.messages import count_days
from chatcore.analytics.numbers import Ints, sizes
from chatcore.analytics.statements import DAY_S, HOUR_S
from chatcore.db import Database
from chatcore.parts import Period, Viewer
from chatcore.rollup.days import MICROSECOND, microseconds
from chatcore.rollup.gather import cut
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
        wider = chosen_rows(tx, viewer, with_day_before(filters))
        rows = cut(wider, filters.period)
        chats = chats_of(rows)
        top = top_of(tx, viewer, rows, chats)
    days = local_numbers(rows.messages["at"], filters, DAY_S)
    per_day = calendar_of(days, chats, filters)
    return Habits(
        calendar=per_day,
        streaks=streaks_of(per_day["messages"], filters, now=now, wrote_before=starts_before(wider, filters)),
        over_time=activity_of(rows, chats, days, filters, step),
        lengths=lengths_of(chats),
        depth=depth_of(rows, chats),
        top=top,
    )


def calendar(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """On which days were messages written?

    One row per local day of the period, days without messages included: `day` (naive midnight of the viewer's zone), `weekday`
    (0 = Monday), `week` (the Monday of its week, naive midnight), `messages`, `chats` (in which a message was written that day).
    """
    with db.read() as tx:
        rows = chosen_rows(tx, viewer, filters)
    return calendar_of(local_numbers(rows.messages["at"], filters, DAY_S), chats_of(rows), filters)


def streaks(db: Database, viewer: Viewer, filters: Filters, *, now: datetime) -> pd.DataFrame:
    """For how many local days in a row were messages written?

    Two rows, `streak` "current" and "longest" (the latest of equal ones): `days`, `first_day` and `last_day` (naive midnights,
    None for no day), and `began_earlier`: whether the day before the period has a message too, so that only a part of the run lies
    in the period. The current one ends today, or yesterday while today has no message yet; it is None for a period that
    reaches neither.
    """
    with db.read() as tx:
        wider = chosen_rows(tx, viewer, with_day_before(filters))
    per_day = count_days(cut(wider, filters.period), filters)["messages"]
    return streaks_of(per_day, filters, now=now, wrote_before=starts_before(wider, filters))


def activity_over_time(db: Database, viewer: Viewer, filters: Filters, *, step: FineStep = "day") -> pd.DataFrame:
    """How many messages were written in each hour, day, week or month?

    One row per step of the viewer's zone, those without messages included: `start` (the first day of the step, naive midnight),
    for hours also `hour` (0 to 23), `user_messages`, `assistant_messages`, `messages` (their sum), and `chats` (in which a message
    was written then, so a chat counts in each of its steps). An hour that a clock change repeats is one row, one that it skips
    is 0.
    """
    with db.read() as tx:
        rows = chosen_rows(tx, viewer, filters)
    return activity_of(rows, chats_of(rows), local_numbers(rows.messages["at"], filters, DAY_S), filters, step)


def with_day_before(filters: Filters) -> Filters:
    """The filters with one local day more, which tells whether the first run of days began earlier."""
    start = midnight(first_day(filters) - timedelta(days=1), filters.time_zone)
    return replace(filters, period=Period(start, filters.period.end))


def starts_before(wider: Rows, filters: Filters) -> bool:
    """Whether the rows of `with_day_before` have a message of that day."""
    midnight_us = microseconds(midnight(first_day(filters), filters.time_zone))
    return bool((wider.messages["at"] < midnight_us).any())


def calendar_of(days: Ints, chats: Chats, filters: Filters) -> pd.DataFrame:
    """The frame of `calendar`, from the local day of each message."""
    all_days = local_days(filters.period, filters.time_zone)
    return pd.DataFrame(
        {
            "day": all_days,
            "weekday": all_days.day_of_week.astype("int64"),
            "week": starts_of(pd.Series(all_days), "week"),
            "messages": sizes(days, len(all_days)),
            "chats": chats_in(days, chats, len(all_days)),
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
    frame = pd.DataFrame({"streak": pd.Series(STREAKS, dtype="str")})
    frame["days"] = pd.Series(afters - firsts, dtype="Int64").mask(np.array([run is None for run in found]))
    frame["first_day"] = local_dates(firsts, filters).mask(none)
    frame["last_day"] = local_dates(afters - 1, filters).mask(none)
    frame["began_earlier"] = ~none & (firsts == 0) & wrote_before
    return frame


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


def activity_of(rows: Rows, chats: Chats, days: Ints, filters: Filters, step: FineStep) -> pd.DataFrame:
    """The frame of `activity_over_time`, from the messages and the local day of each."""
    if step == "hour":
        ends = np.array([microseconds(filters.period.start), microseconds(filters.period.end - MICROSECOND)])
        first, last = local_numbers(ends, filters, HOUR_S)
        hours = np.arange(first, last + 1)
        frame = pd.DataFrame({"start": local_dates(hours // 24, filters), "hour": hours % 24})
        groups = local_numbers(rows.messages["at"], filters, HOUR_S) - first
    else:
        places, starts = pd.factorize(starts_of(pd.Series(local_days(filters.period, filters.time_zone)), step))
        frame = pd.DataFrame({"start": starts})
        groups = places[days]
    written = sizes(groups * len(ROLES) + rows.messages["role"], len(frame) * len(ROLES)).reshape(-1, len(ROLES))
    for place, role in enumerate(ROLES):
        frame[f"{role.value}_messages"] = written[:, place]
    frame["messages"] = written.sum(axis=1)
    frame["chats"] = chats_in(groups, chats, len(frame))
    return frame
