"""Prompts that wait, without a browser: written while an answer runs, changed, removed, sent."""

import uuid
from datetime import UTC, datetime

from streamlit.testing.v1 import AppTest

from chatcore import chat
from chatcore.queued import list_queued
from chatcore.thread import open_thread
from tests.pages.frame import Frame, until


def busy(frame: Frame) -> tuple[AppTest, chat.Sent]:
    """A chat that answers for long, on the page."""
    draft = chat.Draft("/stream 4000 50", "guide", "guide")
    sent = chat.send(frame.core.runner, frame.viewer, None, draft, now=datetime.now(UTC))
    return frame.run(c=str(sent.chat_id)), sent


def write(at: AppTest, text: str) -> None:
    at.chat_input[0].set_value(text).run()
    assert not at.exception


def waiting(frame: Frame, chat_id: uuid.UUID) -> list[str]:
    return [queued.text for queued in list_queued(frame.core.db, frame.viewer, chat_id)]


def stop(frame: Frame, message_id: int) -> None:
    chat.stop(frame.core.runner, frame.viewer, message_id, now=datetime.now(UTC))


def captions(at: AppTest) -> str:
    return "\n".join(str(caption.value) for caption in at.caption)


def test_a_prompt_written_while_an_answer_runs_waits_below_it(frame: Frame) -> None:
    at, sent = busy(frame)
    write(at, "Where is my data?")
    assert waiting(frame, sent.chat_id) == ["Where is my data?"]
    assert "sent when the answer is there" in captions(at)
    assert any("Where is my data" in str(text.value) for text in at.markdown)
    stop(frame, sent.answer_id)
    at.run()
    assert "waits for you" in captions(at)


def test_one_that_waits_is_changed_and_removed(frame: Frame) -> None:
    at, sent = busy(frame)
    write(at, "one")
    write(at, "two")
    first, second = list_queued(frame.core.db, frame.viewer, sent.chat_id)
    at.button(key=f"queue.edit.{first.id}").click().run()
    at.text_area(key="queue.text").set_value(" ").run()
    at.button(key="queue.save").click().run()
    assert "empty" in at.warning[0].value
    # What waits is drawn anew every second; what was wrong stays until there is another try.
    at.run()
    assert "empty" in at.warning[0].value
    at.text_area(key="queue.text").set_value("Where is my data?").run()
    at.button(key="queue.save").click().run()
    assert not at.warning
    at.button(key=f"queue.remove.{second.id}").click().run()
    assert not at.exception
    assert waiting(frame, sent.chat_id) == ["Where is my data?"]
    stop(frame, sent.answer_id)


def test_sending_now_stops_the_answer(frame: Frame) -> None:
    at, sent = busy(frame)
    write(at, "Where is my data?")
    (queued,) = list_queued(frame.core.db, frame.viewer, sent.chat_id)
    at.button(key=f"queue.send.{queued.id}").click().run()
    assert not at.exception
    assert waiting(frame, sent.chat_id) == []
    until(
        lambda: (
            [message.status for message in open_thread(frame.core.db, frame.viewer, sent.chat_id).messages][1::2] == ["stopped", "complete"]
        )
    )
    at.run()
    assert len(at.chat_message) == 4
