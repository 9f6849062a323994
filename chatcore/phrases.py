"""Numbers, stretches of time and names as people read them, on every page and in every report. Pure."""


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


def money(usd: float) -> str:
    """An amount of US dollars: $12.34, $0.0042 where cents would say too little, $12,345 where they
    say nothing. The amount is 0 or more."""
    if usd >= 999.995:
        return f"${usd:,.0f}"
    if 0 < usd < 0.00005:
        return "less than $0.0001"
    return f"${usd:.2f}" if usd == 0 or usd >= 0.99995 else f"${usd:.4f}"


def energy(wh: float) -> str:
    """Watt-hours, 0 or more: 0.4 Wh, 12 Wh, 1.2 kWh."""
    if 0 < wh < 0.05:
        return "less than 0.1 Wh"
    if wh < 999.5:
        return f"{wh:.1f} Wh" if wh < 9.95 else f"{wh:.0f} Wh"
    return f"{wh / 1000:.1f} kWh" if wh < 99_500 else f"{wh / 1000:,.0f} kWh"


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


def time_taken(seconds: float) -> str:
    """How long something took, which may be too short for tenths of a second: 3 ms, then as `duration`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 0.0995 else duration(seconds)
