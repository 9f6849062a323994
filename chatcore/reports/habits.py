"""What is said of habits, whoever draws it: the shades and cells of the calendar, runs of days, and the length of chats."""

from collections.abc import Hashable
from datetime import timedelta

import pandas as pd

from chatcore import phrases
from chatcore.analytics import DEFINITIONS, whole_days
from chatcore.analytics.filters import FineStep
from chatcore.analytics.ranges import days_text
from chatcore.reports.series import MAX_MARKS, label_of
from chatcore.reports.tiles import UNKNOWN, Tile

# How full the colour of a day is: none, then four shades. Fullness reads the same on light and on dark and without seeing colours.
FULLNESS = (0.08, 0.31, 0.54, 0.77, 1.0)
WEEKS = 53
# Over so few weeks their Mondays are named, over more the months.
NARROW_WEEKS = 12
STREAKS = {"current": "Current streak", "longest": "Longest streak"}
MEASURES = {"messages": "Messages per chat", "prompts": "Prompts per chat"}
# Over how many days messages can be drawn in this step: two bars at least, and at most MAX_MARKS of both authors.
STEPS: dict[FineStep, tuple[int, float]] = {
    "hour": (1, MAX_MARKS / 2 / 24),
    "day": (2, MAX_MARKS / 2),
    "week": (14, MAX_MARKS / 2 * 7),
    "month": (60, float("inf")),
}


def steps_of(days: int) -> tuple[FineStep, ...]:
    """The steps in which messages over so many days can be drawn, the finest first."""
    return tuple(step for step, (least, most) in STEPS.items() if least <= days <= most)


def tops_of(messages: pd.Series) -> tuple[int, ...]:
    """The most messages of a day in each shade, from few to many: at most four, each with about as many of the days that have any."""
    busy = sorted(int(amount) for amount in messages if amount)
    return tuple(sorted({busy[-(-len(busy) * part // 4) - 1] for part in (1, 2, 3, 4)})) if busy else ()


def shade_names(tops: tuple[int, ...]) -> tuple[str, ...]:
    """The shades as a legend names them, that of no message first."""
    starts = [1, *(top + 1 for top in tops)]
    ranges = (count_range(start, top) for start, top in zip(starts, tops, strict=False))
    return ("None", *ranges)


def fullness_of(tops: tuple[int, ...]) -> tuple[float, ...]:
    """How full the colour of each shade is. With fewer than four the fullest are used, so that the most is always plain to see."""
    return (FULLNESS[0], *FULLNESS[len(FULLNESS) - len(tops) :])


def cells_of(calendar: pd.DataFrame, tops: tuple[int, ...]) -> pd.DataFrame:
    """The days of a calendar (frame: `analytics.calendar`) with `shade`, its place from 0 for none, and `when`, the day in words."""
    shade = [sum(amount > top for top in (0, *tops[:-1])) for amount in calendar["messages"]]
    return calendar.assign(shade=shade, when=[label_of(day, "day") for day in calendar["day"]])


def newest_weeks(calendar: pd.DataFrame) -> pd.DataFrame:
    """The last WEEKS weeks of a calendar: as much as stands beside each other."""
    last = calendar["week"].iloc[-1]
    newest: pd.DataFrame = calendar[calendar["week"] > last - timedelta(weeks=WEEKS)]
    return newest


def count_range(least: int, most: int) -> str:
    """So many: 1, or 5 to 8."""
    return phrases.count(least) if least == most else f"{phrases.count(least)} to {phrases.count(most)}"


def busiest_day(calendar: pd.DataFrame) -> str:
    """The fullest day in words; empty for no messages."""
    top = calendar.iloc[int(calendar["messages"].argmax())]
    return f"Busiest: {label_of(top['day'], 'day')}, {phrases.plural(int(top['messages']), 'message')}." if top["messages"] else ""


def streak_tiles(streaks: pd.DataFrame) -> tuple[Tile, ...]:
    """The runs of days as tiles (frame: `analytics.streaks`)."""
    return tuple(streak_tile(row) for row in streaks.to_dict("records"))


def streak_tile(row: dict[Hashable, object]) -> Tile:
    """One run: how many days, and which."""
    first, last, days = row["first_day"], row["last_day"], row["days"]
    value, detail = UNKNOWN, "the period ends before yesterday"
    if isinstance(days, int):
        value = f"{phrases.count(days)}+ days" if row["began_earlier"] else phrases.plural(days, "day")
        detail = "no message today or yesterday" if row["streak"] == "current" else "no message"
    if isinstance(first, pd.Timestamp) and isinstance(last, pd.Timestamp) and not pd.isna(first):
        detail = days_text(whole_days(first.date(), last.date(), "UTC"), "UTC")
        if row["began_earlier"]:
            detail += ", began earlier"
    return Tile(f"{row['streak']}_streak", STREAKS[str(row["streak"])], value, None, detail, DEFINITIONS["streaks"])


def streak_sentence(streaks: pd.DataFrame) -> str:
    """The runs of days in words."""
    return " ".join(f"{tile.label}: {tile.value} ({tile.detail})." for tile in streak_tiles(streaks))


def depth_tiles(depth: pd.DataFrame) -> tuple[Tile, ...]:
    """How much half of the chats have as tiles (frame: `analytics.chat_depth`)."""
    tiles = []
    for measure, chats, half, most_have, most in depth[["measure", "chats", "p50", "p90", "most"]].itertuples(index=False):
        value, detail = UNKNOWN, ""
        if chats:
            value = f"{half:g}"
            detail = (
                "of one chat" if chats == 1 else f"half have no more; 9 of 10 up to {most_have:,.0f}, longest {phrases.count(int(most))}"
            )
        tiles.append(Tile(f"{measure}_per_chat", MEASURES[measure], value, None, detail, DEFINITIONS["chat_depth"]))
    return tuple(tiles)
