"""The numbers on top of the page, each with its change against the period before."""

from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd
import sqlalchemy as sa

from chatcore.analytics import answers, messages
from chatcore.analytics.chosen import choose
from chatcore.analytics.filters import Filters, previous_period
from chatcore.analytics.statements import GENERATIONS, MESSAGES
from chatcore.db import Database
from chatcore.parts import Period, Viewer
from chatcore.rollup.gather import rows_of
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
    earlier = replace(filters, period=previous_period(filters.period, filters.time_zone, now=now))
    both = Period(min(filters.period.start, earlier.period.start), max(filters.period.end, earlier.period.end))
    with db.read() as tx:
        gathered = rows_of(tx, viewer, both)
    rows = choose(gathered, filters)
    days, used, speed = messages.count_days(rows, filters), answers.answer_days(rows, filters), answers.speeds(rows)
    by_model = answers.fold_models(used, speed)
    current = totals(days, by_model, speed, chats=messages.count_chats(rows))
    return Report(
        previous=earlier.period,
        tiles=compare(current, totals_of(choose(gathered, earlier), earlier)),
        messages_per_day=days,
        tokens_per_day=answers.fold_tokens(used),
        models=by_model,
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


def activity(db: Database, viewer: Viewer) -> Activity | None:
    """From when to when did the viewer do anything, and is something running? None if there is nothing yet."""
    ends = [
        sa.select(end(column)).where(table.c.user_id == viewer.user_id).scalar_subquery()
        for table, column in ((MESSAGES, MESSAGES.c.created_at), (GENERATIONS, GENERATIONS.c.started_at))
        for end in (sa.func.min, sa.func.max)
    ]
    # A literal, because a bound parameter keeps SQLite from the partial index on running rows.
    running = GENERATIONS.c.state == sa.literal_column("'running'")
    count = sa.select(sa.func.count()).where(running, GENERATIONS.c.user_id == viewer.user_id).scalar_subquery()
    with db.read() as tx:
        *times, now_running = tx.execute(sa.select(*ends, count)).one()
    known = [time for time in times if time is not None]
    return Activity(first=min(known), last=max(known), running=now_running) if known else None


def totals_of(rows: Rows, filters: Filters) -> pd.DataFrame:
    """`totals` of a period of which nothing else is wanted."""
    speed = answers.speeds(rows)
    by_model = answers.fold_models(answers.answer_days(rows, filters), speed)
    return totals(messages.count_days(rows, filters), by_model, speed, chats=messages.count_chats(rows))


def totals(days: pd.DataFrame, by_model: pd.DataFrame, speed: pd.DataFrame, *, chats: int) -> pd.DataFrame:
    """`value`, `over` and `estimated` of every measure, from the frames of one period."""
    sums = by_model[list(answers.COUNTS)].sum()
    asked, known, estimated = int(sums["answers"]), int(sums["answers_with_usage"]), int(sums["answers_estimated"])
    finished = asked - int(sums["running"])
    over_all = speed.iloc[-1]
    first_s, first_over, per_s, per_s_over = (over_all[name] for name in answers.SPEEDS)
    unknown = asked > 0 and known == 0
    rows = {
        "messages": (days["messages"].sum(), None, None),
        "chats": (chats, None, None),
        "active_days": ((days["messages"] > 0).sum(), len(days), None),
        "input_tokens": (None if unknown else sums["input_tokens"], known, estimated),
        "output_tokens": (None if unknown else sums["output_tokens"], known, estimated),
        "median_time_to_first_chunk_s": (first_s, first_over, None),
        "median_output_tokens_per_s": (per_s, per_s_over, None),
        "failed_share": (sums["failed"] / finished if finished else None, finished, None),
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "over", "estimated"])
    return frame.astype({"value": "float64", "over": "Int64", "estimated": "Int64"})


def compare(current: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """The frame of `tiles` from the totals of two periods."""
    pairs = zip(UNITS, current.loc[list(UNITS), "value"], before.loc[list(UNITS), "value"], strict=True)
    changes = [change(measure, float(value), float(previous)) for measure, value, previous in pairs]
    return pd.DataFrame(
        {
            "measure": list(UNITS),
            "unit": list(UNITS.values()),
            "value": current.loc[list(UNITS), "value"].to_numpy(),
            "previous": before.loc[list(UNITS), "value"].to_numpy(),
            "change": pd.Series([amount for amount, _ in changes], dtype="float64"),
            "change_kind": [kind for _, kind in changes],
            "over": current.loc[list(UNITS), "over"].array,
            "previous_over": before.loc[list(UNITS), "over"].array,
            "estimated": current.loc[list(UNITS), "estimated"].array,
        }
    )


def change(measure: str, value: float, previous: float) -> tuple[float | None, str]:
    """The change and its kind (see `tiles`). From 0 to something is new, not infinitely more."""
    if pd.isna(value) or pd.isna(previous):
        return None, "none"
    if measure == "failed_share":
        return value - previous, "points"
    if previous == 0:
        return None, "new" if value > 0 else "none"
    return (value - previous) / previous, "relative"
