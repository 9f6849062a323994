"""How good the answers were: how they ended, with which errors, and what people thought of them."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.analytics.answers import MODEL, model_columns
from chatcore.analytics.chosen import by_model, chosen_rows, compact, local_steps
from chatcore.analytics.filters import Filters, Step
from chatcore.analytics.frames import Values, alphabetical, framed, framed_rows, in_order, ratio, texts_at
from chatcore.analytics.intervals import wilson
from chatcore.analytics.messages import counted
from chatcore.analytics.numbers import sums_of, totals
from chatcore.analytics.statements import MESSAGES, between, narrow
from chatcore.analytics.votes import pair_rates_of, played, rates_of
from chatcore.db import Database
from chatcore.parts import Role, State, Viewer
from chatcore.rollup.gather import check_owner
from chatcore.rollup.pages import STATES, Rows
from chatcore.rollup.tables import has_ref
from chatcore.rows import parts_of

FEEDBACK = SQLModel.metadata.tables["feedback"]
FINISHED = tuple(state for state in STATES if state is not State.RUNNING)
UP = 1
# The sums that these questions are content with.
CELLS = ("answers",)


@dataclass(frozen=True, slots=True)
class QualityReport:
    """The frames of `outcomes`, `outcomes_over_time`, `feedback`, `win_rates` and `win_rates_by_pair`, read in one transaction."""

    outcomes: pd.DataFrame
    over_time: pd.DataFrame
    feedback: pd.DataFrame
    win_rates: pd.DataFrame
    win_rates_by_pair: pd.DataFrame


def quality_report(db: Database, viewer: Viewer, filters: Filters, *, step: Step = "day") -> QualityReport:
    """How did the answers end, and what was thought of them? `step` is that of `outcomes_over_time`."""
    with db.read() as tx:
        rows, rated = chosen_rows(tx, viewer, filters, kinds=CELLS), feedback_of(tx, viewer, filters)
        votes = played(tx, viewer, filters)
    ended, over_time = outcomes_of(rows), outcome_steps_of(rows, filters, step)
    return QualityReport(ended, over_time, rated, rates_of(votes, filters), pair_rates_of(votes, filters))


def outcomes(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How did the answers of each model end, and with which errors?

    One row per provider, model, `state` and `error_type` ('' where there was none), most answers first: `answers` and `share`
    (of the model's finished answers; None for those that still run).
    """
    with db.read() as tx:
        return outcomes_of(chosen_rows(tx, viewer, filters, kinds=CELLS))


def outcomes_over_time(db: Database, viewer: Viewer, filters: Filters, *, step: Step = "day") -> pd.DataFrame:
    """How did the way answers end change?

    One row per day, week (from Monday) or month of the viewer's zone on which a model was asked, oldest first: `start` (the first
    day of the step, naive midnight), `answers` (attempts), `complete`, `stopped`, `failed`, `interrupted` (attempts that ended so),
    `failed_share` and `stopped_share` (of the finished ones; None if none is finished).
    """
    with db.read() as tx:
        return outcome_steps_of(chosen_rows(tx, viewer, filters, kinds=CELLS), filters, step)


