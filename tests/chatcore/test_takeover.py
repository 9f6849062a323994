"""An older program's database is taken over whole, once, and whatever happens on the way."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from chatcore.accounts import LOCAL_OWNER_ID, local_owner, signed_in
from chatcore.columns import as_time
from chatcore.db import Database, init_db, open_database
from chatcore.errors import ChatcoreError, Invalid
from chatcore.history import append, list_chats, purge_chats
from chatcore.parts import Viewer
from chatcore.takeover import TakeoverReport, take_over
from chatcore.thread import open_thread
from tests.conftest import NOW

ROOT = Path(__file__).resolve().parents[2]

# As SQLModel.metadata.create_all makes them from the older models.
OLDER_TABLES = """
CREATE TABLE users (id VARCHAR NOT NULL PRIMARY KEY, email VARCHAR, name VARCHAR, created_at TIMESTAMP);
CREATE TABLE conversations (id INTEGER NOT NULL PRIMARY KEY, user_id VARCHAR NOT NULL, created_at TIMESTAMP, updated_at TIMESTAMP);
CREATE TABLE messages (id INTEGER NOT NULL PRIMARY KEY, user_id VARCHAR, conversation_id INTEGER, role VARCHAR(20), content TEXT,
  tool_calls TEXT, created_at TIMESTAMP);
CREATE INDEX ix_messages_created_at ON messages (created_at)
"""


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Database]:
    """An open SQLite database with the older tables."""
    yield from with_older_tables(f"sqlite:///{tmp_path / 'older 100%.db'}")


@pytest.fixture(params=["sqlite", "postgresql"])
def any_older(request: pytest.FixtureRequest) -> Iterator[Database]:
    """The same, once for each engine."""
    if request.param == "sqlite":
        yield request.getfixturevalue("older")
        return
    yield from with_older_tables(str(request.getfixturevalue("empty_postgres_url")))


def with_older_tables(url: str) -> Iterator[Database]:
    database = open_database(url)
    fill(database, OLDER_TABLES)
    yield database
    database.close()


def fill(database: Database, script: str) -> None:
    with database.write() as tx:
        for statement in script.split(";\n"):
            if statement.strip():
                tx.execute(sa.text(statement.replace(":", r"\:")))


def rows(database: Database, sql: str) -> list[tuple[object, ...]]:
    with database.read() as tx:
        return [tuple(row) for row in tx.execute(sa.text(sql))]


def url_of(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def run(db: Database, source: Database) -> TakeoverReport:
    return take_over(db, url_of(source), now=NOW)


def viewer_of(db: Database, name: str) -> Viewer:
    ((user_id,),) = rows(db, f"SELECT id FROM users WHERE name = '{name}'")
    return Viewer(user_id=str(user_id), name=name)


TWO_PEOPLE = """
INSERT INTO users VALUES ('ann', 'ann@example.org', 'Ann', '2025-11-01 07:00:00'), ('bob', NULL, NULL, '2025-11-02 07:00:00');
INSERT INTO conversations VALUES
  (1, 'ann', '2025-12-01 08:00:00', '2025-12-01 09:00:00'), (2, 'bob', '2025-12-02 08:00:00', '2025-12-02 08:00:00');
INSERT INTO messages VALUES
  (3, 'ann', 1, 'assistant', 'Done.', '[{"name": "add_task", "arguments": {"title": "tea"}}]', '2025-12-01 08:00:09.250000'),
  (4, 'ann', 1, 'user', '# Remind me to **buy tea**', NULL, '2025-12-01 08:00:01'),
  (5, 'bob', 2, 'user', 'hello', NULL, '2025-12-02 08:00:00')
