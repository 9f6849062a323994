"""The database says in plain words what is wrong with it, and loses nothing."""

import os
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from chatcore.accounts import local_owner
from chatcore.db import COUNTED_TABLES, Database, Turnstile, explain, init_db, label_of, open_database, patiently
from chatcore.errors import ChatcoreError, Conflict, Denied, Invalid
from chatcore.history import append, create_chat
from chatcore.rows import MESSAGES
from chatcore.settings import database_url
from chatcore.thread import BRANCH, open_thread
from tests.conftest import NOW
from tests.databases import psycopg_url
from tests.factories import make_chat, make_viewer

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 30


@pytest.fixture
def file_db(sqlite_file: Path) -> Iterator[Database]:
    """An open, migrated SQLite database."""
    database = open_database(f"sqlite:///{sqlite_file}")
    yield database
    database.close()


@pytest.fixture
def sqlite_file(tmp_path: Path, sqlite_template: Path) -> Path:
    """The path of a migrated, empty SQLite database."""
    path = tmp_path / "chatcore.db"
    path.write_bytes(sqlite_template.read_bytes())
    return path


def count(db: Database, table: str) -> int:
    with db.read() as tx:
        number: int = tx.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()
        return number


# --- transactions ------------------------------------------------------------------------------------------------


def test_a_write_that_raises_is_undone(db: Database) -> None:
    def write() -> None:
        with db.write() as tx:
            tx.execute(sa.text("INSERT INTO users (id, name, created_at) VALUES ('a', 'A', '2026-01-01 00:00:00')"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert count(db, "users") == 0


def test_an_integrity_error_passes_through_for_the_caller_to_name(db: Database) -> None:
    with pytest.raises(IntegrityError), db.write() as tx:
        tx.execute(sa.text("INSERT INTO users (id, created_at) VALUES ('a', '2026-01-01 00:00:00')"))


def test_a_mistake_in_a_statement_is_not_taken_for_a_broken_database(db: Database) -> None:
    with pytest.raises(sa.exc.DBAPIError), db.write() as tx:
        tx.execute(sa.text("SELECT * FROM nowhere"))


def test_a_reading_session_cannot_write(db: Database) -> None:
    for read in (db.read, db.read_at_length):
        with pytest.raises(Denied), read() as tx:
            tx.execute(sa.text("DELETE FROM users"))


def test_a_write_inside_a_write_is_refused_instead_of_waiting_for_itself(file_db: Database) -> None:
    with pytest.raises(RuntimeError, match="write inside a write"), file_db.write(), file_db.write():
        pass
    with file_db.write() as tx:
        tx.execute(sa.text("SELECT 1"))


def test_writers_are_served_in_the_order_they_came() -> None:
    turnstile = Turnstile()
    served: list[int] = []
    threads = []

    def write(number: int) -> None:
        with turnstile:
            served.append(number)

    with turnstile:
        for number in range(8):
            thread = threading.Thread(target=write, args=(number,))
            thread.start()
            threads.append(thread)
            while len(turnstile._queue) <= number:
                assert thread.is_alive()
    for thread in threads:
        thread.join(LIMIT_S)
    assert served == list(range(8))


def test_closing_folds_the_log_into_the_file(file_db: Database) -> None:
    local_owner(file_db, now=NOW)
    file_db.close()
    path = Path(str(file_db.url.database))
    assert not path.with_name(path.name + "-wal").exists()
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("SELECT count(*) FROM users").fetchone() == (1,)


def test_the_planner_knows_a_table_once_it_has_grown(file_db: Database) -> None:
    def known() -> dict[str, str]:
        with file_db.read() as tx:
            found = tx.execute(sa.text("SELECT tbl, idx, stat FROM sqlite_stat1")).all()
        # Told that its tables are small, the full-text index reads them whole for each message more.
        assert {row.tbl for row in found} <= set(COUNTED_TABLES)
        return {row.idx: row.stat for row in found if row.tbl == "chatmessage"}

    viewer = make_viewer(file_db)
    chat = make_chat(file_db, viewer)
    file_db.refresh_statistics()
    guessed = known()
    assert guessed["ix_chatmessage_user_created"] == "100000 10000 1", "a small table leaves the guess of the migration"
    row = {"session_id": chat.id, "user_id": viewer.user_id, "role": "user", "content": "moon", "created_at": NOW}
    with file_db.write() as tx:
        tx.execute(sa.insert(MESSAGES), [row] * 1001)
    file_db.refresh_statistics()
    assert known().keys() == guessed.keys()
    # It counts a sample of a large index and reckons from that.
    assert 500 < int(known()["ix_chatmessage_user_created"].split()[0]) < 2000


@pytest.mark.parametrize("messages", [0, 1100])
def test_deleting_a_chat_looks_through_the_messages_of_that_chat_only(file_db: Database, messages: int) -> None:
    viewer = make_viewer(file_db)
    row = {"user_id": viewer.user_id, "role": "user", "content": "moon", "created_at": NOW}
    chats = [make_chat(file_db, viewer).id for _ in range(11)]
    with file_db.write() as tx:
        for _ in range(messages // len(chats)):
            tx.execute(sa.insert(MESSAGES), [row | {"session_id": chat_id} for chat_id in chats])
    file_db.refresh_statistics()
    # What the cascade asks; no plan can be had of the cascade itself.
    with file_db.write() as tx:
        plan = tx.execute(sa.text("EXPLAIN QUERY PLAN DELETE FROM chatmessage WHERE user_id = 'a' AND session_id = 'b'")).all()
    assert any("sqlite_autoindex_chatmessage_1 (session_id=?)" in row.detail for row in plan), plan


def test_opening_a_chat_reads_no_more_than_its_messages_whatever_the_statistics_say(file_db: Database) -> None:
    """SQLite reads a whole table into a filter where it takes it for smaller than what it looks up."""
    with file_db.write() as tx:
        tx.execute(sa.text("DELETE FROM sqlite_stat1 WHERE tbl = 'chatmessage'"))
        tx.execute(sa.text("INSERT INTO sqlite_stat1 VALUES ('chatmessage', 'ix_chatmessage_parent', '900000 2 1')"))
    file_db.release()
    question = BRANCH.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True})
    with file_db.read() as tx:
        plan = tx.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {question}", tuple(1 for _ in question.positiontup or ())).all()
    assert any("SEARCH parent USING INTEGER PRIMARY KEY" in row.detail for row in plan), plan
    assert [row.detail for row in plan if "BLOOM" in row.detail] == []


def test_foreign_keys_are_enforced_on_every_connection(db: Database) -> None:
    for _ in range(3):
        with pytest.raises(IntegrityError), db.write() as tx:
            tx.execute(sa.text("INSERT INTO tag (user_id, name) VALUES ('nobody', 'x')"))


# --- what is wrong with a database -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "kind", "said"),
    [
        ("sqlite:////proc/nowhere/chat.db", Invalid, "cannot be made"),
        ("sqlite:////dev/null/chat.db", Invalid, "cannot be made"),
        ("sqlite:////tmp", Invalid, "is a folder"),
        ("sqlite:////tmp/a%00b.db", Invalid, "cannot be made"),
        ("postgresql://chat@127.0.0.1:1/chat", Conflict, "does not answer"),
        ("postgresql://chat:secret@no-such-host.invalid/chat", Conflict, "does not answer"),
        ("postgresql://chat@127.0.0.1:port/chat", Invalid, "is not an address"),
        ("mysql://chat@127.0.0.1/chat", Invalid, "starts with 'mysql:'"),
        ("chat.db", Invalid, "starts with 'chat.db'"),
    ],
)
def test_an_address_that_cannot_be_used_says_so(url: str, kind: type[ChatcoreError], said: str) -> None:
    with pytest.raises(kind, match=said) as refused:
        open_database(database_url(url))
    assert refused.value.hint
    assert "secret" not in str(refused.value)


