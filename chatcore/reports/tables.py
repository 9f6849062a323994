"""Frames as tables for people: heads with units, numbers with as many digits as tell, a dash where nobody knows.

Which digits a number has follows from the unit in its column's name, so that a question that is new needs nothing here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from chatcore import phrases
from chatcore.analytics.filters import zone
from chatcore.reports.series import WEEKDAYS
from chatcore.reports.tiles import UNKNOWN, number, tiles_of, value_text

STATES = {
    "complete": "Complete",
    "stopped": "Stopped by you",
    "failed": "Failed",
    "interrupted": "Cut off by the end of the program",
    "running": "Being written",
}
# Where a model runs (`analytics.costs.kind_of`).
KINDS = {"hosted": "Hosted", "local": "On this machine", "guide": "In the app"}
# Why a tool call failed or was declined (`toolcalls.reason_of`).
REASONS = {
    "unknown_tool": "There is no such tool",
    "bad_arguments": "The arguments do not fit",
    "not_offered": "Tools were off",
    "timeout": "It did not answer in time",
    "tool_broke": "It broke in this app",
    "tool_failed": "The tool failed",
    "limit": "The answer had made as many as it may",
    "declined": "You declined it",
    "never": "The tool is set to never",
    "unanswered": "Nobody answered the question",
}
CALLED = {"done": "Done", "failed": "Failed", "declined": "Declined", "stopped": "Stopped", "running": "Running"}
# The columns that people see of frames that have many more; the others are in the files.
SHOWN = {
    "models": (
        "model_name", "answers", "input_tokens", "output_tokens", "median_time_to_first_chunk_s", "median_output_tokens_per_s",
        "failed_share", "stopped", "interrupted", "last_used_at", "provider",
    ),
    "speed": (
        "model_name", "time_to_first_chunk_s_p50", "time_to_first_chunk_s_p90", "time_to_first_chunk_s_p99", "duration_s_p50",
        "duration_s_p90", "duration_s_p99", "output_tokens_per_s_p50", "output_tokens_per_s_p10", "prompt_tokens_per_s_p50",
        "load_share", "answers_with_duration_s", "provider",
    ),
    "outcomes": ("model_name", "state", "error_type", "answers", "share", "provider"),
    "top_chats": ("title", "messages", "input_tokens", "output_tokens", "first_message_at", "last_message_at", "in_trash"),
    "outcomes_over_time": ("start", "complete", "stopped", "failed", "interrupted", "failed_share", "stopped_share"),
    "feedback": ("model_name", "rated_answers", "up", "down", "up_share", "up_share_low", "up_share_high", "provider"),
    "win_rates": ("model_name", "win_rate", "win_rate_low", "win_rate_high", "games", "wins", "losses", "ties", "both_bad", "provider"),
    "win_rates_by_pair": (
        "model_name", "rival_model_name", "win_rate", "win_rate_low", "win_rate_high", "games", "wins", "losses", "ties", "both_bad",
        "provider", "rival_provider",
    ),
    "costs": (
        "model_name", "cost_usd", "cost_per_1000_answers_usd", "answers", "answers_with_cost", "answers_without_cost", "kind",
        "input_tokens", "output_tokens", "provider",
    ),
    "token_kinds": (
        "model_name", "input_tokens", "cached_tokens", "cached_share", "answers_with_cached_tokens", "output_tokens", "reasoning_tokens",
        "reasoning_share", "answers_with_reasoning_tokens", "answers_with_usage", "answers", "provider",
    ),
    "equivalents": ("model_name", "equivalent_usd", "reference", "answers_with_usage", "input_tokens", "output_tokens", "provider"),
    "energy": ("model_name", "energy_estimate_wh", "duration_s", "answers_with_duration", "answers", "watts", "provider"),
    "tools": (
        "tool", "calls", "failed_share", "failed_share_low", "failed_share_high", "declined_share", "call_duration_s_p50",
        "call_duration_s_p90", "call_duration_s_p95", "call_duration_s_p99", "answers", "server",
    ),
    "tool_servers": (
        "server", "tools", "calls", "failed_share", "failed_share_low", "failed_share_high", "declined_share", "call_duration_s_p50",
        "call_duration_s_p90", "call_duration_s_p99", "answers",
    ),
    "tool_models": (
        "model_name", "calls", "failed_share", "failed_share_low", "failed_share_high", "declined_share", "answers", "rounds_p50",
        "rounds_p90", "most_rounds", "provider",
    ),
    "tools_over_time": (
        "start", "calls", "done", "failed", "declined", "stopped", "failed_share", "call_duration_s_p50", "call_duration_s_p90",
    ),
    "context": (
        "model_name", "answers_with_fill", "fill_share_p50", "fill_share_p90", "fill_share_p99", "above_80", "above_80_share", "above_95",
        "above_95_share", "left_out", "cut_short", "refused", "provider",
    ),
    "titles": ("model_name", "titles", "input_tokens", "output_tokens", "titles_estimated", "cost_usd", "titles_with_cost", "provider"),
}  # fmt: skip
HEADS = {
    "start": "From",
    "model_name": "Model",
    "user_messages": "Yours",
    "assistant_messages": "Of models",
    "input_tokens": "Tokens in",
    "output_tokens": "Tokens out",
    "answers_with_usage": "Tokens known for",
    "answers_estimated": "Estimated for",
    "median_time_to_first_chunk_s": "First chunk, s",
    "median_output_tokens_per_s": "Tokens/s",
    "failed_share": "Failed, %",
    "last_used_at": "Last used",
    "load_share": "Loading, %",
    "answers_with_duration_s": "Answers",
    "state": "Ended",
    "error_type": "Error",
    "share": "Share, %",
    "messages_to": "To",
    "p50": "Half have up to",
    "p90": "9 of 10 have up to",
    "first_message_at": "First message",
    "last_message_at": "Last message",
    "in_trash": "In the trash",
    "began_earlier": "Began before",
    "rated_answers": "Rated",
    "up_share_low": "At least, %",
    "up_share_high": "At most, %",
    "win_rate": "Win rate, %",
    "win_rate_low": "At least, %",
    "win_rate_high": "At most, %",
    "ties": "Both good",
    "rival_model_name": "Against",
    "kind": "Runs",
    "cost_usd": "Cost, USD",
    "cost_per_1000_answers_usd": "Per 1,000 answers, USD",
    "answers_with_cost": "With a price",
    "answers_without_cost": "Without a price",
    "cached_tokens": "Of them cached",
    "cached_share": "Cached, %",
    "answers_with_cached_tokens": "Cache told by",
    "reasoning_tokens": "Of them reasoning",
    "reasoning_share": "Reasoning, %",
    "answers_with_reasoning_tokens": "Reasoning told by",
    "equivalent_usd": "Equivalent, USD",
    "answers_with_duration": "Time known for",
    "duration_s": "Time, s",
    "titles_estimated": "Estimated for",
    "titles_with_cost": "With a price",
    "energy_estimate_wh": "Energy (estimate), Wh",
    "failed_share_low": "At least, %",
    "failed_share_high": "At most, %",
    "rounds_p50": "Rounds, half",
    "rounds_p90": "Rounds, 9 of 10",
    "answers_with_fill": "Answers",
    "fill_share_p50": "Full, half, %",
    "fill_share_p90": "Full, 9 of 10, %",
    "fill_share_p99": "Full, 99 of 100, %",
    "above_80": "From 80%",
    "above_80_share": "From 80%, %",
    "above_95": "From 95%",
    "above_95_share": "From 95%, %",
    "fill_share_low": "From, %",
    "fill_share_high": "To, %",
}
MEASURES = {
    "time_to_first_chunk_s": "First chunk, s",
    "duration_s": "Whole answer, s",
    "load_s": "Loading, s",
    "call_duration_s": "Time, s",
    "output_tokens_per_s": "Tokens/s",
    "prompt_tokens_per_s": "Prompt tokens/s",
}
# Of times a high percentile is slow, of speeds a low one.
PARTS = {50: "half", 90: "9 of 10", 95: "19 of 20", 99: "99 of 100", 10: "slowest 10th", 5: "slowest 20th", 1: "slowest 100th"}
PERCENTILE = re.compile(r"(.+)_p(\d+)")
# What ends so is a part of 1, shown in percent.
PARTS_OF_ONE = ("_share", "_share_low", "_share_high", "_rate", "_rate_low", "_rate_high")
# Unit at the end of a name -> digits after the point. The first that fits counts.
DIGITS = (("call_duration_s", 3), ("prompt_tokens_per_s", 0), ("_per_s", 1), ("_s", 2), ("_usd", 4), ("_wh", 1))


@dataclass(frozen=True, slots=True)
class Table:
    """Texts in rows, and which columns are numbers, which stand right."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]


