"""Every recorded answer of an OpenAI-compatible server gives what INDEX.json says, through real HTTP and the real client."""

from collections.abc import Mapping
from typing import cast

import pytest

from chatcore.parts import Failed, Finished
from chatcore.providers.openai import OpenAI
from tests.chatcore.providers.answers import CHAT, MODELS, Message, answer
from tests.replay import ReplayServer, in_pieces, index, transcript

INDEX = {name: entry for name, entry in index().items() if not name.startswith("ollama_")}
CHATS = [name for name in INDEX if name != "real_llamacpp_models.json"]
# What INDEX.json calls otherwise than we.
NAMES = {"cache_read_tokens": "cached_tokens"}


@pytest.mark.parametrize("size", [None, 1, 7])
@pytest.mark.parametrize("name", CHATS)
async def test_an_answer_gives_what_the_index_says(name: str, size: int | None, server: ReplayServer, lab: OpenAI) -> None:
    reply = transcript(name)
    server.on(CHAT, reply if size is None else in_pieces(reply, *[size] * min(len(reply.body) // size, 1500)))
    message = await answer(lab)
    expect = cast(Mapping[str, object], INDEX[name]["expect"])
    assert message.reasoning == expect.get("thinking", "")
    if "text" in expect:
        assert message.text == expect["text"]
    check_end(message, expect)
    check_calls(message, cast(list[list[object]], expect.get("tool_calls", [])))
    if "usage" in expect:
        check_usage(message, cast(Mapping[str, int] | None, expect["usage"]))


def check_end(message: Message, expect: Mapping[str, object]) -> None:
    if "error" in expect:
        assert isinstance(message.last, Failed)
        assert message.last.code == expect["error"]
    else:
        assert isinstance(message.last, Finished)
        assert message.last.reason == expect.get("finish", "tool_calls" if message.calls else "stop")
        assert message.last.raw_reason == message.last.reason


def check_calls(message: Message, expect: list[list[object]]) -> None:
    assert [(call.name, call.arguments) for call in message.calls] == [(name, arguments) for _, name, arguments in expect]
    for call, (call_id, _, _) in zip(message.calls, expect, strict=True):
        assert call.id == call_id if call_id != "*" else call.id
        assert call.error is None


def check_usage(message: Message, expect: Mapping[str, int] | None) -> None:
    if expect is None:
        assert message.usages == []
        return
    for key, value in expect.items():
        assert getattr(message.usage, NAMES.get(key, key)) == value


async def test_llama_cpp_tells_its_times(server: ReplayServer, lab: OpenAI) -> None:
    server.play("real_llamacpp_basic.sse", path=CHAT)
    usage = (await answer(lab)).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens) == (11, 14, 10)
    assert usage.prompt_s == pytest.approx(0.020191)
    assert usage.eval_s == pytest.approx(0.004702)
    assert usage.response_model == "tinychat"


async def test_the_models_of_llama_cpp_are_read(server: ReplayServer, lab: OpenAI) -> None:
    server.play("real_llamacpp_models.json", path=MODELS)
    (model,) = await lab.models()
    assert (model.id, model.provider, model.context_length, model.size_bytes) == ("tinychat-think", "lab", 4096, 1383168)
    assert (model.parameter_size, model.quantization, model.loaded, model.cloud) == ("691K", "F16", True, False)
    assert model.can_chat
    assert await lab.model("tinychat-think") == model
