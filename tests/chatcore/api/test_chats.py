import json
import uuid

import httpx

from chatcore.parts import State
from tests.chatcore.api.conftest import CHATS, Api
from tests.factories import make_chat, make_exchange


def error_of(answer: httpx.Response) -> dict[str, str]:
    found: dict[str, str] = answer.json()["error"]
    assert set(found) == {"kind", "message", "hint"}
    return found


def test_a_new_chat_is_listed_shown_renamed_and_deleted(ada: httpx.Client) -> None:
    made = ada.post(CHATS, json={"title": "Tides"})
    assert made.status_code == 201
    chat_id = made.json()["chat"]["id"]
    assert [chat["id"] for chat in ada.get(CHATS).json()["chats"]] == [chat_id]
    assert ada.get(f"{CHATS}/{chat_id}").json()["chat"]["title"] == "Tides"
    changed = ada.patch(f"{CHATS}/{chat_id}", json={"title": "Moon", "pinned": True, "archived": True})
    assert (changed.json()["chat"]["title"], changed.json()["chat"]["pinned"], changed.json()["chat"]["archived"]) == ("Moon", True, True)
    assert ada.delete(f"{CHATS}/{chat_id}").status_code == 204
    assert [chat["id"] for chat in ada.get(CHATS, params={"shelf": "trash"}).json()["chats"]] == [chat_id]


def test_what_was_deleted_comes_back_until_it_is_purged(ada: httpx.Client) -> None:
    chat_id = ada.post(CHATS).json()["chat"]["id"]
    ada.delete(f"{CHATS}/{chat_id}")
    assert ada.patch(f"{CHATS}/{chat_id}", json={"deleted": False}).json()["chat"]["deleted_at"] is None
    assert ada.delete(f"{CHATS}/{chat_id}", params={"purge": "true"}).status_code == 204
    assert ada.get(f"{CHATS}/{chat_id}").status_code == 404


def test_a_chat_takes_the_model_that_is_named_or_an_installed_one(ada: httpx.Client) -> None:
    named = ada.post(CHATS, json={"provider": "scripted", "model": "parrot"}).json()["chat"]
    assert (named["provider"], named["model"]) == ("scripted", "parrot")
    chosen = ada.post(CHATS).json()["chat"]
    assert (chosen["provider"], chosen["model"]) == ("scripted", "parrot")