def test_a_database_that_is_not_there_says_how_to_make_it(postgres_server: str) -> None:
    url = psycopg_url(postgres_server).replace("/postgres?", "/no_such_chat?")
    assert "no_such_chat" in url
    with pytest.raises(Invalid, match="no such database") as refused:
        open_database(database_url(url))
    assert "createdb" in refused.value.hint


@contextmanager
def server_that_refuses(state: str, message: str) -> Iterator[str]:
    """The URL of a server that answers every sign-in with this error, as PostgreSQL words it on the wire."""
    body = b"SFATAL\0VFATAL\0C" + state.encode() + b"\0M" + message.encode() + b"\0\0"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    while (start := client.recv(1024)) and struct.unpack("!I", start[4:8])[0] in (80877103, 80877104):
                        client.sendall(b"N")
                    client.sendall(b"E" + struct.pack("!I", len(body) + 4) + body)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"postgresql://chat:wrong@127.0.0.1:{server.getsockname()[1]}/chat"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(LIMIT_S)


@pytest.mark.parametrize(
    ("state", "message", "kind", "said"),
    [
        ("28P01", 'password authentication failed for user "chat"', Denied, "refused the sign-in"),
        ("28000", 'role "chat" does not exist', Denied, "refused the sign-in"),
        ("3D000", 'database "chat" does not exist', Invalid, "no such database"),
        ("53300", "sorry, too many clients already", Conflict, "no connection left"),
        ("57P03", "the database system is starting up", Conflict, "starting up"),
    ],
)
def test_a_server_that_refuses_is_quoted_in_plain_words(state: str, message: str, kind: type[ChatcoreError], said: str) -> None:
    with server_that_refuses(state, message) as url, pytest.raises(kind, match=said) as refused:
        open_database(database_url(url))
    assert "wrong" not in str(refused.value)
    assert "chat@127.0.0.1" in refused.value.message


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear friend, " * 1000)
    with pytest.raises(Invalid, match="not a usable SQLite database"):
        open_database(f"sqlite:///{path}")
    assert path.read_text().startswith("Dear friend")


