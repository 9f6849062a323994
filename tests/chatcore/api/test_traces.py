"""A call with a trace context: the answer's span hangs below the caller's."""

from collections.abc import Iterator

import httpx
import pytest

from chatcore.core import trace
from chatcore.parts import ErrorCode, Failed
from tests.answers import until
from tests.chatcore.api.conftest import CHATS, Api
from tests.chatcore.spans import Seen, collecting, endpoint, spans
from tests.replay import ReplayServer

MINE = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}


@pytest.fixture
def collector(api: Api) -> Iterator[ReplayServer]:
    """A collector to which the server sends its traces."""
    with collecting() as server:
        api.core.traces = trace(api.core.runner, endpoint(server))
        yield server
        api.core.traces.close()


def seen_by(api: Api, collector: ReplayServer) -> list[Seen]:
    """All spans so far, sent."""
    until(lambda: api.core.runner.load().active == 0)
    api.core.runner.close()
    assert api.core.traces is not None
    api.core.traces.close()
    return spans(collector)


def test_answers_of_every_route_hang_below_the_callers_span(api: Api, ada: httpx.Client, collector: ReplayServer) -> None:
    api.provider.play = (Failed(ErrorCode.BUSY, "Busy."),)
    model = {"provider": "scripted", "model": "parrot"}
    first = ada.post(CHATS, json={"text": "Why?", **model}, headers=MINE).json()
    until(lambda: api.core.runner.load().active == 0)
    assert ada.post(f"{CHATS}/{first['chat']['id']}/messages", json={"text": "And?"}, headers=MINE).status_code == 201
    until(lambda: api.core.runner.load().active == 0)
    assert ada.post(f"/api/v1/messages/{first['answer_id']}/retry", headers=MINE).status_code == 201
    seen = seen_by(api, collector)
    assert len(seen) == 3
    for each in seen:
        assert f"00-{each.span.trace_id.hex()}-{each.span.parent_span_id.hex()}-01" == MINE["traceparent"]


@pytest.mark.parametrize("headers", [{}, {"traceparent": "x" * 10_000}], ids=["without one", "with nonsense"])
def test_a_call_without_a_trace_begins_one(api: Api, ada: httpx.Client, collector: ReplayServer, headers: dict[str, str]) -> None:
    api.provider.play = (Failed(ErrorCode.BUSY, "Busy."),)
    assert ada.post(CHATS, json={"text": "Why?", "provider": "scripted", "model": "parrot"}, headers=headers).status_code == 201
    (seen,) = seen_by(api, collector)
    assert seen.span.parent_span_id == b""
