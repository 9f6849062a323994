"""The thread: windows of the branch a chat shows."""

from datetime import datetime

import pytest
import sqlalchemy as sa

from chatcore.db import Database
from chatcore.errors import NotFound
from chatcore.history import append, get_message
from chatcore.parts import MessageInfo, State
from chatcore.rows import CHATS, GENERATIONS
from chatcore.thread import open_thread
from tests.factories import make_chat, make_exchange, make_viewer
from tests.plans import plans, statements


def content_of(messages: tuple[MessageInfo, ...]) -> list[str]:
    return [message.content for message in messages]


def test_a_thread_opens_at_its_end_and_earlier_messages_follow(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=10)
    thread = open_thread(db, viewer, chat.id, last=4)
    assert content_of(thread.messages) == ["message 6", "message 7", "message 8", "message 9"]
    assert thread.has_earlier
    thread = open_thread(db, viewer, chat.id, last=6, before=thread.messages[0].id)
    assert content_of(thread.messages) == [f"message {number}" for number in range(6)]
    assert not thread.has_earlier
    assert open_thread(db, viewer, chat.id, before=thread.messages[0].id).messages == ()


def test_a_chat_without_messages_opens_empty(db: Database) -> None:
    viewer = make_viewer(db)
    thread = open_thread(db, viewer, make_chat(db, viewer).id)
    assert (thread.messages, thread.has_earlier) == ((), False)


def test_a_chat_that_names_no_leaf_opens_at_its_newest_message(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=3)
    with db.write() as tx:
        tx.execute(sa.update(CHATS).values(current_message_id=None))
    assert content_of(open_thread(db, viewer, chat.id).messages) == ["message 0", "message 1", "message 2"]
    assert append(db, viewer, chat.id, role="user", content="x", now=now).parent_id is not None


def test_an_answer_shows_its_newest_attempt(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    _, answered = make_exchange(db, viewer, chat.id, state=State.FAILED)
    assert answered.generation is not None
    assert (answered.generation.state, answered.generation.error_type) == (State.FAILED, "server_error")
    with db.write() as tx:
        tx.execute(
            sa.insert(GENERATIONS).values(
                user_id=viewer.user_id, session_id=chat.id, message_id=answered.id, provider="p", model_name="second", state="running",
                started_at=now,
            )
        )  # fmt: skip
    generations = [message.generation for message in open_thread(db, viewer, chat.id).messages]
    assert generations[0] is None
    assert generations[1] is not None
    assert generations[1].model_name == "second"
    assert get_message(db, viewer, answered.id).generation == generations[1]


def test_a_thread_takes_three_statements_and_never_reads_the_whole_chat(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=60)
    with statements() as seen:
        open_thread(db, viewer, chat.id, last=10)
    assert len(seen) == 3
    for plan in plans(db, lambda: open_thread(db, viewer, chat.id, last=10)):
        assert "SCAN chatmessage" not in plan, plan
        assert "SCAN parent" not in plan, plan
        assert "Seq Scan" not in plan, plan


def test_a_message_of_another_chat_is_no_place_to_start_from(db: Database) -> None:
    viewer = make_viewer(db)
    chat, other = make_chat(db, viewer, messages=2), make_chat(db, viewer, messages=2)
    for before in (other.current_message_id, 10**9, 2**80, -(2**80)):
        with pytest.raises(NotFound):
            open_thread(db, viewer, chat.id, before=before)
