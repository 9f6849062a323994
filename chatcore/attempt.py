"""One attempt at an answer in the Runner's hands: what came of it so far, and how it ends."""

import asyncio
import time
from datetime import datetime
from typing import assert_never

from chatcore.ledger import Ending, Job
from chatcore.live import LiveAnswer
from chatcore.parts import (
    Cancelled,
    ErrorCode,
    Event,
    Failed,
    Finished,
    Progress,
    ReasoningDelta,
    Started,
    State,
    TextDelta,
    ToolCall,
    Usage,
    dump_tool_calls,
)
from chatcore.providers.base import failed
from chatcore.texts import storable

# Characters of text, reasoning and tool calls. Ten thick novels: a model that writes more repeats itself, and all of it is in memory.
LARGEST_ANSWER = 4_000_000


class Attempt:
    """An attempt that runs. Only the loop thread changes it; `live` is for everybody."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.live = LiveAnswer()
        self.started = time.perf_counter()
        self.first_chunk_s: float | None = None
        self.chunks = 0
        if job.begun:
            self.live.add(job.begun.text, job.begun.reasoning)
        self.saved_size = self.live.size
        self.tool_calls: list[ToolCall] = []
        self.tool_calls_size = 0
        self.usage: Usage | None = None
        self.state: State | None = None
        self.finished: Finished | None = None
        self.failed: Failed | None = None
        self.lost = False
        self.over = asyncio.Event()

    def end(self, state: State, *, finished: Finished | None = None, failed: Failed | None = None, lost: bool = False) -> None:
        """Decides how the answer ends; the first to say so is right."""
        if self.state is None:
            self.state, self.finished, self.failed, self.lost = state, finished, failed, lost
            self.over.set()

    def take(self, event: Event) -> None:
        """Adds an event of the provider to the answer."""
        match event:
            case TextDelta(text):
                self.count(text)
                self.live.thinking.stop()
                self.live.add(text=storable(text))
            case ReasoningDelta(text):
                self.count(text)
                self.live.thinking.start()
                self.live.add(reasoning=storable(text))
            case ToolCall():
                self.live.thinking.stop()
                self.tool_calls.append(event)
                self.tool_calls_size += len(dump_tool_calls((event,)) or "")
            case Progress(text):
                self.live.note(storable(text))
            case Usage():
                self.usage = event
            case Started():
                pass
            case Finished():
                self.end(State.COMPLETE, finished=event)
            case Failed():
                self.end(State.FAILED, failed=event)
            case Cancelled():
                self.end(State.STOPPED)
            case _:
                assert_never(event)
        if self.live.size + self.tool_calls_size > LARGEST_ANSWER:
            self.end(State.FAILED, failed=too_long())

    def count(self, text: str) -> None:
        """Counts a delta, and keeps when the first one came."""
        if text:
            self.chunks += 1
            if self.first_chunk_s is None:
                self.first_chunk_s = time.perf_counter() - self.started

    def ending(self, state: State, now: datetime) -> Ending:
        """All that the database must know."""
        return Ending(
            state=state,
            written=self.live.snapshot(),
            finished_at=now,
            duration_s=time.perf_counter() - self.started,
            time_to_first_chunk_s=self.first_chunk_s,
            chunks=self.chunks,
            tool_calls=tuple(self.tool_calls),
            usage=self.usage,
            finished=self.finished,
            failed=self.failed,
            reasoning_s=self.live.thinking.seconds,
        )


def too_long() -> Failed:
    """The end of an answer that would not end by itself."""
    return failed(
        ErrorCode.INCOMPLETE,
        f"The answer was cut off: it grew beyond {LARGEST_ANSWER:,} characters.",
        "What came is kept. The model may be repeating itself: try again, or choose another model.",
    )
