"""PostgreSQL keeps a list of words that wait to be sorted into the index of messages, and every search reads it (fast update of GIN,
https://www.postgresql.org/docs/current/gin.html#GIN-FAST-UPDATE).

To sort in many at once takes less for each than to sort in a few, and whoever fills the list would do it while others wait. So an
import has it done beside itself, by a connection of its own, and the upkeep does it now and then, also for what an import left
that was killed.
"""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from chatcore.db import Database, lift_limits
from chatcore.errors import Denied

log = logging.getLogger(__name__)

# Text of so many characters makes a list of some 2 MB (measured), which a search reads in 4 ms.
CHARACTERS_AT_ONCE = 300_000
SORT_IN = sa.text("SELECT gin_clean_pending_list('ix_message_search_words'::regclass)")


def sort_in(db: Database) -> None:
    """Sorts everything into the index that waits; nothing on SQLite. Who does not own the index may not: then whoever writes does it
    when the list is full."""
    if db.is_sqlite:
        return
    try:
        with db.write() as tx:
            lift_limits(tx.connection())
            tx.execute(SORT_IN)
    except Denied as denied:
        log.info("New words are not sorted into the index here: %s", denied)


class SortingIn:
    """Sorts in beside an import, which says how much it wrote. What is left is sorted in at its end."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._pool = ThreadPoolExecutor(1, "chatcore-sorting-in")
        self._going_on: Future[None] | None = None
        self._waiting = 0

    def wrote(self, characters: int) -> None:
        """Begins to sort in if that much text waits; waits for the last time only if twice as much came meanwhile."""
        self._waiting += characters
        if self._db.is_sqlite or self._waiting < CHARACTERS_AT_ONCE:
            return
        if self._going_on is not None:
            if not self._going_on.done() and self._waiting < 2 * CHARACTERS_AT_ONCE:
                return
            self._going_on.result()
        self._going_on = self._pool.submit(sort_in, self._db)
        self._waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Ends when all is sorted in."""
        self._pool.shutdown()
        if self._going_on or self._waiting:
            sort_in(self._db)
