"""Where the questions get their rows: whole days from the rollup, and from the tables those that changed since it was made.

So every number is as fresh as the tables, whether the rollup is behind, half made or not there.
"""

from dataclasses import replace

import numpy as np
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.errors import Denied
from chatcore.parts import Period, Viewer
from chatcore.rollup.days import MICROSECOND, day_of, microseconds
from chatcore.rollup.pages import Array, Page, Rows, join, unpack_names
from chatcore.rollup.tables import read_these

DIRTY = SQLModel.metadata.tables["usage_dirty"]
DAYS = SQLModel.metadata.tables["usage_day"]
USERS = SQLModel.metadata.tables["users"]


def rows_of(tx: Session, viewer: Viewer, period: Period) -> Rows:
    """Everything of the viewer's that was made in the period, the oldest first."""
    first, last = day_of(period.start), day_of(period.end - MICROSECOND)
    changed = dirty_days(tx, viewer.user_id, first, last)
    pages = [(day, page) for day, page in kept_pages(tx, viewer.user_id, first, last) if day not in changed]
    pages += read_these(tx, viewer.user_id, changed)
    pages.sort(key=lambda kept: kept[0])
    return cut(join([(viewer.user_id, page) for _, page in pages]), period)


def everybodys_rows(tx: Session, viewer: Viewer, period: Period) -> Rows:
    """What everybody made in the period, the oldest first: for the owner of the installation, and without a word of it.

    Raises Denied for anybody else.
    """
    check_owner(viewer)
    first, last = day_of(period.start), day_of(period.end - MICROSECOND)
    in_period = DIRTY.c.day.between(first, last)
    marked = set(tx.execute(sa.select(DIRTY.c.user_id, DIRTY.c.day).where(in_period).distinct()).all())
    # Through the people, because the pages lie by person and then by day.
    theirs = sa.and_(DAYS.c.user_id.in_(sa.select(USERS.c.id)), DAYS.c.day.between(first, last))
    columns = (DAYS.c.user_id, DAYS.c.day, DAYS.c.names, DAYS.c.messages, DAYS.c.answers)
    kept = tx.execute(sa.select(*columns).where(theirs)).all()
    pages = [(row[1], row[0], Page(*row[2:])) for row in kept if (row[0], row[1]) not in marked]
    for user_id in {user_id for user_id, _ in marked}:
        days = {day for marked_user, day in marked if marked_user == user_id}
        pages += [(day, user_id, page) for day, page in read_these(tx, user_id, days)]
    pages.sort(key=lambda kept: kept[:2])
    rows = join([(user_id, page) for _, user_id, page in pages])
    return cut(replace(rows, messages=in_order(rows.messages), answers=in_order(rows.answers)), period)


def check_owner(viewer: Viewer) -> None:
    """Raises Denied for everybody but the owner of the installation."""
    if not viewer.is_owner:
        raise Denied("Only the owner of this installation sees everybody's numbers.", "Look at your own.")


def in_order(rows: Array) -> Array:
    """Rows by their time; those of one person at one moment stay as they were."""
    return rows[np.argsort(rows["at"], kind="stable")]


def cut(rows: Rows, period: Period) -> Rows:
    """The rows of a part of the time."""
    ends = [microseconds(period.start), microseconds(period.end)]
    messages, answers = (slice(*np.searchsorted(array["at"], ends)) for array in (rows.messages, rows.answers))
    return replace(rows, messages=rows.messages[messages], answers=rows.answers[answers])


def everybodys_names(tx: Session, viewer: Viewer) -> set[tuple[str, str]]:
    """Every (provider, model name) that anybody's messages and attempts name. Raises Denied for anybody but the owner."""
    check_owner(viewer)
    people = tx.execute(sa.select(USERS.c.id)).scalars().all()
    return set().union(*(known_names(tx, Viewer(user_id, user_id)) for user_id in people))


def known_names(tx: Session, viewer: Viewer) -> set[tuple[str, str]]:
    """Every (provider, model name) that the viewer's messages and attempts name."""
    changed = dirty_days(tx, viewer.user_id, None, None)
    kept = tx.execute(sa.select(DAYS.c.day, DAYS.c.names).where(DAYS.c.user_id == viewer.user_id)).all()
    names = {row.names for row in kept if row.day not in changed}
    names |= {page.names for _, page in read_these(tx, viewer.user_id, changed)}
    return {pair for text in names for pairs in unpack_names(text)[0] for pair in pairs}


def dirty_days(tx: Session, user_id: str, first: int | None, last: int | None) -> set[int]:
    """Days of a person that changed since their page was made."""
    days = [] if first is None else [DIRTY.c.day.between(first, last)]
    return set(tx.execute(sa.select(DIRTY.c.day).where(DIRTY.c.user_id == user_id, *days).distinct()).scalars())


def kept_pages(tx: Session, user_id: str, first: int, last: int) -> list[tuple[int, Page]]:
    """The pages that the rollup has of these days."""
    theirs = sa.and_(DAYS.c.user_id == user_id, DAYS.c.day.between(first, last))
    rows = tx.execute(sa.select(DAYS.c.day, DAYS.c.names, DAYS.c.messages, DAYS.c.answers).where(theirs))
    return [(day, Page(names, messages, answers)) for day, names, messages, answers in rows]
