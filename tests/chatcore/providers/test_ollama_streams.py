"""Streams that break, stall or come in odd pieces: the text so far is kept and the end is told once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatcore.parts import Cancelled, ErrorCode, Failed, Finished, TextDelta
from chatcore.providers.ollama import Ollama
from chatcore.providers.ollama_answer import Answer
from chatcore.providers.ollama_wire import LINE_LIMIT_BYTES, NotJson, parsed, split_lines
from chatcore.settings import Timeouts
from tests.chatcore.providers.answers import Message, answer, ask, ollama_at
from tests.replay import WAIT_S, ReplayServer, Reply, in_pieces, ndjson_reply, transcript

CUT = ["ollama_chat_basic.ndjson", "ollama_chat_thinking.ndjson", "ollama_chat_unicode.ndjson", "ollama_chat_tool_native_in_final.ndjson"]
STREAMS = [*CUT, "ollama_chat_thinking_mixed_chunk.ndjson", "ollama_chat_blank_lines.ndjson", "ollama_chat_tool_nested_args.ndjson"]


@pytest.mark.parametrize("name", CUT)
async def test_a_stream_cut_at_any_byte_keeps_its_text_and_says_so(name: str, server: ReplayServer, ollama: Ollama) -> None:
    reply = replace(transcript(name), pieces=())
    for position in range(len(reply.body) + 1):
        server.on("/api/chat", replace(reply, cut_at=position))
        check_cut(await answer(ollama), reply, position)


@pytest.mark.parametrize("name", CUT)
async def test_a_stream_that_ends_too_early_in_good_order_is_cut_off_too(name: str, server: ReplayServer, ollama: Ollama) -> None:
    reply = replace(transcript(name), pieces=())
    # One way to read the rest is tried at each byte above; here every seventh byte and the end show that both ways agree.
    for position in {*range(0, len(reply.body), 7), *range(len(reply.body) - 3, len(reply.body) + 1)}:
        server.on("/api/chat", replace(reply, body=reply.body[:position]))
        check_cut(await answer(ollama), reply, position)


def check_cut(message: Message, reply: Reply, position: int) -> None:
    entire = direct(reply.body)
    assert entire.text.startswith(message.text), position
    assert entire.reasoning.startswith(message.reasoning), position
    # The last line counts as soon as it is complete, also without its newline.
    if position >= len(reply.body.rstrip(b"\n")):
        assert message.parts == entire.parts, position
    else:
        assert message.failed.code is ErrorCode.INCOMPLETE, position


@pytest.mark.parametrize("name", CUT)
async def test_a_reset_connection_is_an_answer_cut_off(name: str, server: ReplayServer, ollama: Ollama) -> None:
    reply = transcript(name)
    gate = server.gate()
    half = len(reply.body) // 2
    server.on("/api/chat", replace(reply, cut_at=half, stall_at=half, stall=gate, reset=True))
    message = Message()
    async for event in ollama.chat(ask()):
        message.add(event)
        # The reset comes when the client has read what was sent, else TCP would throw that away.
        gate.open()
    assert message.failed.code is ErrorCode.INCOMPLETE


@pytest.mark.parametrize("name", STREAMS)
async def test_a_stalled_stream_ends_after_the_idle_limit_and_keeps_its_text(name: str, server: ReplayServer) -> None:
    reply = transcript(name)
    lines = reply.body.split(b"\n")
    first = next(index for index, line in enumerate(lines) if line) + 1
    server.on("/api/chat", replace(reply, stall_at=sum(len(line) + 1 for line in lines[:first])))
    async with ollama_at(server.url, timeouts=Timeouts(idle_s=0.3)) as ollama:
        message = await answer(ollama)
    assert message.failed.code is ErrorCode.TIMEOUT
    assert message.failed.message == "Ollama did not answer in 0.3 s."
    assert message.failed.retryable
    assert message.text or message.reasoning or message.calls
    assert server.asked("/api/chat")[0].client_left.wait(WAIT_S)
    assert len(server.asked("/api/chat")) == 1


async def test_a_server_that_sends_nothing_ends_after_the_first_byte_limit(server: ReplayServer) -> None:
    server.on("/api/chat", replace(transcript("ollama_chat_basic.ndjson"), hold=server.gate()))
    async with ollama_at(server.url, timeouts=Timeouts(first_byte_s=0.05)) as ollama:
        message = await answer(ollama)
    assert message.failed.code is ErrorCode.TIMEOUT
    assert message.failed.message == "Ollama did not answer in 0.05 s."
    assert not message.started


async def test_headers_alone_do_not_count_as_the_first_byte(server: ReplayServer) -> None:
    server.on("/api/chat", replace(transcript("ollama_chat_basic.ndjson"), stall_at=0))
    async with ollama_at(server.url, timeouts=Timeouts(first_byte_s=2.0)) as ollama:
        message = await answer(ollama)
    assert message.failed.code is ErrorCode.TIMEOUT
    assert message.started == 1


async def test_a_server_that_hangs_up_without_an_answer_is_asked_once_more(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", Reply(drop=True), transcript("ollama_chat_basic.ndjson"))
    assert (await answer(ollama)).text == "Hello! How can I help?"
    server.on("/api/chat", Reply(drop=True))
    message = await answer(ollama)
    assert message.failed.code is ErrorCode.SERVER_ERROR
    assert message.failed.message == "The model server failed: it closed the connection without an answer."
    assert len(server.asked("/api/chat")) == 4


async def test_a_server_that_closes_instead_of_ending_is_read_to_the_end(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", replace(transcript("ollama_chat_basic.ndjson"), framing="close"))
    assert (await answer(ollama)).finished.reason == "stop"


async def test_nothing_is_read_after_the_line_that_says_done(server: ReplayServer, ollama: Ollama) -> None:
    reply = transcript("ollama_chat_basic.ndjson")
    server.on("/api/chat", replace(reply, body=reply.body + b'{"error":"too late"}\n', stall_at=len(reply.body)))
    assert isinstance((await answer(ollama)).last, Finished)


async def test_a_page_in_the_middle_of_a_stream_cuts_the_answer_off(server: ReplayServer, ollama: Ollama) -> None:
    line = b'{"message":{"role":"assistant","content":"Hel"},"done":false}\n'
    server.on("/api/chat", Reply(line + b"<html><body>504 Gateway Time-out</body></html>\n"))
    message = await answer(ollama)
    assert message.text == "Hel"
    assert message.failed.code is ErrorCode.INCOMPLETE


async def test_unknown_fields_and_wrong_types_are_passed_over(server: ReplayServer, ollama: Ollama) -> None:
    server.on(
        "/api/chat",
        ndjson_reply(
            {"status": "warming up"},
            {"message": {"content": 5, "thinking": None, "tool_calls": "none"}, "done": "no"},
            {"message": {"content": "Hi"}},
            {"message": "?", "done": True, "done_reason": "weary", "eval_count": -3, "prompt_eval_count": 10**30, "eval_duration": True},
        ),
    )
    message = await answer(ollama)
    assert message.text == "Hi"
    assert message.finished == Finished(message.finished.reason, "weary")
    assert message.finished.reason == "stop"
    assert message.usages == []


async def test_what_a_database_cannot_store_is_replaced(server: ReplayServer, ollama: Ollama) -> None:
    call = {"function": {"name": "f\0", "arguments": {"a\ud800": ["\udfff", {"b": "\0"}]}}}
    server.on("/api/chat", ndjson_reply({"message": {"content": "a\0b\ud800c", "tool_calls": [call]}}, {"done": True}))
    message = await answer(ollama)
    assert message.text == "a\ufffdb\ufffdc"
    assert message.calls[0].name == "f\ufffd"
    assert message.calls[0].arguments == {"a\ufffd": ["\ufffd", {"b": "\ufffd"}]}


async def test_a_lone_surrogate_in_a_prompt_reaches_the_server(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_chat_basic.ndjson")
    assert (await answer(ollama, ask("\ud800"))).text == "Hello! How can I help?"


async def test_a_failing_page_is_never_shown(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_proxy_502.html")
    failed = (await answer(ollama)).failed
    assert failed.message == "The model server failed: 502 Bad Gateway."


# --- any split -----------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(STREAMS), sizes=st.lists(st.integers(1, 60), max_size=40))
async def test_any_split_of_a_stream_gives_the_same_message(name: str, sizes: list[int], server: ReplayServer, ollama: Ollama) -> None:
    reply = transcript(name)
    server.on("/api/chat", in_pieces(reply, *sizes))
    assert (await answer(ollama)).parts == direct(reply.body).parts


def direct(body: bytes) -> Message:
    """The message of a body that came in one piece, read without a server."""
    message, reader = Message(), Answer()
    for line in body.split(b"\n"):
        for event in reader.events(parsed(line)) if line.strip() else ():
            message.add(event)
    return message


async def pieces(body: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    for start, end in pairwise(edges):
        yield body[start:end]


@settings(deadline=None)
@given(
    values=st.lists(
        st.dictionaries(st.text(max_size=5), st.text(alphabet=st.characters(codec="utf-8"), max_size=20), max_size=3), max_size=8
    ),
    cuts=st.lists(st.integers(0, 4000), max_size=30),
    newline=st.sampled_from([b"\n", b"\r\n", b"\n\n \n"]),
    escaped=st.booleans(),
)
async def test_lines_survive_any_text_and_any_split(values: list[dict[str, str]], cuts: list[int], newline: bytes, escaped: bool) -> None:
    body = newline.join(json.dumps(value, ensure_ascii=escaped).encode() for value in values)
    assert [parsed(line) async for line in split_lines(pieces(body, cuts))] == values


async def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1_000_000

    with pytest.raises(NotJson, match=str(LINE_LIMIT_BYTES)):
        _ = [line async for line in split_lines(endless())]


# --- stopping ------------------------------------------------------------------------------------------------------


async def stop_and_see(server: ReplayServer, ollama: Ollama, *, after_text: bool) -> None:
    """Cancels the task of an answer and waits until the server sees the connection close."""
    seen = asyncio.Event()

    async def listen() -> None:
        async for event in ollama.chat(ask()):
            if isinstance(event, TextDelta):
                seen.set()

    task = asyncio.create_task(listen())
    asked = await asyncio.to_thread(server.wait_for, "/api/chat")
    if after_text:
        await asyncio.wait_for(seen.wait(), WAIT_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(asked.client_left.wait, WAIT_S)


async def test_stopping_before_the_first_byte_closes_the_connection_at_once(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", replace(transcript("ollama_chat_basic.ndjson"), hold=server.gate()))
    await stop_and_see(server, ollama, after_text=False)


async def test_stopping_a_stalled_stream_closes_the_connection_at_once(server: ReplayServer, ollama: Ollama) -> None:
    reply = transcript("ollama_chat_basic.ndjson")
    server.on("/api/chat", replace(reply, stall_at=reply.pieces[0]))
    await stop_and_see(server, ollama, after_text=True)


async def test_stopping_while_tokens_flow_closes_the_connection_at_once(server: ReplayServer, ollama: Ollama) -> None:
    lines = [{"message": {"content": "word "}, "done": False}] * 5000
    server.on("/api/chat", replace(ndjson_reply(*lines), pause_s=0.002))
    await stop_and_see(server, ollama, after_text=True)


async def test_leaving_the_loop_early_closes_the_connection(server: ReplayServer, ollama: Ollama) -> None:
    reply = transcript("ollama_chat_basic.ndjson")
    server.on("/api/chat", replace(reply, stall_at=reply.pieces[0]))
    async with aclosing(ollama.chat(ask())) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    assert await asyncio.to_thread(server.asked("/api/chat")[0].client_left.wait, WAIT_S)


async def test_after_a_stop_the_same_provider_answers_again(server: ReplayServer, ollama: Ollama) -> None:
    reply = transcript("ollama_chat_basic.ndjson")
    server.on("/api/chat", replace(reply, stall_at=reply.pieces[0]))
    await stop_and_see(server, ollama, after_text=True)
    server.on("/api/chat", reply)
    assert (await answer(ollama)).finished.reason == "stop"


async def test_a_cancel_by_the_server_is_cancelled_also_in_a_line(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/chat", ndjson_reply({"message": {"content": "Hi"}}, {"error": "request canceled"}))
    message = await answer(ollama)
    assert message.last == Cancelled()
    assert not isinstance(message.last, Failed)
