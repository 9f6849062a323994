"""Tags, folders and saved searches over REST."""

import httpx
import pytest

from tests.chatcore.api.conftest import CHATS, Api
from tests.factories import make_chat

TAGS, FOLDERS, SEARCHES = "/api/v1/tags", "/api/v1/folders", "/api/v1/searches"


def made(client: httpx.Client, path: str, kind: str, **sent: object) -> dict[str, object]:
    answer = client.post(path, json=sent)
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = answer.json()[kind]
    return found


def test_a_chat_gets_tags_and_a_folder_and_is_found_by_them(api: Api, ada: httpx.Client) -> None:
    chat, other = (f"{CHATS}/{make_chat(api.core.db, api.viewer()).id}" for _ in range(2))
    work = made(ada, FOLDERS, "folder", name="Work")
    inner = made(ada, FOLDERS, "folder", name="Plans", parent_id=work["id"])
    changed = ada.patch(chat, json={"folder_id": inner["id"], "add_tags": ["tea", "#Travel"], "title": "Tides"}).json()["chat"]
    assert (changed["folder_id"], changed["tags"], changed["title"]) == (inner["id"], ["tea", "Travel"], "Tides")
    assert ada.get(chat).json()["chat"] == changed
    assert ada.get(f"{chat}/messages").json()["chat"] == changed
    for asked in (f"folder_id={work['id']}", "tag=TEA", f"tag=tea&folder_id={inner['id']}&limit=1"):
        assert ada.get(f"{CHATS}?{asked}").json() == {"chats": [changed], "next_cursor": None}
    assert [found["id"] for found in ada.get(CHATS, params={"folder_id": 0}).json()["chats"]] == [other.rpartition("/")[2]]
    listed = {found["id"]: found["tags"] for found in ada.get(CHATS).json()["chats"]}
    assert listed == {chat.rpartition("/")[2]: ["tea", "Travel"], other.rpartition("/")[2]: []}
    back = ada.patch(chat, json={"folder_id": 0, "remove_tags": ["travel"]}).json()["chat"]
    assert (back["folder_id"], back["tags"]) == (None, ["tea"])


def test_a_change_that_is_refused_in_part_changes_nothing(api: Api, ada: httpx.Client) -> None:
    chat = f"{CHATS}/{make_chat(api.core.db, api.viewer()).id}"
    before = ada.get(chat).json()
    for wrong, status in (
        ({"title": "New", "add_tags": ["a,b"]}, 400),
        ({"title": "New", "add_tags": ["fine", 1]}, 400),
        ({"title": "New", "add_tags": "work"}, 400),
        ({"title": "New", "folder_id": 99}, 404),
        ({"title": "New", "folder_id": -1}, 404),
        ({"title": "New", "folder_id": 2**80}, 404),
        ({"title": "New", "folder_id": "1"}, 400),
        ({"pinned": True, "title": " "}, 400),
    ):
        refused = ada.patch(chat, json=wrong)
        assert refused.status_code == status, wrong
        assert refused.json()["error"]["hint"]
    assert ada.get(chat).json() == before
    assert ada.get(TAGS).json() == {"tags": []}


def test_null_leaves_a_chat_where_it_is(api: Api, ada: httpx.Client) -> None:
    chat = f"{CHATS}/{make_chat(api.core.db, api.viewer()).id}"
    work = made(ada, FOLDERS, "folder", name="Work")
    ada.patch(chat, json={"folder_id": work["id"]})
    assert ada.patch(chat, json={"folder_id": None, "add_tags": None, "pinned": True}).json()["chat"]["folder_id"] == work["id"]


