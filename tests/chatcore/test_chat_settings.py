"""The settings of a chat on their way: from the database into what a provider is asked."""

import sqlalchemy as sa

from chatcore.chat import Draft, retry, send
from chatcore.chat_settings import read_settings, write_settings
from chatcore.db import Database
from chatcore.history import get_chat, get_message
from chatcore.parameters import PLAIN, ChatSettings
from chatcore.parts import Finished, FinishReason, ReasoningDelta, TextDelta, Turn
from tests.answers import LIMIT_S, ended, running
from tests.factories import NOW, make_chat, make_viewer
from tests.scripted import Scripted

DONE = Finished(FinishReason.STOP)
FULL = ChatSettings("Be brief.", "low", {"temperature": 0.2, "num_ctx": 8192, "stop": ["END"]})


def test_a_chat_has_no_settings_until_it_gets_some(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada)
    assert read_settings(db, ada, chat.id) == PLAIN
    assert write_settings(db, ada, chat.id, FULL) == FULL
    assert read_settings(db, ada, chat.id) == FULL
    # The conversation did not go on.
    assert get_chat(db, ada, chat.id) == chat
    write_settings(db, ada, chat.id, PLAIN)
    assert read_settings(db, ada, chat.id) == PLAIN


def test_each_prompt_and_each_retry_is_asked_with_the_settings_of_its_chat(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("Because."), DONE)
    with running(db, provider) as runner:
        sent = send(runner, ada, None, Draft("Why?", "scripted", "parrot", settings=FULL), now=NOW)
        ended(db, ada, sent.answer_id)
        assert read_settings(db, ada, sent.chat_id) == FULL
        write_settings(db, ada, sent.chat_id, ChatSettings("Be long."))
        ended(db, ada, send(runner, ada, sent.chat_id, Draft("And?", "scripted", "parrot", settings=FULL), now=NOW).answer_id)
        ended(db, ada, retry(runner, ada, sent.answer_id, now=NOW).answer_id)
    first, second, third = provider.requests
    assert first.turns == (Turn("system", "Be brief."), Turn("user", "Why?"))
    assert (first.think, first.options) == ("low", FULL.options)
    assert [turn.role for turn in second.turns] == ["system", "user", "assistant", "user"]
    # A chat that is there has its own settings.
    assert second.turns[0].content == third.turns[0].content == "Be long."
    assert (third.think, third.options) == (None, {})


def test_an_attempt_keeps_the_window_it_was_asked_with_and_how_long_it_reasoned(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(ReasoningDelta("Hm."))
    with running(db, provider) as runner:
        sent = send(runner, ada, None, Draft("Why?", "scripted", "parrot", settings=FULL), now=NOW)
        assert provider.asked.acquire(timeout=LIMIT_S)
        for update in runner.follow_sync(ada, sent.answer_id):
            if update.reasoning:
                assert update.reasoning_s is not None
                provider.feed(TextDelta("Because."), DONE)
        ended(db, ada, sent.answer_id)
        plain = send(runner, ada, sent.chat_id, Draft("And?", "scripted", "parrot"), now=NOW)
        assert provider.asked.acquire(timeout=LIMIT_S)
        provider.feed(DONE)
        ended(db, ada, plain.answer_id)
    generation = get_message(db, ada, sent.answer_id).generation
    assert generation is not None
    assert generation.context_window == 8192
    assert generation.reasoning_s is not None
    assert generation.duration_s is not None
    assert 0 < generation.reasoning_s <= generation.duration_s


def test_an_answer_without_reasoning_has_no_time_of_it(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("Because."), DONE)
    with running(db, provider) as runner:
        sent = send(runner, ada, None, Draft("Why?", "scripted", "parrot"), now=NOW)
        ended(db, ada, sent.answer_id)
    generation = get_message(db, ada, sent.answer_id).generation
    assert generation is not None
    assert (generation.reasoning_s, generation.context_window) == (None, None)


def test_settings_of_a_new_chat_are_written_with_its_first_prompt(db: Database) -> None:
    ada = make_viewer(db)
    with running(db, Scripted(DONE)) as runner:
        ended(db, ada, send(runner, ada, None, Draft("Why?", "scripted", "parrot", settings=FULL), now=NOW).answer_id)
    with db.read() as tx:
        row = tx.execute(sa.text("SELECT system_prompt, think, options FROM chatsession")).one()
    assert tuple(row) == ("Be brief.", "low", '{"temperature": 0.2, "num_ctx": 8192, "stop": ["END"]}')
