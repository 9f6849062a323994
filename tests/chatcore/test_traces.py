"""Traces for OpenTelemetry: a span for each attempt by the conventions, and a collector that fails harms nobody but itself."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv.attributes import error_attributes

from chatcore import chat, core
from chatcore.core import open_core
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.generation import Runner
from chatcore.ledger import Entry
from chatcore.parts import ErrorCode, Failed, Finished, FinishReason, State, TextDelta, Usage
from chatcore.processes import new_owner
from chatcore.settings import ROOT, Settings
from chatcore.traces import LARGEST_QUEUE, Traces
from tests.answers import ask, ended, leave_running, ledger_row, read_until, until
from tests.chatcore.spans import PATH, TAKEN, collecting, endpoint, spans
from tests.factories import make_viewer
from tests.replay import ReplayServer, Reply
from tests.scripted import Scripted

DONE = Finished(FinishReason.STOP)
DEAD = new_owner().replace(f":{os.getpid()}:", ":4194999:")
AT = datetime(2026, 3, 14, 15, 9, 26, 535897, tzinfo=UTC)
ENTRY = Entry("scripted", "parrot", State.COMPLETE, 1.5, 0.5, 10, 20, "reported", None, AT)
CLOSED_PORT = "http://127.0.0.1:9/v1/traces"
# Longer than a test may take, so that what ends sooner did not wait for it.
NEVER_S = "300"
BROKEN = Reply(b"", 500, "application/x-protobuf", framing="length")


@contextmanager
def traced(db: Database, provider: Scripted, address: str) -> Iterator[Runner]:
    """A Runner whose answers are traced from before it opens, and closed before the traces are, as in a core."""
    runner = Runner(db, {provider.name: provider}, checkpoint_s=0.05)
    traces = core.trace(runner, address)
    runner.open()
    try:
        yield runner
    finally:
        runner.close()
        traces.close()


@contextmanager
def sending(address: str, *, delay_s: float = 0.01) -> Iterator[Traces]:
    """Traces that go out at once."""
    traces = Traces(address, delay_s=delay_s)
    try:
        yield traces
    finally:
        traces.close()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What whoever runs the process reads."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# --- what a span says --------------------------------------------------------------------------------------------


def test_a_complete_answer_is_a_span_with_the_figures_of_the_ledger(db: Database) -> None:
    ada = make_viewer(db)
    usage = Usage(input_tokens=12, output_tokens=300, cached_tokens=4, reasoning_tokens=100, response_model="parrot-2026")
    with collecting() as server:
        with traced(db, Scripted(TextDelta("The far "), TextDelta("side."), usage, DONE), endpoint(server)) as runner:
            _, generation = ended(db, ada, ask(runner, ada).answer_id)
        (seen,) = spans(server)
        assert server.asked(PATH)[0].headers["content-type"] == "application/x-protobuf"
    row = ledger_row(db, generation.id)
    assert (seen.span.name, seen.span.kind, seen.span.status.code) == ("chat parrot", Span.SPAN_KIND_CLIENT, Status.STATUS_CODE_UNSET)
    assert seen.says == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "parrot",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "parrot-2026",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": row["time_to_first_chunk_s"],
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 300,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 100,
        "chatcore.state": "complete",
        "chatcore.usage_source": "reported",
    }
    assert seen.span.end_time_unix_nano / 1e9 == pytest.approx(row["finished_at"].timestamp(), abs=1e-5)
    assert (seen.span.end_time_unix_nano - seen.span.start_time_unix_nano) / 1e9 == pytest.approx(row["duration_s"], abs=1e-6)
    assert (seen.span.parent_span_id, len(seen.span.trace_id), len(seen.span.span_id)) == (b"", 16, 8)


def test_a_stopped_answer_is_no_error_and_its_tokens_are_estimates(db: Database) -> None:
    ada = make_viewer(db)
    with collecting() as server:
        with traced(db, Scripted(TextDelta("The"), TextDelta(" far")), endpoint(server)) as runner:
            sent = ask(runner, ada)
            read_until(runner, ada, sent.answer_id, "The far")
            chat.stop(runner, ada, sent.answer_id, now=datetime.now(UTC))
        (seen,) = spans(server)
    assert (seen.says["chatcore.state"], seen.says["chatcore.usage_source"]) == ("stopped", "estimated")
    assert seen.says["gen_ai.usage.output_tokens"] == 2
    assert seen.span.status.code == Status.STATUS_CODE_UNSET
    assert not {"error.type", "gen_ai.response.finish_reasons"} & seen.says.keys()


def test_a_failed_answer_names_its_error_but_not_the_servers_words(db: Database) -> None:
    ada = make_viewer(db)
    with collecting() as server:
        with traced(db, Scripted(Failed(ErrorCode.RATE_LIMITED, "Too many calls."), name="scripted"), endpoint(server)) as runner:
            ended(db, ada, ask(runner, ada).answer_id)
        (seen,) = spans(server)
        assert b"Too many" not in server.asked(PATH)[0].body
    assert (seen.says["chatcore.state"], seen.says["error.type"]) == ("failed", "rate_limited")
    assert (seen.span.status.code, seen.span.status.message) == (Status.STATUS_CODE_ERROR, "")
    assert not {"gen_ai.response.time_to_first_chunk", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"} & seen.says.keys()


def test_what_the_end_of_the_process_interrupts_is_still_sent(db: Database) -> None:
    ada = make_viewer(db)
    with collecting() as server:
        with traced(db, Scripted(TextDelta("The")), endpoint(server)) as runner:
            ask(runner, ada)
        (seen,) = spans(server)
    assert (seen.says["chatcore.state"], seen.says["error.type"]) == ("interrupted", "interrupted")
    assert seen.span.status.code == Status.STATUS_CODE_ERROR


def test_the_answer_of_a_dead_process_is_sent_by_the_one_that_finds_it(db: Database) -> None:
    leave_running(db, make_viewer(db), "The moon pulls", owner=DEAD, silent_s=60)
    with collecting() as one, collecting() as other:
        with traced(db, Scripted(), endpoint(one)), traced(db, Scripted(), endpoint(other)):
            pass
        (seen,) = spans(one)
        assert not spans(other)
    assert seen.says["chatcore.state"] == "interrupted"
    assert (seen.span.end_time_unix_nano - seen.span.start_time_unix_nano) / 1e9 == pytest.approx(2.0, abs=0.5)


def test_each_attempt_has_a_trace_of_its_own(db: Database) -> None:
    ada = make_viewer(db)
    with collecting() as server:
        with traced(db, Scripted(Failed(ErrorCode.BUSY, "Busy.")), endpoint(server)) as runner:
            sent = ask(runner, ada)
            ended(db, ada, sent.answer_id)
            until(lambda: runner.load().active == 0)
            chat.retry(runner, ada, sent.answer_id, now=datetime.now(UTC))
            until(lambda: runner.load().active == 0)
        seen = spans(server)
    assert len({each.span.trace_id for each in seen}) == len(seen) == 2


@pytest.mark.parametrize("error_type", ["model_not_found", "not_found"])
def test_a_made_up_name_is_no_name_of_a_span(error_type: str) -> None:
    with collecting() as server:
        with sending(endpoint(server)) as traces:
            traces.observe(replace(ENTRY, state=State.FAILED, error_type=error_type, model_name="made up"))
        (seen,) = spans(server)
    assert (seen.span.name, seen.says["gen_ai.request.model"]) == ("chat", "made up")


def test_no_span_names_a_person_a_chat_or_words(db: Database) -> None:
    ada = make_viewer(db, "Ada")
    with collecting() as server:
        with traced(db, Scripted(TextDelta("Gravity."), DONE), endpoint(server)) as runner:
            sent = ask(runner, ada, "Why are there tides?")
            ended(db, ada, sent.answer_id)
        body = server.asked(PATH)[0].body
    assert b"parrot" in body
    for secret in (ada.user_id, ada.name, str(sent.chat_id), sent.chat_id.hex, "tides", "Gravity"):
        assert secret.encode() not in body


def test_the_names_are_those_of_the_convention() -> None:
    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")} | {error_attributes.ERROR_TYPE}
    full = replace(
        ENTRY, state=State.FAILED, error_type="timeout", response_model="parrot", finish_reason="stop", cached_tokens=1, reasoning_tokens=2
    )
    with collecting() as server:
        with sending(endpoint(server)) as traces:
            traces.observe(full)
        (seen,) = spans(server)
    names = {name for name in seen.says if not name.startswith("chatcore.")}
    assert names <= known
    assert len(names) == 12


def test_the_process_is_called_chatcore_unless_named_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    def name() -> object:
        with collecting() as server:
            with sending(endpoint(server)) as traces:
                traces.observe(ENTRY)
            (seen,) = spans(server)
        assert seen.scope == "chatcore"
        return seen.resource["service.name"]

    assert name() == "chatcore"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=guesses,deployment.environment.name=test")
    assert name() == "guesses"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "questions")
    assert name() == "questions"


def test_the_other_variables_of_opentelemetry_are_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=secret")
    with collecting() as server:
        with sending(endpoint(server)) as traces:
            traces.observe(ENTRY)
        assert server.asked(PATH)[0].headers["x-api-key"] == "secret"
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with collecting() as server:
        with sending(endpoint(server)) as traces:
            traces.observe(ENTRY)
        assert not server.requests


# --- below whose span --------------------------------------------------------------------------------------------


def test_an_answer_hangs_below_the_span_of_who_asked(db: Database) -> None:
    ada, parent = make_viewer(db), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    draft = chat.Draft("Why?", "scripted", "parrot", trace_parent=parent)
    with collecting() as server:
        with traced(db, Scripted(TextDelta("So."), DONE), endpoint(server)) as runner:
            sent = chat.send(runner, ada, None, draft, now=datetime.now(UTC))
            ended(db, ada, sent.answer_id)
        (seen,) = spans(server)
    assert seen.span.trace_id.hex() == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert seen.span.parent_span_id.hex() == "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "words",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    ],
)
def test_a_malformed_parent_counts_as_none(parent: str) -> None:
    with collecting() as server:
        with sending(endpoint(server)) as traces:
            traces.observe(replace(ENTRY, trace_parent=parent))
        (seen,) = spans(server)
    assert seen.span.parent_span_id == b""
    assert seen.span.trace_id.hex() != "4bf92f3577b34da6a3ce929d0e0e4736"


def test_who_does_not_record_his_trace_gets_no_span_in_it() -> None:
    with collecting() as server:
        with sending(endpoint(server)) as traces:
            traces.observe(replace(ENTRY, trace_parent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"))
        assert not server.requests


# --- a collector that fails --------------------------------------------------------------------------------------


def test_without_a_collector_answers_come_and_the_log_says_it_once(
    db: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for a second try, so that what the exporter says of it is kept out of the log too.
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1.3")
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon."), DONE)
    runner = Runner(db, {"scripted": provider}, checkpoint_s=0.05)
    with sending(CLOSED_PORT) as traces:
        runner.report_to(traces.observe)
        runner.open()
        for count in (1, 2):
            message, _ = ended(db, ada, ask(runner, ada).answer_id)
            assert (message.status, message.content) == (State.COMPLETE, "The moon.")
            until(lambda count=count: traces.lost == count)  # type: ignore[misc]  # a lambda with a default
        runner.close()
    (said,) = warnings(caplog)
    assert said.startswith("traces do not reach http://127.0.0.1:9/v1/traces and are lost until they do; answers go on.")
    assert "Connection refused" in said


def test_a_collector_that_answers_errors_is_named_once_and_again_when_it_is_well(caplog: pytest.LogCaptureFixture) -> None:
    with collecting() as server, caplog.at_level(logging.INFO, "chatcore"):
        server.on(PATH, BROKEN, BROKEN, BROKEN, TAKEN)
        with sending(endpoint(server)) as traces:
            for count in range(1, 4):
                traces.observe(ENTRY)
                until(lambda count=count: traces.lost == count)  # type: ignore[misc]  # a lambda with a default
            traces.observe(ENTRY)
            until(lambda: traces.lost == 0)
        said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert said[0] == f"traces of answers go to {endpoint(server)}"
    assert "code: 500" in said[1]
    assert said[2] == f"traces reach {endpoint(server)} again; 3 were lost"


def test_a_collector_that_hangs_holds_up_no_answer_and_not_the_end(
    db: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", NEVER_S)
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon."), DONE)
    with ReplayServer() as server:
        server.on(PATH, replace(TAKEN, hold=server.gate()))
        runner = Runner(db, {"scripted": provider}, checkpoint_s=0.05)
        traces = Traces(endpoint(server), delay_s=0.01)
        runner.report_to(traces.observe)
        runner.open()
        ended(db, ada, ask(runner, ada).answer_id)
        server.wait_for(PATH)
        message, _ = ended(db, ada, ask(runner, ada).answer_id)
        assert (message.status, message.content) == (State.COMPLETE, "The moon.")
        runner.close()
        started = time.monotonic()
        traces.close()
        traces.close()
        # It waits a second or two, and not the five minutes that the exporter may ask for.
        assert time.monotonic() - started < 60
    assert warnings(caplog) == [f"traces that could not be sent to {endpoint(server)} before the end: 2"]


def test_more_than_the_queue_holds_is_lost_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with ReplayServer() as server, caplog.at_level(logging.INFO, "chatcore"):
        gate, later = server.gate(), server.gate()
        server.on(PATH, replace(TAKEN, hold=gate), replace(TAKEN, hold=later), TAKEN)
        with sending(endpoint(server)) as traces:
            traces.observe(ENTRY)
            server.wait_for(PATH)
            for _ in range(LARGEST_QUEUE + 7):
                traces.observe(ENTRY)
            assert traces.lost == 7
            gate.open()
            server.wait_for(PATH, 2)
            # One batch is through, but as long as others wait it may happen again.
            assert traces.lost == 7
            later.open()
            until(lambda: traces.lost == 0)
        assert len(spans(server)) == LARGEST_QUEUE + 1
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert "faster than it takes them" in said[1]
    assert said[2].endswith("again; 7 were lost")


def test_the_log_has_no_password_of_the_collector(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    # Long enough for a second try: what is said before it names the address.
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1.3")
    with caplog.at_level(logging.INFO, "chatcore"), sending("http://me:s3cret@127.0.0.1:9/v1/traces?key=t0ken") as traces:
        traces.observe(ENTRY)
        until(lambda: traces.lost)
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert "traces do not reach http://127.0.0.1:9/v1/traces and" in text
    assert "/v1/traces?..." in text
    assert "s3cret" not in text
    assert "t0ken" not in text


# --- the core ----------------------------------------------------------------------------------------------------


def test_a_core_sends_what_it_interrupted_at_its_start(db: Database) -> None:
    leave_running(db, make_viewer(db), "The moon pulls", owner=DEAD)
    with collecting() as server:
        made = open_core(Settings(database_url=str(db.url), ollama_host="http://127.0.0.1:9", traces_endpoint=endpoint(server)))
        made.close()
        made.close()
        (seen,) = spans(server)
    assert seen.says["chatcore.state"] == "interrupted"


def test_a_variable_that_the_library_cannot_use_stops_the_start_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-1")
    with pytest.raises(Invalid, match="OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT") as refused:
        Traces(CLOSED_PORT)
    assert refused.value.hint


@pytest.mark.parametrize(
    "off", [{}, {"OTEL_SERVICE_NAME": "chatcore"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}],
    ids=["nothing set", "a name only", "disabled"],
)  # fmt: skip
def test_a_core_without_traces_does_not_load_their_library(tmp_path: os.PathLike[str], off: dict[str, str]) -> None:
    code = (
        "import sys, chatcore.api; from chatcore.core import open_core; from chatcore.settings import Settings\n"
        "core = open_core(Settings.from_env())\n"
        "assert core.traces is None; core.close()\n"
        "assert not [name for name in sys.modules if 'opentelemetry' in name]"
    )
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/new.db", "OLLAMA_HOST": "http://127.0.0.1:9", "PATH": os.environ["PATH"], **off}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, check=True, timeout=60)


ANSWER = """
import sys
from chatcore.accounts import local_owner
from chatcore.chat import Draft, send
from chatcore.core import shared
from chatcore.models import utc_now
core = shared()
viewer = local_owner(core.db, now=utc_now())
sent = send(core.runner, viewer, None, Draft("/stream 20 1000", "guide", "guide"), now=utc_now())
print([update.state.value for update in core.runner.follow_sync(viewer, sent.answer_id)][-1])
"""


def run_answer(tmp_path: os.PathLike[str], address: str) -> subprocess.CompletedProcess[str]:
    """A process that answers a prompt and ends, with its traces sent to an address."""
    env = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/x.db", "OLLAMA_HOST": "http://127.0.0.1:9"}
    env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_EXPORTER_OTLP_TIMEOUT": NEVER_S}
    command = [sys.executable, "-W", "error", "-c", ANSWER]
    return subprocess.run(command, cwd=ROOT, env=env, timeout=60, capture_output=True, text=True, check=False)


def test_a_process_sends_its_last_spans_before_it_ends(tmp_path: os.PathLike[str]) -> None:
    with collecting() as server:
        done = run_answer(tmp_path, server.url)
        (seen,) = spans(server)
    assert (done.returncode, done.stdout, done.stderr) == (0, "complete\n", "")
    assert seen.span.name == "chat guide"


def test_a_process_ends_though_its_collector_hangs(tmp_path: os.PathLike[str]) -> None:
    with ReplayServer() as server:
        server.on(PATH, replace(TAKEN, hold=server.gate()))
        done = run_answer(tmp_path, server.url)
    assert (done.returncode, done.stdout) == (0, "complete\n")
    assert done.stderr == f"traces that could not be sent to {endpoint(server)} before the end: 1\n"
