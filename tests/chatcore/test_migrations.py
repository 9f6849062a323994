"""Any database comes to the newest schema, keeps its rows, and stays as it was if that fails."""

import json
import logging
import sqlite3
import subprocess
import sys
import uuid
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.sql.schema import ForeignKeyConstraint, SchemaItem
from sqlmodel import SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.accounts import LOCAL_OWNER_ID, local_owner
from chatcore.db import Database, init_db, open_database
from chatcore.errors import Invalid
from chatcore.history import append, list_chats
from chatcore.migrations import run, search_index
from chatcore.parts import Viewer
from chatcore.search import search
from chatcore.search.build import build_index
from chatcore.thread import open_thread
from tests.chatcore.older_schemas import CHAT_A, CHAT_B, ROWS_0001, migrate_to, rows, run_script
from tests.conftest import NOW

STARTS = 2

OLD_INDEX = (
    "ALTER TABLE message_search DROP COLUMN session_id CASCADE",
    "DROP FUNCTION search_pairs CASCADE",
    "DROP TRIGGER search_message_insert ON chatmessage",
    "DROP TRIGGER search_message_changed ON chatmessage",
)
PLAIN_SQLITE = """
CREATE TABLE chatsession (id CHAR(32) NOT NULL PRIMARY KEY, title VARCHAR NOT NULL, provider VARCHAR NOT NULL, model_name VARCHAR NOT NULL,
  created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL);
CREATE TABLE chatmessage (id {id_type} PRIMARY KEY, session_id CHAR(32), role VARCHAR, content VARCHAR, created_at DATETIME,
  FOREIGN KEY(session_id) REFERENCES chatsession (id) ON DELETE CASCADE);
CREATE INDEX ix_chatmessage_created_at ON chatmessage (created_at)
"""
PLAIN_POSTGRESQL = """
CREATE TABLE chatsession (id UUID NOT NULL PRIMARY KEY, title VARCHAR NOT NULL, provider VARCHAR NOT NULL, model_name VARCHAR NOT NULL,
  created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL);
CREATE TABLE chatmessage (id {id_type} PRIMARY KEY, session_id UUID, role VARCHAR, content VARCHAR, created_at TIMESTAMP,
  FOREIGN KEY(session_id) REFERENCES chatsession (id) ON DELETE CASCADE DEFERRABLE);
CREATE INDEX ix_chatmessage_created_at ON chatmessage (created_at)
"""


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    """An open database without any table, once for each engine."""
    database = open_database(empty_database_url)
    yield database
    database.close()


@contextmanager
def unenforced(database: Database) -> Iterator[sa.Connection]:
    """A connection that may write what the keys forbid, as programs on SQLite do that never switched them on."""
    if database.is_sqlite:
        with database.migration() as connection:
            yield connection
        return
    with database.connect() as connection, connection.begin():
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        yield connection


def make_plain(database: Database, *, integer_ids: bool = True) -> None:
    """The specification's two tables, as SQLModel.metadata.create_all makes them, with two chats."""
    script = PLAIN_SQLITE if database.is_sqlite else PLAIN_POSTGRESQL
    uuid_type = "CHAR(32)" if database.is_sqlite else "UUID"
    run_script(database, script.format(id_type="INTEGER" if integer_ids else uuid_type))
    with database.write() as tx:
        for chat_id, title, model in ((CHAT_A, "Tea", "minimax-m2:cloud"), (CHAT_B, "Travel", "qwen3:4b")):
            tx.execute(
                sa.text(
                    "INSERT INTO chatsession VALUES (:id, :title, 'ollama', :model, '2025-12-20 08:00:00', '2025-12-21 09:30:00.250000')"
                ),
                {"id": chat_id.hex, "title": title, "model": model},
            )


def add_message(database: Database, message_id: object, chat_id: uuid.UUID | None, role: str, content: str | None, at: str | None) -> None:
    with unenforced(database) as connection:
        connection.execute(
            sa.text("INSERT INTO chatmessage (id, session_id, role, content, created_at) VALUES (:id, :chat, :role, :content, :at)"),
            {"id": message_id, "chat": chat_id.hex if chat_id else None, "role": role, "content": content, "at": at},
        )


# SQLAlchemy reads from SQLite neither the name nor the action of a key that came with ADD COLUMN: a test reads them itself.
KEYS_OF_ADDED_COLUMNS = (["folder_id"], ["run_id"], ["continued_from"])


