"""Keeps the sums of everybody's days: makes those that were marked, and proves that they say what the pages say.

As in `chatcore.rollup.making` nothing is written while it is read, and only the marks that were there before it was read are taken away.
A local day lies in two or three UTC days, each with marks of its own, so makers of a zone also count their turns: whose count has moved on
while they read writes nothing, since their sums may be older than those that are there.
"""

from collections.abc import Collection, Iterator

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.db import IN_BINARY, Database
from chatcore.parts import Period
from chatcore.rollup.cells import KINDS, Sums, sum_up
from chatcore.rollup.clock import Ints, local_day, midnights
from chatcore.rollup.days import DAY_US, EPOCH, MICROSECOND, NEAR_DAYS, runs, start_of
from chatcore.rollup.gather import DAYS, NO_PAGES, PAGES, USERS, cut
from chatcore.rollup.joined import SUMS_DIRTY, ZONES
from chatcore.rollup.making import BY_HAND
from chatcore.rollup.pages import Rows, join
from chatcore.rollup.sums import SUMS, changed_days, is_fresh, kept_sums, utc_days

# UTC days that are made in one step: reading them is not in the way of writers, and short with many people too.
DAYS_A_STEP = 4
# What is compared at a time, so that memory stays small.
DAYS_A_LOOK = 16


def sum_all(db: Database) -> None:
    """Makes all sums that are marked. Others may write meanwhile."""
    while sum_step(db):
        pass


def sum_step(db: Database) -> bool:
    """Makes the sums of some marked days of one zone, the newest first; whether there may be more."""
    with db.read() as tx:
        zone = tx.execute(sa.select(SUMS_DIRTY.c.zone).limit(1)).scalar()
        if zone is None:
            return False
        turn = tx.execute(sa.select(ZONES.c.made).where(ZONES.c.name == zone)).scalar()
        newest = sa.select(SUMS_DIRTY.c.day).where(SUMS_DIRTY.c.zone == zone).distinct().order_by(SUMS_DIRTY.c.day.desc())
        utc = tx.execute(newest.limit(DAYS_A_STEP)).scalars().all()
        marks = tx.execute(
            sa.select(SUMS_DIRTY.c.day, SUMS_DIRTY.c.writer).where(SUMS_DIRTY.c.zone == zone, SUMS_DIRTY.c.day.in_(utc))
        ).all()
        made = {day: sums for run in runs(with_gaps(local_days(zone, utc))) for day, sums in sums_of_pages(tx, zone, run[0], run[-1])}
    with db.write() as tx:
        moved_on = sa.update(ZONES).where(ZONES.c.name == zone, ZONES.c.made == turn).values(made=ZONES.c.made + 1)
        if tx.connection().execute(moved_on).rowcount:
            own = sa.tuple_(SUMS_DIRTY.c.day, SUMS_DIRTY.c.writer).in_([tuple(mark) for mark in marks])
            tx.execute(sa.delete(SUMS_DIRTY).where(SUMS_DIRTY.c.zone == zone, own))
            write_sums(tx, zone, made)
    return True


def local_days(zone: str, utc: Collection[int]) -> set[int]:
    """The days of a zone that have a part of these UTC days."""
    return {day for at in utc for day in range(local_day(start_of(at), zone), local_day(start_of(at + 1) - MICROSECOND, zone) + 1)}


def with_gaps(days: Collection[int]) -> set[int]:
    """These days and a weekend behind each: sums without anything save the question whether there is a page."""
    return {later for day in days for later in range(day, day + NEAR_DAYS)}


def sums_of_pages(tx: Session, zone: str, first: int, last: int) -> list[tuple[int, Sums]]:
    """The sums of these days of a zone, as the pages have them; days without anything too."""
    starts = midnights(zone, first, last)
    return list(zip(range(first, last + 1), sum_up(paged_rows(tx, starts), starts, zone), strict=True))


def paged_rows(tx: Session, starts: Ints) -> Rows:
    """What everybody made from the first to the last of these times, as the pages have it."""
    utc = DAYS.c.day.between(int(starts[0]) // DAY_US, (int(starts[-1]) - 1) // DAY_US)
    # Through the people, because the pages lie by person and then by day.
    in_order = sa.select(*PAGES).where(DAYS.c.user_id.in_(sa.select(USERS.c.id)), utc).order_by(DAYS.c.user_id, DAYS.c.day)
    pages = tx.execute(in_order.execution_options(**IN_BINARY)).all()
    users, _, names, messages, answers = zip(*pages, strict=True) if pages else NO_PAGES
    return cut(join(users, names, messages, answers), Period(EPOCH + MICROSECOND * int(starts[0]), EPOCH + MICROSECOND * int(starts[-1])))


def write_sums(tx: Session, zone: str, made: dict[int, Sums]) -> None:
    """Puts the sums of these days in the place of those before."""
    tx.execute(sa.delete(SUMS).where(SUMS.c.zone == zone, SUMS.c.day.in_(made)))
    rows = [
        {"zone": zone, "day": day, "starts_us": sums.start, "ends_us": sums.end, "names": sums.names, "people": sums.people, **sums.cells}
        for day, sums in made.items()
    ]
    tx.execute(sa.insert(SUMS), rows)


def wrong_sums(tx: Session) -> Iterator[tuple[str, int]]:
    """The (zone, day) whose sums differ from the pages, though no mark says so. All pages are read for it, once for each zone."""
    for zone in tx.execute(sa.select(ZONES.c.name).order_by(ZONES.c.name)).scalars().all():
        first, last = tx.execute(sa.select(sa.func.min(DAYS.c.day), sa.func.max(DAYS.c.day))).one()
        if first is None:
            continue
        days = sorted(local_days(zone, range(first, last + 1)))
        for place in range(0, len(days), DAYS_A_LOOK):
            look = days[place : place + DAYS_A_LOOK]
            yield from ((zone, day) for day in wrong_sums_of(tx, zone, look[0], look[-1]))


def wrong_sums_of(tx: Session, zone: str, first: int, last: int) -> Iterator[int]:
    """The same of some days of a zone; those that are not kept are not wrong."""
    starts = midnights(zone, first, last)
    changed = changed_days(tx, zone, int(starts[0]) // DAY_US, int(starts[-1]) // DAY_US)
    kept = kept_sums(tx, zone, first, last, KINDS)
    for day, sums in sums_of_pages(tx, zone, first, last):
        if day in kept and is_fresh(kept[day], starts[day - first : day - first + 2], changed) and kept[day] != sums:
            yield day


def waiting_sums(tx: Session) -> int:
    """How many days are marked to be summed up."""
    marked = sa.select(SUMS_DIRTY.c.zone, SUMS_DIRTY.c.day).distinct().subquery()
    return int(tx.execute(sa.select(sa.func.count()).select_from(marked)).scalar_one())


def remake_wrong_sums(db: Database) -> int:
    """Makes the sums again that differ from the pages; how many these were."""
    with db.read_at_length() as tx:
        wrong = list(wrong_sums(tx))
    with db.write() as tx:
        for zone, day in wrong:
            start, end = midnights(zone, day, day)
            for utc in utc_days(int(start), int(end)):
                tx.execute(sa.delete(SUMS_DIRTY).where(SUMS_DIRTY.c.zone == zone, SUMS_DIRTY.c.day == utc))
                tx.execute(sa.insert(SUMS_DIRTY).values(zone=zone, day=utc, writer=BY_HAND))
    sum_all(db)
    return len(wrong)
