"""Two periods beside each other: what changed, by how much, and whether it is more than noise.

Numbers differ from week to week when nothing has changed. So each difference has an interval in which the true one lies 19 times in
20 (`chatcore.analytics.intervals` says how it is made), and is called more than noise only where 0 lies outside it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatcore.analytics.answers import MODEL
from chatcore.analytics.chosen import by_model, chosen_rows, local_numbers
from chatcore.analytics.filters import Filters, first_day, midnight, zone
from chatcore.analytics.numbers import Ints, sizes, totals
from chatcore.analytics.samples import Days, Percentile, Sample, Share, interval_of, verdict_of
from chatcore.analytics.statements import DAY_S
from chatcore.db import Database
from chatcore.parts import Period, State, Viewer
from chatcore.rollup.pages import STATES, UNKNOWN, Rows

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
PERCENTILES = {
    "median_output_tokens_per_s": ("output_tokens_per_s", 0.5),
    "median_time_to_first_chunk_s": ("time_to_first_chunk_s", 0.5),
    "p90_time_to_first_chunk_s": ("time_to_first_chunk_s", 0.9),
}
MEASURED = ("time_to_first_chunk_s", "output_tokens_per_s")
SHARES = {"failed_share": State.FAILED, "stopped_share": State.STOPPED}
NUMBERS = ("before", "after", "difference", "ratio", "difference_low", "difference_high")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Attempts of a period, of all models or of one: the state, tokens (UNKNOWN where nobody counted) and day of each, and what was
    measured of it. Days are counted from the first of the period; `ended` are those that are whole and over. Messages are there for
    all models together."""

    states: NDArray[np.uint8]
    tokens: Ints
    measured: Mapping[str, NDArray[np.float32]]
    days: Ints
    ended: range
    chats: Ints | None = None
    message_days: Ints | None = None

    def of(self, own: slice | Ints) -> "Part":
        """Those of some places."""
        measured = {name: values[own] for name, values in self.measured.items()}
        return Part(self.states[own], self.tokens[own], measured, self.days[own], self.ended)


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
        after, before = chosen_rows(tx, viewer, filters), chosen_rows(tx, viewer, earlier)
    return compare_of(before, earlier, after, filters, now=now)


def compare_of(before: Rows, earlier: Filters, after: Rows, filters: Filters, *, now: datetime) -> pd.DataFrame:
    """The frame of `compare_periods`, from the rows of two periods and their filters."""
    old, new = part_of(before, earlier, now=now), part_of(after, filters, now=now)
    rows: list[tuple[object, ...]] = [(None, None, measure, *compared(measure, old, new)) for measure in UNITS]
    models = dict(parts_by_model(old, before))
    for model, part in parts_by_model(new, after):
        if model in models:
            rows += [(*model, measure, *compared(measure, models[model], part)) for measure in OF_MODELS]
    columns = [*MODEL, "measure", "unit", *NUMBERS, "over_before", "over_after", "over_unit", "verdict"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({**dict.fromkeys((*MODEL, "measure", "unit", "over_unit", "verdict"), "str"), **dict.fromkeys(NUMBERS, "float64")})


def compared(measure: str, before: Part, after: Part) -> tuple[str, float, float, float, float, float, float, int, int, str, str]:
    """The columns of a row from `unit` on."""
    old, new = sample(measure, before), sample(measure, after)
    ratio = new.value / old.value if old.value > 0 else math.nan
    interval = interval_of(old, new)
    ends = (math.nan, math.nan) if interval is None else (interval.low, interval.high)
    counted = "days" if isinstance(new, Days) else "answers"
    numbers = (old.value, new.value, new.value - old.value, ratio, *ends)
    return UNITS[measure], *numbers, old.over, new.over, counted, verdict_of(interval).value


def part_of(rows: Rows, filters: Filters, *, now: datetime) -> Part:
    """All attempts and messages of a period."""
    asked = rows.answers
    days, message_days = (local_numbers(made["at"], filters, DAY_S) for made in (asked, rows.messages))
    tokens = np.where(asked["output_tokens"] == UNKNOWN, UNKNOWN, asked["input_tokens"] + asked["output_tokens"])
    measured = {name: asked[name] for name in MEASURED}
    ended = ended_days(filters, now=now)
    return Part(asked["state"], tokens, measured, days, ended, rows.messages["chat"], message_days)


def parts_by_model(part: Part, rows: Rows) -> Iterator[tuple[tuple[str, str], Part]]:
    """The attempts of each model, most attempts first."""
    pairs, models = by_model(rows.answers, rows.models)
    # Places below 65,536 are sorted without comparing.
    sorted_part = part.of(np.argsort(models.astype(np.uint16 if len(pairs) < 2**16 else np.uint32), kind="stable"))
    counts = sizes(models, len(pairs))
    ends = np.cumsum(counts)
    for place in sorted(range(len(pairs)), key=lambda place: (-counts[place], pairs[place])):
        yield pairs[place], sorted_part.of(slice(ends[place] - counts[place], ends[place]))


def ended_days(filters: Filters, *, now: datetime) -> range:
    """The local days that lie in the period as a whole and are over, counted from its first day."""
    first = first_day(filters)
    begun = 0 if midnight(first, filters.time_zone) >= filters.period.start else 1
    over = (min(filters.period.end, now).astimezone(zone(filters.time_zone)).date() - first).days
    return range(begun, max(begun, over))


def sample(measure: str, part: Part) -> Sample:
    """What a measure is counted from."""
    if measure in PERCENTILES:
        column, wanted = PERCENTILES[measure]
        known = ~np.isnan(part.measured[column])
        measured = part.measured[column][known]
        return Percentile(measured.astype(np.float64), np.sort(measured).astype(np.float64), part.days[known], wanted)
    if measure in SHARES:
        finished = part.states != STATES.index(State.RUNNING)
        return Share(part.states[finished] == STATES.index(SHARES[measure]), part.days[finished])
    return Days(daily(measure, part)[part.ended.start : part.ended.stop].astype(np.float64))


def daily(measure: str, part: Part) -> Ints:
    """A number of each day up to the last that is over; of none where nobody counted, because unknown is not 0."""
    number = part.ended.stop
    if measure == "answers_per_day":
        return sizes(part.days, number)[:number]
    if measure == "tokens_per_day":
        known = part.tokens != UNKNOWN
        if len(known) and not known.any():
            return np.empty(0, dtype=np.int64)
        return totals(part.days[known], part.tokens[known], number)[:number]
    assert part.chats is not None
    assert part.message_days is not None
    return (
        sizes(part.message_days, number)[:number]
        if measure == "messages_per_day"
        else chats_by_day(part.chats, part.message_days, number)[:number]
    )


def chats_by_day(chats: Ints, days: Ints, number: int) -> Ints:
    """In how many chats a message was written on each day."""
    # One number of the day and 48 bits of the chat: of a thousand chats of a day two are alike in one of 500 million days.
    keys = np.sort((days << 48) | (chats & (2**48 - 1)))
    first = np.concatenate([[True], keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, dtype=np.bool_)
    return sizes(keys[first] >> 48, number)
