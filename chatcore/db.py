"""The database: one file of SQLite or one PostgreSQL, the same to everybody above.

`read()` and `write()` hand out a session (`db` in the callers). On SQLite there is one writer at a time, served first
come first served, and each write starts with BEGIN IMMEDIATE: a transaction that reads and then writes fails 70-90 % of
the time otherwise (SQLITE_BUSY_SNAPSHOT, which no busy time-out cures). Nobody holds a write across a model's answer.
"""

import logging
import selectors
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor, ExecutionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlmodel import Session

from chatcore.errors import ChatcoreError, Conflict, Denied, Invalid
from chatcore.migrations.run import HEAD, schema_revision, upgrade
from chatcore.words import index_parts, index_words

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

# How long SQLite waits for a lock that another program holds, in seconds.
BUSY_WAIT_S = 10.0
# How often a writer asks for it.
POLL_S = 0.001
# How long a start waits for another one that migrates: longer than a migration of 10 million messages may take.
MIGRATION_WAIT_S = 3600.0
# The advisory lock of PostgreSQL that a migration holds: "chat" in ASCII, any number would do.
MIGRATION_LOCK = 0x63686174
# How long an idle connection to PostgreSQL is trusted to be there still, in seconds: proxies on the way drop it after minutes.
TRUSTED_S = 30.0
IDLE_SINCE = "chatcore_idle_since"
# How PostgreSQL answers questions. `work_mem`: its own 4 MB are too little for the list of a frequent word among millions of messages: it
# then only knows the pages they lie on, and reads up to five times as many messages. `parallel_setup_cost`: to wake two more processes for
# a page of a list takes 8 ms, twice as long as the page (both measured at 10 million messages).
FOR_QUESTIONS = "-c default_transaction_read_only=on -c work_mem=16MB -c parallel_setup_cost=20000"
# For `execution_options` of a statement whose rows are bytes: PostgreSQL then sends them as they are instead of in hexadecimal digits,
# which takes a third of the time (measured).
IN_BINARY = {"chatcore_in_binary": True}
# What psycopg calls that format.
BINARY = 1
# Of a new file: the larger a page, the less of it stays empty where the next message does not fit. Of pages of 8 KB a tenth is
# empty, of these a twentieth (measured).
PAGE_SIZE = "PRAGMA page_size=16384"
SQLITE_PRAGMAS = (
    PAGE_SIZE,
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA cache_size=-65536",
    "PRAGMA mmap_size=2147418112",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA journal_size_limit=67108864",
    # The log is folded into the file by `fold_log`, which holds nobody up; if nobody calls it, by who commits when it is 64 MB.
    "PRAGMA wal_autocheckpoint=4000",
)
# Those that grow, once they have so many rows: what the migrations guess is better than what a few rows say. Never the tables
# of the full-text index: told that they are small, it would read them whole for each message more (measured).
COUNTED_FROM = 1000
COUNTED_TABLES = ("chatsession", "chatmessage", "generation", "message_search", "chat_search", "chattag", "attachment")


