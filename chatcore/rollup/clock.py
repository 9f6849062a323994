"""The clock of a time zone in whole numbers: when its days begin, and how far it is ahead of UTC.

Kept by year, because finding it out takes a microsecond or two for each day.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from chatcore.rollup.days import DAY_US, EPOCH, microseconds

Ints = npt.NDArray[np.int64]
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
EPOCH_DAY = EPOCH.date()


def local_day(at: datetime, zone: str) -> int:
    """The day of a zone in which a time lies, counted from 1970-01-01."""
    return (at.astimezone(ZoneInfo(zone)).date() - EPOCH_DAY).days


def midnights(zone: str, first: int, last: int) -> Ints:
    """When the days of a zone begin, from `first` to `last` and the one after it; in microseconds since 1970."""
    years = range((EPOCH_DAY + timedelta(days=first)).year, (EPOCH_DAY + timedelta(days=last + 1)).year + 1)
    begins = (date(years[0], 1, 1) - EPOCH_DAY).days
    return np.concatenate([midnights_of(zone, year) for year in years])[first - begins : last + 2 - begins]


@lru_cache(maxsize=256)
def midnights_of(zone: str, year: int) -> Ints:
    """When the days of a year begin."""
    own, first = ZoneInfo(zone), date(year, 1, 1)
    days = (date(year, 12, 31) - first).days + 1
    starts = (datetime.combine(first + timedelta(days=day), time(), tzinfo=own) for day in range(days))
    return np.array([microseconds(start.astimezone(UTC)) for start in starts], dtype=np.int64)


def local_hours(at: Ints, zone: str) -> Ints:
    """The hour of the zone's clock in which each time lies, counted from 1970-01-01 00:00 of that clock."""
    if not len(at):
        return at
    years = range(year_of(int(at.min())), year_of(int(at.max())) + 1)
    changes = [change for year in years for change in changes_of(zone, year)]
    since, ahead = (np.array(part, dtype=np.int64) for part in zip(*changes, strict=True))
    hours: Ints = (at + ahead[np.searchsorted(since, at, side="right") - 1]) // HOUR_US
    return hours


def goes_back_over_midnight(zone: str, first: int, last: int) -> bool:
    """Whether a day of the zone, from `first` to `last`, comes back after the next began: where a clock is set back from 0:01 to 23:01."""
    years = range((EPOCH_DAY + timedelta(days=first - 1)).year, (EPOCH_DAY + timedelta(days=last + 1)).year + 1)
    for (_, before), (since, after) in pairwise(change for year in years for change in changes_of(zone, year)):
        days = (since + before - 1) // DAY_US, (since + after) // DAY_US
        if days[0] > days[1] and first <= days[0] and days[1] <= last:
            return True
    return False


@lru_cache(maxsize=256)
def changes_of(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """From when (microseconds since 1970) the clock is how far ahead of UTC, for a UTC year: its start, and each change in it."""
    own = ZoneInfo(zone)
    found: list[tuple[int, int]] = []
    # A day is shorter than any two changes of a zone are apart.
    for day in range((date(year + 1, 1, 1) - date(year, 1, 1)).days):
        start = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day)
        if not found:
            found.append((microseconds(start), ahead_us(start, own)))
        after = ahead_us(start + timedelta(days=1), own)
        if after != found[-1][1]:
            found.append((microseconds(changed_at(start, own, after)), after))
    return tuple(found)


def changed_at(start: datetime, own: ZoneInfo, after: int) -> datetime:
    """The whole second of a UTC day from which on the clock is so far ahead."""
    low, high = 0, 86_400
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if ahead_us(start + timedelta(seconds=middle), own) == after else (middle, high)
    return start + timedelta(seconds=high)


def ahead_us(at: datetime, own: ZoneInfo) -> int:
    """How far the clock is ahead of UTC, in microseconds."""
    return (at.astimezone(own).utcoffset() or timedelta(0)) // timedelta(microseconds=1)


def year_of(at_us: int) -> int:
    """The UTC year of a time."""
    return (EPOCH + timedelta(microseconds=at_us)).year
