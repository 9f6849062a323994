"""What a period is compared with, as a text that stands in the URL and on the command line.

`previous` (the period just before), `year` (the same days a year earlier), a day such as `2026-03-10` (before and after it), or
other days such as `2026-01-01..2026-01-31`.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, assert_never

from chatcore.analytics.filters import Filters, first_day, last_day, previous_period, whole_days, zone
from chatcore.analytics.ranges import EARLIEST, LATEST
from chatcore.errors import Invalid
from chatcore.parts import Period

Kind = Literal["previous", "year", "day", "days"]
PREVIOUS, YEAR = "previous", "year"
BETWEEN = ".."


@dataclass(frozen=True, slots=True)
class Against:
    """What to compare with; `days` is the day of the change, or the first and the last of the other days."""

    kind: Kind
    days: tuple[date, ...] = ()

    def __str__(self) -> str:
        return BETWEEN.join(day.isoformat() for day in self.days) or self.kind


@dataclass(frozen=True, slots=True)
class Pair:
    """The two periods of a comparison."""

    before: Period
    after: Period


def read_against(text: str) -> Against:
    """What a text stands for. Raises Invalid for one that stands for nothing, and for days of another age."""
    if text == PREVIOUS:
        return Against("previous")
    if text == YEAR:
        return Against("year")
    try:
        days = tuple(date.fromisoformat(part) for part in text.split(BETWEEN))
    except ValueError:
        days = ()
    if len(days) not in (1, 2):
        hint = "Use previous, year, a day such as 2026-03-10, or days such as 2026-01-01..2026-01-31."
        raise Invalid(f"There is nothing like {text!r} to compare with.", hint)
    if not all(EARLIEST <= day <= LATEST for day in days):
        raise Invalid(f"{text} is too far away.", f"Use days from {EARLIEST.year} to {LATEST.year - 1}.")
    return Against("day", days) if len(days) == 1 else Against("days", (min(days), max(days)))


def pair_of(filters: Filters, against: Against, *, now: datetime) -> Pair:
    """The two periods of a comparison.

    Before and after a day: the part of the filters' period before it, and the part from it on. Where nothing lies before it in the
    period, as many days just before it; where the day lies after the period, the days from it until today stand for the part
    from it on.
    """
    match against.kind:
        case "previous":
            return Pair(previous_period(filters.period, filters.time_zone, now=now), filters.period)
        case "year":
            first, last = a_year_before(first_day(filters)), a_year_before(last_day(filters))
            return Pair(whole_days(first, last, filters.time_zone), filters.period)
        case "days":
            return Pair(whole_days(against.days[0], against.days[1], filters.time_zone), filters.period)
        case "day":
            return around(filters, against.days[0], now=now)
    assert_never(against.kind)


def around(filters: Filters, day: date, *, now: datetime) -> Pair:
    """Before and after a day, see `pair_of`."""
    first, last = first_day(filters), last_day(filters)
    if day > last:
        last = max(day, now.astimezone(zone(filters.time_zone)).date())
    if day <= first:
        first = day - (last - day) - timedelta(days=1)
    return Pair(whole_days(first, day - timedelta(days=1), filters.time_zone), whole_days(day, last, filters.time_zone))


def a_year_before(day: date) -> date:
    """The same day a year earlier; of 29 February the 28th."""
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)
