"""Questions over the messages: how many, on which days, at which hours. Content is never read."""

import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session

from chatcore.analytics.filters import Filters, local_days, local_time
from chatcore.analytics.statements import MESSAGES, between, frame_of, narrow, quarter
from chatcore.db import Database
from chatcore.parts import Role, Viewer


def messages_per_day(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How many messages were written on each local day of the period?

    One row per day, days without messages included: `day` (naive midnight of the viewer's zone), `user_messages`,
    `assistant_messages`, `messages` (their sum). Empty period of days never happens: a period has at least one.
    """
    with db.read() as tx:
        return fold_days(message_quarters(tx, viewer, filters), filters)


def busy_hours(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """At which hours of the week are messages written, in the viewer's zone?

    168 rows: `weekday` (0 = Monday), `hour` (0 to 23), `messages`. An hour that a clock change repeats counts twice in
    its row, one that it skips is 0.
    """
    with db.read() as tx:
        return fold_hours(message_quarters(tx, viewer, filters), filters)


def message_quarters(tx: Session, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """Messages by `quarter` (of an hour, since 1970 UTC) and `role`: the one statement behind days and hours."""
    number = quarter(tx, MESSAGES.c.created_at).label("quarter")
    statement = sa.select(number, MESSAGES.c.role, sa.func.count().label("messages"))
    # By its label: PostgreSQL takes the same expression with other placeholders for another expression.
    statement = statement.where(*counted(viewer, filters)).group_by("quarter", MESSAGES.c.role)
    return frame_of(tx, statement).astype({"quarter": "int64", "role": "str", "messages": "int64"})


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


def fold_days(quarters: pd.DataFrame, filters: Filters) -> pd.DataFrame:
    """Quarters of an hour into local days (see `messages_per_day`)."""
    days = local_time(quarters["quarter"], filters.time_zone).dt.normalize().rename("day")
    table = quarters.pivot_table(index=days, columns="role", values="messages", aggfunc="sum", fill_value=0)
    table = table.reindex(index=local_days(filters.period, filters.time_zone), columns=list(Role), fill_value=0).astype("int64")
    return pd.DataFrame(
        {
            "day": table.index,
            "user_messages": table[Role.USER].to_numpy(),
            "assistant_messages": table[Role.ASSISTANT].to_numpy(),
            "messages": table.sum(axis=1).to_numpy(),
        }
    )


def fold_hours(quarters: pd.DataFrame, filters: Filters) -> pd.DataFrame:
    """Quarters of an hour into local hours of the week (see `busy_hours`)."""
    local = local_time(quarters["quarter"], filters.time_zone)
    sums = quarters["messages"].groupby([local.dt.day_of_week.rename("weekday"), local.dt.hour.rename("hour")]).sum()
    week = pd.MultiIndex.from_product([range(7), range(24)], names=["weekday", "hour"])
    return sums.reindex(week, fill_value=0).astype("int64").rename("messages").reset_index()
