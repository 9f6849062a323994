"""The stretches of time that have a name, for the page, the command line and reports: local days up to today.

A named range ends with today, which is not over yet; `filters.previous_period` compares it with as much of the one before.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from chatcore.analytics.filters import zone
from chatcore.parts import Period

RANGES = {
    "today": "Today",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "90d": "Last 90 days",
    "12m": "Last 12 months",
    "all": "All time",
    "custom": "Custom range",
}
DAYS = {"today": 1, "7d": 7, "30d": 30, "90d": 90, "12m": 365}
DEFAULT_RANGE = "30d"
# Before the first day nothing can have been written, after the last nobody plans; in between every day can be drawn.
EARLIEST, LATEST = date(1970, 1, 1), date(2100, 1, 1)


@dataclass(frozen=True, slots=True)
class Known:
    """What can be chosen: the (provider, model) pairs ever used, the days of activity, and today in the viewer's zone; names
    of tags, (id, path) of folders, and whether there are imported messages."""

    pairs: tuple[tuple[str, str], ...]
    first: date
    last: date
    today: date
    tags: tuple[str, ...] = ()
    folders: tuple[tuple[int, str], ...] = ()
    has_imported: bool = False

    @property
    def providers(self) -> tuple[str, ...]:
        return tuple(sorted({provider for provider, _ in self.pairs}))

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(sorted({model for _, model in self.pairs}))


def days_of(name: str, known: Known) -> tuple[date, date]:
    """The first and last day of a named range; all time reaches to the newest row, even if it is dated in the future."""
    if name == "all":
        return min(known.first, known.today), max(known.last, known.today)
    return known.today - timedelta(days=DAYS[name] - 1), known.today


def days_text(period: Period, time_zone: str) -> str:
    """A period as people say it: 3 Mar 2026, or 1 to 31 Mar 2026 with what differs repeated."""
    own = zone(time_zone)
    first, last = period.start.astimezone(own).date(), (period.end - timedelta(microseconds=1)).astimezone(own).date()
    end = f"{last.day} {last:%b %Y}"
    if first == last:
        return end
    if first.year != last.year:
        return f"{first.day} {first:%b %Y} to {end}"
    return f"{first.day} {first:%b} to {end}" if first.month != last.month else f"{first.day} to {end}"
