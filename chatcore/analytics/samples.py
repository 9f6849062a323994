"""What a number of a period is counted from, kept so that two of them can be compared: days, shares and percentiles."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from chatcore.analytics.intervals import (
    FEWEST_DAYS,
    Interval,
    effective,
    effective_by_day,
    of_difference,
    of_means,
    of_percentile,
    places_around,
    wilson,
)
from chatcore.analytics.numbers import Floats, Ints
from chatcore.rollup.cells import start_of

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


class Ordered(Protocol):
    """Values in order of size."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> float: ...


class OfOrdered:
    """A percentile, which is the `part` of values in order."""

    ordered: Ordered
    part: float

    @cached_property
    def value(self) -> float:
        return percentile_of(self.ordered, self.part)

    @property
    def over(self) -> int:
        return len(self.ordered)


@dataclass(frozen=True, eq=False)
class Percentile(OfOrdered):
    """What was measured of each answer, and the same in order of size; its value is the percentile of `part`. `days`: the day of each."""

    measured: Floats
    ordered: Floats
    days: Ints
    part: float

    @property
    def interval(self) -> Interval | None:
        return of_percentile(self.ordered, self.part, effective(self.measured <= self.value, self.days))


def percentile_of(ordered: Ordered, part: float) -> float:
    """The percentile of values in order, between two of them in proportion; NaN of none."""
    if not len(ordered):
        return math.nan
    place = part * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))


@dataclass(frozen=True, eq=False)
class Bucketed:
    """Values in order of size of which only the bucket is known (`chatcore.rollup.cells`), so each is the middle of its own. `ends`: how
    many there are up to the end of each bucket."""

    buckets: Sequence[int]
    middles: Sequence[float]
    ends: Sequence[int]

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def __getitem__(self, place: int, /) -> float:
        return self.middles[bisect_right(self.ends, place)]

    def between(self, low: int, high: int) -> Interval:
        """From the start of the bucket of one place to the end of that of another: whatever the values are, they lie in it."""
        first, last = (self.buckets[bisect_right(self.ends, place)] for place in (low, high))
        start, end = start_of(np.array([first, last + 1])).tolist()
        return Interval(start, end)


@dataclass(frozen=True, eq=False)
class ShareOfDays:
    """A share like `Share`, from how many answers of each day are meant, and of how many."""

    hits: Ints
    asked: Ints

    @cached_property
    def value(self) -> float:
        return int(self.hits.sum()) / self.over if self.over else math.nan

    @cached_property
    def over(self) -> int:
        return int(self.asked.sum())

    @property
    def interval(self) -> Interval:
        return wilson(self.value, effective_by_day(self.hits, self.asked))


@dataclass(frozen=True, eq=False)
class PercentileOfDays(OfOrdered):
    """A percentile like `Percentile`, from values that stand for many. `by_day`: how many answers of each day were not above it, and of how
    many; only asked for where an interval is."""

    ordered: Bucketed
    part: float
    by_day: Callable[[], tuple[Ints, Ints]]

    @property
    def interval(self) -> Interval | None:
        places = places_around(len(self.ordered), self.part, effective_by_day(*self.by_day()))
        return None if places is None else self.ordered.between(*places)


Sample = Days | Share | Percentile | ShareOfDays | PercentileOfDays


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
