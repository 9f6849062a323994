"""Keeps the rollup: makes the pages of the days that were marked, and proves that they say what the tables say.

A page is read outside of the transaction that writes it, so no writer waits for the counting. It is written only if the marks
it stands for are all still there, and takes just these away: what changed meanwhile has a mark of its own or moved one on, so
its day is made again.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.db import Database
from chatcore.rollup.days import runs
from chatcore.rollup.gather import DAYS, DIRTY, dirty_days, kept_pages
from chatcore.rollup.pages import Page
from chatcore.rollup.tables import days_of, read_days, read_these

# What is made in one step: reading it is not in the way of writers, writing it takes a millisecond or two.
DAYS_A_STEP = 16
# Each mark is two values of a statement, of which a database takes some 32,000 (SQLite) or 65,000.
MOST_MARKS = 10_000
# What is compared at a time, so that memory stays small.
DAYS_A_LOOK = 64

# The writer of a mark that no change of a row has made.
BY_HAND = 0

# A mark is (day, writer).
Marks = Sequence[tuple[int, int]]


def refresh(db: Database) -> None:
    """Makes every page that is marked. Others may write meanwhile."""
    while refresh_step(db):
        pass


def refresh_step(db: Database) -> bool:
    """Makes some of the marked pages, of one person and the newest first; whether there may be more."""
    with db.read() as tx:
        user_id = tx.execute(sa.select(DIRTY.c.user_id).limit(1)).scalar()
        if user_id is None:
            return False
        theirs = sa.select(DIRTY.c.day).where(DIRTY.c.user_id == user_id).distinct().order_by(DIRTY.c.day.desc()).limit(DAYS_A_STEP)
        days = tx.execute(theirs).scalars().all()
        marks = read_marks(tx, user_id, days)
        while len(marks) > MOST_MARKS and len(days) > 1:
            days = days[: len(days) // 2]
            marks = [mark for mark in marks if mark[0] in days]
        pages = dict(read_these(tx, user_id, days))
    with db.write() as tx:
        write_pages(tx, user_id, take_marks(tx, user_id, marks), pages)
    return True


def read_marks(tx: Session, user_id: str, days: Sequence[int]) -> Marks:
    """The marks of these days."""
    theirs = sa.and_(DIRTY.c.user_id == user_id, DIRTY.c.day.in_(days))
    return [(day, writer) for day, writer in tx.execute(sa.select(DIRTY.c.day, DIRTY.c.writer).where(theirs))]


def take_marks(tx: Session, user_id: str, marks: Marks) -> set[int]:
    """Takes just these marks away from the days that have all of theirs yet; which these are. The others somebody else made, or will."""
    own = sa.and_(DIRTY.c.user_id == user_id, sa.tuple_(DIRTY.c.day, DIRTY.c.writer).in_(marks))
    # In one order, because two makers of a day must not wait for each other.
    found = sa.select(DIRTY.c.day, DIRTY.c.writer).where(own).order_by(DIRTY.c.day, DIRTY.c.writer).with_for_update()
    there = {(day, writer) for day, writer in tx.execute(found)}
    days = {day for day, _ in marks} - {mark[0] for mark in marks if mark not in there}
    tx.execute(sa.delete(DIRTY).where(own, DIRTY.c.day.in_(days)))
    return days


def write_pages(tx: Session, user_id: str, days: Collection[int], pages: Mapping[int, Page]) -> None:
    """Puts the pages of these days in the place of those before; a day without anything has none."""
    tx.execute(sa.delete(DAYS).where(DAYS.c.user_id == user_id, DAYS.c.day.in_(days)))
    rows = [
        {"user_id": user_id, "day": day, **page._asdict(), "calls": page.calls or None, "fills": page.fills or None}
        for day, page in pages.items()
        if day in days
    ]
    if rows:
        tx.execute(sa.insert(DAYS), rows)


def wrong_days(tx: Session) -> Iterator[tuple[str, int]]:
    """The (user, day) whose page differs from the tables, though no mark says so. All messages and attempts are read for it."""
    for user_id in tx.execute(sa.text("SELECT id FROM users ORDER BY id")).scalars().all():
        yield from ((user_id, day) for day in wrong_days_of(tx, user_id))


def wrong_days_of(tx: Session, user_id: str) -> Iterator[int]:
    """The same of one person."""
    changed = dirty_days(tx, user_id, None, None)
    paged = tx.execute(sa.select(DAYS.c.day).where(DAYS.c.user_id == user_id)).scalars()
    for run in runs({*paged, *days_of(tx, user_id)} - changed):
        for start in range(0, len(run), DAYS_A_LOOK):
            days = run[start : start + DAYS_A_LOOK]
            kept, counted = (dict(of(tx, user_id, days[0], days[-1])) for of in (kept_pages, read_days))
            yield from (day for day in days if kept.get(day) != counted.get(day))


def waiting_days(tx: Session) -> int:
    """How many pages are marked to be made."""
    marked = sa.select(DIRTY.c.user_id, DIRTY.c.day).distinct().subquery()
    return int(tx.execute(sa.select(sa.func.count()).select_from(marked)).scalar_one())


def remake_wrong(db: Database) -> int:
    """Makes the pages again that differ from the tables; how many these were."""
    with db.read_at_length() as tx:
        wrong = list(wrong_days(tx))
    with db.write() as tx:
        for user_id, day in wrong:
            tx.execute(sa.delete(DIRTY).where(DIRTY.c.user_id == user_id, DIRTY.c.day == day))
            tx.execute(sa.insert(DIRTY).values(user_id=user_id, day=day, writer=BY_HAND))
    refresh(db)
    return len(wrong)
