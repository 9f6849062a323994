"""Imports that run in the background of this process, so that whoever started one may look at other pages meanwhile."""

import logging
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from chatcore.db import Database
from chatcore.errors import ChatcoreError, Conflict
from chatcore.importing import Options, Pace, Preview, Report, import_file, preview
from chatcore.parts import Viewer

log = logging.getLogger("chatcore.importing")


class Stopped(Exception):
    """Somebody asked an import to stop; what came so far stays."""


@dataclass(slots=True)
class Job:
    """An import that runs, or has ended: then it has a report, an error, or was stopped."""

    file_name: str
    expected: int | None
    pace: Pace | None = None
    report: Report | None = None
    error: ChatcoreError | None = None
    stopped: bool = False
    broke: bool = False
    stop_asked: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return min(self.pace.done / self.expected, 1.0) if self.pace and self.expected else 0.0

    def stop(self) -> None:
        """Asks the import to stop after what it is writing."""
        self.stop_asked.set()


_guard = threading.Lock()
# By database and person.
_jobs: dict[tuple[str, str], Job] = {}


def current(db: Database, viewer: Viewer) -> Job | None:
    """The viewer's import that runs or has ended last, until it is put away."""
    with _guard:
        return _jobs.get((db.label, viewer.user_id))


def put_away(db: Database, viewer: Viewer) -> None:
    """Forgets an import that has ended."""
    with _guard:
        job = _jobs.get((db.label, viewer.user_id))
        if job is not None and job.ended.is_set():
            del _jobs[db.label, viewer.user_id]


def look(db: Database, viewer: Viewer, content: memoryview | bytes) -> Preview:
    """The preview of a file that was dropped. Raises Invalid."""
    path = keep(content)
    try:
        return preview(db, viewer, path)
    finally:
        path.unlink(missing_ok=True)


def start(
    db: Database, viewer: Viewer, content: memoryview | bytes, told: Preview, *, file_name: str, options: Options, now: datetime
) -> Job:
    """Begins to import a file that was dropped and looked at. Raises Conflict."""
    path = keep(content)
    try:
        return start_file(db, viewer, path, told, file_name=file_name, options=options, now=now, remove=True)
    except ChatcoreError:
        path.unlink(missing_ok=True)
        raise


def start_file(
    db: Database,
    viewer: Viewer,
    path: Path,
    told: Preview | None = None,
    *,
    file_name: str,
    options: Options,
    now: datetime,
    remove: bool = False,
) -> Job:
    """Begins to import a file; one at a time for each person. With `remove` it is deleted at the end. Raises Conflict."""
    expected = told.messages if told else None
    job = Job(file_name, expected)
    with _guard:
        running = _jobs.get((db.label, viewer.user_id))
        if running is not None and not running.ended.is_set():
            raise Conflict("An import is going on.", "Wait until it has ended, or stop it.")
        _jobs[db.label, viewer.user_id] = job

    def work() -> Report:
        return import_file(
            db, viewer, path, now=now, options=options, file_name=file_name, expected=expected, on_pace=lambda pace: heard(job, pace)
        )

    threading.Thread(target=run, args=(job, path if remove else None, work), name="import", daemon=True).start()
    return job


def keep(content: memoryview | bytes) -> Path:
    """Puts a file into the folder for temporary ones, readable by us alone."""
    with tempfile.NamedTemporaryFile(prefix="chatcore-import-", delete=False) as stream:
        stream.write(content)
        return Path(stream.name)


def heard(job: Job, pace: Pace) -> None:
    """Notes how far an import is. Raises Stopped if somebody asked for it."""
    job.pace = pace
    if job.stop_asked.is_set():
        raise Stopped


def run(job: Job, path: Path | None, work: Callable[[], Report]) -> None:
    """Runs an import to its end, whichever that is; then the file goes, if one is named."""
    try:
        job.report = work()
    except Stopped:
        job.stopped = True
    except ChatcoreError as error:
        job.error = error
    except Exception:
        log.exception("an import broke")
        job.broke = True
    finally:
        with suppress(OSError):
            if path is not None:
                path.unlink(missing_ok=True)
        job.ended.set()
