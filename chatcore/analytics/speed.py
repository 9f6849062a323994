"""How fast the models were: what half of the answers needed, and what the slowest of a hundred.

A median alone hides the waiting: percentiles say how long one in ten, twenty or a hundred answers took. Each is over the
answers where the number is known, and says over how many.
"""

from dataclasses import dataclass

import pandas as pd

from chatcore.analytics.answers import MODEL_CELLS, model_columns, steps_by_model
from chatcore.analytics.chosen import by_model, chosen_rows, model_places
from chatcore.analytics.filters import Filters, Step
from chatcore.analytics.frames import Values, framed, in_order, ratio
from chatcore.analytics.numbers import Ints, amounts_of, percentiles_of
from chatcore.db import Database
from chatcore.parts import Viewer
from chatcore.rollup.pages import Rows

# What is measured of an answer. Of times a high percentile is slow, of speeds a low one is: each has those that tell.
TIMES = ("time_to_first_chunk_s", "duration_s", "load_s")
SPEEDS = ("output_tokens_per_s", "prompt_tokens_per_s")
MEASURES = (*TIMES, *SPEEDS)
CELLS = ("answers", *MEASURES)
PERCENTILES = {**dict.fromkeys(TIMES, (50, 90, 95, 99)), **dict.fromkeys(SPEEDS, (50, 10, 5, 1))}


@dataclass(frozen=True, slots=True)
class SpeedReport:
    """The frames of `speed` and `speed_over_time`, read in one transaction."""

    speed: pd.DataFrame
    over_time: pd.DataFrame


def speed_report(db: Database, viewer: Viewer, filters: Filters, *, step: Step = "day") -> SpeedReport:
    """How fast were the models? `step` is that of `speed_over_time`."""
    with db.read() as tx:
        rows = chosen_rows(tx, viewer, filters, kinds=CELLS)
    return SpeedReport(speed_of(rows), steps_of(rows, filters, step))


def speed(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How fast was each model?

    One row per provider and model, most measured answers first: `provider`, `model_name`, and for each of MEASURES
    `<measure>_p50` and three more percentiles (times: p90, p95, p99; speeds: p10, p5, p1, so the last is the worst in each
    case; None where no answer has it) and `answers_with_<measure>`. `load_share` is the part of all known durations that
    loading the model took, over the answers that tell both (None for none). A percentile between two answers lies between
    their values in proportion.
    """
    with db.read() as tx:
        return speed_of(chosen_rows(tx, viewer, filters, kinds=CELLS))


def speed_over_time(db: Database, viewer: Viewer, filters: Filters, *, step: Step = "day") -> pd.DataFrame:
    """How did the speed of each model change?

    One row per day, week (from Monday) or month of the viewer's zone and model that was asked, oldest first: `start` (the first
    day of the step, naive midnight), `provider`, `model_name`, `answers`, `time_to_first_chunk_s_p50`,
    `time_to_first_chunk_s_p90`, `output_tokens_per_s_p50`.
    """
    with db.read() as tx:
        return steps_of(chosen_rows(tx, viewer, filters, kinds=MODEL_CELLS), filters, step)


def speed_of(rows: Rows) -> pd.DataFrame:
    """The frame of `speed`."""
    pairs, places = model_places(rows.answers, rows.models)
    models = by_model(rows.answers, rows.models)[1]
    table: dict[str, Values] = {**model_columns(pairs)}
    measured: dict[str, Ints] = {}
    for measure, wanted in PERCENTILES.items():
        counts, found = percentiles_of(rows, measure, lambda asked: places[asked["models"]], len(pairs), wanted)
        for place, percentile in enumerate(wanted):
            table[f"{measure}_p{percentile}"] = found[:, place]
        table[f"answers_with_{measure}"] = measured[measure] = counts
    loaded, taken = (amounts_of(rows.answers, f"{name}_of_both", models, len(pairs)) for name in ("load_s", "duration_s"))
    table["load_share"] = ratio(loaded, taken)
    return framed(table, in_order(-measured["duration_s"]))


def steps_of(rows: Rows, filters: Filters, step: Step) -> pd.DataFrame:
    """The frame of `speed_over_time`."""
    steps = steps_by_model(rows, filters, step)
    table: dict[str, Values] = {"start": steps.starts, **steps.models, "answers": steps.answers}
    for measure, wanted in (("time_to_first_chunk_s", (50, 90)), ("output_tokens_per_s", (50,))):
        _, found = percentiles_of(rows, measure, steps.groups_of, len(steps.starts), wanted, over_time=True)
        for place, percentile in enumerate(wanted):
            table[f"{measure}_p{percentile}"] = found[:, place]
    return framed(table)
