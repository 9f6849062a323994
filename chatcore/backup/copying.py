"""Copies a whole database to another address, also to the other engine."""

from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import URL

from chatcore.backup.loading import Loaded, OnProgress, build_file, fill_database, remove_file, silent
from chatcore.backup.placing import need_empty, put_in_place
from chatcore.backup.source import Source, open_source
from chatcore.db import label_of, open_database
from chatcore.errors import Invalid


def copy_database(source: URL, target: URL, *, now: datetime, on_progress: OnProgress = silent) -> Loaded:
    """Copies all rows of everybody, as they are at this moment, to an empty database, and compares what is there then.

    The source is only read and may be in use. A copy that fails or is ended leaves the target as it was; SQLite may keep a file
    NAME.copy-part, which the next copy removes. Raises Invalid, Conflict or Denied.
    """
    if same_database(source, target):
        raise Invalid("Both addresses name the same database.", "Name another after --to.")
    need_empty(target, "--to")
    with open_source(source) as opened:
        return bring(opened, target, now=now, on_progress=on_progress)


def bring(source: Source, target: URL, *, now: datetime, on_progress: OnProgress = silent) -> Loaded:
    """Makes the database at an address of a source; what is there is replaced. Raises Invalid, Conflict or Denied."""
    if target.get_backend_name() == "sqlite":
        path = Path(str(target.database))
        part = path.with_name(f"{path.name}.copy-part")
        try:
            loaded = build_file(source, part, on_progress)
            put_in_place(part, path, now=now, keep=False)
        finally:
            remove_file(part)
        return loaded
    db = open_database(target.render_as_string(hide_password=False))
    try:
        return fill_database(source, db, on_progress)
    finally:
        db.close()


def same_database(one: URL, other: URL) -> bool:
    """Whether two addresses lead to one place, whoever signs in there."""
    if one.get_backend_name() != other.get_backend_name():
        return False
    if one.get_backend_name() == "sqlite":
        return Path(str(one.database)).resolve() == Path(str(other.database)).resolve()
    return label_of(one.set(username=None, password=None)) == label_of(other.set(username=None, password=None))
