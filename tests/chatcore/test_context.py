"""How full the window is, and what a server left out."""

import uuid
from dataclasses import replace

import pytest

from chatcore.context import Filling, cut_answers, filling, window_of
from chatcore.db import Database
from chatcore.parameters import PLAIN, ChatSettings
from chatcore.parts import GenerationInfo, MessageInfo, ModelInfo, Role, State
from chatcore.thread import open_thread
from tests.factories import NOW, make_chat, make_viewer


def chat_of(*counted: tuple[int, int] | None, prompt: str = "Why?", answer: str = "Because.") -> tuple[MessageInfo, ...]:
    """Exchanges whose answers have these counts of tokens, in and out."""
    messages: list[MessageInfo] = []
    chat_id = uuid.UUID(int=1)
    for number, tokens in enumerate(counted):
        asked = MessageInfo(2 * number + 1, chat_id, None, Role.USER, State.COMPLETE, prompt, NOW)
        generation = GenerationInfo(
            number + 1, State.COMPLETE, "ollama", "m", NOW, input_tokens=tokens and tokens[0], output_tokens=tokens and tokens[1],
            usage_source="reported" if tokens else None,
        )  # fmt: skip
        role, content = Role.ASSISTANT, answer
        said = MessageInfo(2 * number + 2, chat_id, None, role, State.COMPLETE, content, NOW, "ollama", "m", generation=generation)
        messages += [asked, said]
    return tuple(messages)


@pytest.mark.parametrize(
    ("asked", "loaded", "most", "window"),
    [(8192, 4096, 131072, 8192), (None, 4096, 131072, 4096), (None, None, 131072, 131072), (999999, None, 131072, 131072),
     (8192, None, None, 8192), (None, None, None, None)],
)  # fmt: skip
def test_the_window_is_what_was_asked_for_else_what_is_loaded_else_the_most(
    asked: int | None, loaded: int | None, most: int | None, window: int | None
) -> None:
    settings = ChatSettings(options={"num_ctx": asked}) if asked else PLAIN
    assert window_of(settings, ModelInfo("m", "ollama", context_length=most, loaded_context=loaded)) == window


def test_what_the_server_counted_is_the_measure_and_what_came_after_is_estimated(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada)
    messages = chat_of((100, 20))
    assert filling(db, ada, chat.id, messages, 1000) == Filling(120, False, 1000)
    later = replace(messages[0], id=9, content="x" * 400)
    assert filling(db, ada, chat.id, (*messages, later), 1000) == Filling(220, False, 1000)


def test_where_nobody_counted_the_whole_branch_is_estimated(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada, messages=9)
    messages = open_thread(db, ada, chat.id, limit=2).messages
    # "message 0" to "message 8": nine times nine characters.
    assert filling(db, ada, chat.id, messages, 100) == Filling(20, True, 100)


def test_it_is_told_before_messages_are_cut() -> None:
    assert not Filling(79, False, 100).nearly_full
    assert Filling(80, False, 100).nearly_full
    assert not Filling(80, False, None).nearly_full
    assert Filling(1, False, None).share is None


def test_a_count_that_grows_with_the_chat_is_whole() -> None:
    assert cut_answers(chat_of((10, 5), (20, 5), (30, 5))) == frozenset()
    assert cut_answers(chat_of((10, 5), None, (30, 5))) == frozenset()
    assert cut_answers(chat_of(None, (3, 5))) == frozenset()
    # Nothing is cut of a chat that fits into any window, whatever a server counts.
    assert cut_answers(chat_of((11, 5), (11, 5))) == frozenset()


def test_a_count_that_falls_or_stays_where_much_was_added_is_cut() -> None:
    assert cut_answers(chat_of((3000, 5), (1200, 5), (1300, 5))) == {4}
    # Of a window that is full the same fits each time.
    assert cut_answers(chat_of((3000, 500), (3010, 500), prompt="x" * 400, answer="x" * 2000)) == {4}
    assert cut_answers(chat_of((3000, 500), (3600, 500), prompt="x" * 400, answer="x" * 2000)) == frozenset()


def test_another_model_counts_otherwise() -> None:
    first, second, third, fourth = chat_of((3000, 5), (1200, 5))
    assert cut_answers((first, second, third, replace(fourth, model_name="other"))) == frozenset()