def feedback(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """What do people think of the answers of each model?

    One row per provider and model with a rated answer, most rated first: `provider`, `model_name`, `rated_answers`, `up`, `down`,
    `up_share` (up / rated) and its Wilson interval, `up_share_low` and `up_share_high`: were all answers of this kind rated, the
    share would lie between them 19 times in 20. Answers written in the period count, whenever they were rated; nobody rated = no
    row, which is not a share of 0. The interval is of the rated answers: who rates rarely rates at random.
    """
    with db.read() as tx:
        return feedback_of(tx, viewer, filters)


def outcomes_of(rows: Rows) -> pd.DataFrame:
    """The frame of `outcomes`."""
    pairs, models = by_model(rows.answers, rows.models)
    kinds = len(STATES) * len(rows.errors)
    keys, groups = compact((models * len(STATES) + rows.answers["state"]) * len(rows.errors) + rows.answers["error"])
    own, kind = np.divmod(keys, kinds)
    state, error = np.divmod(kind, len(rows.errors))
    answers = sums_of(rows.answers, "answers", groups, len(keys))
    is_finished = state != STATES.index(State.RUNNING)
    finished = totals(own[is_finished], answers[is_finished], len(pairs))
    table: dict[str, Values] = {
        **model_columns(pairs, own),
        "state": texts_at(tuple(state.value for state in STATES), state),
        "error_type": texts_at(rows.errors, error),
        "answers": answers,
        "share": np.where(is_finished, answers / np.maximum(finished[own], 1), np.nan),
    }
    return framed(table, in_order(-answers, own, alphabetical([state.value for state in STATES])[state], alphabetical(rows.errors)[error]))


def outcome_steps_of(rows: Rows, filters: Filters, step: Step) -> pd.DataFrame:
    """The frame of `outcomes_over_time`."""
    starts, steps = local_steps(rows.answers, filters, step)
    number = len(starts)
    groups = steps * len(STATES) + rows.answers["state"]
    ended = sums_of(rows.answers, "answers", groups, number * len(STATES)).reshape(number, len(STATES))
    table: dict[str, Values] = {"start": starts, "answers": ended.sum(axis=1)}
    table |= {state.value: ended[:, STATES.index(state)].copy() for state in FINISHED}
    finished = ended.sum(axis=1) - ended[:, STATES.index(State.RUNNING)]
    table |= {f"{state.value}_share": ratio(ended[:, STATES.index(state)], finished) for state in (State.FAILED, State.STOPPED)}
    return framed(table)


def feedback_of(tx: Session, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """The frame of `feedback`. Ratings are few, so they are counted where they are. Raises Denied for everybody's if the viewer is not
    the owner."""
    ratings = ratings_of(tx, viewer, filters)
    counted_ups: dict[tuple[str, str], list[bool]] = {}
    # From the ratings to their messages: asked at once, SQLite reads all messages of the period to find the few that are rated.
    for part in parts_of(message_id for message_id, _ in ratings):
        columns = (MESSAGES.c.id, MESSAGES.c.user_id, *(sa.func.coalesce(MESSAGES.c[name], "") for name in MODEL))
        found = tx.execute(sa.select(*columns).where(MESSAGES.c.id.in_(part), *counted_answers(tx, viewer, filters)))
        for message_id, user_id, provider, model in found:
            if (message_id, user_id) in ratings:
                counted_ups.setdefault((provider, model), []).append(ratings[message_id, user_id] == UP)
    rows: list[tuple[object, ...]] = []
    for names, ups in sorted(counted_ups.items(), key=lambda item: (-len(item[1]), item[0])):
        rated, liked = len(ups), sum(ups)
        around = wilson(liked / rated, rated)
        rows.append((*names, rated, liked, rated - liked, liked / rated, around.low, around.high))
    counts, shares = ("rated_answers", "up", "down"), ("up_share", "up_share_low", "up_share_high")
    return framed_rows(rows, dict.fromkeys(MODEL, "str") | dict.fromkeys(counts, "int64") | dict.fromkeys(shares, "float64"))


def ratings_of(tx: Session, viewer: Viewer, filters: Filters) -> dict[tuple[int, str], int]:
    """The ratings by message and person: the viewer's, or everybody's. Raises Denied for everybody's if the
    viewer is not the owner."""
    if filters.everybody:
        check_owner(viewer)
    theirs = [] if filters.everybody else [FEEDBACK.c.user_id == viewer.user_id]
    rated = sa.select(FEEDBACK.c.message_id, FEEDBACK.c.user_id, FEEDBACK.c.rating).where(*theirs)
    return {(message_id, user_id): rating for message_id, user_id, rating in tx.execute(rated)}


def counted_answers(tx: Session, viewer: Viewer, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """Which answers count. Only answers are rated, so a role does not narrow them."""
    if not filters.everybody:
        return counted(tx, viewer, replace(filters, role=Role.ASSISTANT))
    own = [MESSAGES.c.role == Role.ASSISTANT.value]
    if filters.imported is not None:
        own.append(has_ref(MESSAGES.c.id) == filters.imported)
    return [*own, *between(MESSAGES.c.created_at, filters.period), *narrow(MESSAGES, filters)]