def is_modelled(name: str | None, kind: str, _: object) -> bool:
    """The tables of the search index differ between the engines and have no models; the indexes for the orders of a list are on
    expressions, in part, which Alembic cannot compare."""
    if kind == "index":
        return not (name or "").startswith("ix_chatsession_by_")
    return kind != "table" or name not in (*search_index.TABLES, *search_index.SHADOWS)


def differences(database: Database) -> list[object]:
    """What Alembic would still change to make the database like the models."""

    def compared(item: SchemaItem, name: str | None, kind: str, reflected: bool, other: SchemaItem | None) -> bool:
        return not (database.is_sqlite and isinstance(item, ForeignKeyConstraint) and item.column_keys in KEYS_OF_ADDED_COLUMNS)

    options = {"compare_type": True, "compare_server_default": True, "include_object": compared, "include_name": is_modelled}
    with database.connect() as connection, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipped unsupported reflection of expression-based index ix_chatsession_by_")
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, SQLModel.metadata))


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(run.FOLDER))
    assert ScriptDirectory.from_config(config).get_current_head() == run.HEAD
    assert max(run.known_revisions()) == run.HEAD


def test_migrations_never_import_the_models() -> None:
    for path in [*run.FOLDER.rglob("*.py")]:
        assert "chatcore.models" not in path.read_text(), path


def test_an_empty_database_becomes_what_the_models_say(empty: Database) -> None:
    init_db(empty)
    assert differences(empty) == []
    assert rows(empty, "SELECT version_num FROM alembic_version") == [(run.HEAD,)]


def test_the_key_of_an_added_column_is_what_the_models_say(sqlite_template: Path) -> None:
    with closing(sqlite3.connect(sqlite_template)) as file:
        keys = file.execute("PRAGMA foreign_key_list(chatsession)").fetchall()
    added = [row for row in keys if [row[3]] in KEYS_OF_ADDED_COLUMNS]
    # Columns: id, seq, table, from, to, on_update, on_delete, match.
    assert sorted(row[2:7] for row in added) == [
        ("chatmessage", "continued_from", "id", "NO ACTION", "SET NULL"),
        ("folder", "folder_id", "id", "NO ACTION", "SET NULL"),
    ]


def test_every_model_is_named_among_our_tables() -> None:
    assert set(run.TABLES) == set(SQLModel.metadata.tables)


def test_a_database_at_head_is_left_alone_without_importing_alembic(migrated_database_url: str) -> None:
    program = (
        "import sys; from chatcore.db import open_database, init_db; d = open_database(sys.argv[1]); init_db(d); d.close(); "
        "assert not any(name.startswith('alembic') for name in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program, migrated_database_url], check=True, timeout=60, cwd=run.FOLDER.parent.parent
    )


def test_init_twice_changes_nothing(empty: Database) -> None:
    init_db(empty)
    viewer = local_owner(empty, now=NOW)
    init_db(empty)
    assert local_owner(empty, now=NOW) == viewer


def test_two_programs_that_start_at_once_both_succeed(empty_database_url: str) -> None:
    program = (
        "import sys; from chatcore.db import open_database, init_db; print('ready', flush=True); sys.stdin.readline(); "
        "d = open_database(sys.argv[1]); init_db(d); d.close()"
    )
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_database_url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=run.FOLDER.parent.parent,
        )
        for _ in range(STARTS)
    ]  # fmt: skip
    for start in starts:
        assert start.stdout is not None
        assert start.stdout.readline() == "ready\n"
    for start in starts:
        assert start.stdin is not None
        start.stdin.write("go\n")
        start.stdin.flush()
    for start in starts:
        _, said = start.communicate(timeout=60)
        assert start.returncode == 0, said
    database = open_database(empty_database_url)
    assert rows(database, "SELECT version_num FROM alembic_version") == [(run.HEAD,)]
    database.close()


# --- the specification's plain tables ----------------------------------------------------------------------------


