"""What one can do with a message on the chat page, without a browser."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from chatcore import branches, chat, feedback, history
from chatcore.parts import MessageInfo, State
from chatcore.thread import open_thread
from tests.factories import make_chat, make_exchange, make_message
from tests.pages.frame import FINAL, Frame, components, until
from ui.message_actions import what_goes


def now() -> datetime:
    return datetime.now(UTC)


def shown(frame: Frame, chat_id: uuid.UUID) -> list[str]:
    return [message.content for message in open_thread(frame.core.db, frame.viewer, chat_id).messages]


def settled(frame: Frame, chat_id: uuid.UUID) -> MessageInfo:
    """The last message of a chat, once nothing is written in it."""
    until(lambda: open_thread(frame.core.db, frame.viewer, chat_id).messages[-1].status in FINAL)
    return open_thread(frame.core.db, frame.viewer, chat_id).messages[-1]


def carry(one: AppTest, other: AppTest) -> None:
    """Gives another script what this one knows of the thread."""
    for name in ("thread.editing", "thread.edited", "thread.deleting", "thread.left", "thread.view"):
        if name in one.session_state:
            other.session_state[name] = one.session_state[name]


def act(frame: Frame, at: AppTest, chat_id: uuid.UUID, action: Mapping[str, object]) -> AppTest:
    """Does what a click under a message does: the element itself is the browser's, which AppTest has not."""

    def script() -> None:
        import streamlit as st

        from chatcore.thread import open_thread
        from ui import app, message_actions

        with app.calm():
            thread = open_thread(app.core().db, app.viewer(), st.session_state["chat"])
            message_actions.perform(app.core(), app.viewer(), thread, st.session_state["action"])

    clicked, after = AppTest.from_function(script, default_timeout=30), frame.new()
    clicked.session_state["chat"], clicked.session_state["action"] = chat_id, action
    clicked.query_params["c"] = str(chat_id)
    carry(at, clicked)
    clicked.run()
    assert not clicked.exception
    carry(clicked, after)
    for name, value in clicked.query_params.items():
        after.query_params[name] = value
    after.run()
    assert not after.exception
    return after


def rows(at: AppTest) -> dict[int, dict[str, object]]:
    """What stands under the messages of the page, by their ids."""
    (element,) = components(at, "chatcore_message_bars")
    data = json.loads(element.proto.json)
    return {row["id"]: row for row in data["rows"]}


def keys(at: AppTest) -> set[str | None]:
    return {button.key for button in at.button}


def test_every_message_has_its_row_and_a_whole_thread_is_one_element(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, now=now())
    asked, answer = make_exchange(frame.core.db, frame.viewer, made.id, now=now())
    _, stopped = make_exchange(frame.core.db, frame.viewer, made.id, state=State.STOPPED, now=now())
    feedback.rate(frame.core.db, frame.viewer, answer.id, rating=-1, note="Too long", now=now())
    found = rows(frame.run(c=str(made.id)))
    assert len(found) == 4
    assert (found[asked.id]["role"], found[asked.id]["of"]) == ("user", 1)
    assert (found[answer.id]["rating"], found[answer.id]["note"], found[answer.id]["cut_off"]) == (-1, "Too long", False)
    assert found[stopped.id]["cut_off"] is True


def test_a_prompt_is_edited_in_its_place_and_sent(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, now=now(), provider="guide", model_name="guide")
    asked, _ = make_exchange(frame.core.db, frame.viewer, made.id, prompt="one", answer="first", provider="guide", model_name="guide")
    at = act(frame, frame.run(c=str(made.id)), made.id, {"do": "edit", "id": asked.id})
    assert at.chat_message[0].text_area[0].value == "one"
    assert asked.id not in rows(at)
    at.chat_message[0].text_area[0].set_value("Where is my data?").run()
    # Another rerun, as from a click elsewhere, leaves the text.
    at.run()
    assert at.chat_message[0].text_area[0].value == "Where is my data?"
    at.button(key="thread.edit_send").click().run()
    assert not at.exception
    last = settled(frame, made.id)
    assert shown(frame, made.id) == ["Where is my data?", last.content]
    assert history.get_message(frame.core.db, frame.viewer, asked.id) == asked
    found = rows(frame.run(c=str(made.id)))
    (edited,) = [row for row in found.values() if row["role"] == "user"]
    assert (edited["at"], edited["of"], edited["before"]) == (2, 2, asked.id)
    assert not at.text_area


def test_an_edit_that_is_cancelled_or_empty_changes_nothing(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, messages=2, now=now())
    asked = open_thread(frame.core.db, frame.viewer, made.id).messages[0]
    at = act(frame, frame.run(c=str(made.id)), made.id, {"do": "edit", "id": asked.id})
    at.text_area[0].set_value("  ").run()
    at.button(key="thread.edit_send").click().run()
    assert "empty" in at.warning[0].value
    assert at.text_area[0].value == "  "
    at.button(key="thread.edit_cancel").click().run()
    assert not at.text_area
    assert history.get_chat(frame.core.db, frame.viewer, made.id).message_count == 2


def test_the_text_of_an_edit_is_there_after_a_look_at_another_page(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, messages=2, now=now())
    asked = open_thread(frame.core.db, frame.viewer, made.id).messages[0]
    at = act(frame, frame.run(c=str(made.id)), made.id, {"do": "edit", "id": asked.id})
    at.text_area[0].set_value("other words").run()
    at.switch_page("sessions.py").run()
    assert not at.text_area
    at.switch_page("chat.py")
    at.query_params["c"] = str(made.id)
    at.run()
    assert at.text_area[0].value == "other words"