def test_a_full_disk_says_so_and_loses_nothing(file_db: Database) -> None:
    viewer = local_owner(file_db, now=NOW)
    chat = create_chat(file_db, viewer, now=NOW)
    append(file_db, viewer, chat.id, role="user", content="kept", now=NOW)
    with file_db.write() as tx:
        pages = tx.execute(sa.text("PRAGMA page_count")).scalar_one()
        tx.execute(sa.text(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(Conflict, match="is full, nothing was saved") as full:
        append(file_db, viewer, chat.id, role="assistant", content="x" * 1_000_000, now=NOW)
    assert "Free some space" in full.value.hint
    assert [m.content for m in open_thread(file_db, viewer, chat.id).messages] == ["kept"]
    with file_db.write() as tx:
        tx.execute(sa.text("PRAGMA max_page_count=1000000"))
    append(file_db, viewer, chat.id, role="assistant", content="x" * 1_000_000, now=NOW)
    assert open_thread(file_db, viewer, chat.id).chat.message_count == 2


def test_a_disk_that_fills_up_under_the_log_says_so_and_loses_nothing(file_db: Database) -> None:
    """The same one floor lower: the operating system refuses to let the log grow."""
    viewer = local_owner(file_db, now=NOW)
    chat = create_chat(file_db, viewer, now=NOW)
    append(file_db, viewer, chat.id, role="user", content="kept", now=NOW)
    program = (
        "import resource, sys, uuid; from datetime import UTC, datetime\n"
        "from chatcore.accounts import local_owner; from chatcore.db import open_database; from chatcore.errors import Conflict\n"
        "from chatcore.history import append\n"
        "now = datetime(2026, 3, 14, tzinfo=UTC); db = open_database(sys.argv[1]); viewer = local_owner(db, now=now)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "try: append(db, viewer, uuid.UUID(sys.argv[2]), role='assistant', content='x' * 1_000_000, now=now)\n"
        "except Conflict as error: print(error)"
    )
    url = file_db.url.render_as_string()
    said = subprocess.run(
        [sys.executable, "-c", program, url, str(chat.id)], cwd=ROOT, timeout=LIMIT_S, check=True, capture_output=True, text=True
    )
    assert "Nothing was saved" in said.stdout or "nothing was saved" in said.stdout, said
    assert [m.content for m in open_thread(file_db, viewer, chat.id).messages] == ["kept"]


READ_ONLY = """
import os, sys
from datetime import UTC, datetime
from chatcore.accounts import local_owner
from chatcore.db import init_db, open_database
from chatcore.errors import Denied
if os.getuid() == 0:
    os.setuid(65534)
try:
    db = open_database(sys.argv[1])
    init_db(db)
    local_owner(db, now=datetime(2026, 3, 14, tzinfo=UTC))
except Denied as error:
    print(error)
"""


def test_a_read_only_file_says_so(sqlite_template: Path) -> None:
    # Not under tmp_path, which other users may not enter: rights mean nothing to root, so the program becomes nobody.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "chatcore.db"
        path.write_bytes(sqlite_template.read_bytes())
        path.chmod(0o444)
        folder.chmod(0o777)
        said = subprocess.run(
            [sys.executable, "-c", READ_ONLY, f"sqlite:///{path}"], cwd=ROOT, timeout=LIMIT_S, check=True, capture_output=True, text=True
        )
        assert "is read-only, nothing was saved" in said.stdout, said
        assert str(path) in said.stdout
        folder.chmod(0o555)
        said = subprocess.run(
            [sys.executable, "-c", READ_ONLY, f"sqlite:///{path}"], cwd=ROOT, timeout=LIMIT_S, check=True, capture_output=True, text=True
        )
        assert "read-only" in said.stdout or "cannot be opened" in said.stdout, said
        folder.chmod(0o755)


def test_a_lock_that_another_program_keeps_is_named(file_db: Database) -> None:
    with (
        closing(sqlite3.connect(str(file_db.url.database), isolation_level=None)) as other,
        closing(sqlite3.connect(str(file_db.url.database), isolation_level=None)) as mine,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as locked:
            patiently(mine, "BEGIN IMMEDIATE", 0.05)
        explained = explain(locked.value, file_db.label)
        assert isinstance(explained, Conflict)
        assert "keeps the database" in explained.message
        other.execute("COMMIT")
        patiently(mine, "BEGIN IMMEDIATE", 0.05)


# --- PostgreSQL comes and goes -----------------------------------------------------------------------------------


@pytest.fixture
def postgres_db(empty_postgres_url: str) -> Iterator[Database]:
    """An open, migrated PostgreSQL database."""
    database = open_database(empty_postgres_url)
    init_db(database)
    yield database
    database.close()


def end_connections(database: Database) -> None:
    """What a restart of the server does to a program: every connection it holds is gone."""
    url = psycopg_url(database.url.render_as_string(hide_password=False))
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"SELECT pg_terminate_backend(pid, 10000) {others}")
        assert not admin.execute(f"SELECT pid {others}").fetchall()


def test_a_restart_of_the_server_is_survived(postgres_db: Database) -> None:
    viewer = local_owner(postgres_db, now=NOW)
    end_connections(postgres_db)
    assert local_owner(postgres_db, now=NOW) == viewer
    end_connections(postgres_db)
    create_chat(postgres_db, viewer, now=NOW)


def test_a_restart_in_mid_write_says_so_and_undoes_it(postgres_db: Database) -> None:
    def write() -> None:
        with postgres_db.write() as tx:
            tx.execute(sa.text("INSERT INTO users (id, name, created_at) VALUES ('a', 'A', now())"))
            end_connections(postgres_db)
            tx.execute(sa.text("SELECT 1"))

    with pytest.raises(Conflict) as broken:
        write()
    assert "database" in broken.value.message
    assert count(postgres_db, "users") == 0


def test_a_question_that_takes_too_long_says_so(postgres_db: Database) -> None:
    def ask() -> None:
        with postgres_db.read() as tx:
            tx.execute(sa.text("SET statement_timeout = 20"))
            tx.execute(sa.text("SELECT pg_sleep(30)"))

    with pytest.raises(Conflict, match="took too long"):
        ask()


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("sqlite:////srv/my chats/50%.db", "/srv/my chats/50%.db"),
        ("postgresql+psycopg://ann:se%40cret@db.example:5433/chat", "postgresql://ann@db.example:5433/chat"),
        ("postgresql+psycopg://db.example/chat", "postgresql://db.example/chat"),
        ("postgresql+psycopg://postgres:@/chat?host=%2Fvar%2Frun%2Fpg", "postgresql://postgres@/var/run/pg/chat"),
    ],
)
def test_the_name_of_a_database_is_readable_and_without_its_password(url: str, label: str) -> None:
    assert label_of(sa.make_url(url)) == label


def test_the_environment_may_name_a_file_in_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'deep' / 'er' / 'chat.db'}")
    init_db(database)
    database.close()
    assert os.listdir(tmp_path / "deep" / "er") == ["chat.db"]
