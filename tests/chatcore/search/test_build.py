"""Filling the index for messages that were there before it: it can end anywhere, go on anywhere, and be worked on by several."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from chatcore.db import Database, init_db, open_database
from chatcore.errors import Invalid
from chatcore.history import append, create_chat, purge_chats, rename_chat
from chatcore.migrations import run, search_index
from chatcore.parts import State, Viewer
from chatcore.rows import MESSAGES
from chatcore.search import build, count_hits, facets, find_chats, quick_switch, search
from chatcore.search.build import build_index, build_step, indexed_share, rebuild_index
from chatcore.search.check import compare_all
from tests.answers import until
from tests.chatcore.search.children import child
from tests.chatcore.search.corpora import attach
from tests.conftest import NOW
from tests.factories import make_chat, make_exchange, make_message, make_viewer, stored

MANY = 100_000
# Every so many of the messages has another word.
RARE = 10_000
SINCE = 1_700_000_000
FILL = {
    "sqlite": "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :many) "
    "INSERT INTO chatmessage (session_id, user_id, role, status, created_at, content) SELECT :chat_id, :user_id, 'user', 'complete', "
    "{at}, {content} FROM numbers",
    "postgresql": "INSERT INTO chatmessage (session_id, user_id, role, status, created_at, content) "
    "SELECT CAST(:chat_id AS uuid), :user_id, 'user', 'complete', to_timestamp(:since + n), {content} FROM generate_series(1, :many) AS n",
}
SECOND, SECOND_BEFORE_0020 = "(:since + n) * 1000000", "strftime('%Y-%m-%d %H:%M:%S', :since + n, 'unixepoch') || '.000000'"
CONTENT = "'moon word' || (n % 1000) || CASE WHEN n % :rare = 0 THEN ' comet' ELSE '' END"


ASKED = {"provider": "ollama", "model_name": "llama3.2:3b"}
OLDER = (
    {"role": "user", "content": "the tide"},
    {"role": "assistant", "content": "```moon```", **ASKED},
    {"role": "user", "content": "again"},
    {"role": "assistant", "content": "moonli", "status": "running", **ASKED},
)
OLDER_FILE = (
    "INSERT INTO attachment (user_id, message_id, name, media_type, size_bytes, sha256, created_at, content) "
    "VALUES (:user_id, :message_id, 'a.txt', 'text/plain', 1, 'x', :now, :content)"
)


NOON = "2026-03-14 12:00:00.000000"


class Enough(Exception):
    """Ends a builder in the middle."""


def fill(db: Database, viewer: Viewer, chat_id: object, *, many: int, second: str = SECOND) -> None:
    """Writes so many short messages, one a second."""
    values = {"many": many, "rare": min(RARE, many // 10), "since": SINCE, "chat_id": chat_id, "user_id": viewer.user_id}
    with db.write() as tx:
        tx.execute(sa.text(FILL[db.dialect].format(content=CONTENT, at=second)), values)


def write_older(db: Database, table: str, **values: object) -> None:
    """Writes a row by hand: today's functions ask for columns that an older schema has not, and write times otherwise."""
    statement = sa.text(f"INSERT INTO {table} ({', '.join(values)}) VALUES (:{', :'.join(values)})")
    with db.write() as tx:
        tx.execute(statement, values)


def make_older(db: Database) -> tuple[Viewer, uuid.UUID]:
    """A person and their chat, in a schema before 0020."""
    viewer, chat_id = Viewer("ada", "Ada"), uuid.uuid4()
    write_older(db, "users", id=viewer.user_id, name=viewer.name, created_at=NOON)
    write_older(
        db, "chatsession", id=chat_id.hex, user_id=viewer.user_id, title="The moon", provider="ollama", model_name="m", created_at=NOON,
        updated_at=NOON,
    )  # fmt: skip
    return viewer, chat_id