class Turnstile:
    """A lock that serves first come, first served. A plain lock lets one thread wait for 269 ms among 16 writers
    (measured); in turn nobody waits longer than the writers before it take."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._queue: deque[tuple[threading.Lock, int]] = deque()
        self._holder: int | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether anybody waits for it."""
        return bool(self._queue)

    def __enter__(self) -> None:
        me = threading.get_ident()
        if self._holder == me:
            # It would wait for itself for ever.
            raise RuntimeError("a write inside a write: pass the open session on instead")
        with self._guard:
            if self._holder is None:
                self._holder = me
                return
            turn = threading.Lock()
            turn.acquire()
            self._queue.append((turn, me))
        turn.acquire()

    def __exit__(self, *_: object) -> None:
        with self._guard:
            turn, self._holder = self._queue.popleft() if self._queue else (None, None)
        if turn:
            turn.release()


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
            self._writer = postgres_engine(url, pool_size=4, max_overflow=2)
            # Each statement is a transaction of its own, as under READ COMMITTED each sees a state of its own: BEGIN and
            # ROLLBACK around it would be two more trips to the server.
            self._reader = postgres_engine(url, pool_size=8, max_overflow=4, read_only=True)

    @property
    def dialect(self) -> str:
        """'sqlite' or 'postgresql'."""
        return self._writer.dialect.name

    @property
    def label(self) -> str:
        """The address for people, without the password."""
        return label_of(self.url)

    @property
    def is_awaited(self) -> bool:
        """Whether somebody in this process waits for who writes now. On PostgreSQL nobody does."""
        return self._writers.is_awaited

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; it cannot write. On SQLite it sees one state, on PostgreSQL each statement that of its moment.

        Raises Conflict if the database is away.
        """
        with self.clear_errors(), Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def read_at_length(self) -> Iterator[Session]:
        """The same for what may take minutes: it sees one state on both databases, and no time limit holds."""
        engine = self._reader if self.is_sqlite else self._reader.execution_options(isolation_level="REPEATABLE READ")
        with self.clear_errors(), Session(engine, expire_on_commit=False) as session:
            if not self.is_sqlite:
                lift_limits(session.connection())
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end of the block, undone if it raises.

        Raises Conflict (database away, disk full, locked by another program) or Denied (read-only file) with what to do;
        integrity errors pass through for the caller to name. On SQLite one writes at a time, first come first served; a
        write inside a write is a RuntimeError.
        """
        turn = self._writers if self.is_sqlite else nullcontext()
        # In this order only the transaction itself holds up the next writer.
        with self.clear_errors(), Session(self._writer, expire_on_commit=False) as session, turn, session.begin():
            yield session

    @contextmanager
    def clear_errors(self) -> Iterator[None]:
        """Turns what the driver says of the database itself into a sentence for people."""
        try:
            yield
        except (DBAPIError, sqlite3.Error, sa.exc.TimeoutError) as error:
            explained = explain(error, self.label)
            if explained is None:
                raise
            raise explained from error

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
                lift_limits(connection)
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
                yield connection
            return
        engine = sqlite_engine(self.url, begin="BEGIN IMMEDIATE", pool_size=1, query_only=False, migrating=True, wait_s=MIGRATION_WAIT_S)
        try:
            with self.clear_errors(), engine.connect() as connection, connection.begin():
                yield connection
        finally:
            engine.dispose()

    def refresh_statistics(self) -> None:
        """Lets SQLite's planner count a sample of each index (5 ms at a million messages, measured); PostgreSQL does it by itself.

        Not PRAGMA optimize, which before 3.46 counts whole indexes, and none that its own connection has not read.
        Raises what `write` raises.
        """
        if not self.is_sqlite:
            return
        with self.write() as tx:
            count_tables(tx.connection())

    def fold_log(self) -> None:
        """Brings into the file of SQLite what is in its log, as far as nobody reads what was before. Who writes may go on meanwhile.

        Left to itself it happens in the commit of whoever comes next, and all that stand in line wait for it: 10 to 50 ms.
        """
        if self.is_sqlite:
            with self.clear_errors(), closing(self._reader.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def compact(self) -> None:
        """Writes the file of SQLite anew, without what is empty in it, in pages as new files have them.

        The file is right without it, so what fails (a full disk, somebody who writes for long) is only logged.
        """
        self.release()
        path = str(self.url.database)
        try:
            with closing(sqlite3.connect(path, timeout=BUSY_WAIT_S, isolation_level=None)) as file:
                # The size of a page can only change outside of WAL, where nobody else may have the file open.
                with suppress(sqlite3.OperationalError):
                    file.execute("PRAGMA journal_mode=DELETE")
                file.execute(PAGE_SIZE)
                file.execute("VACUUM")
                file.execute("PRAGMA journal_mode=WAL")
        except sqlite3.Error as error:
            log.warning("The file %s keeps what is empty in it: %s", path, error)

    def release(self) -> None:
        """Closes the connections that nobody uses at the moment; what comes next opens its own."""
        self._reader.dispose()
        self._writer.dispose()

    def close(self) -> None:
        """Closes every connection; on SQLite the log is folded into the file and the planner's statistics refreshed."""
        if self.is_sqlite and Path(str(self.url.database)).exists():
            # Upkeep only: a read-only or vanished file must not stop the way out, and nothing unsaved is left here.
            with suppress(ChatcoreError, DBAPIError, sqlite3.Error):
                self.refresh_statistics()
        self.release()


def count_tables(connection: sa.Connection) -> None:
    """Counts a sample of each index of the tables of SQLite that have grown."""
    connection.exec_driver_sql("PRAGMA analysis_limit=400")
    for table in COUNTED_TABLES:
        if connection.exec_driver_sql(f"SELECT 1 FROM {table} LIMIT 1 OFFSET {COUNTED_FROM}").first():
            connection.exec_driver_sql(f"ANALYZE {table}")


def open_database(url: str) -> Database:
    """Opens the database at `url` (see `chatcore.settings.database_url`) without touching its schema.

    Raises Invalid for a URL or path that cannot be used, Conflict or Denied for a database that does not answer.
    """
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise Invalid(
            "DATABASE_URL is not an address.", "Write sqlite:///path/to/file.db or postgresql://user:password@host:5432/name."
        ) from error
    if parsed.get_backend_name() == "sqlite":
        make_room(Path(str(parsed.database)))
    database = Database(parsed)
    try:
        with database.read() as db:
            db.execute(sa.text("SELECT 1"))
    except ChatcoreError:
        database.close()
        raise
    return database


def make_room(path: Path) -> None:
    """Makes the folder of a SQLite file. Raises Invalid where there cannot be one."""
    try:
        path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_dir():
            return
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Invalid(
            f"The folder {path.parent} for the database cannot be made: {reason}.", "Choose another path in DATABASE_URL."
        ) from error
    raise Invalid(f"The database {path} is a folder, not a file.", f"Write the name of a file, such as {path / 'chatcore.db'}.")


def init_db(database: Database) -> None:
    """Brings any database to the newest schema, keeping its rows. Raises on failure: nothing may start half-migrated.

    Where nothing is to be done it reads one row and imports nothing (Alembic would cost 0.3 s of a start).
    """
    with database.read() as tx:
        found = schema_revision(tx.connection())
    if found == HEAD:
        return
    with database.migration() as connection:
        has_room = upgrade(connection, label=database.label, file=Path(str(database.url.database)) if database.is_sqlite else None)
    if has_room:
        log.info("Giving back what is empty in %s.", database.label)
        database.compact()


def sqlite_engine(
    url: URL, *, begin: str, pool_size: int, query_only: bool, migrating: bool = False, wait_s: float = BUSY_WAIT_S
) -> Engine:
    """An engine whose transactions start with `begin`; the driver's own transaction handling is switched off."""
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=8 if query_only else 0,
        pool_timeout=10,
        connect_args={"timeout": wait_s},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        """What SQLite forgets with each connection."""
        connection.isolation_level = None
        for pragma in SQLITE_PRAGMAS:
            patiently(connection, pragma, wait_s)
        connection.execute(f"PRAGMA foreign_keys={'OFF' if migrating else 'ON'}")
        # The triggers of the search index call them (chatcore/migrations/search_index.py).
        connection.create_function("search_words", 1, index_words, deterministic=True)
        connection.create_function("search_parts", 1, index_parts, deterministic=True)
        if migrating:
            # What is sorted may be every message there is.
            connection.execute("PRAGMA temp_store=FILE")
        if query_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def start(connection: sa.Connection) -> None:
        patiently(cast(sqlite3.Connection, connection.connection.driver_connection), begin, wait_s)

    return engine


def patiently(connection: sqlite3.Connection, sql: str, wait_s: float) -> None:
    """Executes what may need a lock, and asks again after 1 ms while another program holds it.

    SQLite's own waiting sleeps up to 100 ms at a time, and not at all while a file changes to WAL.
    """
    give_up = time.monotonic() + wait_s
    connection.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                connection.execute(sql)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
            time.sleep(POLL_S)
    finally:
        connection.execute(f"PRAGMA busy_timeout={int(wait_s * 1000)}")


def postgres_engine(url: URL, *, pool_size: int, max_overflow: int, read_only: bool = False) -> Engine:
    """An engine of PostgreSQL; `read_only` ones are in no transaction and cannot write.

    2-5 connections for each core of the server are right, more make it slower (measured).
    """
    options = "-c timezone=UTC -c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000"
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=5,
        # A statement that comes again is prepared at once: without that the server would read and plan it anew five times for each
        # connection, which is half of what a short one takes.
        connect_args={
            "connect_timeout": 5,
            "prepare_threshold": 1,
            "options": f"{options} {FOR_QUESTIONS}" if read_only else options,
        },
        **({"isolation_level": "AUTOCOMMIT"} if read_only else {}),
    )

    @event.listens_for(engine, "before_cursor_execute")
    def choose_format(
        _: sa.Connection, cursor: DBAPICursor, _statement: str, _values: object, context: ExecutionContext | None, _many: bool
    ) -> None:
        if context and IN_BINARY.keys() <= context.execution_options.keys():
            cast("psycopg.Cursor", cursor).format = cast("psycopg.pq.Format", BINARY)

    @event.listens_for(engine, "checkin")
    def note_time(_: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info[IDLE_SINCE] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def see_that_it_lives(connection: DBAPIConnection, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        """Asks the server only if there is a reason: it said something unasked, as it does before it goes, or was silent for so
        long that the connection may be lost on the way. To ask each time, as pool_pre_ping does, is a fifth of a short read."""
        now = time.monotonic()
        silent = now - record.info.get(IDLE_SINCE, now) < TRUSTED_S and not is_readable(connection)
        if not silent and not is_alive(engine, connection):
            raise sa.exc.InvalidatePoolError

    return engine


def lift_limits(connection: sa.Connection) -> None:
    """Until the end of a transaction of PostgreSQL no limit of time holds."""
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def is_readable(connection: DBAPIConnection) -> bool:
    """Whether something came from the server that nobody has read: of an idle connection, that it ends."""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(cast("psycopg.Connection", connection), selectors.EVENT_READ)
            return bool(selector.select(0))
    except (OSError, ValueError):
        return True


def is_alive(engine: Engine, connection: DBAPIConnection) -> bool:
    """Whether the server answers on this connection."""
    try:
        return engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error:
        return False


def label_of(url: URL) -> str:
    """An address for people, without the password: the path of a file, or postgresql://user@host:5432/name."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    host = url.host or url.query.get("host") or "localhost"
    port = f":{url.port}" if url.port else ""
    user = f"{url.username}@" if url.username else ""
    return f"postgresql://{user}{host if isinstance(host, str) else ','.join(host)}{port}/{url.database or ''}"


def explain(error: Exception, label: str) -> ChatcoreError | None:
    """The error for people that a driver's error means; None for one that says nothing of the database itself (a bug, a law)."""
    if isinstance(error, sa.exc.TimeoutError):
        return Conflict(f"The database {label} has more to do than it can.", "Try again in a moment.")
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.Error):
        return explain_sqlite(getattr(cause, "sqlite_errorcode", 0) & 0xFF, str(cause), label)
    return explain_postgres(str(getattr(cause, "sqlstate", None) or ""), str(cause).strip(), label)


def explain_sqlite(code: int, text: str, label: str) -> ChatcoreError | None:
    """What a primary result code of SQLite means (https://www.sqlite.org/rescode.html)."""
    match code:
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return Denied(
                f"The database {label} is read-only, nothing was saved.",
                "Give the user that runs chatcore the right to write the file and its folder.",
            )
        case sqlite3.SQLITE_FULL:
            return Conflict(f"The disk of the database {label} is full, nothing was saved.", "Free some space and send again.")
        case sqlite3.SQLITE_IOERR:
            return Conflict(
                f"The disk of the database {label} does not work: {text}. Nothing was saved.",
                "See whether it is full, unplugged or broken, then send again.",
            )
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return Invalid(
                f"The file {label} is not a usable SQLite database: {text}.",
                "Put a backup in its place, or name another file in DATABASE_URL.",
            )
        case sqlite3.SQLITE_CANTOPEN:
            return Denied(
                f"The database file {label} cannot be opened.", "Check that its folder exists and that chatcore may read and write both."
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Conflict(f"Another program keeps the database {label} locked.", "Close it and send again; nothing was lost.")
    return None


# By the start of PostgreSQL's SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), longest first.
POSTGRES_STATES: tuple[tuple[str, type[Conflict] | type[Denied] | type[Invalid], str, str], ...] = (
    ("53100", Conflict, "The disk of the database {label} is full, nothing was saved.", "Free some space and send again."),
    ("53300", Conflict, "The database {label} has no connection left.", "Close other programs or raise max_connections, then try again."),
    ("57014", Conflict, "The database {label} took too long and gave up.", "Try again with a smaller question."),
    ("25006", Denied, "The database {label} is read-only, nothing was saved.", "Name the primary server in DATABASE_URL."),
    ("42501", Denied, "The database {label} does not allow this.", "Give the user in DATABASE_URL the right to use and change its tables."),
    ("28", Denied, "The database refused the sign-in for {label}.", "Check user and password in DATABASE_URL."),
    ("3D", Invalid, "There is no such database: {label}.", "Create it (createdb NAME) or correct DATABASE_URL."),
    ("40", Conflict, "Two writes met in the database {label}; this one was undone.", "Try again."),
    ("55P03", Conflict, "Something else keeps a row of the database {label} locked.", "Try again in a moment."),
    ("08", Conflict, "The connection to the database {label} broke.", "Try again; if it stays, see whether it runs."),
    ("57P", Conflict, "The database {label} is shutting down or starting.", "Try again in a moment."),
    ("25P03", Conflict, "The database {label} ended a transaction that did nothing for too long.", "Try again."),
    ("53", Conflict, "The database {label} has no room left to work.", "Free memory and disk there, then try again."),
    ("58", Conflict, "The disk of the database {label} does not work, nothing was saved.", "See to the server, then try again."),
)


def explain_postgres(state: str, text: str, label: str) -> ChatcoreError | None:
    """What an SQLSTATE means; where there is none, no server answered or it refused the connection, and the text says why."""
    for start, kind, message, hint in POSTGRES_STATES:
        if state and state.startswith(start):
            return kind(message.format(label=label), hint)
    if state:
        return None
    low = text.lower()
    if (
        "authentication failed" in low
        or "no password" in low
        or "no pg_hba.conf entry" in low
        or ("role" in low and "does not exist" in low)
    ):
        return explain_postgres("28", text, label)
    if "database" in low and "does not exist" in low:
        return explain_postgres("3D", text, label)
    if "too many connections" in low or "too many clients" in low:
        return explain_postgres("53300", text, label)
    first_line = text.splitlines()[0][:200] if text else "no reason given"
    return Conflict(f"The database {label} does not answer: {first_line}", "Check that it runs and that DATABASE_URL names it.")
