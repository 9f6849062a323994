"""Where the questions get their rows: whole days from the rollup, and from the tables those that changed since it was made.

So every number is as fresh as the tables, whether the rollup is behind, half made or not there.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.db import IN_BINARY
from chatcore.errors import Denied
from chatcore.parts import Period, Viewer
from chatcore.rollup.days import MICROSECOND, day_of, microseconds
from chatcore.rollup.pages import Detail, Details, Page, Rows, Table, join, join_details, unpack_names
from chatcore.rollup.tables import read_these

DIRTY = SQLModel.metadata.tables["usage_dirty"]
DAYS = SQLModel.metadata.tables["usage_day"]
USERS = SQLModel.metadata.tables["users"]
PAGES = (DAYS.c.user_id, DAYS.c.day, DAYS.c.names, DAYS.c.messages, DAYS.c.answers)
NO_PAGES: tuple[tuple[Any, ...], ...] = ((),) * len(PAGES)


def rows_of(tx: Session, viewer: Viewer, period: Period) -> Rows:
    """Everything of the viewer's that was made in the period."""
    return rows_made(tx, period, DAYS.c.user_id == viewer.user_id, DIRTY.c.user_id == viewer.user_id)


def everybodys_rows(tx: Session, viewer: Viewer, period: Period) -> Rows:
    """What everybody made in the period: for the owner of the installation, and without a word of it.

    Raises Denied for anybody else.
    """
    check_owner(viewer)
    # Through the people, because the pages lie by person and then by day.
    return rows_made(tx, period, DAYS.c.user_id.in_(sa.select(USERS.c.id)), sa.true())


def rows_made(tx: Session, period: Period, kept_of: sa.ColumnElement[bool], marks_of: sa.ColumnElement[bool]) -> Rows:
    """What some people made in a period, from the pages that are kept, and of the days that are marked from new ones."""
    first, last = day_of(period.start), day_of(period.end - MICROSECOND)
    marked = days_marked(tx, marks_of, first, last)
    in_order = sa.select(*PAGES).where(kept_of, DAYS.c.day.between(first, last)).order_by(DAYS.c.user_id, DAYS.c.day)
    in_order = in_order.execution_options(**IN_BINARY)
    kept: Sequence[Sequence[Any]] = tx.execute(in_order).all()
    if marked:
        made = [
            (user_id, day, page.names, page.messages, page.answers)
            for user_id, days in marked.items()
            for day, page in read_these(tx, user_id, days)
        ]
        kept = sorted([*(row for row in kept if row[1] not in marked.get(row[0], ())), *made], key=lambda row: (row[0], row[1]))
    # Of everybody's years there are tens of thousands: whole columns are taken apart faster than rows.
    users, _, names, messages, answers = zip(*kept, strict=True) if kept else NO_PAGES
    return cut(join(users, names, messages, answers), period)


def details_of(tx: Session, viewer: Viewer, period: Period, kind: Detail, *, everybody: bool = False) -> Details:
    """The viewer's tool calls or full windows of a period, or everybody's, as `rows_of` and `everybodys_rows` have the rest. Of the
    pages nothing else is read. Raises Denied for everybody's to who is not the owner."""
    if everybody:
        check_owner(viewer)
    first, last = day_of(period.start), day_of(period.end - MICROSECOND)
    kept_of = DAYS.c.user_id.in_(sa.select(USERS.c.id)) if everybody else DAYS.c.user_id == viewer.user_id
    marked = days_marked(tx, sa.true() if everybody else DIRTY.c.user_id == viewer.user_id, first, last)
    kept = sa.select(DAYS.c.user_id, DAYS.c.day, DAYS.c.names, DAYS.c[kind]).execution_options(**IN_BINARY)
    found = tx.execute(kept.where(kept_of, DAYS.c.day.between(first, last), DAYS.c[kind].is_not(None))).all()
    pages = [tuple(row) for row in found if row[1] not in marked.get(row[0], ())]
    for user_id, days in marked.items():
        pages += [(user_id, day, page.names, getattr(page, kind)) for day, page in read_these(tx, user_id, days)]
    users, _, names, parts = zip(*sorted(pages), strict=True) if pages else ((),) * 4
    made = join_details(kind, users, names, parts)
    return replace(made, rows=within(made.rows, period))


def days_marked(tx: Session, marks_of: sa.ColumnElement[bool], first: int, last: int) -> dict[str, set[int]]:
    """The days, from `first` to `last`, that changed since their page was made, by person."""
    found = sa.select(DIRTY.c.user_id, DIRTY.c.day).where(marks_of, DIRTY.c.day.between(first, last)).distinct()
    marked: dict[str, set[int]] = {}
    for user_id, day in tx.execute(found):
        marked.setdefault(user_id, set()).add(day)
    return marked


def check_owner(viewer: Viewer) -> None:
    """Raises Denied for everybody but the owner of the installation."""
    if not viewer.is_owner:
        raise Denied("Only the owner of this installation sees everybody's numbers.", "Look at your own.")


def cut(rows: Rows, period: Period) -> Rows:
    """The rows of a part of the time."""
    return replace(rows, messages=within(rows.messages, period), answers=within(rows.answers, period))


def within(table: Table, period: Period) -> Table:
    """The rows of one table in a part of the time; the same table each time it is asked, with what questions keep with it."""
    start, end = microseconds(period.start), microseconds(period.end)
    return table.once(("within", start, end), lambda: table.where((table["at"] >= start) & (table["at"] < end)))


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
    parts = (DAYS.c[name] for name in Page._fields)
    rows = tx.execute(sa.select(DAYS.c.day, *parts).where(theirs).execution_options(**IN_BINARY))
    return [(day, Page(names, messages, answers, calls or b"", fills or b"")) for day, names, messages, answers, calls, fills in rows]