def test_tags_are_listed_renamed_merged_and_deleted(api: Api, ada: httpx.Client) -> None:
    chat = f"{CHATS}/{make_chat(api.core.db, api.viewer()).id}"
    ada.patch(chat, json={"add_tags": ["tea", "coffee"]})
    coffee, tea = ada.get(TAGS).json()["tags"]
    assert (coffee["name"], coffee["chats"], tea["name"]) == ("coffee", 1, "tea")
    renamed = ada.patch(f"{TAGS}/{coffee['id']}", json={"name": "TEA"}).json()["tag"]
    assert renamed == tea
    assert ada.get(TAGS).json() == {"tags": [tea]}
    assert ada.patch(f"{TAGS}/{tea['id']}", json={}).status_code == 400
    assert ada.delete(f"{TAGS}/{tea['id']}").status_code == 204
    assert ada.get(TAGS).json() == {"tags": []}
    assert ada.get(chat).json()["chat"]["tags"] == []


def test_folders_are_made_renamed_moved_and_deleted(api: Api, ada: httpx.Client) -> None:
    work, home = (made(ada, FOLDERS, "folder", name=name) for name in ("Work", "Home"))
    plans = made(ada, FOLDERS, "folder", name="Plans", parent_id=work["id"])
    assert plans == {
        "id": plans["id"], "parent_id": work["id"], "name": "Plans", "path": "Work/Plans", "depth": 2, "chats": 0, "own_chats": 0,
    }  # fmt: skip
    chat = f"{CHATS}/{make_chat(api.core.db, api.viewer()).id}"
    ada.patch(chat, json={"folder_id": plans["id"]})
    moved = ada.patch(f"{FOLDERS}/{plans['id']}", json={"parent_id": home["id"], "name": "Ideas"}).json()["folder"]
    assert (moved["path"], moved["chats"]) == ("Home/Ideas", 1)
    assert [folder["path"] for folder in ada.get(FOLDERS).json()["folders"]] == ["Home", "Home/Ideas", "Work"]
    assert ada.patch(f"{FOLDERS}/{home['id']}", json={"parent_id": plans["id"]}).status_code == 400
    assert ada.patch(f"{FOLDERS}/{plans['id']}", json={"parent_id": 0}).json()["folder"]["path"] == "Ideas"
    assert ada.post(FOLDERS, json={"name": "work"}).status_code == 400
    assert ada.post(FOLDERS, json={}).status_code == 400
    assert ada.delete(f"{FOLDERS}/{plans['id']}").status_code == 204
    assert ada.get(chat).json()["chat"]["folder_id"] is None


def test_searches_are_saved_changed_put_in_order_and_deleted(ada: httpx.Client) -> None:
    code, tea = (made(ada, SEARCHES, "search", name=name, query=query) for name, query in (("Code", "has:code"), ("Tea", "tag:tea")))
    assert [search["name"] for search in ada.put(SEARCHES, json={"order": [tea["id"], code["id"]]}).json()["searches"]] == ["Tea", "Code"]
    changed = ada.patch(f"{SEARCHES}/{code['id']}", json={"query": "has:code -x", "name": "My code"}).json()["search"]
    assert (changed["name"], changed["query"], changed["created_at"]) == ("My code", "has:code -x", code["created_at"])
    assert ada.get(SEARCHES).json()["searches"] == [tea, changed]
    for wrong in ({"order": ["1"]}, {"order": [True]}, {"order": 1}, {}):
        assert ada.put(SEARCHES, json=wrong).status_code == 400
    for missing in ({"name": "x"}, {"query": "x"}, {"name": "tea", "query": "x"}):
        assert ada.post(SEARCHES, json=missing).status_code == 400
    assert ada.delete(f"{SEARCHES}/{tea['id']}").status_code == 204
    assert ada.get(SEARCHES).json()["searches"] == [changed]


@pytest.mark.parametrize("path", [TAGS, FOLDERS, SEARCHES])
@pytest.mark.parametrize("wrong", ["0", "99", "-1", "x", "9" * 30, "0faeb21d-235d-4893-8560-66cfaee2c593"])
def test_what_is_no_id_is_not_found(ada: httpx.Client, path: str, wrong: str) -> None:
    assert ada.patch(f"{path}/{wrong}", json={"name": "x"}).status_code == 404
    assert ada.delete(f"{path}/{wrong}").status_code == 404
