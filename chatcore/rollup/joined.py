"""Sums that were read a moment ago, kept in memory: a page asks several questions of the same days, one after the other.

What was joined is given out only if nothing has changed since, and the sums of days again while none were made. Marks and turns
tell that (`state_of`): every change leaves a mark of its own, and a mark goes only when a page is made, which leaves another, or
sums, which counts a turn.
"""

import threading
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.parts import Period
from chatcore.rollup.cells import Sums
from chatcore.rollup.days import MICROSECOND, day_of
from chatcore.rollup.gather import DIRTY
from chatcore.rollup.pages import Rows

ZONES = SQLModel.metadata.tables["usage_zone"]
SUMS_DIRTY = SQLModel.metadata.tables["usage_sum_dirty"]

# The period that is looked at, and the one before it.
MOST = 2
# Cells of one period, 20 bytes each as they are kept and some 100 when all are looked at; two years of a million messages have a million.
MOST_CELLS = 1_500_000
# Not looked at for so long they are forgotten.
KEPT_S = 300.0
# With so many marks an import is under way, and no state comes twice.
MOST_MARKS = 1_000


class State(NamedTuple):
    """How often sums of the zone were made, and which marks there are of pages and of sums."""

    turn: int
    pages: frozenset[tuple[object, ...]]
    sums: frozenset[tuple[object, ...]]


@dataclass(slots=True)
class Entry:
    """Rows and the sums that they were joined of, None of those that were too many; the state that they are of; and when they were last
    looked at."""

    rows: Rows | None
    kept: Mapping[int, Sums]
    state: State
    looked_at_s: float


class Joined:
    """What is kept of each database, by zone and period."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: WeakKeyDictionary[sa.Engine, dict[Hashable, Entry]] = WeakKeyDictionary()

    def find(self, tx: Session, place: Hashable) -> Entry | None:
        """What is kept of a place, whatever its state."""
        with self._guard:
            found = self._kept.get(engine_of(tx), {}).get(place)
            if found:
                found.looked_at_s = time.monotonic()
            return found

    def keep(self, tx: Session, place: Hashable, state: State, rows: Rows, kept_sums: Mapping[int, Sums]) -> None:
        """Keeps these instead of what was not looked at for longest."""
        cells = sum(map(len, (rows.summed or {}).values()))
        with self._guard:
            kept = self._kept.setdefault(engine_of(tx), {})
            few = cells <= MOST_CELLS
            kept[place] = Entry(rows if few else None, kept_sums if few else {}, state, time.monotonic())
            for oldest in sorted(kept, key=lambda place: kept[place].looked_at_s)[:-MOST]:
                del kept[oldest]

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


def state_of(tx: Session, period: Period, zone: str) -> State | None:
    """What changes whenever a number of the period does; None where nothing tells: of a zone that is not kept, and of very many marks."""
    turn = tx.execute(sa.select(ZONES.c.made).where(ZONES.c.name == zone)).scalar()
    if turn is None:
        return None
    # A local day may have a part of the UTC day before the period and after it.
    first, last = day_of(period.start) - 1, day_of(period.end - MICROSECOND) + 1
    pages = sa.select(DIRTY.c.user_id, DIRTY.c.day, DIRTY.c.writer).where(DIRTY.c.day.between(first, last))
    sums = sa.select(SUMS_DIRTY.c.zone, SUMS_DIRTY.c.day, SUMS_DIRTY.c.writer).where(
        SUMS_DIRTY.c.zone == zone, SUMS_DIRTY.c.day.between(first, last)
    )
    marks = [frozenset(map(tuple, tx.execute(marked.limit(MOST_MARKS)).all())) for marked in (pages, sums)]
    return None if any(len(found) == MOST_MARKS for found in marks) else State(turn, marks[0], marks[1])
