"""Imports that run in the background of this process, so that whoever started one may look at other pages meanwhile."""

import logging
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chatcore import background
from chatcore.db import Database
from chatcore.documents import clean_file_name
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


FOLDER = "chatcore-import-"
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


def look(db: Database, viewer: Viewer, content: memoryview | bytes, *, file_name: str) -> Preview:
    """The preview of a file that was dropped. Raises Invalid."""
    path = keep(content, file_name)
    try:
        return preview(db, viewer, path)
    finally:
        let_go(path)


def start(
    db: Database, viewer: Viewer, content: memoryview | bytes, told: Preview, *, file_name: str, options: Options, now: datetime
) -> Job:
    """Begins to import a file that was dropped and looked at. Raises Conflict."""
    path = keep(content, file_name)
    try:
        return start_file(db, viewer, path, told, file_name=file_name, options=options, now=now, remove=True)
    except ChatcoreError:
        let_go(path)
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
    """Begins to import a file; one at a time for each person. With `remove` it has a place by `place_for`, and is let go at
    the end. Raises Conflict."""
    expected = told.messages if told else None
    job = Job(file_name, expected)

    def work() -> None:
        try:
            job.report = import_file(db, viewer, path, now=now, options=options, file_name=file_name, expected=expected, on_pace=job.heard)
        finally:
            if remove:
                let_go(path)

    return JOBS.start((db.label, viewer.user_id), job, work)


def keep(content: memoryview | bytes, file_name: str) -> Path:
    """Puts a file among the temporary ones."""
    path = place_for(file_name)
    path.write_bytes(content)
    return path


def place_for(file_name: str) -> Path:
    """Where a file of this name can be put: in a folder of its own, readable by us alone, because what is said of it has its name."""
    # A name has at most 255 bytes on the disk, a character up to four.
    return Path(tempfile.mkdtemp(prefix=FOLDER)) / clean_file_name(file_name)[-60:]


def let_go(path: Path) -> None:
    """Deletes a file that has such a place, and its folder; nothing else."""
    if path.parent.name.startswith(FOLDER):
        shutil.rmtree(path.parent, ignore_errors=True)
