"""Times are numbers and ids of chats bytes on SQLite, aware times and UUIDs to everybody; older files become so and lose nothing."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import cast

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

from chatcore.backup.source import SqliteSource
from chatcore.columns import ChatId, Time, as_number, as_time
from chatcore.db import Database, init_db, open_database
from chatcore.doctor import Level, examine
from chatcore.errors import Invalid
from chatcore.history import append
from chatcore.migrations import run
from chatcore.migrations.stored import AS_NUMBERS, AS_TEXT
from chatcore.models import User
from chatcore.parts import Viewer
from chatcore.search import search
from chatcore.search.build import build_index
from tests.chatcore.older_schemas import CHAT_A, CHAT_B, ROWS_0001, migrate_to, rows, run_script
from tests.conftest import NOW

USERS = SQLModel.metadata.tables["users"]
# Not the very first and last day, which another zone has not.
EVER = st.integers(as_number(datetime(1, 1, 2, tzinfo=UTC)), as_number(datetime(9999, 12, 30, tzinfo=UTC))).map(as_time)
HERE = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])


@settings(max_examples=80)
@given(EVER, EVER, HERE)
def test_a_time_is_the_same_again_and_numbers_are_in_the_order_of_times(one: datetime, other: datetime, zone: timezone) -> None:
    one = one.astimezone(zone)
    assert as_time(as_number(one)) == one
    assert as_time(as_number(one)).tzinfo is UTC
    assert (as_number(one) < as_number(other)) == (one < other)


@settings(max_examples=80)
@given(EVER)
@example(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
def test_triggers_find_the_second_and_the_day_in_a_number_as_they_did_in_a_text(at: datetime) -> None:
    text = at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    with sqlite3.connect(":memory:") as file:
        second, day = AS_NUMBERS.second.format(":number"), AS_NUMBERS.day.format(":number")
        was_second, was_day = AS_TEXT.second.format(":text"), AS_TEXT.day.format(":text")
        same = f"SELECT {second} = {was_second}, {day} = {was_day}"
        assert file.execute(same, {"number": as_number(at), "text": text}).fetchone() == (1, 1)


def test_every_time_and_every_id_of_a_chat_is_of_the_two_types() -> None:
    """A column of another type would be text on SQLite: write `sa_type=Time` or `sa_type=ChatId`."""
    columns = [column for table in SQLModel.metadata.tables.values() for column in table.columns]
    others = [
        column for column in columns if isinstance(column.type, sa.Uuid | sa.DateTime | UTCDateTime) and column.type not in (Time, ChatId)
    ]
    assert others == []
    assert {str(column.type.compile(sqlite.dialect())) for column in columns if column.type is Time} == {"DATETIME"}


def test_a_time_of_any_zone_comes_back_in_utc_and_one_without_is_refused(db: Database) -> None:
    there = timezone(timedelta(hours=5, minutes=30))
    with db.write() as tx:
        tx.add(User(id="a", name="A", created_at=NOW.astimezone(there)))
    with db.read() as tx:
        found = tx.execute(sa.select(USERS.c.created_at).where(USERS.c.created_at >= NOW.astimezone(there))).scalar_one()
    assert (found, found.utcoffset()) == (NOW, timedelta(0))
    with pytest.raises(sa.exc.StatementError), db.write() as tx:
        tx.add(User(id="b", name="B", created_at=NOW.replace(tzinfo=None)))


# --- files of older versions -------------------------------------------------------------------------------------

ROWS_0019 = """
UPDATE users SET created_at = '1969-12-31 23:59:59.999999';
UPDATE chatmessage SET created_at = '2026-01-01 00:00:00.25' WHERE id = 2;
INSERT INTO attachment_content (user_id, sha256, size_bytes, content) VALUES ('ada', 'aa', 1, x'61');
INSERT INTO attachment (user_id, message_id, name, media_type, size_bytes, sha256, created_at)
  VALUES ('ada', 1, 'a', 'text/plain', 1, 'aa', '2026-01-01');
