"""Tools on Ollama's wire: how they are offered, how a round goes back, and a model that cannot."""

from chatcore.parts import ChatRequest, ToolCall, ToolSpec, Turn
from chatcore.providers.base_waiting import NO_TOOLS
from chatcore.providers.ollama import Ollama
from tests.chatcore.providers.answers import Message
from tests.replay import ReplayServer, transcript

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"at": {"anyOf": [{"type": "object", "properties": {"day": {"type": "integer"}}}, {"type": "null"}], "default": None}},
    "additionalProperties": False,
}
TIDES = ToolSpec("tide_table", "Tells the tides.", SCHEMA)
TURNS = (
    Turn("user", "When is high water?"),
    Turn("assistant", "", (ToolCall("c1", "tide_table", {"at": None}),), reasoning="I should look."),
    Turn("tool", "14:05", tool_name="tide_table", tool_call_id="c1"),
)


async def said(ollama: Ollama, request: ChatRequest) -> Message:
    message = Message()
    async for event in ollama.chat(request):
        message.add(event)
    return message


async def test_tools_are_offered_with_their_whole_schema_and_a_round_goes_back_with_its_ids(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_chat_basic.ndjson")
    await said(ollama, ChatRequest("tinychat", TURNS, tools=(TIDES,)))
    (asked,) = server.asked("/api/chat")
    assert asked.json["tools"] == [
        {"type": "function", "function": {"name": "tide_table", "description": "Tells the tides.", "parameters": SCHEMA}}
    ]
    assert asked.json["messages"] == [
        {"role": "user", "content": "When is high water?"},
        {
            "role": "assistant",
            "content": "",
            "thinking": "I should look.",
            "tool_calls": [{"id": "c1", "function": {"index": 0, "name": "tide_table", "arguments": {"at": None}}}],
        },
        {"role": "tool", "content": "14:05", "tool_name": "tide_table", "tool_call_id": "c1"},
    ]


async def test_without_tools_none_are_named(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_chat_basic.ndjson")
    await said(ollama, ChatRequest("tinychat", TURNS[:1]))
    assert "tools" not in server.asked("/api/chat")[0].json


async def test_a_model_that_cannot_use_tools_answers_without_and_says_so(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", transcript("ollama_400_no_tools.json"), transcript("ollama_chat_basic.ndjson"))
    message = await said(ollama, ChatRequest("tinychat-plain", TURNS[:1], tools=(TIDES,)))
    assert message.finished.reason == "stop"
    assert message.progress == [NO_TOOLS]
    assert ["tools" in asked.json for asked in server.asked("/api/chat")] == [True, False]
