"""Tools on OpenAI's wire: how they are offered, how a round goes back, and a model that cannot."""

import pytest

from chatcore.parts import ChatRequest, ToolCall, ToolSpec, Turn
from chatcore.providers.base_waiting import NO_TOOLS
from chatcore.providers.openai import OpenAI
from tests.chatcore.providers.answers import CHAT, answer
from tests.replay import ReplayServer, json_reply, transcript

SCHEMA: dict[str, object] = {"type": "object", "properties": {"day": {"type": "integer"}}, "additionalProperties": False}
TIDES = ToolSpec("tide_table", "Tells the tides.", SCHEMA)
TURNS = (
    Turn("user", "When is high water?"),
    Turn("assistant", "", (ToolCall("c1", "tide_table", {"day": 3}),), reasoning="I should look."),
    Turn("tool", "14:05", tool_name="tide_table", tool_call_id="c1"),
)


async def test_tools_are_offered_with_their_whole_schema_and_a_round_goes_back_with_its_ids(server: ReplayServer, lab: OpenAI) -> None:
    server.on(CHAT, transcript("openai_basic.sse"))
    await answer(lab, ChatRequest("tinychat", TURNS, tools=(TIDES,)))
    (asked,) = server.asked(CHAT)
    assert asked.json["tools"] == [
        {"type": "function", "function": {"name": "tide_table", "description": "Tells the tides.", "parameters": SCHEMA}}
    ]
    asked_for = {"id": "c1", "type": "function", "function": {"name": "tide_table", "arguments": '{"day": 3}'}}
    assert asked.json["messages"] == [
        {"role": "user", "content": "When is high water?"},
        {"role": "assistant", "content": None, "tool_calls": [asked_for]},
        {"role": "tool", "content": "14:05", "tool_call_id": "c1"},
    ]


async def test_without_tools_none_are_named(server: ReplayServer, lab: OpenAI) -> None:
    server.on(CHAT, transcript("openai_basic.sse"))
    await answer(lab, ChatRequest("tinychat", TURNS[:1]))
    assert "tools" not in server.asked(CHAT)[0].json


@pytest.mark.parametrize(
    "words",
    [
        "No endpoints found that support tool use.",
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        "tinychat does not support tools",
    ],
)
async def test_a_model_that_cannot_use_tools_answers_without_and_says_so(words: str, server: ReplayServer, lab: OpenAI) -> None:
    server.on(CHAT, json_reply({"error": {"message": words}}, 400), transcript("openai_basic.sse"))
    message = await answer(lab, ChatRequest("tinychat", TURNS[:1], tools=(TIDES,)))
    assert message.text
    assert message.progress == [NO_TOOLS]
    assert ["tools" in asked.json for asked in server.asked(CHAT)] == [True, False]


async def test_a_refusal_of_tools_that_were_not_offered_stands(server: ReplayServer, lab: OpenAI) -> None:
    server.on(CHAT, json_reply({"error": {"message": "tinychat does not support tools"}}, 400))
    assert (await answer(lab, ChatRequest("tinychat", TURNS[:1]))).failed.code == "unsupported_feature"
    assert len(server.asked(CHAT)) == 1
