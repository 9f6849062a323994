"""What tools did: how often models called them, what went wrong, how long they took, and in how many rounds of an answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from chatcore.analytics.answers import model_columns
from chatcore.analytics.chosen import by_model, compact, local_steps
from chatcore.analytics.detailed import chosen_details, compared_details, groups_of
from chatcore.analytics.filters import Filters, Step
from chatcore.analytics.frames import Values, alphabetical, framed, in_order, ratio, texts, texts_at
from chatcore.analytics.intervals import wilson
from chatcore.analytics.numbers import Ints, percentiles, sizes
from chatcore.analytics.tiles import Total, compare
from chatcore.db import Database
from chatcore.parts import CallState, Period, Viewer
from chatcore.rollup.pages import CALL_STATES, REASONS, Details, Table
from chatcore.tools import TOOLS
from chatcore.tools.base import BUILT_IN

# Of a tool that is neither built in nor has a server in its name: another program called it, and an import brought that.
ELSEWHERE = "Elsewhere"
# How the name of a server and that of its tool are joined (`chatcore.tools.mcp`).
JOINED = "__"
PERCENTILES = (50, 90, 95, 99)
# measure -> unit of `value` and `previous`
UNITS = {
    "tool_calls": "calls",
    "tool_failed_share": "share",
    "tool_declined_share": "share",
    "median_tool_duration_s": "s",
}
OPEN = (CallState.WAITING, CallState.RUNNING)
ENDED = {state.value: (state,) for state in CALL_STATES if state not in OPEN} | {"running": OPEN}
COUNTS = ("calls", "done", "failed", "declined", "stopped", "running")


@dataclass(frozen=True, slots=True)
class ToolReport:
    """Every frame of the tab, read in one transaction, and the period that the tiles compare with."""

    previous: Period
    tiles: pd.DataFrame
    tools: pd.DataFrame
    servers: pd.DataFrame
    models: pd.DataFrame
    over_time: pd.DataFrame
    errors: pd.DataFrame
    rounds: pd.DataFrame


def tool_report(db: Database, viewer: Viewer, filters: Filters, *, now: datetime, step: Step = "day") -> ToolReport:
    """What did tools do in the period, and how does it compare with the one before? `step` is that of `tools_over_time`."""
    with db.read() as tx:
        found = compared_details(tx, viewer, filters, "calls", now=now)
    details = found.now
    return ToolReport(
        previous=found.earlier.period,
        tiles=compare(totals(details), totals(found.before), UNITS),
        tools=tools_of(details),
        servers=servers_of(details),
        models=models_of(details),
        over_time=tool_steps_of(details, filters, step),
        errors=errors_of(details),
        rounds=rounds_of(details),
    )


def tool_tiles(db: Database, viewer: Viewer, filters: Filters, *, now: datetime) -> pd.DataFrame:
    """What did tools do in one number each, and the change since the period before?

    One row per measure of UNITS, with the columns of `tiles`; `over` counts calls.
    """
    return tool_report(db, viewer, filters, now=now).tiles


def tools(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """What did each tool do?

    One row per tool, most calls first: `tool`, `server` (BUILT_IN, the name of an MCP server, or ELSEWHERE), `calls`, and of them
    `done`, `failed`, `declined`, `stopped`, `running`; `failed_share` (of those that were done or failed; None for none) with its
    Wilson interval `failed_share_low` and `failed_share_high`; `declined_share` (of those that ended); `call_duration_s_p50`, `_p90`,
    `_p95`, `_p99` and over how many calls they are, `calls_with_call_duration_s`; `answers` that called it.
    """
    with db.read() as tx:
        return tools_of(chosen_details(tx, viewer, filters, "calls"))


def tool_servers(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """What did the tools of each server do?

    One row per `server`, most calls first, with the columns of `tools`, and `tools` (how many of them were called).
    """
    with db.read() as tx:
        return servers_of(chosen_details(tx, viewer, filters, "calls"))


def tool_models(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How did each model use tools?

    One row per provider and model that called one, most calls first: `provider`, `model_name`, the columns of `tools` from `calls`
    on, and of the answers with calls `rounds_p50`, `rounds_p90` and `most_rounds`: how often the model stopped for tools.
    """
    with db.read() as tx:
        return models_of(chosen_details(tx, viewer, filters, "calls"))