def test_plain_tables_keep_their_chats_and_messages(empty: Database) -> None:
    make_plain(empty)
    add_message(empty, 7, CHAT_A, "assistant", "Green, at **80 degrees**.", "2025-12-20 08:00:09")
    add_message(empty, 9, CHAT_A, "user", "Which tea?", "2025-12-20 08:00:01.500000")
    add_message(empty, 8, CHAT_B, "user", "Where to?", "2025-12-20 08:00:05")
    init_db(empty)
    assert differences(empty) == []

    viewer = local_owner(empty, now=NOW)
    assert (viewer.user_id, viewer.name, viewer.is_owner) == (LOCAL_OWNER_ID, "You", True)
    chats = {chat.id: chat for chat in list_chats(empty, viewer).items}
    tea = chats[CHAT_A]
    assert (tea.title, tea.provider, tea.model_name, tea.message_count) == ("Tea", "ollama", "minimax-m2:cloud", 2)
    assert tea.created_at.isoformat() == "2025-12-20T08:00:00+00:00"
    assert tea.updated_at.isoformat() == "2025-12-21T09:30:00.250000+00:00"
    assert tea.last_message_at is not None
    assert tea.last_message_at.isoformat() == "2025-12-20T08:00:09+00:00"
    assert tea.last_snippet == "Green, at 80 degrees."
    thread = open_thread(empty, viewer, CHAT_A).messages
    assert [(m.role, m.content) for m in thread] == [("user", "Which tea?"), ("assistant", "Green, at **80 degrees**.")]
    assert thread[0].created_at.isoformat() == "2025-12-20T08:00:01.500000+00:00"
    assert thread[1].parent_id == thread[0].id
    assert tea.current_message_id == thread[1].id
    assert chats[CHAT_B].message_count == 1
    assert rows(empty, "SELECT count(*) FROM unmigrated_row") == [(0,)]
    assert rows(empty, "SELECT count(*) FROM usage_dirty") == [(1,)]


def test_a_chat_goes_on_after_its_rows_were_carried(empty: Database) -> None:
    make_plain(empty)
    add_message(empty, 1, CHAT_A, "user", "Which tea?", "2025-12-20 08:00:01")
    init_db(empty)
    viewer = local_owner(empty, now=NOW)
    said = append(empty, viewer, CHAT_A, role="assistant", content="Green.", now=NOW)
    assert [m.id for m in open_thread(empty, viewer, CHAT_A).messages] == [said.parent_id, said.id]


def test_plain_messages_with_uuids_keep_the_order_they_were_written_in(empty: Database) -> None:
    make_plain(empty, integer_ids=False)
    for number, content in ((9, "first"), (3, "second"), (5, "third")):
        add_message(empty, uuid.UUID(int=number).hex, CHAT_A, "user", content, "2025-12-20 08:00:01")
    init_db(empty)
    viewer = local_owner(empty, now=NOW)
    assert [m.content for m in open_thread(empty, viewer, CHAT_A).messages] == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("written", "role"),
    [("USER", "user"), ("human", "user"), ("ai", "assistant"), ("bot", "assistant"), ("Model", "assistant"), (" Assistant ", "assistant")],
)
def test_roles_under_other_names_are_understood(empty: Database, written: str, role: str) -> None:
    make_plain(empty)
    add_message(empty, 1, CHAT_A, written, "hello", "2025-12-20 08:00:01")
    init_db(empty)
    assert rows(empty, "SELECT role FROM chatmessage") == [(role,)]


def test_rows_without_a_place_are_kept_with_their_reason(empty: Database, caplog: pytest.LogCaptureFixture) -> None:
    make_plain(empty)
    gone = uuid.UUID(int=77)
    add_message(empty, 1, CHAT_A, "user", "hello", "2025-12-20 08:00:01")
    add_message(empty, 2, CHAT_A, "system", "be nice", "2025-12-20 08:00:02")
    add_message(empty, 3, gone, "user", "lost", "2025-12-20 08:00:03")
    add_message(empty, 4, CHAT_A, "user", None, "2025-12-20 08:00:04")
    add_message(empty, 5, CHAT_A, "assistant", "hi", "2025-12-20 08:00:05")
    with caplog.at_level(logging.INFO, logger="chatcore.migrations"):
        init_db(empty)
    left = {str(row[0]): row for row in rows(empty, "SELECT external_id, table_name, user_id, reason, row_json FROM unmigrated_row")}
    assert {key: row[3] for key, row in left.items()} == {"2": "unknown role 'system'", "3": "its chat is not there", "4": "no content"}
    assert all(row[1:3] == ("chatmessage", LOCAL_OWNER_ID) for row in left.values())
    assert json.loads(str(left["2"][4]))["content"] == "be nice"
    assert rows(empty, "SELECT content FROM chatmessage ORDER BY id") == [("hello",), ("hi",)]
    assert "1 x chatmessage: no content" in caplog.text
    assert "Carried 2 chats and 2 messages" in caplog.text


