"""What a period of everybody is compared by, counted from sums of days (`chatcore.rollup.cells`).

Shares and daily totals are those of the rows. Of a time or a speed only the bucket is known: a percentile is the middle of one, as all of
sums, and its interval reaches from the start of a bucket to the end of one. So a difference that the buckets make is never called more
than noise.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chatcore.analytics.chosen import all_dates, by_model, days_beside, days_of, model_places
from chatcore.analytics.compare_rows import MEASURED, PERCENTILES, SHARES
from chatcore.analytics.filters import Filters
from chatcore.analytics.lengths import chats_by_day
from chatcore.analytics.messages import written_beside
from chatcore.analytics.numbers import Ints, sums_of, totals
from chatcore.analytics.samples import Bucketed, Days, PercentileOfDays, Sample, ShareOfDays, percentile_of
from chatcore.rollup.cells import LENGTHS, merged, middle_of, together
from chatcore.rollup.pages import Rows, Table

CELLS = ("hours", "chats", "answers", *MEASURED)
COUNTED = ("answers", "running", "failed", "stopped", "answers_with_output_tokens", "known_input_tokens", "known_output_tokens")


class Buckets:
    """A time or speed of the attempts of a period by group, which is each model and, as the last, all of them: how many answers each
    bucket holds, and on which days these were asked. Cells are only looked at if an interval is asked for."""

    def __init__(self, table: Table, places: Ints, number: int, filters: Filters) -> None:
        """`places`: for the models of the table their place among `number` of them."""
        self._table, self._places, self._number, self._filters = table, places, number, filters
        self._days = len(all_dates(filters))
        self._hits: dict[float, Ints] = {}
        whole = merged(table)
        self._least = int(whole["bucket"].min()) if len(whole) else 0
        held = held_by(places[whole["models"]], whole["bucket"] - self._least, whole["answers"], number)
        # All that was measured of each group, in order of size.
        self.ordered = [self._in_order(of_group) for of_group in held]

    def _in_order(self, held: Ints) -> Bucketed:
        buckets = np.flatnonzero(held)
        numbers = buckets + self._least
        return Bucketed(numbers.tolist(), middle_of(numbers).tolist(), np.cumsum(held[buckets]).tolist())

    def by_day(self, group: int, part: float) -> tuple[Ints, Ints]:
        """How many answers of a group were not above its percentile on each day, and of how many."""
        if part not in self._hits:
            self._hits[part] = self._find_hits(part)
        return self._hits[part][group], self._asked[group]

    @cached_property
    def _asked(self) -> Ints:
        """How many answers each group has on each day."""
        answers = together(self._table, "models")["answers"]
        return self._by_day(answers, answers)

    def _find_hits(self, part: float) -> Ints:
        """How many of them were not above the percentile of their group, of each group on each day."""
        last = np.array([last_bucket(ordered, part) for ordered in self.ordered])
        alike, buckets, answers = together(self._table, "models"), self._table["bucket"], self._table["answers"]
        if not len(alike):
            return self._asked
        firsts = np.cumsum(alike[LENGTHS]) - alike[LENGTHS]
        lasts = np.repeat(last[self._places[alike["models"]]], alike[LENGTHS])
        own, every = (np.add.reduceat(answers * (buckets <= most), firsts) for most in (lasts, last[-1]))
        return self._by_day(own, every)

    def _by_day(self, own: Ints, every: Ints) -> Ints:
        """A number of each stretch of cells of a day and its models, by group and day: one that counts for its model, and one that counts
        for all of them together."""
        models, days = self._beside
        by_model = totals(models * self._days + days, own, self._number * self._days).reshape(self._number, self._days)
        return np.append(by_model, [totals(days, every, self._days)], axis=0)

    @cached_property
    def _beside(self) -> tuple[Ints, Ints]:
        """The model and the day of each stretch of cells of the same: they lie beside each other."""
        alike = together(self._table, "models")
        return self._places[alike["models"]], days_of(alike, self._filters)


def buckets_of(table: Table, places: Ints, number: int, filters: Filters) -> Buckets:
    """The same, kept with the table."""
    name = ("buckets", filters.period, filters.time_zone, number, places.tobytes())
    return table.once(name, lambda: Buckets(table, places, number, filters))


def held_by(models: Ints, buckets: Ints, answers: Ints, number: int) -> Ints:
    """How many answers each bucket holds, of each model and, as the last, of all together."""
    width = int(buckets.max(initial=0)) + 1
    held = totals(models * width + buckets, answers, number * width).reshape(number, width)
    return np.append(held, [held.sum(axis=0)], axis=0)


def last_bucket(ordered: Bucketed, part: float) -> int:
    """The last bucket whose middle is not above a percentile; -1 where nothing was measured."""
    if not len(ordered):
        return -1
    return ordered.buckets[bisect_right(ordered.middles, percentile_of(ordered, part)) - 1]


@dataclass(frozen=True, slots=True, eq=False)
class SummedPart:
    """Attempts of a period, of a group of its `Buckets`: COUNTED of each day, and what was measured. Days are counted from the first of the
    period; `ended` are those that are whole and over. Messages and chats of each day are there for all models together."""

    counted: Mapping[str, Ints]
    measured: Mapping[str, Buckets]
    group: int
    ended: range
    messages: Ints | None = None
    chats: Ints | None = None

    def sample(self, measure: str) -> Sample:
        """What a measure is counted from."""
        if measure in PERCENTILES:
            column, wanted = PERCENTILES[measure]
            measured, group = self.measured[column], self.group
            return PercentileOfDays(measured.ordered[group], wanted, lambda: measured.by_day(group, wanted))
        if measure in SHARES:
            return ShareOfDays(self.counted[SHARES[measure].value], self.counted["answers"] - self.counted["running"])
        return Days(self.daily(measure).astype(np.float64))

    def daily(self, measure: str) -> Ints:
        """A number of each day that is over; of none where nobody counted, because unknown is not 0."""
        counted = self.counted
        if measure == "tokens_per_day":
            if counted["answers"].any() and not counted["answers_with_output_tokens"].any():
                return np.empty(0, dtype=np.int64)
            found = counted["known_input_tokens"] + counted["known_output_tokens"]
        elif measure == "answers_per_day":
            found = counted["answers"]
        else:
            told = self.messages if measure == "messages_per_day" else self.chats
            assert told is not None
            found = told
        return found[self.ended.start : self.ended.stop]


def parts_of_sums(rows: Rows, filters: Filters, ended: range) -> tuple[SummedPart, list[tuple[tuple[str, str], SummedPart]]]:
    """All attempts and messages of a period, and the attempts of each model, most attempts first."""
    asked = rows.answers
    pairs, places = model_places(asked, rows.models)
    number, days = len(pairs), len(all_dates(filters))
    groups = by_model(asked, rows.models)[1] * days + days_of(asked, filters)
    counted = {name: sums_of(asked, name, groups, number * days).reshape(number, days) for name in COUNTED}
    measured = {name: buckets_of(rows.measured(name), places, number, filters) for name in MEASURED}
    messages = totals(days_beside(rows.messages, filters), np.add.reduce(written_beside(rows.messages)), days)
    whole = {name: of_models.sum(axis=0) for name, of_models in counted.items()}
    every = SummedPart(whole, measured, number, ended, messages, chats_by_day(rows, filters))
    answers = counted["answers"].sum(axis=1)
    order = sorted(range(number), key=lambda place: (-answers[place], pairs[place]))
    return every, [(pairs[place], SummedPart({name: of[place] for name, of in counted.items()}, measured, place, ended)) for place in order]
