"""How sure a number is: 95 % intervals of shares, percentiles and daily means, and of the difference of two of them.

Pure arithmetic with numpy, the same for the same numbers. Three kinds of numbers have three kinds of intervals:

- A share has Wilson's interval (Wilson 1927), which is right for few answers and at 0 and 1, where the usual plus and minus is not.
- A percentile has the interval between two of the measured values themselves, chosen by the binomial distribution. It assumes
  nothing about how times are distributed: they are skewed, and one slow answer must not widen it without end.
- A mean of days has Student's t over daily totals. Messages come in bursts, so their number has far
  more spread than a Poisson count; the spread between days is measured instead of assumed.

Answers of one day resemble each other: the same work, the same load, an outage. `effective` says how many independent ones they are worth.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from chatcore.analytics.numbers import Floats, Ints, sizes

# Of the normal distribution, 95 % lie within so many standard deviations.
Z = 1.959963984540054
TAIL = 0.025
# With fewer days nobody knows how much days differ, and a week has all its weekdays.
FEWEST_DAYS = 7
# From here on the binomial distribution is a normal one to within a rank; up to here it is summed exactly.
MANY = 1_000


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the true number lies, 19 times in 20."""

    low: float
    high: float

    @property
    def has_zero(self) -> bool:
        """Whether it may be that there is no difference."""
        return self.low <= 0 <= self.high


def wilson(share: float, number: float) -> Interval:
    """Of a share of `number` answers: Wilson's score interval, without correction for continuity. `number` is above 0."""
    middle = (share + Z * Z / (2 * number)) / (1 + Z * Z / number)
    half = Z / (1 + Z * Z / number) * math.sqrt(share * (1 - share) / number + Z * Z / (4 * number * number))
    return Interval(max(0.0, middle - half) if share > 0 else 0.0, min(1.0, middle + half) if share < 1 else 1.0)


def of_difference(before: float, around_before: Interval, after: float, around_after: Interval) -> Interval:
    """Of `after - before`, from the interval around each.

    Newcombe's method 10 for shares (Statistics in Medicine 17, 1998, 873-890); for other numbers the same squares are added
    (Zou and Donner, Statistics in Medicine 27, 2008, 1693-1702).
    """
    change = after - before
    down = math.hypot(after - around_after.low, around_before.high - before)
    up = math.hypot(around_after.high - after, before - around_before.low)
    return Interval(change - down, change + up)


def of_percentile(ordered: Floats, part: float, number: float) -> Interval | None:
    """Of the value below which a `part` of the true ones lies, from values in order that are worth `number` independent ones.

    None if they are too few: then even the largest or the smallest of them says nothing about it.
    """
    places = places_around(len(ordered), part, number)
    return None if places is None else Interval(float(ordered[places[0]]), float(ordered[places[1]]))


def places_around(values: int, part: float, number: float) -> tuple[int, int] | None:
    """Between which two of so many values in order the percentile lies, see `of_percentile`."""
    worth = math.floor(number)
    places = ranks(worth, part)
    if places is None:
        return None
    low, high = places
    # Of values that resemble each other the same parts of them are meant (Woodruff 1952).
    stretch = values / worth
    return math.floor(low * stretch), min(math.ceil((high + 1) * stretch) - 1, values - 1)


@lru_cache(maxsize=4096)
def ranks(number: int, part: float) -> tuple[int, int] | None:
    """Which two of `number` values in order, counted from 0, have the true percentile between them; None if no two do.

    At most one time in forty it lies below the first, and one in forty above the second: how many values are below it has the
    binomial distribution (David and Nagaraja, Order Statistics, 2003, 7.1).
    """
    if number < 1:
        return None
    if number > MANY:
        middle, half = number * part, Z * math.sqrt(number * part * (1 - part))
        low, high = math.floor(middle - half - 0.5), math.ceil(middle + half - 0.5)
        return (low, high) if low >= 0 and high < number else None
    counts = np.arange(number + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, number + 1)))])
    chances = np.exp(logs[number] - logs - logs[::-1] + counts * math.log(part) + (number - counts) * math.log1p(-part))
    below = np.cumsum(chances)
    # A value at rank r is above the percentile if at most r values are below it.
    low = int(np.searchsorted(below, TAIL, side="right")) - 1
    high = int(np.searchsorted(below, 1 - TAIL, side="left"))
    return (low, high) if low >= 0 and high < number else None


def of_means(before: Floats, after: Floats) -> Interval:
    """Of the difference of the means of daily totals, of FEWEST_DAYS days or more each: Welch's (Biometrika 34, 1947, 28-35) or
    Student's with one spread for both, whichever is wider.

    Of few days that happen to be quiet Welch takes the small spread for the true one, and a week beside a year would look like
    more than noise one time in seven.
    """
    change = float(after.mean() - before.mean())
    numbers = np.array([len(before), len(after)])
    spreads = np.array([before.var(ddof=1), after.var(ddof=1)])
    parts = spreads / numbers
    if not parts.any():
        return Interval(change, change)
    own = student(float(parts.sum() ** 2 / (parts**2 / (numbers - 1)).sum())) * math.sqrt(parts.sum())
    one = float((spreads * (numbers - 1)).sum() / (numbers.sum() - 2))
    half = max(own, student(float(numbers.sum() - 2)) * math.sqrt(one * (1 / numbers).sum()))
    return Interval(change - half, change + half)


def student(freedom: float) -> float:
    """The 97.5 % point of Student's distribution, to a thousandth from 6 degrees of freedom on: Abramowitz and Stegun 26.7.5."""
    terms = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
        (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / 92160,
    )
    return Z + sum(term / freedom ** (power + 1) for power, term in enumerate(terms))


def effective(hits: NDArray[np.bool_], days: Ints) -> float:
    """How many independent answers these are worth, for the share of them that are `hits`; `days`: the day of each.

    Their number divided by the design effect of days (Korn and Graubard, Survey Methodology 24, 1998, 193-201), never more than
    there are. On fewer than FEWEST_DAYS days it cannot be known, and every answer counts.
    """
    asked = sizes(days, 1)
    return effective_by_day(sizes(days[hits], len(asked)), asked)


def effective_by_day(hits: Ints, asked: Ints) -> float:
    """The same from the number of hits and of all answers of each day."""
    number, hit = int(asked.sum()), int(hits.sum())
    there = int(np.count_nonzero(asked))
    if there < FEWEST_DAYS or hit in (0, number):
        return float(number)
    share = hit / number
    # A day without answers adds nothing.
    off = hits - share * asked
    spread = there / (there - 1) * float(off @ off) / number**2
    independent = share * (1 - share) / number
    # Days are fewer than answers, so what they tell of their own spread is less sure.
    unsure = (student(there - 1) / student(max(number - 1, there - 1))) ** 2
    return min(float(number), number * independent / (spread * unsure)) if spread > 0 else float(number)
