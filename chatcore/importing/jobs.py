"""Imports that run in the background of this process, so that whoever started one may look at other pages meanwhile."""

import logging
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chatcore import background
from chatcore.db import Database
from chatcore.errors import ChatcoreError, Denied, Invalid
from chatcore.importing import Options, Pace, Preview, Report, import_file, preview
from chatcore.parts import Viewer


@dataclass(slots=True)
class Job(background.Job):
    """An import that runs, or has ended: then it has a report, or did not succeed. Of one that was stopped what came so far stays."""

    file_name: str
    expected: int | None
    pace: Pace | None = None
    report: Report | None = None

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return min(self.pace.done / self.expected, 1.0) if self.pace and self.expected else 0.0

    def heard(self, pace: Pace) -> None:
        """Notes how far the import is. Raises Stopped if somebody asked for it."""
        self.pace = pace
        self.give_way()


# By database and person.
JOBS: background.Jobs[tuple[str, str], Job] = background.Jobs(
    "import", logging.getLogger("chatcore.importing"), lambda _: "An import is going on."
)


def current(db: Database, viewer: Viewer) -> Job | None:
    """The viewer's import that runs or has ended last, until it is put away."""
    return JOBS.current((db.label, viewer.user_id))


def put_away(db: Database, viewer: Viewer) -> None:
    """Forgets an import that has ended."""
    JOBS.put_away((db.label, viewer.user_id))


def on_server(viewer: Viewer, path: str) -> Path:
    """The file of a path on this server. Raises Denied for everybody but the owner, whose server it is, and Invalid for no file."""
    if not viewer.is_owner:
        raise Denied("Only the owner may import a file that lies on the server.", "Send the file itself.")
    try:
        there = path.startswith("/") and Path(path).is_file()
    except (OSError, ValueError):
        there = False
    if not there:
        raise Invalid("There is no file of that path on the server.", "Name the whole path of a file, such as /home/ada/export.zip.")
    return Path(path)


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

    def work() -> None:
        try:
            job.report = import_file(db, viewer, path, now=now, options=options, file_name=file_name, expected=expected, on_pace=job.heard)
        finally:
            if remove:
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    return JOBS.start((db.label, viewer.user_id), job, work)


def keep(content: memoryview | bytes) -> Path:
    """Puts a file into the folder for temporary ones, readable by us alone."""
    with tempfile.NamedTemporaryFile(prefix="chatcore-import-", delete=False) as stream:
        stream.write(content)
        return Path(stream.name)