"""


def test_people_conversations_and_messages_are_taken_over(db: Database, any_older: Database) -> None:
    fill(any_older, TWO_PEOPLE)
    report = run(db, any_older)
    assert dict(report.imported) == {"user": 2, "chat": 2, "message": 3}
    assert (dict(report.unchanged), dict(report.reasons), report.skipped, report.odd_tool_calls) == ({}, {}, (), 0)

    assert rows(db, "SELECT id, email, name, is_owner FROM users ORDER BY id") == [
        ("ann", "ann@example.org", "Ann", False),
        ("bob", None, "bob", False),
    ]
    (chat,) = list_chats(db, Viewer("ann", "Ann")).items
    assert chat.title == "Remind me to buy tea"
    assert (chat.created_at.isoformat(), chat.updated_at.isoformat()) == ("2025-12-01T08:00:00+00:00", "2025-12-01T09:00:00+00:00")
    assert (chat.message_count, chat.last_snippet) == (2, "Done.")
    asked, answered = open_thread(db, Viewer("ann", "Ann"), chat.id).messages
    assert (asked.role, asked.content) == ("user", "# Remind me to **buy tea**")
    assert answered.tool_calls == '[{"name": "add_task", "arguments": {"title": "tea"}}]'
    assert answered.created_at.isoformat() == "2025-12-01T08:00:09.250000+00:00"
    assert (asked.parent_id, answered.parent_id, chat.current_message_id) == (None, asked.id, answered.id)
    assert [m.content for m in open_thread(db, Viewer("bob", "bob"), list_chats(db, Viewer("bob", "bob")).items[0].id).messages] == [
        "hello"
    ]
    assert rows(db, "SELECT count(*) FROM usage_dirty") == [(2,)]


def test_a_second_run_changes_nothing(db: Database, any_older: Database) -> None:
    fill(any_older, TWO_PEOPLE)
    run(db, any_older)
    before = snapshot(db)
    report = run(db, any_older)
    assert snapshot(db) == before
    assert dict(report.imported) == {}
    assert dict(report.unchanged) == {"user": 2, "chat": 2, "message": 3}


def snapshot(db: Database) -> list[list[tuple[object, ...]]]:
    tables = {"users": "id", "chatsession": "id", "chatmessage": "id", "importref": "kind, external_id"}
    return [rows(db, f"SELECT * FROM {table} ORDER BY {order}") for table, order in tables.items()]


def test_what_was_added_in_the_source_since_is_added(db: Database, older: Database) -> None:
    fill(older, TWO_PEOPLE)
    run(db, older)
    fill(
        older,
        "INSERT INTO messages VALUES (6, 'bob', 2, 'assistant', 'Hi Bob', NULL, '2025-12-03 08:00:00');\n"
        "UPDATE conversations SET updated_at = '2025-12-03 08:00:00' WHERE id = 2;\n"
        "INSERT INTO conversations VALUES (3, 'bob', '2025-12-04 08:00:00', '2025-12-04 08:00:00');\n"
        "INSERT INTO messages VALUES (7, 'bob', 3, 'user', 'again', NULL, '2025-12-04 08:00:00')",
    )
    report = run(db, older)
    assert dict(report.imported) == {"chat": 1, "message": 2}
    newest, older_chat = list_chats(db, Viewer("bob", "bob")).items
    assert (newest.title, older_chat.title) == ("again", "hello")
    assert older_chat.updated_at.isoformat() == "2025-12-03T08:00:00+00:00"
    assert [m.content for m in open_thread(db, Viewer("bob", "bob"), older_chat.id).messages] == ["hello", "Hi Bob"]


def test_a_chat_that_went_on_here_shows_what_was_added_there(db: Database, older: Database) -> None:
    fill(older, TWO_PEOPLE)
    run(db, older)
    bob = Viewer("bob", "bob")
    chat = list_chats(db, bob).items[0]
    append(db, bob, chat.id, role="user", content="written here", now=NOW)
    fill(older, "INSERT INTO messages VALUES (6, 'bob', 2, 'assistant', 'written there', NULL, '2025-12-03 08:00:00')")
    run(db, older)
    assert [m.content for m in open_thread(db, bob, chat.id).messages] == ["hello", "written here", "written there"]


def test_what_was_deleted_here_does_not_come_back(db: Database, older: Database) -> None:
    fill(older, TWO_PEOPLE)
    run(db, older)
    ann = Viewer("ann", "Ann")
    purge_chats(db, ann, [chat.id for chat in list_chats(db, ann).items])
    fill(older, "INSERT INTO messages VALUES (6, 'ann', 1, 'user', 'more', NULL, '2025-12-03 08:00:00')")
    assert dict(run(db, older).imported) == {}
    assert list_chats(db, ann).items == ()


def test_the_chats_of_a_single_user_become_the_local_owners(db: Database, older: Database) -> None:
    viewer = local_owner(db, now=NOW)
    fill(older, TWO_PEOPLE)
    fill(
        older,
        "DELETE FROM messages WHERE user_id = 'bob';\nDELETE FROM conversations WHERE user_id = 'bob';\nDELETE FROM users WHERE id = 'bob'",
    )
    run(db, older)
    assert [chat.title for chat in list_chats(db, viewer).items] == ["Remind me to buy tea"]
    assert rows(db, "SELECT id, name FROM users") == [(LOCAL_OWNER_ID, "You")]
    fill(
        older,
        "INSERT INTO users VALUES ('cyd', NULL, 'Cyd', NULL);\nINSERT INTO conversations VALUES (9, 'cyd', '2025-12-09 08:00:00', NULL)",
    )
    run(db, older)
    assert len(list_chats(db, viewer).items) == 1
    assert len(list_chats(db, viewer_of(db, "Cyd")).items) == 1


def test_owners_are_kept_where_others_live_already(db: Database, older: Database) -> None:
    signed_in(db, {"iss": "https://id.example", "sub": "1", "name": "Dora"}, now=NOW)
    fill(
        older,
        "INSERT INTO users VALUES ('ann', NULL, 'Ann', NULL);\nINSERT INTO conversations VALUES (1, 'ann', '2025-12-01 08:00:00', NULL)",
    )
    run(db, older)
    assert len(list_chats(db, Viewer("ann", "Ann")).items) == 1


def test_a_user_whose_id_is_taken_gets_another(db: Database, older: Database) -> None:
    local_owner(db, now=NOW)
    fill(
        older,
        "INSERT INTO users VALUES ('local', NULL, 'Lou', NULL), ('ann', NULL, 'Ann', NULL);\n"
        "INSERT INTO conversations VALUES (1, 'local', '2025-12-01 08:00:00', NULL)",
    )
    run(db, older)
    lou = viewer_of(db, "Lou")
    assert lou.user_id not in ("local", "")
    assert len(list_chats(db, lou).items) == 1


def test_a_user_whom_only_a_conversation_names_is_made(db: Database, older: Database) -> None:
    fill(
        older,
        "INSERT INTO users VALUES ('ann', NULL, 'Ann', NULL);\nINSERT INTO conversations VALUES (1, 'ghost', '2025-12-01 08:00:00', NULL)",
    )
    run(db, older)
    assert len(list_chats(db, Viewer("ghost", "ghost")).items) == 1


BAD_ROWS = """
INSERT INTO users VALUES ('ann', NULL, 'Ann', NULL), ('bob', NULL, 'Bob', NULL);
INSERT INTO conversations VALUES (1, 'ann', '2025-12-01 08:00:00', NULL);
INSERT INTO messages VALUES
  (1, 'ann', 1, 'user', 'good', NULL, '2025-12-01 08:00:01'),
  (2, 'ann', 1, 'system', 'be nice', NULL, '2025-12-01 08:00:02'),
  (3, 'ann', 99, 'user', 'lost', NULL, '2025-12-01 08:00:03'),
  (4, 'ann', 1, 'user', NULL, NULL, '2025-12-01 08:00:04'),
  (5, 'bob', 1, 'user', 'not mine', NULL, '2025-12-01 08:00:05'),
  (6, NULL, 1, 'AI', 'fine', 'not json', '2025-12-01 08:00:06'),
  (7, 'ann', NULL, 'user', 'nowhere', NULL, '2025-12-01 08:00:07'),
  (8, 'ann', 1, 'user', 'timeless', NULL, NULL)
