"""Settings of chats, presets and the prompt library over REST."""

import uuid

import httpx

from chatcore.chat_settings import read_settings
from chatcore.parameters import ChatSettings
from tests.chatcore.api.conftest import CHATS, Api
from tests.factories import make_chat

PRESETS, PROMPTS = "/api/v1/presets", "/api/v1/prompts"
FULL: dict[str, object] = {"system_prompt": "Be brief.", "think": "low", "options": {"temperature": 0.2, "num_ctx": 8192, "stop": ["END"]}}
PLAIN: dict[str, object] = {"system_prompt": None, "think": None, "options": {}}


def test_the_settings_of_a_chat_are_shown_and_replaced(api: Api, ada: httpx.Client) -> None:
    path = f"{CHATS}/{make_chat(api.core.db, api.viewer()).id}/settings"
    assert ada.get(path).json() == {"settings": PLAIN}
    assert ada.put(path, json=FULL).json() == ada.get(path).json() == {"settings": FULL}
    assert ada.put(path, json={"think": "off"}).json() == {"settings": PLAIN | {"think": "off"}}


def test_a_chat_begins_with_the_settings_that_were_sent(api: Api, ada: httpx.Client) -> None:
    kept = ChatSettings("Be brief.", "low", {"temperature": 0.2, "num_ctx": 8192, "stop": ["END"]})
    for first in ({"title": "Tides"}, {"text": "Why?", "provider": "guide", "model": "guide"}):
        made = ada.post(CHATS, json=FULL | first)
        assert made.status_code == 201, made.text
        assert read_settings(api.core.db, api.viewer(), uuid.UUID(made.json()["chat"]["id"])) == kept


def test_settings_that_cannot_be_are_refused_and_nothing_is_made(api: Api, ada: httpx.Client) -> None:
    path = f"{CHATS}/{make_chat(api.core.db, api.viewer()).id}/settings"
    for wrong in (
        {"options": {"temperature": 9}},
        {"options": [1]},
        {"options": {"num_gpu": 1}},
        {"think": "harder"},
        {"system_prompt": 1},
    ):
        for refused in (ada.put(path, json=wrong), ada.post(CHATS, json=wrong), ada.post(PRESETS, json={"name": "x", **wrong})):
            assert refused.status_code == 400, wrong
            assert refused.json()["error"]["hint"]
    assert ada.get(path).json() == {"settings": PLAIN}
    assert len(ada.get(CHATS).json()["chats"]) == 1
    assert ada.get(PRESETS).json() == {"presets": []}


def test_a_preset_is_made_changed_and_deleted(ada: httpx.Client) -> None:
    made = ada.post(PRESETS, json={"name": "Brief", "default": True, "provider": "ollama", "model": "qwen3:4b", **FULL}).json()["preset"]
    assert made == made | FULL | {"name": "Brief", "default": True, "provider": "ollama", "model": "qwen3:4b"}
    path = f"{PRESETS}/{made['id']}"
    assert ada.patch(path, json={"name": "Short", "default": False}).json()["preset"] == made | {"name": "Short", "default": False}
    assert ada.patch(path, json={"think": "off"}).json()["preset"] == made | PLAIN | {"name": "Short", "default": False, "think": "off"}
    assert ada.post(PRESETS, json={"name": "short"}).status_code == 400
    assert ada.post(PRESETS, json={"name": "half", "provider": "ollama"}).status_code == 400
    assert ada.post(PRESETS, json={}).status_code == 400
    assert ada.delete(path).status_code == 204
    assert ada.delete(path).status_code == 404


def test_a_prompt_is_made_changed_and_deleted(ada: httpx.Client) -> None:
    made = ada.post(PROMPTS, json={"name": "/Translate", "text": "Into {{language}} on {{date}}"}).json()["prompt"]
    assert (made["name"], made["variables"]) == ("translate", ["language"])
    path = f"{PROMPTS}/{made['id']}"
    assert ada.patch(path, json={"text": "Hi"}).json()["prompt"] == made | {"text": "Hi", "variables": []}
    assert ada.get(PROMPTS).json() == {"prompts": [made | {"text": "Hi", "variables": []}]}
    for wrong in ({"name": "help", "text": "x"}, {"name": "x"}, {"text": "x"}, {"name": "translate", "text": "x"}):
        assert ada.post(PROMPTS, json=wrong).status_code == 400
    assert ada.delete(path).status_code == 204
    assert ada.get(PROMPTS).json() == {"prompts": []}
