"""Where everybody's numbers come from: the sums of whole local days that are kept, and what is missing or changed from the pages.

So they are as fresh as the tables, like `chatcore.rollup.gather`, whether sums are behind, half made or not there.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

import numpy as np
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.db import IN_BINARY, Database
from chatcore.errors import ChatcoreError
from chatcore.parts import Period, Viewer
from chatcore.rollup.cells import KINDS, Sums, join_sums, sum_up
from chatcore.rollup.clock import Ints, goes_back_over_midnight, local_day, midnights
from chatcore.rollup.days import DAY_US, EPOCH, MICROSECOND, day_of, microseconds, runs
from chatcore.rollup.gather import DIRTY, check_owner, details_of, everybodys_rows, rows_of
from chatcore.rollup.joined import JOINED, SUMS_DIRTY, ZONES, Place, state_of
from chatcore.rollup.pages import Detail, Details, Rows

SUMS = SQLModel.metadata.tables["usage_sum"]


def can_be_summed(period: Period, zone: str) -> bool:
    """Whether sums of local days can answer for a period of a zone."""
    return not goes_back_over_midnight(zone, local_day(period.start, zone), local_day(period.end, zone))


def everybodys_sums(tx: Session, viewer: Viewer, period: Period, zone: str, kinds: Collection[str] = tuple(KINDS)) -> Rows:
    """What everybody made in the period, as rows that stand for many: see `chatcore.rollup.cells` for the kinds.

    Raises Denied for anybody but the owner.
    """
    check_owner(viewer)
    # The state before the sums: what is made anew in between is newer than it says, and never the other way round.
    state, place = state_of(tx, period, zone), Place("sums", zone, period)
    found = JOINED.find(tx, place) if state else None
    if state is None or (found and found.rows is None):
        return gathered_sums(tx, viewer, period, zone, kinds, kept_sums(tx, zone, *days_of(period, zone), kinds))
    if found and isinstance(found.rows, Rows) and found.state == state:
        return found.rows
    # All kinds, for the questions that come next.
    kept = found.kept if found and found.state.turn == state.turn else kept_sums(tx, zone, *days_of(period, zone), KINDS)
    rows = gathered_sums(tx, viewer, period, zone, KINDS, kept)
    JOINED.keep(tx, place, state, rows, kept)
    return rows


def everybodys_details(tx: Session, viewer: Viewer, period: Period, kind: Detail, zone: str) -> Details:
    """Everybody's tool calls or full windows of the period, which are rows and not sums, read again only after a change.

    Raises Denied for anybody but the owner.
    """
    check_owner(viewer)
    return JOINED.once(tx, Place(kind, zone, period), lambda: details_of(tx, viewer, period, kind, everybody=True))


def own_rows(tx: Session, viewer: Viewer, period: Period, zone: str) -> Rows:
    """The owner's own rows of the period, for what is told of their chats beside everybody's numbers, read again only after a change."""
    check_owner(viewer)
    return JOINED.once(tx, Place(f"own {viewer.user_id}", zone, period), lambda: rows_of(tx, viewer, period))


def days_of(period: Period, zone: str) -> tuple[int, int]:
    """The first and the last day of a zone that a period has a part of."""
    return local_day(period.start, zone), local_day(period.end - MICROSECOND, zone)


def gathered_sums(tx: Session, viewer: Viewer, period: Period, zone: str, kinds: Collection[str], kept: Mapping[int, Sums]) -> Rows:
    """The same from sums that were read, and from the pages where these are missing or not of today."""
    first, last = days_of(period, zone)
    starts = np.clip(midnights(zone, first, last), microseconds(period.start), microseconds(period.end))
    changed = changed_days(tx, zone, day_of(period.start), day_of(period.end - MICROSECOND))
    fresh = {day: sums for day, sums in kept.items() if is_fresh(sums, starts[day - first : day - first + 2], changed)}
    for run in runs(set(range(first, last + 1)) - fresh.keys()):
        made = made_sums(tx, viewer, starts[run[0] - first : run[-1] - first + 2], zone, kinds)
        fresh |= {run[0] + place: sums for place, sums in made.items() if run[0] + place not in fresh}
    return join_sums([fresh[day] for day in sorted(fresh)], kinds)


def changed_days(tx: Session, zone: str, first: int, last: int) -> set[int]:
    """UTC days of which a page or the sums are not what they should be."""
    pages = sa.select(DIRTY.c.day).where(DIRTY.c.day.between(first, last))
    sums = sa.select(SUMS_DIRTY.c.day).where(SUMS_DIRTY.c.zone == zone, SUMS_DIRTY.c.day.between(first, last))
    return set(tx.execute(pages.union(sums)).scalars())


def kept_sums(tx: Session, zone: str, first: int, last: int, kinds: Iterable[str]) -> dict[int, Sums]:
    """The sums that are kept of these days, by day."""
    own = [SUMS.c[name] for name in kinds]
    columns = (SUMS.c.day, SUMS.c.starts_us, SUMS.c.ends_us, SUMS.c.names, SUMS.c.people, *own)
    days = sa.select(*columns).where(SUMS.c.zone == zone, SUMS.c.day.between(first, last))
    rows = tx.execute(days.execution_options(**IN_BINARY))
    names = [column.name for column in own]
    return {day: Sums(start, end, known, people, dict(zip(names, cells, strict=True))) for day, start, end, known, people, *cells in rows}


def is_fresh(sums: Sums, ends: Ints, changed: Collection[int]) -> bool:
    """Whether sums are of just this time and nothing of it has changed."""
    if sums.start != ends[0] or sums.end != ends[1]:
        return False
    return not changed or not any(day in changed for day in utc_days(sums.start, sums.end))


def utc_days(start: int, end: int) -> range:
    """The UTC days in which a time lies, from and to in microseconds since 1970."""
    return range(start // DAY_US, (end - 1) // DAY_US + 1)


def made_sums(tx: Session, viewer: Viewer, starts: Ints, zone: str, kinds: Collection[str]) -> Mapping[int, Sums]:
    """The sums of days that begin at these times, counted from the rows, by the place of the day; the last time ends the last day. Days
    before the first row and after the last have none."""
    rows = everybodys_rows(tx, viewer, Period(EPOCH + MICROSECOND * int(starts[0]), EPOCH + MICROSECOND * int(starts[-1])))
    times = [table["at"] for table in (rows.messages, rows.answers) if len(table)]
    if not times:
        return {}
    ends = np.array([min(at.min() for at in times), max(at.max() for at in times)])
    first, last = (np.searchsorted(starts, ends, side="right") - 1).tolist()
    return dict(enumerate(sum_up(rows, starts[first : last + 2], zone, kinds), first))


def keep_zone(db: Database, zone: str) -> None:
    """From now on sums are kept for the days of this zone; they are made in the background.

    Asking for numbers works without: where the database cannot be written, they are counted from the pages as before.
    """
    with db.read() as tx:
        if tx.execute(sa.select(ZONES.c.name).where(ZONES.c.name == zone)).first():
            return
    with suppress(ChatcoreError), db.write() as tx:
        add_zone(tx, zone)


def add_zone(tx: Session, zone: str) -> None:
    """Writes the zone down, and marks every day that has a page."""
    if tx.get_bind().dialect.name != "sqlite":
        # A page that is being written now would not know of the zone, and leave no mark.
        tx.execute(sa.text("LOCK TABLE usage_day IN SHARE MODE"))
    added = sa.text("INSERT INTO usage_zone (name) VALUES (:zone) ON CONFLICT DO NOTHING")
    if not tx.connection().execute(added, {"zone": zone}).rowcount:
        return
    mark = sa.text("INSERT INTO usage_sum_dirty (day, zone, writer) SELECT DISTINCT day, :zone, 0 FROM usage_day")
    tx.connection().execute(mark, {"zone": zone})
