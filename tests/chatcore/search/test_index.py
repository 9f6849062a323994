"""The index is what the messages are, whoever writes them and however: compared with one that is built anew, and read as
FTS5 and PostgreSQL show it."""

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, SQLModel

from chatcore import chat
from chatcore.db import Database, init_db, open_database
from chatcore.errors import Conflict
from chatcore.generation import Runner
from chatcore.history import (
    append,
    append_in,
    archive_chats,
    create_chat,
    delete_chats,
    get_message,
    pin_chats,
    purge_chats,
    rename_chat,
    restore_chats,
)
from chatcore.parts import ErrorCode, Failed, Role, State, Viewer
from chatcore.rows import CHATS, MESSAGES
from chatcore.search import count_hits, find_chats, search
from chatcore.search.build import build_index, is_building, rebuild_index
from chatcore.search.check import compare_all
from chatcore.search.query import read_query
from chatcore.words import parts_of_words, words_of
from tests.answers import ask, running, until
from tests.chatcore.older_schemas import MESSAGE_WORDS_0021, migrate_to, run_script
from tests.chatcore.search.corpora import ATTACHMENTS, attach
from tests.chatcore.search.reference import Chat, Message, World
from tests.conftest import NOW
from tests.factories import USERS, make_chat, make_exchange, make_message, make_viewer
from tests.scripted import Scripted

Entry = tuple[object, ...]
TEXTS = (
    "moon",
    "the tide moon",
    "fooBaz C++ foo_bar",
    "量子 moon",
    "```\ncode\n```",
    "Über moonlight",
    "x" * 300,
    "🚀",
    "a" * 5 + " \x07 b",
)
QUESTIONS = (
    "moon", "moo*", '"tide moon"', "baz", "C++", "子", "uber", "🚀", "-moon", "has:code", "has:tool", "has:attachment",
    "moon -has:attachment", "role:assistant", "model:llama", "provider:ollama moon", "moon is:trash", "moon is:archived", "is:pinned",
    "moon after:2026-03-14",
)  # fmt: skip


# --- what the index holds ----------------------------------------------------------------------------------------


def index_of(db: Database) -> set[Entry]:
    """Every word of every entry with its place, without what is free to differ: which second after its own an entry has."""
    return sqlite_index(db) if db.is_sqlite else postgresql_index(db)


def sqlite_index(db: Database) -> set[Entry]:
    found: set[Entry] = set()
    with db.connect() as connection, connection.begin() as transaction:
        for table, item in (("message", "message_id"), ("chat", "session_id")):
            connection.exec_driver_sql(f"CREATE VIRTUAL TABLE temp.{table}_words_in USING fts5vocab(main, {table}_fts, instance)")
            rows = connection.exec_driver_sql(
                f"SELECT s.{item}, v.col, v.offset, v.term FROM {table}_search s LEFT JOIN temp.{table}_words_in v ON v.doc = s.key"
            )
            found |= {(table, *row) for row in rows}
            orphans = f"SELECT count(*) FROM temp.{table}_words_in v WHERE v.doc NOT IN (SELECT key FROM {table}_search)"
            assert connection.exec_driver_sql(orphans).scalar() == 0
        transaction.rollback()
    return found


def postgresql_index(db: Database) -> set[Entry]:
    with db.read() as tx:
        messages = tx.execute(sa.text("SELECT 'message', message_id, user_id, created_at, words::text FROM message_search"))
        titles = tx.execute(sa.text("SELECT 'chat', session_id, user_id, words::text FROM chat_search"))
        return {tuple(row) for row in (*messages, *titles)}


def used_models(db: Database) -> set[Entry]:
    with db.read() as tx:
        return {tuple(row) for row in tx.execute(sa.text("SELECT user_id, provider, model_name FROM used_model"))}