def tools_over_time(db: Database, viewer: Viewer, filters: Filters, *, step: Step = "day") -> pd.DataFrame:
    """How did the calls of tools change?

    One row per day, week (from Monday) or month of the viewer's zone with a call, oldest first: `start` (the first day of the step,
    naive midnight), and the columns of `tools` from `calls` on.
    """
    with db.read() as tx:
        return tool_steps_of(chosen_details(tx, viewer, filters, "calls"), filters, step)


def tool_errors(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """Why did calls of each tool fail, or were declined?

    One row per `tool`, `state` (failed, declined) and `reason`, most calls first: `calls`, and `share` of all calls of the tool.
    """
    with db.read() as tx:
        return errors_of(chosen_details(tx, viewer, filters, "calls"))


def tool_rounds(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How often did an answer stop for tools?

    One row per number of `rounds` with tools that an answer had, the fewest first: `answers`, `share` (of the answers with calls), and
    the `calls` in them.
    """
    with db.read() as tx:
        return rounds_of(chosen_details(tx, viewer, filters, "calls"))


def server_of(tool: str) -> str:
    """Where a tool comes from, as its name says."""
    if tool in BUILT_IN_TOOLS:
        return BUILT_IN
    server, joined, _ = tool.partition(JOINED)
    return server if joined and server else ELSEWHERE


BUILT_IN_TOOLS = frozenset(name for name, _ in TOOLS)


def tools_of(details: Details) -> pd.DataFrame:
    """The frame of `tools`."""
    names, groups = groups_of(details.tools, details.rows["tool"])
    counted = columns_of(details.rows, groups, len(names))
    return framed({"tool": texts(names), "server": texts(map(server_of, names)), **counted}, in_order(-counted["calls"]))


def servers_of(details: Details) -> pd.DataFrame:
    """The frame of `tool_servers`."""
    names, groups = groups_of([server_of(tool) for tool in details.tools], details.rows["tool"])
    called, of_tool = np.unique(details.rows["tool"], return_index=True)
    there = sizes(groups[of_tool], len(names)) if len(called) else np.zeros(0, dtype=np.int64)
    counted = columns_of(details.rows, groups, len(names))
    return framed({"server": texts(names), "tools": there, **counted}, in_order(-counted["calls"]))


def models_of(details: Details) -> pd.DataFrame:
    """The frame of `tool_models`."""
    pairs, groups = by_model(details.rows, details.models)
    counted = columns_of(details.rows, groups, len(pairs))
    columns: dict[str, Values] = {**model_columns(pairs), **counted}
    messages, rounds = rounds_of_answers(details.rows)
    own = np.zeros(len(messages), dtype=np.int64)
    own[np.searchsorted(messages, details.rows["message"])] = groups
    _, found = percentiles(own, rounds.astype(np.float32), len(pairs), [50, 90, 100])
    columns["rounds_p50"], columns["rounds_p90"] = found[:, 0], found[:, 1]
    columns["most_rounds"] = np.nan_to_num(found[:, 2]).astype(np.int64)
    return framed(columns, in_order(-counted["calls"]))


def tool_steps_of(details: Details, filters: Filters, step: Step) -> pd.DataFrame:
    """The frame of `tools_over_time`."""
    starts, steps = local_steps(details.rows, filters, step)
    return framed({"start": starts, **columns_of(details.rows, steps, len(starts))})


def errors_of(details: Details) -> pd.DataFrame:
    """The frame of `tool_errors`."""
    names, groups = groups_of(details.tools, details.rows["tool"])
    whole = sizes(groups, len(names))
    why = details.rows["reason"] > 0
    kinds = len(CALL_STATES) * len(REASONS)
    keys, rows = compact(groups[why] * kinds + details.rows["state"][why].astype(np.int64) * len(REASONS) + details.rows["reason"][why])
    own, kind = np.divmod(keys, kinds)
    state, reason = np.divmod(kind, len(REASONS))
    calls = sizes(rows, len(keys))
    states, reasons = tuple(state.value for state in CALL_STATES), tuple(map(str, REASONS))
    columns: dict[str, Values] = {
        "tool": texts_at(tuple(names), own),
        "state": texts_at(states, state),
        "reason": texts_at(reasons, reason),
        "calls": calls,
        "share": calls / whole[own] if len(own) else np.zeros(0),
    }
    return framed(columns, in_order(-calls, own, alphabetical(states)[state], alphabetical(reasons)[reason]))


def rounds_of(details: Details) -> pd.DataFrame:
    """The frame of `tool_rounds`."""
    messages, rounds = rounds_of_answers(details.rows)
    kept, groups = compact(rounds)
    answers = sizes(groups, len(kept))
    of_calls = groups[np.searchsorted(messages, details.rows["message"])] if len(messages) else groups
    share = answers / max(len(messages), 1)
    return framed({"rounds": kept, "answers": answers, "share": share, "calls": sizes(of_calls, len(kept))})


def rounds_of_answers(calls: Table) -> tuple[Ints, Ints]:
    """The messages that have calls, in order of their ids, and the rounds with tools of each."""
    messages, places = by_message(calls)
    rounds = np.zeros(len(messages), dtype=np.int64)
    np.maximum.at(rounds, places, calls["round"])
    return messages, rounds


def by_message(calls: Table) -> tuple[Ints, Ints]:
    """The messages that have calls, in order of their ids, and for each call the place of its own."""
    messages, places = calls.once("by message", lambda: np.unique(calls["message"], return_inverse=True))
    return messages, places


def columns_of(calls: Table, groups: Ints, number: int) -> dict[str, npt.NDArray[Any]]:
    """The columns that the frames about calls share, by group, each of 0 to `number` - 1."""
    counted = counts_of(calls, groups, number)
    tried = counted["done"] + counted["failed"]
    around = [wilson(failed / of, of) if of else None for failed, of in zip(counted["failed"].tolist(), tried.tolist(), strict=True)]
    known, found = percentiles(groups, calls["duration_s"], number, PERCENTILES)
    # An answer counts once in each group that it has a call in.
    messages, own = by_message(calls)
    answers = compact(groups * max(len(messages), 1) + own)[0] // max(len(messages), 1)
    return {
        **counted,
        "failed_share": ratio(counted["failed"], tried),
        "failed_share_low": np.array([one.low if one else np.nan for one in around], dtype=np.float64),
        "failed_share_high": np.array([one.high if one else np.nan for one in around], dtype=np.float64),
        "declined_share": ratio(counted["declined"], counted["calls"] - counted["running"]),
        **{f"call_duration_s_p{percentile}": found[:, place] for place, percentile in enumerate(PERCENTILES)},
        "calls_with_call_duration_s": known,
        "answers": sizes(answers, number),
    }


def counts_of(calls: Table, groups: Ints, number: int) -> dict[str, Ints]:
    """COUNTS by group."""
    states = calls["state"]
    places = {name: [CALL_STATES.index(state) for state in meant] for name, meant in ENDED.items()}
    counted = {name: sizes(groups[np.isin(states, meant)], number) for name, meant in places.items()}
    return {name: sizes(groups, number) if name == "calls" else counted[name] for name in COUNTS}


def totals(details: Details) -> dict[str, Total]:
    """Every measure of UNITS."""
    everything = np.zeros(len(details.rows), dtype=np.int64)
    counted = {name: int(found[0]) for name, found in counts_of(details.rows, everything, 1).items()}
    tried, ended = counted["done"] + counted["failed"], counted["calls"] - counted["running"]
    known, found = percentiles(everything, details.rows["duration_s"], 1, [50])
    return {
        "tool_calls": Total(counted["calls"]),
        "tool_failed_share": Total(counted["failed"] / tried if tried else None, tried),
        "tool_declined_share": Total(counted["declined"] / ended if ended else None, ended),
        "median_tool_duration_s": Total(float(found[0, 0]), int(known[0])),
    }
