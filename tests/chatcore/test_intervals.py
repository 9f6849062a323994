"""Intervals against published values, against exact sums, and against simulated answers: 19 times in 20 the truth lies within."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from chatcore.analytics.intervals import (
    FEWEST_DAYS,
    MANY,
    Interval,
    effective,
    of_difference,
    of_means,
    of_percentile,
    ranks,
    student,
    wilson,
)
from chatcore.analytics.numbers import Floats, Ints
from chatcore.analytics.samples import Days, Percentile, Sample, Share, Verdict, interval_of, verdict_of

RUNS = 400


def near(found: Interval, low: float, high: float) -> bool:
    return (round(found.low, 4), round(found.high, 4)) == (low, high)


# Newcombe, Statistics in Medicine 17, 1998, 857-872, table I, method 3.
@pytest.mark.parametrize(
    ("count", "number", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_a_share_has_the_published_interval(count: int, number: int, low: float, high: float) -> None:
    assert near(wilson(count / number, number), low, high)
    # From the other side it is the same interval.
    assert near(wilson(1 - count / number, number), round(1 - high, 4), round(1 - low, 4))


# Newcombe, Statistics in Medicine 17, 1998, 873-890, table II, method 10.
@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926), ((0, 10), (0, 20), -0.1611, 0.2775), ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0), ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)  # fmt: skip
def test_a_difference_of_shares_has_the_published_interval(one: tuple[int, int], other: tuple[int, int], low: float, high: float) -> None:
    (more, of), (less, over) = one, other
    found = of_difference(less / over, wilson(less / over, over), more / of, wilson(more / of, of))
    assert near(found, low, high)


@pytest.mark.parametrize(("freedom", "point"), [(6, 2.4469), (7, 2.3646), (10, 2.2281), (30, 2.0423), (120, 1.9799)])
def test_students_point_is_that_of_the_tables(freedom: int, point: float) -> None:
    assert student(freedom) == pytest.approx(point, abs=0.001)


def below(number: int, part: float) -> list[float]:
    """The chance that at most 0, 1, 2 ... of the values lie below the percentile, as exact sums."""
    sums, total = [], 0.0
    for count in range(number + 1):
        total += math.comb(number, count) * part**count * (1 - part) ** (number - count)
        sums.append(total)
    return sums


@pytest.mark.parametrize("part", [0.5, 0.9])
def test_two_values_in_order_have_the_percentile_between_them(part: float) -> None:
    for number in range(1, 121):
        places, sums = ranks(number, part), below(number, part)
        lows = [rank for rank in range(number) if sums[rank] <= 0.025]
        highs = [rank for rank in range(number) if sums[rank] >= 0.975]
        assert places == ((max(lows), min(highs)) if lows and highs else None), number
    # As in every table of the confidence interval of a median: 1st and 6th of 6, 2nd and 9th of 10, 6th and 15th of 20.
    if part == 0.5:
        assert [ranks(number, part) for number in (5, 6, 10, 20)] == [None, (0, 5), (1, 8), (5, 14)]


@pytest.mark.parametrize("part", [0.5, 0.9])
@pytest.mark.parametrize("number", [MANY + 1, 1_500])
def test_of_many_values_the_normal_distribution_finds_the_same_to_a_rank_or_two(number: int, part: float) -> None:
    places, logs = ranks(number, part), [math.lgamma(count + 1) for count in range(number + 1)]
    assert places
    chances = [
        math.exp(logs[number] - logs[count] - logs[number - count] + count * math.log(part) + (number - count) * math.log(1 - part))
        for count in range(number + 1)
    ]
    low, high = places
    # Near the end of the values the distribution leans, which costs a little on one side and gains it on the other.
    for tail in (sum(chances[: low + 1]), sum(chances[high + 1 :])):
        assert 0.015 <= tail <= 0.03
    assert sum(chances[: low + 1]) + sum(chances[high + 1 :]) <= 0.052


def test_values_that_are_worth_fewer_have_a_wider_interval() -> None:
    ordered = np.arange(200, dtype=np.float64)
    all_of_them, half, few = (of_percentile(ordered, 0.5, number) for number in (200, 100, 5))
    assert all_of_them
    assert half
    assert (all_of_them.low, all_of_them.high) == ranks(200, 0.5)
    assert half.low < all_of_them.low < 100 < all_of_them.high < half.high
    assert few is None


def test_answers_that_are_independent_count_nearly_all_and_days_of_a_kind_count_once() -> None:
    luck = np.random.default_rng(1)
    days = np.repeat(np.arange(40), 25)
    mixed = luck.random(1_000) < 0.3
    assert 500 < effective(mixed, days) <= 1_000
    of_a_kind = np.repeat(np.arange(40) % 3 == 0, 25)
    # 40 days, a little less because their spread is known from 40 days only.
    assert 30 < effective(of_a_kind, days) < 40


def test_on_few_days_or_where_all_ended_alike_every_answer_counts() -> None:
    days = np.repeat(np.arange(FEWEST_DAYS - 1), 10)
    assert effective(days % 2 == 0, days) == len(days)
    week = np.repeat(np.arange(FEWEST_DAYS), 10)
    assert effective(week % 2 == 0, week) < len(week)
    assert effective(week < 0, week) == len(week)
    assert effective(np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.int64)) == 0


def test_days_that_are_all_alike_have_no_spread() -> None:
    found = of_means(np.full(7, 3.0), np.full(9, 5.0))
    assert (found.low, found.high) == (2, 2)


# --- simulated answers of which nothing changed, or by a known amount --------------------------------------------

Draw = Callable[[np.random.Generator], tuple[Sample, float]]


def percentile_of(part: float, day_spread: float, *, number: int = 30, each: int = 40, times: float = 1.0) -> Draw:
    """Times of answers, skewed, on days that differ by `day_spread`; with the true percentile over all such days."""
    z = {0.5: 0.0, 0.9: 1.2815515655446004}[part]
    true = times * math.exp(z * math.hypot(0.8, day_spread))

    def draw(luck: np.random.Generator) -> tuple[Sample, float]:
        days: Ints = np.repeat(np.arange(number), each)
        values: Floats = times * np.exp(luck.normal(0, 0.8, len(days)) + np.repeat(luck.normal(0, day_spread, number), each))
        return Percentile(values, np.sort(values), days, part), true

    return draw


def share_of(chance: float, *, spread: float = 0.0, number: int = 30, each: int = 40) -> Draw:
    """Failures that come more often on some days than on others: the chance of a day has a beta distribution around `chance`."""

    def draw(luck: np.random.Generator) -> tuple[Sample, float]:
        days: Ints = np.repeat(np.arange(number), each)
        chances = luck.beta(chance / spread, (1 - chance) / spread, number) if spread else np.full(number, chance)
        return Share(luck.random(len(days)) < np.repeat(chances, each), days), chance

    return draw


def days_of(mean: float, shape: float, number: int) -> Draw:
    """Messages of days that come in bursts: far more spread than a Poisson count has."""

    def draw(luck: np.random.Generator) -> tuple[Sample, float]:
        return Days(luck.poisson(luck.gamma(shape, mean / shape, number)).astype(np.float64)), mean

    return draw


def held(before: Draw, after: Draw) -> float:
    """How often the true difference lies in its interval; the same for the same seed."""
    luck, found = np.random.default_rng(7), []
    for _ in range(RUNS):
        (old, was), (new, is_now) = before(luck), after(luck)
        interval = interval_of(old, new)
        assert interval
        found.append(interval.low <= is_now - was <= interval.high)
    return sum(found) / RUNS


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (percentile_of(0.5, 0), percentile_of(0.5, 0)), (percentile_of(0.5, 0, each=2), percentile_of(0.5, 0, times=1.5)),
        (percentile_of(0.5, 0.3), percentile_of(0.5, 0.3)), (percentile_of(0.9, 0), percentile_of(0.9, 0, times=2)),
        (percentile_of(0.9, 0.3), percentile_of(0.9, 0.3)), (share_of(0.05), share_of(0.05)), (share_of(0.02, number=60), share_of(0.1)),
        (share_of(0.05, spread=0.1), share_of(0.05, spread=0.1)), (days_of(20, 1, 30), days_of(20, 1, 30)),
        (days_of(20, 0.5, 7), days_of(20, 0.5, 7)), (days_of(20, 1, 7), days_of(20, 1, 365)), (days_of(20, 3, 60), days_of(30, 3, 60)),
    ],
)  # fmt: skip
def test_the_true_difference_lies_in_its_interval_19_times_in_20(before: Draw, after: Draw) -> None:
    # Of 400 runs with a chance of 0.95 a number outside of 0.92 to 0.98 is one in a hundred; more than 0.95 is only careful.
    assert held(before, after) >= 0.92


def test_days_that_resemble_themselves_would_be_taken_for_a_change_if_each_answer_counted() -> None:
    def alone(draw: Draw) -> Draw:
        def draw_alone(luck: np.random.Generator) -> tuple[Sample, float]:
            drawn, true = draw(luck)
            assert isinstance(drawn, (Percentile, Share))
            # On one day nothing is known of days, so every answer counts.
            days = np.zeros_like(drawn.days)
            return (
                Percentile(drawn.measured, drawn.ordered, days, drawn.part) if isinstance(drawn, Percentile) else Share(drawn.hits, days)
            ), true

        return draw_alone

    for draw in (percentile_of(0.5, 0.3), share_of(0.05, spread=0.1)):
        assert held(draw, draw) >= 0.92
        assert held(alone(draw), alone(draw)) < 0.8


def test_a_large_difference_is_found_and_the_same_numbers_say_the_same() -> None:
    luck = np.random.default_rng(3)
    slow, fast = percentile_of(0.5, 0.1, times=2)(luck)[0], percentile_of(0.5, 0.1)(luck)[0]
    first, again = interval_of(slow, fast), interval_of(slow, fast)
    assert first == again
    assert first
    assert first.high < 0
    assert verdict_of(first) is Verdict.MORE
    assert verdict_of(Interval(-0.1, 0.2)) is Verdict.COULD
    assert verdict_of(None) is Verdict.LITTLE


def test_of_few_answers_or_days_nothing_is_said() -> None:
    hits, days = np.array([True, False] * 5), np.arange(10)
    assert interval_of(Share(hits, days), Share(hits, days))
    assert interval_of(Share(hits[:9], days[:9]), Share(hits, days)) is None
    week = np.array([1.0, 2, 3, 4, 5, 6, 7])
    assert interval_of(Days(week), Days(week))
    assert interval_of(Days(week), Days(week[:6])) is None
    assert interval_of(Days(week * 0), Days(week * 0)) is None
    # Of 20 answers the largest is not yet above the true 9 of 10.
    ordered = np.arange(20, dtype=np.float64)
    twenty = Percentile(ordered, ordered, ordered.astype(np.int64), 0.9)
    assert interval_of(twenty, twenty) is None
    assert math.isnan(Percentile(ordered[:0], ordered[:0], days[:0], 0.5).value)
