"""The models of a server: what they can do, which are in memory, and their upkeep."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from chatcore.errors import ProviderError
from chatcore.parts import ErrorCode
from chatcore.providers.base import ModelManager
from chatcore.providers.ollama import Ollama
from chatcore.providers.ollama_models import context_length_in, same_model, time_in
from chatcore.settings import Timeouts
from tests.chatcore.providers.answers import ollama_at
from tests.replay import WAIT_S, ReplayServer, Reply, json_reply, transcript


def tag(name: str, digest: str = "d", **more: object) -> dict[str, object]:
    return {"name": name, "model": name, "digest": digest, "size": 10, "details": {}, **more}


async def test_a_listed_model_has_all_the_server_says(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_tags.json", path="/api/tags")
    server.play("ollama_ps.json", path="/api/ps")
    small, thinking, cloud = await ollama.models()
    assert (small.id, small.provider, small.loaded, small.loaded_context) == ("tinychat:latest", "ollama", True, 4096)
    assert small.capabilities == frozenset({"completion", "tools"})
    assert (small.size_bytes, small.parameter_size, small.quantization) == (1403936, "690.82K", "F16")
    assert (thinking.loaded, thinking.loaded_context) == (False, None)
    assert cloud.cloud
    assert cloud.size_bytes is None
    assert server.asked("/api/show") == []


async def test_capabilities_an_old_server_does_not_list_are_asked_for_once(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_tags_old.json", path="/api/tags")
    server.play("ollama_show.json", path="/api/show")
    for _ in range(2):
        (model,) = await ollama.models()
        assert model.capabilities == frozenset({"completion", "tools", "thinking"})
        assert model.context_length == 4096
        assert model.size_bytes == 1403936
    assert len(server.asked("/api/show")) == 1


async def test_a_model_that_was_pulled_anew_is_looked_at_anew(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_show.json", path="/api/show")
    for digest in ("one", "two"):
        server.on("/api/tags", json_reply({"models": [tag("a", digest)]}))
        await ollama.models()
    assert len(server.asked("/api/show")) == 2


async def test_a_model_that_cannot_be_looked_at_is_listed_all_the_same(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/tags", json_reply({"models": [tag("a"), tag("b", "e")]}))
    server.on("/api/show", json_reply({"error": "broken"}, 500), transcript("ollama_show.json"))
    models = await ollama.models()
    assert [model.id for model in models] == ["a", "b"]
    assert sorted(model.capabilities is None for model in models) == [False, True]
    assert all(model.can_chat for model in models)


async def test_many_models_are_looked_at_a_few_at_a_time(server: ReplayServer, ollama: Ollama) -> None:
    gate = server.gate()
    server.on("/api/tags", json_reply({"models": [tag(f"m{number}", str(number)) for number in range(12)]}))
    server.on("/api/show", *[replace(transcript("ollama_show.json"), hold=gate)] * 12)
    listing = asyncio.create_task(ollama.models())
    await asyncio.to_thread(server.wait_for, "/api/show", 4)
    await asyncio.to_thread(server.wait_for, "/api/ps")
    assert len(server.asked("/api/show")) == 4
    gate.open()
    assert all(model.capabilities for model in await listing)
    assert len(server.asked("/api/show")) == 12


async def test_a_server_that_does_not_answer_for_its_models_does_not_hide_them(server: ReplayServer) -> None:
    server.on("/api/tags", json_reply({"models": [tag("a")]}))
    server.on("/api/show", Reply(hold=server.gate()))
    async with ollama_at(server.url, timeouts=Timeouts(lookup_s=1.0)) as ollama:
        (model,) = await ollama.models()
    assert model.capabilities is None


async def test_without_knowing_what_is_in_memory_models_are_listed(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_tags.json", path="/api/tags")
    server.on("/api/ps", Reply(b"404 page not found", 404, "text/plain"))
    assert len(await ollama.models()) == 3


@pytest.mark.parametrize("rows", [None, "none", [1, "two", {}, {"name": 5}, {"model": ""}]])
async def test_odd_lists_are_empty_lists(rows: object, server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/tags", json_reply({"models": rows}))
    assert await ollama.models() == ()


async def test_a_dead_server_raises_for_its_models(ollama: Ollama, server: ReplayServer) -> None:
    server.on("/api/tags", Reply(drop=True))
    with pytest.raises(ProviderError) as caught:
        await ollama.models()
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("trained", "parameters", "window"),
    [
        (8192, "", 8192),
        (8192, 'num_ctx   4096\nstop "x"', 4096),
        (4096, "temperature 1\nnum_ctx 131072", 4096),
        (None, "num_ctx 2048", 2048),
        (None, "", None),
    ],
)
def test_the_window_is_the_smaller_of_the_models_own_and_its_setting(trained: int | None, parameters: str, window: int | None) -> None:
    shown: dict[str, object] = {
        "model_info": {"general.architecture": "llama", "llama.context_length": trained},
        "parameters": parameters,
    }
    assert context_length_in(shown) == window


@pytest.mark.parametrize(
    ("asked", "name", "same"),
    [("a", "a:latest", True), ("a:latest", "a", True), ("a:1b", "a", False), ("host:5000/x/a", "host:5000/x/a:latest", True)],
)
def test_a_name_without_tag_means_latest(asked: str, name: str, same: bool) -> None:
    assert same_model(asked, name) is same


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "soon", "", "2026-11-22T05:00:00"])
def test_a_time_that_is_none_is_none(text: str) -> None:
    assert time_in({"expires_at": text}, "expires_at") is None


# --- upkeep --------------------------------------------------------------------------------------------------------


def test_ollama_can_manage_its_models(ollama: Ollama) -> None:
    assert isinstance(ollama, ModelManager)


async def test_a_pull_that_ends_without_success_is_incomplete(server: ReplayServer, ollama: Ollama) -> None:
    whole = transcript("ollama_pull_ok.ndjson")
    server.on("/api/pull", replace(whole, body=whole.body[:300]))
    with pytest.raises(ProviderError) as caught:
        _ = [step async for step in ollama.pull("x")]
    assert caught.value.code == ErrorCode.INCOMPLETE
    assert caught.value.retryable


async def test_a_pull_whose_connection_breaks_is_incomplete(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/pull", replace(transcript("ollama_pull_ok.ndjson"), cut_at=31))
    with pytest.raises(ProviderError) as caught:
        _ = [step async for step in ollama.pull("x")]
    assert caught.value.code == ErrorCode.INCOMPLETE


async def test_a_pull_that_stalls_ends_after_its_limit(server: ReplayServer) -> None:
    server.on("/api/pull", replace(transcript("ollama_pull_ok.ndjson"), stall_at=31))
    # Long enough for the first line of a busy machine, which has the same limit.
    async with ollama_at(server.url, timeouts=Timeouts(pull_idle_s=3.0)) as ollama:
        steps = ollama.pull("x")
        assert (await anext(steps)).status == "pulling manifest"
        with pytest.raises(ProviderError) as caught:
            await anext(steps)
    assert caught.value.code == ErrorCode.TIMEOUT


async def test_leaving_a_pull_closes_its_connection(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/pull", replace(transcript("ollama_pull_ok.ndjson"), stall_at=31))
    async with aclosing(ollama.pull("x")) as steps:
        await anext(steps)
    assert await asyncio.to_thread(server.asked("/api/pull")[0].client_left.wait, WAIT_S)


async def test_deleting_a_model_is_a_request_with_an_empty_answer(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/delete", Reply(b"", framing="length"))
    await ollama.delete("x")
    (asked,) = server.asked("/api/delete")
    assert (asked.method, asked.json) == ("DELETE", {"model": "x"})


async def test_loading_and_unloading_are_chats_without_messages(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_chat_load.json", "ollama_chat_unload.json")
    await ollama.load("x", keep_alive="1h")
    await ollama.unload("x")
    assert [asked.json for asked in server.asked("/api/chat")] == [
        {"model": "x", "messages": [], "stream": False, "keep_alive": "1h"},
        {"model": "x", "messages": [], "stream": False, "keep_alive": 0},
    ]


async def test_loading_a_model_that_is_not_there_says_so(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_404_model.json")
    with pytest.raises(ProviderError) as caught:
        await ollama.load("nope")
    assert caught.value.code == ErrorCode.MODEL_NOT_FOUND
