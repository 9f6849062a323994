"""The number tiles: rows of `analytics.tiles` as people read them."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from chatcore import phrases
from chatcore.analytics import DEFINITIONS, Report
from chatcore.analytics.ranges import days_text

LABELS = {
    "messages": "Messages",
    "chats": "Chats",
    "active_days": "Active days",
    "input_tokens": "Tokens in",
    "output_tokens": "Tokens out",
    "median_time_to_first_chunk_s": "Time to first chunk",
    "median_output_tokens_per_s": "Tokens per second",
    "failed_share": "Failed answers",
    "tool_calls": "Tool calls",
    "tool_failed_share": "Failed calls",
    "tool_declined_share": "Declined calls",
    "median_tool_duration_s": "Time of a tool",
}
# What is not over answers.
OF_CALLS = ("tool_failed_share", "tool_declined_share", "median_tool_duration_s")
# More messages is neither good nor bad; less waiting, more speed and fewer failures are good.
BETTER: dict[str, Literal["normal", "inverse", "off"]] = {
    "median_time_to_first_chunk_s": "inverse",
    "median_output_tokens_per_s": "normal",
    "failed_share": "inverse",
    "tool_failed_share": "inverse",
}
UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: its texts. `delta` is None where there is nothing to compare with, 0 for no change."""

    measure: str
    label: str
    value: str
    delta: str | int | None
    detail: str
    help: str

    @property
    def is_new(self) -> bool:
        return self.delta == "New"


def tiles_of(frame: pd.DataFrame, *, compare: bool) -> tuple[Tile, ...]:
    """The tiles of a frame, in its order; without `compare` no change is shown."""
    return tuple(tile_of(row, compare=compare) for row in frame.to_dict("records"))


def tile_of(row: dict[Hashable, object], *, compare: bool) -> Tile:
    """One tile from one row of `analytics.tiles`."""
    measure, value, change, over, estimated = (row[name] for name in ("measure", "value", "change", "over", "estimated"))
    kind = str(row["change_kind"]) if compare else "none"
    return Tile(
        measure=str(measure),
        label=LABELS[str(measure)],
        value=value_text(str(row["unit"]), number(value)),
        delta=delta_text(kind, number(change)),
        detail=detail_text(str(measure), number(over)),
        help=help_text(str(measure), number(over), number(estimated)),
    )


def number(value: object) -> float | None:
    """A cell as a number; None where it is unknown."""
    return None if pd.isna(value) else float(str(value))  # type: ignore[call-overload]  # a cell of a frame is an object to the checker


def value_text(unit: str, value: float | None) -> str:
    """The number with its unit; a dash where it is unknown."""
    if value is None:
        return UNKNOWN
    if unit == "s":
        return phrases.duration(value) if value >= 1 or value == 0 else f"{value * 1000:.0f} ms"
    if unit == "share":
        return percent(value)
    if unit == "tokens/s":
        return f"{value:.1f}" if value < 100 else f"{value:,.0f}"
    return phrases.count(round(value)) if abs(value) < 100_000 else phrases.short_count(value)


def percent(share: float) -> str:
    """A share in percent, with a digit after the point where it is small: 0%, 0.4%, 12%."""
    hundred = share * 100
    return f"{hundred:.1f}%" if 0 < abs(hundred) < 9.95 else f"{hundred:.0f}%"


def delta_text(kind: str, change: float | None) -> str | int | None:
    """The change: +12%, +0.4 pts for shares in percent, 12 times where it is very large, New after nothing; 0 (gray) where
    it rounds to nothing."""
    if kind == "new":
        return "New"
    if kind == "none" or change is None:
        return None
    if kind == "points":
        text = f"{change * 100:+.1f}"
        return 0 if float(text) == 0 else f"{text} pts"
    if change >= 9.995:
        return f"{change + 1:,.0f} times"
    text = f"{change * 100:+.0f}"
    return 0 if float(text) == 0 else f"{text}%"


def detail_text(measure: str, over: float | None) -> str:
    """Over how many answers the number is, short enough for a tile; empty for plain counts."""
    if over is None:
        return ""
    return f"of {over:.0f}" if measure == "active_days" else f"over {phrases.short_count(over)}"


def help_text(measure: str, over: float | None, estimated: float | None) -> str:
    """How the number is counted, over how many answers, and how many of them have estimated tokens."""
    text = DEFINITIONS[measure]
    if over is None or measure == "active_days":
        return text
    text += f" Here over {phrases.plural(round(over), 'call' if measure in OF_CALLS else 'answer')}."
    return f"{text} The tokens of {percent(estimated / over)} of them are estimated." if over and estimated else text


def summary(report: Report, time_zone: str, *, compare: bool) -> list[str]:
    """How the answers ended, so that what was stopped or interrupted is not hidden in the failed share, and what the changes
    compare with: a sentence each."""
    ended = {name: int(report.models[name].sum()) for name in ("complete", "failed", "stopped", "interrupted", "running")}
    finished = sum(ended.values()) - ended["running"]
    sentences = []
    if finished:
        sentences.append(
            f"{phrases.plural(finished, 'finished answer')}: {phrases.count(ended['complete'])} complete, "
            f"{phrases.count(ended['failed'])} failed, {phrases.count(ended['stopped'])} stopped by you, "
            f"{phrases.count(ended['interrupted'])} interrupted."
        )
    if ended["running"]:
        sentences.append(f"{phrases.plural(ended['running'], 'answer')} being written.")
    if compare:
        sentences.append(f"Changes are against {days_text(report.previous, time_zone)}.")
    return sentences
