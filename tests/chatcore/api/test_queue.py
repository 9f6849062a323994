"""The queue of a chat over REST, and what a person chose for all of their chats."""

import httpx

from tests.answers import until
from tests.chatcore.api.conftest import CHATS, Api

PREFERENCES = "/api/v1/preferences"
GUIDE = {"provider": "guide", "model": "guide"}


def busy(ada: httpx.Client) -> tuple[str, int]:
    """A chat that answers for long, and its answer."""
    sent = ada.post(CHATS, json={"text": "/stream 4000 50", **GUIDE}).json()
    return f"{CHATS}/{sent['chat_id']}/queue", sent["answer_id"]


def test_a_prompt_waits_is_changed_and_sent_now(api: Api) -> None:
    with api.client("Ada") as ada:
        queue, answer_id = busy(ada)
        first = ada.post(queue, json={"text": "one", **GUIDE})
        assert first.status_code == 202
        waiting = first.json()["queued"]
        second = ada.post(queue, json={"text": "two"}).json()["queued"]
        assert (second["model"], second["files"]) == ("guide", [])
        # The guide reads none, and says so now and not when the turn has come.
        notes = {"attachments": [{"name": "a.txt", "content": "aGk="}]}
        assert "cannot read files" in ada.post(queue, json=notes).json()["error"]["message"]
        third = ada.post(queue, json=notes | {"provider": "scripted", "model": "parrot"}).json()["queued"]
        assert third["files"] == [{"name": "a.txt", "size_bytes": 2}]
        assert ada.delete(f"/api/v1/queue/{third['id']}").status_code == 204
        changed = ada.patch(f"/api/v1/queue/{waiting['id']}", json={"text": "Where is my data?"})
        assert changed.json()["queued"]["text"] == "Where is my data?"
        assert [each["text"] for each in ada.get(queue).json()["queue"]] == ["Where is my data?", "two"]
        assert ada.delete(f"/api/v1/queue/{second['id']}").status_code == 204
        assert ada.post(f"/api/v1/queue/{waiting['id']}/send").status_code == 201
        until(lambda: ada.get(f"/api/v1/messages/{answer_id}").json()["message"]["state"] == "stopped")
        assert ada.get(queue).json()["queue"] == []
        assert ada.post(f"/api/v1/queue/{waiting['id']}/send").status_code == 404


def test_with_nothing_to_wait_for_it_is_sent_at_once(api: Api) -> None:
    with api.client("Ada") as ada:
        chat_id = ada.post(CHATS, json={"title": "Tides"}).json()["chat"]["id"]
        sent = ada.post(f"{CHATS}/{chat_id}/queue", json={"text": "Where is my data?", **GUIDE})
        assert sent.status_code == 201
        assert sent.json()["chat_id"] == chat_id
        assert ada.post(f"{CHATS}/{chat_id}/queue", json={}).status_code == 400
        assert ada.patch("/api/v1/queue/1", json={}).status_code == 400


def test_preferences_are_changed_as_a_whole(api: Api) -> None:
    with api.client("Ada") as ada:
        assert ada.get(PREFERENCES).json() == {"preferences": {"titles": True, "title_provider": None, "title_model": None}}
        chosen = {"titles": False, "title_provider": "scripted", "title_model": "parrot"}
        assert ada.put(PREFERENCES, json=chosen).json()["preferences"] == chosen
        assert ada.get(PREFERENCES).json()["preferences"] == chosen
        assert ada.put(PREFERENCES, json={}).json()["preferences"]["titles"] is True
        for provider in (None, "nobody", "guide"):
            wrong = {"title_provider": provider, "title_model": "m"}
            assert ada.put(PREFERENCES, json=wrong).status_code == 400
