"""Sums that were read a moment ago, kept in memory: a page asks several questions of the same days, one after the other.

They are given out only if nothing has changed since. Marks and turns tell that (`state_of`): every change leaves a mark of its own, and a
mark goes only when a page is made, which leaves another, or sums, which counts a turn.
"""

import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.parts import Period
from chatcore.rollup.days import MICROSECOND, day_of
from chatcore.rollup.gather import DIRTY
from chatcore.rollup.pages import Rows

ZONES = SQLModel.metadata.tables["usage_zone"]
SUMS_DIRTY = SQLModel.metadata.tables["usage_sum_dirty"]

# The period that is looked at, the one before it, and two of a moment ago.
MOST = 4
# Cells of one period, which take two or three times as many bytes when they are looked at; two years of a million messages have 600,000.
MOST_CELLS = 1_500_000
# Not looked at for so long they are forgotten.
KEPT_S = 300.0
# With so many marks an import is under way, and no state comes twice.
MOST_MARKS = 1_000


@dataclass(slots=True)
class Entry:
    """Rows, None of those that were too many; the state that they are of; and when they were last looked at."""

    rows: Rows | None
    state: Hashable
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

    def keep(self, tx: Session, place: Hashable, state: Hashable, rows: Rows) -> None:
        """Keeps these instead of what was not looked at for longest."""
        cells = sum(map(len, (rows.summed or {}).values()))
        with self._guard:
            kept = self._kept.setdefault(engine_of(tx), {})
            kept[place] = Entry(rows if cells <= MOST_CELLS else None, state, time.monotonic())
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


def state_of(tx: Session, period: Period, zone: str) -> Hashable | None:
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
    return None if any(len(found) == MOST_MARKS for found in marks) else (turn, *marks)
