"""What a question is about: a stretch of time, models, chats and messages, and the zone whose days and hours are meant.

Times are UTC in the database; days and hours belong to the viewer. SQLite knows no zones, so both engines are told the
zone's offsets in the period (`offsets`) and count by the local clock with plain arithmetic, which gives the same
numbers on both, on days of a clock change and in zones off by half an hour.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pandas as pd

from chatcore.errors import Invalid
from chatcore.parts import Period, Role

Step = Literal["day", "week", "month"]
# An answer takes too long to say much of an hour, a message is of one.
FineStep = Literal["hour", "day", "week", "month"]
# Naive midnights of the viewer's zone.
Days = npt.NDArray[np.datetime64]
THURSDAY = 3


@dataclass(frozen=True, slots=True)
class Filters:
    """What to count; what is left out does not narrow it. `time_zone` is an IANA name; `everybody`: not only the viewer's, which only
    the owner may ask.

    `tags`: chats that have all of them, in any case. `folder`: chats in it or in a folder below it, by its id or by a path as
    typed ("work/plans"); NO_FOLDER for those that lie in none. `role`: messages of people or of models; it narrows messages
    only, since attempts have no role. `imported`: True for what came by an import, False for what did not.

    Raises Invalid for an unknown zone, a naive time, a period that ends before it starts, and for a tag or folder of everybody.
    A tag or folder that is not the viewer's is NotFound when a question is asked.
    """

    period: Period
    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    time_zone: str = "UTC"
    tags: tuple[str, ...] = ()
    folder: int | str | None = None
    role: Role | None = None
    imported: bool | None = None
    everybody: bool = False

    def __post_init__(self) -> None:
        zone(self.time_zone)
        if self.period.start.tzinfo is None or self.period.end.tzinfo is None:
            raise Invalid("The period has no time zone.", "Give aware times, for example in UTC.")
        if self.period.end <= self.period.start:
            raise Invalid("The period ends before it starts.", "Choose an end after the start.")
        if self.everybody and (self.tags or self.folder is not None):
            raise Invalid("Tags and folders are each person's own.", "Leave them out, or look at your own numbers.")

    @property
    def narrowed(self) -> bool:
        """Whether some models or providers were chosen, not all."""
        return bool(self.providers or self.models)

    @property
    def is_everything(self) -> bool:
        """Whether nothing but the period decides what is counted."""
        by_chat = self.tags or self.folder is not None
        return not (self.narrowed or by_chat or self.role is not None or self.imported is not None)


def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises Invalid if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(f"There is no time zone {name!r}.", "Use an IANA name such as Europe/Berlin.") from error


def whole_days(first: date, last: date, time_zone: str) -> Period:
    """The period of local days from `first` to `last`, both included. A day of a clock change has 23 or 25 hours."""
    return Period(start=midnight(first, time_zone), end=midnight(last + timedelta(days=1), time_zone))


def midnight(day: date, time_zone: str) -> datetime:
    """The instant (UTC) at which a local day begins; where a clock change skips midnight, the first instant after it."""
    return datetime.combine(day, time(), tzinfo=zone(time_zone)).astimezone(UTC)


def whole_hour(start: datetime, time_zone: str) -> Period:
    """The period of an hour of the local clock, from its naive start: two hours where a clock change repeats it.

    Raises Invalid for an hour that a clock change skips.
    """
    own = zone(time_zone)
    first, after = (at.replace(tzinfo=own).astimezone(UTC) for at in (start, start + timedelta(hours=1)))
    if after <= first:
        raise Invalid(f"No clock in {time_zone} showed {start:%H:%M} on {start:%Y-%m-%d}.", "Choose another hour.")
    return Period(start=first, end=after)


def local_days(period: Period, time_zone: str) -> pd.DatetimeIndex:
    """Every local day the period touches, as naive midnights."""
    first = period.start.astimezone(zone(time_zone)).date()
    last = (period.end - timedelta(microseconds=1)).astimezone(zone(time_zone)).date()
    return pd.date_range(first, last, freq="D", unit="us")


def previous_period(period: Period, time_zone: str, *, now: datetime) -> Period:
    """The period of equal length before this one, to compare with.

    Whole local days are moved back by their number of days, so a clock change does not shift them by an hour; any other
    period is moved by its length. A period that is still running is compared with the same part of the one before:
    at noon, "today" stands against yesterday until noon.
    """
    own = zone(time_zone)
    start, end = period.start.astimezone(own), period.end.astimezone(own)
    whole = start == midnight(start.date(), time_zone) and end == midnight(end.date(), time_zone)
    until = min(period.end, now) if period.start < now else period.end
    if not whole:
        length = period.end - period.start
        return Period(start=period.start - length, end=until - length)
    days = (end.date() - start.date()).days
    before = midnight(start.date() - timedelta(days=days), time_zone)
    if until == period.end:
        return Period(start=before, end=period.start)
    shifted = (until.astimezone(own) - timedelta(days=days)).astimezone(UTC)
    return Period(start=before, end=max(shifted, before + timedelta(microseconds=1)))


def starts_of(days: pd.Series, step: FineStep) -> pd.Series:
    """The first day of each day's week (from Monday) or month, as naive midnights; the days or hours themselves for these."""
    return pd.Series(firsts_of(days.to_numpy(), step), index=days.index, name=days.name)


def firsts_of(days: Days, step: FineStep) -> Days:
    """The same as numpy has it."""
    if step in ("hour", "day"):
        return days
    if step == "month":
        return days.astype("M8[M]").astype("M8[us]")
    whole = days.astype("M8[D]")
    # 1970-01-01 was a Thursday.
    return (whole - (whole.astype(np.int64) + THURSDAY) % 7).astype("M8[us]")


def first_day(filters: Filters) -> date:
    """The local day in which the period begins; days and hours of the statements are counted from its midnight."""
    return filters.period.start.astimezone(zone(filters.time_zone)).date()


def last_day(filters: Filters) -> date:
    """The local day in which the period ends."""
    return (filters.period.end - timedelta(microseconds=1)).astimezone(zone(filters.time_zone)).date()


@lru_cache(maxsize=256)
def offsets(period: Period, time_zone: str) -> tuple[tuple[datetime, timedelta], ...]:
    """The zone's offsets from UTC in the period, each with the instant from which it holds (the first: the start). Kept, since
    every question of a page asks for them."""
    own = zone(time_zone)
    found = [(period.start, offset_at(period.start, own))]
    at = period.start
    while at < period.end:
        # A day is shorter than any two changes of a zone are apart.
        after = min(at + timedelta(days=1), period.end)
        if offset_at(after, own) != found[-1][1]:
            found.append((change_between(at, after, own), offset_at(after, own)))
        at = after
    return tuple(found)


def offset_at(at: datetime, own: ZoneInfo) -> timedelta:
    """How far the local clock is ahead of UTC at an instant."""
    return at.astimezone(own).utcoffset() or timedelta(0)


def change_between(before: datetime, after: datetime, own: ZoneInfo) -> datetime:
    """The whole second (UTC) from which on the offset is the one of `after`."""
    low, high = before.astimezone(UTC).replace(microsecond=0), after.astimezone(UTC)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (low, middle) if offset_at(middle, own) == offset_at(after, own) else (middle, high)
    return high.replace(microsecond=0)
