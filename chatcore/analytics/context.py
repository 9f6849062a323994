"""How full the windows of models were, and which answers were cut."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatcore.analytics.answers import model_columns
from chatcore.analytics.chosen import by_model
from chatcore.analytics.detailed import chosen_details
from chatcore.analytics.filters import Filters
from chatcore.analytics.frames import Values, framed, in_order, ratio
from chatcore.analytics.numbers import Floats, Ints, percentiles, sizes
from chatcore.db import Database
from chatcore.parts import Viewer
from chatcore.rollup.pages import CUT_SHORT, LEFT_OUT, REFUSED, UNKNOWN, Details, Table

# Twentieths of the window, in which answers are counted; one more is a full window and beyond.
PARTS = 20
NEARLY_FULL, FULL = 0.8, 0.95
CUTS = {"left_out": LEFT_OUT, "cut_short": CUT_SHORT, "refused": REFUSED}
PERCENTILES = (50, 90, 99)


def context(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How full was the window of each model?

    One row per provider and model with an answer whose window and prompt are known or that was cut, most known answers first:
    `provider`, `model_name`, `answers_with_fill`; `fill_share_p50`, `_p90`, `_p99` and `most_fill_share` (parts of the window that the
    prompt took, above 1 where it is longer); `above_80` and `above_95` (answers whose prompt took that much of it, in hundredths) with
    `above_80_share` and `above_95_share` of the known ones; and answers that were cut: `left_out` (the server seems to have left out
    the oldest messages), `cut_short` (the answer ended because it was too long), `refused` (the prompt was too long).
    """
    with db.read() as tx:
        return context_of(chosen_details(tx, viewer, filters, "fills"))


def context_fill(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How many answers had a window that was how full?

    One row per twentieth of the window, all twenty-one: `fill_share_low` and `fill_share_high` (parts of 1, the end not included; None
    for the last, a full window and beyond), `answers`, and `share` of those whose window and prompt are known.
    """
    with db.read() as tx:
        return parts_of(chosen_details(tx, viewer, filters, "fills"))


def context_of(details: Details) -> pd.DataFrame:
    """The frame of `context`."""
    fills = details.rows
    pairs, groups = by_model(fills, details.models)
    number = len(pairs)
    shares = fill_shares(fills)
    counts, found = percentiles(groups, shares.astype(np.float32), number, (*PERCENTILES, 100))
    table: dict[str, Values] = {**model_columns(pairs), "answers_with_fill": counts}
    table |= {f"fill_share_p{percentile}": found[:, place] for place, percentile in enumerate(PERCENTILES)}
    table["most_fill_share"] = found[:, -1]
    for name, part in (("above_80", NEARLY_FULL), ("above_95", FULL)):
        above = sizes(groups[shares >= part], number)
        table[name] = above
        table[f"{name}_share"] = ratio(above, counts)
    table |= {name: sizes(groups[(fills["cut"] & flag) > 0], number) for name, flag in CUTS.items()}
    return framed(table, in_order(-counts))


def parts_of(details: Details) -> pd.DataFrame:
    """The frame of `context_fill`."""
    known = details.rows.where(is_known(details.rows))
    answers = sizes(part_of_window(known), PARTS + 1)
    starts = np.arange(PARTS + 1) / PARTS
    ends = np.append(starts[1:], np.nan)
    return framed({"fill_share_low": starts, "fill_share_high": ends, "answers": answers, "share": answers / max(len(known), 1)})


def fill_shares(fills: Table) -> Floats:
    """Which part of the window each prompt took; NaN where one of the two is not known."""
    shares: Floats = np.divide(fills["tokens"], fills["window"], out=np.full(len(fills), np.nan), where=is_known(fills))
    return shares


def is_known(fills: Table) -> NDArray[np.bool_]:
    """Of which answers both the prompt and the window are known."""
    known: NDArray[np.bool_] = (fills["tokens"] != UNKNOWN) & (fills["window"] > 0)
    return known


def part_of_window(known: Table) -> Ints:
    """In which twentieth of its window each prompt ends, of answers where both are known."""
    parts: Ints = np.minimum(known["tokens"] * PARTS // known["window"], PARTS)
    return parts
