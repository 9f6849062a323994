"""Backups that are made or checked in the background of this process, one at a time, whoever watches."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chatcore.errors import ChatcoreError, Conflict

log = logging.getLogger("chatcore.backup")

# How long the end of the process waits for a job to hear that it is to stop.
STOP_WAIT_S = 2.0


class Stopped(Exception):
    """Somebody asked the job to stop; what it wrote so far is removed."""


@dataclass(slots=True)
class Job:
    """What is being done to which backup, or has been: then it has a `message`, an `error`, or was stopped."""

    title: str
    stage: str = ""
    done: int = 0
    total: int = 0
    message: str = ""
    error: ChatcoreError | None = None
    stopped: bool = False
    broke: bool = False
    stop_asked: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def share(self) -> float:
        """How much of the stage is done, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    def stop(self) -> None:
        """Asks the job to stop."""
        self.stop_asked.set()

    def heard(self, stage: str, done: int, total: int) -> None:
        """Notes how far the job is. Raises Stopped if somebody asked for it."""
        self.stage, self.done, self.total = stage, done, total
        if self.stop_asked.is_set():
            raise Stopped


# Does the work, and says in a sentence what was done.
Work = Callable[[Job], str]

_guard = threading.Lock()
# By folder.
_jobs: dict[Path, Job] = {}


def current(folder: Path) -> Job | None:
    """The job in a folder that runs or has ended last, until it is put away."""
    with _guard:
        return _jobs.get(folder)


def put_away(folder: Path) -> None:
    """Forgets a job that has ended."""
    with _guard:
        job = _jobs.get(folder)
        if job is not None and job.ended.is_set():
            del _jobs[folder]


def start(folder: Path, title: str, work: Work) -> Job:
    """Begins a job. Raises Conflict while one runs there."""
    job = Job(title)
    with _guard:
        running = _jobs.get(folder)
        if running is not None and not running.ended.is_set():
            raise Conflict(f"{running.title}: that is going on.", "Wait until it has ended, or stop it.")
        _jobs[folder] = job
    threading.Thread(target=run, args=(job, work), name="chatcore-backup", daemon=True).start()
    return job


def run(job: Job, work: Work) -> None:
    """Runs a job to its end, whichever that is."""
    try:
        job.message = work(job)
    except Stopped:
        job.stopped = True
    except ChatcoreError as error:
        # SQLite hears of a wish to stop as an interruption, which looks like damage.
        job.stopped = job.stop_asked.is_set()
        job.error = None if job.stopped else error
    except Exception:
        log.exception("%s: it broke", job.title)
        job.broke = True
    finally:
        job.ended.set()


def stop_all(folder: Path) -> None:
    """Asks the job in a folder to stop, and waits a moment for it: the process ends."""
    job = current(folder)
    if job is not None and not job.ended.is_set():
        job.stop()
        job.ended.wait(STOP_WAIT_S)