def test_an_answer_in_the_middle_is_asked_for_again_and_one_switches_back(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, now=now(), provider="guide", model_name="guide")
    _, answer = make_exchange(frame.core.db, frame.viewer, made.id, prompt="one", answer="first", provider="guide", model_name="guide")
    make_message(frame.core.db, frame.viewer, made.id, "after it")
    at = act(frame, frame.run(c=str(made.id)), made.id, {"do": "retry", "id": answer.id})
    again = settled(frame, made.id)
    assert shown(frame, made.id) == ["one", again.content]
    at.run()
    assert (rows(at)[again.id]["at"], rows(at)[again.id]["before"]) == (2, answer.id)
    back = act(frame, at, made.id, {"do": "switch", "id": again.id, "to": answer.id})
    assert shown(frame, made.id) == ["one", "first", "after it"]
    assert [each.markdown[0].value for each in back.chat_message] == ["one", "first", "after it"]
    act(frame, back, made.id, {"do": "switch", "id": answer.id, "to": again.id})
    assert shown(frame, made.id) == ["one", again.content]


def test_a_stopped_answer_goes_on(frame: Frame) -> None:
    sent = chat.send(frame.core.runner, frame.viewer, None, chat.Draft("/stream 4000 1000", "guide", "guide"), now=now())
    until(lambda: bool(history.get_message(frame.core.db, frame.viewer, sent.answer_id).content))
    chat.stop(frame.core.runner, frame.viewer, sent.answer_id, now=now())
    half = settled(frame, sent.chat_id)
    at = frame.run(c=str(sent.chat_id))
    at.button(key="thread.continue").click().run()
    assert not at.exception
    whole = settled(frame, sent.chat_id)
    assert len(half.content) < len(whole.content) == 16000
    assert whole.content.startswith(half.content)
    at.run()
    assert not {"thread.continue", "thread.retry"} & keys(at)


def test_an_answer_is_rated_with_a_note_and_the_rating_taken_back(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, now=now())
    _, answer = make_exchange(frame.core.db, frame.viewer, made.id)
    at = act(frame, frame.run(c=str(made.id)), made.id, {"do": "rate", "id": answer.id, "rating": 1})
    assert rows(at)[answer.id]["rating"] == 1
    at = act(frame, at, made.id, {"do": "rate", "id": answer.id, "rating": 1, "note": "To the point"})
    assert rows(at)[answer.id]["note"] == "To the point"
    at = act(frame, at, made.id, {"do": "rate", "id": answer.id, "rating": 0})
    assert (rows(at)[answer.id]["rating"], rows(at)[answer.id]["note"]) == (0, None)


def test_a_fork_opens_as_a_chat_of_its_own(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, title="Tides", now=now())
    _, answer = make_exchange(frame.core.db, frame.viewer, made.id, answer="first")
    make_message(frame.core.db, frame.viewer, made.id, "after it")
    at = act(frame, frame.run(c=str(made.id)), made.id, {"do": "fork", "id": answer.id})
    assert at.title[0].value == r"Tides \(fork\)"
    assert len(at.chat_message) == 2
    assert shown(frame, made.id)[-1] == "after it"


def test_deleting_asks_first(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, now=now())
    make_exchange(frame.core.db, frame.viewer, made.id, prompt="kept", answer="kept too")
    asked, _ = make_exchange(frame.core.db, frame.viewer, made.id, prompt="secret", answer="told")
    at = act(frame, frame.run(c=str(made.id)), made.id, {"do": "delete", "id": asked.id})
    page = "\n".join(str(element.value) for element in at.markdown)
    assert "This prompt and the message after it will be gone" in page
    assert history.get_chat(frame.core.db, frame.viewer, made.id).message_count == 4
    # AppTest cannot press a button in a dialog that a click opened: what the button does is the verb.
    branches.delete_message(frame.core.db, frame.viewer, asked.id)
    assert [each.markdown[0].value for each in frame.run(c=str(made.id)).chat_message] == ["kept", "kept too"]


@pytest.mark.parametrize(
    ("below", "words"),
    [(0, "gone. Nobody can bring it back"), (1, "the message after it"), (1200, "the 1,200 messages after it, in all attempts")],
)
def test_it_is_said_what_goes(frame: Frame, below: int, words: str) -> None:
    made = make_chat(frame.core.db, frame.viewer, messages=1, now=now())
    assert words in what_goes(open_thread(frame.core.db, frame.viewer, made.id).messages[0], below)


def test_a_branch_that_is_not_shown_can_be_gone_on_with(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, now=now())
    _, answer = make_exchange(frame.core.db, frame.viewer, made.id, prompt="one", answer="first")
    with frame.core.db.write() as tx:
        history.append_in(tx, frame.viewer, made.id, role="assistant", content="second", now=now(), sibling_of=answer.id)
    at = frame.run(c=str(made.id), m=str(answer.id))
    assert "This attempt ends here" in "\n".join(caption.value for caption in at.caption)
    at.button(key="thread.take").click().run()
    assert shown(frame, made.id) == ["one", "first"]
    assert not {"thread.take", "thread.newest"} & keys(at)


def test_what_a_browser_makes_up_is_refused_calmly(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, messages=2, now=now())
    at = frame.run(c=str(made.id))
    for action in ({"do": "explode", "id": 1}, {"do": "edit", "id": "1"}, {"do": "edit", "id": made.current_message_id}, {"id": 2**70}):
        act(frame, at, made.id, action)
    assert history.get_chat(frame.core.db, frame.viewer, made.id).message_count == 2
