"""Every recorded answer of an Ollama server gives what INDEX.json says, through real HTTP and the real client."""

from collections.abc import Mapping
from typing import cast

import pytest

from chatcore.errors import ProviderError
from chatcore.parts import Cancelled, ErrorCode, Failed, Finished
from chatcore.providers.ollama import Ollama
from tests.chatcore.providers.answers import Message, answer
from tests.replay import ReplayServer, index

INDEX = {name: entry for name, entry in index().items() if name.startswith("ollama_")}
LOOKUPS = ("ollama_tags", "ollama_show", "ollama_ps", "ollama_version", "ollama_pull", "ollama_delete", "ollama_embed")
CHATS = [name for name in INDEX if not name.startswith(LOOKUPS)]


def expected(name: str) -> Mapping[str, object]:
    return cast(Mapping[str, object], INDEX[name]["expect"])


@pytest.mark.parametrize("name", CHATS)
async def test_an_answer_gives_what_the_index_says(name: str, server: ReplayServer, ollama: Ollama) -> None:
    server.play(name)
    message = await answer(ollama)
    expect = expected(name)
    assert message.reasoning == expect.get("thinking", "")
    if "text" in expect:
        assert message.text == expect["text"]
    check_end(message, expect)
    check_calls(message, cast(list[list[object]], expect.get("tool_calls", [])))
    check_usage(message, cast(Mapping[str, float], expect.get("usage", {})))
    if "response_model" in expect:
        assert message.usage.response_model == expect["response_model"]


def check_end(message: Message, expect: Mapping[str, object]) -> None:
    if expect.get("error") == "cancelled":
        assert message.last == Cancelled()
    elif "error" in expect:
        assert isinstance(message.last, Failed)
        assert message.last.code == expect["error"]
        assert (message.last.sign_in_url is not None) == bool(expect.get("signin_url"))
    else:
        assert isinstance(message.last, Finished)
        assert message.last.reason == expect.get("finish", "stop")
        assert message.last.raw_reason in (expect.get("raw_finish", message.last.reason.value), None)


def check_calls(message: Message, expect: list[list[object]]) -> None:
    assert [(call.name, call.arguments) for call in message.calls] == [(name, arguments) for _, name, arguments in expect]
    for call, (call_id, _, _) in zip(message.calls, expect, strict=True):
        assert call.id == call_id if call_id is not None else call.id.startswith("call_")
        assert call.error is None


def check_usage(message: Message, expect: Mapping[str, float]) -> None:
    for key, value in expect.items():
        if key == "total_ms":
            continue  # the Runner measures the whole time itself
        found = getattr(message.usage, key.replace("_ms", "_s"))
        assert found == pytest.approx(value / 1000 if key.endswith("_ms") else value)


@pytest.mark.parametrize("name", [name for name in INDEX if name.startswith("ollama_tags")])
async def test_a_list_of_models_gives_what_the_index_says(name: str, server: ReplayServer, ollama: Ollama) -> None:
    server.play(name, path="/api/tags")
    server.play("ollama_show.json", path="/api/show")
    models = await ollama.models()
    assert len(models) == expected(name)["models"]
    assert [model.id for model in models if model.cloud] == expected(name).get("cloud", [])
    assert all(model.capabilities for model in models)


@pytest.mark.parametrize("name", [name for name in INDEX if name.startswith("ollama_show")])
async def test_a_shown_model_gives_what_the_index_says(name: str, server: ReplayServer, ollama: Ollama) -> None:
    server.play(name, path="/api/show")
    model = await ollama.model("tinychat")
    assert model.context_length == expected(name)["context_length"]
    assert model.cloud == expected(name).get("cloud", False)
    assert model.capabilities == frozenset({"completion", "tools", "thinking"})


async def test_the_models_in_memory_are_read(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_ps.json", path="/api/ps")
    (model,) = await ollama.running()
    assert [model.id] == expected("ollama_ps.json")["loaded"]
    assert model.context_length == 4096
    assert model.size_bytes == 5137025024
    assert model.expires_at is not None
    assert model.expires_at.isoformat() == "2026-11-22T04:05:00.837530+00:00"


async def test_the_version_is_read(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_version.json", path="/api/version")
    health = await ollama.health()
    assert health.reachable
    assert health.version == "0.33.0"
    assert health.latency_s is not None


async def test_a_pull_tells_its_progress_to_the_end(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_pull_ok.ndjson", path="/api/pull")
    steps = [step async for step in ollama.pull("llama3.2")]
    assert steps[-1].status == expected("ollama_pull_ok.ndjson")["last"]
    assert max(step.fraction or 0 for step in steps) == expected("ollama_pull_ok.ndjson")["max_fraction"]
    assert [step.fraction for step in steps[:2]] == [None, 0.0]
    assert server.asked("/api/pull")[0].json == {"model": "llama3.2", "stream": True}


async def test_a_pull_of_a_model_that_does_not_exist_says_so(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_pull_error.ndjson", path="/api/pull")
    with pytest.raises(ProviderError) as caught:
        _ = [step async for step in ollama.pull("nope")]
    assert caught.value.code == ErrorCode.MODEL_NOT_FOUND
    assert caught.value.message == "Model nope is not on this server."


async def test_deleting_a_model_that_is_not_there_says_so(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_delete_404.json", path="/api/delete")
    with pytest.raises(ProviderError) as caught:
        await ollama.delete("nope")
    assert caught.value.code == ErrorCode.MODEL_NOT_FOUND
    assert server.asked("/api/delete")[0].method == "DELETE"


async def test_what_is_no_answer_to_a_chat_is_a_bad_response(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_embed.json")
    assert (await answer(ollama)).failed.code == ErrorCode.BAD_RESPONSE
