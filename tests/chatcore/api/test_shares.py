"""Share links over the wire: what the owner calls, and what a stranger's browser gets."""

import http.client
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from chatcore.api.shares import moment_of
from chatcore.errors import Invalid
from chatcore.sharing import make_link
from tests.chatcore.api.conftest import CHATS, Api
from tests.factories import NOW, make_chat

SHARES = "/api/v1/shares"


def shared(api: Api, **options: object) -> dict[str, object]:
    """A chat of Ada's and a link to it, as the call that made it answered."""
    chat = make_chat(api.core.db, api.viewer("Ada"), messages=2)
    with api.client("Ada") as ada:
        made = ada.post(f"{CHATS}/{chat.id}/shares", json=options)
    assert made.status_code == 201, made.text
    found: dict[str, object] = made.json()["share"]
    return found


def test_a_link_is_made_listed_read_by_a_stranger_and_revoked(api: Api, ada: httpx.Client) -> None:
    ends = datetime.now(UTC) + timedelta(days=1)
    link = shared(api, reasoning=True, expires_at=ends.isoformat())
    assert ada.get(SHARES).json()["shares"] == [link]
    assert ada.get(f"{CHATS}/{link['chat_id']}/shares").json()["shares"] == [link]
    assert (link["message_count"], link["reasoning"], link["files"], link["in_trash"]) == (2, True, False, False)
    assert link["expires_at"] == ends.isoformat()
    with api.client("nobody") as stranger:
        page = stranger.get(str(link["url"]))
        assert page.status_code == 200
        assert "message 1" in page.text
        ada.post(f"{CHATS}/{link['chat_id']}/messages", json={"text": "And at night?", "provider": "guide", "model": "guide"})
        assert "And at night?" not in stranger.get(str(link["url"])).text
        assert ada.post(f"{SHARES}/{link['id']}/update").json()["share"]["message_count"] == 4
        assert "And at night?" in stranger.get(str(link["url"])).text
        assert ada.delete(f"{SHARES}/{link['id']}").status_code == 204
        assert stranger.get(str(link["url"])).status_code == 404
    assert ada.delete(f"{SHARES}/{link['id']}").status_code == 404
    assert ada.get(SHARES).json()["shares"] == []


def test_while_sharing_is_off_nothing_answers_and_links_wait(api: Api, ada: httpx.Client) -> None:
    link = shared(api)
    api.core.settings = replace(api.core.settings, sharing=False)
    for method, path in (("GET", SHARES), ("GET", f"{CHATS}/{link['chat_id']}/shares"), ("POST", f"{CHATS}/{link['chat_id']}/shares"),
                         ("POST", f"{SHARES}/{link['id']}/update"), ("DELETE", f"{SHARES}/{link['id']}")):  # fmt: skip
        refused = ada.request(method, path)
        assert (refused.status_code, "CHATCORE_SHARING" in refused.text) == (404, True), path
    off, never = ada.get(str(link["url"])), ada.get("/share/" + "x" * 32)
    assert (off.status_code, off.text) == (never.status_code, never.text)
    assert off.status_code == 404
    api.core.settings = replace(api.core.settings, sharing=True)
    assert ada.get(str(link["url"])).status_code == 200


@pytest.mark.parametrize("token", [None, "x" * 32])
def test_the_page_is_kept_by_nobody_and_may_do_nothing(api: Api, token: str | None) -> None:
    path = f"/share/{token}" if token else str(shared(api)["url"])
    with api.client("nobody") as stranger:
        answer = stranger.get(path)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in answer.headers["x-robots-tag"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not [name for name in answer.headers if name.startswith(("access-control", "set-cookie"))]
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} <= set(policy)
    assert not [rule for rule in policy if rule.startswith("script-src") or "allow-scripts" in rule or "allow-same-origin" in rule]
    assert '<meta name="robots" content="noindex' in answer.text


def test_paths_and_methods_beside_the_page_lead_nowhere(api: Api) -> None:
    url = str(shared(api)["url"])
    token = url.rpartition("/")[2]
    connection = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=20)

    def status(method: str, path: str, **headers: str) -> int:
        """As it is sent, which a client with manners would not."""
        connection.request(method, path, headers={"X-Test-Person": "nobody", **headers})
        with connection.getresponse() as answer:
            body = answer.read()
        assert answer.status == 200 or b"message 1" not in body
        return answer.status

    assert status("HEAD", url) == 200
    assert status("GET", f"{url}?x=1") == 200
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert status(method, url, Origin="https://evil.example") == 405
    paths = (
        f"{url}/", f"{url}/..", f"/share/../share/{token}x", "/share/", "/share", f"/share/{token[:-1]}", f"/share/{token}%00",
        f"/share/{token}%2f..%2f..%2fapi", "/share/..%2fapi%2fv1%2fmodels", f"/share//{token}", "/share/" + "A" * 5000,
    )  # fmt: skip
    for path in paths:
        assert status("GET", path) in (404, 307), path
    assert status("GET", url, Host="rebound.example") == 403
    connection.close()


@pytest.mark.parametrize("sent", [{"expires_at": "tomorrow"}, {"files": "yes"}, {"password": "x"}, {"expires_at": "2020-01-01T00:00:00Z"}])
def test_what_a_link_cannot_have_is_refused_by_name(api: Api, ada: httpx.Client, sent: dict[str, object]) -> None:
    chat = make_chat(api.core.db, api.viewer("Ada"), messages=1)
    refused = ada.post(f"{CHATS}/{chat.id}/shares", json=sent)
    assert refused.status_code == 400
    assert refused.json()["error"]["hint"]


@pytest.mark.parametrize("text", ["2027-01-31T12:00:00", "9999-12-31T23:59:59-12:00", "", "x" * 1000])
def test_an_end_is_a_time_with_its_zone(text: str) -> None:
    with pytest.raises(Invalid, match="expires_at"):
        moment_of(text)


def test_a_very_long_chat_is_refused_and_the_server_goes_on(api: Api, ada: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatcore.sharing.MOST_MESSAGES", 3)
    chat = make_chat(api.core.db, api.viewer("Ada"), messages=4)
    refused = ada.post(f"{CHATS}/{chat.id}/shares")
    assert (refused.status_code, "too long" in refused.text) == (400, True)
    assert make_link(api.core.db, api.viewer("Ada"), make_chat(api.core.db, api.viewer("Ada"), messages=1).id, now=NOW)
