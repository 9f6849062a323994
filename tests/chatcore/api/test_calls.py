"""What every call has in common: bodies, origins, host names, sign-in, errors."""

import http.client
import itertools
import logging

import httpx
import pytest

from chatcore.api.guard import allowed_hosts, host_allowed, same_origin
from tests.chatcore.api.conftest import CHATS, PERSON, Api

JSON = {"content-type": "application/json"}


FORM = {"content-type": "application/x-www-form-urlencoded"}
NO_OBJECTS: tuple[tuple[bytes, dict[str, str], int], ...] = (
    (b"{", JSON, 400),
    (b"[1]", JSON, 400),
    (b'"title"', JSON, 400),
    (b"\xff\xfe", JSON, 400),
    (b"[" * 100_000, JSON, 400),
    (b'{"title": ' + b"1" * 5000 + b"}", JSON, 400),
    (b"title=Tides", FORM, 415),
    (b'{"title": "Tides"}', {"content-type": "text/plain"}, 415),
    (b'{"title": "Tides"}', {}, 415),
)


def test_what_is_no_json_object_is_refused(ada: httpx.Client) -> None:
    for content, headers, status in NO_OBJECTS:
        refused = ada.post(CHATS, content=content, headers=headers)
        assert refused.status_code == status, content[:40]
        assert refused.json()["error"]["kind"] == "invalid"
    assert ada.get(CHATS).json()["chats"] == []


def test_a_body_above_two_megabytes_is_refused_unread(api: Api) -> None:
    connection = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=20)
    connection.putrequest("POST", CHATS)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(10**9))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_body_without_a_length_is_refused_once_it_is_too_large(ada: httpx.Client) -> None:
    def pieces(count: int = 40) -> object:
        yield b'{"title": "'
        for _ in range(count):
            yield b"x" * 65_536

    refused = ada.post("/api/v1/folders", content=pieces(), headers=JSON)  # type: ignore[arg-type]  # a generator of bytes
    assert refused.status_code == 413


NOT_THERE = (
    ("GET", "/api/v1/nothing", 404),
    ("POST", "/api/", 404),
    ("PUT", CHATS, 405),
    ("DELETE", "/api/v1/models", 405),
    ("GET", "/api/v1/messages/1/stop", 405),
    ("GET", f"{CHATS}/no-id", 404),
    ("GET", f"{CHATS}/no-id/messages", 404),
    ("GET", "/api/v1/messages/0x1", 404),
    ("GET", "/api/v1/messages/99999999999999999999999", 404),
    ("GET", "/api/v1/messages/9223372036854775808", 404),
    ("GET", "/api/v1/messages/9223372036854775807", 404),
    ("GET", "/api/v1/messages/-1/events", 404),
)


def test_paths_and_methods_that_are_not_there_answer_in_json(ada: httpx.Client) -> None:
    for method, path, status in NOT_THERE:
        refused = ada.request(method, path)
        assert refused.status_code == status, path
        assert refused.json()["error"]["message"]
        if status == 405:
            assert refused.headers["allow"]


def test_answers_are_not_kept_by_caches(ada: httpx.Client) -> None:
    answer = ada.get(CHATS)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_without_sign_in_the_caller_is_the_local_owner(api: Api) -> None:
    with api.client(None) as owner:
        owner.post(CHATS, json={"title": "mine"})
        assert [chat["title"] for chat in owner.get(CHATS).json()["chats"]] == ["mine"]


def test_an_unexpected_error_is_logged_and_told_without_its_words(
    api: Api, ada: httpx.Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(api.core, "models", broken)
    with caplog.at_level(logging.ERROR, "chatcore.api"):
        answer = ada.get("/api/v1/models")
    assert answer.status_code == 500
    assert answer.json()["error"]["kind"] == "internal"
    assert "secret" not in answer.text
    assert "secret words" in caplog.text


# --- foreign web pages -------------------------------------------------------------------------------------------


FOREIGN = ("https://evil.example", "http://localhost:3000", "null", "http://127.0.0.1:1", "http://[", "")


def test_a_change_from_another_origin_is_refused(ada: httpx.Client) -> None:
    chat_id = ada.post(CHATS).json()["chat"]["id"]
    changes = (("POST", CHATS), ("PATCH", f"{CHATS}/{chat_id}"), ("DELETE", f"{CHATS}/{chat_id}"))
    for origin, (method, path) in itertools.product(FOREIGN, changes):
        refused = ada.request(method, path, headers={"Origin": origin, "X-Chatcore": "1"})
        assert refused.status_code == 403
        assert refused.json()["error"]["kind"] == "denied"
    assert len(ada.get(CHATS).json()["chats"]) == 1


def test_a_browser_on_our_own_page_needs_the_header(api: Api, ada: httpx.Client) -> None:
    assert ada.post(CHATS, headers={"Origin": api.url}).status_code == 403
    assert ada.post(CHATS, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 403
    assert ada.post(CHATS, headers={"Origin": api.url, "X-Chatcore": "1"}).status_code == 201


def test_nothing_lets_another_origin_read_or_ask_first(ada: httpx.Client) -> None:
    asked = ada.options(CHATS, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
    read = ada.get(CHATS, headers={"Origin": "https://evil.example"})
    assert asked.status_code == 405
    for answer in (asked, read):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_host_name_that_is_not_ours_is_refused_with_what_to_do(ada: httpx.Client) -> None:
    refused = ada.get(CHATS, headers={"Host": "rebound.example:8501"})
    assert refused.status_code == 403
    assert "CHATCORE_ALLOWED_HOSTS" in refused.text
    assert ada.get(CHATS, headers={"Host": "chat.example.org"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("localhost:8501", True),
        ("app.localhost", True),
        ("127.0.0.1:8501", True),
        ("192.168.1.5", True),
        ("[::1]:8501", True),
        ("[2001:db8::1]", True),
        ("homeserver:8501", True),
        ("Chat.Example.org:443", True),
        ("chat.example.org.", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("evillocalhost.example", False),
        ("[::1", False),
        ("", False),
        ("@", False),
    ],
)
def test_host_names_are_told_apart(host: str, allowed: bool) -> None:
    assert host_allowed(host, allowed_hosts({"CHATCORE_ALLOWED_HOSTS": " chat.example.org , "})) is allowed


def test_a_star_allows_every_host_name() -> None:
    assert host_allowed("anything.example", allowed_hosts({"CHATCORE_ALLOWED_HOSTS": "*"}))


def test_an_origin_is_the_same_only_with_its_port() -> None:
    assert same_origin("https://chat.example.org", "Chat.example.org")
    assert not same_origin("http://chat.example.org:81", "chat.example.org")
    assert not same_origin("null", "")


def test_nobody_gets_anything_without_signing_in(api: Api) -> None:
    with api.client("nobody") as stranger:
        for method, path in [("GET", CHATS), ("POST", CHATS), ("GET", "/api/v1/models"), ("GET", "/api/v1/messages/1/events")]:
            refused = stranger.request(method, path)
            assert refused.status_code == 401, path
            assert refused.json()["error"]["kind"] == "denied"


def test_a_sign_in_that_names_nobody_is_denied(api: Api) -> None:
    with httpx.Client(base_url=api.url, headers={PERSON: ""}, timeout=20, trust_env=False) as client:
        assert client.get(CHATS).status_code == 403
