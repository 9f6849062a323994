"""The doctor finds what is wrong, says what to do, and repairs what it can."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from chatcore.db import Database, open_database
from chatcore.doctor import Finding, Level, examine, repair
from chatcore.errors import Invalid
from chatcore.history import get_chat
from chatcore.organise.folders import make_folder, move_chats
from chatcore.parts import State
from chatcore.search import find_chats, search
from chatcore.search.build import rebuild_index
from tests.conftest import NOW
from tests.factories import make_chat, make_exchange, make_viewer, stored


def problems(db: Database) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(db, now=NOW) if finding.level is not Level.OK}


@contextmanager
def unenforced(db: Database) -> Iterator[sa.Connection]:
    """A connection on which no law holds, as another program's may be."""
    if db.is_sqlite:
        with db.migration() as connection:
            triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
            for name, _ in triggers:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            yield connection
            for _, statement in triggers:
                connection.exec_driver_sql(statement)
        return
    with db.connect() as connection, connection.begin():
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        yield connection


def break_with(db: Database, *statements: str, **values: object) -> None:
    with unenforced(db) as connection:
        for statement in statements:
            connection.execute(sa.text(statement), values)


def test_a_healthy_database_has_nothing_to_complain_of(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=5)
    make_exchange(db, viewer, chat.id)
    make_exchange(db, viewer, chat.id, state=State.FAILED, input_tokens=None, output_tokens=None)
    make_chat(db, viewer)
    findings = examine(db, now=NOW)
    assert {finding.level for finding in findings} == {Level.OK}
    assert {"schema", "owners", "parents", "answers", "shown messages", "counters", "stuck answers", "running answers"} <= {
        f.check for f in findings
    }
    assert ("integrity" in {f.check for f in findings}) == db.is_sqlite


def test_wrong_counters_are_found_and_repaired(db: Database) -> None:
    viewer = make_viewer(db)
    chat, other = make_chat(db, viewer, messages=4), make_chat(db, viewer, messages=2)
    make_exchange(db, viewer, chat.id, input_tokens=20, output_tokens=40)
    before = get_chat(db, viewer, chat.id), get_chat(db, viewer, other.id)
    break_with(db, "UPDATE chatsession SET message_count = 99, input_tokens = 7 WHERE id = :id", id=stored(db, chat.id))
    found = problems(db)
    assert set(found) == {"counters"}
    assert found["counters"].message.startswith("1 chats count")
    assert uuid.UUID(found["counters"].examples[0]) == chat.id
    assert "--repair" in found["counters"].hint
    assert repair(db) == 1
    assert problems(db) == {}
    assert (get_chat(db, viewer, chat.id), get_chat(db, viewer, other.id)) == before
    assert repair(db) == 0


def test_many_wrong_counters_are_repaired_in_portions(db: Database) -> None:
    viewer = make_viewer(db)
    for _ in range(3):
        make_chat(db, viewer, messages=1)
    with db.write() as tx:
        rows = [{"id": stored(db, uuid.UUID(int=n + 1)), "user": viewer.user_id, "now": stored(db, NOW)} for n in range(450)]
        tx.execute(
            sa.text(
                "INSERT INTO chatsession (id, user_id, title, provider, model_name, created_at, updated_at, message_count) "
                "VALUES (:id, :user, 't', 'p', 'm', :now, :now, 5)"
            ),
            rows,
        )
    heard: list[int] = []
    assert repair(db, on_progress=heard.append) == 450
    assert heard == [200, 400, 450]
    assert problems(db) == {}


def test_a_message_in_another_persons_chat_is_found(db: Database) -> None:
    ada, bob = make_viewer(db, "Ada"), make_viewer(db, "Bob")
    make_chat(db, ada, messages=2)
    break_with(db, "UPDATE chatmessage SET user_id = :bob", bob=bob.user_id)
    assert problems(db)["owners"].message.startswith("2 messages")


def test_a_folder_of_somebody_else_and_folders_in_themselves_are_found(db: Database) -> None:
    ada, bob = make_viewer(db, "Ada"), make_viewer(db, "Bob")
    top = make_folder(db, ada, name="Top")
    inner = make_folder(db, ada, name="Inner", parent_id=top.id)
    move_chats(db, ada, [make_chat(db, ada).id], folder_id=inner.id)
    assert problems(db) == {}
    break_with(db, "UPDATE chatsession SET user_id = :bob", bob=bob.user_id)
    break_with(db, "UPDATE folder SET parent_id = :inner WHERE id = :top", inner=inner.id, top=top.id)
    found = problems(db)
    assert found["folders"].message.startswith("1 chats")
    assert set(found["folder tree"].examples) == {str(top.id), str(inner.id)}


def test_a_parent_and_a_shown_message_of_another_chat_are_found(db: Database) -> None:
    viewer = make_viewer(db)
    one, two = make_chat(db, viewer, messages=1), make_chat(db, viewer, messages=1)
    break_with(
        db,
        "UPDATE chatmessage SET parent_id = :other WHERE id = :id",
        "UPDATE chatsession SET current_message_id = :other WHERE current_message_id = :id",
        other=one.current_message_id,
        id=two.current_message_id,
    )
    found = problems(db)
    assert {"parents", "shown messages"} <= set(found)
    assert found["parents"].examples == (str(two.current_message_id),)


def test_a_chat_that_shows_nothing_is_repaired(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=3)
    break_with(db, "UPDATE chatsession SET current_message_id = NULL")
    assert set(problems(db)) == {"shown messages"}
    assert repair(db) == 1
    assert get_chat(db, viewer, chat.id).current_message_id == chat.current_message_id


