"""Questions over the messages: how many, on which days, at which hours. Text is never read."""

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session

from chatcore.analytics.chats import chats_meant
from chatcore.analytics.chosen import all_dates, chosen_rows, days_beside, numbers_beside
from chatcore.analytics.filters import Filters, first_day
from chatcore.analytics.frames import framed
from chatcore.analytics.numbers import Ints, totals
from chatcore.analytics.statements import HOUR_S, MESSAGES, between, narrow
from chatcore.db import Database
from chatcore.parts import Role, Viewer
from chatcore.rollup.measures import amount
from chatcore.rollup.pages import ROLES, Rows, Table
from chatcore.rollup.tables import has_ref

# The sums that these questions are content with.
HOURS = ("hours",)


def messages_per_day(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How many messages were written on each local day of the period?

    One row per day, days without messages included: `day` (naive midnight of the viewer's zone), `user_messages`,
    `assistant_messages`, `messages` (their sum).
    """
    with db.read() as tx:
        return count_days(chosen_rows(tx, viewer, filters, kinds=HOURS), filters)


def busy_hours(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """At which hours of the week are messages written, in the viewer's zone?

    168 rows: `weekday` (0 = Monday), `hour` (0 to 23), `messages`. An hour that a clock change repeats counts twice in
    its row, one that it skips is 0.
    """
    with db.read() as tx:
        return count_week(chosen_rows(tx, viewer, filters, kinds=HOURS), filters)


def count_days(rows: Rows, filters: Filters) -> pd.DataFrame:
    """The frame of `messages_per_day`."""
    days, of_run = all_dates(filters), days_beside(rows.messages, filters)
    user, assistant = (totals(of_run, written, len(days)) for written in written_beside(rows.messages))
    return framed({"day": days, "user_messages": user, "assistant_messages": assistant, "messages": user + assistant})


def count_week(rows: Rows, filters: Filters) -> pd.DataFrame:
    """The frame of `busy_hours`."""
    week = 7 * 24
    monday = first_day(filters).weekday() * 24
    hours, written = numbers_beside(rows.messages, filters, HOUR_S), np.add.reduce(written_beside(rows.messages))
    places = np.arange(week)
    return framed({"weekday": places // 24, "hour": places % 24, "messages": totals((hours + monday) % week, written, week)})


def written_beside(table: Table) -> tuple[Ints, ...]:
    """How many messages there are by role, in the order of ROLES, in each run of rows that have the same time: of sums a tenth."""
    return table.once("written beside", lambda: tuple(of_role(table, role) for role in range(len(ROLES))))


def of_role(table: Table, role: int) -> Ints:
    """The same of one role."""
    messages: Ints = amount(table, "messages") * (table["role"] == role)
    return np.add.reduceat(messages, table.runs.firsts) if len(table) else messages


def counted(tx: Session, viewer: Viewer, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """Which messages count, as `chosen.choose` has it. With models chosen: their answers and the prompts they answered."""
    conditions = [MESSAGES.c.user_id == viewer.user_id, *between(MESSAGES.c.created_at, filters.period)]
    chats = chats_meant(tx, viewer, filters)
    if chats is not None:
        conditions.append(MESSAGES.c.session_id.in_(chats))
    if filters.role is not None:
        conditions.append(MESSAGES.c.role == filters.role.value)
    if filters.imported is not None:
        ref = has_ref(MESSAGES.c.id)
        conditions.append(ref if filters.imported else sa.not_(ref))
    if not filters.narrowed:
        return conditions
    answer = MESSAGES.alias("answer")
    answered = sa.exists().where(
        answer.c.session_id == MESSAGES.c.session_id, answer.c.parent_id == MESSAGES.c.id, *narrow(answer, filters)
    )
    by_model = sa.and_(MESSAGES.c.role == Role.ASSISTANT, *narrow(MESSAGES, filters))
    return [*conditions, sa.or_(by_model, sa.and_(MESSAGES.c.role == Role.USER, answered))]
