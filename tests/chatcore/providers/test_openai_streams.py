"""Streams of OpenAI-compatible servers that break, stall or come in odd pieces: the text so far is kept and the end is told once."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatcore.parts import ChatRequest, ErrorCode, Finished, FinishReason, Picture, TextDelta, ToolCall, Turn
from chatcore.providers.openai import OpenAI
from chatcore.settings import Timeouts
from tests.chatcore.providers.answers import CHAT, MODELS, Message, answer, ask, openai_at
from tests.replay import WAIT_S, ReplayServer, Reply, in_pieces, json_reply, sse_reply, transcript

CUT = ["openai_basic.sse", "openai_reasoning.sse", "openai_tools_split.sse", "openai_ping_comment.sse"]
STREAMS = [*CUT, "openai_u2028.sse", "openai_reasoning_content.sse", "real_llamacpp_tools.sse", "openai_error_event.sse"]


def said(text: str, **more: object) -> dict[str, object]:
    """A chunk with some text."""
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], **more}


def ended(reason: str = "stop") -> dict[str, object]:
    """The chunk that says why the model stopped."""
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def called(*fragments: object) -> dict[str, object]:
    """A chunk with fragments of tool calls."""
    return {"choices": [{"index": 0, "delta": {"tool_calls": list(fragments)}}]}


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("in_order", [False, True])
async def test_a_stream_cut_anywhere_keeps_its_text_and_says_so(name: str, in_order: bool, server: ReplayServer, lab: OpenAI) -> None:
    reply = replace(transcript(name), pieces=())
    server.on(CHAT, reply)
    entire = await answer(lab)
    # Where the model has said why it stops, nothing but its counts can be missing.
    whole_from = reply.body.index(b"\n", reply.body.index(b'"finish_reason":"')) - 1
    for position in {*range(0, len(reply.body), 23), *range(whole_from - 2, whole_from + 3)}:
        server.on(CHAT, replace(reply, body=reply.body[:position]) if in_order else replace(reply, cut_at=position))
        message = await answer(lab)
        assert entire.text.startswith(message.text), position
        assert entire.reasoning.startswith(message.reasoning), position
        if position > whole_from:
            assert (message.text, message.last) == (entire.text, entire.last), position
        else:
            assert message.failed.code is ErrorCode.INCOMPLETE, position
            assert not message.calls, position


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(STREAMS), sizes=st.lists(st.integers(1, 60), max_size=40), crlf=st.booleans())
async def test_any_split_of_a_stream_gives_the_same_message(
    name: str, sizes: list[int], crlf: bool, server: ReplayServer, lab: OpenAI
) -> None:
    reply = replace(transcript(name), pieces=())
    server.on(CHAT, reply)
    entire = await answer(lab)
    body = reply.body.replace(b"\n", b"\r\n") if crlf else reply.body
    server.on(CHAT, in_pieces(replace(reply, body=body), *sizes))
    assert (await answer(lab)).parts == entire.parts


async def test_a_stalled_stream_ends_after_the_idle_limit_and_keeps_its_text(server: ReplayServer) -> None:
    reply = sse_reply(said("Hel"), said("lo"))
    server.on(CHAT, replace(reply, stall_at=reply.pieces[0]))
    async with openai_at(server.url, timeouts=Timeouts(idle_s=0.3)) as lab:
        message = await answer(lab)
    assert message.text == "Hel"
    assert message.failed.code is ErrorCode.TIMEOUT
    assert message.failed.message == "lab did not answer in 0.3 s."
    assert server.asked(CHAT)[0].client_left.wait(WAIT_S)
    assert len(server.asked(CHAT)) == 1


async def test_a_server_that_sends_nothing_ends_after_the_first_byte_limit(server: ReplayServer) -> None:
    server.on(CHAT, replace(transcript("openai_basic.sse"), hold=server.gate()))
    async with openai_at(server.url, timeouts=Timeouts(first_byte_s=0.05)) as lab:
        message = await answer(lab)
    assert message.failed.code is ErrorCode.TIMEOUT
    assert not message.started


async def test_who_waits_is_told_and_comments_count_as_signs_of_life(server: ReplayServer) -> None:
    gate = server.gate()
    ping = b": OPENROUTER PROCESSING\n\n"
    basic = transcript("openai_basic.sse")
    body = ping + basic.body
    server.on(CHAT, replace(basic, body=body, pieces=(len(ping),), stall_at=len(ping), stall=gate))
    message = Message()
    async with openai_at(server.url, timeouts=Timeouts(first_byte_s=30), progress_after_s=0.01) as lab:
        async for event in lab.chat(ask()):
            message.add(event)
            if message.progress:
                gate.open()
    assert message.progress == ["Waiting for tinychat …"]
    assert message.text == "Hello"


async def test_a_server_that_keeps_the_connection_after_the_reason_is_not_waited_for(server: ReplayServer) -> None:
    reply = sse_reply(said("Hi"), ended(), done=False)
    server.on(CHAT, replace(reply, stall_at=len(reply.body)))
    async with openai_at(server.url, counts_s=0.05) as lab:
        assert (await answer(lab)).finished == Finished(FinishReason.STOP, "stop")


async def test_a_stream_without_done_is_whole_if_the_model_said_why_it_stopped(server: ReplayServer, lab: OpenAI) -> None:
    server.on(CHAT, sse_reply(said("Hi"), ended("length"), done=False))
    assert (await answer(lab)).finished.reason is FinishReason.LENGTH


async def test_done_without_a_reason_is_an_answer_cut_off(server: ReplayServer, lab: OpenAI) -> None:
    server.on(CHAT, sse_reply(said("Hi")))
    message = await answer(lab)
    assert message.text == "Hi"
    assert message.failed.code is ErrorCode.INCOMPLETE


async def test_a_server_that_does_not_stream_is_read_too(server: ReplayServer, lab: OpenAI) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    server.on(CHAT, json_reply({"choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}], "usage": usage}))
    message = await answer(lab)
    assert message.text == "Hi"
    assert message.usage.output_tokens == 2
    assert message.finished.reason == "stop"


async def test_running_totals_count_once(server: ReplayServer, lab: OpenAI) -> None:
    totals = [{"usage": {"prompt_tokens": 5, "completion_tokens": count}} for count in (1, 2, 3)]
    server.on(CHAT, sse_reply(said("a", **totals[0]), said("b", **totals[1]), {**ended(), **totals[2]}))
    assert (await answer(lab)).usage.output_tokens == 3


async def test_both_names_of_reasoning_are_one_text(server: ReplayServer, lab: OpenAI) -> None:
    both = {"choices": [{"delta": {"reasoning": "hm", "reasoning_content": "hm", "content": [{"type": "text", "text": "Hi"}]}}]}
    server.on(CHAT, sse_reply(both, ended()))
    message = await answer(lab)
    assert (message.reasoning, message.text) == ("hm", "Hi")


async def test_unknown_fields_wrong_types_and_what_cannot_be_stored_do_no_harm(server: ReplayServer, lab: OpenAI) -> None:
    odd = {"choices": [{"delta": {"content": 5, "tool_calls": "none", "reasoning": {}}, "finish_reason": 3}], "usage": "much"}
    server.on(CHAT, sse_reply(odd, {"choices": "none"}, said("a\0b"), {**ended("weary"), "usage": {"prompt_tokens": -1, "cost": "a lot"}}))
    message = await answer(lab)
    assert message.text == "a\ufffdb"
    assert message.finished == Finished(FinishReason.STOP, "weary")
    assert message.usages == []


async def test_what_openrouter_says_it_cost_is_kept(server: ReplayServer, lab: OpenAI) -> None:
    server.on(CHAT, sse_reply(said("a"), {**ended(), "usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.00042}}))
    assert (await answer(lab)).usage.cost_usd == 0.00042


# --- tool calls ----------------------------------------------------------------------------------------------------


async def test_calls_that_all_have_the_index_0_are_told_apart_by_their_ids(server: ReplayServer, lab: OpenAI) -> None:
    calls = [{"index": 0, "id": name, "function": {"name": name, "arguments": "{}"}} for name in ("f", "g")]
    server.on(CHAT, sse_reply(called(calls[0]), called(calls[1]), ended()))
    message = await answer(lab)
    assert [(call.id, call.name) for call in message.calls] == [("f", "f"), ("g", "g")]
    assert message.finished == Finished(FinishReason.TOOL_CALLS, "stop")


async def test_calls_without_index_and_id_get_ids_of_their_own(server: ReplayServer, lab: OpenAI) -> None:
    first, rest = {"function": {"name": "f", "arguments": '{"a":'}}, {"function": {"arguments": "1}"}}
    server.on(CHAT, sse_reply(called(first), called(rest), called({"function": {"name": "g", "arguments": "no"}}), ended("tool_calls")))
    f, g = (await answer(lab)).calls
    assert (f.name, f.arguments, f.error) == ("f", {"a": 1}, None)
    assert (g.name, g.arguments, g.raw, g.error) == ("g", None, "no", "The arguments are not valid JSON.")
    assert f.id != g.id


# --- what is asked -------------------------------------------------------------------------------------------------


async def test_images_are_parts_of_the_content(server: ReplayServer, lab: OpenAI) -> None:
    server.play("openai_basic.sse", path=CHAT)
    image = Picture("image/png", b"\x89PNG")
    turns = (Turn("user", "What is this?", images=(image,)), Turn("user", "", images=(image, image)))
    await answer(lab, ChatRequest("gpt-lab", turns))
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}
    assert server.asked(CHAT)[0].json["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]},
        {"role": "user", "content": [part, part]},
    ]


async def test_a_request_has_the_form_of_openai(server: ReplayServer, lab: OpenAI) -> None:
    server.play("openai_basic.sse", path=CHAT)
    turns = (
        Turn("system", "Be brief."),
        Turn("user", "Hi"),
        Turn("assistant", "", (ToolCall("call_1", "search", {"query": "ü"}),)),
        Turn("tool", "found", tool_name="search", tool_call_id="call_1"),
    )
    options = {"temperature": 0.5, "num_ctx": 4096, "num_predict": 64, "seed": 7, "stop": ["x"], "top_p": None}
    await answer(lab, ChatRequest("tinychat", turns, think="low", options=options, keep_alive="5m"))
    asked = server.asked(CHAT)[0]
    assert asked.json == {
        "model": "tinychat",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "search", "arguments": '{"query": "\\u00fc"}'}}],
            },
            {"role": "tool", "content": "found", "tool_call_id": "call_1"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "max_tokens": 64,
        "seed": 7,
        "stop": ["x"],
        "reasoning_effort": "low",
    }


async def test_a_server_is_told_no_more_than_it_is_asked_with(server: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "sk-of-somebody-else")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Conversation-Id: sk-of-somebody-else")
    server.play("openai_basic.sse", path=CHAT)
    async with openai_at(server.url) as lab:
        await answer(lab)
        await lab.models()
    for asked in (server.asked(CHAT)[0], server.asked(MODELS)[0]):
        assert "sk-of-somebody-else" not in str(asked.headers)
        assert not {"authorization", "x-conversation-id", "openai-organization"} & set(asked.headers)


async def test_the_key_is_sent_as_a_bearer(server: ReplayServer) -> None:
    server.play("openai_basic.sse", path=CHAT)
    async with openai_at(server.url, key="sk-1") as lab:
        await answer(lab)
    assert server.asked(CHAT)[0].headers["authorization"] == "Bearer sk-1"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("stream_options", "Unrecognized request argument supplied: stream_options"),
        ("reasoning_effort", "Unsupported parameter: 'reasoning_effort' is not supported with this model."),
        ("max_tokens", "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."),
    ],
)
async def test_a_field_that_is_refused_is_left_out_the_next_time(field: str, words: str, server: ReplayServer, lab: OpenAI) -> None:
    server.on(CHAT, json_reply({"error": {"message": words, "type": "invalid_request_error"}}, 400), transcript("openai_basic.sse"))
    message = await answer(lab, ChatRequest("m", (Turn("user", "Hi"),), think="low", options={"max_tokens": 9}))
    assert message.text == "Hello"
    first, second = (asked.json for asked in server.asked(CHAT))
    assert field in first
    assert field not in second
    assert second.get("max_completion_tokens") == (9 if field == "max_tokens" else None)


# --- stopping and coming back --------------------------------------------------------------------------------------


async def stop_and_see(server: ReplayServer, lab: OpenAI, *, after_text: bool) -> None:
    """Cancels the task of an answer and waits until the server sees the connection close."""
    seen = asyncio.Event()
    await lab.models()

    async def listen() -> None:
        async for event in lab.chat(ask()):
            if isinstance(event, TextDelta):
                seen.set()

    task = asyncio.create_task(listen())
    asked = await asyncio.to_thread(server.wait_for, CHAT)
    if after_text:
        await asyncio.wait_for(seen.wait(), WAIT_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(asked.client_left.wait, WAIT_S)


async def test_stopping_before_the_first_byte_closes_the_connection_at_once(server: ReplayServer, lab: OpenAI) -> None:
    server.on(CHAT, replace(transcript("openai_basic.sse"), hold=server.gate()))
    await stop_and_see(server, lab, after_text=False)


async def test_stopping_a_stalled_stream_closes_the_connection_at_once(server: ReplayServer, lab: OpenAI) -> None:
    reply = sse_reply(said("Hel"), said("lo"))
    server.on(CHAT, replace(reply, stall_at=reply.pieces[0]))
    await stop_and_see(server, lab, after_text=True)


async def test_stopping_while_tokens_flow_closes_the_connection_at_once(server: ReplayServer, lab: OpenAI) -> None:
    server.on(CHAT, replace(sse_reply(*[said("word ")] * 5000), pause_s=0.002))
    await stop_and_see(server, lab, after_text=True)


async def test_leaving_the_loop_early_closes_the_connection(server: ReplayServer, lab: OpenAI) -> None:
    reply = sse_reply(said("Hel"), said("lo"))
    server.on(CHAT, replace(reply, stall_at=reply.pieces[0]))
    async with aclosing(lab.chat(ask())) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    assert await asyncio.to_thread(server.asked(CHAT)[0].client_left.wait, WAIT_S)


async def test_a_server_that_hangs_up_without_an_answer_is_asked_once_more(server: ReplayServer, lab: OpenAI) -> None:
    server.on(CHAT, Reply(drop=True), transcript("openai_basic.sse"))
    assert (await answer(lab)).text == "Hello"
    server.on(CHAT, Reply(drop=True))
    message = await answer(lab)
    assert message.failed.code is ErrorCode.SERVER_ERROR
    assert message.failed.message == "The model server failed: it closed the connection without an answer."
    assert len(server.asked(CHAT)) == 4


async def test_a_server_that_died_is_found_again_when_it_is_back() -> None:
    with ReplayServer() as first:
        first.on(CHAT, replace(transcript("openai_basic.sse"), cut_at=250, reset=True))
        url, port = first.url, first.port
        async with openai_at(url) as lab:
            assert (await answer(lab)).failed.code is ErrorCode.INCOMPLETE
            await asyncio.to_thread(first.__exit__, None, None, None)
            assert (await answer(lab)).failed.code is ErrorCode.UNREACHABLE
            assert not (await lab.health()).reachable
            with ReplayServer(port=port) as again:
                again.play("openai_basic.sse", path=CHAT)
                assert (await answer(lab)).text == "Hello"
                assert (await lab.health()).reachable
