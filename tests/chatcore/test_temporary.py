"""Temporary chats: they stream like others, leave no message behind, and can be kept."""

import gc
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from chatcore import chat
from chatcore.chat import Draft, Sent
from chatcore.db import Database
from chatcore.documents import BadFile, Upload
from chatcore.errors import Conflict, Invalid, NotFound
from chatcore.generation import Runner
from chatcore.history import list_chats
from chatcore.memory import TemporaryChat
from chatcore.parameters import ChatSettings
from chatcore.parts import Role, State, Viewer
from chatcore.rows import ATTACHMENTS, CHATS, GENERATIONS, MESSAGES
from chatcore.temporary import keep_temporary, retry_temporary, send_temporary
from chatcore.thread import open_thread
from tests.answers import LIMIT_S, follow_to_end, read_until, running, table_away, until
from tests.factories import make_viewer
from tests.files import IMAGE
from tests.scripted import Scripted


def say(runner: Runner, viewer: Viewer, temporary: TemporaryChat, text: str, request_key: str | None = None) -> Sent:
    """Sends a prompt, and returns when the provider has it."""
    sent = send_temporary(runner, viewer, temporary, Draft(text, "scripted", "parrot", request_key=request_key), now=datetime.now(UTC))
    provider = runner.providers["scripted"]
    assert isinstance(provider, Scripted)
    assert provider.asked.acquire(timeout=LIMIT_S)
    return sent


def say_with(runner: Runner, viewer: Viewer, temporary: TemporaryChat, file: Upload) -> Sent:
    draft = Draft("Look", "scripted", "parrot", files=(file,))
    return send_temporary(runner, viewer, temporary, draft, now=datetime.now(UTC))


def again(runner: Runner, viewer: Viewer, temporary: TemporaryChat) -> Sent:
    return retry_temporary(runner, viewer, temporary, provider="scripted", model_name="parrot", now=datetime.now(UTC))


def rows(db: Database, table: sa.Table) -> list[sa.RowMapping]:
    with db.read() as tx:
        return list(tx.execute(sa.select(table)).mappings())


