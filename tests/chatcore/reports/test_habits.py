"""What is said of habits: shades that share the days evenly, runs of days in words, and steps that can be drawn."""

import pandas as pd
import pytest

from chatcore.analytics.filters import FineStep
from chatcore.reports import habits
from chatcore.reports.series import MAX_MARKS


def calendar(messages: list[int], first: str = "2026-03-04") -> pd.DataFrame:
    """Frame of `analytics.calendar` from a Wednesday on."""
    days = pd.Series(pd.date_range(first, periods=len(messages), freq="D", unit="us"))
    weeks = days.dt.to_period("W-SUN").dt.start_time.dt.as_unit("us")
    return pd.DataFrame({"day": days, "weekday": days.dt.day_of_week, "week": weeks, "messages": messages, "chats": 1})


def test_each_shade_stands_for_about_as_many_days() -> None:
    messages = pd.Series([0, 0, *range(1, 101)])
    tops = habits.tops_of(messages)
    shades = habits.cells_of(calendar(messages.to_list()), tops)["shade"].value_counts()
    assert shades[0] == 2
    assert all(shades[place] == 25 for place in (1, 2, 3, 4))
    assert habits.shade_names(tops) == ("None", "1 to 25", "26 to 50", "51 to 75", "76 to 100")


@pytest.mark.parametrize(
    ("messages", "names", "fullest"),
    [
        ([0], ("None",), 0.08),
        ([0, 7], ("None", "1 to 7"), 1.0),
        ([1, 1, 2], ("None", "1", "2"), 1.0),
        ([1, 5000], ("None", "1", "2 to 5,000"), 1.0),
    ],
)
def test_few_different_days_have_few_shades_and_the_most_the_fullest(messages: list[int], names: tuple[str, ...], fullest: float) -> None:
    tops = habits.tops_of(pd.Series(messages))
    assert habits.shade_names(tops) == names
    assert len(habits.fullness_of(tops)) == len(names)
    shade = habits.cells_of(calendar(messages), tops)["shade"].max()
    assert habits.fullness_of(tops)[shade] == fullest


def test_at_most_53_weeks_stand_beside_each_other() -> None:
    long = habits.newest_weeks(calendar([1] * 800))
    assert long["week"].nunique() == 53
    assert long["day"].iloc[-1] == calendar([1] * 800)["day"].iloc[-1]
    year = calendar([1] * 365)
    assert len(habits.newest_weeks(year)) == 365


@pytest.mark.parametrize(
    ("days", "steps"),
    [
        (1, ("hour",)),
        (7, ("hour", "day")),
        (9, ("day",)),
        (30, ("day", "week")),
        (90, ("day", "week", "month")),
        (365, ("week", "month")),
        (9000, ("month",)),
    ],
)
def test_a_period_has_the_steps_that_can_be_drawn(days: int, steps: tuple[FineStep, ...]) -> None:
    assert habits.steps_of(days) == steps
    assert 2 * 24 * habits.STEPS["hour"][1] == MAX_MARKS


def day_of(text: str | None) -> object:
    return pd.Timestamp(text) if text else pd.NaT


def run(streak: str, days: int | None, first: str | None, last: str | None, earlier: bool = False) -> dict[str, object]:
    return {"streak": streak, "days": days, "first_day": day_of(first), "last_day": day_of(last), "began_earlier": earlier}


@pytest.mark.parametrize(
    ("row", "value", "detail"),
    [
        (run("current", 3, "2026-03-12", "2026-03-14"), "3 days", "12 to 14 Mar 2026"),
        (run("longest", 1, "2026-03-12", "2026-03-12"), "1 day", "12 Mar 2026"),
        (run("current", 30, "2026-02-13", "2026-03-14", earlier=True), "30+ days", "13 Feb to 14 Mar 2026, began earlier"),
        (run("current", 0, None, None), "0 days", "no message today or yesterday"),
        (run("current", None, None, None), "–", "the period ends before yesterday"),
    ],
)
def test_a_run_of_days_is_told_in_words(row: dict[str, object], value: str, detail: str) -> None:
    frame = pd.DataFrame([row]).astype({"days": "Int64"})
    (tile,) = habits.streak_tiles(frame)
    assert (tile.value, tile.detail) == (value, detail)


def test_half_of_the_chats_are_told_with_the_longest() -> None:
    depth = pd.DataFrame({"measure": ["messages", "prompts"], "chats": [9, 9], "p50": [4.0, 1.5], "p90": [20.4, 3.0], "most": [80, 40]})
    messages, prompts = habits.depth_tiles(depth)
    assert (messages.value, messages.detail) == ("4", "half have no more; 9 of 10 up to 20, longest 80")
    assert (prompts.label, prompts.value) == ("Prompts per chat", "1.5")
    (single,) = habits.depth_tiles(depth[:1].assign(chats=1, p50=3.0))
    assert (single.value, single.detail) == ("3", "of one chat")
    (empty,) = habits.depth_tiles(pd.DataFrame({"measure": ["prompts"], "chats": [0], "p50": [None], "p90": [None], "most": [None]}))
    assert (empty.value, empty.detail) == ("–", "")
