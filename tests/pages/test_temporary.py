"""The temporary chat on the page: never listed, gone with the session, kept when asked to."""

from streamlit.testing.v1 import AppTest

from chatcore import history
from tests.pages.frame import Frame, until
from ui import temporary


def begun(frame: Frame) -> AppTest:
    """A temporary chat with an answer."""
    at = frame.run()
    at.button(key="temporary.begin").click().run()
    at.chat_input[0].set_value("Where is my data?").run()
    until(lambda: not at.session_state[temporary.CHAT].running)
    at.run()
    assert not at.exception
    return at


def test_it_says_what_it_is_and_is_in_no_list(frame: Frame) -> None:
    at = begun(frame)
    assert at.title[0].value == "Temporary chat"
    assert "Not saved" in at.info[0].value
    assert len(at.chat_message) == 2
    assert "c" not in at.query_params
    assert history.list_chats(frame.core.db, frame.viewer).items == ()


def test_it_goes_on_and_survives_another_chat(frame: Frame) -> None:
    at = begun(frame)
    at.chat_input[0].set_value("How do I find a chat?").run()
    at.button(key="sidebar.new").click().run()
    assert not at.chat_message
    at.button(key="temporary.back").click().run()
    assert len(at.chat_message) == 4
    assert frame.run().button(key="temporary.begin")


def test_it_can_be_kept(frame: Frame) -> None:
    at = begun(frame)
    at.button(key="temporary.keep").click().run()
    assert not at.exception
    (made,) = history.list_chats(frame.core.db, frame.viewer).items
    assert at.query_params["c"] == str(made.id)
    assert made.message_count == 2
    assert temporary.CHAT not in at.session_state


def test_its_last_answer_is_tried_again_in_its_place(frame: Frame) -> None:
    at = begun(frame)
    first = at.session_state[temporary.CHAT].messages
    at.button(key="thread.retry").click().run()
    until(lambda: not at.session_state[temporary.CHAT].running)
    at.run()
    assert not at.exception
    again = at.session_state[temporary.CHAT].messages
    assert again[0] == first[0]
    assert again[1].id != first[1].id
    assert len(at.chat_message) == 2


def test_it_can_be_ended(frame: Frame) -> None:
    at = begun(frame)
    at.button(key="temporary.end").click().run()
    assert not at.exception
    assert not at.chat_message
    assert temporary.CHAT not in at.session_state
