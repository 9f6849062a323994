"""Questions over the generations, the usage ledger: tokens, speed and outcome of every attempt at an answer.

The ledger outlives its chat: what was used stays counted after the messages are gone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session

from chatcore.analytics.chats import chats_meant
from chatcore.analytics.chosen import by_model, chosen_rows, compact, local_steps, model_places
from chatcore.analytics.filters import Days, Filters, Step
from chatcore.analytics.frames import Values, framed, in_order, known, ratio, texts_at, utc_times
from chatcore.analytics.numbers import Ints, newest, percentiles_of, sums_of
from chatcore.analytics.statements import GENERATIONS, between, narrow
from chatcore.db import Database
from chatcore.parts import Viewer
from chatcore.rollup.cells import together
from chatcore.rollup.gather import everybodys_names, known_names
from chatcore.rollup.measures import amount
from chatcore.rollup.pages import Rows, Table
from chatcore.rollup.tables import has_ref

COUNTS = (
    "answers",
    "running",
    "complete",
    "stopped",
    "failed",
    "interrupted",
    "input_tokens",
    "output_tokens",
    "answers_with_usage",
    "answers_estimated",
)
# What of an attempt is added up for them, where it has another name there.
MEASURES_OF = {
    "answers_with_usage": "answers_with_output_tokens", "input_tokens": "known_input_tokens", "output_tokens": "known_output_tokens",
}  # fmt: skip
MODEL = ["provider", "model_name"]

# The sums that these questions are content with.
TOKEN_CELLS = ("answers",)
MODEL_CELLS = ("answers", "time_to_first_chunk_s", "output_tokens_per_s")

# What is measured of an answer: the names of its median and of the number of answers it is over.
MEDIANS = {
    "time_to_first_chunk_s": ("median_time_to_first_chunk_s", "answers_with_time_to_first_chunk"),
    "output_tokens_per_s": ("median_output_tokens_per_s", "answers_with_output_tokens_per_s"),
}


def tokens_per_day(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How many tokens did each model read and write on each local day?

    One row per day and model that was asked, oldest day first: `day` (naive midnight of the viewer's zone), `provider`,
    `model_name`, `answers`, `input_tokens`, `output_tokens`, `answers_with_usage` (over how many answers the tokens are
    known), `answers_estimated` (of these, how many were estimated instead of reported). A day without answers has no row.
    """
    with db.read() as tx:
        return tokens_of(chosen_rows(tx, viewer, filters, kinds=TOKEN_CELLS), filters)


