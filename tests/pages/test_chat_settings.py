"""The settings of a chat on the chat page: the dialog, presets, the window that fills."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from chatcore.chat_settings import read_settings, write_settings
from chatcore.core import close_shared, shared
from chatcore.history import list_chats
from chatcore.organise.presets import list_presets, save_preset
from chatcore.parameters import PLAIN, ChatSettings
from chatcore.parts import ChatInfo, MessageInfo
from chatcore.rows import GENERATIONS
from tests.factories import NOW, make_chat, make_exchange
from tests.pages.frame import Frame, until
from tests.replay import ReplayServer, transcript

TINY, THINKING = ("ollama", "tinychat:latest"), ("ollama", "tinychat-think:latest")


@pytest.fixture
def ollama(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplayServer]:
    """A model server with the models of the recorded list."""
    with ReplayServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        server.on("/api/tags", transcript("ollama_tags.json"))
        close_shared()
        shared().health(fresh=True)
        shared().models(fresh=True)
        yield server
        close_shared()


def exchange(frame: Frame, chat: ChatInfo, *, tokens: tuple[int, int], content: str = "Because.") -> MessageInfo:
    """A prompt and an answer whose tokens a server counted."""
    provider, model = TINY
    _, answer = make_exchange(frame.core.db, frame.viewer, chat.id, provider=provider, model_name=model, now=datetime.now(UTC))
    counted = {"input_tokens": tokens[0], "output_tokens": tokens[1], "usage_source": "reported"}
    with frame.core.db.write() as tx:
        tx.execute(sa.update(GENERATIONS).where(GENERATIONS.c.message_id == answer.id).values(counted))
    return answer


def a_chat(frame: Frame, **given: object) -> ChatInfo:
    return make_chat(frame.core.db, frame.viewer, provider=TINY[0], model_name=TINY[1], now=datetime.now(UTC))


def test_what_is_saved_in_the_dialog_is_the_chats(frame: Frame) -> None:
    chat = a_chat(frame)
    at = frame.run(c=str(chat.id))
    at.button(key="settings.button").click().run()
    assert not at.exception
    at.text_area(key="settings.system_prompt").set_value("Be brief.").run()
    at.number_input(key="settings.temperature").set_value(0.2).run()
    at.number_input(key="settings.num_ctx").set_value(8192).run()
    at.button(key="settings.save").click().run()
    assert not at.exception
    assert read_settings(frame.core.db, frame.viewer, chat.id) == ChatSettings("Be brief.", None, {"temperature": 0.2, "num_ctx": 8192})
    assert "settings.save" not in [button.key for button in at.button]
    assert at.button(key="settings.button").label == "Customised"


def test_the_dialog_shows_what_is_set_and_reset_empties_it(frame: Frame) -> None:
    chat = a_chat(frame)
    write_settings(frame.core.db, frame.viewer, chat.id, ChatSettings("Be brief.", None, {"seed": 7, "stop": ["END"]}))
    at = frame.run(c=str(chat.id))
    at.button(key="settings.button").click().run()
    assert at.text_area(key="settings.system_prompt").value == "Be brief."
    assert at.number_input(key="settings.seed").value == 7
    assert at.multiselect(key="settings.stop").value == ["END"]
    assert at.number_input(key="settings.temperature").value is None
    at.button(key="settings.reset").click().run()
    at.button(key="settings.save").click().run()
    assert not at.exception
    assert read_settings(frame.core.db, frame.viewer, chat.id) == PLAIN
    assert at.button(key="settings.button").label == "Chat settings"


def test_settings_chosen_before_the_first_prompt_go_with_it_and_not_with_the_next_chat(frame: Frame) -> None:
    at = frame.run()
    at.button(key="settings.button").click().run()
    at.text_area(key="settings.system_prompt").set_value("Be brief.").run()
    at.button(key="settings.save").click().run()
    assert not list_chats(frame.core.db, frame.viewer).items
    at.chat_input[0].set_value("Where is my data?").run()
    (chat,) = list_chats(frame.core.db, frame.viewer).items
    assert read_settings(frame.core.db, frame.viewer, chat.id) == ChatSettings("Be brief.")
    at.button(key="sidebar.new").click().run()
    assert at.button(key="settings.button").label == "Chat settings"


def test_new_chats_begin_with_the_default_preset(frame: Frame) -> None:
    brief = ChatSettings("Be brief.")
    save_preset(frame.core.db, frame.viewer, name="Brief", settings=brief, now=NOW, is_default=True)
    at = frame.run()
    assert at.button(key="settings.button").label == "Brief"
    at.chat_input[0].set_value("Where is my data?").run()
    (chat,) = list_chats(frame.core.db, frame.viewer).items
    assert read_settings(frame.core.db, frame.viewer, chat.id) == brief


def test_a_preset_fills_the_fields_is_changed_and_deleted(frame: Frame) -> None:
    chat = a_chat(frame)
    save_preset(frame.core.db, frame.viewer, name="Brief", settings=ChatSettings("Be brief.", None, {"top_k": 5}), now=NOW)
    at = frame.run(c=str(chat.id))
    at.button(key="settings.button").click().run()
    (brief,) = list_presets(frame.core.db, frame.viewer)
    at.selectbox(key="settings.preset").select(brief.id).run()
    assert at.text_area(key="settings.system_prompt").value == "Be brief."
    assert at.number_input(key="settings.top_k").value == 5
    at.text_input(key="settings.preset_name").set_value("Short").run()
    at.checkbox(key="settings.preset_default").check().run()
    at.button(key="settings.preset_change").click().run()
    assert not at.exception
    (short,) = list_presets(frame.core.db, frame.viewer)
    assert (short.name, short.is_default, short.settings) == ("Short", True, brief.settings)
    at.button(key="settings.preset_delete").click().run()
    assert not at.exception
    assert list_presets(frame.core.db, frame.viewer) == ()
    # Nothing was saved for the chat.
    assert read_settings(frame.core.db, frame.viewer, chat.id) == PLAIN


def test_a_preset_is_kept_from_the_fields_and_a_taken_name_is_told(frame: Frame) -> None:
    at = frame.run()
    at.button(key="settings.button").click().run()
    at.text_area(key="settings.system_prompt").set_value("Be brief.").run()
    at.text_input(key="settings.preset_name").set_value("Brief").run()
    at.button(key="settings.preset_save").click().run()
    (brief,) = list_presets(frame.core.db, frame.viewer)
    assert brief.settings == ChatSettings("Be brief.")
    at.button(key="settings.preset_save").click().run()
    assert not at.exception
    assert "already" in at.warning[0].value
    assert len(list_presets(frame.core.db, frame.viewer)) == 1


def test_thinking_is_offered_where_the_model_thinks(frame: Frame, ollama: ReplayServer) -> None:
    chat = a_chat(frame)
    at = frame.run(c=str(chat.id))
    at.button(key="settings.button").click().run()
    assert not at.exception
    assert "Thinking" not in [group.label for group in at.button_group]
    thinking = make_chat(frame.core.db, frame.viewer, provider=THINKING[0], model_name=THINKING[1], now=datetime.now(UTC))
    at = frame.run(c=str(thinking.id))
    at.button(key="settings.button").click().run()
    (group,) = [group for group in at.button_group if group.label == "Thinking"]
    group.set_value("off").run()
    at.button(key="settings.save").click().run()
    assert read_settings(frame.core.db, frame.viewer, thinking.id) == ChatSettings(think="off")


def test_the_gauge_says_how_full_the_window_is(frame: Frame, ollama: ReplayServer) -> None:
    chat = a_chat(frame)
    write_settings(frame.core.db, frame.viewer, chat.id, ChatSettings(options={"num_ctx": 1024}))
    exchange(frame, chat, tokens=(100, 28))
    at = frame.run(c=str(chat.id))
    assert any("12% of 1k" in element.value for element in at.markdown)
    assert "context.continue" not in [button.key for button in at.button]
    exchange(frame, chat, tokens=(900, 60))
    at = frame.run(c=str(chat.id))
    assert any("orange[94% of 1k" in element.value for element in at.markdown)
    assert at.button(key="context.continue")


def test_an_answer_whose_oldest_messages_were_dropped_says_so(frame: Frame, ollama: ReplayServer) -> None:
    chat = a_chat(frame)
    exchange(frame, chat, tokens=(3000, 200))
    exchange(frame, chat, tokens=(3300, 200))
    assert not any("left out the oldest" in caption.value for caption in frame.run(c=str(chat.id)).caption)
    exchange(frame, chat, tokens=(1200, 200))
    assert any("left out the oldest" in caption.value for caption in frame.run(c=str(chat.id)).caption)


def test_a_full_chat_goes_on_in_a_new_one_that_begins_with_a_summary(frame: Frame, ollama: ReplayServer) -> None:
    chat = a_chat(frame)
    write_settings(frame.core.db, frame.viewer, chat.id, ChatSettings(options={"num_ctx": 1024}))
    exchange(frame, chat, tokens=(1000, 60))
    ollama.on("/api/chat", transcript("ollama_chat_basic.ndjson"))
    at = frame.run(c=str(chat.id))
    at.button(key="context.continue").click().run()
    assert not at.exception
    (made,) = [found for found in list_chats(frame.core.db, frame.viewer).items if found.id != chat.id]
    assert made.title == f"{chat.title} (continued)"
    assert at.query_params["c"] == str(made.id)
    until(lambda: not list_chats(frame.core.db, frame.viewer).items[0].running)
