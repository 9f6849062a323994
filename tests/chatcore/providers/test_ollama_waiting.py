"""What is said and done while the server sends nothing, is busy, or cannot think."""

import asyncio
from dataclasses import replace

import pytest

from chatcore.parts import ChatRequest, ErrorCode, Picture, Progress, ToolCall, Turn
from chatcore.providers.ollama import Ollama
from chatcore.settings import Settings, Timeouts
from tests.chatcore.providers.answers import Message, answer, ask, ollama_at
from tests.replay import ReplayServer, Reply, json_reply, ndjson_reply, transcript

BUSY = transcript("ollama_503_busy.json")
BASIC = transcript("ollama_chat_basic.ndjson")
NO_THINKING = json_reply({"error": '"tinychat" does not support thinking'}, 400)


async def answer_held_until_progress(server: ReplayServer, model: str) -> Message:
    """An answer whose server is silent until the first sentence about the wait is there."""
    gate = server.gate()
    server.on("/api/chat", replace(BASIC, hold=gate))
    message = Message()
    async with ollama_at(server.url, progress_after_s=0.01) as ollama:
        async for event in ollama.chat(ask(model=model)):
            message.add(event)
            if isinstance(event, Progress):
                gate.open()
    return message


async def test_a_model_that_is_not_in_memory_is_said_to_be_loading(server: ReplayServer) -> None:
    message = await answer_held_until_progress(server, "tinychat")
    assert message.progress == ["Waiting for tinychat: it is being loaded into memory …"]
    assert message.finished.reason == "stop"


async def test_a_model_in_memory_is_not_said_to_be_loading(server: ReplayServer) -> None:
    server.play("ollama_ps.json", path="/api/ps")
    message = await answer_held_until_progress(server, "tinychat")
    assert message.progress == ["Waiting for tinychat: it is loaded and reads the chat, or other answers come first …"]


async def test_a_cloud_model_is_waited_for_without_asking_what_is_in_memory(server: ReplayServer) -> None:
    message = await answer_held_until_progress(server, "big:cloud")
    assert message.progress == ["Waiting for big:cloud …"]
    assert server.asked("/api/ps") == []


async def test_a_server_that_cannot_tell_what_is_loaded_is_waited_for_all_the_same(server: ReplayServer) -> None:
    server.on("/api/ps", Reply(b"404 page not found", 404, "text/plain"))
    message = await answer_held_until_progress(server, "tinychat")
    assert message.progress == ["Waiting for tinychat …"]


async def test_the_first_text_does_not_wait_for_the_question_what_is_loaded(server: ReplayServer) -> None:
    gate = server.gate()
    server.on("/api/chat", replace(BASIC, hold=gate))
    server.on("/api/ps", Reply(hold=server.gate()))

    async def open_when_asked() -> None:
        await asyncio.to_thread(server.wait_for, "/api/ps")
        gate.open()

    async with ollama_at(server.url, progress_after_s=0.01) as ollama:
        message, _ = await asyncio.gather(answer(ollama), open_when_asked())
    assert message.progress == []
    assert message.text == "Hello! How can I help?"


async def test_the_first_byte_limit_holds_while_what_is_loaded_is_asked(server: ReplayServer) -> None:
    server.on("/api/chat", Reply(hold=server.gate()))
    server.on("/api/ps", Reply(hold=server.gate()))
    async with ollama_at(server.url, timeouts=Timeouts(first_byte_s=1.0, lookup_s=60), progress_after_s=0.01) as ollama:
        message = await asyncio.wait_for(answer(ollama), 10)
    assert message.failed.code is ErrorCode.TIMEOUT
    assert server.asked("/api/ps")