def models(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How did each model do?

    One row per provider and model, most answers first: `provider`, `model_name`, `answers` (attempts), `running`,
    `complete`, `stopped`, `failed`, `interrupted`, `input_tokens`, `output_tokens` (None if no answer has a known
    usage), `answers_with_usage`, `answers_estimated`, `failed_share` (failed / finished, None if none is finished),
    `median_time_to_first_chunk_s`, `median_output_tokens_per_s` (None if unknown) with the number of answers each is
    over (`answers_with_...`), and `last_used_at` (UTC, when the newest attempt started).
    """
    with db.read() as tx:
        return models_of(chosen_rows(tx, viewer, filters, kinds=MODEL_CELLS))


def known_models(db: Database, viewer: Viewer, *, everybody: bool = False) -> tuple[tuple[str, str], ...]:
    """Every (provider, model name) that was ever asked or that a message names, in order: what the filters offer.

    Raises Denied for everybody's if the viewer is not the owner.
    """
    with db.read() as tx:
        return tuple(sorted((everybodys_names if everybody else known_names)(tx, viewer)))


def tokens_of(rows: Rows, filters: Filters) -> pd.DataFrame:
    """The frame of `tokens_per_day`."""
    steps, asked = steps_by_model(rows, filters, "day"), together(rows.answers, "models")
    wanted = ("input_tokens", "output_tokens", "answers_with_usage", "answers_estimated")
    sums = count(asked, steps.groups_of(asked), len(steps.starts), wanted)
    return framed({"day": steps.starts, **steps.models, "answers": steps.answers, **sums})


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A row for each step and model that was asked in it, in order: its first day (see `speed_over_time`), `provider` and `model_name`,
    the model's place in `pairs`, and the attempts; and what tells for each attempt of a table the place of its row."""

    starts: Days
    models: dict[str, Values]
    pairs: list[tuple[str, str]]
    places: Ints
    answers: Ints
    groups_of: Callable[[Table], Ints]


def steps_by_model(rows: Rows, filters: Filters, step: Step) -> Steps:
    """The attempts by step and model."""
    asked = together(rows.answers, "models")
    pairs, places = model_places(asked, rows.models)
    models = by_model(asked, rows.models)[1]
    starts, steps = local_steps(asked, filters, step)
    keys, groups = compact(steps * max(len(pairs), 1) + models)

    def groups_of(table: Table) -> Ints:
        if table is asked:
            return groups
        own_starts, own_steps = local_steps(table, filters, step)
        own = (np.searchsorted(starts, own_starts) * max(len(pairs), 1))[own_steps] + places[table["models"]]
        rows_of_keys = np.zeros(len(starts) * max(len(pairs), 1), dtype=np.int64)
        rows_of_keys[keys] = np.arange(len(keys))
        place: Ints = rows_of_keys[own]
        return place

    own_step, own_model = np.divmod(keys, max(len(pairs), 1))
    answers = sums_of(asked, "answers", groups, len(keys))
    return Steps(starts[own_step], model_columns(pairs, own_model), pairs, own_model, answers, groups_of)


def models_of(rows: Rows) -> pd.DataFrame:
    """The frame of `models`."""
    asked = rows.answers
    pairs, places = model_places(asked, rows.models)
    models = by_model(asked, rows.models)[1]
    sums = count(asked, models, len(pairs), COUNTS)
    unknown = sums["answers_with_usage"] == 0
    table: dict[str, Values] = {**model_columns(pairs), **sums}
    table |= {name: known(sums[name], unknown) for name in ("input_tokens", "output_tokens")}
    table["failed_share"] = ratio(sums["failed"], sums["answers"] - sums["running"])
    for measure, (median, answers) in MEDIANS.items():
        counts, found = percentiles_of(rows, measure, lambda table: places[table["models"]], len(pairs), [50])
        table[median], table[answers] = found[:, 0], counts
    table["last_used_at"] = utc_times(newest(models, amount(asked, "last_at"), len(pairs)))
    # Models are in order already, and of equal rows the first stays the first.
    return framed(table, in_order(-sums["answers"]))


def count(asked: Table, groups: Ints, number: int, wanted: Sequence[str]) -> dict[str, Ints]:
    """Sums of attempts by group, each of 0 to `number` - 1: those of COUNTS that are wanted."""
    return {name: sums_of(asked, MEASURES_OF.get(name, name), groups, number) for name in wanted}


def model_columns(pairs: Sequence[tuple[str, str]], places: Ints | None = None) -> dict[str, Values]:
    """The columns of MODEL for rows whose models are at these places, else of a row for each."""
    at = np.arange(len(pairs)) if places is None else places
    return {name: texts_at(tuple(pair[part] for pair in pairs), at) for part, name in enumerate(MODEL)}


def counted(tx: Session, viewer: Viewer, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """Which attempts count, as `chosen.choose` has it: those that started in the period, by the chosen models in the chosen chats."""
    ledger = GENERATIONS.c
    conditions = [ledger.user_id == viewer.user_id, *between(ledger.started_at, filters.period), *narrow(GENERATIONS, filters)]
    chats = chats_meant(tx, viewer, filters)
    if chats is not None:
        conditions.append(ledger.session_id.in_(chats))
    if filters.imported is not None:
        imported = sa.or_(sa.func.coalesce(ledger.usage_source, "") == "imported", has_ref(ledger.message_id))
        conditions.append(imported if filters.imported else sa.not_(imported))
    return conditions
