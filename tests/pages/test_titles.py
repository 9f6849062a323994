"""Titles by the model on the page: the list looks again while one is on its way, and the head follows."""

from datetime import UTC, datetime

from chatcore import chat
from chatcore.history import get_chat, list_chats
from chatcore.parts import Finished, FinishReason, TextDelta
from chatcore.preferences import Preferences, read_preferences
from tests.answers import LIMIT_S
from tests.factories import make_chat, make_exchange
from tests.pages.frame import Frame, until
from tests.scripted import Scripted
from ui import sidebar

PROMPT = "Why are there two tides a day?"


def named_soon(frame: Frame, provider: Scripted) -> chat.Sent:
    """A chat whose answer has ended and whose title is being asked for."""
    frame.core.runner.providers["scripted"] = provider  # type: ignore[index]  # a mapping for everybody else
    sent = chat.send(frame.core.runner, frame.viewer, None, chat.Draft(PROMPT, "scripted", "parrot"), now=datetime.now(UTC))
    assert provider.asked.acquire(timeout=LIMIT_S)
    provider.write("Because.")
    provider.finish()
    assert provider.asked.acquire(timeout=LIMIT_S)
    return sent


def test_a_title_that_comes_is_shown_in_the_list_and_the_head(frame: Frame) -> None:
    provider = Scripted()
    sent = named_soon(frame, provider)
    at = frame.run(c=str(sent.chat_id))
    assert at.title[0].value == PROMPT
    assert frame.core.titles.pending(frame.viewer) == {sent.chat_id}
    (group,) = sidebar.grouped(list_chats(frame.core.db, frame.viewer).items, naming=frame.core.titles.pending(frame.viewer))
    assert [row.naming for row in group.chats] == [True]
    provider.write("Two tides a day")
    provider.finish()
    until(lambda: get_chat(frame.core.db, frame.viewer, sent.chat_id).title == "Two tides a day")
    at.run()
    assert not at.exception
    assert at.title[0].value == "Two tides a day"


def test_titles_are_switched_off_in_the_chat_settings(frame: Frame) -> None:
    at = frame.run()
    at.button(key="settings.button").click().run()
    at.toggle(key="titles.on").set_value(False).run()
    assert not at.exception
    assert read_preferences(frame.core.db, frame.viewer) == Preferences(titles=False)
    assert at.selectbox(key="titles.model").disabled


def test_a_title_is_suggested_in_the_field_and_saved_by_the_person(frame: Frame) -> None:
    provider = Scripted(TextDelta("“Two tides a day”"), Finished(FinishReason.STOP))
    frame.core.runner.providers["scripted"] = provider  # type: ignore[index]  # a mapping for everybody else
    made = make_chat(frame.core.db, frame.viewer, title="Homework", now=datetime.now(UTC))
    make_exchange(frame.core.db, frame.viewer, made.id, provider="scripted", model_name="parrot", now=datetime.now(UTC))
    at = frame.run(c=str(made.id)).button(key="rename.button").click().run()
    assert at.text_input(key="rename.title").value == "Homework"
    at.button(key="rename.button").click()
    at.button(key="rename.suggest").click().run()
    assert not at.exception
    assert not at.warning
    assert provider.requests
    assert at.text_input(key="rename.title").value == "Two tides a day"
    assert get_chat(frame.core.db, frame.viewer, made.id).title == "Homework"
    at.button(key="rename.button").click()
    at.button(key="rename.save").click().run()
    assert not at.exception
    assert at.title[0].value == "Two tides a day"


def test_who_cannot_have_a_title_suggested_is_told_and_keeps_what_they_typed(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, title="Homework", now=datetime.now(UTC))
    make_exchange(frame.core.db, frame.viewer, made.id, provider="guide", model_name="guide", now=datetime.now(UTC))
    at = frame.run(c=str(made.id)).button(key="rename.button").click().run()
    at.text_input(key="rename.title").set_value("Sea")
    at.button(key="rename.button").click()
    at.button(key="rename.suggest").click().run()
    assert "guide cannot write a title" in at.warning[0].value
    assert at.text_input(key="rename.title").value == "Sea"
