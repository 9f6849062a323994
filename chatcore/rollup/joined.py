"""Sums that were read a moment ago, kept in memory: a page asks several questions of the same days, one after the other.

What was joined is given out only if nothing has changed since, and the sums of days again while none were made. Marks and turns
tell that (`state_of`): every change leaves a mark of its own, and a mark goes only when a page is made, which leaves another, or
sums, which counts a turn.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, TypeVar, cast
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.parts import Period
from chatcore.rollup.cells import Sums
from chatcore.rollup.days import MICROSECOND, day_of
from chatcore.rollup.gather import DIRTY
from chatcore.rollup.pages import Details, Rows

ZONES = SQLModel.metadata.tables["usage_zone"]
SUMS_DIRTY = SQLModel.metadata.tables["usage_sum_dirty"]

Read = TypeVar("Read", Rows, Details)

# The kind of the row that has the turn, among those of `state_statement`.
TURN = 0
# The period that is looked at, and the one before it.
MOST = 2
# Cells of one period, 20 bytes each as they are kept and some 100 when all are looked at; two years of a million messages have a million,
# of 10 million 3.9 million, and to read these anew for every question would take seconds.
MOST_CELLS = 5_000_000
# Not looked at for so long they are forgotten.
KEPT_S = 300.0
# With so many marks an import is under way, and no state comes twice.
MOST_MARKS = 1_000


class State(NamedTuple):
    """How often sums of the zone were made, and which marks there are of pages and of sums."""

    turn: int
    marks: frozenset[tuple[object, ...]]


class Place(NamedTuple):
    """What is kept: everybody's "sums", "calls" or "fills", or "own" rows of an owner with their id; in which zone and period."""

    what: str
    zone: str
    period: Period


@dataclass(slots=True)
class Entry:
    """Rows or details and the sums that they were joined of, None of those that were too many; the state that they are of; and when they
    were last looked at."""

    rows: Rows | Details | None
    kept: Mapping[int, Sums]
    state: State
    looked_at_s: float


class Joined:
    """What is kept of each database, by zone and period."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: WeakKeyDictionary[sa.Engine, dict[Place, Entry]] = WeakKeyDictionary()

    def find(self, tx: Session, place: Place) -> Entry | None:
        """What is kept of a place, whatever its state."""
        with self._guard:
            found = self._kept.get(engine_of(tx), {}).get(place)
            if found:
                found.looked_at_s = time.monotonic()
            return found

    def keep(self, tx: Session, place: Place, state: State, rows: Rows | Details, kept_sums: Mapping[int, Sums]) -> None:
        """Keeps these instead of what was not looked at for longest of the same kind."""
        few = size_of(rows) <= MOST_CELLS
        with self._guard:
            kept = self._kept.setdefault(engine_of(tx), {})
            kept[place] = Entry(rows if few else None, kept_sums if few else {}, state, time.monotonic())
            alike = [other for other in kept if other.what == place.what]
            for oldest in sorted(alike, key=lambda other: kept[other].looked_at_s)[:-MOST]:
                del kept[oldest]

    def once(self, tx: Session, place: Place, read: Callable[[], Read]) -> Read:
        """What `read` reads from pages and tables, unless it was read a moment ago and nothing has changed since."""
        state = state_of(tx, place.period, place.zone)
        found = self.find(tx, place) if state else None
        if found and found.rows is not None and found.state == state:
            return cast(Read, found.rows)
        rows = read()
        if state:
            self.keep(tx, place, state, rows, {})
        return rows

    def forget(self, *, unseen_s: float = KEPT_S) -> None:
        """Drops what was not looked at for so long."""
        with self._guard:
            for kept in self._kept.values():
                for place in [place for place, entry in kept.items() if time.monotonic() - entry.looked_at_s >= unseen_s]:
                    del kept[place]


JOINED = Joined()


def engine_of(tx: Session) -> sa.Engine:
    """The engine of a session."""
    bind = tx.get_bind()
    return bind if isinstance(bind, sa.Engine) else bind.engine


def size_of(rows: Rows | Details) -> int:
    """How many rows or cells it has."""
    if isinstance(rows, Details):
        return len(rows.rows)
    return sum(map(len, (rows.messages, rows.answers) if rows.summed is None else rows.summed.values()))


def state_of(tx: Session, period: Period, zone: str) -> State | None:
    """What changes whenever a number of the period does; None where nothing tells: of a zone that is not kept, and of very many marks."""
    # A local day may have a part of the UTC day before the period and after it.
    asked = {"zone": zone, "first": day_of(period.start) - 1, "last": day_of(period.end - MICROSECOND) + 1}
    # Past the session, which has no objects to look after here: every question begins with it.
    found = tx.connection().execute(state_statement(), asked).all()
    turns = [row.writer for row in found if row.kind == TURN]
    if not turns or len(found) == MOST_MARKS:
        return None
    return State(turns[0], frozenset(tuple(row) for row in found if row.kind != TURN))


@cache
def state_statement() -> sa.Select[tuple[int, str, int, int]]:
    """The turn of a zone and all marks of some days, asked at once. Built once."""
    first, last = sa.bindparam("first", type_=sa.Integer), sa.bindparam("last", type_=sa.Integer)
    zone = sa.bindparam("zone", type_=sa.String)
    turn = sa.select(sa.literal(TURN).label("kind"), ZONES.c.name.label("of"), sa.literal(0).label("day"), ZONES.c.made.label("writer"))
    pages = sa.select(sa.literal(TURN + 1), DIRTY.c.user_id, DIRTY.c.day, DIRTY.c.writer).where(DIRTY.c.day.between(first, last))
    sums = sa.select(sa.literal(TURN + 2), SUMS_DIRTY.c.zone, SUMS_DIRTY.c.day, SUMS_DIRTY.c.writer)
    sums = sums.where(SUMS_DIRTY.c.zone == zone, SUMS_DIRTY.c.day.between(first, last))
    every = sa.union_all(turn.where(ZONES.c.name == zone), pages, sums).subquery()
    # The turn is asked for first, so that the limit never leaves it out; very many marks are none of it either.
    return sa.select(every).limit(MOST_MARKS)
