"""The numbers on top of the page, each with its change against the period before."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import sqlalchemy as sa

from chatcore.analytics import answers, messages
from chatcore.analytics.chosen import all_dates, compact, compared_rows, days_beside
from chatcore.analytics.filters import Filters
from chatcore.analytics.frames import Values, framed, kept_texts, known, texts
from chatcore.analytics.lengths import count_chats
from chatcore.analytics.numbers import percentiles_of
from chatcore.analytics.statements import GENERATIONS, MESSAGES
from chatcore.db import Database
from chatcore.parts import Period, Viewer
from chatcore.rollup.gather import USERS, check_owner
from chatcore.rollup.measures import amount
from chatcore.rollup.pages import Rows

# measure -> unit of `value` and `previous`
UNITS = {
    "messages": "messages",
    "chats": "chats",
    "active_days": "days",
    "input_tokens": "tokens",
    "output_tokens": "tokens",
    "median_time_to_first_chunk_s": "s",
    "median_output_tokens_per_s": "tokens/s",
    "failed_share": "share",
}


@dataclass(frozen=True, slots=True)
class Activity:
    """When the viewer's oldest and newest message or answer were made (UTC), and how many answers run now."""

    first: datetime
    last: datetime
    running: int


@dataclass(frozen=True, slots=True)
class Total:
    """A measure of a period (None: unknown), over how many answers or days it is, and how many of these were estimated."""

    value: float | None
    over: int | None = None
    estimated: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Every frame of the page, read in one transaction, so that the numbers agree with each other. `previous` is the
    period that the tiles compare with."""

    previous: Period
    tiles: pd.DataFrame
    messages_per_day: pd.DataFrame
    tokens_per_day: pd.DataFrame
    models: pd.DataFrame
    busy_hours: pd.DataFrame

    @property
    def is_empty(self) -> bool:
        """Whether nothing matches: no message and no answer."""
        return bool(self.messages_per_day["messages"].sum() == 0) and self.models.empty


def report(db: Database, viewer: Viewer, filters: Filters, *, now: datetime) -> Report:
    """What was used in the period, and how does it compare with the one before?

    The frames are those of `tiles`, `messages_per_day`, `tokens_per_day`, `models` and `busy_hours`; the rows of both periods
    are read once.
    """
    with db.read() as tx:
        rows, before, earlier = compared_rows(tx, viewer, filters, now=now, kinds=("hours", "chats", *answers.MODEL_CELLS))
    return Report(
        previous=earlier.period,
        tiles=compare(totals(rows, filters), totals(before, earlier)),
        messages_per_day=messages.count_days(rows, filters),
        tokens_per_day=answers.tokens_of(rows, filters),
        models=answers.models_of(rows),
        busy_hours=messages.count_week(rows, filters),
    )


def tiles(db: Database, viewer: Viewer, filters: Filters, *, now: datetime) -> pd.DataFrame:
    """What was used in the period in one number each, and the change since the period before?

    One row per measure of UNITS: `measure`, `unit`, `value` and `previous` (None = unknown, never 0 instead), `change`
    and its `change_kind`: "relative" (0.1 = a tenth more), "points" (for shares: the difference), "new" (there was
    nothing before, so no ratio exists) or "none" (one of the two is unknown, or both are 0). `over` and `previous_over`
    say over how many answers a token count, median or share is (for active days: of how many days of the period),
    `estimated` how many of `over` have estimated tokens; None where that means nothing.
    """
    return report(db, viewer, filters, now=now).tiles


def activity(db: Database, viewer: Viewer, *, everybody: bool = False) -> Activity | None:
    """From when to when did the viewer do anything, or everybody, and is something running? None if there is nothing yet.

    Raises Denied for everybody if the viewer is not the owner.
    """
    if everybody:
        check_owner(viewer)
    ends = [
        sa.select(end(column)).where(table.c.user_id == USERS.c.id).correlate(USERS).scalar_subquery()
        for table, column in ((MESSAGES, MESSAGES.c.created_at), (GENERATIONS, GENERATIONS.c.started_at))
        for end in (sa.func.min, sa.func.max)
    ]
    # A literal, because a bound parameter keeps SQLite from the partial index on running rows.
    running = GENERATIONS.c.state == sa.literal_column("'running'")
    count = sa.select(sa.func.count()).where(running, GENERATIONS.c.user_id == USERS.c.id).correlate(USERS).scalar_subquery()
    # By person, because the times of each lie in the order of an index.
    people = sa.select(*ends, count) if everybody else sa.select(*ends, count).where(USERS.c.id == viewer.user_id)
    with db.read() as tx:
        found = tx.execute(people.select_from(USERS)).all()
    told = [time for *times, _ in found for time in times if time is not None]
    return Activity(first=min(told), last=max(told), running=sum(row[-1] for row in found)) if told else None


def totals(rows: Rows, filters: Filters) -> dict[str, Total]:
    """Every measure of one period."""
    everything = np.zeros(len(rows.answers), dtype=np.int64)
    sums = {name: int(found[0]) for name, found in answers.count(rows.answers, everything, 1, answers.COUNTS).items()}
    finished = sums["answers"] - sums["running"]
    # With attempts, but none whose usage is known, the sum is unknown and not 0.
    unknown = sums["answers"] > 0 and sums["answers_with_usage"] == 0
    tokens = {
        name: Total(None if unknown else sums[name], sums["answers_with_usage"], sums["answers_estimated"])
        for name in ("input_tokens", "output_tokens")
    }
    medians = {}
    for measure, (median, _) in answers.MEDIANS.items():
        counts, found = percentiles_of(rows, measure, lambda table: np.zeros(len(table), dtype=np.int64), 1, [50])
        medians[median] = Total(float(found[0, 0]), int(counts[0]))
    active = len(compact(days_beside(rows.messages, filters))[0])
    return {
        "messages": Total(int(amount(rows.messages, "messages").sum())),
        "chats": Total(count_chats(rows, filters)),
        "active_days": Total(active, len(all_dates(filters))),
        **tokens,
        **medians,
        "failed_share": Total(sums["failed"] / finished if finished else None, finished),
    }


def compare(current: dict[str, Total], before: dict[str, Total], units: Mapping[str, str] = UNITS) -> pd.DataFrame:
    """The frame of `tiles` from the totals of two periods; `units` has the measures in their order."""
    now, then = [current[measure] for measure in units], [before[measure] for measure in units]
    values, previous = (np.array([total.value for total in totals], dtype=np.float64) for totals in (now, then))
    changes = [change(unit, value, earlier) for unit, value, earlier in zip(units.values(), values, previous, strict=True)]
    return framed(
        {
            "measure": kept_texts(tuple(units)).copy(),
            "unit": kept_texts(tuple(units.values())).copy(),
            "value": values,
            "previous": previous,
            "change": np.array([amount for amount, _ in changes], dtype=np.float64),
            "change_kind": texts(kind for _, kind in changes),
            "over": over_of([total.over for total in now]),
            "previous_over": over_of([total.over for total in then]),
            "estimated": over_of([total.estimated for total in now]),
        }
    )


def over_of(numbers: Sequence[int | None]) -> Values:
    """How many answers or days, None where that means nothing."""
    return known(np.array([number or 0 for number in numbers], dtype=np.int64), np.array([number is None for number in numbers]))


def change(unit: str, value: float, previous: float) -> tuple[float | None, str]:
    """The change and its kind (see `tiles`). From 0 to something is new, not infinitely more."""
    if math.isnan(value) or math.isnan(previous):
        return None, "none"
    if unit == "share":
        return value - previous, "points"
    if previous == 0:
        return None, "new" if value > 0 else "none"
    return (value - previous) / previous, "relative"
