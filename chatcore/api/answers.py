"""Answers: stop, try again, and follow one as Server-Sent Events."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse

from chatcore.api.calls import Call, Door, Reply, fields, flag_of, number_of, parse_message_id, query
from chatcore.api.errors import HEADERS, error_response, log, unexpected_response
from chatcore.api.messages import MODEL_FIELDS, model_of
from chatcore.api.values import message_json, sent_json, update_json
from chatcore.chat import retry, stop
from chatcore.comparisons import unnamed
from chatcore.core import Core
from chatcore.errors import ChatcoreError, Invalid
from chatcore.history import get_message
from chatcore.parts import MessageInfo, Offset, State, Update, Viewer

# A proxy that hears nothing for longer closes the connection; many do after 60 s, some after 30.
HEARTBEAT_S = 15.0
# How often a stream looks whether the process is about to end.
LOOK_S = 0.5
PAUSE_S = 1 / 15
# JSON escapes the line ends of the format itself; many readers take these three for line ends as well.
LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
# PostgreSQL counts the characters of a text in 32 bits, and the next one is asked for.
LONGEST_OFFSET = 2**31 - 2


def stop_answer(call: Call) -> Reply:
    """Stops an answer; one that has ended already stays as it is. What was written is kept."""
    fields(call.body, {})
    stop(call.core.runner, call.viewer, call.message_id(), now=call.now)
    message = message_of(call.core, call.viewer, call.message_id())
    return Reply({"message": message_json(message, named=message.id not in unnamed(call.core.db, call.viewer, message.session_id))}, 202)


def retry_answer(call: Call) -> Reply:
    """Another attempt at an answer, with another model if one is named."""
    sent = fields(call.body, {**MODEL_FIELDS, "tools": bool})
    provider, model = model_of(call, sent)
    again = retry(
        call.core.runner,
        call.viewer,
        call.message_id(),
        now=call.now,
        provider=provider,
        model_name=model,
        trace_parent=call.trace_parent,
        use_tools=bool(flag_of(sent, "tools")),
    )
    return Reply(sent_json(again), 201)


# --- Server-Sent Events ------------------------------------------------------------------------------------------


async def events(door: Door, request: Request) -> Response:
    """An answer as Server-Sent Events, from the offset the caller already has."""
    try:
        offset, at_end = offset_of(request)
        core, viewer, message = await run_in_threadpool(found_message, door, request)
        named = message.id not in await run_in_threadpool(unnamed, core.db, viewer, message.session_id)
    except ChatcoreError as error:
        return error_response(error)
    except Exception:  # noqa: BLE001  # the edge: the traceback is logged, the caller gets a sentence
        return unexpected_response()
    if at_end and message.status is not State.RUNNING:
        # An EventSource connects again after the last event, and only 204 tells it not to.
        return Response(status_code=204, headers=HEADERS)
    headers = HEADERS | {"X-Accel-Buffering": "no"}
    return StreamingResponse(
        stream(door, viewer, message.id, offset, named=named), media_type="text/event-stream; charset=utf-8", headers=headers
    )


def found_message(door: Door, request: HTTPConnection) -> tuple[Core, Viewer, MessageInfo]:
    """The message the path names, if it is the caller's. Raises NotFound, Denied."""
    viewer = door.viewer(request)
    core = door.core()
    return core, viewer, message_of(core, viewer, parse_message_id(request.path_params["message_id"]))


def message_of(core: Core, viewer: Viewer, message_id: int) -> MessageInfo:
    """A message, also of a temporary chat, which is followed and stopped like any other. Raises NotFound."""
    return core.runner.memory.message(viewer, message_id) if message_id < 0 else get_message(core.db, viewer, message_id)


def offset_of(request: Request) -> tuple[Offset, bool]:
    """How much the caller has, and whether that was the end: from Last-Event-ID, else from ?text= and ?reasoning=."""
    last = request.headers.get("last-event-id")
    if last is None:
        return offset_in_query(dict(request.query_params)), False
    parts = last.split("-")
    if len(parts) not in (2, 3) or not all(part.isascii() and part.isdigit() and len(part) < 11 for part in parts[:2]):
        raise Invalid("The header Last-Event-ID is not one of ours.", "Send the id of the last event, or leave it out.")
    return Offset(*(min(int(part), LONGEST_OFFSET) for part in parts[:2])), parts[2:] == ["end"]


def offset_in_query(sent: dict[str, str]) -> Offset:
    """The offset in ?text= and ?reasoning=, in characters. Raises Invalid."""
    asked = query(sent, {"text": int, "reasoning": int})
    text, reasoning = number_of(asked, "text", 0), number_of(asked, "reasoning", 0)
    return Offset(min(text, LONGEST_OFFSET), min(reasoning, LONGEST_OFFSET))


async def stream(door: Door, viewer: Viewer, message_id: int, offset: Offset, *, named: bool) -> AsyncIterator[str]:
    """The events: `update` while the answer is written, then one `end` with the final state. Comments keep it alive."""
    updates = with_looks(door.core().runner.follow(viewer, message_id, offset), LOOK_S)
    spoke = time.monotonic()
    try:
        async for update in updates:
            if door.leaving():
                return
            if update is None and time.monotonic() - spoke < HEARTBEAT_S:
                continue
            spoke = time.monotonic()
            if update is None:
                yield ": still here\n\n"
                continue
            yield event_text(update, named=named)
            if update.state is State.RUNNING:
                # What comes meanwhile is one event: a slow reader gets fewer and larger ones.
                await asyncio.sleep(PAUSE_S)
    except ChatcoreError as error:
        # The status is sent long ago, so the kind travels as an event of its own.
        sentence = {"kind": error.kind, "message": error.message, "hint": error.hint}
        yield f"event: error\ndata: {json.dumps(sentence, ensure_ascii=False)}\n\n"
    except Exception:  # noqa: BLE001  # the edge: the traceback is logged, the caller connects again
        log.exception("following message %s failed", message_id)
    finally:
        await updates.aclose()


def event_text(update: Update, *, named: bool = True) -> str:
    """One event. Its id is the offset to go on from, so that a lost connection goes on where it was."""
    final = update.state is not State.RUNNING
    mark = f"{update.next.text}-{update.next.reasoning}{'-end' if final else ''}"
    data = json.dumps(update_json(update, named=named), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()
    data = data.translate(LINE_ENDS)
    return f"event: {'end' if final else 'update'}\nid: {mark}\ndata: {data}\n\n"


async def with_looks(updates: AsyncGenerator[Update, None], every_s: float) -> AsyncGenerator[Update | None]:
    """The updates, and None whenever nothing has come for `every_s` seconds. Closing it closes the updates too."""
    pending: asyncio.Task[Update] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(following(updates))
            await asyncio.wait({pending}, timeout=every_s)
            if not pending.done():
                yield None
                continue
            try:
                update = pending.result()
            except StopAsyncIteration:
                return
            pending = None
            yield update
    finally:
        if pending is not None:
            pending.cancel()
            await asyncio.wait({pending})
        await updates.aclose()


async def following(updates: AsyncIterator[Update]) -> Update:
    """The next update, as a coroutine a task can hold."""
    return await anext(updates)