def table_of(frame: pd.DataFrame, time_zone: str, *, columns: Sequence[str] | None = None) -> Table:
    """The columns of a frame, or these of them, as people read them; times on the clock of the zone."""
    names = [name for name in columns or frame.columns if name in frame]
    cells = [[cell_text(name, value, time_zone) for value in frame[name]] for name in names]
    numeric = tuple(frame[name].dtype.kind in "iuf" and name not in ("weekday", "hour") for name in names)
    return Table(tuple(head_of(name) for name in names), tuple(zip(*cells, strict=True)), numeric)


def known_columns(name: str, frame: pd.DataFrame) -> list[str]:
    """The columns that people see of a question's frame, without those of which nobody knows anything: they would only make it wider."""
    return [column for column in SHOWN.get(name, frame.columns) if is_known(frame[column])]


def is_known(column: pd.Series) -> bool:
    """Whether a column tells anything; that a number is known for no answer at all says what its dashes say."""
    return bool(column.notna().any() and not (str(column.name).startswith("answers_with_") and column.eq(0).all()))


def tiles_table(frame: pd.DataFrame, *, compare: bool) -> Table:
    """The frame of `analytics.tiles` as the page says it, with the value before."""
    rows = []
    for tile, unit, before in zip(tiles_of(frame, compare=compare), frame["unit"], frame["previous"], strict=True):
        change = "0%" if tile.delta == 0 else str(tile.delta or "")
        rows.append((tile.label, tile.value, tile.detail, *((value_text(unit, number(before)), change) if compare else ())))
    heads = ("", "Value", "", *(("Before", "Change") if compare else ()))
    return Table(heads, tuple(rows), tuple(place in (1, 3, 4) for place in range(len(heads))))


