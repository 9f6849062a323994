"""Brings a database to the newest schema, in one transaction: it is migrated, or it is as it was.

One process migrates at a time (`chatcore.db.Database.migration` takes the lock), and whoever comes second finds the work
done. On SQLite the file is copied first. Foreign keys are not enforced during a
migration and checked after it: rebuilding a table with them on deletes every row that points to it (measured).
"""

import logging
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from chatcore.errors import ChatcoreError, Invalid
from chatcore.migrations.plain import is_plain
from chatcore.migrations.stored import NUMBERS_SINCE

log = logging.getLogger(__name__)

# The newest file of versions/; a test holds the two equal.
HEAD = "0022"
FOLDER = Path(__file__).resolve().parent
# Every table of ours; a test holds them equal to the models.
TABLES = (
    "users", "chatsession", "chatmessage", "generation", "attachment", "attachment_content", "feedback", "tag", "chattag", "importref",
    "unmigrated_row", "usage_day", "usage_dirty", "folder", "saved_search", "preset", "prompt", "tool_permission", "import_run",
    "user_setting", "queued_prompt", "queued_file", "call_decision", "title_usage", "comparison", "share_link", "usage_zone", "usage_sum",
    "usage_sum_dirty",
)  # fmt: skip


def schema_revision(connection: sa.Connection) -> str | None:
    """The number of the newest migration the database has had; None for one that was never migrated."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(connection: sa.Connection, *, label: str, file: Path | None) -> bool:
    """Runs every migration that the database has not had, in the transaction of `connection`, which holds the lock.

    `label` names the database for people; `file` is the SQLite file, copied first if there is anything in it. Answers whether
    it has much room in it afterwards that can be given back. Raises Invalid, naming the backup, if a migration fails.
    """
    before = schema_revision(connection)
    if before == HEAD:
        return False
    check_usable(connection, before, label)
    backup = back_up(file, before) if file and sa.inspect(connection).get_table_names() else None
    log.info("Migrating %s from %s to %s.%s", label, before or "no schema", HEAD, f" Backup: {backup}" if backup else "")
    try:
        run_steps(connection)
        if file:
            check_foreign_keys(connection)
    except Exception as error:
        raise failed(error, label, backup) from error
    log.info("Migrated %s to %s.", label, HEAD)
    return backup is not None and (before is None or before < NUMBERS_SINCE)


def check_usable(connection: sa.Connection, revision: str | None, label: str) -> None:
    """Raises Invalid for a database that another program or a newer chatcore made."""
    if revision is not None and revision not in known_revisions():
        raise Invalid(
            f"The database {label} has the schema {revision}, which this chatcore does not know.",
            "It was made by a newer chatcore or by another program: update chatcore, or name another database in DATABASE_URL.",
        )
    foreign = foreign_tables(connection) if revision is None else ()
    if foreign:
        raise Invalid(
            f"The database {label} belongs to another program: it already has a table {foreign[0]}.",
            "Name another database in DATABASE_URL, then take this one over with: python -m chatcore import --from URL",
        )


def foreign_tables(connection: sa.Connection) -> tuple[str, ...]:
    """Tables in the way of a first migration: named like ours, and not the specification's plain two."""
    inspector = sa.inspect(connection)
    there = set(inspector.get_table_names())
    return tuple(name for name in TABLES if name in there and not is_plain(inspector, name))


def known_revisions() -> frozenset[str]:
    """The numbers of all migrations, by their file names."""
    return frozenset(path.name.split("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def back_up(path: Path, revision: str | None) -> Path:
    """Copies a SQLite file beside itself as NAME.backup-REVISION-TIME (UTC) and answers where. It appears when it is whole."""
    target = path.with_name(f"{path.name}.backup-{revision or 'plain'}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    part = target.with_name(target.name + ".part")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
        shutil.copymode(path, part)
        os.replace(part, target)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise Invalid(
            f"The backup {target} cannot be written: {error}. Nothing was migrated.", "Make room and see to the rights on the folder."
        ) from error
    return target


def run_steps(connection: sa.Connection, to: str = HEAD) -> None:
    """Alembic's upgrade on this connection; imported here, because no start that has nothing to migrate should pay for it."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "now": datetime.now(UTC)})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    command.upgrade(config, to)


def check_foreign_keys(connection: sa.Connection) -> None:
    """Raises Invalid if a row of one of our tables points nowhere. Other programs' tables in the file are theirs to keep right."""
    for name in TABLES:
        broken = connection.exec_driver_sql(f"PRAGMA foreign_key_check({name})").first()
        if broken:
            raise Invalid(f"A row of {name} ({broken[1]}) would point to a row of {broken[2]} that is not there.")


def failed(error: Exception, label: str, backup: Path | None) -> ChatcoreError:
    """The error for people that a migration's failure means."""
    reason = str(error.orig if isinstance(error, DBAPIError) else error).strip() or type(error).__name__
    kept = f" A backup is at {backup}." if backup else ""
    return Invalid(
        f"The database {label} could not be migrated to {HEAD}: {reason.splitlines()[0]}",
        f"Nothing was changed; start the version you had before, or report this.{kept}",
    )
