"""Files on the chat page: sent with the field, shown in the thread, kept where they could not be sent."""

import pytest
from streamlit.testing.v1 import AppTest

from chatcore.history import get_chat, list_chats
from chatcore.parts import ChatInfo
from chatcore.thread import open_thread
from tests.factories import make_chat, make_message
from tests.files import IMAGE, NOTES, REPORT, attach
from tests.pages.frame import Frame
from tests.replay import ReplayServer, json_reply
from ui.attachments import kind_name

SEEING = {"name": "gemma3:4b", "model": "gemma3:4b", "size": 3_000_000_000, "capabilities": ["completion", "vision"]}


def html(at: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in at.get("html"))


def chats(frame: Frame) -> tuple[ChatInfo, ...]:
    return list_chats(frame.core.db, frame.viewer).items


def test_files_stand_under_their_prompt(frame: Frame) -> None:
    chat = make_chat(frame.core.db, frame.viewer)
    message = make_message(frame.core.db, frame.viewer, chat.id)
    image, report = attach(frame.core.db, frame.viewer, message.id, IMAGE, REPORT)
    drawn = html(frame.run(c=str(chat.id)))
    base = f"/api/v1/messages/{message.id}/attachments"
    assert f'<img src="{base}/{image.id}?small=true" alt="moon.png"' in drawn
    assert f'href="{base}/{report.id}" download="report.pdf"' in drawn
    assert "<b>PDF</b>" in drawn


def test_a_name_cannot_become_html(frame: Frame) -> None:
    chat = make_chat(frame.core.db, frame.viewer)
    message = make_message(frame.core.db, frame.viewer, chat.id)
    hostile = '"><img src=x onerror=alert(1)>.csv'
    attach(frame.core.db, frame.viewer, message.id, type(NOTES)(hostile, NOTES.content), type(IMAGE)(hostile, IMAGE.content))
    drawn = html(frame.run(c=str(chat.id)))
    assert "<img src=x" not in drawn
    assert "&quot;&gt;&lt;img src=x" in drawn


def test_a_cut_document_says_how_much_of_it_is_read(frame: Frame) -> None:
    chat = make_chat(frame.core.db, frame.viewer)
    message = make_message(frame.core.db, frame.viewer, chat.id)
    attach(frame.core.db, frame.viewer, message.id, type(NOTES)("long.txt", b"moon " * 50_000))
    assert "250 kB · first 200k characters" in html(frame.run(c=str(chat.id)))


def test_the_guide_reads_no_files_and_what_was_written_is_kept(frame: Frame) -> None:
    at = frame.run()
    at.chat_input[0].set_value("What is this?").upload(NOTES.name, NOTES.content).run()
    assert not at.exception
    assert "guide cannot read files" in at.warning[0].value
    assert at.chat_input[0].proto.value == "What is this?"
    assert at.button(key="composer.file.0").label == r"notes.csv · 24 B"
    assert not chats(frame)
    at.button(key="composer.file.0").click().run()
    assert not [button for button in at.button if button.key == "composer.file.0"]


def test_a_bad_file_is_left_out_and_the_others_are_kept(frame: Frame) -> None:
    at = frame.run()
    at.chat_input[0].set_value("What is this?").upload(NOTES.name, NOTES.content).upload("b.pdf", b"%PDF-1.7 nothing").run()
    assert "b.pdf is damaged" in at.warning[0].value
    assert at.button(key="composer.file.0").label.startswith("notes.csv")
    assert not [button for button in at.button if button.key == "composer.file.1"]
    assert not chats(frame)


def test_kept_files_are_those_of_their_chat(frame: Frame) -> None:
    chat = make_chat(frame.core.db, frame.viewer, messages=2)
    at = frame.run()
    at.chat_input[0].upload(NOTES.name, NOTES.content).run()
    assert at.button(key="composer.file.0")
    at.query_params["c"] = str(chat.id)
    at.run()
    assert not [button for button in at.button if str(button.key).startswith("composer.file")]


def test_files_alone_are_sent_to_a_model(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    from chatcore.core import close_shared

    with ReplayServer() as ollama:
        ollama.on("/api/tags", json_reply({"models": [SEEING]}))
        ollama.play("ollama_chat_basic.ndjson")
        monkeypatch.setenv("OLLAMA_HOST", ollama.url)
        close_shared()
        at = frame.new()
        frame.core.models(fresh=True)
        at.run()
        at.chat_input[0].upload(IMAGE.name, IMAGE.content).upload(NOTES.name, NOTES.content).run()
        assert not at.exception
        asked = ollama.wait_for("/api/chat").json["messages"]
        assert isinstance(asked, list)
        assert [len(message["images"]) for message in asked] == [1]
        (chat,) = chats(frame)
        assert get_chat(frame.core.db, frame.viewer, chat.id).title == "moon.png"
        assert len(open_thread(frame.core.db, frame.viewer, chat.id).messages[0].attachments) == 2
        assert not [button for button in at.button if str(button.key).startswith("composer.file")]
        close_shared()


@pytest.mark.parametrize(
    ("name", "media_type", "kind"),
    [
        ("a.pdf", "application/pdf", "PDF"),
        ("a.py", "text/plain", "PY"),
        ("Makefile", "text/plain", "Text"),
        ("a.<b>", "text/plain", "Text"),
    ],
)
def test_a_kind_has_a_name_people_know(name: str, media_type: str, kind: str) -> None:
    assert kind_name(name, media_type) == kind
