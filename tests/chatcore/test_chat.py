"""Send, retry, stop: one transaction each, and nothing a double click could break."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from chatcore import chat
from chatcore.chat import Draft, Sent, StillAnswering, first_model, retry, send, stop, title_from
from chatcore.db import Database
from chatcore.errors import ChatcoreError, Conflict, Invalid, NotFound
from chatcore.generation import Runner
from chatcore.history import archive_chats, create_chat, delete_chats, get_chat, get_message, list_chats
from chatcore.models import DEFAULT_TITLE
from chatcore.parts import (
    ErrorCode,
    Failed,
    Finished,
    FinishReason,
    ModelInfo,
    ReasoningDelta,
    State,
    TextDelta,
    Turn,
    Viewer,
)
from chatcore.rows import GENERATIONS
from chatcore.thread import open_thread
from tests.answers import ask, ended, follow_to_end, running
from tests.factories import make_chat, make_exchange, make_message, make_viewer
from tests.scripted import Scripted

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
DONE = Finished(FinishReason.STOP)
BROKEN = Failed(ErrorCode.SERVER_ERROR, "The model server failed.", "Try again.", retryable=True)
DRAFT = Draft("Why are there two tides a day?", "scripted", "parrot")


def count_rows(db: Database, table: str) -> int:
    with db.read() as tx:
        return int(tx.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())


# --- send --------------------------------------------------------------------------------------------------------


def test_the_first_prompt_makes_a_chat_with_its_title_and_an_answer(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("Because."), DONE)
    with running(db, provider) as runner:
        sent = send(runner, ada, None, DRAFT, now=NOW)
        ended(db, ada, sent.answer_id)
        thread = open_thread(db, ada, sent.chat_id)
    asked, answered = thread.messages
    assert (asked.id, answered.id) == (sent.user_message_id, sent.answer_id)
    assert (asked.content, answered.content, answered.parent_id) == (DRAFT.text, "Because.", asked.id)
    assert (thread.chat.title, thread.chat.provider, thread.chat.model_name) == (DRAFT.text, "scripted", "parrot")
    assert (thread.chat.message_count, thread.chat.current_message_id, thread.chat.created_at) == (2, sent.answer_id, NOW)
    assert (answered.provider, answered.model_name, asked.provider) == ("scripted", "parrot", None)
    assert answered.generation is not None
    assert answered.generation.started_at == NOW


def test_an_empty_chat_gets_title_and_model_of_its_first_prompt_unless_it_was_named(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("Because."), DONE)
    with running(db, provider) as runner:
        plain, named = create_chat(db, ada, now=NOW), create_chat(db, ada, now=NOW, title="Sea")
        for made in (plain, named):
            ended(db, ada, send(runner, ada, made.id, DRAFT, now=NOW).answer_id)
            ended(db, ada, send(runner, ada, made.id, Draft("And the sun?", "scripted", "other"), now=NOW).answer_id)
    assert [get_chat(db, ada, made.id).title for made in (plain, named)] == [DRAFT.text, "Sea"]
    assert {get_chat(db, ada, made.id).model_name for made in (plain, named)} == {"parrot"}


def test_the_model_is_told_the_branch_without_empty_answers(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"))
    with running(db, provider) as runner:
        first = ask(runner, ada, "one")
        follow = runner.follow_sync(ada, first.answer_id)
        while not next(follow).text:
            pass
        stop(runner, ada, first.answer_id, now=NOW)
        provider.play = (BROKEN,)
        second = send(runner, ada, first.chat_id, Draft("two", "scripted", "parrot"), now=NOW)
        ended(db, ada, second.answer_id)
        provider.play = (TextDelta("The sun"), DONE)
        third = send(runner, ada, first.chat_id, Draft("three", "scripted", "parrot"), now=NOW)
        ended(db, ada, third.answer_id)
    turns = (Turn("user", "one"), Turn("assistant", "The moon"), Turn("user", "two"), Turn("user", "three"))
    assert provider.requests[-1].turns == turns
    assert provider.requests[-1].model == "parrot"


def test_a_chat_that_answers_takes_no_second_prompt(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"))
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        with pytest.raises(Conflict, match="still answering") as caught:
            send(runner, ada, sent.chat_id, DRAFT, now=NOW)
        assert "Stop" in caught.value.hint
        assert get_chat(db, ada, sent.chat_id).message_count == 2
        provider.finish()
        ended(db, ada, sent.answer_id)
        send(runner, ada, sent.chat_id, DRAFT, now=NOW)


@pytest.mark.parametrize("new_chat", [True, False])
def test_the_same_request_key_is_sent_once(db: Database, new_chat: bool) -> None:
    ada, eve, provider = make_viewer(db), make_viewer(db, "Eve"), Scripted(TextDelta("Because."), DONE)
    draft = Draft("Why?", "scripted", "parrot", request_key="key-1")
    with running(db, provider) as runner:
        sent = send(runner, ada, None, draft, now=NOW)
        ended(db, ada, sent.answer_id)
        before = count_rows(db, "chatmessage"), count_rows(db, "chatsession")
        with pytest.raises(Conflict, match="already sent"):
            send(runner, ada, None if new_chat else sent.chat_id, draft, now=NOW)
        assert (count_rows(db, "chatmessage"), count_rows(db, "chatsession")) == before
        send(runner, eve, None, draft, now=NOW)


@pytest.mark.parametrize("key", [None, "key-1"], ids=["same chat", "new chat, same key"])
def test_of_two_sends_at_once_exactly_one_goes_through(db: Database, key: str | None) -> None:
    ada, provider = make_viewer(db), Scripted()
    made = None if key else create_chat(db, ada, now=NOW).id
    gate = threading.Barrier(4)
    with running(db, provider) as runner:

        def click(_: int) -> Sent | ChatcoreError:
            gate.wait()
            try:
                return send(runner, ada, made, Draft("Why?", "scripted", "parrot", key), now=NOW)
            except ChatcoreError as error:
                return error

        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(click, range(4)))
        sent = [result for result in results if isinstance(result, Sent)]
        assert len(sent) == 1, results
        assert all(isinstance(result, Conflict) for result in results if not isinstance(result, Sent))
        assert (count_rows(db, "chatmessage"), count_rows(db, "generation"), count_rows(db, "chatsession")) == (2, 1, 1)


@pytest.mark.parametrize(
    "draft",
    [
        Draft(" \n", "scripted", "parrot"),
        Draft("a" * 1_048_577, "scripted", "parrot"),
        Draft("Why?", "", "parrot"),
        Draft("Why?", "scripted", " "),
        Draft("Why?", "scripted", "parrot", request_key=""),
        Draft("Why?", "scripted", "parrot", request_key="k" * 81),
    ],
    ids=["blank", "too large", "no provider", "no model", "empty key", "long key"],
)
def test_a_draft_that_cannot_be_sent_leaves_nothing(db: Database, draft: Draft) -> None:
    ada = make_viewer(db)
    with running(db, Scripted()) as runner, pytest.raises(Invalid) as caught:
        send(runner, ada, None, draft, now=NOW)
    assert caught.value.hint
    assert count_rows(db, "chatsession") == 0


def test_a_prompt_of_one_megabyte_and_of_odd_characters_goes_through(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(DONE)
    with running(db, provider) as runner:
        large = send(runner, ada, None, Draft("a" * 1_048_576, "scripted", "parrot"), now=NOW)
        odd = send(runner, ada, None, Draft("\0 \ud800 שלום 👩‍👩‍👧", "scripted", "parrot"), now=NOW)
        assert len(get_message(db, ada, large.user_message_id).content) == 1_048_576
        assert get_message(db, ada, odd.user_message_id).content == "\ufffd \ufffd שלום 👩‍👩‍👧"
        for sent in (large, odd):
            ended(db, ada, sent.answer_id)


def test_archived_chats_go_on_and_chats_in_the_trash_do_not(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("Because."), DONE)
    archived, trashed = make_chat(db, ada), make_chat(db, ada)
    archive_chats(db, ada, [archived.id], archived=True)
    delete_chats(db, ada, [trashed.id], now=NOW)
    with running(db, provider) as runner:
        ended(db, ada, send(runner, ada, archived.id, DRAFT, now=NOW).answer_id)
        with pytest.raises(Conflict, match="trash"):
            send(runner, ada, trashed.id, DRAFT, now=NOW)
        with pytest.raises(NotFound):
            send(runner, ada, uuid.uuid4(), DRAFT, now=NOW)


def test_a_prompt_to_a_provider_that_is_not_there_is_kept(db: Database) -> None:
    ada = make_viewer(db)
    with running(db, Scripted()) as runner:
        sent = send(runner, ada, None, Draft("Why?", "openai", "gpt"), now=NOW)
        last = follow_to_end(runner, ada, sent.answer_id)[-1]
    assert (last.state, get_message(db, ada, sent.user_message_id).content) == (State.FAILED, "Why?")
    assert last.hint


def test_a_runner_that_is_closed_leaves_nothing_running(db: Database) -> None:
    ada = make_viewer(db)
    with running(db, Scripted()) as runner:
        pass
    sent = send(runner, ada, None, DRAFT, now=NOW)
    assert get_message(db, ada, sent.answer_id).status is State.INTERRUPTED


# --- retry -------------------------------------------------------------------------------------------------------


def test_an_answer_without_text_is_tried_again_in_its_place(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(BROKEN)
    with running(db, provider) as runner:
        sent = send(runner, ada, None, DRAFT, now=NOW)
        ended(db, ada, sent.answer_id)
        provider.play = (TextDelta("Because."), DONE)
        again = retry(runner, ada, sent.answer_id, now=NOW + timedelta(minutes=1), model_name="owl")
        message, generation = ended(db, ada, sent.answer_id)
    assert again == sent
    assert (message.content, message.model_name, generation.model_name) == ("Because.", "owl", "owl")
    assert generation.state is State.COMPLETE
    assert (count_rows(db, "generation"), get_chat(db, ada, sent.chat_id).message_count) == (2, 2)
    assert [request.turns for request in provider.requests] == [(Turn("user", DRAFT.text),)] * 2


@pytest.mark.parametrize("last", [BROKEN, DONE], ids=["failed", "complete"])
def test_an_answer_with_text_stays_and_the_next_one_stands_beside_it(db: Database, last: Failed | Finished) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"), last)
    with running(db, provider) as runner:
        sent = send(runner, ada, None, DRAFT, now=NOW)
        before, _ = ended(db, ada, sent.answer_id)
        provider.play = (TextDelta("The sun"), DONE)
        again = retry(runner, ada, sent.answer_id, now=NOW)
        after, _ = ended(db, ada, again.answer_id)
        thread = open_thread(db, ada, sent.chat_id)
    assert again.answer_id != sent.answer_id
    assert get_message(db, ada, sent.answer_id) == before
    assert (after.content, after.parent_id, again.user_message_id) == ("The sun", sent.user_message_id, sent.user_message_id)
    assert [message.content for message in thread.messages] == [DRAFT.text, "The sun"]
    assert provider.requests[-1].turns == (Turn("user", DRAFT.text),)


def test_an_answer_of_thoughts_only_is_not_overwritten(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(ReasoningDelta("hm"), BROKEN)
    with running(db, provider) as runner:
        sent = send(runner, ada, None, DRAFT, now=NOW)
        ended(db, ada, sent.answer_id)
        again = retry(runner, ada, sent.answer_id, now=NOW)
        ended(db, ada, again.answer_id)
    assert again.answer_id != sent.answer_id


def test_of_two_retries_at_once_exactly_one_goes_through(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(BROKEN)
    with running(db, provider) as runner:
        sent = send(runner, ada, None, DRAFT, now=NOW)
        ended(db, ada, sent.answer_id)
        provider.play = ()
        gate = threading.Barrier(4)

        def click(_: int) -> Sent | ChatcoreError:
            gate.wait()
            try:
                return retry(runner, ada, sent.answer_id, now=NOW)
            except ChatcoreError as error:
                return error

        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(click, range(4)))
    assert [result for result in results if isinstance(result, Sent)] == [sent]
    assert all(isinstance(result, StillAnswering) for result in results if not isinstance(result, Sent))


def test_only_answers_that_ended_are_tried_again(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"))
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        with pytest.raises(StillAnswering):
            retry(runner, ada, sent.answer_id, now=NOW)
        with pytest.raises(Invalid):
            retry(runner, ada, sent.user_message_id, now=NOW)
        made = make_chat(db, ada)
        nobody_asked = make_message(db, ada, made.id, "Hello!", role=get_message(db, ada, sent.answer_id).role)
        with pytest.raises(Invalid):
            retry(runner, ada, nobody_asked.id, now=NOW)


# --- whose it is -------------------------------------------------------------------------------------------------


def test_what_is_not_yours_cannot_be_sent_to_retried_or_stopped(db: Database) -> None:
    ada, eve, provider = make_viewer(db), make_viewer(db, "Eve"), Scripted(TextDelta("The moon"))
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        for message_id in (sent.answer_id, sent.user_message_id, 2**70, -1):
            with pytest.raises(NotFound):
                stop(runner, eve, message_id, now=NOW)
            with pytest.raises(NotFound):
                retry(runner, eve, message_id, now=NOW)
        with pytest.raises(NotFound):
            send(runner, eve, sent.chat_id, DRAFT, now=NOW)
        assert runner.writes(ada, sent.answer_id)
        with pytest.raises(NotFound):
            stop(runner, ada, sent.user_message_id, now=NOW)


# --- titles and models -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Why are there two tides a day?", "Why are there two tides a day?"),
        ("\n\n## **Plan** for `main.py`\nmore", "Plan for main.py"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("> - [tides](https://example.org/t) and ![moon](m.png)", "tides and moon"),
        ("---\n***\n", DEFAULT_TITLE),
        ("\ud800", "\ufffd"),
        ("a" * 100, "a" * 59 + "…"),
        ("tide " * 30, "tide " * 11 + "tide…"),
        ("潮" * 70, "潮" * 59 + "…"),
    ],
)
def test_a_title_is_the_first_line_that_says_something(text: str, title: str) -> None:
    assert title_from(text) == title


@given(st.text())
def test_a_title_is_never_empty_long_or_on_two_lines(text: str) -> None:
    title = title_from(text)
    assert 0 < len(title) <= 60
    assert len(title.splitlines()) == 1


LLAMA = ModelInfo("llama3.2:3b", "ollama", frozenset({"completion"}))
CLOUD = ModelInfo("minimax-m3:cloud", "ollama", cloud=True)
EMBED = ModelInfo("nomic-embed-text", "ollama", frozenset({"embedding"}))
GUIDE = ModelInfo("guide", "guide")


@pytest.mark.parametrize(
    ("models", "first"),
    [
        ((), ("guide", "guide")),
        ((GUIDE, EMBED), ("guide", "guide")),
        ((GUIDE, EMBED, CLOUD), ("ollama", "minimax-m3:cloud")),
        ((GUIDE, CLOUD, LLAMA), ("ollama", "llama3.2:3b")),
    ],
    ids=["nothing", "none that chats", "cloud only", "one on this machine"],
)
def test_the_first_model_is_one_that_can_answer(db: Database, models: tuple[ModelInfo, ...], first: tuple[str, str]) -> None:
    assert first_model(db, make_viewer(db), models) == first


def test_the_model_used_last_comes_first_while_it_is_offered(db: Database) -> None:
    ada, eve = make_viewer(db), make_viewer(db, "Eve")
    made = make_chat(db, ada)
    make_exchange(db, ada, made.id, model_name=CLOUD.id, now=NOW)
    make_exchange(db, ada, made.id, model_name=LLAMA.id, now=NOW - timedelta(days=1))
    assert first_model(db, ada, (LLAMA, CLOUD)) == ("ollama", CLOUD.id)
    assert first_model(db, ada, (LLAMA,)) == ("ollama", LLAMA.id)
    assert first_model(db, eve, (LLAMA, CLOUD)) == ("ollama", LLAMA.id)


def test_the_guide_does_not_stay_when_a_model_has_come(db: Database) -> None:
    ada = make_viewer(db)
    made = make_chat(db, ada)
    make_exchange(db, ada, made.id, model_name=CLOUD.id, now=NOW - timedelta(days=1))
    make_exchange(db, ada, made.id, provider="guide", model_name="guide", now=NOW)
    assert first_model(db, ada, (GUIDE,)) == ("guide", "guide")
    assert first_model(db, ada, (GUIDE, LLAMA, CLOUD)) == ("ollama", CLOUD.id)


# --- all together ------------------------------------------------------------------------------------------------


def test_counters_and_ledger_agree_after_many_turns(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("a"), TextDelta("b"), DONE)
    with running(db, provider) as runner:
        made: uuid.UUID | None = None
        for number in range(5):
            sent = send(runner, ada, made, Draft(f"prompt {number}", "scripted", "parrot"), now=datetime.now(UTC))
            made = sent.chat_id
            ended(db, ada, sent.answer_id)
        assert made is not None
        info = get_chat(db, ada, made)
    with db.read() as tx:
        totals = sa.select(sa.func.count(), sa.func.sum(GENERATIONS.c.input_tokens), sa.func.sum(GENERATIONS.c.output_tokens))
        answers, tokens_in, tokens_out = tx.execute(totals.where(GENERATIONS.c.session_id == made)).one()
    assert (info.message_count, info.input_tokens, info.output_tokens) == (2 * answers, tokens_in, tokens_out)
    assert [each.id for each in list_chats(db, ada).items] == [made]
    assert (info.last_snippet, info.running) == ("ab", False)


def test_the_module_has_no_verb_without_a_viewer() -> None:
    for verb in (chat.send, chat.retry, chat.stop):
        assert list(verb.__annotations__)[:2] == ["runner", "viewer"]
        assert verb.__annotations__["runner"] is Runner
        assert verb.__annotations__["viewer"] is Viewer
