"""Prompts that wait: sent in their order when an answer has ended, kept when it has not, and never lost or sent twice."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from chatcore import chat
from chatcore.chat import Draft, Sent
from chatcore.db import Database
from chatcore.documents import BadFile, Upload
from chatcore.errors import Conflict, Invalid, NotFound
from chatcore.generation import Runner
from chatcore.history import delete_chats, get_message
from chatcore.parts import State, Viewer
from chatcore.queue import Queue, draft_of, send_next, send_or_queue, send_queued
from chatcore.queued import FILES, MOST_WAITING, Queued, QueuedFile, change_queued, list_queued, remove_queued, uploads_of
from chatcore.thread import open_thread
from tests.answers import LIMIT_S, ask, ended, leave_running, running, until
from tests.factories import make_viewer
from tests.files import IMAGE
from tests.scripted import Scripted


def now() -> datetime:
    return datetime.now(UTC)


def wait_in(runner: Runner, viewer: Viewer, sent: Sent, text: str, request_key: str | None = None) -> Queued:
    """A prompt that waits in the chat."""
    queued = send_or_queue(runner, viewer, sent.chat_id, Draft(text, "scripted", "parrot", request_key=request_key), now=now())
    assert isinstance(queued, Queued)
    return queued


def texts(db: Database, viewer: Viewer, sent: Sent) -> list[str]:
    """What stands in the chat, prompts and answers."""
    return [message.content for message in open_thread(db, viewer, sent.chat_id).messages]


def test_what_waits_is_sent_in_order_when_the_answer_has_ended(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        Queue(runner)
        sent = ask(runner, viewer, "one")
        wait_in(runner, viewer, sent, "two")
        wait_in(runner, viewer, sent, "three")
        assert [waiting.text for waiting in list_queued(db, viewer, sent.chat_id)] == ["two", "three"]
        for number in (1, 2):
            provider.write(f"answer {number}")
            provider.finish()
            assert provider.asked.acquire(timeout=LIMIT_S)
        provider.write("answer 3")
        provider.finish()
        until(lambda: texts(db, viewer, sent) == ["one", "answer 1", "two", "answer 2", "three", "answer 3"])
        assert list_queued(db, viewer, sent.chat_id) == ()
        assert [turn.content for turn in provider.requests[2].turns] == ["one", "answer 1", "two", "answer 2", "three"]


def test_what_waits_keeps_its_tools_and_its_files(db: Database) -> None:
    viewer, provider, files = make_viewer(db), Scripted(), (Upload("tides.csv", b"port;time"), IMAGE)
    with running(db, provider) as runner:
        Queue(runner)
        sent = ask(runner, viewer, "one")
        draft = Draft("", "scripted", "parrot", use_tools=True, files=files)
        send_or_queue(runner, viewer, sent.chat_id, draft, now=now())
        (waiting,) = list_queued(db, viewer, sent.chat_id)
        assert waiting.files == (QueuedFile("tides.csv", 9), QueuedFile(IMAGE.name, len(IMAGE.content)))
        assert draft_of(db, viewer, waiting) == replace(draft, queued_id=waiting.id)
        assert change_queued(db, viewer, waiting.id, text=" ") == waiting
        assert uploads_of(db, make_viewer(db, "Bob"), waiting.id) == ()
        provider.finish()
        assert provider.asked.acquire(timeout=LIMIT_S)
    asked = provider.requests[1].turns[-1]
    assert "port;time" in asked.content
    assert [picture.content for picture in asked.images] == [IMAGE.content]
    prompt = next(message for message in open_thread(db, viewer, sent.chat_id).messages if message.attachments)
    assert [file.name for file in prompt.attachments] == ["tides.csv", IMAGE.name]
    with db.read() as tx:
        assert tx.execute(sa.select(FILES)).all() == []


def test_a_bad_file_is_said_before_it_waits(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        sent = ask(runner, viewer, "one")
        bad = Draft("two", "scripted", "parrot", files=(Upload("report.pdf", b"%PDF-1.7 and no more"),))
        for waiting in (0, 1):
            with pytest.raises(BadFile, match=r"report\.pdf"):
                send_or_queue(runner, viewer, sent.chat_id, bad, now=now())
            assert len(list_queued(db, viewer, sent.chat_id)) == waiting
            wait_in(runner, viewer, sent, "three")


def test_without_an_answer_a_prompt_is_sent_at_once(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        sent = ask(runner, viewer)
        provider.finish()
        ended(db, viewer, sent.answer_id)
        assert isinstance(send_or_queue(runner, viewer, sent.chat_id, Draft("And?", "scripted", "parrot"), now=now()), Sent)


def test_after_a_stopped_answer_it_waits_for_the_person(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        Queue(runner)
        sent = ask(runner, viewer, "one")
        waiting = wait_in(runner, viewer, sent, "two")
        chat.stop(runner, viewer, sent.answer_id, now=now())
        ended(db, viewer, sent.answer_id)
        # Whoever writes more stands behind those that wait.
        wait_in(runner, viewer, sent, "three")
        assert len(provider.requests) == 1
        send_queued(runner, viewer, waiting.id, now=now())
        assert provider.asked.acquire(timeout=LIMIT_S)
        provider.finish()
        # From here on it goes by itself again.
        assert provider.asked.acquire(timeout=LIMIT_S)
        assert list_queued(db, viewer, sent.chat_id) == ()


def test_sending_now_stops_the_answer_and_leaves_the_others_waiting(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        Queue(runner)
        sent = ask(runner, viewer, "one")
        wait_in(runner, viewer, sent, "two")
        urgent = wait_in(runner, viewer, sent, "three")
        now_sent = send_queued(runner, viewer, urgent.id, now=now())
        assert get_message(db, viewer, sent.answer_id).status is State.STOPPED
        assert get_message(db, viewer, now_sent.user_message_id).content == "three"
        assert [waiting.text for waiting in list_queued(db, viewer, sent.chat_id)] == ["two"]
        with pytest.raises(NotFound):
            send_queued(runner, viewer, urgent.id, now=now())


def test_what_waits_can_be_changed_and_removed(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        sent = ask(runner, viewer)
        first, second = (wait_in(runner, viewer, sent, text) for text in ("two", "three"))
        assert change_queued(db, viewer, first.id, text="2").text == "2"
        with pytest.raises(Invalid):
            change_queued(db, viewer, first.id, text=" ")
        remove_queued(db, viewer, second.id)
        assert [waiting.text for waiting in list_queued(db, viewer, sent.chat_id)] == ["2"]
        with pytest.raises(NotFound):
            remove_queued(db, viewer, second.id)
        with pytest.raises(NotFound):
            change_queued(db, viewer, 2**70, text="x")


def test_a_double_click_waits_once(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        sent = ask(runner, viewer)
        wait_in(runner, viewer, sent, "two", request_key="click")
        with pytest.raises(Conflict):
            wait_in(runner, viewer, sent, "two", request_key="click")
        assert len(list_queued(db, viewer, sent.chat_id)) == 1


def test_only_so_many_wait(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        sent = ask(runner, viewer)
        for number in range(MOST_WAITING):
            wait_in(runner, viewer, sent, str(number))
        with pytest.raises(Invalid):
            wait_in(runner, viewer, sent, "one more")


def test_nothing_waits_in_the_trash(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        sent = ask(runner, viewer)
        delete_chats(db, viewer, [sent.chat_id], now=now())
        with pytest.raises(Conflict):
            wait_in(runner, viewer, sent, "two")


def test_after_a_restart_what_waits_is_kept_and_waits_for_the_person(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    answer = leave_running(db, viewer, "Becau", owner="elsewhere:1:gone", silent_s=60)
    sent = Sent(answer.session_id, answer.parent_id or 0, answer.id)
    with running(db, Scripted(), stale_s=3600.0) as before:
        wait_in(before, viewer, sent, "two")
    with running(db, provider) as runner:
        Queue(runner)
        ended(db, viewer, answer.id)
        (waiting,) = list_queued(db, viewer, sent.chat_id)
        assert not provider.requests
        send_queued(runner, viewer, waiting.id, now=now())
        assert provider.asked.acquire(timeout=LIMIT_S)


def test_two_processes_send_what_waits_once(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner, running(db, Scripted()) as other:
        sent = ask(runner, viewer)
        wait_in(runner, viewer, sent, "two")
        chat.stop(runner, viewer, sent.answer_id, now=now())
        found = [send_next(each, viewer, sent.chat_id, now=now()) for each in (runner, other)]
        assert sum(isinstance(result, Sent) for result in found) == 1