def forget_index(db: Database) -> None:
    """The database as it is after the migration and before any builder: an empty index, which triggers keep."""
    with db.migration() as connection:
        search_index.drop(connection)
        search_index.create(connection)


def share_of(db: Database) -> float:
    with db.read() as tx:
        return indexed_share(tx)


def numbers_of(db: Database) -> tuple[int, int]:
    """How many messages there are that can be found, and how many entries."""
    with db.read() as tx:
        messages: int = tx.execute(sa.text("SELECT count(*) FROM chatmessage WHERE status <> 'running'")).scalar_one()
        entries: int = tx.execute(sa.text("SELECT count(*) FROM message_search")).scalar_one()
    return messages, entries


def newest_id(db: Database) -> int:
    with db.read() as tx:
        number: int = tx.execute(sa.select(sa.func.max(MESSAGES.c.id))).scalar_one()
    return number


def change(db: Database, message_id: int, **values: object) -> None:
    with db.write() as tx:
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == message_id).values(**values))


def end_after(steps: int) -> build.OnProgress:
    """Lets a builder take so many steps."""
    left = iter(range(steps - 1))

    def count(done: int, of: int) -> None:
        if next(left, None) is None:
            raise Enough

    return count


def revision_before_search() -> str:
    config = Config()
    config.set_main_option("script_location", str(run.FOLDER))
    script = ScriptDirectory.from_config(config)
    (found,) = [one for one in script.walk_revisions() if "search_index" in one.path]
    assert isinstance(found.down_revision, str)
    return found.down_revision


@pytest.fixture
def before_search(empty_database_url: str) -> Iterator[Database]:
    """A database with the schema that came before the search."""
    database = open_database(empty_database_url)
    with database.migration() as connection:
        config = Config(attributes={"connection": connection, "now": NOW})
        config.set_main_option("script_location", str(run.FOLDER))
        command.upgrade(config, revision_before_search())
    yield database
    database.close()


# --- the migration -----------------------------------------------------------------------------------------------