INSERT INTO chatmessage (id, session_id, user_id, parent_id, role, created_at, content)
  VALUES (3, '{chat}', 'ada', 1, 'assistant', '0001-01-01 00:00:00.000000', 'Black.');
INSERT INTO comparison (user_id, session_id, left_message_id, right_message_id, left_provider, left_model_name, right_provider,
  right_model_name, is_blind, created_at) VALUES ('ada', '{chat}', 2, 3, 'p', 'm', 'p', 'm', 0, '9999-12-31 23:59:59.999999');
INSERT INTO importref (source, kind, external_id, user_id, session_id, imported_at)
  VALUES ('s', 'chat', '1', 'ada', '{chat}', '2026-01-01');
INSERT INTO import_run (user_id, format, file_name, fingerprint, state, started_at, finished_at)
  VALUES ('ada', 'f', 'n', 'p', 'complete', '2026-01-01 00:00:00.000001', '2026-01-01 00:00:01');
INSERT INTO saved_search (user_id, name, query, created_at) VALUES ('ada', 'n', 'q', '2026-01-01');
INSERT INTO preset (user_id, name, created_at) VALUES ('ada', 'n', '2026-01-01');
INSERT INTO prompt (user_id, name, text, created_at) VALUES ('ada', 'n', 't', '2026-01-01');
INSERT INTO tool_permission (user_id, session_id, tool, decision) VALUES ('ada', '{chat}', 't', 'ask');
INSERT INTO queued_prompt (user_id, session_id, text, provider, model_name, created_at)
  VALUES ('ada', '{chat}', 't', 'p', 'm', '2026-01-01');
INSERT INTO title_usage (user_id, session_id, provider, model_name, started_at, duration_s, input_tokens, output_tokens, usage_source)
  VALUES ('ada', '{chat}', 'p', 'm', '2026-01-01', 1, 1, 1, 'reported');
INSERT INTO share_link (user_id, session_id, token, token_hash, title, created_at, taken_at, messages, size_bytes, page)
  VALUES ('ada', '{chat}', '{token}', '{token}', 't', '2026-01-01', '2026-01-01', 1, 1, x'61')
"""


@pytest.fixture
def at_0019(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file of the schema that kept times and ids as text, with a row in every table that has any."""
    database = open_database(f"sqlite:///{tmp_path / 'chats.db'}")
    migrate_to(database, "0019")
    run_script(database, ROWS_0001.format(chat=CHAT_A.hex, trashed=CHAT_B.hex))
    run_script(database, ROWS_0019.format(chat=CHAT_A.hex, token="0" * 64))
    yield database
    database.close()


def things_of(database: Database) -> set[tuple[object, ...]]:
    """Tables, indexes, views and triggers with their statements."""
    return set(rows(database, "SELECT type, name, sql FROM sqlite_master"))


def lines_of(database: Database) -> dict[str, list[bytes]]:
    """Every row of our tables as a copy has it, whichever way the file keeps it."""
    with database.connect() as connection, connection.begin():
        source = SqliteSource(cast("sqlite3.Connection", connection.connection.driver_connection), "here")
        return {table.name: [block.content for block in source.blocks(table)] for table in source.tables}


def kinds_in(database: Database, table: str, column: str) -> set[object]:
    """As what SQLite has the values of a column."""
    return {kind for (kind,) in rows(database, f"SELECT DISTINCT typeof({column}) FROM {table}")}


