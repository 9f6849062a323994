"""Questions over the generations, the usage ledger: tokens, speed and outcome of every attempt at an answer.

The ledger outlives its chat: what was used stays counted after the messages are gone.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session

from chatcore.analytics.chats import chats_meant
from chatcore.analytics.chosen import by_model, chosen_rows, compact, local_steps
from chatcore.analytics.filters import Filters, Step
from chatcore.analytics.numbers import Ints, newest, percentiles, sizes, totals
from chatcore.analytics.statements import GENERATIONS, between, narrow
from chatcore.db import Database
from chatcore.parts import Viewer
from chatcore.rollup.gather import everybodys_names, known_names
from chatcore.rollup.pages import SOURCES, STATES, UNKNOWN, Rows, Table
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
MODEL = ["provider", "model_name"]

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
        return tokens_of(chosen_rows(tx, viewer, filters), filters)


def models(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How did each model do?

    One row per provider and model, most answers first: `provider`, `model_name`, `answers` (attempts), `running`,
    `complete`, `stopped`, `failed`, `interrupted`, `input_tokens`, `output_tokens` (None if no answer has a known
    usage), `answers_with_usage`, `answers_estimated`, `failed_share` (failed / finished, None if none is finished),
    `median_time_to_first_chunk_s`, `median_output_tokens_per_s` (None if unknown) with the number of answers each is
    over (`answers_with_...`), and `last_used_at` (UTC, when the newest attempt started).
    """
    with db.read() as tx:
        return models_of(chosen_rows(tx, viewer, filters))


def known_models(db: Database, viewer: Viewer, *, everybody: bool = False) -> tuple[tuple[str, str], ...]:
    """Every (provider, model name) that was ever asked or that a message names, in order: what the filters offer.

    Raises Denied for everybody's if the viewer is not the owner.
    """
    with db.read() as tx:
        return tuple(sorted((everybodys_names if everybody else known_names)(tx, viewer)))


def tokens_of(rows: Rows, filters: Filters) -> pd.DataFrame:
    """The frame of `tokens_per_day`."""
    table, groups = steps_by_model(rows, filters, "day")
    sums = count(rows.answers, groups, len(table), ("input_tokens", "output_tokens", "answers_with_usage", "answers_estimated"))
    return table.rename(columns={"start": "day"}).assign(**sums)


def steps_by_model(rows: Rows, filters: Filters, step: Step) -> tuple[pd.DataFrame, Ints]:
    """A row for each step and model that was asked in it, in order: `start` (see `speed_over_time`), `provider`, `model_name` and
    `answers`; and for each attempt the place of its row."""
    pairs, models = by_model(rows.answers, rows.models)
    starts, steps = local_steps(rows.answers["at"], filters, step)
    keys, groups = compact(steps * max(len(pairs), 1) + models)
    own_step, own_model = np.divmod(keys, max(len(pairs), 1))
    start = starts.take(own_step).reset_index(drop=True)
    return pd.DataFrame({"start": start, **model_columns(pairs, own_model), "answers": sizes(groups, len(keys))}), groups


def models_of(rows: Rows) -> pd.DataFrame:
    """The frame of `models`."""
    asked = rows.answers
    pairs, models = by_model(asked, rows.models)
    sums = count(asked, models, len(pairs), COUNTS)
    finished = sums["answers"] - sums["running"]
    unknown = sums["answers_with_usage"] == 0
    table: dict[str, object] = {**model_columns(pairs, np.arange(len(pairs)))}
    table |= sums
    table |= {name: pd.array(np.where(unknown, 0, sums[name]), dtype="Int64") for name in ("input_tokens", "output_tokens")}
    table["failed_share"] = np.divide(sums["failed"], finished, out=np.full(len(pairs), np.nan), where=finished > 0)
    for measure, (median, answers) in MEDIANS.items():
        known, found = percentiles(models, asked[measure], len(pairs), [50])
        table[median], table[answers] = found[:, 0], known
    table["last_used_at"] = pd.to_datetime(newest(models, asked["at"], len(pairs)), unit="us", utc=True).as_unit("us")
    frame = pd.DataFrame(table)
    frame.loc[unknown, ["input_tokens", "output_tokens"]] = pd.NA
    return frame.sort_values(["answers", *MODEL], ascending=[False, True, True], ignore_index=True)


def count(asked: Table, groups: Ints, number: int, wanted: Sequence[str]) -> dict[str, Ints]:
    """Sums of attempts by group, each of 0 to `number` - 1: those of COUNTS that are wanted."""
    states = {state.value: place for place, state in enumerate(STATES)}

    def sum_of(name: str) -> Ints:
        if name == "answers":
            return sizes(groups, number)
        if name == "answers_with_usage":
            return sizes(groups[asked["output_tokens"] != UNKNOWN], number)
        if name == "answers_estimated":
            return sizes(groups[asked["source"] == SOURCES.index("estimated")], number)
        if name in states:
            return sizes(groups[asked["state"] == states[name]], number)
        return totals(groups, np.maximum(asked[name], 0), number)

    return {name: sum_of(name) for name in wanted}


def model_columns(pairs: Sequence[tuple[str, str]], places: Ints) -> dict[str, pd.api.extensions.ExtensionArray]:
    """The columns of MODEL for rows whose models are at these places."""
    return {name: pd.array([pair[part] for pair in pairs], dtype="str").take(places) for part, name in enumerate(MODEL)}


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