def named_models(db: Database) -> set[Entry]:
    """The models of messages that can be found; those of deleted messages may be known for longer."""
    with db.read() as tx:
        rows = tx.execute(sa.text("SELECT DISTINCT user_id, provider, model_name FROM chatmessage WHERE status <> 'running'"))
        # A message of a person names nothing; of a half-named model the other half is an empty word.
        return {(row.user_id, row.provider or "", row.model_name or "") for row in rows if row.provider or row.model_name}


def entries_of(db: Database, message_id: int) -> int:
    with db.read() as tx:
        number: int = tx.execute(sa.text("SELECT count(*) FROM message_search WHERE message_id = :id"), {"id": message_id}).scalar_one()
    return number


def check_index(db: Database) -> None:
    """FTS5's own check, and that a new index would be the same."""
    assert compare_all(db) is None
    if db.is_sqlite:
        with db.connect() as connection, connection.begin():
            for table in ("message_fts", "chat_fts"):
                connection.exec_driver_sql(f"INSERT INTO {table} ({table}, rank) VALUES ('integrity-check', 1)")
    before = index_of(db)
    assert named_models(db) <= used_models(db)
    rebuild_index(db)
    assert index_of(db) == before
    assert named_models(db) <= used_models(db)


def world_of(db: Database, viewer: Viewer) -> World:
    """What a person has, read from the tables."""
    with db.read() as tx:
        chats = {
            row.id: Chat(row.id, row.title, row.updated_at, row.pinned, row.archived, row.deleted_at is not None)
            for row in tx.execute(sa.select(CHATS).where(CHATS.c.user_id == viewer.user_id))
        }
        attached = set(tx.execute(sa.select(ATTACHMENTS.c.message_id)).scalars())
        messages = tuple(
            Message(
                row.id, chats[row.session_id], Role(row.role), row.content, row.created_at, row.provider, row.model_name,
                row.tool_calls is not None, row.id in attached, row.status == "running",
            )
            for row in tx.execute(sa.select(MESSAGES).where(MESSAGES.c.user_id == viewer.user_id))
        )  # fmt: skip
    used = [(provider, model) for user_id, provider, model in used_models(db) if user_id == viewer.user_id]
    models, providers = (frozenset(str(pair[place]) for pair in used if pair[place]) for place in (1, 0))
    return World(tuple(chats.values()), messages, models, providers)


def check_answers(db: Database, viewer: Viewer) -> None:
    """A person finds what a look at everything finds."""
    world = world_of(db, viewer)
    for text in QUESTIONS:
        query = read_query(text, now=NOW)
        found = [hit.message_id for hit in search(db, viewer, text, limit=1000, now=NOW).hits]
        assert sorted(found) == sorted(message.id for message in world.hits(query)), text
        assert [hit.chat.id for hit in find_chats(db, viewer, text, now=NOW)] == [chat.id for chat in world.titles(query)][:8], text


# --- anything two people may do ----------------------------------------------------------------------------------


class Desk:
    """Two people at one database, and all they can do; what does not exist yet is left alone."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.people = (make_viewer(db, "Ada"), make_viewer(db, "Bob"))
        self.moments = 0

    def now(self) -> datetime:
        """A second later than before."""
        self.moments += 1
        return NOW + timedelta(seconds=self.moments)

    def pick(self, table: sa.Table, viewer: Viewer, which: int, *conditions: sa.ColumnElement[bool]) -> sa.RowMapping | None:
        """One of a person's rows, the same for the same number."""
        with self.db.read() as tx:
            rows = tx.execute(sa.select(table).where(table.c.user_id == viewer.user_id, *conditions).order_by(table.c.id)).mappings().all()
        return rows[which % len(rows)] if rows else None

    def change(self, table: sa.Table, row: sa.RowMapping | None, **values: object) -> None:
        """Another program's UPDATE."""
        if row is not None:
            with self.db.write() as tx:
                tx.execute(sa.update(table).where(table.c.id == row["id"]).values(**values))