def test_times_and_ids_become_numbers_and_bytes_and_say_what_they_said(at_0019: Database, sqlite_template: Path) -> None:
    before, guesses = lines_of(at_0019), rows(at_0019, "SELECT * FROM sqlite_stat1 ORDER BY 1, 2")
    pages = rows(at_0019, "SELECT count(*) FROM usage_dirty")
    init_db(at_0019)
    build_index(at_0019)
    assert lines_of(at_0019) == before
    timed = "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c WHERE c.type IN ('DATETIME', 'CHAR(32)')"
    columns = rows(at_0019, f"{timed} AND m.type = 'table' AND m.name NOT LIKE 'plain%'")
    kinds = {(table, name): kinds_in(at_0019, str(table), str(name)) for table, name, _ in columns}
    wanted = {(table, name): {"integer", "null"} if kind == "DATETIME" else {"blob", "null"} for table, name, kind in columns}
    assert {place: found - wanted[place] for place, found in kinds.items() if found - wanted[place]} == {}
    assert {table for table, _, _ in columns} == {table for (table, _), found in kinds.items() if found - {"null"}}
    assert rows(at_0019, "SELECT created_at FROM chatmessage ORDER BY id") == [
        (1767225600000000,),
        (1767225600250000,),
        (-62135596800000000,),
    ]
    assert rows(at_0019, "SELECT created_at FROM users") == [(-1,)]
    assert rows(at_0019, "PRAGMA foreign_key_check") == []
    # The days it had marked are those it has marked: a change of form is no change.
    assert rows(at_0019, "SELECT count(*) FROM usage_dirty") == pages
    assert rows(at_0019, "SELECT * FROM sqlite_stat1 ORDER BY 1, 2") == guesses
    new = open_database(f"sqlite:///{sqlite_template}")
    assert things_of(at_0019) == things_of(new)
    new.close()


def test_what_is_found_and_counted_goes_on_after_times_became_numbers(at_0019: Database) -> None:
    init_db(at_0019)
    build_index(at_0019)
    ada = Viewer("ada", "Ada")
    assert [hit.message_id for hit in search(at_0019, ada, "green", now=NOW).hits] == [2]
    said = append(at_0019, ada, CHAT_A, role="user", content="And coffee?", now=NOW)
    assert [hit.message_id for hit in search(at_0019, ada, f"coffee chat:{CHAT_A} after:2026-03-14", now=NOW).hits] == [said.id]
    day = (NOW - datetime(1970, 1, 1, tzinfo=UTC)).days
    assert rows(at_0019, f"SELECT count(*) FROM usage_dirty WHERE user_id = 'ada' AND day = {day}") == [(1,)]
    assert examine(at_0019, now=NOW, thorough=True)[2].level is Level.OK
    assert [
        finding
        for finding in examine(at_0019, now=NOW, thorough=True)
        if finding.check in ("every word", "searchable titles") and finding.level is not Level.OK
    ] == []


def test_a_time_that_is_none_stops_the_migration_and_everything_stays_text(at_0019: Database) -> None:
    run_script(at_0019, "UPDATE tag SET name = 'drinks'; UPDATE chatsession SET updated_at = 'yesterday'")
    before, things = lines_of_tables(at_0019), things_of(at_0019)
    with pytest.raises(Invalid, match="could not be migrated") as failed:
        init_db(at_0019)
    assert "Nothing was changed" in failed.value.hint
    assert (lines_of_tables(at_0019), things_of(at_0019)) == (before, things)


def lines_of_tables(database: Database) -> list[list[tuple[object, ...]]]:
    return [rows(database, f"SELECT * FROM {table}") for table in run.TABLES]


def test_a_file_is_smaller_after_an_upgrade_and_has_pages_as_a_new_one(at_0019: Database) -> None:
    fill = f"INSERT INTO tag (user_id, name) SELECT 'ada', hex(randomblob(500)) FROM (SELECT 1 {'UNION ALL SELECT 1 ' * 400})"
    run_script(at_0019, f"{fill}; DELETE FROM tag WHERE length(name) > 100")
    init_db(at_0019)
    assert rows(at_0019, "PRAGMA freelist_count") == [(0,)]
    assert rows(at_0019, "PRAGMA page_size") == [(16384,)]
    assert rows(at_0019, "PRAGMA journal_mode") == [("wal",)]


def test_a_file_that_cannot_be_made_smaller_is_migrated_all_the_same(at_0019: Database) -> None:
    other = open_database(at_0019.url.render_as_string())
    with other.read() as tx:
        tx.execute(sa.text("SELECT 1 FROM users")).all()
        init_db(at_0019)
    other.close()
    assert rows(at_0019, "SELECT version_num FROM alembic_version") == [(run.HEAD,)]
