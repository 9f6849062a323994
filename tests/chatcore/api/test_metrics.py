"""GET /metrics: off unless switched on, with a token if one is set, and then what Prometheus reads."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from chatcore.core import observe
from tests.answers import until
from tests.chatcore.api.conftest import Api
from tests.chatcore.figures import total

TOKEN = "a long random täxt"
ENDED = "chatcore_generations_total"


@pytest.fixture
def measured(api: Api) -> Api:
    """The server with its metrics switched on."""
    api.core.metrics = observe(api.core.runner)
    return api


@pytest.fixture
def guarded(measured: Api) -> Api:
    """The same with a token."""
    measured.core.settings = replace(measured.core.settings, metrics_token=TOKEN)
    return measured


@pytest.fixture
def prometheus(api: Api) -> Iterator[httpx.Client]:
    """A program that nobody has signed in."""
    with api.client("nobody") as client:
        yield client


def test_metrics_are_off_unless_switched_on(prometheus: httpx.Client) -> None:
    refused = prometheus.get("/metrics")
    assert refused.status_code == 404
    assert "CHATCORE_METRICS=1" in refused.json()["error"]["hint"]


def test_prometheus_reads_the_answers_of_everybody_without_signing_in(measured: Api, prometheus: httpx.Client) -> None:
    with measured.client("Ada") as ada, measured.client("Bob") as bob:
        for client in (ada, bob):
            measured.ask(client)
    running = prometheus.get("/metrics")
    measured.provider.finish()
    until(lambda: total(prometheus.get("/metrics").text, ENDED) == 2)
    answer = prometheus.get("/metrics")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert total(running.text, "chatcore_generations_active") == 2
    assert total(answer.text, "chatcore_generations_active") == 0
    assert total(answer.text, ENDED, state="complete", gen_ai_request_model="parrot") == 2
    assert total(answer.text, "gen_ai_client_operation_duration_seconds_count") == 2
    assert total(answer.text, "process_cpu_seconds_total") > 0


def test_with_a_token_only_who_sends_it_gets_the_figures(guarded: Api, prometheus: httpx.Client) -> None:
    right = f"Bearer {TOKEN}".encode()
    assert prometheus.get("/metrics", headers={b"Authorization": right}).status_code == 200
    assert prometheus.get("/metrics", headers={b"Authorization": right.replace(b"Bearer", b"bearer")}).status_code == 200
    for wrong in (b"", b"Bearer", right[:-1], right + b"x", b"Basic " + TOKEN.encode(), TOKEN.encode(), b"Bearer \xff"):
        refused = prometheus.get("/metrics", headers={b"Authorization": wrong})
        assert refused.status_code == 401, wrong
        assert refused.headers["www-authenticate"] == "Bearer"
        assert "CHATCORE_METRICS_TOKEN" in refused.json()["error"]["hint"]
        assert "chatcore_generations" not in refused.text


def test_being_signed_in_is_no_token(guarded: Api) -> None:
    with guarded.client("Ada") as ada, guarded.client(None) as owner:
        assert (ada.get("/metrics").status_code, owner.get("/metrics").status_code) == (401, 401)


def test_the_figures_need_no_database(measured: Api, prometheus: httpx.Client) -> None:
    measured.core.db.close()
    assert prometheus.get("/metrics").status_code == 200


def test_metrics_can_only_be_read(measured: Api, prometheus: httpx.Client) -> None:
    assert prometheus.post("/metrics").status_code == 405
    assert prometheus.head("/metrics").status_code == 200
