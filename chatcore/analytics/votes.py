"""Which model is liked better when nobody knows which is which: blind votes on two answers to one prompt.

Votes are few, so they are counted where they are. Like usage they outlive their chat, and so do the names of the models.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal

import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session

from chatcore.analytics.chats import chats_meant
from chatcore.analytics.chosen import is_chosen
from chatcore.analytics.filters import Filters
from chatcore.analytics.frames import framed_rows
from chatcore.analytics.intervals import wilson
from chatcore.analytics.statements import between
from chatcore.db import Database
from chatcore.parts import Viewer, Vote
from chatcore.rollup.gather import check_owner
from chatcore.rollup.tables import has_ref
from chatcore.rows import COMPARISONS

Model = tuple[str, str]
Result = Literal["wins", "losses", "ties", "both_bad"]

RESULTS: tuple[Result, ...] = ("wins", "losses", "ties", "both_bad")
# What a vote is for the model on the left; who is on the right wins what the left one loses.
OF_LEFT: dict[Vote, Result] = {Vote.LEFT: "wins", Vote.RIGHT: "losses", Vote.BOTH_GOOD: "ties", Vote.BOTH_BAD: "both_bad"}
OF_RIGHT: dict[Vote, Result] = OF_LEFT | {Vote.LEFT: "losses", Vote.RIGHT: "wins"}
OWN, RIVAL = ["provider", "model_name"], ["rival_provider", "rival_model_name"]
COUNTS = ["games", *RESULTS]
SHARES = ["win_rate", "win_rate_low", "win_rate_high"]


@dataclass(frozen=True, slots=True)
class Games:
    """Blind votes on the answers of a model: all, those against one rival, those that ended so for the model."""

    model: Model
    rival: Model | None = None
    result: Result | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """One vote: (provider, model) on each side, and what was said."""

    left: Model
    right: Model
    vote: Vote


def win_rates(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How often is each model preferred in blind comparisons?

    One row per provider and model with a vote, most games first: `games` (votes on its answers), `wins`, `losses`, `ties` (both good),
    `both_bad`, `win_rate` ((wins + half of ties and both bad) / games) and its Wilson interval, `win_rate_low` and `win_rate_high`:
    the true rate lies between them 19 times in 20, against the rivals it met. Prompts of the period count, whenever they were voted
    on; comparisons without a vote, skipped or with the names in sight do not. Models chosen: their rows, against whomever.
    """
    with db.read() as tx:
        return rates_of(played(tx, viewer, filters), filters)


