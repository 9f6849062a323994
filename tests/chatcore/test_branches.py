"""The tree of a chat: siblings, the branch that is shown, deleting and copying."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from chatcore import doctor
from chatcore.attachments import read_attachment
from chatcore.branches import Siblings, count_below, delete_message, fork, fork_title, siblings, switch_branch
from chatcore.chat import StillAnswering
from chatcore.chat_settings import read_settings, write_settings
from chatcore.db import Database
from chatcore.errors import Conflict, NotFound
from chatcore.history import append_in, delete_chats, get_chat, get_message
from chatcore.organise import folders
from chatcore.parameters import ChatSettings
from chatcore.parts import MessageInfo, Role, State, Viewer
from chatcore.rollup import making
from chatcore.rows import GENERATIONS
from chatcore.search import search
from chatcore.thread import open_thread
from tests.factories import make_chat, make_exchange, make_message, make_viewer
from tests.files import NOTES, attach

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
LATER = NOW + timedelta(days=3)


def beside(db: Database, viewer: Viewer, message: MessageInfo, content: str) -> MessageInfo:
    """Another message beside this one, which is shown from now on."""
    with db.write() as tx:
        return append_in(tx, viewer, message.session_id, role=message.role, content=content, now=NOW, sibling_of=message.id)


def shown(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> list[str]:
    return [message.content for message in open_thread(db, viewer, chat_id).messages]


def problems(db: Database) -> list[str]:
    """What the doctor has to say of the database; nothing if it is well."""
    making.refresh(db)
    return [str(finding) for finding in doctor.examine(db, now=NOW, thorough=True) if finding.level is doctor.Level.PROBLEM]


# --- siblings ----------------------------------------------------------------------------------------------------


def test_each_message_of_a_window_knows_what_stands_beside_it(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada)
    asked, first = make_exchange(db, ada, chat.id)
    second = beside(db, ada, first, "second")
    third = beside(db, ada, first, "third")
    other = beside(db, ada, asked, "otherwise")
    elsewhere = make_message(db, ada, make_chat(db, ada).id)
    found = siblings(db, ada, [asked.id, second.id, elsewhere.id, 2**70, -1])
    assert found == {
        asked.id: Siblings((asked.id, other.id), 1),
        second.id: Siblings((first.id, second.id, third.id), 2),
        elsewhere.id: Siblings((elsewhere.id,), 1),
    }
    assert (found[second.id].before, found[second.id].after) == (first.id, third.id)
    assert (found[asked.id].before, found[asked.id].after) == (None, other.id)


def test_a_window_costs_two_statements_whatever_its_size(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada, messages=300)
    messages = open_thread(db, ada, chat.id, limit=200).messages
    statements: list[str] = []
    # Which engine a session reads with is the session's own business.
    with db.read() as tx:
        engine = tx.get_bind()
        assert isinstance(engine, sa.Engine)

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if "FROM chatmessage" in statement:
            statements.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    found = siblings(db, ada, [message.id for message in messages])
    sa.event.remove(engine, "before_cursor_execute", note)
    assert len(found) == 200
    assert len(statements) == 2


# --- switching ---------------------------------------------------------------------------------------------------


def test_switching_shows_the_newest_below_or_what_was_left(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada)
    asked, answer = make_exchange(db, ada, chat.id, prompt="one", answer="first")
    early = make_message(db, ada, chat.id, "early")
    late = beside(db, ada, early, "late")
    other = beside(db, ada, answer, "second")
    before = get_chat(db, ada, chat.id)
    assert shown(db, ada, chat.id) == ["one", "second"]
    assert switch_branch(db, ada, answer.id) == late.id
    assert shown(db, ada, chat.id) == ["one", "first", "late"]
    # Not below the message, and not there: neither is preferred.
    assert switch_branch(db, ada, answer.id, preferred=[other.id, 2**70, asked.id, early.id]) == early.id
    assert shown(db, ada, chat.id) == ["one", "first", "early"]
    assert switch_branch(db, ada, other.id, preferred=[early.id]) == other.id
    assert get_chat(db, ada, chat.id) == before


def test_a_branch_that_grew_is_shown_to_its_new_end(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada)
    _, answer = make_exchange(db, ada, chat.id, prompt="one", answer="first")
    grown = make_message(db, ada, chat.id, "and then")
    beside(db, ada, answer, "second")
    assert switch_branch(db, ada, answer.id, preferred=[answer.id]) == grown.id


# --- deleting ----------------------------------------------------------------------------------------------------


def test_a_message_goes_with_all_that_follows_it(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada)
    make_exchange(db, ada, chat.id, prompt="kept", answer="kept too")
    asked, answer = make_exchange(db, ada, chat.id, prompt="zebra", answer="giraffe")
    beside(db, ada, answer, "giraffe again")
    make_message(db, ada, chat.id, "okapi")
    assert count_below(db, ada, asked.id) == 3
    assert delete_message(db, ada, asked.id) == 4
    after = get_chat(db, ada, chat.id)
    assert shown(db, ada, chat.id) == ["kept", "kept too"]
    assert (after.message_count, after.last_snippet, after.last_message_at) == (2, "kept too", NOW)
    assert not any(search(db, ada, word).hits for word in ("zebra", "giraffe", "okapi"))
    assert problems(db) == []


def test_what_was_used_stays_known_when_an_answer_is_deleted(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada)
    _, answer = make_exchange(db, ada, chat.id)
    delete_message(db, ada, answer.id)
    after = get_chat(db, ada, chat.id)
    assert (after.message_count, after.input_tokens, after.output_tokens) == (1, 20, 40)
    with db.read() as tx:
        assert tx.execute(sa.select(GENERATIONS.c.message_id, GENERATIONS.c.output_tokens)).all() == [(None, 40)]
    assert problems(db) == []


def test_what_stands_beside_a_deleted_message_is_shown(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada)
    asked, first = make_exchange(db, ada, chat.id, prompt="one", answer="first")
    make_message(db, ada, chat.id, "below the first")
    second = beside(db, ada, first, "second")
    third = beside(db, ada, first, "third")
    delete_message(db, ada, third.id)
    assert shown(db, ada, chat.id) == ["one", "second"]
    delete_message(db, ada, second.id)
    assert shown(db, ada, chat.id) == ["one", "first", "below the first"]
    other = beside(db, ada, asked, "otherwise")
    delete_message(db, ada, asked.id)
    assert shown(db, ada, chat.id) == ["otherwise"]
    delete_message(db, ada, other.id)
    after = get_chat(db, ada, chat.id)
    assert (after.message_count, after.current_message_id, after.last_snippet, after.last_message_at) == (0, None, None, None)
    assert make_message(db, ada, chat.id, "anew").parent_id is None
    assert problems(db) == []


def test_deleting_what_is_not_shown_leaves_the_shown_branch(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada)
    _, first = make_exchange(db, ada, chat.id, prompt="one", answer="first")
    second = beside(db, ada, first, "second")
    delete_message(db, ada, first.id)
    assert get_chat(db, ada, chat.id).current_message_id == second.id


def test_a_chat_that_answers_or_lies_in_the_trash_loses_nothing(db: Database) -> None:
    ada = make_viewer(db)
    busy, trashed = make_chat(db, ada), make_chat(db, ada, messages=2)
    asked, running = make_exchange(db, ada, busy.id, state=State.RUNNING)
    for message_id in (asked.id, running.id):
        with pytest.raises(StillAnswering):
            delete_message(db, ada, message_id)
    delete_chats(db, ada, [trashed.id], now=NOW)
    assert trashed.current_message_id
    with pytest.raises(Conflict, match="trash"):
        delete_message(db, ada, trashed.current_message_id)
    assert [get_chat(db, ada, chat.id).message_count for chat in (busy, trashed)] == [2, 2]


def test_the_half_of_a_long_chat_is_deleted(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada, messages=3000)
    assert chat.current_message_id
    assert delete_message(db, ada, chat.current_message_id - 1499) == 1500
    assert get_chat(db, ada, chat.id).message_count == 1500
    assert len(open_thread(db, ada, chat.id, limit=1000).messages) == 1000


# --- copying -----------------------------------------------------------------------------------------------------


def test_a_fork_has_copies_of_the_branch_up_to_the_message(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada, title="Tides")
    folder = folders.make_folder(db, ada, name="Sea")
    folders.move_chats(db, ada, [chat.id], folder_id=folder.id)
    asked, answer = make_exchange(db, ada, chat.id, prompt="one", answer="first")
    beside(db, ada, answer, "second")
    switch_branch(db, ada, answer.id)
    make_message(db, ada, chat.id, "after it")
    attach(db, ada, asked.id, NOTES)
    write_settings(db, ada, chat.id, ChatSettings(system_prompt="Be brief."))
    before = get_chat(db, ada, chat.id)
    made = fork(db, ada, answer.id, now=LATER)
    copies = open_thread(db, ada, made.id).messages
    assert [(copy.role, copy.content, copy.status) for copy in copies] == [
        (Role.USER, "one", State.COMPLETE),
        (Role.ASSISTANT, "first", State.COMPLETE),
    ]
    assert [copy.created_at for copy in copies] == [NOW, NOW]
    assert (made.title, made.message_count, made.folder_id) == ("Tides (fork)", 2, folder.id)
    assert (made.created_at, made.updated_at, made.last_message_at, made.last_snippet) == (LATER, LATER, NOW, "first")
    # Used once: the tokens are those of the first chat.
    assert (made.input_tokens, made.output_tokens, copies[1].generation) == (0, 0, None)
    assert read_settings(db, ada, made.id) == ChatSettings(system_prompt="Be brief.")
    assert get_chat(db, ada, chat.id) == before
    (file,) = copies[0].attachments
    assert (file.name, read_attachment(db, ada, copies[0].id, file.id)[1]) == (NOTES.name, NOTES.content)
    assert {hit.chat_id for hit in search(db, ada, "first").hits} == {chat.id, made.id}
    assert make_message(db, ada, made.id, "on it goes").parent_id == copies[1].id
    assert problems(db) == []


def test_an_answer_that_is_being_written_is_not_copied_its_prompt_is(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada)
    asked, running = make_exchange(db, ada, chat.id, state=State.RUNNING)
    with pytest.raises(StillAnswering):
        fork(db, ada, running.id, now=NOW)
    assert fork(db, ada, asked.id, now=NOW).message_count == 1


def test_a_long_chat_is_copied_whole(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada, messages=1200)
    assert chat.current_message_id
    made = fork(db, ada, chat.current_message_id, now=NOW)
    assert made.message_count == 1200
    assert len(open_thread(db, ada, made.id, limit=1000).messages) == 1000


@pytest.mark.parametrize(
    ("title", "copy"), [("Tides", "Tides (fork)"), ("Tides (fork)", "Tides (fork)"), ("a" * 200, "a" * 192 + "… (fork)")]
)
def test_a_fork_says_so_in_its_title(title: str, copy: str) -> None:
    assert fork_title(title) == copy
    assert len(copy) <= 200


def test_what_is_not_there_is_not_found(db: Database) -> None:
    ada, eve = make_viewer(db), make_viewer(db, "Eve")
    message = make_message(db, ada, make_chat(db, ada).id)
    for viewer, message_id in ((eve, message.id), (ada, 2**70), (ada, -1)):
        with pytest.raises(NotFound):
            switch_branch(db, viewer, message_id)
        with pytest.raises(NotFound):
            delete_message(db, viewer, message_id)
        with pytest.raises(NotFound):
            fork(db, viewer, message_id, now=NOW)
    assert get_message(db, ada, message.id) == message
