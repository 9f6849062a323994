"""Stop, retry, and following an answer as Server-Sent Events."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from chatcore.api import answers
from chatcore.parts import State
from tests.answers import ended, until
from tests.chatcore.api.conftest import CHATS, Api
from tests.factories import make_chat, make_exchange


@dataclass(frozen=True)
class Event:
    """One Server-Sent Event, or a comment with the name ""."""

    name: str
    id: str
    data: dict[str, object]


def events(answer: httpx.Response) -> Iterator[Event]:
    """The events of a stream, as an EventSource reads them."""
    found: dict[str, str] = {}
    for line in answer.iter_lines():
        if not line:
            if "data" in found:
                yield Event(found.get("event", "message"), found.get("id", ""), json.loads(found["data"]))
            found = {}
        elif line.startswith(":"):
            yield Event("", "", {})
        else:
            name, _, value = line.partition(": ")
            found[name] = value


def path_of(sent: dict[str, object]) -> str:
    return f"/api/v1/messages/{sent['answer_id']}"


def test_an_answer_is_followed_to_its_end(api: Api, ada: httpx.Client) -> None:
    sent = api.ask(ada)
    with ada.stream("GET", f"{path_of(sent)}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        come = events(stream)
        assert next(come).data["state"] == "running"
        api.provider.write("Because ", "of the moon\n\nand\u2028 the sun 🌞")
        text = ""
        while not text.endswith("🌞"):
            event = next(come)
            text += str(event.data["text"])
            assert event.id == f"{len(text)}-0"
        api.provider.finish()
        last = list(come)[-1]
    assert text == "Because of the moon\n\nand\u2028 the sun 🌞"
    assert (last.name, last.data["state"], last.id) == ("end", "complete", f"{len(text)}-0-end")


def test_a_lost_connection_goes_on_where_it_was(api: Api, ada: httpx.Client) -> None:
    sent = api.ask(ada)
    api.provider.write("0123456789")
    api.provider.finish()
    ended(api.core.db, api.viewer(), int(str(sent["answer_id"])))
    by_header = list(events(ada.get(f"{path_of(sent)}/events", headers={"Last-Event-ID": "4-0"})))
    by_query = list(events(ada.get(f"{path_of(sent)}/events", params={"text": 4, "reasoning": 0})))
    assert [event.data["text"] for event in by_header] == ["456789"]
    assert by_header == by_query


def test_who_has_the_end_is_told_not_to_come_back(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer())
    _, answer = make_exchange(api.core.db, api.viewer(), chat.id)
    path = f"/api/v1/messages/{answer.id}/events"
    last = list(events(ada.get(path)))[-1]
    assert ada.get(path, headers={"Last-Event-ID": last.id}).status_code == 204


def test_a_mark_beyond_any_text_gets_the_end(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer())
    _, answer = make_exchange(api.core.db, api.viewer(), chat.id)
    (last,) = events(ada.get(f"/api/v1/messages/{answer.id}/events", headers={"Last-Event-ID": "9999999999-9999999999"}))
    assert (last.name, last.data["text"], last.data["state"]) == ("end", "", "complete")


def test_a_mark_that_is_not_ours_is_refused(ada: httpx.Client, api: Api) -> None:
    chat = make_chat(api.core.db, api.viewer())
    _, answer = make_exchange(api.core.db, api.viewer(), chat.id)
    for mark in ("", "x", "1", "1-", "-1-0", "1-2-3-4", "99999999999-0", "٣-0"):
        refused = ada.get(f"/api/v1/messages/{answer.id}/events", headers={b"Last-Event-ID": mark.encode()})
        assert refused.status_code == 400, mark


def test_a_silent_stream_is_kept_alive(api: Api, ada: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "HEARTBEAT_S", 0.0)
    monkeypatch.setattr(answers, "LOOK_S", 0.01)
    sent = api.ask(ada)
    with ada.stream("GET", f"{path_of(sent)}/events") as stream:
        come = events(stream)
        assert next(come).name == "update"
        assert [next(come).name for _ in range(3)] == ["", "", ""]


def test_a_stream_ends_when_the_process_is_asked_to_end(api: Api, ada: httpx.Client) -> None:
    sent = api.ask(ada)
    with ada.stream("GET", f"{path_of(sent)}/events") as stream:
        come = events(stream)
        next(come)
        api.leaving.set()
        assert [event for event in come if event.name == "end"] == []
    assert ada.get(path_of(sent)).json()["message"]["state"] == "running"


def test_a_reader_who_leaves_does_not_end_the_answer(api: Api, ada: httpx.Client) -> None:
    sent = api.ask(ada)
    with ada.stream("GET", f"{path_of(sent)}/events") as stream:
        next(events(stream))
    api.provider.write("still here")
    api.provider.finish()
    message, _ = ended(api.core.db, api.viewer(), int(str(sent["answer_id"])))
    assert (message.content, message.status) == ("still here", State.COMPLETE)


def test_an_answer_deleted_while_it_is_followed_ends_with_an_error(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer())
    _, answer = make_exchange(api.core.db, api.viewer(), chat.id, state=State.RUNNING)
    with ada.stream("GET", f"/api/v1/messages/{answer.id}/events") as stream:
        come = events(stream)
        next(come)
        with api.client("Ada") as other:
            other.delete(f"{CHATS}/{chat.id}", params={"purge": "true"})
        assert [event.name for event in come][-1] == "error"


def test_stop_keeps_what_was_streamed(api: Api, ada: httpx.Client) -> None:
    sent = api.ask(ada)
    api.provider.write("Because ")
    until(lambda: ada.get(path_of(sent)).json()["message"]["text"] == "Because ")
    assert ada.post(f"{path_of(sent)}/stop").status_code == 202
    message, _ = ended(api.core.db, api.viewer(), int(str(sent["answer_id"])))
    assert (message.content, message.status) == ("Because ", State.STOPPED)
    assert ada.post(f"{path_of(sent)}/stop").json()["message"]["state"] == "stopped"


def test_a_failed_answer_is_tried_again_with_another_model(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer())
    _, failed = make_exchange(api.core.db, api.viewer(), chat.id, state=State.FAILED, answer="", output_tokens=None, input_tokens=None)
    again = ada.post(f"/api/v1/messages/{failed.id}/retry", json={"provider": "scripted", "model": "parrot"})
    assert again.status_code == 201
    assert again.json()["answer_id"] == failed.id
    assert api.provider.asked.acquire(timeout=20)
    assert ada.post(f"/api/v1/messages/{failed.id}/retry").status_code == 409


def test_a_retry_with_half_a_model_is_refused(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer())
    _, failed = make_exchange(api.core.db, api.viewer(), chat.id, state=State.FAILED)
    for body in ({"model": "parrot"}, {"provider": "scripted"}, {"provider": "nowhere", "model": "x"}, {"text": "x"}):
        assert ada.post(f"/api/v1/messages/{failed.id}/retry", json=body).status_code == 400, body


def test_models_of_all_providers_are_listed(ada: httpx.Client) -> None:
    models = ada.get("/api/v1/models").json()["models"]
    assert {(model["provider"], model["id"], model["can_chat"]) for model in models} >= {
        ("scripted", "parrot", True),
        ("guide", "guide", True),
    }


def test_health_needs_no_sign_in_and_tells_nothing_private(api: Api) -> None:
    with api.client("nobody") as stranger:
        answer = stranger.get("/healthz")
    assert answer.status_code == 200
    assert set(answer.json()) == {"status", "version", "database", "providers"}
    assert answer.json()["providers"]["scripted"] == "ok"
    assert "in the test" not in answer.text


def test_health_says_when_the_database_is_away(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from chatcore.errors import Conflict

    def away() -> None:
        raise Conflict("The database at 10.1.2.3 does not answer.")

    monkeypatch.setattr(api.core.db, "read", away)
    with api.client(None) as anybody:
        answer = anybody.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "unreachable"
    assert "10.1.2.3" not in answer.text