def win_rates_by_pair(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """Which of two models is preferred when they are compared blindly?

    One row per pair of models with a vote, most games first: `provider` and `model_name` of the one that did better (of two that did
    alike the first by name), `rival_provider`, `rival_model_name`, and `games`, `wins`, `losses`, `ties`, `both_bad`, `win_rate`,
    `win_rate_low`, `win_rate_high` of the former, as in `win_rates`. Models chosen: the pairs in which one of them is.
    """
    with db.read() as tx:
        return pair_rates_of(played(tx, viewer, filters), filters)


def played(tx: Session, viewer: Viewer, filters: Filters) -> list[Played]:
    """The votes that count, of all models. Raises Denied for everybody's if the viewer is not the owner."""
    columns = (COMPARISONS.c.left_provider, COMPARISONS.c.left_model_name, COMPARISONS.c.right_provider, COMPARISONS.c.right_model_name)
    statement = sa.select(*columns, COMPARISONS.c.outcome).where(*votes_counted(tx, viewer, filters))
    return [Played((row[0], row[1]), (row[2], row[3]), Vote(row[4])) for row in tx.execute(statement)]


def votes_counted(tx: Session, viewer: Viewer, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """Which comparisons count. Roles do not narrow them, and models are a matter of the side."""
    if filters.everybody:
        check_owner(viewer)
    row = COMPARISONS.c
    theirs = [] if filters.everybody else [row.user_id == viewer.user_id]
    conditions = [*theirs, row.is_blind, row.outcome.in_([vote.value for vote in OF_LEFT]), *between(row.created_at, filters.period)]
    # Tried again by the other model, a model would meet itself.
    conditions.append(sa.or_(row.left_provider != row.right_provider, row.left_model_name != row.right_model_name))
    chats = chats_meant(tx, viewer, filters)
    if chats is not None:
        conditions.append(row.session_id.in_(chats))
    if filters.imported is not None:
        ref = has_ref(row.left_message_id)
        conditions.append(ref if filters.imported else sa.not_(ref))
    return conditions


def rates_of(votes: Iterable[Played], filters: Filters) -> pd.DataFrame:
    """The frame of `win_rates`."""
    results: dict[Model, Counter[Result]] = {}
    for one in votes:
        for model, result in ((one.left, OF_LEFT[one.vote]), (one.right, OF_RIGHT[one.vote])):
            if is_chosen(*model, filters):
                results.setdefault(model, Counter())[result] += 1
    return framed([(*model, *rated(found)) for model, found in results.items()], OWN)


def pair_rates_of(votes: Iterable[Played], filters: Filters) -> pd.DataFrame:
    """The frame of `win_rates_by_pair`."""
    results: dict[tuple[Model, Model], Counter[Result]] = {}
    for one in votes:
        if is_chosen(*one.left, filters) or is_chosen(*one.right, filters):
            in_order = one.left < one.right
            pair = (one.left, one.right) if in_order else (one.right, one.left)
            results.setdefault(pair, Counter())[(OF_LEFT if in_order else OF_RIGHT)[one.vote]] += 1
    rows: list[tuple[object, ...]] = []
    for (first, second), found in results.items():
        if found["losses"] > found["wins"]:
            turned = Counter({**found, "wins": found["losses"], "losses": found["wins"]})
            rows.append((*second, *first, *rated(turned)))
        else:
            rows.append((*first, *second, *rated(found)))
    return framed(rows, [*OWN, *RIVAL])


def rated(found: Counter[Result]) -> tuple[int | float, ...]:
    """The columns of COUNTS and SHARES. Half a win for each of both is how tournaments count a draw; with draws the interval is
    wider than it need be, never narrower, since they spread less than wins and losses."""
    games = found.total()
    share = (found["wins"] + (found["ties"] + found["both_bad"]) / 2) / games
    around = wilson(share, games)
    return (games, *(found[result] for result in RESULTS), share, around.low, around.high)


def framed(rows: list[tuple[object, ...]], names: list[str]) -> pd.DataFrame:
    """Rows as a frame, most games first."""
    # By the names first: sorting keeps the order of equals.
    by_name = sorted(rows, key=lambda row: tuple(map(str, row[: len(names)])))
    ordered = sorted(by_name, key=itemgetter(len(names)), reverse=True)
    return framed_rows(ordered, dict.fromkeys(names, "str") | dict.fromkeys(COUNTS, "int64") | dict.fromkeys(SHARES, "float64"))


def answers_in(tx: Session, viewer: Viewer, filters: Filters, games: Games) -> sa.CompoundSelect[tuple[int]]:
    """The ids of the model's answers in these games; with a rival, those of both."""
    counted = votes_counted(tx, viewer, filters)
    row = COMPARISONS.c
    sides = (
        (row.left_message_id, row.left_provider, row.left_model_name, row.right_provider, row.right_model_name, OF_LEFT),
        (row.right_message_id, row.right_provider, row.right_model_name, row.left_provider, row.left_model_name, OF_RIGHT),
    )
    found: list[sa.Select[tuple[int]]] = []
    for number, (answer, provider, model, rival_provider, rival_model, results) in enumerate(sides):
        conditions = [*counted, provider == games.model[0], model == games.model[1]]
        if games.rival is not None:
            conditions += [rival_provider == games.rival[0], rival_model == games.rival[1]]
        if games.result is not None:
            conditions.append(row.outcome.in_([vote.value for vote, result in results.items() if result == games.result]))
        found.append(sa.select(answer).where(*conditions, answer.is_not(None)))
        if games.rival is not None:
            other = sides[1 - number][0]
            found.append(sa.select(other).where(*conditions, other.is_not(None)))
    return sa.union_all(*found)
