"""Tools over REST: which there are, what they may do, and a call that waits for a person, live and decided."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from chatcore.parts import Finished, FinishReason, TextDelta, ToolCall
from chatcore.preferences import Preferences, write_preferences
from chatcore.tools.toolbox import Toolbox
from tests.answers import until
from tests.chatcore.api.conftest import CHATS, Api
from tests.tools import Probe, Talk

CALLS, DONE = Finished(FinishReason.TOOL_CALLS), Finished(FinishReason.STOP)
TOOLS = "/api/v1/tools"


@contextmanager
def asking(api: Api, name: str = "write_note") -> Iterator[tuple[httpx.Client, int, Probe]]:
    """Ada's answer that waits for her word about a call."""
    tool = Probe(name, read_only=False)
    talk = Talk([TextDelta("# Notes\n\nLet me"), ToolCall("c1", name, {"port": "Brest"}), CALLS], [TextDelta("**Noted.**"), DONE])
    api.core.runner.toolbox = Toolbox((tool,))
    api.core.runner.providers = {**api.core.runner.providers, "scripted": talk}
    with api.client("Ada") as ada:
        sent = ada.post(CHATS, json={"text": "Note it", "provider": "scripted", "model": "parrot", "tools": True})
        assert sent.status_code == 201, sent.text
        answer_id = sent.json()["answer_id"]
        until(lambda: api.core.runner.asks(api.viewer("Ada"), answer_id))
        yield ada, answer_id, tool


def test_the_tools_are_listed_with_what_they_may_do(api: Api) -> None:
    api.core.runner.toolbox = Toolbox((Probe("tide_table"), Probe("write_note", read_only=False)))
    with api.client("Ada") as ada:
        listed = ada.get(TOOLS).json()
        assert [(tool["name"], tool["policy"], tool["read_only"]) for tool in listed["tools"]] == [
            ("tide_table", "allow", True),
            ("write_note", "ask", False),
        ]
        assert listed["servers"] == []
        assert ada.patch(f"{TOOLS}/write_note", json={"policy": "never"}).json()["tool"]["policy"] == "never"
        assert ada.get(TOOLS).json()["tools"][1]["policy"] == "never"
        assert ada.patch(f"{TOOLS}/write_note", json={"policy": "default"}).json()["tool"]["policy"] == "ask"
        assert ada.patch(f"{TOOLS}/write_note", json={"policy": "sometimes"}).status_code == 400
        assert ada.patch(f"{TOOLS}/nothing", json={"policy": "allow"}).status_code == 404


def test_a_call_waits_for_a_decision_that_comes_over_rest(api: Api) -> None:
    with asking(api) as (ada, answer_id, tool):
        path = f"/api/v1/messages/{answer_id}"
        with api.client("Bob") as bob:
            assert bob.post(f"{path}/calls/c1", json={"decision": "always"}).status_code == 404
        assert ada.post(f"{path}/calls/c1", json={"decision": "perhaps"}).status_code == 400
        assert ada.post(f"{path}/calls/c7", json={"decision": "once"}).status_code == 409
        assert tool.ran == []
        assert ada.post(f"{path}/calls/c1", json={"decision": "once"}).status_code == 202
        until(lambda: ada.get(path).json()["message"]["state"] == "complete")
        (call,) = json.loads(ada.get(path).json()["message"]["tool_calls"])
        assert (call["state"], call["decision"]) == ("done", "once")
        events = ada.get(f"{path}/events").text
        assert '"calls":[{"id":"c1"' in events


def test_the_page_is_sent_calls_between_the_blocks_of_the_text(api: Api) -> None:
    with asking(api) as (ada, answer_id, _):
        with api.follow(f"/api/v1/messages/{answer_id}/ws") as socket:
            first = json.loads(socket.recv())
            assert [block["html"] for block in first["blocks"]] == ["<h1>Notes</h1>\n", "<p>Let me</p>\n"]
            (call,) = first["calls"]
            assert (call["state"], call["before"], json.loads(call["arguments"])) == ("waiting", 2, {"port": "Brest"})
            assert ada.post(f"/api/v1/messages/{answer_id}/calls/c1", json={"decision": "once"}).status_code == 202
            frames: list[dict[str, Any]] = []
            while not frames or frames[-1]["state"] == "running":
                frames.append(json.loads(socket.recv()))
        drawn = [block for frame in frames for block in [*frame.get("blocks", ()), *([frame["open"]] if frame.get("open") else ())]]
        assert drawn[-1] == {"i": 2, "html": "<p><strong>Noted.</strong></p>\n"}
        last = [frame["calls"] for frame in frames if "calls" in frame][-1][0]
        assert (last["state"], last["before"], last["result"]) == ("done", 2, "High water at Brest: 14:05")
        # Who comes back with some of the text gets the same places.
        with api.follow(f"/api/v1/messages/{answer_id}/ws?text=15") as socket:
            again = json.loads(socket.recv())
        assert again["calls"][0]["before"] == 2
        assert again["blocks"][-1] == drawn[-1]


@pytest.mark.parametrize("path", [CHATS, "retry"])
def test_tools_are_only_offered_to_who_asks_for_them(api: Api, path: str) -> None:
    talk = Talk([TextDelta("x"), DONE])
    api.core.runner.toolbox = Toolbox((Probe(),))
    api.core.runner.providers = {**api.core.runner.providers, "scripted": talk}
    write_preferences(api.core.db, api.viewer("Ada"), Preferences(titles=False))
    with api.client("Ada") as ada:
        sent = ada.post(CHATS, json={"text": "Hi", "provider": "scripted", "model": "parrot", "tools": path == CHATS}).json()
        until(lambda: not api.core.runner.writes(api.viewer("Ada"), sent["answer_id"]))
        if path == "retry":
            again = ada.post(f"/api/v1/messages/{sent['answer_id']}/retry", json={"tools": True}).json()
            until(lambda: not api.core.runner.writes(api.viewer("Ada"), again["answer_id"]))
    assert [len(request.tools) for request in talk.requests] == ([1] if path == CHATS else [0, 1])
