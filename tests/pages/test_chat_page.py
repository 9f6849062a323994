"""The chat page, without a browser: what is drawn, what a click does."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import sqlalchemy as sa
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from streamlit.testing.v1 import AppTest

from chatcore import chat, history
from chatcore.parts import ChatInfo, MessageInfo, State
from chatcore.queued import list_queued
from tests.factories import make_chat, make_message
from tests.pages.frame import FINAL, Frame, until
from ui import sidebar


def send(frame: Frame, text: str, chat_id: uuid.UUID | None = None) -> chat.Sent:
    """Sends a prompt to the guide, without the page."""
    return chat.send(frame.core.runner, frame.viewer, chat_id, chat.Draft(text, "guide", "guide"), now=datetime.now(UTC))


def ended(frame: Frame, sent: chat.Sent) -> MessageInfo:
    """The answer, once it has ended."""
    until(lambda: answer(frame, sent).status in FINAL)
    return answer(frame, sent)


def answer(frame: Frame, sent: chat.Sent) -> MessageInfo:
    return history.get_message(frame.core.db, frame.viewer, sent.answer_id)


def chats(frame: Frame) -> tuple[ChatInfo, ...]:
    return history.list_chats(frame.core.db, frame.viewer).items


def texts(at: AppTest) -> str:
    return "\n".join(str(element.value) for element in at.markdown)


def test_a_prompt_makes_a_chat_and_puts_it_into_the_address(frame: Frame) -> None:
    at = frame.run()
    at.chat_input[0].set_value("How do I find a chat?").run()
    (made,) = chats(frame)
    assert at.query_params["c"] == str(made.id)
    assert at.title[0].value == r"How do I find a chat?"
    assert at.chat_message[0].markdown[0].value == "How do I find a chat?"


def test_an_answer_is_drawn_with_its_figures_when_it_has_ended(frame: Frame) -> None:
    sent = send(frame, "How do I find a chat?")
    whole = ended(frame, sent)
    at = frame.run(c=str(sent.chat_id))
    assert whole.content
    assert len(at.chat_message) == 2
    assert "Built\\-in guide" in at.chat_message[1].caption[0].value
    assert "token" in at.chat_message[1].caption[0].value


def test_a_running_answer_is_left_to_the_browser(frame: Frame) -> None:
    sent = send(frame, "/stream 4000 50")
    at = frame.run(c=str(sent.chat_id))
    assert len(at.chat_message) == 2
    assert at.chat_message[1].get("bidi_component")
    chat.stop(frame.core.runner, frame.viewer, sent.answer_id, now=datetime.now(UTC))
    ended(frame, sent)


def test_without_a_connection_the_script_follows_the_answer_itself(frame: Frame) -> None:
    sent = send(frame, "/stream 40 200")
    at = frame.new()
    at.session_state["thread.unavailable"] = True
    at.query_params["c"] = str(sent.chat_id)
    at.run()
    assert not at.exception
    assert answer(frame, sent).status is State.COMPLETE
    assert at.chat_message[1].caption


def test_a_failed_answer_says_why_and_can_be_tried_again(frame: Frame) -> None:
    sent = send(frame, "/fail busy 3")
    failed = ended(frame, sent)
    assert failed.status is State.FAILED
    at = frame.run(c=str(sent.chat_id))
    assert failed.generation
    assert failed.generation.error_message
    assert at.warning[0].value.startswith("**")
    at.button(key="thread.retry").click().run()
    until(lambda: not chats(frame)[0].running)
    assert not at.exception


def test_a_stopped_answer_keeps_its_text_and_says_so(frame: Frame) -> None:
    sent = send(frame, "/stream 4000 200")
    until(lambda: bool(answer(frame, sent).content))
    chat.stop(frame.core.runner, frame.viewer, sent.answer_id, now=datetime.now(UTC))
    ended(frame, sent)
    at = frame.run(c=str(sent.chat_id))
    assert "You stopped this answer" in at.chat_message[1].caption[0].value
    assert at.button(key="thread.retry")


def test_a_double_send_sends_once(frame: Frame) -> None:
    at = frame.run()
    at.chat_input[0].set_value("Where is my data?").run()
    (made,) = chats(frame)
    assert made.message_count == 2


@contextmanager
def cut_short(then: str) -> Iterator[list[str]]:
    """As soon as the page has written something it has to run anew, as when a part of it runs every second; by then `then` stands in
    what was sent to it. The list says what was cut short."""
    cut: list[str] = []

    def run_anew(_: sa.Connection) -> None:
        context = get_script_run_ctx(suppress_warning=True)
        if context is None or context.script_requests is None or cut:
            return
        states = WidgetStates(widgets=context.session_state.get_widget_states())
        for state in states.widgets:
            if state.WhichOneof("value") == "chat_input_value":
                cut.append(state.chat_input_value.data)
                state.chat_input_value.data = then
        anew = RerunData(context.query_string, widget_states=states, page_script_hash=context.page_script_hash)
        context.script_requests.request_rerun(anew)

    sa.event.listen(sa.Engine, "commit", run_anew)
    try:
        yield cut
    finally:
        sa.event.remove(sa.Engine, "commit", run_anew)


def test_a_send_that_is_cut_short_and_called_again_sends_once_and_shows_its_chat(frame: Frame) -> None:
    at = frame.run()
    with cut_short("Where is my data?") as cut:
        at.chat_input[0].set_value("Where is my data?").run()
    assert cut == ["Where is my data?"]
    assert not at.warning
    (made,) = chats(frame)
    assert made.message_count == 2
    assert at.query_params["c"] == str(made.id)
    assert at.chat_input[0].proto.value == ""


def test_a_second_prompt_before_the_field_is_drawn_anew_is_sent_too(frame: Frame) -> None:
    sent = send(frame, "/stream 4000 50")
    at = frame.run(c=str(sent.chat_id))
    with cut_short("two") as cut:
        at.chat_input[0].set_value("one").run()
    assert cut == ["one"]
    assert not at.warning
    assert [queued.text for queued in list_queued(frame.core.db, frame.viewer, sent.chat_id)] == ["one", "two"]
    chat.stop(frame.core.runner, frame.viewer, sent.answer_id, now=datetime.now(UTC))


def test_text_is_not_lost_when_it_cannot_be_sent(frame: Frame) -> None:
    sent = send(frame, "Where is my data?")
    ended(frame, sent)
    at = frame.run(c=str(sent.chat_id))
    history.delete_chats(frame.core.db, frame.viewer, [sent.chat_id], now=datetime.now(UTC))
    at.chat_input[0].set_value("And one more thing").run()
    assert not at.exception
    assert "in the trash" in at.warning[0].value
    assert at.chat_input[0].proto.value == "And one more thing"


def test_a_chat_that_is_not_there_is_told_with_a_way_on(frame: Frame) -> None:
    for wanted in (str(uuid.uuid4()), "nonsense", "../x"):
        at = frame.run(c=wanted)
        assert at.title[0].value == "This chat is not here"
        at.button(key="chat.new").click().run()
        assert at.title[0].value == "What would you like to know?"


def test_without_a_model_server_the_page_says_how_to_connect_one(frame: Frame) -> None:
    at = frame.run()
    page = texts(at)
    assert "Connect a language model" in page
    assert "127.0.0.1:9" in page
    assert at.code[0].value == "ollama serve\nollama pull llama3.2:3b"
    assert at.selectbox[0].value == ("guide", "guide")


def test_a_suggestion_is_sent_with_one_click(frame: Frame) -> None:
    at = frame.run()
    at.button(key="composer.suggestion.0").click().run()
    (made,) = chats(frame)
    assert at.query_params["c"] == str(made.id)


def test_a_model_that_vanished_stays_chosen_and_says_so(frame: Frame) -> None:
    old = make_chat(frame.core.db, frame.viewer, provider="ollama", model_name="gone:7b", messages=2, now=datetime.now(UTC))
    at = frame.run(c=str(old.id))
    assert at.selectbox[0].value == ("ollama", "gone:7b")
    assert at.selectbox[0].options[0] == "gone:7b (not available)"
    assert "not reachable" in texts(at)


def test_a_long_chat_shows_its_newest_messages_and_more_on_request(frame: Frame) -> None:
    long = make_chat(frame.core.db, frame.viewer, messages=100, now=datetime.now(UTC))
    at = frame.run(c=str(long.id))
    assert len(at.chat_message) == 40
    assert at.chat_message[-1].markdown[0].value == "message 99"
    at.button(key="thread.earlier").click().run()
    assert len(at.chat_message) == 80
    at.button(key="thread.earlier").click().run()
    assert at.chat_message[0].markdown[0].value == "message 0"
    assert "thread.earlier" not in [button.key for button in at.button]


def test_a_title_is_shown_as_it_is_written(frame: Frame) -> None:
    odd = make_chat(frame.core.db, frame.viewer, title="*a* :red[b] $c$", messages=2, now=datetime.now(UTC))
    at = frame.run(c=str(odd.id))
    assert at.title[0].value == r"\*a\* \:red\[b\] \$c\$"


def test_chats_are_listed_pinned_first_then_newest(frame: Frame) -> None:
    for title in ("one", "two", "three"):
        make_chat(frame.core.db, frame.viewer, title=title, now=datetime.now(UTC))
    history.pin_chats(frame.core.db, frame.viewer, [chats(frame)[2].id], pinned=True)
    groups = sidebar.grouped(chats(frame))
    assert [(group.label, [row.title for row in group.chats]) for group in groups] == [("Pinned", ["one"]), ("Today", ["three", "two"])]


def choose(frame: Frame, action: dict[str, str], *, on_screen: str = "") -> AppTest:
    """Does what a click in the list of chats does, with a chat on screen."""

    def script() -> None:
        import streamlit as st

        from ui import app, sidebar

        with app.calm():
            sidebar.perform(app.core(), app.viewer(), st.session_state["action"])

    at = AppTest.from_function(script, default_timeout=30)
    at.session_state["action"] = action
    if on_screen:
        at.query_params["c"] = on_screen
    at.run()
    assert not at.exception
    return at


def test_a_chat_is_renamed_and_pinned_from_the_list(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, now=datetime.now(UTC))
    choose(frame, {"do": "rename", "id": str(made.id), "title": "Moon"})
    choose(frame, {"do": "pin", "id": str(made.id)})
    assert (chats(frame)[0].title, chats(frame)[0].pinned) == ("Moon", True)
    choose(frame, {"do": "unpin", "id": str(made.id)})
    assert not chats(frame)[0].pinned


def test_a_deleted_chat_leaves_the_screen_and_comes_back_with_undo(frame: Frame) -> None:
    made = str(make_chat(frame.core.db, frame.viewer, now=datetime.now(UTC)).id)
    at = choose(frame, {"do": "delete", "id": made}, on_screen=made)
    assert not chats(frame)
    assert "c" not in at.query_params
    at.session_state["action"] = {"do": "restore", "id": made}
    at.run()
    assert str(chats(frame)[0].id) == made
    assert at.query_params["c"] == made


def test_a_chat_that_is_gone_is_told_calmly(frame: Frame) -> None:
    at = choose(frame, {"do": "delete", "id": str(uuid.uuid4())})
    assert len(at.warning) == 1


def test_a_message_no_browser_could_lay_out_is_shown_in_part_and_as_a_file(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, now=datetime.now(UTC))
    make_message(frame.core.db, frame.viewer, made.id, "word " * 100_000)
    at = frame.run(c=str(made.id))
    assert len(at.chat_message[0].markdown[0].value) < 30_000
    assert "first 20,000 of 500,000" in at.chat_message[0].caption[0].value


def test_a_very_long_chat_slides_its_window_and_comes_back(frame: Frame) -> None:
    long = make_chat(frame.core.db, frame.viewer, messages=320, now=datetime.now(UTC))
    at = frame.run(c=str(long.id))
    for shown in (80, 120, 160, 200):
        at.button(key="thread.earlier").click().run()
        assert len(at.chat_message) == shown
    at.button(key="thread.earlier").click().run()
    assert len(at.chat_message) == 200
    assert at.chat_message[-1].markdown[0].value == "message 279"
    at.button(key="thread.newest").click().run()
    assert at.chat_message[-1].markdown[0].value == "message 319"
