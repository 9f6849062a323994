"""Questions over the messages: how many, on which days, at which hours. Content is never read."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session

from chatcore.analytics.filters import Filters, first_day, local_days
from chatcore.analytics.statements import HOUR_S, MESSAGES, between, local_number, narrow
from chatcore.db import Database
from chatcore.parts import Role, Viewer

# Number of the local hour since the first midnight of the period, messages of people, of models.
Hours = Sequence[tuple[int, int, int]]


def messages_per_day(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How many messages were written on each local day of the period?

    One row per day, days without messages included: `day` (naive midnight of the viewer's zone), `user_messages`,
    `assistant_messages`, `messages` (their sum).
    """
    with db.read() as tx:
        return fold_days(message_hours(tx, viewer, filters), filters)


def busy_hours(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """At which hours of the week are messages written, in the viewer's zone?

    168 rows: `weekday` (0 = Monday), `hour` (0 to 23), `messages`. An hour that a clock change repeats counts twice in
    its row, one that it skips is 0.
    """
    with db.read() as tx:
        return fold_week(message_hours(tx, viewer, filters), filters)


def message_hours(tx: Session, viewer: Viewer, filters: Filters) -> Hours:
    """Messages by local hour: the one statement behind days and weeks."""
    written, count = MESSAGES.c, sa.func.count()
    by_role = [count.filter(written.role == role) for role in (Role.USER, Role.ASSISTANT)]
    statement = sa.select(local_number(tx, written.created_at, filters, HOUR_S).label("number"), *by_role)
    # By its label: PostgreSQL takes the same expression with other placeholders for another expression.
    rows = tx.execute(statement.where(*counted(viewer, filters)).group_by("number")).all()
    return [(number, people, models) for number, people, models in rows]


def chat_count(tx: Session, viewer: Viewer, filters: Filters) -> int:
    """In how many chats was a message written?"""
    statement = sa.select(sa.func.count(sa.distinct(MESSAGES.c.session_id))).where(*counted(viewer, filters))
    return int(tx.execute(statement).scalar_one())


def counted(viewer: Viewer, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """Which messages count. With models chosen: the answers of these models and the prompts they answered."""
    conditions = [MESSAGES.c.user_id == viewer.user_id, *between(MESSAGES.c.created_at, filters.period)]
    if not filters.narrowed:
        return conditions
    answer = MESSAGES.alias("answer")
    answered = sa.exists().where(
        answer.c.session_id == MESSAGES.c.session_id, answer.c.parent_id == MESSAGES.c.id, *narrow(answer, filters)
    )
    by_model = sa.and_(MESSAGES.c.role == Role.ASSISTANT, *narrow(MESSAGES, filters))
    return [*conditions, sa.or_(by_model, sa.and_(MESSAGES.c.role == Role.USER, answered))]


def fold_days(hours: Hours, filters: Filters) -> pd.DataFrame:
    """Local hours into days (see `messages_per_day`)."""
    days = local_days(filters.period, filters.time_zone)
    written = np.zeros((len(days), 2), dtype="int64")
    for number, people, models in hours:
        written[number // 24] += (people, models)
    return pd.DataFrame({"day": days, "user_messages": written[:, 0], "assistant_messages": written[:, 1], "messages": written.sum(axis=1)})


def fold_week(hours: Hours, filters: Filters) -> pd.DataFrame:
    """Local hours into hours of the week (see `busy_hours`)."""
    week = np.zeros(7 * 24, dtype="int64")
    monday = first_day(filters).weekday() * 24
    for number, people, models in hours:
        week[(monday + number) % len(week)] += people + models
    places = np.arange(len(week))
    return pd.DataFrame({"weekday": places // 24, "hour": places % 24, "messages": week})
