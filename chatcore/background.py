"""Work that goes on in the background of this process, one job at a time for each key, whoever watches."""

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from chatcore.errors import ChatcoreError, Conflict


class Stopped(Exception):
    """Somebody asked a job to stop."""


@dataclass(slots=True, kw_only=True)
class Job:
    """What is being done, or has been: then `ended` is set, and unless it succeeded it has an `error`, was stopped, or broke."""

    error: ChatcoreError | None = None
    stopped: bool = False
    broke: bool = False
    stop_asked: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return 0.0

    def stop(self) -> None:
        """Asks the job to stop."""
        self.stop_asked.set()

    def give_way(self) -> None:
        """Raises Stopped if somebody asked for it; whoever works calls it now and then."""
        if self.stop_asked.is_set():
            raise Stopped


Key = TypeVar("Key", bound=Hashable)
AnyJob = TypeVar("AnyJob", bound=Job)


class Jobs(Generic[Key, AnyJob]):
    """The jobs of one kind. `name` is that of their threads, `going_on` says in a sentence that one runs."""

    def __init__(self, name: str, log: logging.Logger, going_on: Callable[[AnyJob], str]) -> None:
        self._name = name
        self._log = log
        self._going_on = going_on
        self._guard = threading.Lock()
        self._jobs: dict[Key, AnyJob] = {}

    def current(self, key: Key) -> AnyJob | None:
        """The job that runs or has ended last, until it is put away."""
        with self._guard:
            return self._jobs.get(key)

    def put_away(self, key: Key) -> None:
        """Forgets a job that has ended."""
        with self._guard:
            job = self._jobs.get(key)
            if job is not None and job.ended.is_set():
                del self._jobs[key]

    def start(self, key: Key, job: AnyJob, work: Callable[[], None]) -> AnyJob:
        """Begins a job. Raises Conflict while one runs for this key."""
        with self._guard:
            running = self._jobs.get(key)
            if running is not None and not running.ended.is_set():
                raise Conflict(self._going_on(running), "Wait until it has ended, or stop it.")
            self._jobs[key] = job
        threading.Thread(target=self._run, args=(job, work), name=self._name, daemon=True).start()
        return job

    def _run(self, job: AnyJob, work: Callable[[], None]) -> None:
        """Works to the end, whichever that is."""
        try:
            work()
        except Stopped:
            job.stopped = True
        except ChatcoreError as error:
            job.error = error
        except Exception:  # noqa: BLE001  # the edge: the traceback is logged, whoever watches is told that it broke
            self._log.exception("%s: it broke", self._name)
            job.broke = True
        finally:
            job.ended.set()