def test_a_hundred_thousand_messages_are_indexed_in_steps_that_may_be_ended_and_shared(before_search: Database) -> None:
    db = before_search
    viewer, chat_id = make_older(db)
    fill(db, viewer, chat_id.hex, many=MANY, second=SECOND_BEFORE_0020)
    init_db(db)
    assert (share_of(db), numbers_of(db)) == (0.0, (MANY, 0))

    heard: list[tuple[int, int]] = []

    def first(done: int, of: int) -> None:
        heard.append((done, of))
        if len(heard) == 5:
            raise Enough

    with pytest.raises(Enough):
        build_index(db, on_progress=first)
    assert heard == sorted(heard)
    assert {of for _, of in heard} == {MANY}
    assert 0 < heard[-1][0] < MANY
    check_partly_built(db, viewer)

    # Killed in the middle of a step or between two.
    with child("build", db) as lines:
        shown = [next(lines) for _ in range(40)]
    assert shown[0]["done"] >= heard[-1][0]
    assert shown[-1]["done"] > shown[0]["done"]
    check_partly_built(db, viewer)
    assert round(share_of(db) * MANY) >= shown[-1]["done"]

    left = MANY - numbers_of(db)[1]
    others = [open_database(db.url.render_as_string(hide_password=False)) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(build_index, others)) == left
    for other in others:
        other.close()
    assert (share_of(db), numbers_of(db)) == (1.0, (MANY, MANY))
    for text, number in (("comet", MANY // RARE), ("word7", MANY // 1000), ('"moon word999"', MANY // 1000), ("-moon", 0)):
        assert count_hits(db, viewer, text, cap=MANY) == number
    assert [hit.created_at.timestamp() for hit in search(db, viewer, "moon", limit=2).hits] == [SINCE + MANY, SINCE + MANY - 1]


def check_partly_built(db: Database, viewer: Viewer) -> None:
    """What is indexed is found, the newest first, and every answer says that there is more."""
    share, entries = share_of(db), numbers_of(db)[1]
    assert 0 < share < 1
    assert entries == round(share * MANY)
    page = search(db, viewer, "moon")
    assert [hit.created_at.timestamp() for hit in page.hits] == [SINCE + MANY - number for number in range(20)]
    assert page.indexed == quick_switch(db, viewer, "moon").indexed == share
    assert len(find_chats(db, viewer, "moon")) == 1
    assert count_hits(db, viewer, "comet") == sum(number % RARE == 0 for number in range(MANY - entries + 1, MANY + 1))


def test_the_previous_schema_with_all_kinds_of_rows_becomes_an_index_that_is_right(before_search: Database) -> None:
    db = before_search
    viewer, chat_id = make_older(db)
    for number, message in enumerate(OLDER, 1):
        row = {"id": number, "session_id": chat_id.hex, "user_id": viewer.user_id, "status": "complete", "created_at": NOON, **message}
        write_older(db, "chatmessage", **row)
    asked_id, growing_id = 1, len(OLDER)
    with db.write() as tx:
        tx.execute(sa.text(OLDER_FILE), {"user_id": viewer.user_id, "message_id": asked_id, "now": NOON, "content": b"x"})
    init_db(db)
    build_index(db)
    for text, number in (("moon", 1), ("tide has:attachment", 1), ("has:code model:llama provider:ollama", 1), ("moonli*", 0), ("", 3)):
        assert count_hits(db, viewer, text) == number, text
    assert [hit.chat.id for hit in find_chats(db, viewer, "moon")] == [chat_id]
    change(db, growing_id, content="moonlight", status="complete")
    assert count_hits(db, viewer, "moonlight") == 1
    assert compare_all(db) is None


def test_an_empty_database_has_nothing_to_build(db: Database) -> None:
    assert (share_of(db), build_step(db), build_index(db)) == (1.0, None, 0)


# --- meanwhile ---------------------------------------------------------------------------------------------------


def test_what_is_written_while_the_index_is_built_is_right_at_once_and_at_the_end(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "ROWS_A_STEP", 10)
    viewer = make_viewer(db)
    chats = [make_chat(db, viewer, title=f"moon {number}", messages=10, now=NOW + timedelta(hours=number)) for number in range(6)]
    _, growing = make_exchange(db, viewer, chats[0].id, prompt="old", answer="growing", state=State.RUNNING)
    old = make_message(db, viewer, chats[1].id, "an old message")
    gone = make_message(db, viewer, chats[1].id, "a message that goes")
    forget_index(db)
    with pytest.raises(Enough):
        build_index(db, on_progress=end_after(3))
    assert 0 < share_of(db) < 1

    make_message(db, viewer, chats[2].id, "a new message")
    change(db, old.id, content="an edited message", created_at=NOW + timedelta(days=1))
    change(db, growing.id, status="complete")
    with db.write() as tx:
        attach(tx, viewer, old.id - 11)
        tx.execute(sa.delete(MESSAGES).where(MESSAGES.c.id == gone.id))
    purge_chats(db, viewer, [chats[3].id])
    rename_chat(db, viewer, chats[4].id, title="sun")
    create_chat(db, viewer, now=NOW, title="another moon")

    def check() -> None:
        for text, number in (("new", 1), ("edited", 1), ("old message", 0), ("growing", 1), ("has:attachment", 1), ("goes", 0)):
            assert count_hits(db, viewer, text) == number, text
        assert len(find_chats(db, viewer, "moon")) == 5
        assert len(find_chats(db, viewer, "sun")) == 1

    check()
    build_index(db)
    check()
    messages, entries = numbers_of(db)
    assert messages == entries == 10 * 5 + 2 + 1 + 1
    assert count_hits(db, viewer, "message") == messages - 2
    assert compare_all(db) is None


def test_writers_and_two_builders_at_once_leave_nothing_out(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "ROWS_A_STEP", 20)
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, title="moon")
    fill(db, viewer, stored(db, chat.id), many=600)
    newest = newest_id(db)
    forget_index(db)
    ready = threading.Barrier(4)

    def build_all() -> int:
        ready.wait()
        return build_index(db)

    def edit() -> int:
        ready.wait()
        for number in range(100):
            change(db, newest - 5 * number, content=f"edited comet {number}")
        return 0

    def write_and_delete() -> int:
        ready.wait()
        for number in range(100):
            append(db, viewer, chat.id, role="user", content="written moon", now=NOW + timedelta(seconds=number))
            with db.write() as tx:
                tx.execute(sa.delete(MESSAGES).where(MESSAGES.c.id == newest - 599 + 3 * number))
        return 0

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(task) for task in (build_all, build_all, edit, write_and_delete)]:
            done.result()
    assert share_of(db) == 1.0
    messages, entries = numbers_of(db)
    assert messages == entries == 600
    assert count_hits(db, viewer, "written") == 100
    assert compare_all(db) is None