def head_of(name: str) -> str:
    """A column's name as people read it, its unit last."""
    percentile = PERCENTILE.fullmatch(name)
    if percentile and percentile[1] in MEASURES:
        return f"{MEASURES[percentile[1]]}, {PARTS.get(int(percentile[2]), f'p{percentile[2]}')}"
    if name in HEADS:
        return HEADS[name]
    for end, unit in (("_per_s", "/s"), ("_share", ", %"), ("_s", ", s"), ("_usd", ", USD"), ("_wh", ", Wh")):
        if name.endswith(end):
            return plain_head(name.removesuffix(end)) + unit
    return plain_head(name)


def plain_head(name: str) -> str:
    """A name in words: active_days is Active days."""
    return name.replace("_", " ").capitalize()


def cell_text(name: str, value: object, time_zone: str) -> str:
    """A value of this column; a dash where it is unknown."""
    if pd.isna(value):  # type: ignore[call-overload]  # a cell of a frame is an object to the checker
        return UNKNOWN
    if isinstance(value, datetime):
        # A time without a zone is the midnight of a local day.
        return f"{value:%Y-%m-%d}" if value.tzinfo is None else f"{value.astimezone(zone(time_zone)):%Y-%m-%d %H:%M}"
    if isinstance(value, str):
        said = {"state": STATES.get(value) or CALLED.get(value, value), "error_type": phrases.error_name(value)}
        return (said | {"kind": KINDS.get(value, value), "reason": REASONS.get(value, value)}).get(name, value)
    if pd.api.types.is_bool(value):
        return "yes" if value else ""
    amount = number(value)
    assert amount is not None
    if name == "weekday":
        return WEEKDAYS[int(amount)]
    if name == "hour":
        return f"{amount:02.0f}:00"
    return number_text(name, amount)


def number_text(name: str, value: float) -> str:
    """A number of this column, with the digits of its unit; shares in percent."""
    percentile = PERCENTILE.fullmatch(name)
    unit = percentile[1] if percentile else name
    if unit == "share" or unit.endswith(PARTS_OF_ONE):
        return f"{value * 100:.1f}"
    for end, digits in DIGITS:
        if unit.endswith(end) and not unit.startswith(("answers_with_", "calls_with_")):
            return f"{value:,.{digits}f}"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"
