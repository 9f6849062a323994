"""What the answers cost, what local models would have cost elsewhere, and what energy they took, by an estimate.

A cost is written with the answer (`chatcore.prices`) and only summed up here: what has none is counted apart, since no price
is not 0. All costs are in US dollars, the only currency that is written. An equivalent and an estimate are never added to a cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatcore.analytics.answers import MODEL, model_columns, steps_by_model
from chatcore.analytics.chosen import by_model, chosen_rows, compared_rows
from chatcore.analytics.filters import Filters, Step
from chatcore.analytics.frames import Values, framed, in_order, known, ratio, texts
from chatcore.analytics.numbers import Floats, Ints, amounts_of, sums_of
from chatcore.analytics.tiles import change
from chatcore.analytics.titles import titles_in
from chatcore.db import Database
from chatcore.energy import energy_wh
from chatcore.parts import Period, Viewer
from chatcore.prices import Reference, runs_here
from chatcore.rollup.cells import together
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


@dataclass(frozen=True, slots=True, eq=False)
class CostColumns:
    """What is known of the cost of some groups, a number for each."""

    answers_with_cost: Ints
    answers_without_cost: Ints
    cost_usd: Floats

    def told(self, unsold: NDArray[np.bool_]) -> dict[str, Values]:
        """The columns of a frame. What nobody sells has no price to miss."""
        without = known(self.answers_without_cost, unsold)
        return {"answers_with_cost": self.answers_with_cost, "answers_without_cost": without, "cost_usd": self.cost_usd}


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


@dataclass(frozen=True, slots=True, eq=False)
class ModelSums:
    """A row for each provider and model that was asked, in order: the columns of the frames, the places of local models, and the numbers
    that the frames are ordered by or reckon with, 0 where nobody knows them."""

    columns: dict[str, Values]
    local: Ints
    answers: Ints
    costs: CostColumns
    answers_with: dict[str, Ints]
    tokens: dict[str, Ints]
    duration_s: Floats


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


def costs_of(sums: ModelSums) -> pd.DataFrame:
    """The frame of `costs`."""
    priced, usd = sums.costs.answers_with_cost, sums.costs.cost_usd
    columns = sums.columns | {"cost_per_1000_answers_usd": ratio(usd, priced) * A_THOUSAND}
    return framed({name: columns[name] for name in COSTS}, in_order(-usd, -sums.answers))


def token_kinds_of(sums: ModelSums) -> pd.DataFrame:
    """The frame of `token_kinds`."""
    known_both = sums.answers_with["output_tokens"] * sums.answers_with["input_tokens"] > 0
    most = np.where(known_both, sums.tokens["input_tokens"] + sums.tokens["output_tokens"], UNKNOWN)
    return framed({name: sums.columns[name] for name in TOKEN_KINDS}, in_order(-most))


def equivalents_of(sums: ModelSums, reference: Reference | None) -> pd.DataFrame:
    """The frame of `equivalents`."""
    local = sums.local if reference else sums.local[:0]
    tokens = {name: np.where(sums.answers_with[name] > 0, sums.tokens[name], 0)[local] for name in TOKENS if name != "reasoning_tokens"}
    unknown = sums.answers_with["output_tokens"][local] == 0
    counts = [dict(zip(tokens, row, strict=True)) for row in zip(*(column.tolist() for column in tokens.values()), strict=True)]
    usd = np.array([reference.equivalent_usd(**row) for row in counts if reference], dtype=np.float64)
    usd[unknown] = np.nan
    columns = {name: sums.columns[name].take(local) for name in EQUIVALENTS if name in sums.columns}
    columns["cached_tokens"] = known(tokens["cached_tokens"], unknown)
    columns |= {"equivalent_usd": usd, "reference": texts(reference.name for _ in local if reference)}
    return framed({name: columns[name] for name in EQUIVALENTS}, in_order(-usd))


def energy_of(sums: ModelSums, watts: float | None) -> pd.DataFrame:
    """The frame of `energy`."""
    local = sums.local if watts is not None else sums.local[:0]
    columns = {name: sums.columns[name].take(local) for name in ENERGY if name in sums.columns}
    # Watts are the same for all, so those of the sum are the sum of those of the answers.
    estimates = [energy_wh(watts=watts, duration_s=taken_s) for taken_s in sums.duration_s[local].tolist() if watts is not None]
    found = np.array(estimates, dtype=np.float64)
    columns |= {"energy_estimate_wh": found, "watts": np.array([watts for _ in local], dtype=np.float64)}
    return framed({name: columns[name] for name in ENERGY}, in_order(-found))


def cost_steps_of(rows: Rows, filters: Filters, step: Step) -> pd.DataFrame:
    """The frame of `cost_over_time`."""
    steps = steps_by_model(rows, filters, step)
    asked = together(rows.answers, "models")
    found = cost_columns(asked, steps.groups_of(asked), len(steps.starts))
    nobodys = unsold([kind_of(*pair) for pair in steps.pairs])[steps.places]
    return framed({"start": steps.starts, **steps.models, "answers": steps.answers, **found.told(nobodys)})


def sums_of_models(rows: Rows) -> ModelSums:
    """All that the frames by model are made of: counts, tokens, costs and times, summed in one go."""
    asked = together(rows.answers, "models")
    pairs, models = by_model(asked, rows.models)
    number = len(pairs)
    kinds, answers = [kind_of(*pair) for pair in pairs], sums_of(asked, "answers", models, number)
    costs = cost_columns(asked, models, number)
    columns: dict[str, Values] = {**model_columns(pairs), "kind": texts(kinds), "answers": answers, **costs.told(unsold(kinds))}
    answers_with = {name: sums_of(asked, f"answers_with_{name}", models, number) for name in TOKENS}
    tokens = {name: sums_of(asked, f"known_{name}", models, number) for name in TOKENS}
    columns["answers_with_usage"] = answers_with["output_tokens"]
    for name in TOKENS:
        columns[name] = known(tokens[name], answers_with[name] == 0)
    for part, whole in PARTS:
        columns[f"answers_with_{part}"] = answers_with[part]
        part_of, of = (sums_of(asked, f"{name}_of_both", models, number) for name in (part, whole))
        columns[f"{part.removesuffix('_tokens')}_share"] = ratio(part_of, of)
    columns["answers_with_duration"], duration_s = known_sums(asked, "duration_s", "duration", models, number)
    columns["duration_s"] = duration_s
    local = np.array([place for place, kind in enumerate(kinds) if kind == LOCAL], dtype=np.int64)
    return ModelSums(columns, local, answers, costs, answers_with, tokens, duration_s)


def known_cost(rows: Rows) -> float:
    """The sum of the known costs, to compare with another: NaN if hosted answers have none, 0 if nobody sold any."""
    asked = together(rows.answers, "models")
    pairs, models = by_model(asked, rows.models)
    found = cost_columns(asked, models, len(pairs))
    sold = np.array([kind_of(*pair) == HOSTED for pair in pairs], dtype=np.bool_)
    if not found.answers_with_cost.sum() and found.answers_without_cost[sold].sum():
        return float("nan")
    return float(np.nansum(found.cost_usd))


def kind_of(provider: str, model_name: str) -> str:
    """Where a model runs."""
    if provider == "guide":
        return GUIDE
    return LOCAL if runs_here(provider, model_name) else HOSTED


def unsold(kinds: Sequence[str]) -> NDArray[np.bool_]:
    """Of which kinds nobody sells a model: these have no price to miss, so `answers_without_cost` is None."""
    return np.array([kind != HOSTED for kind in kinds], dtype=np.bool_)


def known_sums(asked: Table, name: str, called: str, groups: Ints, number: int) -> tuple[Ints, Floats]:
    """Of each group over how many attempts a cost or a time is known, and its sum, NaN where none is."""
    over = sums_of(asked, f"answers_with_{called}", groups, number)
    return over, np.where(over > 0, amounts_of(asked, f"known_{name}", groups, number), np.nan)


def cost_columns(asked: Table, groups: Ints, number: int) -> CostColumns:
    """`answers_with_cost`, `answers_without_cost` (whoever the model is of) and `cost_usd` of each group."""
    priced, usd = known_sums(asked, "cost", "cost", groups, number)
    return CostColumns(answers_with_cost=priced, answers_without_cost=sums_of(asked, "answers_unpriced", groups, number), cost_usd=usd)
