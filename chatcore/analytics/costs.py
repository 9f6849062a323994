"""What the answers cost, what local models would have cost elsewhere, and what energy they took, by an estimate.

A cost is written with the answer (`chatcore.prices`) and only summed up here: what has none is counted apart, since no price
is not 0. All costs are in US dollars, the only currency that is written. An equivalent and an estimate are never added to a cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatcore.analytics.answers import MODEL, model_columns, steps_by_model
from chatcore.analytics.chosen import by_model, chosen_rows, compared_rows
from chatcore.analytics.filters import Filters, Step
from chatcore.analytics.numbers import Floats, Ints, amounts_of, sums_of
from chatcore.analytics.tiles import change
from chatcore.analytics.titles import titles_in
from chatcore.db import Database
from chatcore.energy import energy_wh
from chatcore.parts import Period, Viewer
from chatcore.prices import Reference, runs_here
from chatcore.rollup.measures import PARTS
from chatcore.rollup.pages import UNKNOWN, Rows, Table

# Where a model runs, as far as the names tell: at somebody who sells it, on this machine, or in the app itself.
HOSTED, LOCAL, GUIDE = "hosted", "local", "guide"
A_THOUSAND = 1_000
# The sums that these questions are content with.
CELLS = ("answers",)
TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
# The columns of the frames by model, out of those of `sums_of_models`.
COSTS = (
    *MODEL, "kind", "answers", "answers_with_cost", "answers_without_cost", "cost_usd", "cost_per_1000_answers_usd",
    "answers_with_usage", "input_tokens", "output_tokens",
)  # fmt: skip
TOKEN_KINDS = (
    *MODEL, "answers", "answers_with_usage", "input_tokens", "output_tokens", "cached_tokens", "answers_with_cached_tokens",
    "cached_share", "reasoning_tokens", "answers_with_reasoning_tokens", "reasoning_share",
)  # fmt: skip
EQUIVALENTS = (
    *MODEL, "answers", "answers_with_usage", "input_tokens", "cached_tokens", "output_tokens", "equivalent_usd", "reference",
)  # fmt: skip
ENERGY = (*MODEL, "answers", "answers_with_duration", "duration_s", "energy_estimate_wh", "watts")


class CostColumns(TypedDict):
    """What is known of the cost of some groups, a number for each."""

    answers_with_cost: Ints
    answers_without_cost: Ints
    cost_usd: Floats


@dataclass(frozen=True, slots=True)
class Rates:
    """What the answers of local models are reckoned with: the prices of a hosted model, and the watts of this machine.

    None is: nobody said it. `measured`: the watts come from samples of the graphics cards, not from a person.
    """

    reference: Reference | None = None
    watts: float | None = None
    measured: bool = False


@dataclass(frozen=True, slots=True)
class CostReport:
    """The frames of this module and that of `titles`, read in one transaction. `previous` is the period that the known cost is
    compared with, `change` and `change_kind` say how (see `tiles`)."""

    costs: pd.DataFrame
    over_time: pd.DataFrame
    token_kinds: pd.DataFrame
    equivalents: pd.DataFrame
    energy: pd.DataFrame
    titles: pd.DataFrame
    previous: Period
    change: float | None
    change_kind: str


def cost_report(db: Database, viewer: Viewer, filters: Filters, *, now: datetime, rates: Rates, step: Step = "day") -> CostReport:
    """What did the answers cost, and how does that compare with the period before? `step` is that of `cost_over_time`."""
    with db.read() as tx:
        rows, before, earlier = compared_rows(tx, viewer, filters, now=now, kinds=CELLS)
        titles = titles_in(tx, viewer, filters)
    sums = sums_of_models(rows)
    amount, kind = change("USD", known_cost(rows), known_cost(before))
    return CostReport(
        costs=costs_of(sums),
        over_time=cost_steps_of(rows, filters, step),
        token_kinds=token_kinds_of(sums),
        equivalents=equivalents_of(sums, rates.reference),
        energy=energy_of(sums, rates.watts),
        titles=titles,
        previous=earlier.period,
        change=amount,
        change_kind=kind,
    )


def costs(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """What did each model cost?

    One row per provider and model that was asked, the dearest first: `provider`, `model_name`, `kind` ("hosted", "local" or
    "guide", as far as the names tell), `answers`, `answers_with_cost`, `answers_without_cost` (their tokens are known, a price
    is not; None for those that nobody sells), `cost_usd` (None if no answer has a cost), `cost_per_1000_answers_usd` (over
    those that have one), `input_tokens` and `output_tokens` (None if unknown) with `answers_with_usage`.
    """
    with db.read() as tx:
        return costs_of(sums_of_models(chosen_rows(tx, viewer, filters, kinds=CELLS)))


def cost_over_time(db: Database, viewer: Viewer, filters: Filters, *, step: Step = "day") -> pd.DataFrame:
    """What did each model cost, and when?

    One row per day, week (from Monday) or month of the viewer's zone and model that was asked, oldest first: `start` (the
    first day of the step, naive midnight), `provider`, `model_name`, `answers`, `answers_with_cost`, `answers_without_cost`
    and `cost_usd`, both as in `costs`.
    """
    with db.read() as tx:
        return cost_steps_of(chosen_rows(tx, viewer, filters, kinds=CELLS), filters, step)


def token_kinds(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """Which tokens did each model read and write: new or out of a cache, text or reasoning?

    One row per provider and model that was asked, most tokens first: `provider`, `model_name`, `answers`, `input_tokens` and
    `output_tokens` with `answers_with_usage`; `cached_tokens` (a part of the input) and `reasoning_tokens` (a part of the output)
    with `answers_with_cached_tokens` and `answers_with_reasoning_tokens`, which are fewer: many servers do not tell.
    `cached_share` and `reasoning_share` are parts of the tokens of the answers that tell. None where nobody knows.
    """
    with db.read() as tx:
        return token_kinds_of(sums_of_models(chosen_rows(tx, viewer, filters, kinds=CELLS)))


def equivalents(db: Database, viewer: Viewer, filters: Filters, *, reference: Reference | None = None) -> pd.DataFrame:
    """What would the tokens of local models cost at the reference model?

    One row per local provider and model that was asked, the most first, and none at all without a reference: `provider`,
    `model_name`, `answers`, `answers_with_usage`, `input_tokens`, `cached_tokens` (those that are known), `output_tokens`,
    `equivalent_usd` (None if no answer has a known usage) and `reference`, the name of the model. Nobody billed it.
    """
    with db.read() as tx:
        return equivalents_of(sums_of_models(chosen_rows(tx, viewer, filters, kinds=CELLS)), reference)


def energy(db: Database, viewer: Viewer, filters: Filters, *, watts: float | None = None) -> pd.DataFrame:
    """How much energy did local models take, by an estimate?

    One row per local provider and model that was asked, the most first, and none at all without watts: `provider`, `model_name`,
    `answers`, `answers_with_duration`, `duration_s` (their sum), `energy_estimate_wh` (`watts` times that time; None if no
    answer has a known duration) and `watts`. Answers that were written at the same time count each by itself.
    """
    with db.read() as tx:
        return energy_of(sums_of_models(chosen_rows(tx, viewer, filters, kinds=CELLS)), watts)


def costs_of(sums: pd.DataFrame) -> pd.DataFrame:
    """The frame of `costs`, from `sums_of_models`."""
    priced = sums["answers_with_cost"]
    table = sums.assign(cost_per_1000_answers_usd=sums["cost_usd"] / priced.where(priced > 0) * A_THOUSAND)[list(COSTS)]
    order = ["cost_usd", "answers", *MODEL]
    return table.sort_values(order, ascending=[False, False, True, True], na_position="last", ignore_index=True)


def token_kinds_of(sums: pd.DataFrame) -> pd.DataFrame:
    """The frame of `token_kinds`, from `sums_of_models`."""
    most = (sums["input_tokens"] + sums["output_tokens"]).fillna(UNKNOWN)
    ordered = sums.assign(most=most).sort_values(["most", *MODEL], ascending=[False, True, True], ignore_index=True)
    return ordered[list(TOKEN_KINDS)]


def equivalents_of(sums: pd.DataFrame, reference: Reference | None) -> pd.DataFrame:
    """The frame of `equivalents`, from `sums_of_models`."""
    table = sums[(sums["kind"] == LOCAL) & (reference is not None)].reset_index(drop=True)
    tokens = table[["input_tokens", "output_tokens", "cached_tokens"]].fillna(0).astype("int64")
    unknown = table["answers_with_usage"] == 0
    table["cached_tokens"] = tokens["cached_tokens"].astype("Int64").mask(unknown)
    usd = [
        reference.equivalent_usd(**{str(name): int(count) for name, count in row.items()}) for row in tokens.to_dict("records") if reference
    ]
    table["equivalent_usd"] = pd.Series(usd, dtype="float64").mask(unknown)
    table["reference"] = pd.Series([reference.name for _ in range(len(table)) if reference], dtype="str")
    return table[list(EQUIVALENTS)].sort_values(["equivalent_usd", *MODEL], ascending=[False, True, True], ignore_index=True)


def energy_of(sums: pd.DataFrame, watts: float | None) -> pd.DataFrame:
    """The frame of `energy`, from `sums_of_models`."""
    table = sums[(sums["kind"] == LOCAL) & (watts is not None)].reset_index(drop=True)
    # Watts are the same for all, so those of the sum are the sum of those of the answers.
    estimates = [energy_wh(watts=watts, duration_s=taken_s) for taken_s in table["duration_s"] if watts is not None]
    table["energy_estimate_wh"] = pd.Series(estimates, dtype="float64")
    table["watts"] = pd.Series([watts for _ in range(len(table)) if watts is not None], dtype="float64")
    return table[list(ENERGY)].sort_values(["energy_estimate_wh", *MODEL], ascending=[False, True, True], ignore_index=True)


def cost_steps_of(rows: Rows, filters: Filters, step: Step) -> pd.DataFrame:
    """The frame of `cost_over_time`."""
    table, groups_of = steps_by_model(rows, filters, step)
    found = cost_columns(rows.answers, groups_of(rows.answers), len(table))
    kinds = [kind_of(provider, model_name) for provider, model_name in zip(table["provider"], table["model_name"], strict=True)]
    table = table.assign(**found)
    table["answers_without_cost"] = sold_only(found["answers_without_cost"], kinds)
    return table


def sums_of_models(rows: Rows) -> pd.DataFrame:
    """All that the frames by model are made of, one row per provider and model: counts, tokens, costs and times, summed in one go."""
    asked = rows.answers
    pairs, models = by_model(asked, rows.models)
    number = len(pairs)
    costs = cost_columns(asked, models, number)
    columns: dict[str, object] = {"answers": sums_of(asked, "answers", models, number), **costs}
    known = {name: sums_of(asked, f"answers_with_{name}", models, number) for name in TOKENS}
    columns["answers_with_usage"] = known["output_tokens"]
    for name in TOKENS:
        columns[name] = unless(known[name] == 0, sums_of(asked, f"known_{name}", models, number))
    for part, whole in PARTS:
        columns[f"answers_with_{part}"] = known[part]
        part_of, of = (sums_of(asked, f"{name}_of_both", models, number) for name in (part, whole))
        columns[f"{part.removesuffix('_tokens')}_share"] = np.divide(part_of, of, out=np.full(number, np.nan), where=of > 0)
    columns["answers_with_duration"], columns["duration_s"] = known_sums(asked, "duration_s", "duration", models, number)
    names = model_columns(pairs, np.arange(number))
    kinds = [kind_of(*pair) for pair in pairs]
    columns["answers_without_cost"] = sold_only(costs["answers_without_cost"], kinds)
    return pd.DataFrame({**names, "kind": pd.Series(kinds, dtype="str"), **columns})


def known_cost(rows: Rows) -> float:
    """The sum of the known costs, to compare with another: NaN if hosted answers have none, 0 if nobody sold any."""
    pairs, models = by_model(rows.answers, rows.models)
    found = cost_columns(rows.answers, models, len(pairs))
    sold = np.array([kind_of(*pair) == HOSTED for pair in pairs], dtype=np.bool_)
    if not found["answers_with_cost"].sum() and found["answers_without_cost"][sold].sum():
        return float("nan")
    return float(np.nansum(found["cost_usd"]))


def kind_of(provider: str, model_name: str) -> str:
    """Where a model runs."""
    if provider == "guide":
        return GUIDE
    return LOCAL if runs_here(provider, model_name) else HOSTED


def sold_only(unpriced: Ints, kinds: Sequence[str]) -> "pd.Series[int]":
    """`answers_without_cost` of models that are sold; None for the others, which have no price to miss."""
    return unless(np.array([kind != HOSTED for kind in kinds], dtype=np.bool_), unpriced)


def unless(unknown: NDArray[np.bool_], numbers: Ints) -> "pd.Series[int]":
    """Whole numbers, None where they are not known."""
    return pd.Series(numbers).astype("Int64").mask(unknown)


def known_sums(asked: Table, name: str, called: str, groups: Ints, number: int) -> tuple[Ints, Floats]:
    """Of each group over how many attempts a cost or a time is known, and its sum, NaN where none is."""
    known = sums_of(asked, f"answers_with_{called}", groups, number)
    return known, np.where(known > 0, amounts_of(asked, f"known_{name}", groups, number), np.nan)


def cost_columns(asked: Table, groups: Ints, number: int) -> CostColumns:
    """`answers_with_cost`, `answers_without_cost` (whoever the model is of) and `cost_usd` of each group."""
    priced, usd = known_sums(asked, "cost", "cost", groups, number)
    return CostColumns(answers_with_cost=priced, answers_without_cost=sums_of(asked, "answers_unpriced", groups, number), cost_usd=usd)