def test_what_a_row_says_beyond_our_columns_is_kept(empty: Database) -> None:
    make_plain(empty)
    run_script(empty, "ALTER TABLE chatmessage ADD COLUMN tokens INTEGER; ALTER TABLE chatmessage ADD COLUMN tool_calls TEXT")
    add_message(empty, 1, CHAT_A, "user", "hello", "2025-12-20 08:00:01")
    add_message(empty, 2, CHAT_A, "assistant", "hi", "2025-12-20 08:00:02")
    run_script(empty, "UPDATE chatmessage SET tokens = 12, tool_calls = '[]' WHERE id = 2")
    init_db(empty)
    assert rows(empty, "SELECT tool_calls FROM chatmessage ORDER BY id") == [(None,), ("[]",)]
    assert rows(empty, "SELECT external_id, reason FROM unmigrated_row") == [("2", "no place for tokens")]
    assert json.loads(str(rows(empty, "SELECT row_json FROM unmigrated_row")[0][0])) == {"id": 2, "tokens": 12}


def test_missing_columns_and_times_get_sensible_values(empty: Database) -> None:
    uuid_type = "VARCHAR" if empty.is_sqlite else "UUID"
    run_script(
        empty,
        f"CREATE TABLE chatsession (id {uuid_type} PRIMARY KEY, created_at TIMESTAMP);"
        f"CREATE TABLE chatmessage (id INTEGER PRIMARY KEY, session_id {uuid_type}, role VARCHAR, content TEXT);"
        f"INSERT INTO chatsession VALUES ('{CHAT_A}', '2025-12-20 08:00:00');"
        f"INSERT INTO chatsession VALUES ('{CHAT_B}', NULL);"
        f"INSERT INTO chatmessage VALUES (2, '{CHAT_A}', 'assistant', 'two'), (1, '{CHAT_A}', 'user', 'one')",
    )
    init_db(empty)
    viewer = local_owner(empty, now=NOW)
    thread = open_thread(empty, viewer, CHAT_A)
    assert (thread.chat.title, thread.chat.provider, thread.chat.model_name) == ("New Conversation", "ollama", "minimax-m2:cloud")
    assert [(m.content, m.created_at.isoformat()) for m in thread.messages] == [
        ("one", "2025-12-20T08:00:00+00:00"), ("two", "2025-12-20T08:00:00+00:00"),
    ]  # fmt: skip
    assert {chat.id for chat in list_chats(empty, viewer).items} == {CHAT_A, CHAT_B}


def test_plain_tables_without_rows_are_taken_too(empty: Database) -> None:
    make_plain(empty)
    run_script(empty, "DELETE FROM chatsession")
    init_db(empty)
    assert differences(empty) == []


