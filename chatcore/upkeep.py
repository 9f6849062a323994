"""What a database needs now and then, whoever uses it: one thread that does it in small steps and gets out of the way.

Every process on a database has its own, so a job must be harmless when it runs twice at once.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from chatcore.db import Database
from chatcore.history import purge_portion
from chatcore.models import utc_now
from chatcore.search.build import build_step, is_building
from chatcore.search.merging import Gathering
from chatcore.settings import Settings

log = logging.getLogger(__name__)

# A start has better things to do, and so has whoever opens the first page.
FIRST_AFTER_S = 5.0
# Between two steps, so that a writer of another process finds the database free: it asks every millisecond.
PAUSE_S = 0.01
HOUR_S = 3600.0
# Until then what an import of another process left is not found, if that was killed; to look costs two short questions.
INDEX_S = 60.0
# Until then the analytics page reads what changed from the tables.
ROLLUP_S = 30.0
# Until then nobody who writes should find the log long: people write less than 64 MB in that time.
LOG_S = 60.0
# How late a backup may be.
BACKUPS_S = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do every `every_s` seconds. `run` does one short step and says whether there is more to do at once; it
    logs what it did."""

    name: str
    every_s: float
    run: Callable[[], bool]


def jobs(db: Database, settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> tuple[Job, ...]:
    """All there is to do on this database."""
    return (
        Job("make the pages of the rollup", ROLLUP_S, lambda: make_pages(db)),
        Job("sum up everybody's days", ROLLUP_S, lambda: make_sums(db)),
        Job("index messages for the search", INDEX_S, lambda: index_messages(db)),
        Job("put the search index together", INDEX_S, Gathering(db).step),
        Job("fold the log into the file", LOG_S, lambda: fold_log(db)),
        Job("empty the trash", HOUR_S, lambda: empty_trash(db, keep_days=settings.trash_days, now=clock())),
        Job("remove share links that have ended", HOUR_S, lambda: remove_ended_links(db, now=clock())),
        Job("count for the planner", HOUR_S, lambda: count_for_the_planner(db)),
        *((Job("make backups", BACKUPS_S, lambda: make_backups(settings, now=clock())),) if settings.backup_every_s else ()),
    )


def make_pages(db: Database) -> bool:
    """Makes some pages of the rollup anew; whether there may be more."""
    # Here, because numpy takes 20 MB, which a server where nobody chats does not need.
    from chatcore.rollup.making import refresh_step

    return refresh_step(db)


def make_sums(db: Database) -> bool:
    """Sums up some of everybody's days anew, where somebody looks at them; whether there may be more. What was read of them and
    nobody asks for any more is forgotten."""
    if not needs_sums(db):
        return False
    from chatcore.rollup.joined import JOINED
    from chatcore.rollup.summing import sum_step

    JOINED.forget()
    return sum_step(db)


def needs_sums(db: Database) -> bool:
    """Whether anybody looks at everybody's numbers: most installations have one person, and need no numpy for this."""
    with db.read() as tx:
        return tx.execute(sa.text("SELECT 1 FROM usage_zone")).first() is not None


def index_messages(db: Database) -> bool:
    """Indexes some of the messages that the search index does not know yet; whether there may be more."""
    indexed = build_step(db)
    if indexed is None:
        return False
    with db.read() as tx:
        if not is_building(tx):
            log.info("Every message is indexed for the search.")
    return True


def empty_trash(db: Database, *, keep_days: int, now: datetime) -> bool:
    """Deletes for ever some of the chats that have been in the trash for so many days; whether there may be more. 0 days
    means: none, ever."""
    if not keep_days:
        return False
    purged = purge_portion(db, before=now - timedelta(days=keep_days))
    if purged:
        log.info("Deleted %d chats for ever that had been in the trash for %d days.", purged, keep_days)
    return purged > 0


def remove_ended_links(db: Database, *, now: datetime) -> bool:
    """Deletes the links to chats that have ended, with their snapshots; never more to do."""
    # Here, because it brings what pages are made with, which a command needs not.
    from chatcore.sharing import remove_ended

    removed = remove_ended(db, now=now)
    if removed:
        log.info("Removed %d share links that had ended.", removed)
    return False


def count_for_the_planner(db: Database) -> bool:
    """Refreshes what the planner knows of the tables, which an import may have made many times as large; never more to do."""
    db.refresh_statistics()
    return False


def fold_log(db: Database) -> bool:
    """Brings what is in the log of SQLite into the file, before somebody's commit has to; never more to do."""
    db.fold_log()
    return False


def make_backups(settings: Settings, *, now: datetime) -> bool:
    """Begins a backup in a thread of its own, if one is due; never more to do."""
    # Here, because it loads the driver of PostgreSQL, which most do without.
    from chatcore.backup.service import automatic_step

    return automatic_step(settings, now=now)


class Upkeep:
    """Runs jobs, each at its time, one after the other in one thread. `open` it once; `close` ends it after the step it is in."""

    def __init__(self, jobs: Sequence[Job], *, first_after_s: float = FIRST_AFTER_S) -> None:
        self._jobs = tuple(jobs)
        self._first_after_s = first_after_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="chatcore-upkeep", daemon=True)

    def open(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def close(self, timeout_s: float = 1.0) -> None:
        """No further step; waits so long at most for the one that runs. Calling it twice does nothing."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _work(self) -> None:
        begun = time.monotonic() + self._first_after_s
        turns = dict.fromkeys(self._jobs, begun)
        while turns:
            # Who has waited longest; a job that has more to do goes to the end of those whose time has come.
            job = min(turns, key=lambda job: turns[job])
            if self._ended.wait(max(turns[job] - time.monotonic(), PAUSE_S)):
                return
            more = self._step(job)
            turns[job] = time.monotonic() + (0.0 if more else job.every_s)

    def _step(self, job: Job) -> bool:
        """One step of a job; one that fails is tried again at its next turn."""
        try:
            return job.run()
        except Exception:
            # At the end the database may be closed under a step that took too long to wait for.
            if not self._ended.is_set():
                log.exception("upkeep: %s failed, and is tried again in %.0f s", job.name, job.every_s)
            return False
