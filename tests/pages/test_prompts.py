"""The prompt library: its page, and /name in a chat."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from chatcore.history import list_chats
from chatcore.organise.prompts import list_prompts, save_prompt
from chatcore.thread import open_thread
from tests.factories import NOW
from tests.pages.frame import Frame

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "prompts.py")


def keep(frame: Frame, name: str, text: str) -> None:
    save_prompt(frame.core.db, frame.viewer, name=name, text=text, now=NOW)


def first_prompt(frame: Frame) -> str:
    """What the one chat there is begins with."""
    (chat,) = list_chats(frame.core.db, frame.viewer).items
    return open_thread(frame.core.db, frame.viewer, chat.id).messages[0].content


def library(frame: Frame) -> AppTest:
    at = frame.run()
    at.switch_page(PAGE).run()
    assert not at.exception
    return at


def test_a_prompt_is_written_changed_and_deleted_on_its_page(frame: Frame) -> None:
    at = library(frame)
    at.button(key="prompts.new").click().run()
    at.text_input(key="prompts.name").set_value("/Brief")
    at.text_area(key="prompts.text").set_value("Be brief: {{input}}")
    at.button(key="FormSubmitter:prompts.write-Save").click().run()
    assert not at.exception
    (made,) = list_prompts(frame.core.db, frame.viewer)
    assert (made.name, made.text) == ("brief", "Be brief: {{input}}")
    at.button(key=f"prompts.edit.{made.id}").click().run()
    assert at.text_input(key="prompts.name").value == "brief"
    at.text_area(key="prompts.text").set_value("Shorter!")
    at.button(key="FormSubmitter:prompts.write-Save").click().run()
    assert list_prompts(frame.core.db, frame.viewer)[0].text == "Shorter!"
    at.button(key=f"prompts.delete.{made.id}").click().run()
    at.button(key="prompts.delete").click().run()
    assert not at.exception
    assert list_prompts(frame.core.db, frame.viewer) == ()


def test_a_name_that_cannot_be_is_told_and_what_was_written_stays(frame: Frame) -> None:
    at = library(frame)
    at.button(key="prompts.new").click().run()
    at.text_input(key="prompts.name").set_value("help")
    at.text_area(key="prompts.text").set_value("Help me")
    at.button(key="FormSubmitter:prompts.write-Save").click().run()
    assert "command of the built" in at.warning[0].value
    assert at.text_area(key="prompts.text").value == "Help me"
    assert list_prompts(frame.core.db, frame.viewer) == ()


def test_a_command_sends_its_prompt(frame: Frame) -> None:
    keep(frame, "where", "Where is {{input}}?")
    at = frame.run()
    at.chat_input[0].set_value("/where my data").run()
    assert not at.exception
    assert first_prompt(frame) == "Where is my data?"


def test_blanks_are_asked_for_before_anything_is_sent(frame: Frame) -> None:
    keep(frame, "translate", "Into {{language}}: {{input}}")
    at = frame.run()
    at.chat_input[0].set_value("/translate good morning").run()
    assert not at.exception
    assert not list_chats(frame.core.db, frame.viewer).items
    # Nothing is lost if the form is closed.
    assert at.chat_input[0].proto.value == "/translate good morning"
    at.button(key="FormSubmitter:prompts.blanks-Send").click().run()
    assert "Nothing is written for language" in at.warning[0].value
    at.text_area(key="prompts.blank.language").set_value("German")
    at.button(key="FormSubmitter:prompts.blanks-Send").click().run()
    assert not at.exception
    assert first_prompt(frame) == "Into German: good morning"
    assert at.chat_input[0].proto.value == ""


def test_commands_nobody_keeps_are_sent_as_they_are(frame: Frame) -> None:
    keep(frame, "brief", "Be brief.")
    for typed in ("/unknown thing", "/help"):
        at = frame.run()
        at.chat_input[0].set_value(typed).run()
        assert not at.exception
    assert {chat.title for chat in list_chats(frame.core.db, frame.viewer).items} == {"/unknown thing", "/help"}
