"""A long chat without a browser: what is on screen after each step, and what the URL says then."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from chatcore import thread
from chatcore.history import append_in
from chatcore.parts import ChatInfo, Thread
from tests.factories import make_chat, make_exchange, make_message, make_viewer
from tests.pages.frame import Frame
from ui import chat_head, find, window
from ui.chatbar import Bar

DAY_1 = datetime(2026, 3, 14, 15, tzinfo=UTC)


def first_id(frame: Frame, chat: ChatInfo) -> int:
    return thread.open_thread(frame.core.db, frame.viewer, chat.id, place=thread.START, limit=1).messages[0].id


def shown(at: AppTest) -> list[str]:
    """The texts of the messages on screen."""
    return [str(message.markdown[0].value) for message in at.chat_message]


def numbered(first: int, last: int) -> list[str]:
    return [f"message {number}" for number in range(first, last + 1)]


def press(at: AppTest, key: str) -> list[str]:
    at.button(key=key).click().run()
    assert not at.exception
    return shown(at)


def keys(at: AppTest) -> set[str | None]:
    return {button.key for button in at.button}


def act(frame: Frame, chat: ChatInfo, action: Mapping[str, str], *, query: Mapping[str, str] | None = None) -> AppTest:
    """Does what the bar of this chat says and shows the page; in the session are the query parameters that came of it."""

    def script() -> None:
        import uuid

        import streamlit as st

        from ui import app, chat_head, find, thread

        core, viewer, chat_id = app.core(), app.viewer(), uuid.UUID(st.query_params["c"])
        opened = thread.open_window(core, viewer, chat_id)
        found = find.found(core, viewer, chat_id, st.query_params.get("q"), app.current_message_id())
        with app.calm():
            chat_head.perform(core, viewer, opened, found, st.session_state["action"])
        st.session_state["view"] = st.session_state.get(app.VIEW)

    at = AppTest.from_function(script, default_timeout=30)
    at.session_state["action"] = dict(action)
    for name, value in ({"c": str(chat.id)} | dict(query or {})).items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def named(at: AppTest) -> int | None:
    """The message the URL names."""
    value = at.query_params.get("m")
    return int(value[0] if isinstance(value, list) else value) if value else None


# --- the window --------------------------------------------------------------------------------------------------


def test_a_link_to_a_message_shows_it_with_what_stands_around_it(frame: Frame) -> None:
    chat = make_chat(frame.core.db, frame.viewer, messages=200)
    at = frame.run(c=str(chat.id), m=str(first_id(frame, chat) + 100))
    assert shown(at) == numbered(87, 126)
    assert {"thread.earlier", "thread.later", "thread.newest"} <= keys(at)
    assert "thread.newest" in keys(at)


def test_the_window_grows_and_slides_both_ways(frame: Frame) -> None:
    chat = make_chat(frame.core.db, frame.viewer, messages=400)
    at = frame.run(c=str(chat.id), m=str(first_id(frame, chat) + 100))
    assert press(at, "thread.later") == numbered(87, 166)
    assert press(at, "thread.earlier") == numbered(47, 166)
    assert press(at, "thread.later") == numbered(47, 206)
    assert press(at, "thread.later") == numbered(47, 246)
    assert press(at, "thread.later") == numbered(87, 286)
    assert press(at, "thread.earlier") == numbered(47, 246)
    assert press(at, "thread.earlier") == numbered(7, 206)
    assert press(at, "thread.earlier") == numbered(0, 166)
    assert "thread.earlier" not in keys(at)
    assert press(at, "thread.newest") == numbered(360, 399)
    assert "m" not in at.query_params


def test_the_window_reaches_the_end_by_itself(frame: Frame) -> None:
    chat = make_chat(frame.core.db, frame.viewer, messages=100)
    at = frame.run(c=str(chat.id), m=str(first_id(frame, chat) + 30))
    press(at, "thread.later")
    assert press(at, "thread.later") == numbered(17, 99)
    assert not {"thread.later", "thread.newest"} & keys(at)


def test_whatever_slides_no_more_than_so_many_levels_are_drawn(frame: Frame) -> None:
    view = window.View(uuid.uuid4(), above=tuple(range(40, 0, -2)), below=tuple(range(50, 56)))
    assert len(view.above) + len(view.below) > window.DEEPEST
    assert (window.settled(view).above, window.settled(view).below) == ((), ())


def test_messages_stay_in_the_portion_they_came_with(frame: Frame) -> None:
    chat = make_chat(frame.core.db, frame.viewer, messages=8)
    messages = thread.open_thread(frame.core.db, frame.viewer, chat.id).messages
    first = messages[0].id
    view = window.View(chat.id, above=(first + 4, first + 2), below=(first + 6,))
    above, rest = window.portions(view, messages)
    assert [[message.id - first for message in portion] for portion in above] == [[2, 3], [0, 1]]
    assert [[message.id - first for message in portion] for portion in rest] == [[4, 5], [6, 7]]
    # What has left at one side leaves an empty place behind, so that the others keep theirs.
    above, rest = window.portions(view, messages[2:6])
    assert [[message.id - first for message in portion] for portion in (*above, *rest)] == [[2, 3], [], [4, 5], []]


@pytest.mark.parametrize("wrong", ["abc", "-1", "0", "999999999", "9" * 400, "١٢"])
def test_a_message_that_is_not_there_is_told_and_the_chat_opens_at_its_end(frame: Frame, wrong: str) -> None:
    chat = make_chat(frame.core.db, frame.viewer, messages=60)
    at = frame.run(c=str(chat.id), m=wrong)
    assert shown(at) == numbered(20, 59)
    assert "not in this chat" in at.warning[0].value
    assert "m" not in at.query_params
    at.run()
    assert not at.warning


def test_a_message_of_another_chat_or_person_is_not_there(frame: Frame) -> None:
    db = frame.core.db
    chat, other = make_chat(db, frame.viewer, messages=2), make_chat(db, frame.viewer, messages=2)
    hers = make_chat(db, make_viewer(db, "Ada"), messages=2)
    for foreign in (other, hers):
        at = frame.run(c=str(chat.id), m=str(foreign.current_message_id))
        assert len(at.warning) == 1
        assert shown(at) == numbered(0, 1)
    assert frame.run(c=str(hers.id), m=str(hers.current_message_id)).title[0].value == "This chat is not here"


def test_a_prompt_sent_from_the_middle_is_shown(frame: Frame) -> None:
    chat = make_chat(frame.core.db, frame.viewer, messages=200, provider="guide", model_name="guide")
    at = frame.run(c=str(chat.id), m=str(first_id(frame, chat) + 100))
    at.chat_input[0].set_value("Where is my data?").run()
    assert not at.exception
    assert at.chat_message[-2].markdown[0].value == "Where is my data?"
    assert "m" not in at.query_params


def test_a_prompt_goes_to_the_model_of_the_last_answer_wherever_one_looks(frame: Frame) -> None:
    db = frame.core.db
    chat = make_chat(db, frame.viewer, messages=100, model_name="llama3.2:3b")
    make_exchange(db, frame.viewer, chat.id, model_name="qwen3:8b")
    at = frame.run(c=str(chat.id), m=str(first_id(frame, chat)))
    assert at.selectbox[0].value == ("ollama", "qwen3:8b")


def test_an_attempt_that_was_left_is_shown_to_its_end_and_says_so(frame: Frame) -> None:
    db = frame.core.db
    chat = make_chat(db, frame.viewer)
    _, left = make_exchange(db, frame.viewer, chat.id, answer="The first attempt.")
    with db.write() as tx:
        append_in(tx, frame.viewer, chat.id, role="assistant", content="The second one.", now=DAY_1, sibling_of=left.id)
    at = frame.run(c=str(chat.id), m=str(left.id))
    assert shown(at)[-1] == "The first attempt."
    assert any("ends here" in caption.value for caption in at.caption)
    assert press(at, "thread.newest")[-1] == "The second one."


# --- the bar -----------------------------------------------------------------------------------------------------


def test_a_day_leads_to_its_first_message_in_the_zone_of_the_viewer(frame: Frame) -> None:
    db = frame.core.db
    chat = make_chat(db, frame.viewer, messages=60, now=DAY_1)
    later = make_message(db, frame.viewer, chat.id, "Next day.", now=DAY_1 + timedelta(days=1))
    view = act(frame, chat, {"do": "date", "day": "2026-03-15"}).session_state["view"]
    assert view.place == thread.Around(later.id)
    assert view.landing == later.id
    assert act(frame, chat, {"do": "date", "day": "2020-01-01"}).session_state["view"].landing == first_id(frame, chat)
    assert act(frame, chat, {"do": "date", "day": "2030-01-01"}).session_state["view"].landing == "end"


@pytest.mark.parametrize("day", ["", "tomorrow", "2026-13-01", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_is_told_calmly(frame: Frame, day: str) -> None:
    chat = make_chat(frame.core.db, frame.viewer, messages=2)
    at = act(frame, chat, {"do": "date", "day": day})
    assert len(at.warning) == (not day.startswith(("0001", "9999")))


def test_a_search_goes_to_the_newest_hit_and_from_hit_to_hit(frame: Frame) -> None:
    db = frame.core.db
    chat = make_chat(db, frame.viewer)
    hits = []
    for number in range(3):
        hits.append(make_message(db, frame.viewer, chat.id, f"The moon, number {number}.").id)
        make_message(db, frame.viewer, chat.id, "Something else.")
    at = act(frame, chat, {"do": "find", "text": "moon"})
    assert named(at) == hits[2]
    assert at.query_params["q"] in ("moon", ["moon"])
    query = {"q": "moon", "m": str(hits[2])}
    assert named(act(frame, chat, {"do": "hit", "by": "-1"}, query=query)) == hits[1]
    assert named(act(frame, chat, {"do": "hit", "by": "1"}, query=query)) == hits[0]
    at = act(frame, chat, {"do": "close"}, query=query)
    assert named(at) == hits[2]
    assert "q" not in at.query_params


def test_a_search_without_hits_leaves_the_reader_where_they_are(frame: Frame) -> None:
    chat = make_chat(frame.core.db, frame.viewer, messages=4)
    at = act(frame, chat, {"do": "find", "text": "zeppelin"})
    assert named(at) is None
    assert "q" in at.query_params
    assert "q" not in act(frame, chat, {"do": "find", "text": " "}, query={"q": "zeppelin"}).query_params


def test_the_next_hit_is_found_from_any_place() -> None:
    assert [find.step((5, 7, 9), at, by) for at, by in ((0, -1), (0, 1), (1, -1), (3, 1), (2, 1))] == [9, 9, 9, 5, 9]
    assert find.step((), 0, 1) is None


def bar_of(frame: Frame, chat: ChatInfo, text: str | None = None) -> Bar:
    opened: Thread = thread.open_thread(frame.core.db, frame.viewer, chat.id)
    found = find.found(frame.core, frame.viewer, chat.id, text, None)
    return chat_head.bar(frame.core, frame.viewer, opened, found, long=window.is_long(opened))


def test_the_bar_knows_the_days_of_a_long_chat_only(frame: Frame) -> None:
    db = frame.core.db
    long, short = make_chat(db, frame.viewer, messages=41, now=DAY_1), make_chat(db, frame.viewer, messages=40)
    make_message(db, frame.viewer, long.id, "Next day.", now=DAY_1 + timedelta(days=1))
    bar = bar_of(frame, long)
    assert (bar.long, bar.first_day, bar.last_day, bar.day) == (True, "2026-03-14", "2026-03-15", "2026-03-14")
    assert (bar_of(frame, short).long, bar_of(frame, short).first_day) == (False, None)


def test_the_bar_says_how_many_hits_there_are(frame: Frame) -> None:
    chat = make_chat(frame.core.db, frame.viewer, messages=5)
    bar = bar_of(frame, chat, "message")
    assert (bar.text, bar.hits, bar.complete, bar.at, bar.notice) == ("message", 5, True, 0, "")
    assert "has:nonsense" in bar_of(frame, chat, "has:nonsense").notice


def test_a_chat_with_one_message_has_no_bar(frame: Frame) -> None:
    chat = make_chat(frame.core.db, frame.viewer, messages=1)
    assert not [element for element in frame.run(c=str(chat.id)).get("bidi_component") if "chat.bar" in str(element.proto)]