def test_ten_thousand_plain_messages_are_carried_in_order(empty: Database) -> None:
    make_plain(empty)
    with empty.write() as tx:
        tx.execute(
            sa.text("INSERT INTO chatmessage (id, session_id, role, content, created_at) VALUES (:id, :chat, :role, :content, :at)"),
            [
                {
                    "id": number, "chat": (CHAT_A, CHAT_B)[number % 2].hex, "role": ("user", "assistant")[number // 2 % 2],
                    "content": f"m{number}", "at": f"2025-12-20 {number // 3600 + 8:02}:{number // 60 % 60:02}:{number % 60:02}",
                }
                for number in range(10_000)
            ],
        )  # fmt: skip
    init_db(empty)
    assert rows(empty, "SELECT message_count FROM chatsession") == [(5000,), (5000,)]
    parents = "SELECT count(*) FROM chatmessage m JOIN chatmessage p ON p.id = m.parent_id"
    misplaced = f"{parents} WHERE p.created_at > m.created_at OR p.session_id <> m.session_id"
    assert rows(empty, misplaced) == [(0,)]
    assert rows(empty, "SELECT count(*) FROM chatmessage WHERE parent_id IS NULL") == [(2,)]


# --- from an older schema of ours --------------------------------------------------------------------------------


def all_rows(database: Database) -> dict[str, list[dict[str, object]]]:
    with database.write() as tx:
        names = sorted(set(sa.inspect(tx.connection()).get_table_names()) - {"alembic_version"})
        return {name: [dict(row) for row in tx.execute(sa.text(f"SELECT * FROM {name} ORDER BY 1")).mappings()] for name in names}


def test_folders_come_to_a_database_that_is_in_use_and_every_row_stays(empty: Database) -> None:
    migrate_to(empty, "0001")
    run_script(empty, ROWS_0001.format(chat=CHAT_A.hex, trashed=CHAT_B.hex))
    before = all_rows(empty)
    migrate_to(empty, "0002")
    after = all_rows(empty)
    for row in before["chatsession"]:
        row["folder_id"] = None
    # The time of a chat in the trash begins with the migration that limits it.
    assert [row["deleted_at"] is None for row in after["chatsession"]] == [row.pop("deleted_at") is None for row in before["chatsession"]]
    moments = [row.pop("deleted_at") for row in after["chatsession"]]
    assert [str(when).removesuffix("+00:00") for when in moments if when] == [
        f"{NOW:%Y-%m-%d %H:%M:%S}{'.000000' if empty.is_sqlite else ''}"
    ]
    assert {name: after[name] for name in before} == before
    assert {name: after[name] for name in after.keys() - before.keys()} == {"folder": [], "saved_search": []}
    init_db(empty)
    assert differences(empty) == []


def test_settings_come_to_a_database_that_is_in_use_and_every_row_stays(empty: Database) -> None:
    migrate_to(empty, "0005")
    run_script(empty, ROWS_0001.format(chat=CHAT_A.hex, trashed=CHAT_B.hex))
    before = all_rows(empty)
    migrate_to(empty, "0006")
    after = all_rows(empty)
    for row in before["chatsession"]:
        row |= {"system_prompt": None, "think": None, "options": None}
    for row in before["generation"]:
        row |= {"reasoning_s": None, "context_window": None}
    assert {name: after[name] for name in before} == before
    assert {name: after[name] for name in after.keys() - before.keys()} == {"preset": [], "prompt": []}
    init_db(empty)
    assert differences(empty) == []


FILES_0007 = """
INSERT INTO attachment (id, user_id, message_id, name, media_type, size_bytes, sha256, created_at, content) VALUES
  (1, 'ada', 1, 'a.txt', 'text/plain', 1, 'aa', '2026-01-01', {content}),
  (2, 'ada', 1, 'b.txt', 'text/plain', 1, 'aa', '2026-01-01', {content})
"""


def test_contents_of_attachments_move_to_their_own_table_once(empty: Database) -> None:
    migrate_to(empty, "0007")
    run_script(empty, ROWS_0001.format(chat=CHAT_A.hex, trashed=CHAT_B.hex))
    run_script(empty, FILES_0007.format(content="x'61'" if empty.is_sqlite else "'a'"))
    before = all_rows(empty)
    migrate_to(empty, "0008")
    after = all_rows(empty)
    for row in before["attachment"]:
        assert row.pop("content") == b"a"
    assert {name: after[name] for name in before} == before
    (kept,) = after["attachment_content"]
    assert (kept["user_id"], kept["sha256"], kept["size_bytes"], kept["content"], kept["text"]) == ("ada", "aa", 1, b"a", None)
    init_db(empty)
    assert differences(empty) == []
    run_script(empty, "DELETE FROM attachment WHERE id = 1")
    assert rows(empty, "SELECT count(*) FROM attachment_content") == [(1,)]
    run_script(empty, "DELETE FROM attachment WHERE id = 2")
    assert rows(empty, "SELECT count(*) FROM attachment_content") == [(0,)]


def test_what_waits_comes_to_a_database_that_is_in_use_and_every_row_stays(empty: Database) -> None:
    migrate_to(empty, "0008")
    run_script(empty, ROWS_0001.format(chat=CHAT_A.hex, trashed=CHAT_B.hex))
    before = all_rows(empty)
    migrate_to(empty, "0010")
    after = all_rows(empty)
    assert {name: after[name] for name in before} == before
    assert {name: after[name] for name in after.keys() - before.keys()} == {"user_setting": [], "queued_prompt": []}
    init_db(empty)
    assert differences(empty) == []


# --- what is refused, and what a failure leaves ------------------------------------------------------------------


def test_a_search_index_of_a_development_version_is_made_anew(empty: Database) -> None:
    migrate_to(empty, "0003")
    # On SQLite it was the same.
    old = () if empty.is_sqlite else OLD_INDEX
    with empty.connect() as connection, connection.begin():
        for statement in old:
            connection.exec_driver_sql(statement)
    run_script(empty, ROWS_0001.format(chat=CHAT_A.hex, trashed=CHAT_B.hex).replace("Which?", "Why are there two tides?"))
    init_db(empty)
    build_index(empty)
    assert [hit.message_id for hit in search(empty, Viewer("ada", "Ada"), '"two tides"', now=NOW).hits] == [1]


@pytest.mark.parametrize("table", ["users", "tag", "feedback"])
def test_another_programs_database_is_refused_with_a_way_out(empty: Database, table: str) -> None:
    run_script(empty, f"CREATE TABLE {table} (id VARCHAR PRIMARY KEY, email VARCHAR)")
    with pytest.raises(Invalid) as refused:
        init_db(empty)
    assert f"already has a table {table}" in refused.value.message
    assert "python -m chatcore import --from" in refused.value.hint
    with empty.read() as tx:
        assert sa.inspect(tx.connection()).get_table_names() == [table]


def test_a_newer_schema_is_refused(db: Database) -> None:
    with db.write() as tx:
        tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Invalid, match="newer chatcore"):
        init_db(db)


