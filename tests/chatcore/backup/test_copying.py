"""A whole database at another address: the same on both engines, or nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from chatcore import history
from chatcore.accounts import local_owner
from chatcore.backup.copying import copy_database
from chatcore.db import Database, open_database
from chatcore.errors import Invalid
from chatcore.history import append, create_chat
from chatcore.parts import Role
from chatcore.rollup.making import refresh
from chatcore.search import count_hits
from chatcore.search.build import build_index
from tests.chatcore.backup.worlds import ailments, contents, fill_world
from tests.factories import NOW, make_chat, make_viewer

# What the world of these tests has something of; a table that is empty is compared all the same.
FILLED = (
    "users", "chatsession", "chatmessage", "generation", "attachment", "attachment_content", "feedback", "tag", "chattag", "importref",
    "usage_day", "usage_dirty", "folder", "saved_search", "preset", "prompt", "tool_permission", "import_run", "user_setting",
)  # fmt: skip


@pytest.fixture
def elsewhere(db: Database, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of a database of the other engine, which is not there yet or empty."""
    return str(request.getfixturevalue("empty_postgres_url")) if db.is_sqlite else f"sqlite:///{tmp_path / 'there' / 'copy.db'}"


def opened(url: str) -> Iterator[Database]:
    db = open_database(url)
    yield db
    db.close()


def test_there_and_back_is_the_same_and_lives_on(db: Database, elsewhere: str, tmp_path: Path) -> None:
    ada = fill_world(db, tmp_path, seed=7)
    before, back = contents(db.url), make_url(f"sqlite:///{tmp_path / 'back.db'}")
    there = make_url(elsewhere)
    copied = copy_database(db.url, there, now=NOW)
    copy_database(there, back, now=NOW)
    assert copied.tables == before == contents(there) == contents(back)
    assert all(before[name].rows for name in FILLED)
    assert ailments(elsewhere) == ailments(str(back)) == []
    for other in opened(elsewhere):
        refresh(other)
        assert count_hits(other, ada, "tide*") == count_hits(db, ada, "tide*") > 0
        # The next numbers come after those that were brought, and triggers work.
        chat = create_chat(other, ada, now=NOW)
        written = append(other, ada, chat.id, role=Role.USER, content="zebra crossing", now=NOW)
        with db.read() as tx:
            assert written.id > tx.execute(sa.text("SELECT max(id) FROM chatmessage")).scalar_one()
        assert count_hits(other, ada, "zebra") == 1
        history.purge_chats(other, ada, [chat.id])
        assert count_hits(other, ada, "zebra") == 0
    assert ailments(elsewhere) == []


def test_a_database_that_has_something_is_not_copied_over(db: Database, tmp_path: Path, sqlite_template: Path) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(sqlite_template.read_bytes())
    for full in opened(f"sqlite:///{other}"):
        make_chat(full, make_viewer(full), messages=3)
    there = contents(make_url(f"sqlite:///{other}"))
    with pytest.raises(Invalid, match="is not empty: it has 1 chat with 3 messages"):
        copy_database(db.url, make_url(f"sqlite:///{other}"), now=NOW)
    with pytest.raises(Invalid, match="the same database"):
        copy_database(db.url, db.url, now=NOW)
    assert contents(make_url(f"sqlite:///{other}")) == there


def test_what_a_first_start_made_is_no_obstacle(db: Database, sqlite_template: Path, tmp_path: Path) -> None:
    make_chat(db, make_viewer(db), messages=2)
    started = tmp_path / "started.db"
    started.write_bytes(sqlite_template.read_bytes())
    for other in opened(f"sqlite:///{started}"):
        local_owner(other, now=NOW)
    copy_database(db.url, make_url(f"sqlite:///{started}"), now=NOW)
    assert contents(make_url(f"sqlite:///{started}")) == contents(db.url)
    assert sorted(path.name for path in tmp_path.glob("started.db*")) == ["started.db"]


@pytest.mark.parametrize("made_by", ["nobody", "another program", "a newer chatcore"])
def test_what_is_no_database_of_ours_is_refused(made_by: str, tmp_path: Path, db: Database) -> None:
    import sqlite3

    source, target = tmp_path / "source.db", make_url(f"sqlite:///{tmp_path / 'target.db'}")
    if made_by != "nobody":
        connection = sqlite3.connect(source)
        if made_by == "another program":
            connection.execute("CREATE TABLE users (id INTEGER)")
        else:
            connection.executescript("CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('9999')")
        connection.close()
    says = {"nobody": "There is no file", "another program": "is not a chatcore database", "a newer chatcore": "has the schema 9999"}
    with pytest.raises(Invalid, match=says[made_by]):
        copy_database(make_url(f"sqlite:///{source}"), target, now=NOW)
    assert list(tmp_path.glob("target.db*")) == []
    if made_by == "another program":
        with pytest.raises(Invalid, match="belongs to another program"):
            copy_database(db.url, make_url(f"sqlite:///{source}"), now=NOW)


def test_a_row_that_breaks_a_law_stops_the_copy_and_leaves_nothing(db: Database, elsewhere: str) -> None:
    make_chat(db, make_viewer(db), messages=2)
    with db.migration() as connection:
        if db.is_sqlite:
            connection.exec_driver_sql("PRAGMA writable_schema=ON")
            connection.exec_driver_sql("UPDATE sqlite_master SET sql = replace(sql, 'role IN (''user''', 'role IN (''robot'', ''user''')")
            connection.exec_driver_sql("PRAGMA writable_schema=RESET")
            connection.exec_driver_sql("DROP TRIGGER law_message_stays")
        else:
            connection.exec_driver_sql("ALTER TABLE chatmessage DROP CONSTRAINT ck_chatmessage_role")
            connection.exec_driver_sql("DROP TRIGGER law_message_stays ON chatmessage")
        connection.exec_driver_sql("UPDATE chatmessage SET role = 'robot' WHERE role = 'user'")
    with pytest.raises(Invalid, match="cannot be written"):
        copy_database(db.url, make_url(elsewhere), now=NOW)
    for other in opened(elsewhere):
        with other.read() as tx:
            assert sa.inspect(tx.connection()).get_table_names() == []


def test_a_large_database_is_indexed_on_postgresql_while_it_is_in_use(
    empty_postgres_url: str, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore.search.bulk.MOST_AT_ONCE", 3)
    path = tmp_path / "source.db"
    path.write_bytes(sqlite_template.read_bytes())
    for db in opened(f"sqlite:///{path}"):
        ada = make_viewer(db)
        make_chat(db, ada, messages=6)
    copied = copy_database(make_url(f"sqlite:///{path}"), make_url(empty_postgres_url), now=NOW)
    assert not copied.is_indexed
    for other in opened(empty_postgres_url):
        assert count_hits(other, ada, "message") == 0
        build_index(other)
        assert count_hits(other, ada, "message") == 6
    assert ailments(empty_postgres_url) == []