def test_an_answer_streams_and_nothing_but_its_usage_is_written(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        temporary = runner.memory.make(viewer)
        sent = say(runner, viewer, temporary, "A secret")
        provider.write("I keep ", "it.")
        read_until(runner, viewer, sent.answer_id, "I keep it.")
        # The checkpoints that come meanwhile do not take it for an answer whose message was deleted.
        beat = rows(db, GENERATIONS)[0]["heartbeat_at"]
        until(lambda: rows(db, GENERATIONS)[0]["heartbeat_at"] != beat or not temporary.running)
        assert temporary.running
        provider.finish()
        updates = follow_to_end(runner, viewer, sent.answer_id)
        assert updates[-1].state is State.COMPLETE
        assert [message.content for message in temporary.messages] == ["A secret", "I keep it."]
        assert follow_to_end(runner, viewer, sent.answer_id)[0].text == "I keep it."
        say(runner, viewer, temporary, "What was it?")
        assert [turn.content for turn in provider.requests[1].turns] == ["A secret", "I keep it.", "What was it?"]
    assert rows(db, CHATS) == rows(db, MESSAGES) == []
    first, second = sorted(rows(db, GENERATIONS), key=lambda row: int(row["id"]))
    assert (first["session_id"], first["message_id"], first["state"], first["output_tokens"]) == (None, None, "complete", 2)
    assert second["state"] == "interrupted"


def test_a_temporary_answer_can_be_stopped_and_keeps_its_text(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        temporary = runner.memory.make(viewer)
        sent = say(runner, viewer, temporary, "A secret")
        provider.write("I keep")
        read_until(runner, viewer, sent.answer_id, "I keep")
        chat.stop(runner, viewer, sent.answer_id, now=datetime.now(UTC))
        assert (temporary.messages[1].status, temporary.messages[1].content) == (State.STOPPED, "I keep")
        chat.stop(runner, viewer, sent.answer_id, now=datetime.now(UTC))


def test_a_chat_that_nobody_holds_is_gone(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        temporary = runner.memory.make(viewer)
        sent = say(runner, viewer, temporary, "A secret")
        del temporary
        gc.collect()
        assert runner.memory.message(viewer, sent.answer_id).status is State.RUNNING
        provider.finish()
        # Not followed: who begins to follow when it has ended finds nothing any more.
        until(lambda: is_gone(runner, viewer, sent.answer_id))


def is_gone(runner: Runner, viewer: Viewer, message_id: int) -> bool:
    """Whether the memory has no such message, now that nothing that is left over holds its chat."""
    gc.collect()
    try:
        runner.memory.message(viewer, message_id)
    except NotFound:
        return True
    return False


def test_a_temporary_chat_is_only_its_owners(db: Database) -> None:
    viewer, bob, provider = make_viewer(db), make_viewer(db, "Bob"), Scripted()
    with running(db, provider) as runner:
        temporary = runner.memory.make(viewer)
        sent = say(runner, viewer, temporary, "A secret")
        provider.finish()
        follow_to_end(runner, viewer, sent.answer_id)
        for look in (
            lambda: runner.memory.message(bob, sent.answer_id),
            lambda: next(runner.follow_sync(bob, sent.answer_id)),
            lambda: chat.stop(runner, bob, sent.answer_id, now=datetime.now(UTC)),
            lambda: send_temporary(runner, bob, temporary, Draft("x", "scripted", "parrot"), now=datetime.now(UTC)),
            lambda: keep_temporary(runner, bob, temporary, now=datetime.now(UTC)),
        ):
            with pytest.raises(NotFound):
                look()


def test_a_kept_chat_is_one_like_any_other_and_its_usage_leads_to_it(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        temporary = runner.memory.make(viewer, ChatSettings(system_prompt="Be brief."))
        with pytest.raises(Invalid):
            keep_temporary(runner, viewer, temporary, now=datetime.now(UTC))
        sent = say(runner, viewer, temporary, "Why are there two tides a day?")
        with pytest.raises(Conflict):
            keep_temporary(runner, viewer, temporary, now=datetime.now(UTC))
        provider.write("Because.")
        provider.finish()
        follow_to_end(runner, viewer, sent.answer_id)
        made = keep_temporary(runner, viewer, temporary, now=datetime.now(UTC))
        (listed,) = list_chats(db, viewer).items
        assert (listed.id, listed.title, listed.message_count) == (made.id, "Why are there two tides a day?", 2)
        asked, answer = open_thread(db, viewer, made.id).messages
        assert (asked.role, asked.content, answer.content) == (Role.USER, "Why are there two tides a day?", "Because.")
        assert answer.generation is not None
        assert answer.generation.output_tokens == listed.output_tokens == 1
        assert len(rows(db, GENERATIONS)) == 1
        provider.asked.release()
        assert chat.send(runner, viewer, made.id, Draft("And?", "scripted", "parrot"), now=datetime.now(UTC))


def test_a_temporary_chat_takes_one_prompt_at_a_time_and_a_double_click_once(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        temporary = runner.memory.make(viewer)
        sent = say(runner, viewer, temporary, "one", request_key="click")
        with pytest.raises(Conflict):
            send_temporary(runner, viewer, temporary, Draft("two", "scripted", "parrot"), now=datetime.now(UTC))
        provider.finish()
        follow_to_end(runner, viewer, sent.answer_id)
        with pytest.raises(Conflict):
            send_temporary(runner, viewer, temporary, Draft("one", "scripted", "parrot", request_key="click"), now=datetime.now(UTC))
        with pytest.raises(Invalid):
            send_temporary(runner, viewer, temporary, Draft(" ", "scripted", "parrot"), now=datetime.now(UTC))
        assert len(temporary.messages) == 2


def test_its_files_reach_the_model_stay_in_memory_and_are_kept_with_it(db: Database) -> None:
    viewer, bob, provider = make_viewer(db), make_viewer(db, "Bob"), Scripted()
    with running(db, provider) as runner:
        temporary = runner.memory.make(viewer)
        files = (Upload("tides.csv", b"port;time"), IMAGE)
        sent = send_temporary(runner, viewer, temporary, Draft("", "scripted", "parrot", files=files), now=datetime.now(UTC))
        assert provider.asked.acquire(timeout=LIMIT_S)
        provider.write("A port.")
        provider.finish()
        follow_to_end(runner, viewer, sent.answer_id)
        asked = say(runner, viewer, temporary, "And?")
        provider.finish()
        follow_to_end(runner, viewer, asked.answer_id)
        for request in provider.requests:
            assert "port;time" in request.turns[0].content
            assert [picture.content for picture in request.turns[0].images] == [IMAGE.content]
        info, content = runner.memory.file(viewer, sent.user_message_id, 2)
        assert (info.name, content) == (IMAGE.name, IMAGE.content)
        with pytest.raises(NotFound):
            runner.memory.file(bob, sent.user_message_id, 2)
        with pytest.raises(NotFound):
            runner.memory.file(viewer, sent.user_message_id, 3)
        with pytest.raises(BadFile):
            say_with(runner, viewer, temporary, Upload("a.pdf", b"%PDF-1.7"))
        assert rows(db, ATTACHMENTS) == []
        kept = keep_temporary(runner, viewer, temporary, now=datetime.now(UTC))
    assert kept.title == "tides.csv"
    prompt = open_thread(db, viewer, kept.id).messages[0]
    assert [file.name for file in prompt.attachments] == ["tides.csv", IMAGE.name]


def test_the_last_answer_is_tried_again_in_its_place(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        temporary = runner.memory.make(viewer)
        sent = say(runner, viewer, temporary, "A secret")
        with pytest.raises(Conflict):
            again(runner, viewer, temporary)
        provider.write("One.")
        provider.finish()
        follow_to_end(runner, viewer, sent.answer_id)
        with pytest.raises(NotFound):
            again(runner, make_viewer(db, "Bob"), temporary)
        before = temporary.messages
        with table_away(db, "generation"), pytest.raises(sa.exc.DBAPIError):
            again(runner, viewer, temporary)
        assert temporary.messages == before
        tried = again(runner, viewer, temporary)
        assert tried.user_message_id == sent.user_message_id
        assert provider.asked.acquire(timeout=LIMIT_S)
        assert [turn.content for turn in provider.requests[1].turns] == ["A secret"]
        provider.write("Two.")
        provider.finish()
        follow_to_end(runner, viewer, tried.answer_id)
        assert [message.content for message in temporary.messages] == ["A secret", "Two."]
    # What both used is known.
    assert len(rows(db, GENERATIONS)) == 2