"""


def test_rows_that_cannot_be_taken_are_reported_and_stop_nothing(db: Database, any_older: Database) -> None:
    fill(any_older, BAD_ROWS)
    report = run(db, any_older)
    assert {row.external_id: row.reason for row in report.skipped} == {
        "2": "unknown role 'system'",
        "3": "its conversation is missing",
        "4": "no content",
        "5": "its user is not the conversation's",
        "7": "its conversation is missing",
    }
    assert {row.kind for row in report.skipped} == {"message"}
    assert report.reasons["its conversation is missing"] == 2
    assert report.imported["message"] == 3
    assert report.odd_tool_calls == 1
    ann = Viewer("ann", "Ann")
    thread = open_thread(db, ann, list_chats(db, ann).items[0].id).messages
    assert [(m.content, m.tool_calls) for m in thread] == [("timeless", None), ("good", None), ("fine", "not json")]
    assert thread[0].created_at.isoformat() == "2025-12-01T08:00:00+00:00"


def test_a_database_without_types_and_keys_is_taken_as_far_as_it_goes(db: Database, tmp_path: Path) -> None:
    path, at, long_id = tmp_path / "older.db", "2025-12-01 08:00:00", "".join(map(chr, range(200, 1200)))
    with closing(sqlite3.connect(path)) as source:
        source.executescript(
            "CREATE TABLE users (id, name); CREATE TABLE conversations (id, user_id, title, model_name, created_at);"
            "CREATE TABLE messages (id, conversation_id, role, content, created_at, tool_calls, user_id);"
        )
        for user_id in ("ann", "ann", 1e20, b"\xff\xfe", "nul\0", long_id):
            source.execute("INSERT INTO users VALUES (?, 'n')", (user_id,))
        for chat_id, user_id in (
            ("c1", "ann"),
            ("c1", "ann"),
            (b"\xab", 1e20),
            ("nul\0", b"\xff\xfe"),
            ("lost", long_id),
            (long_id, "nul\0"),
        ):
            source.execute("INSERT INTO conversations VALUES (?, ?, ?, ?, ?)", (chat_id, user_id, "t" * 3000, long_id, at))
        for message_id, tool_calls in (("m1", b"\xff{"), ("m1", None), ("m2", "[" * 100_000), (long_id, None), ("m\0", 5)):
            source.execute(
                "INSERT INTO messages VALUES (?, 'c1', 'user', CAST(x'ff41' AS TEXT), ?, ?, 'ann')", (message_id, at, tool_calls)
            )
        source.execute("INSERT INTO messages VALUES ('m3', x'ab', 'user', 'mine', ?, NULL, 1e20)", (at,))
        source.commit()
    report = take_over(db, str(path), now=NOW)
    assert report.imported == {"user": 4, "chat": 3, "message": 4}
    assert report.reasons == {"its id is there twice": 3, "an id of more than 500 characters": 3, "its user could not be taken": 1}
    (chat,) = list_chats(db, Viewer("ann", "Ann")).items
    assert len(chat.title) == len(chat.model_name) == 200
    assert [message.content for message in open_thread(db, Viewer("ann", "Ann"), chat.id).messages] == ["\ufffdA"] * 3
    again = take_over(db, str(path), now=NOW)
    assert (again.imported, again.unchanged, again.reasons) == ({}, report.imported, report.reasons)


def test_users_that_cannot_be_told_apart_are_left_out(db: Database, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "older.db")) as source:
        source.executescript(
            "CREATE TABLE users (name); CREATE TABLE conversations (id, user_id);"
            "CREATE TABLE messages (id, conversation_id, role, content);"
            "INSERT INTO users VALUES ('Ann'); INSERT INTO conversations VALUES (1, 'ann');"
        )
    assert take_over(db, str(tmp_path / "older.db"), now=NOW).imported == {"user": 1, "chat": 1}


def test_times_that_cannot_be_read_are_reported(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "older.db"
    with closing(sqlite3.connect(path)) as source:
        source.executescript(OLDER_TABLES)
        source.executescript(
            "INSERT INTO conversations VALUES (1, 'ann', 'yesterday', '2025-12-01 08:00:00'), (2, 'ann', 'once', 'upon');"
            "INSERT INTO messages VALUES (1, 'ann', 1, 'user', 'a', NULL, '2025-12-01T09:00:00+02:00'),"
            " (2, 'ann', 1, 'user', 'b', NULL, 'tea time'),"
            " (3, 'ann', 2, 'user', 'c', NULL, '2025-12-01 08:00:00'), (4, 'ann', 1, 'user', 'd', NULL, '2025-12-01 06:59:59');"
        )
    report = take_over(db, str(path), now=NOW)
    assert {(row.kind, row.external_id): row.reason for row in report.skipped} == {
        ("chat", "2"): "bad time 'once'",
        ("message", "2"): "bad time 'tea time'",
        ("message", "3"): "its conversation is missing",
    }
    viewer = local_owner(db, now=NOW)
    (chat,) = list_chats(db, viewer).items
    assert chat.created_at == chat.updated_at
    assert [m.content for m in open_thread(db, viewer, chat.id).messages] == ["d", "a"]


def test_the_source_is_never_written(db: Database, any_older: Database) -> None:
    fill(any_older, TWO_PEOPLE)
    before = [rows(any_older, f"SELECT * FROM {table} ORDER BY id") for table in ("users", "conversations", "messages")]
    run(db, any_older)
    assert [rows(any_older, f"SELECT * FROM {table} ORDER BY id") for table in ("users", "conversations", "messages")] == before
    with any_older.read() as tx:
        assert sorted(sa.inspect(tx.connection()).get_table_names()) == ["conversations", "messages", "users"]


def many(older: Database, messages: int, chats: int) -> None:
    fill(older, "INSERT INTO users VALUES ('ann', NULL, 'Ann', NULL), ('bob', NULL, 'Bob', NULL)")
    with older.write() as tx:
        tx.execute(
            sa.text("INSERT INTO conversations VALUES (:id, :user, '2025-12-01 08:00:00', NULL)"),
            [{"id": n, "user": ("ann", "bob")[n % 2]} for n in range(chats)],
        )
        tx.execute(
            sa.text("INSERT INTO messages VALUES (:id, NULL, :chat, :role, :content, NULL, :at)"),
            [
                {
                    "id": n, "chat": n % chats, "role": ("user", "assistant")[n // chats % 2], "content": f"m{n}",
                    "at": f"2025-12-{n // 86400 + 1:02} {n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}",
                }
                for n in range(messages)
            ],
        )  # fmt: skip


def test_progress_is_told_in_small_transactions(db: Database, older: Database) -> None:
    many(older, messages=1100, chats=40)
    heard: list[tuple[int, int]] = []
    take_over(db, url_of(older), now=NOW, on_progress=lambda done, total: heard.append((done, total)))
    assert heard[-1] == (1100, 1100)
    assert len(heard) > 1
    assert rows(db, "SELECT count(*), max(id) - min(id) + 1 FROM chatmessage") == [(1100, 1100)]


# Above it a number is a time of SQLite, in microseconds since 1970.
YEAR_1971 = 31_536_000_000_000


def content(db: Database) -> list[tuple[object, ...]]:
    """What a person would see, without our own numbers."""
    found = rows(
        db,
        "SELECT r.external_id, m.content, m.role, m.created_at, m.user_id, c.title, c.message_count, p.content, l.content FROM importref r "
        "JOIN chatmessage m ON m.id = r.message_id JOIN chatsession c ON c.id = m.session_id LEFT JOIN chatmessage p ON p.id = m.parent_id "
        "JOIN chatmessage l ON l.id = c.current_message_id WHERE r.kind = 'message' ORDER BY m.id",
    )
    return [tuple(str(as_time(value) if isinstance(value, int) and value > YEAR_1971 else value)[:19] for value in row) for row in found]


def test_a_run_that_was_killed_is_gone_on_with(db: Database, any_older: Database, tmp_path: Path) -> None:
    many(any_older, messages=2000, chats=30)
    whole = open_database(f"sqlite:///{tmp_path / 'whole.db'}")
    init_db(whole)
    take_over(whole, url_of(any_older), now=NOW)
    program = (
        "import os, signal, sys; from datetime import UTC, datetime\n"
        "from chatcore.db import open_database; from chatcore.takeover import take_over\n"
        "def killed(done, total):\n    if done >= 750: os.kill(os.getpid(), signal.SIGKILL)\n"
        "take_over(open_database(sys.argv[1]), sys.argv[2], now=datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC), on_progress=killed)"
    )
    ended = subprocess.run([sys.executable, "-c", program, url_of(db), url_of(any_older)], cwd=ROOT, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert rows(db, "SELECT count(*) FROM chatmessage") == [(750,)]
    report = run(db, any_older)
    assert (report.imported["message"], report.unchanged["message"]) == (1250, 750)
    assert content(db) == content(whole)
    whole.close()


def test_plain_chats_beside_another_programs_users_are_taken_too(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "plain.db"
    with closing(sqlite3.connect(path)) as source:
        source.executescript(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR);"
            "CREATE TABLE chatsession (id CHAR(32) PRIMARY KEY, title VARCHAR, provider VARCHAR, model_name VARCHAR,"
            " created_at DATETIME, updated_at DATETIME);"
            "CREATE TABLE chatmessage (id CHAR(32) PRIMARY KEY, session_id CHAR(32), role VARCHAR, content VARCHAR, created_at DATETIME);"
            "INSERT INTO users VALUES (1, 'ann@example.org');"
            "INSERT INTO chatsession VALUES ('aa', 'Tea', 'ollama', 'qwen3:4b', '2025-12-01 08:00:00', '2025-12-01 08:00:00');"
            "INSERT INTO chatmessage VALUES ('bb', 'aa', 'user', 'Which?', '2025-12-01 08:00:00');"
        )
    take_over(db, str(path), now=NOW)
    (chat,) = list_chats(db, local_owner(db, now=NOW)).items
    assert (chat.title, chat.provider, chat.model_name, chat.message_count) == ("Tea", "ollama", "qwen3:4b", 1)


def test_a_source_that_cannot_be_used_is_named_with_a_way_out(db: Database, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "other.db").executescript("CREATE TABLE note (id INTEGER)").connection.close()
    (tmp_path / "text.db").write_text("this is not a database, but a letter to a friend. " * 100)
    for address, said in (
        ("", "cannot be found"),
        ("mysql://host/db", "cannot be found"),
        ("postgresql://[::1/db", "cannot be found"),
        ("x" * 5000, "cannot be found"),
        (str(tmp_path / "gone.db"), "cannot be found"),
        (f"sqlite:///{tmp_path / 'gone.db'}", "There is no file"),
        (f"sqlite:///{tmp_path / 'other.db'}", "no tables conversations and messages"),
        (f"sqlite:///{tmp_path / 'text.db'}", "not a usable SQLite database"),
        ("postgresql://nobody@127.0.0.1:1/none", "does not answer"),
        (url_of(db), "itself uses"),
    ):
        with pytest.raises(ChatcoreError, match=said) as refused:
            take_over(db, address, now=NOW)
        assert refused.value.hint, address
    assert not (tmp_path / "gone.db").exists()


def test_another_chatcore_database_is_not_an_older_one(db: Database, tmp_path: Path) -> None:
    other = open_database(f"sqlite:///{tmp_path / 'other.db'}")
    init_db(other)
    with pytest.raises(Invalid, match="chatcore database already"):
        run(db, other)
    other.close()