def test_a_message_deleted_in_a_transaction_that_a_builder_meets_stops_neither(migrated_database_url: str) -> None:
    """On PostgreSQL the builder still sees a row whose deletion is not committed, and holds others that are to be deleted next; on
    SQLite it waits for the writer."""
    db = open_database(migrated_database_url)
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=10)
    forget_index(db)
    other = open_database(migrated_database_url)
    try:
        with ThreadPoolExecutor(1) as pool:
            with other.write() as tx:
                tx.execute(sa.text("UPDATE chatsession SET current_message_id = NULL"))
                theirs = MESSAGES.c.session_id == chat.id
                tx.execute(sa.delete(MESSAGES).where(theirs, MESSAGES.c.id == sa.select(sa.func.max(MESSAGES.c.id)).scalar_subquery()))
                building = pool.submit(build_index, db)
                until(lambda: building.done() or db.is_sqlite or is_waiting(other))
                tx.execute(sa.delete(MESSAGES).where(theirs))
            building.result()
        assert numbers_of(db) == (0, 0)
        assert share_of(db) == 1.0
    finally:
        other.close()
        db.close()


def is_waiting(db: Database) -> bool:
    """Whether somebody waits for a lock in this database."""
    with db.read() as tx:
        waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        return bool(tx.execute(waiting).scalar_one())


# --- building anew -----------------------------------------------------------------------------------------------


def test_a_rebuild_may_be_ended_and_gone_on_with(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "ROWS_A_STEP", 10)
    viewer = make_viewer(db)
    make_chat(db, viewer, title="moon", messages=50)
    with pytest.raises(Enough):
        rebuild_index(db, on_progress=end_after(3))
    assert 0 < numbers_of(db)[1] < 50
    assert facets(db, viewer, "message").of == numbers_of(db)[1]
    assert build_index(db) > 0
    assert rebuild_index(db) == 50 + 1
    assert numbers_of(db) == (50, 50)
    assert compare_all(db) is None


def test_a_rebuild_needs_the_newest_schema(before_search: Database) -> None:
    with pytest.raises(Invalid):
        rebuild_index(before_search)


def test_the_index_goes_and_comes_without_a_trace(db: Database) -> None:
    before = things_in(db)
    with db.migration() as connection:
        search_index.drop(connection)
    left = {name for name in things_in(db) if "saved_search" not in name}
    assert not {name for name in left if "search" in name or "fts" in name or "_words" in name or "used_model" in name}
    with db.migration() as connection:
        search_index.create(connection)
    assert things_in(db) == before


def things_in(db: Database) -> set[str]:
    """The names of all tables, indexes, views, triggers and functions."""
    names = (
        "SELECT name FROM sqlite_master"
        if db.is_sqlite
        else "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION SELECT tgname FROM pg_trigger "
        "WHERE NOT tgisinternal UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    with db.read() as tx:
        return set(tx.execute(sa.text(names)).scalars())
