"""Two periods beside each other: what changed, by how much, and whether it is more than noise.

Numbers differ from week to week when nothing has changed. So each difference has an interval in which the true one lies 19 times in
20 (`chatcore.analytics.intervals` says how it is made), and is called more than noise only where 0 lies outside it.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import pandas as pd

from chatcore.analytics.answers import MODEL
from chatcore.analytics.chosen import chosen_rows
from chatcore.analytics.compare_rows import part_of_rows, parts_by_model
from chatcore.analytics.compare_sums import CELLS, parts_of_sums
from chatcore.analytics.filters import Filters, first_day, midnight, zone
from chatcore.analytics.frames import framed_rows
from chatcore.analytics.samples import Days, Sample, interval_of, verdict_of
from chatcore.db import Database
from chatcore.parts import Period, Viewer
from chatcore.rollup.pages import Rows

# measure -> unit of `before`, `after` and their difference
UNITS = {
    "median_output_tokens_per_s": "tokens/s",
    "median_time_to_first_chunk_s": "s",
    "p90_time_to_first_chunk_s": "s",
    "failed_share": "share",
    "stopped_share": "share",
    "messages_per_day": "messages",
    "chats_per_day": "chats",
    "answers_per_day": "answers",
    "tokens_per_day": "tokens",
}
# A prompt may be answered by several models, so messages and chats are over all of them only.
OF_MODELS = tuple(measure for measure in UNITS if measure not in ("messages_per_day", "chats_per_day"))
NUMBERS = ("before", "after", "difference", "ratio", "difference_low", "difference_high")
COLUMNS = (
    dict.fromkeys((*MODEL, "measure", "unit"), "str")
    | dict.fromkeys(NUMBERS, "float64")
    | dict.fromkeys(("over_before", "over_after"), "int64")
    | dict.fromkeys(("over_unit", "verdict"), "str")
)
Model = tuple[str, str]


class Part(Protocol):
    """Attempts of a period, of all models or of one."""

    def sample(self, measure: str, /) -> Sample:
        """What a measure is counted from."""
        ...


def compare_periods(db: Database, viewer: Viewer, filters: Filters, *, other: Period, now: datetime) -> pd.DataFrame:
    """What changed from one period to the other, and is it more than noise?

    `other` is before, the filters' period is after. One row per measure of UNITS over all models, then one per measure of OF_MODELS
    and model that was asked in both periods, most answers first: `provider` and `model_name` (None over all), `measure`, `unit`,
    `before` and `after` (None = unknown), `difference` (after - before), `ratio` (after / before, None where before is 0),
    `difference_low` and `difference_high` (the true difference lies between them 19 times in 20; None where too little is known),
    `over_before` and `over_after` (how many answers, or whole days), `over_unit`, and `verdict`, one of Verdict.

    Numbers a day are means of daily totals over the whole local days that are over by `now`: a day that still runs would look quiet.
    Each kind of number has the interval that is right for it: daily totals Student's t over days, because they spread far more than
    a Poisson count; shares Newcombe's of two Wilson intervals; percentiles that of two order statistics each, because times are
    skewed. Answers of one day resemble each other, so shares and percentiles are over as many independent answers as they are worth.
    """
    earlier = replace(filters, period=other)
    with db.read() as tx:
        after, before = chosen_rows(tx, viewer, filters, kinds=CELLS), chosen_rows(tx, viewer, earlier, kinds=CELLS)
    return compare_of(before, earlier, after, filters, now=now)


def compare_of(before: Rows, earlier: Filters, after: Rows, filters: Filters, *, now: datetime) -> pd.DataFrame:
    """The frame of `compare_periods`, from the rows of two periods and their filters."""
    (old, old_models), (new, new_models) = parts_of(before, earlier, now=now), parts_of(after, filters, now=now)
    rows: list[tuple[object, ...]] = [(None, None, measure, *compared(measure, old, new)) for measure in UNITS]
    models = dict(old_models)
    for model, part in new_models:
        if model in models:
            rows += [(*model, measure, *compared(measure, models[model], part)) for measure in OF_MODELS]
    return framed_rows(rows, COLUMNS)


def compared(measure: str, before: Part, after: Part) -> tuple[str, float, float, float, float, float, float, int, int, str, str]:
    """The columns of a row from `unit` on."""
    old, new = before.sample(measure), after.sample(measure)
    ratio = new.value / old.value if old.value > 0 else math.nan
    interval = interval_of(old, new)
    ends = (math.nan, math.nan) if interval is None else (interval.low, interval.high)
    counted = "days" if isinstance(new, Days) else "answers"
    numbers = (old.value, new.value, new.value - old.value, ratio, *ends)
    return UNITS[measure], *numbers, old.over, new.over, counted, verdict_of(interval).value


def parts_of(rows: Rows, filters: Filters, *, now: datetime) -> tuple[Part, Iterable[tuple[Model, Part]]]:
    """All attempts and messages of a period, and the attempts of each model, most attempts first."""
    ended = ended_days(filters, now=now)
    if rows.summed is not None:
        return parts_of_sums(rows, filters, ended)
    part = part_of_rows(rows, filters, ended)
    return part, parts_by_model(part, rows)


def ended_days(filters: Filters, *, now: datetime) -> range:
    """The local days that lie in the period as a whole and are over, counted from its first day."""
    first = first_day(filters)
    begun = 0 if midnight(first, filters.time_zone) >= filters.period.start else 1
    over = (min(filters.period.end, now).astimezone(zone(filters.time_zone)).date() - first).days
    return range(begun, max(begun, over))
