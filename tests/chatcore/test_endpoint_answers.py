"""Answers of OpenAI-compatible servers from the prompt to the ledger, the figures and the traces; their keys are nowhere in them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chatcore.core import Core, open_core
from chatcore.endpoints import Endpoint
from chatcore.parts import State
from chatcore.settings import Settings
from tests.answers import LIMIT_S, ask, ended, ledger_row, until
from tests.chatcore.figures import total
from tests.chatcore.spans import PATH, collecting, endpoint, spans
from tests.factories import make_viewer
from tests.replay import ReplayServer, Reply, sse_reply

CHAT, MODELS = "/v1/chat/completions", "/v1/models"
KEY = "sk-very-secret-0123456789"
USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}, "cost": 0.25}
ANSWER = sse_reply(
    {"choices": [{"delta": {"content": "Two tides."}}]}, {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": USAGE}
)


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    """A model server with an answer."""
    with ReplayServer() as running:
        running.on(CHAT, ANSWER)
        running.play("real_llamacpp_models.json", path=MODELS)
        yield running


@contextmanager
def opened(database_url: str, server: ReplayServer, collector: ReplayServer) -> Iterator[Core]:
    """A core with two endpoints, one of them away, that is watched in every way."""
    settings = Settings(
        database_url,
        ollama_host="127.0.0.1:9",
        endpoints=(Endpoint("lab", f"{server.url}/v1", KEY, "CHATCORE_OPENAI_KEY_LAB"), Endpoint("attic", "http://127.0.0.1:9/v1", KEY)),
        metrics=True,
        traces_endpoint=endpoint(collector),
    )
    core = open_core(settings)
    try:
        yield core
    finally:
        core.close()


def test_an_answer_of_an_endpoint_is_in_the_ledger_and_its_key_is_nowhere(
    migrated_database_url: str, server: ReplayServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with collecting() as collector:
        with opened(migrated_database_url, server, collector) as core:
            ada = make_viewer(core.db)
            message, generation = ended(core.db, ada, ask(core.runner, ada, provider="lab").answer_id)
            server.on(CHAT, Reply(f'{{"error":{{"message":"what is {KEY}"}}}}'.encode(), 400))
            refused, failed = ended(core.db, ada, ask(core.runner, ada, provider="lab").answer_id)
            away, lost = ended(core.db, ada, ask(core.runner, ada, provider="attic").answer_id)
            row, rows = ledger_row(core.db, generation.id), [ledger_row(core.db, each.id) for each in (generation, failed, lost)]
            assert core.metrics is not None
            page = core.metrics.page("")[0].decode()
            shown = repr((core.models(fresh=True), core.health(fresh=True), core.settings, rows, refused, away))
        seen = spans(collector)
        sent = b"".join(asked.body for asked in collector.asked(PATH))
    assert (message.content, message.status) == ("Two tides.", State.COMPLETE)
    assert (row["provider"], row["input_tokens"], row["output_tokens"], row["cached_tokens"]) == ("lab", 12, 3, 4)
    # It is a server of this network, which sells nothing.
    assert row["cost"] is None
    assert failed.error_message == "The server refused the request: what is ..."
    assert lost.error_type == "unreachable"
    assert total(page, "chatcore_generations_total", gen_ai_provider_name="lab", state="complete") == 1
    assert {span.says["gen_ai.provider.name"] for span in seen} == {"lab", "attic"}
    assert server.asked(CHAT)[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in page + shown + caplog.text
    assert KEY.encode() not in sent


def test_the_servers_are_asked_before_the_first_page(migrated_database_url: str, server: ReplayServer) -> None:
    with collecting() as collector, opened(migrated_database_url, server, collector) as core:
        server.wait_for(MODELS)
        until(lambda: any(model.provider == "lab" for model in core.models()))
        assert core.health(fresh=True)["lab"].reachable
        assert not core.health()["attic"].reachable


def test_a_stopped_answer_is_stopped_at_once(migrated_database_url: str, server: ReplayServer) -> None:
    gate = server.gate()
    server.on(CHAT, Reply(ANSWER.body, content_type="text/event-stream", hold=gate))
    with collecting() as collector, opened(migrated_database_url, server, collector) as core:
        ada = make_viewer(core.db)
        sent = ask(core.runner, ada, provider="lab")
        asked = server.wait_for(CHAT)
        core.runner.stop(sent.answer_id)
        assert core.runner.settled(sent.answer_id, LIMIT_S)
        assert isinstance(asked.client_left, threading.Event)
        assert asked.client_left.wait(LIMIT_S)
        assert ended(core.db, ada, sent.answer_id)[0].status is State.STOPPED