async def test_a_quick_answer_says_nothing_of_waiting(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", BASIC)
    message = await answer(ollama)
    assert message.progress == []
    assert message.started == 1


async def test_a_busy_server_is_asked_three_times_more(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", BUSY, BUSY, BUSY, BASIC)
    message = await answer(ollama)
    assert message.text == "Hello! How can I help?"
    assert message.progress == ["The server is busy. Next try in 0 s."] * 3


async def test_a_server_that_stays_busy_is_given_up(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", BUSY)
    assert (await answer(ollama)).failed.code is ErrorCode.BUSY
    assert len(server.asked("/api/chat")) == 4


async def test_a_failed_server_is_asked_once_more(server: ReplayServer, ollama: Ollama) -> None:
    broken = transcript("ollama_500_runner.json")
    server.on("/api/chat", broken, BASIC)
    assert (await answer(ollama)).text == "Hello! How can I help?"
    server.on("/api/chat", broken)
    assert (await answer(ollama)).failed.code is ErrorCode.SERVER_ERROR
    assert len(server.asked("/api/chat")) == 4


async def test_an_error_line_before_the_first_text_is_tried_again_and_after_it_not(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", ndjson_reply({"error": "oops"}), BASIC)
    message = await answer(ollama)
    assert message.text == "Hello! How can I help?"
    assert message.started == 1
    server.play("ollama_chat_midstream_error.ndjson")
    assert (await answer(ollama)).failed.code is ErrorCode.SERVER_ERROR
    assert len(server.asked("/api/chat")) == 3


async def test_reasoning_counts_as_text_that_is_not_written_twice(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", ndjson_reply({"message": {"thinking": "Hm"}}, {"error": "oops"}), BASIC)
    message = await answer(ollama)
    assert message.reasoning == "Hm"
    assert message.failed.code is ErrorCode.SERVER_ERROR


@pytest.mark.parametrize("name", ["ollama_400_no_tools.json", "ollama_404_model.json", "ollama_401_signin.json", "ollama_429_cloud.json"])
async def test_what_a_retry_cannot_help_is_asked_once(name: str, server: ReplayServer, ollama: Ollama) -> None:
    server.play(name)
    await answer(ollama)
    assert len(server.asked("/api/chat")) == 1


async def test_a_model_that_cannot_think_is_asked_again_without_it(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", NO_THINKING, BASIC)
    message = await answer(ollama, ask(think=True))
    assert message.text == "Hello! How can I help?"
    assert [request.json.get("think", "absent") for request in server.asked("/api/chat")] == [True, "absent"]


async def test_a_model_listed_as_one_that_does_not_think_is_never_asked_to(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/tags", transcript("ollama_tags.json"))
    server.on("/api/chat", BASIC)
    await ollama.models()
    for model in ("tinychat", "tinychat-think"):
        await answer(ollama, ask(model=model, think=True))
    assert [request.json.get("think", "absent") for request in server.asked("/api/chat")] == ["absent", True]


async def test_a_model_that_still_cannot_think_is_told(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", NO_THINKING)
    failed = (await answer(ollama, ask(think="high"))).failed
    assert failed.code is ErrorCode.UNSUPPORTED_FEATURE
    assert failed.message == "tinychat cannot think."
    assert len(server.asked("/api/chat")) == 2


async def test_stopping_between_two_tries_ends_at_once(server: ReplayServer) -> None:
    server.on("/api/chat", BUSY)
    patient = Ollama(Settings(database_url="", ollama_host=server.url), retry_delays_s=(3600.0,))
    said = asyncio.Event()

    async def listen() -> None:
        async for event in patient.chat(ask()):
            if isinstance(event, Progress):
                said.set()

    task = asyncio.create_task(listen())
    await asyncio.wait_for(said.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await patient.close()


# --- what is asked -------------------------------------------------------------------------------------------------


async def test_the_request_carries_turns_tools_and_options(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", BASIC)
    call = ToolCall("call_1", "search", {"query": "ü", "filters": {"deep": None}})
    turns = (
        Turn("system", "Be brief."),
        Turn("user", "Hi"),
        Turn("assistant", "", tool_calls=(call,)),
        Turn("tool", "found", tool_name="search", tool_call_id="call_1"),
    )
    await answer(ollama, ChatRequest("tinychat", turns, think="low", options={"num_ctx": 4096}, keep_alive="5m"))
    function = {"index": 0, "name": "search", "arguments": {"query": "ü", "filters": {"deep": None}}}
    assert server.asked("/api/chat")[0].json == {
        "model": "tinychat",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "", "tool_calls": [{"id": "call_1", "function": function}]},
            {"role": "tool", "content": "found", "tool_name": "search", "tool_call_id": "call_1"},
        ],
        "stream": True,
        "think": "low",
        "options": {"num_ctx": 4096},
        "keep_alive": "5m",
    }


async def test_images_go_beside_the_words_in_base64(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", BASIC)
    await answer(ollama, ChatRequest("tinychat", (Turn("user", "What is this?", images=(Picture("image/png", b"\x89PNG"),)),)))
    assert server.asked("/api/chat")[0].json["messages"] == [{"role": "user", "content": "What is this?", "images": ["iVBORw=="]}]


async def test_a_plain_request_leaves_the_rest_to_the_server(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", BASIC)
    await answer(ollama)
    assert server.asked("/api/chat")[0].json == {"model": "tinychat", "messages": [{"role": "user", "content": "Hi"}], "stream": True}


# --- tool calls ----------------------------------------------------------------------------------------------------


def call_line(*calls: object) -> dict[str, object]:
    return {"message": {"content": "", "tool_calls": list(calls)}}


async def test_a_tool_call_that_is_sent_again_counts_once(server: ReplayServer, ollama: Ollama) -> None:
    named = {"id": "a", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}}
    placed = {"function": {"index": 1, "name": "f", "arguments": {"x": 1}}}
    server.on("/api/chat", ndjson_reply(call_line(named, placed), {**call_line(named, placed), "done": True}))
    message = await answer(ollama)
    assert [call.name for call in message.calls] == ["f", "f"]
    assert message.finished.reason == "tool_calls"


async def test_equal_calls_without_id_and_place_are_two_calls(server: ReplayServer, ollama: Ollama) -> None:
    bare = {"function": {"name": "roll", "arguments": {}}}
    server.on("/api/chat", ndjson_reply(call_line(bare, bare), {"done": True}))
    calls = (await answer(ollama)).calls
    assert len(calls) == 2
    assert calls[0].id != calls[1].id


async def test_two_calls_with_one_id_get_ids_of_their_own(server: ReplayServer, ollama: Ollama) -> None:
    twins = [{"id": "a", "function": {"name": name, "arguments": {}}} for name in ("f", "g")]
    server.on("/api/chat", ndjson_reply(call_line(*twins), {"done": True}))
    calls = (await answer(ollama)).calls
    assert [call.name for call in calls] == ["f", "g"]
    assert calls[0].id == "a"
    assert calls[1].id not in ("a", "")


@pytest.mark.parametrize(
    ("sent", "arguments", "raw", "error"),
    [
        ('{"city":"Tokyo"}', {"city": "Tokyo"}, "", None),
        ("", {}, "", None),
        (None, {}, "", None),
        ("{broken", None, "{broken", "The arguments are not valid JSON."),
        ([1], None, "[1]", "The arguments are not a JSON object."),
    ],
)
async def test_arguments_that_are_no_object_are_told(
    sent: object, arguments: object, raw: str, error: str | None, server: ReplayServer, ollama: Ollama
) -> None:
    server.on("/api/chat", ndjson_reply(call_line({"function": {"name": "f", "arguments": sent}}), {"done": True}))
    (call,) = (await answer(ollama)).calls
    assert (call.arguments, call.raw, call.error) == (arguments, raw, error)
