"""How fast the models were and how their answers ended: what half of the answers needed, and what the slowest of a hundred.

A median alone hides the waiting: percentiles say how long one in ten, twenty or a hundred answers took. Each is over the
answers where the number is known, and says over how many.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session

from chatcore.analytics.answers import MODEL, counted, tokens_per_s
from chatcore.analytics.filters import Filters, Step, first_day, starts_of
from chatcore.analytics.statements import DAY_S, GENERATIONS, local_number
from chatcore.db import Database
from chatcore.parts import State, Viewer

# What is measured of an answer. Of times a high percentile is slow, of speeds a low one is: each has those that tell.
TIMES = ("time_to_first_chunk_s", "duration_s", "load_s")
SPEEDS = ("output_tokens_per_s", "prompt_tokens_per_s")
MEASURES = (*TIMES, *SPEEDS)
PERCENTILES = {**dict.fromkeys(TIMES, (50, 90, 95, 99)), **dict.fromkeys(SPEEDS, (50, 10, 5, 1))}
NO_ERROR = ""


@dataclass(frozen=True, slots=True)
class SpeedReport:
    """The frames of `speed`, `speed_over_time` and `outcomes`, read in one transaction."""

    speed: pd.DataFrame
    over_time: pd.DataFrame
    outcomes: pd.DataFrame


def speed_report(db: Database, viewer: Viewer, filters: Filters, *, step: Step = "day") -> SpeedReport:
    """How fast were the models, and how did their answers end? `step` is that of `speed_over_time`."""
    with db.read() as tx:
        rows = measured(tx, viewer, filters)
        ended = ends(tx, viewer, filters)
    return SpeedReport(fold_speed(rows), fold_steps(rows, filters, step), fold_outcomes(ended))


def speed(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How fast was each model?

    One row per provider and model, most measured answers first: `provider`, `model_name`, and for each of MEASURES
    `<measure>_p50` and three more percentiles (times: p90, p95, p99; speeds: p10, p5, p1, so the last is the worst in each
    case; None where no answer has it) and `answers_with_<measure>`. `load_share` is the part of all known durations that
    loading the model took, over the answers that tell both (None for none). A percentile between two answers lies between
    their values in proportion.
    """
    with db.read() as tx:
        return fold_speed(measured(tx, viewer, filters))


def speed_over_time(db: Database, viewer: Viewer, filters: Filters, *, step: Step = "day") -> pd.DataFrame:
    """How did the speed of each model change?

    One row per day, week (from Monday) or month of the viewer's zone and model that was asked, oldest first: `start` (the first
    day of the step, naive midnight), `provider`, `model_name`, `answers`, `time_to_first_chunk_s_p50`,
    `time_to_first_chunk_s_p90`, `output_tokens_per_s_p50`.
    """
    with db.read() as tx:
        return fold_steps(measured(tx, viewer, filters), filters, step)


def outcomes(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How did the answers of each model end, and with which errors?

    One row per provider, model, `state` and `error_type` ('' where there was none), most answers first: `answers` and `share`
    (of the model's finished answers; None for those that still run).
    """
    with db.read() as tx:
        return fold_outcomes(ends(tx, viewer, filters))


def measured(tx: Session, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """A narrow row for each answer: its local day (`number`, counted from the first), its model and MEASURES."""
    ledger = GENERATIONS.c
    read_both = sa.and_(ledger.input_tokens > 0, ledger.prompt_s > 0)
    prompt_per_s = sa.case((read_both, sa.cast(ledger.input_tokens, sa.Double) / ledger.prompt_s))
    statement = sa.select(
        local_number(tx, ledger.started_at, filters, DAY_S),
        ledger.provider,
        ledger.model_name,
        ledger.time_to_first_chunk_s,
        ledger.duration_s,
        ledger.load_s,
        tokens_per_s(),
        prompt_per_s,
    ).where(*counted(viewer, filters))
    rows = [tuple(row) for row in tx.execute(statement)]
    frame = pd.DataFrame.from_records(rows, columns=["number", *MODEL, *MEASURES])
    return frame.astype({"number": "int64", **dict.fromkeys(MODEL, "str"), **dict.fromkeys(MEASURES, "float64")})


def ends(tx: Session, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """Answers by model, outcome and error."""
    ledger = GENERATIONS.c
    columns = (ledger.provider, ledger.model_name, ledger.state, sa.func.coalesce(ledger.error_type, NO_ERROR).label("error_type"))
    statement = sa.select(*columns, sa.func.count().label("answers")).where(*counted(viewer, filters))
    rows = tx.execute(statement.group_by(ledger.provider, ledger.model_name, ledger.state, "error_type")).all()
    names = [*MODEL, "state", "error_type"]
    frame = pd.DataFrame.from_records([tuple(row) for row in rows], columns=[*names, "answers"])
    return frame.astype({**dict.fromkeys(names, "str"), "answers": "int64"})


def fold_speed(rows: pd.DataFrame) -> pd.DataFrame:
    """The frame of `speed`."""
    groups = rows.groupby(MODEL)
    table = pd.DataFrame(index=groups.size().index)
    for measure, percentiles in PERCENTILES.items():
        for percentile in percentiles:
            table[f"{measure}_p{percentile}"] = groups[measure].quantile(percentile / 100)
        table[f"answers_with_{measure}"] = groups[measure].count()
    told = rows[rows["load_s"].notna() & rows["duration_s"].notna()].groupby(MODEL)[["load_s", "duration_s"]].sum()
    share = told["load_s"] / told["duration_s"].where(told["duration_s"] > 0)
    table["load_share"] = share.reindex(table.index)
    order = ["answers_with_duration_s", *MODEL]
    return table.reset_index().sort_values(order, ascending=[False, True, True], ignore_index=True)


def fold_steps(rows: pd.DataFrame, filters: Filters, step: Step) -> pd.DataFrame:
    """The frame of `speed_over_time`."""
    days = (pd.Timestamp(first_day(filters)) + pd.to_timedelta(rows["number"], unit="D")).dt.as_unit("us")
    groups = rows.assign(start=starts_of(days, step)).groupby(["start", *MODEL])
    table = pd.DataFrame({"answers": groups.size()})
    for measure, percentile in (("time_to_first_chunk_s", 50), ("time_to_first_chunk_s", 90), ("output_tokens_per_s", 50)):
        table[f"{measure}_p{percentile}"] = groups[measure].quantile(percentile / 100)
    return table.reset_index().sort_values(["start", *MODEL], ignore_index=True)


def fold_outcomes(rows: pd.DataFrame) -> pd.DataFrame:
    """The frame of `outcomes`."""
    is_finished = rows["state"] != State.RUNNING.value
    finished = rows[is_finished].groupby(MODEL)["answers"].sum().rename("finished")
    table = rows.join(finished, on=MODEL)
    table["share"] = (table["answers"] / table.pop("finished")).where(is_finished, np.nan).astype("float64")
    order = ["answers", *MODEL, "state", "error_type"]
    return table.sort_values(order, ascending=[False, True, True, True, True], ignore_index=True)
