"""What a period is compared by, counted from its messages and attempts one by one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chatcore.analytics.chosen import all_dates, by_model, days_of
from chatcore.analytics.filters import Filters
from chatcore.analytics.lengths import chats_by_day
from chatcore.analytics.numbers import Ints, sizes, totals
from chatcore.analytics.samples import Days, Percentile, Sample, Share
from chatcore.parts import State
from chatcore.rollup.pages import STATES, UNKNOWN, Rows

PERCENTILES = {
    "median_output_tokens_per_s": ("output_tokens_per_s", 0.5),
    "median_time_to_first_chunk_s": ("time_to_first_chunk_s", 0.5),
    "p90_time_to_first_chunk_s": ("time_to_first_chunk_s", 0.9),
}
MEASURED = ("time_to_first_chunk_s", "output_tokens_per_s")
SHARES = {"failed_share": State.FAILED, "stopped_share": State.STOPPED}


@dataclass(frozen=True, slots=True, eq=False)
class RowsPart:
    """Attempts of a period, of all models or of one: the state, tokens (UNKNOWN where nobody counted) and day of each, and what was
    measured of it. Days are counted from the first of the period; `ended` are those that are whole and over. Messages and chats of
    each day are there for all models together."""

    states: NDArray[np.uint8]
    tokens: Ints
    measured: Mapping[str, NDArray[np.float32]]
    days: Ints
    ended: range
    messages: Ints | None = None
    chats: Ints | None = None

    def of(self, own: slice | Ints) -> "RowsPart":
        """Those of some places."""
        measured = {name: values[own] for name, values in self.measured.items()}
        return RowsPart(self.states[own], self.tokens[own], measured, self.days[own], self.ended)

    def sample(self, measure: str) -> Sample:
        """What a measure is counted from."""
        if measure in PERCENTILES:
            column, wanted = PERCENTILES[measure]
            known = ~np.isnan(self.measured[column])
            measured = self.measured[column][known]
            return Percentile(measured.astype(np.float64), np.sort(measured).astype(np.float64), self.days[known], wanted)
        if measure in SHARES:
            finished = self.states != STATES.index(State.RUNNING)
            return Share(self.states[finished] == STATES.index(SHARES[measure]), self.days[finished])
        return Days(self.daily(measure)[self.ended.start : self.ended.stop].astype(np.float64))

    def daily(self, measure: str) -> Ints:
        """A number of each day up to the last that is over; of none where nobody counted, because unknown is not 0."""
        number = self.ended.stop
        if measure == "answers_per_day":
            return sizes(self.days, number)[:number]
        if measure == "tokens_per_day":
            known = self.tokens != UNKNOWN
            if len(known) and not known.any():
                return np.empty(0, dtype=np.int64)
            return totals(self.days[known], self.tokens[known], number)[:number]
        told = self.messages if measure == "messages_per_day" else self.chats
        assert told is not None
        return told[:number]


def part_of_rows(rows: Rows, filters: Filters, ended: range) -> RowsPart:
    """All attempts and messages of a period."""
    asked = rows.answers
    days, message_days = (days_of(made, filters) for made in (asked, rows.messages))
    messages = sizes(message_days, len(all_dates(filters)))
    tokens = np.where(asked["output_tokens"] == UNKNOWN, UNKNOWN, asked["input_tokens"] + asked["output_tokens"])
    measured = {name: asked[name] for name in MEASURED}
    return RowsPart(asked["state"], tokens, measured, days, ended, messages, chats_by_day(rows, filters))


def parts_by_model(part: RowsPart, rows: Rows) -> Iterator[tuple[tuple[str, str], RowsPart]]:
    """The attempts of each model, most attempts first."""
    pairs, models = by_model(rows.answers, rows.models)
    # Places below 65,536 are sorted without comparing.
    sorted_part = part.of(np.argsort(models.astype(np.uint16 if len(pairs) < 2**16 else np.uint32), kind="stable"))
    counts = sizes(models, len(pairs))
    ends = np.cumsum(counts)
    for place in sorted(range(len(pairs)), key=lambda place: (-counts[place], pairs[place])):
        yield pairs[place], sorted_part.of(slice(ends[place] - counts[place], ends[place]))
