"""How much a row counts: what the questions add up of messages and attempts.

Rows that stand for many (`chatcore.rollup.cells`) have the sums as columns, so both are added up by the same functions and
cannot be counted in two ways.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from chatcore.rollup.pages import COUNTS, SOURCES, STATES, UNKNOWN, Column, Table

STATE_PLACES = {state.value: place for place, state in enumerate(STATES)}
# A part of the tokens and the whole it is of: both are added up over the attempts that tell both.
PARTS = (("cached_tokens", "input_tokens"), ("reasoning_tokens", "output_tokens"))


def amount(table: Table, measure: str) -> Column:
    """How much each row counts of a measure."""
    if measure in table.sums:
        return table[measure]
    if measure in STATE_PLACES:
        of_state: Column = (table["state"] == STATE_PLACES[measure]) * amount(table, "answers")
        return of_state
    return MEASURES[measure](table)


def told(table: Table, name: str) -> Column:
    """Whether a count, a time or a cost is known."""
    column = table[name]
    return column != UNKNOWN if name in COUNTS else ~np.isnan(column)


def known(table: Table, name: str, other: str | None = None) -> Column:
    """A number where it is known, and the other one too, else 0. Times are kept short and added up long."""
    there = told(table, name) & told(table, other or name)
    column = table[name]
    return np.where(there, column.astype(np.float64) if column.dtype.kind == "f" else column, 0)


def ones(table: Table) -> Column:
    """Each row counts once."""
    return np.ones(len(table), dtype=np.int64)


def of_tokens() -> dict[str, Callable[[Table], Column]]:
    """What is added up of each kind of tokens."""
    made: dict[str, Callable[[Table], Column]] = {}
    for name in COUNTS:
        made[f"answers_with_{name}"] = partial(told, name=name)
        made[f"known_{name}"] = partial(known, name=name)
    for part, whole in PARTS:
        made[f"{part}_of_both"] = partial(known, name=part, other=whole)
        made[f"{whole}_of_both"] = partial(known, name=whole, other=part)
    return made


MEASURES: dict[str, Callable[[Table], Column]] = {
    "messages": ones,
    "answers": ones,
    "last_at": lambda table: table["at"],
    **of_tokens(),
    "answers_estimated": lambda table: table["source"] == SOURCES.index("estimated"),
    "answers_with_cost": lambda table: told(table, "cost"),
    "known_cost": lambda table: known(table, "cost"),
    "answers_unpriced": lambda table: ~told(table, "cost") & told(table, "output_tokens"),
    "answers_with_duration": lambda table: told(table, "duration_s"),
    "known_duration_s": lambda table: known(table, "duration_s"),
    "load_s_of_both": lambda table: known(table, "load_s", "duration_s"),
    "duration_s_of_both": lambda table: known(table, "duration_s", "load_s"),
}
