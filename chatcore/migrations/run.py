"""Brings a database to the newest schema, in one transaction: it is migrated, or it is as it was.

One process migrates at a time: on SQLite it holds the write lock of the file, on PostgreSQL an advisory lock, and
whoever comes second finds the work done. On SQLite the file is copied first. Foreign keys are not enforced during a
migration and checked after it: rebuilding a table with them on deletes every row that points to it (measured).
"""

import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from chatcore.db import HEAD, Database, explain, schema_revision, sqlite_engine
from chatcore.errors import ChatcoreError, Invalid
from chatcore.migrations.plain import is_plain

log = logging.getLogger(__name__)

FOLDER = Path(__file__).resolve().parent
# Every table of ours; a test holds them equal to the models.
TABLES = (
    "users", "chatsession", "chatmessage", "generation", "attachment", "feedback", "tag", "chattag", "importref",
    "unmigrated_row", "usage_hourly", "usage_dirty",
)  # fmt: skip
# How long a start waits for another one that migrates: longer than the migration of 10 million messages may take.
WAIT_S = 3600
# Any number will do that no other program takes on the same database: "chat" in ASCII.
ADVISORY_LOCK = 0x63686174


def upgrade(database: Database) -> None:
    """Runs every migration that the database has not had. Raises Invalid, naming the backup, if one fails: nothing has changed then."""
    with transaction(database) as connection:
        before = schema_revision(connection)
        if before == HEAD:
            return
        check_usable(connection, before, database.label)
        backup = (
            back_up(Path(str(database.url.database)), before) if database.is_sqlite and sa.inspect(connection).get_table_names() else None
        )
        log.info("Migrating %s from %s to %s.%s", database.label, before or "no schema", HEAD, f" Backup: {backup}" if backup else "")
        try:
            run_steps(connection)
            if database.is_sqlite:
                check_foreign_keys(connection)
        except Exception as error:
            raise failed(error, database.label, backup) from error
    log.info("Migrated %s to %s.", database.label, HEAD)


@contextmanager
def transaction(database: Database) -> Iterator[sa.Connection]:
    """A connection in one transaction that only one process can hold; committed at the end of the block, undone if it raises."""
    if not database.is_sqlite:
        with database.clear_errors(), database.connect() as connection, connection.begin():
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            yield connection
        return
    engine = sqlite_engine(database.url, begin="BEGIN IMMEDIATE", pool_size=1, query_only=False, foreign_keys=False, wait_s=WAIT_S)
    try:
        with database.clear_errors(), engine.connect() as connection, connection.begin():
            yield connection
    finally:
        engine.dispose()


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


def run_steps(connection: sa.Connection) -> None:
    """Alembic's upgrade on this connection; imported here, because no start that has nothing to migrate should pay for it."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "now": datetime.now(UTC)})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    command.upgrade(config, HEAD)


def check_foreign_keys(connection: sa.Connection) -> None:
    """Raises Invalid if a row of one of our tables points nowhere. Other programs' tables in the file are theirs to keep right."""
    for name in TABLES:
        broken = connection.exec_driver_sql(f"PRAGMA foreign_key_check({name})").first()
        if broken:
            raise Invalid(f"A row of {name} ({broken[1]}) would point to a row of {broken[2]} that is not there.")


def failed(error: Exception, label: str, backup: Path | None) -> ChatcoreError:
    """The error for people that a migration's failure means."""
    reason = error.message if isinstance(error, ChatcoreError) else str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, DBAPIError):
        reason = explain(error, label).message if isinstance(error, sa.exc.OperationalError) else str(error.orig).splitlines()[0]
    kept = f" A backup is at {backup}." if backup else ""
    return Invalid(
        f"The database {label} could not be migrated to {HEAD}: {reason}",
        f"Nothing was changed; start the version you had before, or report this.{kept}",
    )