def create(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    create_chat(desk.db, viewer, now=desk.now(), title=text)


def say(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    room = desk.pick(CHATS, viewer, which, CHATS.c.deleted_at.is_(None))
    if room is not None:
        append(desk.db, viewer, room["id"], role="user", content=text, now=desk.now())


def answer(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    room = desk.pick(CHATS, viewer, which, CHATS.c.deleted_at.is_(None))
    if room is not None:
        states = (State.RUNNING, State.RUNNING, State.COMPLETE, State.FAILED, State.STOPPED)
        make_exchange(desk.db, viewer, room["id"], prompt=text, answer=text, state=states[which % 5], now=desk.now())


def answer_anew(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    """Another answer beside one that is there: the chat shows another branch."""
    row = desk.pick(MESSAGES, viewer, which, MESSAGES.c.role == "assistant")
    if row is not None:
        with suppress(Conflict), desk.db.write() as tx:
            append_in(tx, viewer, row["session_id"], role=Role.ASSISTANT, content=text, now=desk.now(), sibling_of=row["id"])


def show_branch(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    row = desk.pick(MESSAGES, viewer, which)
    if row is not None:
        with desk.db.write() as tx:
            tx.execute(sa.update(CHATS).where(CHATS.c.id == row["session_id"]).values(current_message_id=row["id"]))


def grow(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    row = desk.pick(MESSAGES, viewer, which, MESSAGES.c.status == "running")
    if row is not None:
        desk.change(MESSAGES, row, content=row["content"] + " " + text)


def finish(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    states = ("complete", "stopped", "failed", "interrupted")
    desk.change(MESSAGES, desk.pick(MESSAGES, viewer, which, MESSAGES.c.status == "running"), status=states[which % 4], content=text)


def run_again(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    desk.change(MESSAGES, desk.pick(MESSAGES, viewer, which, MESSAGES.c.role == "assistant"), status="running")


def edit(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    desk.change(MESSAGES, desk.pick(MESSAGES, viewer, which), content=text)


def move_in_time(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    moved = (-86_400, -1, 0, 0.5, 1, 86_400 * 400)[which % 6]
    row = desk.pick(MESSAGES, viewer, which)
    if row is not None:
        desk.change(MESSAGES, row, created_at=row["created_at"] + timedelta(seconds=moved))


def call_tools(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    desk.change(MESSAGES, desk.pick(MESSAGES, viewer, which), tool_calls=None if which % 2 else "[]")


def name_model(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    models = ((None, None), ("ollama", "llama3.2:3b"), ("guide", "guide"), ("ollama", None))
    provider, model_name = models[which % 4]
    desk.change(MESSAGES, desk.pick(MESSAGES, viewer, which), provider=provider, model_name=model_name)


def put_file(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    row = desk.pick(MESSAGES, viewer, which)
    if row is not None:
        with desk.db.write() as tx:
            attach(tx, viewer, row["id"])


def take_file(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    row = desk.pick(ATTACHMENTS, viewer, which)
    if row is not None:
        with desk.db.write() as tx:
            tx.execute(sa.delete(ATTACHMENTS).where(ATTACHMENTS.c.id == row["id"]))


def delete_message(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    followed = sa.select(MESSAGES.c.parent_id).where(MESSAGES.c.parent_id.is_not(None))
    row = desk.pick(MESSAGES, viewer, which, MESSAGES.c.id.not_in(followed))
    if row is not None:
        with desk.db.write() as tx:
            tx.execute(sa.delete(MESSAGES).where(MESSAGES.c.id == row["id"]))


def rename(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    row = desk.pick(CHATS, viewer, which)
    if row is not None:
        rename_chat(desk.db, viewer, row["id"], title=text)


def put_on_a_shelf(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    row = desk.pick(CHATS, viewer, which)
    if row is not None:
        actions: tuple[Callable[[], int], ...] = (
            lambda: delete_chats(desk.db, viewer, [row["id"]], now=desk.now()),
            lambda: restore_chats(desk.db, viewer, [row["id"]]),
            lambda: archive_chats(desk.db, viewer, [row["id"]], archived=bool(which % 2)),
            lambda: pin_chats(desk.db, viewer, [row["id"]], pinned=bool(which % 2)),
        )
        actions[which % 4]()


def purge(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    row = desk.pick(CHATS, viewer, which)
    if row is not None:
        purge_chats(desk.db, viewer, [row["id"]], forget_usage=bool(which % 2))


def take_in(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    """An import: many rows in one statement, some of one time."""
    row = desk.pick(CHATS, viewer, which)
    if row is not None:
        shared = {"session_id": row["id"], "user_id": viewer.user_id, "status": "complete", "provider": None, "model_name": "llama"}
        rows = [shared | {"role": role, "content": f"{text} {role}", "created_at": NOW} for role in ("user", "assistant", "user")]
        with desk.db.write() as tx:
            tx.execute(sa.insert(MESSAGES), rows)


class Undone(Exception):
    """Why a transaction is not kept."""


def undo(desk: Desk, viewer: Viewer, which: int, text: str) -> None:
    """Anything of this, in a transaction that fails."""
    row = desk.pick(CHATS, viewer, which)
    with suppress(Undone), desk.db.write() as tx:
        if row is not None:
            tx.execute(sa.delete(CHATS).where(CHATS.c.id == row["id"]))
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.user_id == viewer.user_id).values(content=text))
        raise Undone


Action = Callable[[Desk, Viewer, int, str], None]
ACTIONS: tuple[Action, ...] = (
    create, say, say, answer, answer, answer_anew, show_branch, grow, finish, finish, run_again, edit, edit, move_in_time, call_tools,
    name_model, put_file, put_file, take_file, delete_message, rename, put_on_a_shelf, put_on_a_shelf, purge, take_in, undo,
)  # fmt: skip
STEPS = st.tuples(st.sampled_from(ACTIONS), st.integers(0, 1), st.integers(0, 12), st.sampled_from(TEXTS))
SOME = settings(
    max_examples=10,
    deadline=None,
    # Without shrinking, which would ask a database for minutes.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@SOME
@given(steps=st.lists(STEPS, min_size=8, max_size=30))
def test_whatever_two_people_do_the_index_is_what_their_messages_are(db: Database, steps: list[tuple[Action, int, int, str]]) -> None:
    desk = Desk(db)
    for who in (0, 1):
        create(desk, desk.people[who], 0, "moon")
        answer(desk, desk.people[who], 0, "the tide moon")
    for action, who, which, text in steps:
        action(desk, desk.people[who], which, text)
    for viewer in desk.people:
        check_answers(db, viewer)
    check_index(db)
    for viewer in desk.people:
        check_answers(db, viewer)


@pytest.mark.parametrize("action", dict.fromkeys(ACTIONS), ids=lambda action: action.__name__)
def test_each_of_these_alone_leaves_the_index_right(db: Database, action: Action) -> None:
    desk = Desk(db)
    viewer = desk.people[0]
    for who in desk.people:
        create(desk, who, 0, "moon")
        for which in (0, 2, 3):
            answer(desk, who, which, "the tide moon")
            put_file(desk, who, which, "")
    for which in range(6):
        action(desk, viewer, which, TEXTS[which])
    for who in desk.people:
        check_answers(db, who)
    check_index(db)


# --- answers that are being written ------------------------------------------------------------------------------


@contextmanager
def writes_nothing_to_the_index(db: Database) -> Iterator[Session]:
    """A transaction in which one row of a message may change, and nothing else."""
    with db.write() as tx:
        before = changes(tx)
        yield tx
        assert changes(tx) - before == (1 if db.is_sqlite else 0)


def changes(tx: Session) -> int:
    """On SQLite the rows that were changed, by triggers too; on PostgreSQL those of the index in this transaction."""
    if tx.get_bind().dialect.name == "sqlite":
        connection = tx.connection().connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        return connection.total_changes
    counted = (
        "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables "
        "WHERE relname IN ('message_search', 'chat_search', 'used_model')"
    )
    return int(tx.execute(sa.text(counted)).scalar_one())


def test_saving_a_growing_answer_writes_nothing_to_the_index(db: Database) -> None:
    viewer = make_viewer(db)
    _, made = make_exchange(db, viewer, make_chat(db, viewer).id, answer="moon", state=State.RUNNING)
    for number in range(3):
        with writes_nothing_to_the_index(db) as tx:
            tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == made.id).values(content="moon " * number, reasoning="tide"))
        assert entries_of(db, made.id) == 0
        assert count_hits(db, viewer, "moon role:assistant") == 0


def test_what_is_not_in_the_index_can_be_changed_without_it(db: Database) -> None:
    viewer = make_viewer(db)
    chat_id = make_chat(db, viewer).id
    made = make_message(db, viewer, chat_id, "moon")
    with writes_nothing_to_the_index(db) as tx:
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == made.id).values(reasoning="tide"))
    with writes_nothing_to_the_index(db) as tx:
        tx.execute(sa.update(CHATS).where(CHATS.c.id == chat_id).values(pinned=True, message_count=5))
    with writes_nothing_to_the_index(db) as tx:
        tx.execute(sa.update(CHATS).where(CHATS.c.id == chat_id).values(title=CHATS.c.title))


@pytest.mark.parametrize("end", ["complete", "stopped", "failed", "interrupted"])
def test_an_answer_is_found_when_it_has_ended_and_not_before(db: Database, end: str) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        sent = ask(runner, viewer, "Why?")
        provider.write("the moonlight")
        until(lambda: get_message(db, viewer, sent.answer_id).content)
        assert get_message(db, viewer, sent.answer_id).status is State.RUNNING
        assert entries_of(db, sent.answer_id) == 0
        assert count_hits(db, viewer, "moonlight") == 0
        if end == "complete":
            provider.finish()
        elif end == "stopped":
            chat.stop(runner, viewer, sent.answer_id, now=NOW)
        elif end == "failed":
            provider.feed(Failed(ErrorCode.SERVER_ERROR, "The model server failed."))
        else:
            runner.close()
        until(lambda: get_message(db, viewer, sent.answer_id).status == end)
    assert [hit.message_id for hit in search(db, viewer, "moonlight").hits] == [sent.answer_id]
    check_index(db)


def test_an_answer_whose_process_died_is_found_when_another_has_seen_to_it(db: Database) -> None:
    viewer = make_viewer(db)
    _, made = make_exchange(db, viewer, make_chat(db, viewer).id, answer="moonlight", state=State.RUNNING)
    runner = Runner(db, {}, heartbeat_stale_s=0.0)
    assert count_hits(db, viewer, "moonlight") == 0
    runner.open()
    runner.close()
    assert get_message(db, viewer, made.id).status is State.INTERRUPTED
    assert count_hits(db, viewer, "moonlight") == 1


# --- what an entry says ------------------------------------------------------------------------------------------


def test_an_entry_has_the_words_of_its_message_in_their_order(db: Database) -> None:
    viewer = make_viewer(db)
    text = "The moon, the fooBaz: C++ ÜBER 量子 moon"
    made = make_message(db, viewer, make_chat(db, viewer, title="New moon").id, text)
    if db.is_sqlite:
        entry = sorted(row[3:] for row in index_of(db) if row[:3] == ("message", made.id, "words"))
        assert [word for _, word in entry] == words_of(text)
        assert {row[4] for row in index_of(db) if row[:3] == ("message", made.id, "parts")} == set(parts_of_words(text))
        assert {row[4] for row in index_of(db) if row[0] == "chat" and row[2] == "words"} == {"new", "moon"}
        return
    unnested = sa.text("SELECT lexeme, positions FROM message_search, unnest(words) WHERE message_id = :id")
    with db.read() as tx:
        rows = tx.execute(unnested, {"id": made.id}).all()
    places = {place: row.lexeme for row in rows for place in row.positions or ()}
    assert [places[place] for place in sorted(places)] == words_of(text)
    assert {row.lexeme for row in rows if row.lexeme.startswith(":w")} == {f":w{part}" for part in parts_of_words(text)}


def test_deleting_a_person_leaves_nothing_of_theirs_in_the_index(db: Database) -> None:
    ada, bob = make_viewer(db, "Ada"), make_viewer(db, "Bob")
    for viewer in (ada, bob):
        made = make_exchange(db, viewer, make_chat(db, viewer).id)
        with db.write() as tx:
            attach(tx, viewer, made[0].id)
    with db.write() as tx:
        tx.execute(sa.delete(USERS).where(USERS.c.id == ada.user_id))
    with db.read() as tx:
        assert tx.execute(sa.text("SELECT count(*) FROM message_search")).scalar() == 2
        assert tx.execute(sa.text("SELECT count(*) FROM chat_search")).scalar() == 1
    assert {row[0] for row in used_models(db)} == {bob.user_id}
    check_answers(db, bob)
    check_index(db)


def tags_of(db: Database, message_id: int) -> set[str]:
    """The tags of an entry, without PostgreSQL's sigil."""
    if db.is_sqlite:
        return {str(row[4]) for row in index_of(db) if row[:3] == ("message", message_id, "tags")}
    with db.read() as tx:
        lexemes = tx.execute(
            sa.text("SELECT unnest(tsvector_to_array(words)) FROM message_search WHERE message_id = :id"), {"id": message_id}
        )
        return {lexeme[1:] for lexeme in lexemes.scalars() if lexeme.startswith(":")}


@pytest.mark.parametrize(
    ("provider", "model_name", "tags"),
    [
        (None, None, set()),
        ("ollama", None, {"p6f6c6c616d61"}),
        (None, "qwen", {"m7177656e"}),
        ("qwen", "ollama", {"m6f6c6c616d61", "p7177656e"}),
    ],
)
def test_a_message_has_a_tag_for_its_model_and_its_provider_and_none_where_it_has_none(
    db: Database, provider: str | None, model_name: str | None, tags: set[str]
) -> None:
    viewer = make_viewer(db)
    made = make_message(db, viewer, make_chat(db, viewer).id, "The moon")
    with db.write() as tx:
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == made.id).values(provider=provider, model_name=model_name))

    def of_models() -> set[str]:
        return {tag.lower() for tag in tags_of(db, made.id) if tag[0] in "mp"}

    assert of_models() == tags
    rebuild_index(db)
    assert of_models() == tags


@pytest.mark.parametrize("letter", ["m", "p", "c", "r", "u", "h"])
def test_the_index_has_one_letter_for_the_texts_that_have_it_and_for_no_other_message(db: Database, letter: str) -> None:
    """What has it as a tag would be passed over one by one, in every search for the letter."""
    viewer = make_viewer(db)
    chat_id = make_chat(db, viewer, messages=5).id
    made = make_message(db, viewer, chat_id, f"The {letter} of the tide")
    assert [hit.message_id for hit in search(db, viewer, letter).hits] == [made.id]
    with db.connect() as connection, connection.begin() as transaction:
        if db.is_sqlite:
            connection.exec_driver_sql("CREATE VIRTUAL TABLE temp.words_in USING fts5vocab(main, message_fts, row)")
            number = connection.execute(sa.text("SELECT doc FROM temp.words_in WHERE term = :letter"), {"letter": letter}).scalar_one()
        else:
            has = sa.text("SELECT count(*) FROM message_search WHERE :letter = ANY (tsvector_to_array(words))")
            number = connection.execute(has, {"letter": letter}).scalar_one()
        transaction.rollback()
    assert number == 1


# --- an index of an older schema ---------------------------------------------------------------------------------


@pytest.fixture
def at_0021(empty_database_url: str) -> Iterator[Database]:
    """A database of the schema before, whose index has what it had there."""
    database = open_database(empty_database_url)
    migrate_to(database, "0021")
    if database.is_sqlite:
        run_script(database, f"DROP VIEW message_words; {MESSAGE_WORDS_0021}")
    yield database
    database.close()


def test_an_index_with_tags_for_no_model_becomes_one_without(at_0021: Database) -> None:
    db, viewer, chat_id = at_0021, Viewer("ada", "Ada"), uuid.uuid4()
    write_row(db, "users", id="ada", name="Ada", created_at=NOW)
    named = {"title": "The m", "provider": "ollama", "model_name": "m", "user_id": "ada"}
    write_row(db, "chatsession", id=chat_id, created_at=NOW, updated_at=NOW, **named)
    models = ((None, None), ("ollama", "llama3.2:3b"), ("ollama", None), (None, None), (None, None))
    for number, (provider, model_name) in enumerate(models, 1):
        told = {"role": "assistant", "status": "running" if number == 5 else "complete", "provider": provider, "model_name": model_name}
        at = NOW + timedelta(seconds=number)
        write_row(db, "chatmessage", session_id=chat_id, user_id="ada", content=f"m {number}", created_at=at, **told)
    run_script(db, "UPDATE chatmessage SET content = 'p 2' WHERE id = 2; DELETE FROM chatmessage WHERE id = 4")
    assert compare_all(db) is None
    before = index_of(db)
    if db.is_sqlite:
        assert tags_of(db, 1) > {"m", "p"}
    init_db(db)
    with db.read() as tx:
        assert is_building(tx) == db.is_sqlite
    # Written before the others have their entries.
    later = make_message(db, viewer, chat_id, "m later", now=NOW + timedelta(hours=1))
    build_index(db)
    assert not {"m", "p"} & {tag for number in (1, 2, 3, later.id) for tag in tags_of(db, number)}
    assert {entry for entry in before if "tags" not in entry} <= index_of(db)
    assert [hit.message_id for hit in search(db, viewer, "m", now=NOW).hits] == [later.id, 3, 1]
    assert [hit.message_id for hit in search(db, viewer, "p model:llama", now=NOW).hits] == [2]
    assert [hit.chat.id for hit in find_chats(db, viewer, "m", now=NOW)] == [chat_id]
    check_index(db)


def test_what_an_import_left_to_be_indexed_after_it_is_indexed(at_0021: Database) -> None:
    """As imports did in versions between releases, if they were killed."""
    db, viewer, chat_id = at_0021, Viewer("ada", "Ada"), uuid.uuid4()
    write_row(db, "users", id="ada", name="Ada", created_at=NOW)
    times = {"created_at": NOW, "updated_at": NOW}
    write_row(db, "chatsession", id=chat_id, user_id="ada", title="Tides", provider="ollama", model_name="m", **times)
    run_script(db, "INSERT INTO search_later (first, last) VALUES (2, 3)")
    for content in ("the tide", "the moon", "the stone"):
        told = {"user_id": "ada", "role": "user", "status": "complete", "created_at": NOW}
        write_row(db, "chatmessage", session_id=chat_id, content=content, **told)
    assert {entry[1] for entry in index_of(db) if entry[0] == "message"} == {1}
    init_db(db)
    build_index(db)
    run_script(db, "UPDATE chatmessage SET content = 'the sand' WHERE id = 3")
    assert [count_hits(db, viewer, text) for text in ("tide", "moon", "stone", "sand")] == [1, 1, 0, 1]
    check_index(db)


def write_row(db: Database, table: str, **values: object) -> None:
    """Writes a row by hand: today's functions may ask for columns that an older schema has not."""
    of = SQLModel.metadata.tables[table].c
    row = sa.table(table, *(sa.column(name, of[name].type) for name in values))
    with db.write() as tx:
        tx.execute(sa.insert(row).values(**values))