def put_in_the_way(database: Database) -> None:
    """An index of another table with the name of one of ours: the migration fails when all tables are made."""
    run_script(database, "CREATE TABLE note (id INTEGER PRIMARY KEY); CREATE INDEX ix_unmigrated_row_user_id ON note (id)")


def test_a_failed_migration_leaves_everything_as_it_was(empty: Database) -> None:
    make_plain(empty)
    add_message(empty, 1, CHAT_A, "user", "hello", "2025-12-20 08:00:01")
    put_in_the_way(empty)
    with pytest.raises(Invalid, match=rf"could not be migrated to {run.HEAD}: .*ix_unmigrated_row_user_id.* already exists") as failed:
        init_db(empty)
    assert "Nothing was changed" in failed.value.hint
    with empty.read() as tx:
        assert sorted(sa.inspect(tx.connection()).get_table_names()) == ["chatmessage", "chatsession", "note"]
    assert rows(empty, "SELECT role, content FROM chatmessage") == [("user", "hello")]
    run_script(empty, "DROP TABLE note")
    init_db(empty)
    assert rows(empty, "SELECT role, content FROM chatmessage") == [("user", "hello")]


# --- the backup, which SQLite gets -------------------------------------------------------------------------------


@pytest.fixture
def plain_file(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file with the plain tables, opened."""
    database = open_database(f"sqlite:///{tmp_path / 'chats 50%.db'}")
    make_plain(database)
    yield database
    database.close()


def backups(database: Database) -> list[Path]:
    return sorted(Path(str(database.url.database)).parent.glob("*.backup-*"))


def test_a_backup_is_written_before_a_migration(plain_file: Database) -> None:
    add_message(plain_file, 1, CHAT_A, "user", "hello", "2025-12-20 08:00:01")
    init_db(plain_file)
    (backup,) = backups(plain_file)
    assert backup.name.startswith("chats 50%.db.backup-plain-2")
    assert backup.name.endswith("Z")
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("SELECT content FROM chatmessage").fetchall() == [("hello",)]
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_empty_file_and_one_at_head_get_no_backup(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'new.db'}")
    init_db(database)
    init_db(database)
    assert backups(database) == []
    database.close()


def test_a_failed_migration_names_its_backup(plain_file: Database) -> None:
    put_in_the_way(plain_file)
    with pytest.raises(Invalid) as failed:
        init_db(plain_file)
    assert str(backups(plain_file)[0]) in failed.value.hint


def test_without_a_backup_nothing_is_migrated(plain_file: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copymode", no_room)
    with pytest.raises(Invalid, match="cannot be written"):
        init_db(plain_file)
    assert backups(plain_file) == []
    assert rows(plain_file, "SELECT name FROM sqlite_master WHERE name = 'users'") == []


def test_a_row_that_points_nowhere_after_a_migration_stops_it(plain_file: Database) -> None:
    run_script(plain_file, "CREATE TABLE note (id INTEGER PRIMARY KEY, chat CHAR(32) REFERENCES chatsession(id))")
    with unenforced(plain_file) as connection:
        connection.execute(sa.text("INSERT INTO note VALUES (1, 'nowhere')"))
    init_db(plain_file)
    with plain_file.migration() as connection:
        connection.execute(sa.text("INSERT INTO chattag (session_id, tag_id, user_id) VALUES ('x', 1, 'nobody')"))
        with pytest.raises(Invalid, match="A row of chattag"):
            run.check_foreign_keys(connection)
        connection.execute(sa.text("DELETE FROM chattag"))
