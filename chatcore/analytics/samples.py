"""What a number of a period is counted from, kept so that two of them can be compared: days, shares and percentiles."""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from chatcore.analytics.intervals import FEWEST_DAYS, Interval, effective, of_difference, of_means, of_percentile, wilson
from chatcore.analytics.numbers import Floats, Ints

# Of fewer answers nothing is said, whatever the arithmetic would allow.
FEWEST_ANSWERS = 10


class Verdict(StrEnum):
    """What can be said of a difference."""

    MORE = "more than noise"
    COULD = "could be noise"
    LITTLE = "too little to say"


@dataclass(frozen=True, eq=False)
class Days:
    """A number of each whole day; its value is their mean."""

    totals: Floats

    @cached_property
    def value(self) -> float:
        return float(self.totals.mean()) if len(self.totals) else math.nan

    @property
    def over(self) -> int:
        return len(self.totals)


@dataclass(frozen=True, eq=False)
class Share:
    """Which of the answers are meant; its value is their share. `days`: the day of each."""

    hits: NDArray[np.bool_]
    days: Ints

    @cached_property
    def value(self) -> float:
        return int(np.count_nonzero(self.hits)) / len(self.hits) if len(self.hits) else math.nan

    @property
    def over(self) -> int:
        return len(self.hits)

    @property
    def interval(self) -> Interval:
        return wilson(self.value, effective(self.hits, self.days))


@dataclass(frozen=True, eq=False)
class Percentile:
    """What was measured of each answer, and the same in order of size; its value is the percentile of `part`. `days`: the day of each."""

    measured: Floats
    ordered: Floats
    days: Ints
    part: float

    @cached_property
    def value(self) -> float:
        if not len(self.ordered):
            return math.nan
        place = self.part * (len(self.ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(self.ordered) - 1)
        return float(self.ordered[low] + (self.ordered[high] - self.ordered[low]) * (place - low))

    @property
    def over(self) -> int:
        return len(self.ordered)

    @property
    def interval(self) -> Interval | None:
        return of_percentile(self.ordered, self.part, effective(self.measured <= self.value, self.days))


Sample = Days | Share | Percentile


def interval_of(before: Sample, after: Sample) -> Interval | None:
    """Where the true difference lies, 19 times in 20; None where too little is known of one of them."""
    if isinstance(before, Days) and isinstance(after, Days):
        enough = min(before.over, after.over) >= FEWEST_DAYS and bool(before.totals.any() or after.totals.any())
        return of_means(before.totals, after.totals) if enough else None
    if isinstance(before, Days) or isinstance(after, Days) or min(before.over, after.over) < FEWEST_ANSWERS:
        return None
    around_before, around_after = before.interval, after.interval
    if around_before is None or around_after is None:
        return None
    return of_difference(before.value, around_before, after.value, around_after)


def verdict_of(interval: Interval | None) -> Verdict:
    """What an interval of a difference means."""
    if interval is None:
        return Verdict.LITTLE
    return Verdict.COULD if interval.has_zero else Verdict.MORE
