"""Backups that are made or checked in the background of this process, one at a time in a folder, whoever watches."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chatcore import background
from chatcore.background import Stopped as Stopped
from chatcore.errors import ChatcoreError

# How long the end of the process waits for a job to hear that it is to stop.
STOP_WAIT_S = 2.0


@dataclass(slots=True)
class Job(background.Job):
    """What is being done to which backup, or has been: then it has a `message`, or did not succeed. Of one that was stopped what it
    wrote so far is removed."""

    title: str
    stage: str = ""
    done: int = 0
    total: int = 0
    message: str = ""

    @property
    def share(self) -> float:
        """How much of the stage is done, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    def heard(self, stage: str, done: int, total: int) -> None:
        """Notes how far the job is. Raises Stopped if somebody asked for it."""
        self.stage, self.done, self.total = stage, done, total
        self.give_way()


# Does the work, and says in a sentence what was done.
Work = Callable[[Job], str]

JOBS: background.Jobs[Path, Job] = background.Jobs(
    "chatcore-backup", logging.getLogger("chatcore.backup"), lambda job: f"{job.title}: that is going on."
)
current, put_away = JOBS.current, JOBS.put_away


def start(folder: Path, title: str, work: Work) -> Job:
    """Begins a job. Raises Conflict while one runs there."""
    job = Job(title)
    return JOBS.start(folder, job, lambda: run(job, work))


def run(job: Job, work: Work) -> None:
    """Does the work of a job. Raises Stopped if it ended because somebody asked for it."""
    try:
        job.message = work(job)
    except ChatcoreError:
        # SQLite hears of a wish to stop as an interruption, which looks like damage.
        job.give_way()
        raise


def stop_all(folder: Path) -> None:
    """Asks the job in a folder to stop, and waits a moment for it: the process ends."""
    job = current(folder)
    if job is not None and not job.ended.is_set():
        job.stop()
        job.ended.wait(STOP_WAIT_S)
