"""The Runner: an answer is written once, seen by whoever follows, and never lost."""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatcore import chat
from chatcore.attempt import LARGEST_ANSWER
from chatcore.db import Database
from chatcore.errors import NotFound
from chatcore.generation import NOT_SAVED, Runner
from chatcore.history import get_chat, get_message, purge_chats
from chatcore.parts import (
    Cancelled,
    ChatRequest,
    ErrorCode,
    Event,
    Failed,
    Finished,
    FinishReason,
    Offset,
    Progress,
    ReasoningDelta,
    Started,
    State,
    TextDelta,
    ToolCall,
    Update,
    Usage,
)
from chatcore.rows import GENERATIONS, MESSAGES
from tests.answers import LIMIT_S, ask, ended, follow_to_end, ledger_row, read_until, running, table_away, until
from tests.factories import make_viewer
from tests.scripted import Scripted

DONE = Finished(FinishReason.STOP)


def text_of(updates: list[Update]) -> str:
    return "".join(update.text for update in updates)


# --- following ---------------------------------------------------------------------------------------------------


def test_followers_get_all_text_and_exactly_one_end(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(Started())
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        provider.write("The far ", "side ")
        read_until(runner, ada, sent.answer_id, "The far side ")
        provider.write("is pulled less.")
        provider.finish()
        updates = follow_to_end(runner, ada, sent.answer_id)
    assert text_of(updates) == "The far side is pulled less."
    assert [update.state for update in updates if update.state is not State.RUNNING] == [State.COMPLETE]
    assert updates[-1].state is State.COMPLETE
    assert updates[-1].next == Offset(text=len("The far side is pulled less."))


def test_an_update_holds_everything_since_the_one_before(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        slow = runner.follow_sync(ada, sent.answer_id)
        assert next(slow).text == ""
        provider.write("a", "b", "c", "d")
        read_until(runner, ada, sent.answer_id, "abcd")
        assert next(slow).text == "abcd"
        slow.close()


def test_who_comes_after_the_end_gets_the_whole_answer_at_once(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(ReasoningDelta("hm"), TextDelta("Because."), DONE)
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        ended(db, ada, sent.answer_id)
        until(lambda: not runner.writes(ada, sent.answer_id))
        updates = follow_to_end(runner, ada, sent.answer_id)
    (update,) = updates
    assert update.reasoning_s is not None
    assert replace(update, reasoning_s=None) == Update("Because.", "hm", State.COMPLETE, Offset(8, 2))


def test_a_follower_goes_on_from_its_offset(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(ReasoningDelta("moon"), TextDelta("high"), TextDelta("tide"), DONE)
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        live = follow_to_end(runner, ada, sent.answer_id, Offset(text=6, reasoning=1))
        until(lambda: not runner.writes(ada, sent.answer_id))
        saved = follow_to_end(runner, ada, sent.answer_id, Offset(text=6, reasoning=1))
        beyond = follow_to_end(runner, ada, sent.answer_id, Offset(text=99, reasoning=99))
    assert text_of(live) == text_of(saved) == "de"
    assert "".join(update.reasoning for update in live) == saved[0].reasoning == "oon"
    assert [replace(update, reasoning_s=None) for update in beyond] == [Update("", "", State.COMPLETE, Offset(8, 4))]


async def test_a_follower_on_another_event_loop_is_woken(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        sent = await asyncio.to_thread(ask, runner, ada)
        come: list[Update] = []
        async with asyncio.timeout(LIMIT_S), aclosing(runner.follow(ada, sent.answer_id)) as updates:
            async for update in updates:
                come.append(update)
                if not come[:-1]:
                    provider.write("tide")
                elif text_of(come) == "tide":
                    provider.finish()
    assert text_of(come) == "tide"
    assert come[-1].state is State.COMPLETE


async def test_a_follower_that_leaves_does_not_end_the_answer(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("high "))
    with running(db, provider) as runner:
        sent = await asyncio.to_thread(ask, runner, ada)

        async def watch() -> None:
            async for _ in runner.follow(ada, sent.answer_id):
                pass

        follower = asyncio.create_task(watch())
        await asyncio.sleep(0)
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)
        provider.write("tide")
        provider.finish()
        message, _ = await asyncio.to_thread(ended, db, ada, sent.answer_id)
    assert message.content == "high tide"


async def test_what_is_not_yours_cannot_be_followed(db: Database) -> None:
    ada, eve, provider = make_viewer(db), make_viewer(db, "Eve"), Scripted(TextDelta("secret"))
    with running(db, provider) as runner:
        sent = await asyncio.to_thread(ask, runner, ada)
        for message_id in (sent.answer_id, sent.user_message_id, sent.answer_id + 1000, 2**70):
            with pytest.raises(NotFound):
                next(runner.follow_sync(eve, message_id))
            with pytest.raises(NotFound):
                await anext(runner.follow(eve, message_id))
        with pytest.raises(NotFound):
            runner.writes(eve, sent.answer_id)
        provider.finish()
        await asyncio.to_thread(ended, db, ada, sent.answer_id)
        with pytest.raises(NotFound):
            next(runner.follow_sync(eve, sent.answer_id))


def test_a_follower_with_other_things_to_do_is_not_kept_waiting(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        updates = runner.follow_sync(ada, sent.answer_id, idle_s=0.01)
        assert [next(updates) for _ in range(5)] == [Update("", "", State.RUNNING, Offset())] * 5
        provider.write("tide")
        assert next(update for update in updates if update.text).text == "tide"
        updates.close()


def test_progress_is_shown_until_the_first_text(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(Progress("Loading the model."))
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        seen: list[str | None] = []
        for update in runner.follow_sync(ada, sent.answer_id):
            seen.append(update.progress)
            if update.progress:
                provider.write("tide")
            if update.text:
                break
    assert seen[-2:] == ["Loading the model.", None]


# --- the end -----------------------------------------------------------------------------------------------------


def test_a_complete_answer_is_counted_as_the_server_says(db: Database) -> None:
    usage = Usage(input_tokens=20, output_tokens=7, cached_tokens=4, load_s=0.5, prompt_s=0.1, eval_s=0.25, response_model="parrot-2")
    ada, provider = make_viewer(db), Scripted(Started(), ReasoningDelta("hm"), TextDelta("Because."), usage, DONE)
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        message, generation = ended(db, ada, sent.answer_id)
        row, made = ledger_row(db, generation.id), get_chat(db, ada, sent.chat_id)
    assert (message.content, message.reasoning, message.status) == ("Because.", "hm", State.COMPLETE)
    assert (generation.input_tokens, generation.output_tokens, generation.usage_source) == (20, 7, "reported")
    assert generation.output_tokens_per_s == 28.0
    assert (row["cached_tokens"], row["load_s"], row["prompt_s"], row["response_model"]) == (4, 0.5, 0.1, "parrot-2")
    assert (row["finish_reason"], row["error_type"], row["finished_at"] is not None) == ("stop", None, True)
    assert row["duration_s"] >= row["time_to_first_chunk_s"] > 0
    assert (made.input_tokens, made.output_tokens, made.message_count, made.last_snippet) == (20, 7, 2, "Because.")
    assert (made.running, made.updated_at) == (False, row["finished_at"])


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (None, (7, 2, "estimated")),
        (Usage(output_tokens=9), (7, 9, "estimated")),
        (Usage(input_tokens=-1, output_tokens=10**30), (7, 2, "estimated")),
        (Usage(input_tokens=0, output_tokens=0), (0, 0, "reported")),
    ],
    ids=["nothing reported", "half reported", "impossible", "zero"],
)
def test_what_the_server_does_not_count_is_estimated(
    db: Database, usage: Usage | None, counted: tuple[int | None, int | None, str | None]
) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("a"), TextDelta("b"), *([usage] if usage else []), DONE)
    with running(db, provider) as runner:
        _, generation = ended(db, ada, ask(runner, ada).answer_id)
    assert (generation.input_tokens, generation.output_tokens, generation.usage_source) == counted


def test_nothing_written_is_not_counted(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(Failed(ErrorCode.BUSY, "The server is busy.", "Try again.", retryable=True))
    with running(db, provider) as runner:
        message, generation = ended(db, ada, ask(runner, ada).answer_id)
    assert (message.content, generation.input_tokens, generation.output_tokens, generation.usage_source) == ("", None, None, None)
    assert generation.time_to_first_chunk_s is None


def test_a_failure_keeps_the_text_and_says_what_to_do(db: Database) -> None:
    failure = Failed(ErrorCode.SERVER_ERROR, "The model server failed: out of memory\0.", "Try again.", retryable=True, detail="500")
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"), failure)
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        last = follow_to_end(runner, ada, sent.answer_id)[-1]
        message, generation = ended(db, ada, sent.answer_id)
    assert (message.content, message.status) == ("The moon", State.FAILED)
    assert (generation.error_type, generation.error_hint, generation.error_retryable) == ("server_error", "Try again.", True)
    assert generation.error_message == "The model server failed: out of memory\ufffd."
    assert (generation.usage_source, generation.output_tokens) == ("estimated", 1)
    assert (last.state, last.hint) == (State.FAILED, "Try again.")


@pytest.mark.parametrize(
    ("event", "code"),
    [(RuntimeError("a bug"), "internal"), (Scripted.END, "incomplete"), (asyncio.CancelledError(), "incomplete"), ("nonsense", "internal")],
    ids=["raises", "ends without an end", "cancels itself", "no event"],
)
def test_a_provider_that_breaks_ends_as_failed_with_a_retry(
    db: Database, event: object, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"), event)
    with caplog.at_level(logging.ERROR), running(db, provider) as runner:
        message, generation = ended(db, ada, ask(runner, ada).answer_id)
    assert (message.content, message.status) == ("The moon", State.FAILED)
    assert (generation.error_type, generation.error_retryable) == (code, True)
    assert generation.error_message
    assert generation.error_hint
    assert any(record.exc_info for record in caplog.records) == (code == "internal")


def test_a_provider_that_is_not_there_ends_as_failed(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        sent = ask(runner, ada, provider="openai")
        message, generation = ended(db, ada, sent.answer_id)
        asked = get_message(db, ada, sent.user_message_id)
    assert (message.status, generation.error_type, generation.error_retryable) == (State.FAILED, "not_found", False)
    assert "openai" in str(generation.error_message)
    assert asked.content == "Why are there two tides a day?"


def test_a_server_that_cancels_leaves_a_stopped_answer(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"), Cancelled())
    with running(db, provider) as runner:
        message, generation = ended(db, ada, ask(runner, ada).answer_id)
    assert (message.content, message.status, generation.usage_source) == ("The moon", State.STOPPED, "estimated")


def test_tool_calls_are_kept_as_json(db: Database) -> None:
    call = ToolCall("call_1", "tide_table", {"port": "Brest \ud800"})
    ada, provider = make_viewer(db), Scripted(call, DONE)
    with running(db, provider) as runner:
        message, generation = ended(db, ada, ask(runner, ada).answer_id)
    (kept,) = json.loads(message.tool_calls or "")
    assert (kept["id"], kept["name"], kept["arguments"], kept["raw"], kept["error"]) == (
        "call_1", "tide_table", {"port": "Brest \ufffd"}, "", None,
    )  # fmt: skip
    assert generation.usage_source == "estimated"


def test_what_no_database_can_store_is_replaced(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("a\0b"), TextDelta("\ud83d"), ReasoningDelta("\udc00"), TextDelta("😀"), DONE)
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        message, _ = ended(db, ada, sent.answer_id)
    assert (message.content, message.reasoning) == ("a\ufffdb\ufffd😀", "\ufffd")


def test_a_row_that_somebody_else_closed_is_left_alone(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"))
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        until(lambda: get_message(db, ada, sent.answer_id).content == "The moon")
        with db.write() as tx:
            closed = {"state": "interrupted", "finished_at": datetime.now(UTC)}
            tx.execute(sa.update(GENERATIONS).where(GENERATIONS.c.message_id == sent.answer_id).values(closed))
            tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == sent.answer_id).values(status="interrupted"))
        assert provider.left.wait(LIMIT_S)
        assert follow_to_end(runner, ada, sent.answer_id)[-1].state is State.INTERRUPTED
    row = get_message(db, ada, sent.answer_id).generation
    assert row is not None
    assert (row.state, row.duration_s, row.usage_source) == (State.INTERRUPTED, None, None)


@pytest.mark.parametrize("forget_usage", [False, True])
def test_a_chat_deleted_for_ever_in_mid_answer_ends_it_quietly(db: Database, forget_usage: bool, caplog: pytest.LogCaptureFixture) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"))
    with caplog.at_level(logging.ERROR), running(db, provider) as runner:
        sent = ask(runner, ada)
        generation = get_message(db, ada, sent.answer_id).generation
        assert generation is not None
        purge_chats(db, ada, [sent.chat_id], forget_usage=forget_usage)
        assert provider.left.wait(LIMIT_S)
        until(lambda: not runner.writes(ada, sent.answer_id))
        with pytest.raises(NotFound):
            next(runner.follow_sync(ada, sent.answer_id))
    if not forget_usage:
        row = ledger_row(db, generation.id)
        assert (row["state"], row["message_id"], row["session_id"], row["usage_source"]) == ("stopped", None, None, "estimated")
    assert not caplog.records


# --- saving on the way -------------------------------------------------------------------------------------------


def test_the_text_is_saved_while_it_comes(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(ReasoningDelta("hm"), TextDelta("The "))
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        provider.write("moon")
        until(lambda: get_message(db, ada, sent.answer_id).content == "The moon")
        saved = get_message(db, ada, sent.answer_id)
    assert (saved.status, saved.reasoning) == (State.RUNNING, "hm")


def test_a_heartbeat_shows_life_where_no_text_comes(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted()
    with running(db, provider, stale_s=1.0) as runner:
        sent = ask(runner, ada)
        generation = get_message(db, ada, sent.answer_id).generation
        assert generation is not None
        first = ledger_row(db, generation.id)["heartbeat_at"]
        until(lambda: ledger_row(db, generation.id)["heartbeat_at"] > first)


def test_a_failing_database_does_not_end_the_answer(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The "))
    with caplog.at_level(logging.WARNING), running(db, provider) as runner:
        sent = ask(runner, ada)
        follower = runner.follow_sync(ada, sent.answer_id)
        come = next(follower).text
        with table_away(db, "generation"):
            provider.write("moon")
            until(lambda: any("not saved yet" in record.message for record in caplog.records))
            provider.write(" pulls.")
            provider.finish()
            for update in follower:
                come += update.text
                if update.progress == NOT_SAVED:
                    break
                assert update.state is State.RUNNING
        last = list(follower)[-1]
        message, generation = ended(db, ada, sent.answer_id)
    assert come == message.content == "The moon pulls."
    assert (last.state, last.progress, generation.usage_source) == (State.COMPLETE, None, "estimated")


def test_an_answer_that_would_not_end_is_cut_off(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        for _ in range(5):
            provider.write("again and again " * (LARGEST_ANSWER // 64))
        message, generation = ended(db, ada, sent.answer_id)
    assert generation.state is State.FAILED
    assert generation.error_type == "incomplete"
    assert len(message.content) > LARGEST_ANSWER


@pytest.mark.parametrize("migrated_database_url", ["sqlite"], indirect=True)
def test_a_full_disk_does_not_end_the_answer(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The "))
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        follower = runner.follow_sync(ada, sent.answer_id)
        with db.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        provider.write("tide " * 200_000)
        provider.finish()
        assert next(update for update in follower if update.progress == NOT_SAVED).state is State.RUNNING
        with db.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=1000000")
        message, generation = ended(db, ada, sent.answer_id)
    assert message.content == "The " + "tide " * 200_000
    assert generation.state is State.COMPLETE


@pytest.mark.parametrize("migrated_database_url", ["postgresql"], indirect=True)
def test_a_database_server_that_restarts_does_not_end_the_answer(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The "))
    end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        for word in ("moon ", "pulls ", "more."):
            with db.connect() as connection:
                connection.exec_driver_sql(end_all)
            provider.write(word)
        provider.finish()
        assert text_of(follow_to_end(runner, ada, sent.answer_id)) == "The moon pulls more."
        assert ended(db, ada, sent.answer_id)[0].content == "The moon pulls more."


def test_many_answers_at_once_do_not_mix(db: Database) -> None:
    class Echo(Scripted):
        """Says the prompt, letter by letter, then waits for everybody."""

        async def chat(self, request: ChatRequest) -> AsyncIterator[Event]:
            for letter in request.turns[-1].content:
                yield TextDelta(letter)
                await asyncio.sleep(0)
            async for event in super().chat(request):
                yield event

    people = [make_viewer(db, name) for name in ("Ada", "Eve", "Bob")]
    with running(db, echo := Echo()) as runner:
        sent = [(person, number, ask(runner, person, f"{person.name} {number}")) for number in range(6) for person in people]
        for person, number, each in sent:
            read_until(runner, person, each.answer_id, f"{person.name} {number}")
        echo.finish()
        for person, number, each in sent:
            message, generation = ended(db, person, each.answer_id)
            assert (message.content, message.status) == (f"{person.name} {number}", State.COMPLETE)
            assert generation.output_tokens == len(message.content)


PIECES = st.lists(st.text(max_size=8), max_size=12)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=PIECES, reasoning=PIECES, offset=st.tuples(st.integers(0, 60), st.integers(0, 60)))
def test_any_split_of_a_stream_gives_the_same_answer(db: Database, text: list[str], reasoning: list[str], offset: tuple[int, int]) -> None:
    whole, thought = "".join(text), "".join(reasoning)
    events = [ReasoningDelta(piece) for piece in reasoning] + [TextDelta(piece) for piece in text]
    ada, provider = make_viewer(db), Scripted(*events)
    after = Offset(min(offset[0], len(whole)), min(offset[1], len(thought)))
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        live: list[Update] = []
        thread = threading.Thread(target=lambda: live.extend(runner.follow_sync(ada, sent.answer_id, after)), daemon=True)
        thread.start()
        provider.finish()
        message, _ = ended(db, ada, sent.answer_id)
        thread.join(LIMIT_S)
        saved = follow_to_end(runner, ada, sent.answer_id, after)
    stored = whole.replace("\0", "\ufffd"), thought.replace("\0", "\ufffd")
    assert (message.content, message.reasoning or "") == stored
    for updates in (live, saved):
        assert text_of(updates) == stored[0][after.text :]
        assert "".join(update.reasoning for update in updates) == stored[1][after.reasoning :]
        assert updates[-1].next == Offset(len(whole), len(thought))


# --- stopping ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("play", "kept"),
    [
        ((), ""),
        ((Started(), Progress("Loading the model.")), ""),
        ((Started(), ReasoningDelta("hm")), ""),
        ((Started(), TextDelta("The "), TextDelta("moon")), "The moon"),
    ],
    ids=["before the first byte", "while it loads", "while it thinks", "in the text"],
)
def test_stop_ends_an_answer_in_every_phase_and_keeps_its_text(db: Database, play: tuple[Event, ...], kept: str) -> None:
    ada, provider = make_viewer(db), Scripted(*play)
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        read_until(runner, ada, sent.answer_id, kept)
        chat.stop(runner, ada, sent.answer_id, now=datetime.now(UTC))
        message = get_message(db, ada, sent.answer_id)
        assert provider.left.wait(LIMIT_S)
    assert (message.content, message.status) == (kept, State.STOPPED)


def test_stop_does_not_wait_for_a_provider_that_will_not_end(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"))
    provider.deaf = True
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        read_until(runner, ada, sent.answer_id, "The moon")
        runner.stop(sent.answer_id)
        message, _ = ended(db, ada, sent.answer_id)
        provider.write(" is late")
        provider.finish()
        assert provider.left.wait(LIMIT_S)
        assert get_message(db, ada, sent.answer_id).content == message.content == "The moon"


def test_stop_reaches_a_provider_that_never_pauses(db: Database) -> None:
    class Torrent(Scripted):
        """Has everything to say at once, for ever."""

        async def chat(self, request: ChatRequest) -> AsyncIterator[Event]:
            self.asked.release()
            while True:
                yield TextDelta("tide ")

    ada = make_viewer(db)
    with running(db, Torrent()) as runner:
        sent = ask(runner, ada)
        runner.stop(sent.answer_id)
        _, generation = ended(db, ada, sent.answer_id)
    assert generation.state is State.STOPPED


def test_stop_is_for_ever_and_can_be_repeated(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("a"))
    now = datetime.now(UTC)
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        for _ in range(3):
            chat.stop(runner, ada, sent.answer_id, now=now)
        _, stopped = ended(db, ada, sent.answer_id)
        other = ask(runner, ada)
        provider.finish()
        _, complete = ended(db, ada, other.answer_id)
        chat.stop(runner, ada, other.answer_id, now=now)
        assert not runner.stop(other.answer_id)
        assert get_message(db, ada, other.answer_id).generation == complete
    assert (stopped.state, complete.state) == (State.STOPPED, State.COMPLETE)


# --- closing -----------------------------------------------------------------------------------------------------


def test_close_saves_running_answers_as_interrupted(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"))
    with running(db, provider, checkpoint_s=60.0) as runner:
        sent = ask(runner, ada)
        read_until(runner, ada, sent.answer_id, "The moon")
        updates: list[Update] = []
        thread = threading.Thread(target=lambda: updates.extend(runner.follow_sync(ada, sent.answer_id)), daemon=True)
        thread.start()
    thread.join(LIMIT_S)
    message = get_message(db, ada, sent.answer_id)
    assert (message.content, message.status) == ("The moon", State.INTERRUPTED)
    assert updates[-1].state is State.INTERRUPTED
    assert provider.closed
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("chatcore-")]
    runner.close()


def test_close_gives_up_on_a_database_that_stays_away(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"))
    runner = Runner(db, {provider.name: provider}, checkpoint_s=0.05)
    runner.open()
    sent = ask(runner, ada)
    until(lambda: get_message(db, ada, sent.answer_id).content == "The moon")
    with caplog.at_level(logging.ERROR), table_away(db, "chatmessage"):
        runner.close(timeout_s=0.5)
    assert any("could not be saved" in record.message for record in caplog.records)
    with running(db, Scripted(), stale_s=0.01):
        message = get_message(db, ada, sent.answer_id)
    assert (message.content, message.status) == ("The moon", State.INTERRUPTED)
