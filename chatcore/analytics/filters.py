"""What a question is about: a stretch of time, providers and models, and the zone whose days and hours are meant.

Times are UTC in the database. Days and hours belong to the viewer: SQL counts in quarters of an hour of UTC, the same
on both engines, and the quarters are folded into local days here. A quarter is enough because no zone has had another
offset since 1972 (Liberia left -0:44:30 on 7 January 1972, tz database).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from chatcore.errors import Invalid
from chatcore.parts import Period

QUARTER_S = 900


@dataclass(frozen=True, slots=True)
class Filters:
    """What to count. Empty `providers` or `models` means all of them; `time_zone` is an IANA name.

    Raises Invalid for an unknown zone, a naive time or a period that ends before it starts.
    """

    period: Period
    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        zone(self.time_zone)
        if self.period.start.tzinfo is None or self.period.end.tzinfo is None:
            raise Invalid("The period has no time zone.", "Give aware times, for example in UTC.")
        if self.period.end <= self.period.start:
            raise Invalid("The period ends before it starts.", "Choose an end after the start.")

    @property
    def narrowed(self) -> bool:
        """Whether some models or providers were chosen, not all."""
        return bool(self.providers or self.models)


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


def local_time(quarters: pd.Series, time_zone: str) -> pd.Series:
    """The local wall clock (naive) at the start of each quarter of an hour, counted since 1970-01-01 UTC."""
    instants = pd.to_datetime(quarters.astype("int64") * QUARTER_S, unit="s", utc=True).dt.as_unit("us")
    return instants.dt.tz_convert(zone(time_zone)).dt.tz_localize(None)