def test_a_generation_of_a_persons_message_is_found(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    asked, _ = make_exchange(db, viewer, chat.id)
    break_with(db, "UPDATE generation SET message_id = :id", id=asked.id)
    assert set(problems(db)) == {"answers"}


def test_running_answers_without_a_process_are_found(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    make_exchange(db, viewer, chat.id, state=State.RUNNING)
    assert problems(db) == {}
    late = {finding.check: finding for finding in examine(db, now=NOW + timedelta(minutes=5))}["running answers"]
    assert late.level is Level.PROBLEM
    assert "interrupted" in late.hint
    break_with(db, "UPDATE generation SET owner = NULL")
    assert set(problems(db)) == {"running answers"}


def test_an_answer_that_nothing_writes_is_released(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    make_exchange(db, viewer, chat.id, state=State.RUNNING)
    break_with(db, "DELETE FROM generation")
    assert set(problems(db)) == {"stuck answers"}
    assert repair(db) == 1
    assert problems(db) == {}


def test_rows_a_migration_left_out_are_noted(db: Database) -> None:
    viewer = make_viewer(db)
    with db.write() as tx:
        tx.execute(
            sa.text(
                "INSERT INTO unmigrated_row (user_id, table_name, external_id, reason, row_json) "
                "VALUES (:user, 'chatmessage', '1', 'no content', '{}')"
            ),
            {"user": viewer.user_id},
        )
    noted = problems(db)["migrated rows"]
    assert (noted.level, noted.examples) == (Level.NOTE, ("1 x no content",))


def test_a_database_that_was_not_migrated_is_told_to(empty_database_url: str) -> None:
    database = open_database(empty_database_url)
    (schema,) = [finding for finding in examine(database, now=NOW) if finding.level is not Level.OK]
    assert "python -m chatcore migrate" in str(schema)
    database.close()


def test_a_damaged_file_and_broken_keys_are_found(tmp_path: Path, sqlite_template: Path) -> None:
    path = tmp_path / "chatcore.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = open_database(f"sqlite:///{path}")
    viewer = make_viewer(database)
    make_chat(database, viewer, messages=300)
    break_with(database, "DELETE FROM users")
    found = problems(database)
    assert found["foreign keys"].level is Level.PROBLEM
    assert "-> users" in found["foreign keys"].examples[0]
    database.close()
    with closing(sqlite3.connect(path)) as plain:
        (page,) = plain.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_chatmessage_created_at'").fetchone()
        (size,) = plain.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size + 100 : page * size] = bytes(size - 100)
    path.write_bytes(content)
    database = open_database(f"sqlite:///{path}")
    assert problems(database)["integrity"].level is Level.PROBLEM
    database.close()


@pytest.mark.parametrize("examples", [(), ("1", "2")])
def test_a_finding_reads_as_one_line(examples: tuple[str, ...]) -> None:
    line = str(Finding("counters", Level.PROBLEM, "2 chats count wrong.", "Run: x", examples))
    assert line == f"problem counters: 2 chats count wrong.{' First: 1, 2.' if examples else ''} Run: x"


def test_messages_that_no_search_would_find_are_named_and_indexed_again(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=3)
    with unenforced(db) as connection:
        lost = connection.execute(sa.text("SELECT max(id) FROM chatmessage")).scalar_one()
        connection.execute(sa.text("DELETE FROM message_search WHERE message_id = :id"), {"id": lost})
        connection.execute(sa.text("DELETE FROM chat_search"))
    found = problems(db)
    assert set(found) == {"searchable messages", "searchable titles"}
    assert found["searchable messages"].examples == (str(lost),)
    assert "--rebuild-search" in found["searchable messages"].hint
    assert rebuild_index(db) == 4
    assert problems(db) == {}
    assert [hit.message_id for hit in search(db, viewer, '"message 2"', now=NOW).hits] == [lost]
    assert [hit.chat.id for hit in find_chats(db, viewer, "tides", now=NOW)] == [chat.id]


def test_an_entry_without_its_message_is_found(db: Database) -> None:
    viewer = make_viewer(db)
    make_chat(db, viewer, messages=3)
    row = "(message_id, user_id, session_id, created_at, words) VALUES (4711, 'x', gen_random_uuid(), now(), '')"
    entry = "(key, message_id) VALUES (7, 4711)" if db.is_sqlite else row
    break_with(db, f"INSERT INTO message_search {entry}")
    assert "search entries" in problems(db)
    rebuild_index(db)
    assert problems(db) == {}


def test_words_that_are_not_those_of_the_message_are_found(db: Database) -> None:
    viewer = make_viewer(db)
    make_chat(db, viewer, messages=3)
    break_with(db, "UPDATE chatmessage SET content = 'something else' WHERE id = (SELECT max(id) FROM chatmessage)")
    found = problems(db)
    assert set(found) == {"search"}
    assert found["search"].message.startswith("1 of 3 messages")
    assert "search index" in {finding.check for finding in examine(db, now=NOW, thorough=True) if finding.level is Level.PROBLEM}
    rebuild_index(db)
    assert problems(db) == {}
    assert {finding.level for finding in examine(db, now=NOW, thorough=True)} == {Level.OK}


def test_an_index_is_not_rebuilt_in_a_database_that_was_not_migrated(empty_database_url: str) -> None:
    database = open_database(empty_database_url)
    with pytest.raises(Invalid, match="not the newest schema"):
        rebuild_index(database)
    database.close()
