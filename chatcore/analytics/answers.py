"""Questions over the generations, the usage ledger: tokens, speed and outcome of every attempt at an answer.

The ledger outlives its chat: what was used stays counted after the messages are gone.
"""

import numpy as np
import pandas as pd
import sqlalchemy as sa

from chatcore.analytics.chosen import DAY_S, by_model, chosen_rows, compact, local_dates, local_numbers
from chatcore.analytics.filters import Filters
from chatcore.analytics.numbers import percentiles, sizes, totals
from chatcore.analytics.statements import GENERATIONS, between, narrow
from chatcore.db import Database
from chatcore.parts import Viewer
from chatcore.rollup.gather import known_names
from chatcore.rollup.pages import SOURCES, STATES, UNKNOWN, Rows

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

# Seconds to the first chunk and tokens a second, per model and over all; see `speeds`.
SPEEDS = (
    "median_time_to_first_chunk_s",
    "answers_with_time_to_first_chunk",
    "median_output_tokens_per_s",
    "answers_with_output_tokens_per_s",
)


def tokens_per_day(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How many tokens did each model read and write on each local day?

    One row per day and model that was asked, oldest day first: `day` (naive midnight of the viewer's zone), `provider`,
    `model_name`, `answers`, `input_tokens`, `output_tokens`, `answers_with_usage` (over how many answers the tokens are
    known), `answers_estimated` (of these, how many were estimated instead of reported). A day without answers has no row.
    """
    with db.read() as tx:
        return fold_tokens(answer_days(chosen_rows(tx, viewer, filters), filters))


def models(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How did each model do?

    One row per provider and model, most answers first: `provider`, `model_name`, `answers` (attempts), `running`,
    `complete`, `stopped`, `failed`, `interrupted`, `input_tokens`, `output_tokens` (None if no answer has a known
    usage), `answers_with_usage`, `answers_estimated`, `failed_share` (failed / finished, None if none is finished),
    `median_time_to_first_chunk_s`, `median_output_tokens_per_s` (None if unknown) with the number of answers each is
    over (`answers_with_...`), and `last_used_at` (UTC, when the newest attempt started).
    """
    with db.read() as tx:
        rows = chosen_rows(tx, viewer, filters)
    return fold_models(answer_days(rows, filters), speeds(rows))


def known_models(db: Database, viewer: Viewer) -> tuple[tuple[str, str], ...]:
    """Every (provider, model name) that was ever asked or that a message names, in order: what the filters offer."""
    with db.read() as tx:
        return tuple(sorted(known_names(tx, viewer)))


def answer_days(rows: Rows, filters: Filters) -> pd.DataFrame:
    """Sums of the attempts by local `day`, `provider` and `model_name`: the columns of COUNTS and `last_used_at`."""
    asked = rows.answers
    pairs, models = by_model(asked, rows.models)
    keys, groups = compact(local_numbers(asked["at"], filters, DAY_S) * max(len(pairs), 1) + models)
    days, own = np.divmod(keys, max(len(pairs), 1))
    number = len(keys)
    frame = pd.DataFrame({"day": local_dates(days, filters)})
    for place, name in enumerate(MODEL):
        frame[name] = pd.Series([pair[place] for pair in pairs], dtype="str").take(own).array
    frame["answers"] = sizes(groups, number)
    in_state = sizes(groups * len(STATES) + asked["state"], number * len(STATES)).reshape(number, len(STATES))
    for place, state in enumerate(STATES):
        frame[state.value] = in_state[:, place]
    for name in ("input_tokens", "output_tokens"):
        frame[name] = totals(groups, np.maximum(asked[name], 0), number)
    frame["answers_with_usage"] = sizes(groups[asked["output_tokens"] != UNKNOWN], number)
    frame["answers_estimated"] = sizes(groups[asked["source"] == SOURCES.index("estimated")], number)
    newest = np.zeros(number, dtype=np.int64)
    # In the order of time, so the last one stays.
    newest[groups] = asked["at"]
    frame["last_used_at"] = pd.to_datetime(newest, unit="us", utc=True).as_unit("us")
    return frame[["day", *MODEL, *COUNTS, "last_used_at"]]


def speeds(rows: Rows) -> pd.DataFrame:
    """Medians of the time to the first chunk and of tokens a second, over the answers where each is known.

    The columns of SPEEDS, one row per `provider` and `model_name` and one over all, where both are None.
    """
    pairs, models = by_model(rows.answers, rows.models)
    frame = pd.DataFrame([*pairs, (None, None)], columns=MODEL)
    for measure, columns in (("time_to_first_chunk_s", SPEEDS[:2]), ("output_tokens_per_s", SPEEDS[2:])):
        values = rows.answers[measure]
        counts, medians = percentiles(models, values, len(pairs), [50])
        all_counts, over_all = percentiles(np.zeros(len(values), dtype=np.int64), values, 1, [50])
        frame[columns[0]] = np.append(medians, over_all)
        frame[columns[1]] = np.append(counts, all_counts)
    return frame


def counted(viewer: Viewer, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """Which attempts count: those that started in the period, by the chosen models."""
    return [GENERATIONS.c.user_id == viewer.user_id, *between(GENERATIONS.c.started_at, filters.period), *narrow(GENERATIONS, filters)]


def fold_tokens(days: pd.DataFrame) -> pd.DataFrame:
    """The columns of `tokens_per_day`, in its order."""
    wanted = ["day", *MODEL, "answers", "input_tokens", "output_tokens", "answers_with_usage", "answers_estimated"]
    return days[wanted].sort_values(["day", *MODEL], ignore_index=True)


def fold_models(days: pd.DataFrame, speed: pd.DataFrame) -> pd.DataFrame:
    """Days into one row per model (see `models`)."""
    groups = days.groupby(MODEL)
    table = groups[list(COUNTS)].sum()
    table["last_used_at"] = groups["last_used_at"].max()
    finished = table["answers"] - table["running"]
    table["failed_share"] = (table["failed"] / finished).where(finished > 0)
    unknown = table["answers_with_usage"] == 0
    for name in ("input_tokens", "output_tokens"):
        table[name] = table[name].astype("Int64").mask(unknown)
    table = table.join(speed.dropna(subset=MODEL).set_index(MODEL))
    table[[SPEEDS[1], SPEEDS[3]]] = table[[SPEEDS[1], SPEEDS[3]]].fillna(0).astype("int64")
    order = [*COUNTS, "failed_share", *SPEEDS, "last_used_at"]
    return table.reset_index().sort_values(["answers", *MODEL], ascending=[False, True, True], ignore_index=True)[[*MODEL, *order]]
