"""Orphans: answers whose process is gone are marked interrupted, and only those."""

import os
from datetime import UTC, datetime

import pytest

from chatcore import chat
from chatcore.db import Database
from chatcore.history import get_chat, get_message
from chatcore.parts import State
from chatcore.processes import namespace, new_owner
from tests.answers import ask, ended, leave_running, ledger_row, running, until
from tests.factories import make_viewer
from tests.scripted import Scripted

DEAD = new_owner().replace(f":{os.getpid()}:", ":4194999:")
REUSED = ".".join([new_owner().split(".")[0], "123", "abcd"])
ELSEWHERE = f"elsewhere:17:{namespace()}.99.abcd"


def test_the_answers_of_a_dead_process_are_interrupted_at_once(db: Database) -> None:
    ada = make_viewer(db)
    answer = leave_running(db, ada, "The moon pulls", owner=DEAD, prompt="Why are there tides?")
    assert get_chat(db, ada, answer.session_id).running
    with running(db, Scripted()):
        message, made = get_message(db, ada, answer.id), get_chat(db, ada, answer.session_id)
    assert message.generation is not None
    row = ledger_row(db, message.generation.id)
    assert (message.content, message.status) == ("The moon pulls", State.INTERRUPTED)
    assert (row["state"], row["finished_at"], row["error_type"]) == ("interrupted", row["heartbeat_at"], None)
    assert row["duration_s"] == pytest.approx(2.0, abs=0.5)
    assert (row["input_tokens"], row["output_tokens"], row["usage_source"]) == (5, 3, "estimated")
    assert (made.input_tokens, made.output_tokens, made.message_count, made.running) == (5, 3, 2, False)
    assert made.last_snippet == "The moon pulls"


def test_an_orphan_without_text_counts_nothing(db: Database) -> None:
    ada = make_viewer(db)
    answer = leave_running(db, ada, "", owner=DEAD)
    with running(db, Scripted()):
        generation = get_message(db, ada, answer.id).generation
    assert generation is not None
    assert (generation.state, generation.input_tokens, generation.usage_source) == (State.INTERRUPTED, None, None)
    assert get_chat(db, ada, answer.session_id).last_snippet == "Why are there two tides a day?"


def test_the_same_process_id_after_a_restart_is_another_process(db: Database) -> None:
    ada = make_viewer(db)
    answer = leave_running(db, ada, "The moon", owner=REUSED)
    with running(db, Scripted()):
        assert get_message(db, ada, answer.id).status is State.INTERRUPTED


@pytest.mark.parametrize("owner", [ELSEWHERE, new_owner()], ids=["another host", "a living process of this host"])
def test_running_answers_of_living_processes_are_left_alone_until_they_fall_silent(db: Database, owner: str) -> None:
    ada = make_viewer(db)
    fresh = leave_running(db, ada, "The moon", owner=owner, silent_s=5.0)
    silent = leave_running(db, ada, "The sun", owner=owner, silent_s=16.0)
    with running(db, Scripted()) as runner:
        assert get_message(db, ada, fresh.id).status is State.RUNNING
        assert get_message(db, ada, silent.id).status is State.INTERRUPTED
        assert runner.recover() == 0


def test_an_answer_that_falls_silent_later_is_found_by_a_process_that_runs(db: Database) -> None:
    ada = make_viewer(db)
    answer = leave_running(db, ada, "The moon", owner=ELSEWHERE)
    with running(db, Scripted(), stale_s=1.0):
        until(lambda: get_message(db, ada, answer.id).status is State.INTERRUPTED)


def test_a_runner_never_takes_its_own_answers_for_orphans(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted()
    with running(db, provider, checkpoint_s=60.0, stale_s=0.001) as runner:
        sent = ask(runner, ada)
        assert runner.recover() == 0
        provider.finish()
        assert ended(db, ada, sent.answer_id)[0].status is State.COMPLETE


def test_an_orphan_is_recovered_once_by_many(db: Database) -> None:
    ada = make_viewer(db)
    answer = leave_running(db, ada, "The moon pulls", owner=DEAD)
    with running(db, Scripted()) as one, running(db, Scripted()) as other:
        assert one.recover() + other.recover() == 0
    made = get_chat(db, ada, answer.session_id)
    assert (made.input_tokens, made.output_tokens) == (7, 3)


def test_stop_of_an_orphan_ends_it(db: Database) -> None:
    ada = make_viewer(db)
    with running(db, Scripted()) as runner:
        answer = leave_running(db, ada, "The moon", owner=DEAD)
        chat.stop(runner, ada, answer.id, now=datetime.now(UTC))
        assert get_message(db, ada, answer.id).status is State.INTERRUPTED


def test_an_orphan_does_not_keep_its_chat_from_going_on(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        answer = leave_running(db, ada, "The moon", owner=DEAD)
        draft = chat.Draft("Go on.", "scripted", "parrot")
        chat.send(runner, ada, answer.session_id, draft, now=datetime.now(UTC))
        assert provider.asked.acquire(timeout=20)
        assert get_message(db, ada, answer.id).status is State.INTERRUPTED
    assert [turn.content for turn in provider.requests[0].turns] == ["Why are there two tides a day?", "The moon", "Go on."]
