"""Times as the reader of the page meets them."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from ui import words


@dataclass(frozen=True, slots=True)
class Clock:
    """When and where the reader looks."""

    now: datetime
    zone: tzinfo

    def short(self, when: datetime) -> str:
        """A time as short as is clear."""
        return words.moment(when, now=self.now, zone=self.zone)

    def long(self, when: datetime) -> str:
        """A time in full: Saturday 14 March 2026, 15:09."""
        return f"{when.astimezone(self.zone):%A %d %B %Y, %H:%M}"

    def day(self, when: datetime) -> str:
        """A day as short as is clear: Today, Yesterday, 3 Mar, 3 Mar 2025."""
        local, today = when.astimezone(self.zone).date(), self.now.astimezone(self.zone).date()
        if local >= today - timedelta(days=1):
            return "Yesterday" if local < today else "Today"
        return f"{local.day} {local:%b}" if local.year == today.year else f"{local.day} {local:%b %Y}"
