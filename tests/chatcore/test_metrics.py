"""Figures for Prometheus: each attempt is counted once, by who closed it, and nobody can be told from them."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from chatcore import chat, core
from chatcore.core import open_core
from chatcore.db import Database
from chatcore.generation import Load, Runner
from chatcore.ledger import Entry
from chatcore.metrics import LARGEST_NUMBER_OF_MODELS, Metrics
from chatcore.parts import ErrorCode, Failed, Finished, FinishReason, State, TextDelta, Usage
from chatcore.processes import new_owner
from chatcore.rows import GENERATIONS
from chatcore.settings import ROOT, Settings
from tests.answers import ask, ended, leave_running, ledger_row, read_until, running, table_away, until
from tests.chatcore.figures import samples, total
from tests.factories import make_viewer
from tests.scripted import Scripted

DONE = Finished(FinishReason.STOP)
DURATION = "gen_ai_client_operation_duration_seconds"
FIRST_CHUNK = "gen_ai_client_operation_time_to_first_chunk_seconds"
TOKENS = "gen_ai_client_token_usage"
ENDED = "chatcore_generations_total"
DEAD = new_owner().replace(f":{os.getpid()}:", ":4194999:")
ENTRY = Entry("scripted", "parrot", State.COMPLETE, 1.5, 0.5, 10, 20, "reported", None, datetime(2026, 3, 14, tzinfo=UTC))


@contextmanager
def measured(db: Database, provider: Scripted) -> Iterator[tuple[Runner, Metrics]]:
    """A Runner that is observed from before it opens, as in a core."""
    runner = Runner(db, {provider.name: provider}, checkpoint_s=0.05)
    metrics = core.observe(runner)
    runner.open()
    try:
        yield runner, metrics
    finally:
        runner.close()


def idle() -> Load:
    return Load(0, 0)


def text_of(metrics: Metrics) -> str:
    return metrics.page("")[0].decode()


def count(metrics: Metrics, **labels: str) -> float:
    """How many attempts ended."""
    return total(text_of(metrics), ENDED, **labels)


# --- where an answer ends ----------------------------------------------------------------------------------------


def test_a_complete_answer_is_counted_once_with_the_figures_of_the_ledger(db: Database) -> None:
    ada = make_viewer(db)
    provider = Scripted(TextDelta("The far "), TextDelta("side."), Usage(input_tokens=12, output_tokens=300), DONE)
    with measured(db, provider) as (runner, metrics):
        _, generation = ended(db, ada, ask(runner, ada).answer_id)
        until(lambda: count(metrics))
    text, row = text_of(metrics), ledger_row(db, generation.id)
    labels = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "scripted", "gen_ai_request_model": "parrot"}
    assert total(text, ENDED, **labels, state="complete") == total(text, ENDED) == 1
    assert total(text, f"{DURATION}_count", **labels, error_type="") == total(text, f"{DURATION}_count") == 1
    assert total(text, f"{DURATION}_sum") == pytest.approx(row["duration_s"])
    assert total(text, f"{FIRST_CHUNK}_count", **labels) == 1
    assert total(text, f"{FIRST_CHUNK}_sum") == pytest.approx(row["time_to_first_chunk_s"])
    for kind, tokens in (("input", 12), ("output", 300)):
        assert total(text, f"{TOKENS}_sum", **labels, gen_ai_token_type=kind, usage_source="reported") == tokens
    assert total(text, f"{TOKENS}_count") == 2


def test_a_stopped_answer_is_no_error_and_its_tokens_are_estimates(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The"), TextDelta(" far"))
    with measured(db, provider) as (runner, metrics):
        sent = ask(runner, ada)
        read_until(runner, ada, sent.answer_id, "The far")
        chat.stop(runner, ada, sent.answer_id, now=datetime.now(UTC))
        until(lambda: count(metrics))
    text = text_of(metrics)
    assert total(text, ENDED, state="stopped") == total(text, ENDED) == 1
    assert total(text, f"{DURATION}_count", error_type="") == total(text, f"{DURATION}_count") == 1
    assert total(text, f"{TOKENS}_sum", gen_ai_token_type="output", usage_source="estimated") == 2
    assert total(text, f"{TOKENS}_count", usage_source="reported") == 0


def test_a_failed_answer_names_its_error_and_has_no_first_chunk(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(Failed(ErrorCode.RATE_LIMITED, "Too many calls."))
    with measured(db, provider) as (runner, metrics):
        ask(runner, ada)
        until(lambda: count(metrics))
    text = text_of(metrics)
    assert total(text, ENDED, state="failed") == total(text, ENDED) == 1
    assert total(text, f"{DURATION}_count", error_type="rate_limited") == total(text, f"{DURATION}_count") == 1
    assert total(text, f"{FIRST_CHUNK}_count") == total(text, f"{TOKENS}_count") == 0


def test_what_the_end_of_the_process_interrupts_is_counted(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The"))
    with measured(db, provider) as (runner, metrics):
        ask(runner, ada)
    sent_too_late = chat.send(runner, ada, None, chat.Draft("Hello?", "scripted", "parrot"), now=datetime.now(UTC))
    assert ended(db, ada, sent_too_late.answer_id)[0].status is State.INTERRUPTED
    assert count(metrics, state="interrupted") == count(metrics) == 2
    assert total(text_of(metrics), f"{DURATION}_count", error_type="interrupted") == 2


def test_the_answer_of_a_dead_process_is_counted_by_the_one_that_finds_it(db: Database) -> None:
    leave_running(db, make_viewer(db), "The moon pulls", owner=DEAD)
    with measured(db, Scripted()) as (_, one), measured(db, Scripted()) as (_, other):
        assert count(one, state="interrupted", gen_ai_request_model="parrot") == count(one) == 1
        assert count(other) == 0


def test_an_answer_that_another_process_closed_is_counted_there_only(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted()
    runner = Runner(db, {"scripted": provider}, checkpoint_s=60.0, heartbeat_stale_s=900.0)
    mine = core.observe(runner)
    runner.open()
    try:
        sent = ask(runner, ada)
        with db.write() as tx:
            tx.execute(sa.update(GENERATIONS).values(heartbeat_at=datetime.now(UTC) - timedelta(hours=1)))
        with measured(db, Scripted()) as (_, theirs):
            provider.finish()
            until(lambda: not runner.writes(ada, sent.answer_id))
            assert count(theirs, state="interrupted") == count(theirs) == 1
    finally:
        runner.close()
    assert count(mine) == 0


def test_an_answer_is_counted_when_the_database_has_it(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The"))
    with measured(db, provider) as (runner, metrics):
        sent = ask(runner, ada)
        read_until(runner, ada, sent.answer_id, "The")
        with table_away(db, "generation"):
            provider.finish()
            until(lambda: runner.load().active == 1 and runner.load().waiting == 0 and provider.left.is_set())
            assert count(metrics) == 0
        until(lambda: count(metrics))
    assert count(metrics, state="complete") == count(metrics) == 1


def test_each_attempt_is_counted(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(Failed(ErrorCode.BUSY, "Busy."))
    with measured(db, provider) as (runner, metrics):
        sent = ask(runner, ada)
        until(lambda: count(metrics) == 1)
        chat.retry(runner, ada, sent.answer_id, now=datetime.now(UTC))
        until(lambda: count(metrics) == 2)
    assert total(text_of(metrics), f"{DURATION}_count", error_type="busy") == 2


def test_an_observer_that_breaks_breaks_no_answer(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Entry) -> None:
        raise RuntimeError("a bug")

    ada, seen = make_viewer(db), list[Entry]()
    with caplog.at_level(logging.ERROR, "chatcore"), running(db, Scripted(TextDelta("The moon."), DONE)) as runner:
        runner.report_to(broken)
        runner.report_to(seen.append)
        message, _ = ended(db, ada, ask(runner, ada).answer_id)
        until(lambda: seen)
    assert (message.status, message.content) == (State.COMPLETE, "The moon.")
    assert "an observer of answers broke" in caplog.text


# --- what runs now -----------------------------------------------------------------------------------------------


def test_answers_that_run_and_those_that_wait_for_their_first_chunk(db: Database) -> None:
    def now(metrics: Metrics) -> tuple[float, float]:
        text = text_of(metrics)
        return total(text, "chatcore_generations_active"), total(text, "chatcore_generations_waiting")

    ada, provider = make_viewer(db), Scripted()
    with measured(db, provider) as (runner, metrics):
        assert now(metrics) == (0, 0)
        ask(runner, ada)
        ask(runner, ada)
        assert now(metrics) == (2, 2)
        provider.write("The")
        until(lambda: now(metrics) == (2, 0))
        provider.finish()
        until(lambda: now(metrics) == (0, 0))


# --- labels ------------------------------------------------------------------------------------------------------


def test_beyond_so_many_models_the_rest_is_other() -> None:
    metrics = Metrics(("scripted",), idle)
    for number in range(LARGEST_NUMBER_OF_MODELS + 50):
        metrics.observe(replace(ENTRY, model_name=f"model {number}"))
    metrics.observe(replace(ENTRY, model_name="model 7"))
    names = {sample.labels["gen_ai_request_model"] for sample in samples(text_of(metrics)) if sample.name == ENDED}
    assert len(names) == LARGEST_NUMBER_OF_MODELS + 1
    assert count(metrics, gen_ai_request_model="other") == 50
    assert count(metrics, gen_ai_request_model="model 7") == 2


def test_made_up_models_and_providers_have_no_label_of_their_own(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(Failed(ErrorCode.MODEL_NOT_FOUND, "There is no such model."))
    with measured(db, provider) as (runner, metrics):
        ask(runner, ada)
        ask(runner, ada, provider="made up")
        until(lambda: count(metrics) == 2)
    text = text_of(metrics)
    assert count(metrics, gen_ai_provider_name="scripted", gen_ai_request_model="other") == 1
    assert count(metrics, gen_ai_provider_name="other", gen_ai_request_model="other") == 1
    assert "parrot" not in text
    assert "made up" not in text


def test_a_model_that_was_there_keeps_its_label_when_it_is_deleted() -> None:
    metrics = Metrics(("scripted",), idle)
    metrics.observe(ENTRY)
    metrics.observe(replace(ENTRY, state=State.FAILED, error_type="model_not_found"))
    assert count(metrics, gen_ai_request_model="parrot") == 2


@pytest.mark.parametrize("name", ['say "hi"\\now', "line\nbreak", "模型:7b", "a,b={}", "\ufffd"])
def test_any_name_of_a_model_can_be_read_back(name: str) -> None:
    metrics = Metrics(("scripted",), idle)
    metrics.observe(replace(ENTRY, model_name=name))
    assert count(metrics, gen_ai_request_model=name) == 1


def test_the_figures_name_no_person_no_chat_and_no_words(db: Database) -> None:
    ada, provider = make_viewer(db, "Ada"), Scripted(TextDelta("Gravity."), DONE)
    with measured(db, provider) as (runner, metrics):
        sent = ask(runner, ada, "Why are there tides?")
        until(lambda: count(metrics))
    text = text_of(metrics)
    for secret in (ada.user_id, ada.name, "ada", str(sent.chat_id), sent.chat_id.hex, "tides", "Gravity"):
        assert secret not in text


# --- the format --------------------------------------------------------------------------------------------------


def test_the_buckets_are_those_of_the_convention_and_reach_minutes() -> None:
    metrics = Metrics(("scripted",), idle)
    metrics.observe(replace(ENTRY, duration_s=300.0))
    ends = {
        name: [sample.labels["le"] for sample in samples(text_of(metrics)) if sample.name == f"{name}_bucket"]
        for name in (DURATION, FIRST_CHUNK)
    }
    assert ends[DURATION] == ends[FIRST_CHUNK]
    assert [ends[DURATION][number] for number in (0, 1, 13)] == ["0.01", "0.02", "81.92"]
    assert total(text_of(metrics), f"{DURATION}_bucket", le="327.68") - total(text_of(metrics), f"{DURATION}_bucket", le="163.84") == 1
    tokens = [sample.labels["le"] for sample in samples(text_of(metrics)) if sample.name == f"{TOKENS}_bucket"]
    assert (tokens[0], tokens[13], tokens[14]) == ("1.0", "6.7108864e+07", "+Inf")


def test_who_accepts_openmetrics_gets_it() -> None:
    metrics = Metrics(("scripted",), idle)
    metrics.observe(ENTRY)
    plain, plain_type = metrics.page("text/plain;version=0.0.4")
    openmetrics, openmetrics_type = metrics.page("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
    assert plain_type.startswith("text/plain; version=0.0.4")
    assert openmetrics_type.startswith("application/openmetrics-text; version=1.0.0")
    assert openmetrics.endswith(b"# EOF\n") > plain.endswith(b"# EOF\n")


def test_two_cores_of_a_process_have_each_their_own_figures() -> None:
    one, other = Metrics(("scripted",), idle), Metrics(("scripted",), idle)
    one.observe(ENTRY)
    assert (count(one), count(other)) == (1, 0)
    assert total(text_of(other), "python_info") == 1


# --- the core ----------------------------------------------------------------------------------------------------


def test_a_core_counts_what_it_interrupted_at_its_start(db: Database) -> None:
    leave_running(db, make_viewer(db), "The moon pulls", owner=DEAD)
    made = open_core(Settings(database_url=str(db.url), ollama_host="http://127.0.0.1:9", metrics=True))
    try:
        assert made.metrics is not None
        assert count(made.metrics, state="interrupted", gen_ai_provider_name="other") == 1
    finally:
        made.close()


def test_a_core_without_metrics_does_not_load_their_library(tmp_path: os.PathLike[str]) -> None:
    code = (
        "import sys, chatcore.api; from chatcore.core import open_core; from chatcore.settings import Settings\n"
        "core = open_core(Settings.from_env())\n"
        "assert core.metrics is None; core.close()\n"
        "assert not [name for name in sys.modules if 'prometheus' in name]"
    )
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/new.db", "OLLAMA_HOST": "http://127.0.0.1:9", "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, check=True, timeout=60)