def test_pages_lead_through_all_chats(api: Api, ada: httpx.Client) -> None:
    made = {str(make_chat(api.core.db, api.viewer()).id) for _ in range(5)}
    found, cursor = [], None
    while True:
        page = ada.get(CHATS, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        found += [chat["id"] for chat in page["chats"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(found) == 5
    assert set(found) == made


def test_messages_come_in_windows_from_the_end(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer(), messages=5)
    last = ada.get(f"{CHATS}/{chat.id}/messages", params={"limit": 2}).json()
    assert [message["text"] for message in last["messages"]] == ["message 3", "message 4"]
    earlier = ada.get(f"{CHATS}/{chat.id}/messages", params={"limit": 3, "before": last["before"]}).json()
    assert [message["text"] for message in earlier["messages"]] == ["message 0", "message 1", "message 2"]
    assert (last["after"], earlier["before"]) == (None, None)
    later = ada.get(f"{CHATS}/{chat.id}/messages", params={"after": earlier["after"]}).json()
    assert later["messages"] == last["messages"]


def test_a_window_opens_around_a_message(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer(), messages=9)
    assert chat.current_message_id is not None
    around = ada.get(f"{CHATS}/{chat.id}/messages", params={"limit": 3, "around": chat.current_message_id - 4}).json()
    assert [message["text"] for message in around["messages"]] == ["message 3", "message 4", "message 5"]
    assert (around["before"], around["after"]) == (around["messages"][0]["id"], around["messages"][2]["id"])
    assert ada.get(f"{CHATS}/{chat.id}/messages", params={"around": 10**9}).status_code == 404
    assert ada.get(f"{CHATS}/{chat.id}/messages", params={"around": 1, "before": 2}).status_code == 400


def test_an_answer_says_how_it_went(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer())
    make_exchange(api.core.db, api.viewer(), chat.id, state=State.FAILED)
    asked, answer = ada.get(f"{CHATS}/{chat.id}/messages").json()["messages"]
    assert asked["generation"] is None
    assert answer["generation"]["state"] == "failed"
    assert answer["generation"]["error"] == {
        "code": "server_error",
        "message": "The model server failed.",
        "hint": "Try again.",
        "retryable": True,
    }


def test_a_prompt_starts_a_chat_and_its_answer(api: Api, ada: httpx.Client) -> None:
    sent = api.ask(ada, "Why is the sky blue?")
    assert sent["chat"]["title"] == "Why is the sky blue?"  # type: ignore[index]  # JSON
    assert sent["chat"]["running"] is True  # type: ignore[index]  # JSON
    asked, answer = ada.get(f"{CHATS}/{sent['chat_id']}/messages").json()["messages"]
    assert (asked["id"], answer["id"]) == (sent["user_message_id"], sent["answer_id"])
    assert (asked["text"], answer["state"]) == ("Why is the sky blue?", "running")


def test_a_second_prompt_while_the_answer_comes_is_a_conflict(api: Api, ada: httpx.Client) -> None:
    sent = api.ask(ada)
    again = ada.post(f"{CHATS}/{sent['chat_id']}/messages", json={"text": "And the moon?"})
    assert again.status_code == 409
    assert error_of(again)["kind"] == "conflict"


def test_the_same_request_key_is_sent_once(ada: httpx.Client) -> None:
    draft = {"text": "hello", "provider": "guide", "model": "guide", "request_key": str(uuid.uuid4())}
    assert ada.post(CHATS, json=draft).status_code == 201
    assert ada.post(CHATS, json=draft).status_code == 409
    assert len(ada.get(CHATS).json()["chats"]) == 1


def test_a_prompt_to_a_chat_goes_to_the_model_of_the_chat(api: Api, ada: httpx.Client) -> None:
    chat_id = ada.post(CHATS, json={"provider": "scripted", "model": "parrot"}).json()["chat"]["id"]
    sent = ada.post(f"{CHATS}/{chat_id}/messages", json={"text": "hello"})
    assert sent.status_code == 201
    assert api.provider.asked.acquire(timeout=20)
    assert api.provider.requests[0].model == "parrot"


WRONG_FIELDS: tuple[tuple[dict[str, object], str], ...] = (
    ({"name": "x"}, "name"),
    ({"title": 5}, "title"),
    ({"title": "x", "text": "y"}, "title"),
    ({"request_key": "k"}, "request_key"),
    ({"text": "hi", "request_key": ""}, "request"),
    ({"text": "hi", "request_key": "k" * 81}, "request"),
    ({"text": "hi", "provider": "guide"}, "model"),
    ({"provider": "nowhere", "model": "x"}, "nowhere"),
    ({"text": ["hi"]}, "text"),
    ({"text": ""}, "empty"),
    ({"text": " \n\t "}, "empty"),
    ({"title": " "}, "title"),
)


def test_a_wrong_field_is_named(ada: httpx.Client) -> None:
    for body, named in WRONG_FIELDS:
        refused = ada.post(CHATS, json=body)
        assert refused.status_code == 400, body
        assert error_of(refused)["kind"] == "invalid"
        assert named in error_of(refused)["message"]
        assert error_of(refused)["hint"]
    assert ada.get(CHATS).json()["chats"] == []


WRONG_CHANGES: tuple[tuple[str, str, dict[str, object], str], ...] = (
    ("PATCH", "", {"pinned": "yes"}, "pinned"),
    ("PATCH", "", {"archived": 1}, "archived"),
    ("PATCH", "", {"owner": "me"}, "owner"),
    ("POST", "/messages", {}, "text"),
)


def test_a_wrong_field_of_a_chat_is_named(ada: httpx.Client) -> None:
    chat_id = ada.post(CHATS).json()["chat"]["id"]
    for method, path, sent, named in WRONG_CHANGES:
        refused = ada.request(method, f"{CHATS}/{chat_id}{path}", json=sent)
        assert refused.status_code == 400, sent
        assert named in error_of(refused)["message"]


def test_wrong_words_in_the_query_are_refused(ada: httpx.Client) -> None:
    for words in ("limit=0", "limit=1001", "limit=x", "limit=-1", "cursor=abc", "shelf=attic", "sort=title"):
        assert ada.get(f"{CHATS}?{words}").status_code == 400, words


def test_a_refused_title_changes_nothing(ada: httpx.Client) -> None:
    chat_id = ada.post(CHATS).json()["chat"]["id"]
    assert ada.patch(f"{CHATS}/{chat_id}", json={"title": "  ", "pinned": True}).status_code == 400
    assert ada.get(f"{CHATS}/{chat_id}").json()["chat"]["pinned"] is False


def test_odd_text_is_kept(ada: httpx.Client) -> None:
    for text in ("\0 nothing", "\ud800 half", "مرحبا", "👩‍👩‍👧 family", "<script>alert(1)</script>", "a" * 1_048_576):
        body = json.dumps({"text": text, "provider": "guide", "model": "guide"})
        sent = ada.post(CHATS, content=body, headers={"content-type": "application/json"})
        assert sent.status_code == 201
        kept = ada.get(f"/api/v1/messages/{sent.json()['user_message_id']}").json()["message"]["text"]
        assert kept == text.replace("\0", "\ufffd").replace("\ud800", "\ufffd")


def test_odd_titles_are_kept(ada: httpx.Client) -> None:
    made = ada.post(CHATS, content=b'{"title": "a\\u0000b \\ud800 c"}', headers={"content-type": "application/json"})
    assert made.status_code == 201
    assert made.json()["chat"]["title"].startswith("a")


def test_a_text_above_one_megabyte_is_refused(ada: httpx.Client) -> None:
    refused = ada.post(CHATS, json={"text": "a" * 1_048_577})
    assert refused.status_code == 400
    assert "1 MB" in error_of(refused)["message"]
