"""Numbers, times and texts as people read them. Pure: nothing here draws."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+!|~$:-])")


def plain(text: str) -> str:
    """Text made safe for labels and headings that Streamlit reads as markdown: it shows exactly these characters on one line."""
    return MARKDOWN_SIGNS.sub(r"\\\1", " ".join(text.split()))


def with_code(text: str) -> str:
    """As `plain`, but what stands between two backticks is shown as code: what we tell people to type."""
    pieces = re.split(r"(`[^`\n]+`)", text)
    return "".join(piece if number % 2 else _kept_ends(piece) for number, piece in enumerate(pieces))


def _kept_ends(text: str) -> str:
    return f"{' ' * text[:1].isspace()}{plain(text)}{' ' * text[-1:].isspace()}" if text.strip() else " " * bool(text)


def shortened(text: str, characters: int) -> str:
    """The text on one line, cut to so many characters with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"


def model_name(provider: str | None, name: str | None) -> str:
    """A model as people call it: the built-in guide has no other name."""
    return "Built-in guide" if provider == "guide" else name or "Unknown model"


def error_name(error_type: str) -> str:
    """A kind of error as people read it: server_error is Server error."""
    return error_type.replace("_", " ").capitalize()


def count(number: int) -> str:
    """A whole number with thousands separated: 12,345."""
    return f"{number:,}"


def short_count(number: float) -> str:
    """A number in at most five characters: 999, 1.2k, 34k, 5.6M."""
    for size, sign in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            value = number / size
            return f"{value:.1f}".rstrip("0").rstrip(".") + sign if abs(value) < 10 else f"{value:.0f}{sign}"
    return f"{number:.0f}"


def context_size(tokens: int) -> str:
    """A context length as model makers write it, in units of 1,024 tokens: 8k, 128k, 1M."""
    if tokens >= 1_000_000:
        return f"{tokens / 1_048_576:.0f}M" if tokens % 1_048_576 == 0 else f"{tokens / 1_000_000:.0f}M"
    return f"{round(tokens / 1024)}k" if tokens >= 1024 else str(tokens)


def plural(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 chat, 2 chats."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """A stretch of time: 0.4 s, 12 s, 2 min 5 s, 3 h 10 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    minutes = round(whole / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def size(size_bytes: int) -> str:
    """A file size in powers of 1,000: 812 kB, 4.7 GB."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.1f} {unit}" if unit in ("MB", "GB") and value < 100 else f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


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
