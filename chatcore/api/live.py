"""An answer as it grows, over a WebSocket: HTML blocks for the page, never more than 10 frames a second.

docs/rest.md describes the frames. Memory is bounded for any reader: nothing is queued here, the next frame is made when
the last one is on its way, and holds all that came meanwhile.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from chatcore.api.answers import found_message, offset_in_query
from chatcore.api.calls import Door
from chatcore.api.errors import error_response, log, unexpected_response
from chatcore.api.guard import check_origin
from chatcore.api.paint import Painter, Step
from chatcore.api.values import live_call_json
from chatcore.errors import ChatcoreError
from chatcore.parts import CallRecord, Offset, State, Update

# Ten a second read as smoothly as fifteen and cost a third less: what a frame costs hardly depends on how much is in it.
FRAME_S = 1 / 10
# Painting may take a twentieth of one core for each reader: where the growing block is huge, frames become rarer, not dearer.
REST_FACTOR = 19
# Above this many new or growing characters painting leaves the event loop, which serves everybody.
LONG_TEXT = 8_000


class Stage:
    """Makes the frames of one answer for one reader who already has `had` characters of its text."""

    def __init__(self, had: int) -> None:
        self.painter = Painter()
        self._had = had
        self._first = True
        self._fed = 0
        # Where a tool call stands in the text, and before which block that is; None while the text has not come so far.
        self._places: dict[int, int | None] = {}

    def frame(self, update: Update) -> dict[str, object]:
        """The frame for an update. The first one says from which block on the reader's elements are to be dropped."""
        final = update.state is not State.RUNNING
        frame: dict[str, object] = {}
        text = update.text
        self._places |= {call.position: None for call in update.calls or () if call.position not in self._places}
        if self._first:
            self._first = False
            # What the reader says it has is painted unseen, to know how many blocks that is. If it has more than there
            # is, it has something else: an earlier attempt.
            if 0 < self._had <= len(text):
                self.feed(text[: self._had])
                self.painter.forget_shown()
                text = text[self._had :]
            frame["reset_from"] = self.painter.open_index
        step = self.feed(text)
        if final:
            step = joined(Step(step.blocks), self.painter.finish())
        frame |= step_json(step)
        if update.calls:
            frame["calls"] = [live_call_json(call) | {"before": self._before(call)} for call in update.calls]
        if update.reasoning:
            frame["reasoning"] = update.reasoning
        if update.reasoning_s is not None:
            frame["reasoning_s"] = round(update.reasoning_s, 1)
        return frame | {
            "progress": update.progress,
            "state": update.state,
            "error": update.error,
            "hint": update.hint,
            "next": {"text": update.next.text, "reasoning": update.next.reasoning},
        }

    def feed(self, text: str) -> Step:
        """Paints more text. Where a tool call stands in it a block ends, so that the call can stand between two."""
        step = Step()
        for place in sorted(place for place, before in self._places.items() if before is None and place <= self._fed + len(text)):
            piece, text = text[: max(place - self._fed, 0)], text[max(place - self._fed, 0) :]
            self._fed += len(piece)
            painted = self.painter.step(piece) if piece else Step()
            step = joined(Step(step.blocks + painted.blocks), self.painter.finish())
            self._places[place] = self.painter.open_index
        self._fed += len(text)
        return joined(step, self.painter.step(text))

    def _before(self, call: CallRecord) -> int:
        """The block that a call stands before."""
        place = self._places.get(call.position)
        return self.painter.open_index if place is None else place


def joined(first: Step, second: Step) -> Step:
    """Two steps as one. A block that the first took away stays away unless the second has something in its place."""
    opened = second.open
    if opened is None and first.open is not None and second.append is None and all(block.i != first.open.i for block in second.blocks):
        opened = first.open
    return Step(first.blocks + second.blocks, opened, second.append)


def step_json(step: Step) -> dict[str, object]:
    """The changed blocks as the frame holds them; what did not change is left out."""
    frame: dict[str, object] = {}
    if step.blocks:
        frame["blocks"] = [{"i": block.i, "html": block.html} for block in step.blocks]
    if step.open is not None:
        frame["open"] = {"i": step.open.i, "html": step.open.html}
    if step.append is not None:
        frame["append"] = {"i": step.append.i, "text": step.append.text}
    return frame


def dumped(frame: dict[str, object]) -> str:
    """The frame as text that UTF-8 can carry, whatever a model wrote."""
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()


async def follow(door: Door, websocket: WebSocket) -> None:
    """Serves one reader until the answer has its final state or the reader is gone."""
    try:
        check_origin(websocket)
        offset = offset_in_query(dict(websocket.query_params))
        core, viewer, message = await run_in_threadpool(found_message, door, websocket)
    except ChatcoreError as error:
        await deny(websocket, error_response(error))
        return
    except Exception:  # noqa: BLE001  # the edge: the traceback is logged, the reader gets a sentence
        await deny(websocket, unexpected_response())
        return
    await websocket.accept()
    # The text from its start, since blocks are counted from there; only the reasoning goes on where the reader is.
    updates = core.runner.follow(viewer, message.id, Offset(0, offset.reasoning))
    sending = asyncio.create_task(send(websocket, updates, Stage(offset.text)))
    leaving = asyncio.create_task(gone(websocket))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            await close(websocket, 1011 if sending.result() else 1000)
    finally:
        sending.cancel()
        leaving.cancel()
        await asyncio.wait({sending, leaving})


async def send(websocket: WebSocket, updates: AsyncIterator[Update], stage: Stage) -> bool:
    """Sends frames until the final one; answers whether we ourselves failed."""
    try:
        async for update in updates:
            started = time.perf_counter()
            if len(update.text) + stage.painter.growing > LONG_TEXT:
                frame = await run_in_threadpool(stage.frame, update)
            else:
                frame = stage.frame(update)
            spent_s = time.perf_counter() - started
            await websocket.send_text(dumped(frame))
            if update.state is not State.RUNNING:
                return False
            await asyncio.sleep(max(FRAME_S, REST_FACTOR * spent_s))
    except WebSocketDisconnect:
        return False
    except ChatcoreError as error:
        # Its chat was deleted, or the database went away: the reader has to know that nothing more comes.
        await websocket.send_text(dumped({"state": State.FAILED, "error": error.message, "hint": error.hint}))
    except Exception:  # noqa: BLE001  # the edge: the traceback is logged, the reader connects again
        log.exception("sending an answer failed")
        return True
    return False


async def gone(websocket: WebSocket) -> None:
    """Returns when the reader has left; what it may say before is not listened to."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def close(websocket: WebSocket, code: int) -> None:
    """Says good-bye, unless the reader was faster."""
    try:
        await websocket.close(code)
    except (RuntimeError, WebSocketDisconnect):
        log.debug("the reader was gone before the good-bye")


async def deny(websocket: WebSocket, response: Response) -> None:
    """Refuses before the connection is open, with a status and a sentence."""
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(response)
    else:
        await websocket.close(1008)
