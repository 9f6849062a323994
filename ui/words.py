"""Numbers, times and texts as people read them. Pure: nothing here draws."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# What reports say too is said there; the pages find all their words here.
from chatcore.phrases import count as count
from chatcore.phrases import duration as duration
from chatcore.phrases import energy as energy
from chatcore.phrases import error_name as error_name
from chatcore.phrases import model_name as model_name
from chatcore.phrases import money as money
from chatcore.phrases import plural as plural
from chatcore.phrases import short_count as short_count
from chatcore.phrases import time_taken as time_taken

MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+!|~$:-])")


def picker_line(choice: tuple[str, str], lines: Mapping[tuple[str, str], str]) -> str:
    """What a picker says of a (provider, model); one that vanished stays and says so."""
    return lines.get(choice) or f"{model_name(*choice)} (not available)"


def plain(text: str) -> str:
    """Text made safe for labels and headings that Streamlit reads as markdown: it shows exactly these characters on one line."""
    return MARKDOWN_SIGNS.sub(r"\\\1", " ".join(text.split()))


# What is between two backticks; and a scheme, a host and a port with nothing behind it but the path of OpenAI's interface.
CODE = re.compile(r"(`[^`\n]+`|\bhttps?://[\w.\-\[\]:]*[\w\]](?:/v1)?/?(?=[.,;:!?)]*(?:\s|$)))")


def with_code(text: str) -> str:
    """As `plain`, but what stands between two backticks is shown as code: what we tell people to type. So is the address of a server,
    of which the page would make a link that leads nowhere; one with a path is that of a page, and stays a link."""
    pieces = CODE.split(text)
    return "".join(f"`{piece.strip('`')}`" if number % 2 else _kept_ends(piece) for number, piece in enumerate(pieces))


def _kept_ends(text: str) -> str:
    return f"{' ' * text[:1].isspace()}{plain(text)}{' ' * text[-1:].isspace()}" if text.strip() else " " * bool(text)


def shortened(text: str, characters: int) -> str:
    """The text on one line, cut to so many characters with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"


def context_size(tokens: int) -> str:
    """A context length as model makers write it, in units of 1,024 tokens: 8k, 128k, 1M."""
    if tokens >= 1_000_000:
        return f"{tokens / 1_048_576:.0f}M" if tokens % 1_048_576 == 0 else f"{tokens / 1_000_000:.0f}M"
    return f"{round(tokens / 1024)}k" if tokens >= 1024 else str(tokens)


def size(size_bytes: int) -> str:
    """A file size in powers of 1,000: 812 kB, 4.7 GB."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.1f} {unit}" if unit in ("MB", "GB") and value < 100 else f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def interval(seconds: float) -> str:
    """How often something happens: every day, every 12 hours."""
    for size_s, name in ((604_800, "week"), (86_400, "day"), (3600, "hour")):
        if seconds % size_s == 0:
            number = int(seconds // size_s)
            return f"every {name}" if number == 1 else f"every {number} {name}s"
    return f"every {seconds / 60:.0f} minutes"


def zone(name: str | None) -> tzinfo:
    """The time zone of this name, UTC where the browser told none or one nobody knows."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def moment(when: datetime, *, now: datetime, zone: tzinfo = UTC) -> str:
    """A time in the reader's zone, as short as is clear: 14:05, Yesterday 14:05, 3 Mar 14:05, 3 Mar 2025."""
    local, today = when.astimezone(zone), now.astimezone(zone).date()
    clock = f"{local:%H:%M}"
    if local.date() == today:
        return clock
    if local.date() == today - timedelta(days=1):
        return f"Yesterday {clock}"
    if local.year == today.year:
        return f"{local.day} {local:%b} {clock}"
    return f"{local.day} {local:%b %Y}"


def within(told: str) -> str:
    """A time as `moment` tells it, inside a sentence: yesterday 14:05."""
    return told[:1].lower() + told[1:]


def age_group(when: datetime, *, now: datetime, zone: tzinfo = UTC) -> str:
    """The heading a chat stands under in a list by time: Today, Yesterday, Last 7 days, Last 30 days, March 2026."""
    local, today = when.astimezone(zone).date(), now.astimezone(zone).date()
    days = (today - local).days
    if days <= 0:
        return "Today"
    if days == 1:
        return "Yesterday"
    if days <= 7:
        return "Last 7 days"
    if days <= 30:
        return "Last 30 days"
    return f"{local:%B %Y}"


def month(name: str) -> str:
    """A month as people say it: March 2026 for 2026-03."""
    return f"{date.fromisoformat(f'{name}-01'):%B %Y}"
