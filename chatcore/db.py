"""The database: one file of SQLite or one PostgreSQL, the same to everybody above.

`read()` and `write()` hand out a session (`db` in the callers). On SQLite there is one writer at a time, served first
come first served, and each write starts with BEGIN IMMEDIATE: a transaction that reads and then writes fails 70-90 % of
the time otherwise (SQLITE_BUSY_SNAPSHOT, which no busy time-out cures). Nobody holds a write across a model's answer.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from chatcore.errors import ChatcoreError, Conflict, Denied, Invalid
from chatcore.migrations.run import HEAD, schema_revision, upgrade

# How long SQLite waits for a lock that another program holds, in seconds.
BUSY_WAIT_S = 10.0
# How long a start waits for another one that migrates: longer than a migration of 10 million messages may take.
MIGRATION_WAIT_S = 3600.0
# The advisory lock of PostgreSQL that a migration holds: "chat" in ASCII, any number would do.
MIGRATION_LOCK = 0x63686174
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA cache_size=-65536",
    "PRAGMA mmap_size=268435456",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA journal_size_limit=67108864",
)


class Turnstile:
    """A lock that serves first come, first served. A plain lock lets one thread wait for 269 ms among 16 writers
    (measured); in turn nobody waits longer than the writers before it take."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._queue: deque[threading.Lock] = deque()
        self._taken = False

    def __enter__(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._queue.append(turn)
        turn.acquire()

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._taken = False


class Database:
    """An open database. Make it with `open_database`; `close()` it when done."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._writers = Turnstile()
        if self.is_sqlite:
            self._writer = sqlite_engine(url, begin="BEGIN IMMEDIATE", pool_size=1, query_only=False)
            self._reader = sqlite_engine(url, begin="BEGIN", pool_size=8, query_only=True)
        else:
            self._writer = self._reader = postgres_engine(url)

    @property
    def dialect(self) -> str:
        """'sqlite' or 'postgresql'."""
        return self._writer.dialect.name

    @property
    def label(self) -> str:
        """The address for people, without the password."""
        return label_of(self.url)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading one consistent state; on SQLite it cannot write. Raises Conflict if the database is away."""
        with self.clear_errors(), Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end of the block, undone if it raises.

        Raises Conflict (database away or locked by another program), Denied (read-only file) or Invalid (disk full) with
        what to do; integrity errors pass through for the caller to name.
        """
        if self.is_sqlite:
            with self._writers, self.clear_errors(), Session(self._writer, expire_on_commit=False) as session, session.begin():
                yield session
        else:
            with self.clear_errors(), Session(self._writer, expire_on_commit=False) as session, session.begin():
                yield session

    @contextmanager
    def clear_errors(self) -> Iterator[None]:
        """Turns what the driver says of the database itself into a sentence for people."""
        try:
            yield
        except (OperationalError, sa.exc.TimeoutError) as error:
            raise explain(error, self.label) from error

    def connect(self) -> sa.Connection:
        """A bare connection of the writing engine, for migrations and maintenance."""
        return self._writer.connect()

    @contextmanager
    def migration(self) -> Iterator[sa.Connection]:
        """A connection in one transaction that only one process can hold, for changing tables; undone if the block raises.

        On SQLite that is the write lock of the file, and foreign keys are not enforced: rebuilding a table with them on
        deletes every row that points to it (measured). On PostgreSQL it is an advisory lock, and no time limit holds.
        """
        if not self.is_sqlite:
            with self.clear_errors(), self._writer.connect() as connection, connection.begin():
                connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
                connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
                yield connection
            return
        engine = sqlite_engine(
            self.url, begin="BEGIN IMMEDIATE", pool_size=1, query_only=False, foreign_keys=False, wait_s=MIGRATION_WAIT_S
        )
        try:
            with self.clear_errors(), engine.connect() as connection, connection.begin():
                yield connection
        finally:
            engine.dispose()

    def close(self) -> None:
        """Closes every connection; on SQLite the log is folded into the file and the planner's statistics refreshed."""
        if self.is_sqlite and Path(str(self.url.database)).exists():
            try:
                with self._writers, self._writer.connect() as connection:
                    connection.exec_driver_sql("PRAGMA optimize")
            except DBAPIError:
                # Upkeep only: a read-only or vanished file must not stop the way out, and nothing unsaved is left here.
                pass
        self._reader.dispose()
        self._writer.dispose()


def open_database(url: str) -> Database:
    """Opens the database at `url` (see `chatcore.settings.database_url`) without touching its schema.

    Raises Invalid for a URL or path that cannot be used, Conflict or Denied for a database that does not answer.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        folder = Path(str(parsed.database)).resolve().parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Invalid(
                f"The folder {folder} for the database cannot be made: {error.strerror}.", "Choose another path in DATABASE_URL."
            ) from error
    database = Database(parsed)
    try:
        with database.read() as db:
            db.execute(sa.text("SELECT 1"))
    except ChatcoreError:
        database.close()
        raise
    return database


def init_db(database: Database) -> None:
    """Brings any database to the newest schema, keeping its rows. Raises on failure: nothing may start half-migrated.

    Where nothing is to be done it reads one row and imports nothing (Alembic would cost 0.3 s of a start).
    """
    with database.read() as tx:
        found = schema_revision(tx.connection())
    if found == HEAD:
        return
    with database.migration() as connection:
        upgrade(connection, label=database.label, file=Path(str(database.url.database)) if database.is_sqlite else None)


def sqlite_engine(
    url: URL, *, begin: str, pool_size: int, query_only: bool, foreign_keys: bool = True, wait_s: float = BUSY_WAIT_S
) -> Engine:
    """An engine whose transactions start with `begin`; the driver's own transaction handling is switched off."""
    engine = sa.create_engine(
        url, pool_size=pool_size, max_overflow=8 if query_only else 0, pool_timeout=10, connect_args={"timeout": wait_s}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        for pragma in SQLITE_PRAGMAS:
            connection.execute(pragma)
        connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        if query_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def start(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def postgres_engine(url: URL) -> Engine:
    """10 connections a process: 2-5 for each core of the server is right, more makes it slower (measured)."""
    return sa.create_engine(
        url,
        pool_size=10,
        max_overflow=5,
        pool_timeout=5,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 5,
            "options": "-c timezone=UTC -c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000",
        },
    )


def label_of(url: URL) -> str:
    """An address for people, without the password: the path of a file, or postgresql://user@host:5432/name."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    host = url.host or url.query.get("host") or "localhost"
    port = f":{url.port}" if url.port else ""
    user = f"{url.username}@" if url.username else ""
    return f"postgresql://{user}{host if isinstance(host, str) else ','.join(host)}{port}/{url.database or ''}"


def explain(error: Exception, label: str) -> ChatcoreError:
    """The error for people that a driver's error means."""
    text = str(getattr(error, "orig", None) or error).strip()
    low = text.lower()
    if "readonly" in low or "read-only" in low:
        return Denied(
            f"The database {label} is read-only, nothing was saved.",
            "Give the user that runs chatcore the right to write the file and its folder.",
        )
    if "disk is full" in low or "no space left" in low or "disk i/o" in low or "could not extend" in low:
        return Conflict(f"The disk of the database {label} is full, nothing was saved.", "Free some space and send again.")
    if "not a database" in low or "malformed" in low:
        return Invalid(
            f"The file of {label} is not a usable SQLite database.", "Restore a backup beside it, or name another file in DATABASE_URL."
        )
    if "unable to open" in low:
        return Denied(
            f"The database file of {label} cannot be opened.", "Check that the path exists and that chatcore may read and write it."
        )
    if "locked" in low or "busy" in low:
        return Conflict("Another program keeps the database locked.", "Close it and send again; nothing was lost.")
    if "authentication failed" in low or "no password" in low:
        return Denied(f"The database refused the sign-in for {label}.", "Check user and password in DATABASE_URL.")
    if "does not exist" in low and "database" in low:
        return Invalid(f"There is no such database: {label}.", "Create it (createdb NAME) or correct DATABASE_URL.")
    first_line = text.splitlines()[0][:200] if text else type(error).__name__
    return Conflict(f"The database {label} does not answer: {first_line}", "Check that it runs and that DATABASE_URL names it.")
