"""One attempt at an answer in the Runner's hands: what came of it so far, and how it ends."""

import asyncio
import time
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from chatcore.ledger import Ending, Job
from chatcore.live import LiveAnswer
from chatcore.parts import (
    CallError,
    CallRecord,
    CallState,
    Cancelled,
    Decision,
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
)
from chatcore.providers.base import failed
from chatcore.texts import storable
from chatcore.toolcalls import settled

# Characters of text, reasoning and tool calls. Ten thick novels: a model that writes more repeats itself, and all of it is in memory.
LARGEST_ANSWER = 4_000_000
# What stands between the text of two rounds, where the model itself wrote nothing of it.
GAP = "\n\n"
NOT_OFFERED = "Tools are switched off for this answer, so this call was not run."
# Who says one of these means the tool, not only this call of it.
LASTING = (Decision.CHAT, Decision.ALWAYS, Decision.NEVER)


class Attempt:
    """An attempt that runs. Only the loop thread changes it; `live` is for everybody.

    Where tools are offered it has rounds: the model's turns within one answer, which end with `paused` while the tools run.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.live = LiveAnswer()
        self.started = time.perf_counter()
        self.first_chunk_s: float | None = None
        self.chunks = 0
        if job.begun:
            self.live.add(job.begun.text, job.begun.reasoning)
        self.saved_mark = self.live.mark
        self.calls: dict[str, CallRecord] = {}
        self.calls_size = 0
        self.waiting: dict[str, asyncio.Future[Decision]] = {}
        self.round = 0
        self.offered = False
        self.paused = False
        self._round_from = (0, 0)
        self._gap = ""
        self._used: list[Usage | None] = []
        self.state: State | None = None
        self.finished: Finished | None = None
        self.failed: Failed | None = None
        self.lost = False
        self.over = asyncio.Event()

    def end(self, state: State, *, finished: Finished | None = None, failed: Failed | None = None, lost: bool = False) -> None:
        """Decides how the answer ends; the first to say so is right."""
        if self.state is None:
            if self.calls:
                self.live.tell_calls(settled(tuple(self.calls.values())))
            self.state, self.finished, self.failed, self.lost = state, finished, failed, lost
            self.over.set()

    def begin_round(self, *, offered: bool) -> None:
        """The model is asked, for the first time or again; `offered` says whether it may ask for tools."""
        self.round += 1
        self.offered, self.paused = offered, False
        self._round_from = (self.live.text_size, self.live.size - self.live.text_size)
        # Not before the first: an answer that goes on with another one begins with its text.
        self._gap = GAP if self.live.text_size and self.round > 1 else ""
        self._used.append(None)

    def take(self, event: Event) -> None:
        """Adds an event of the provider to the answer."""
        match event:
            case TextDelta(text):
                self.count(text)
                self.live.thinking.stop()
                if self._gap and text:
                    text, self._gap = self._gap + text, ""
                self.live.add(text=storable(text))
            case ReasoningDelta(text):
                self.count(text)
                self.live.thinking.start()
                self.live.add(reasoning=storable(text))
            case ToolCall():
                self.live.thinking.stop()
                self.take_call(event)
            case Progress(text):
                self.live.note(storable(text))
            case Usage():
                # Some servers send running totals, so the last one of a round is its usage.
                self._used[-1:] = [event]
            case Started():
                pass
            case Finished():
                if self.offered and any(call.round == self.round for call in self.calls.values()):
                    self.paused = True
                else:
                    self.end(State.COMPLETE, finished=event)
            case Failed():
                self.end(State.FAILED, failed=event)
            case Cancelled():
                self.end(State.STOPPED)
            case _:
                assert_never(event)
        if self.live.size + self.calls_size > LARGEST_ANSWER:
            self.end(State.FAILED, failed=too_long())

    def count(self, text: str) -> None:
        """Counts a delta, and keeps when the first one came."""
        if text:
            self.chunks += 1
            self.came()

    def came(self) -> None:
        """Keeps when the first sign of an answer came."""
        if self.first_chunk_s is None:
            self.first_chunk_s = time.perf_counter() - self.started

    # --- tool calls ----------------------------------------------------------------------------------------------

    def take_call(self, call: ToolCall) -> None:
        """Adds a call, under an id that no other call of the answer has."""
        self.came()
        call_id, number = call.id, 2
        while call_id in self.calls:
            call_id, number = f"{call.id}_{number}", number + 1
        record = CallRecord(call_id, call.name, call.arguments, call.raw, call.error, self.round, self.live.text_size)
        if not self.offered:
            record = replace(record, state=CallState.FAILED, result=NOT_OFFERED, error_type=CallError.NOT_OFFERED)
        self.put(record)

    def put(self, record: CallRecord) -> None:
        """A call as it is now."""
        if self.state is not None:
            return
        before = self.calls.get(record.id)
        self.calls[record.id] = record
        self.calls_size += size_of(record) - (size_of(before) if before else 0)
        self.live.tell_calls(tuple(self.calls.values()))

    def calls_of_round(self) -> list[CallRecord]:
        """The calls the model made in its last turn."""
        return [call for call in self.calls.values() if call.round == self.round]

    def written_in_round(self) -> tuple[str, str]:
        """Text and reasoning of the model's last turn."""
        written = self.live.snapshot()
        return written.text[self._round_from[0] :].strip(), written.reasoning[self._round_from[1] :].strip()

    def ask(self, record: CallRecord) -> "asyncio.Future[Decision]":
        """Shows a question to the person; what they say to it comes as the result."""
        answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self.waiting[record.id] = answer
        self.put(replace(record, state=CallState.WAITING))
        return answer

    def decide(self, call_id: str, decision: Decision) -> None:
        """Answers the question about a call, and about all other calls of the tool where the answer is meant to last."""
        asked = self.calls.get(call_id)
        for other, answer in list(self.waiting.items()):
            same = other == call_id or (decision in LASTING and asked is not None and self.calls[other].name == asked.name)
            if same and not answer.done():
                answer.set_result(decision)

    # --- the end -------------------------------------------------------------------------------------------------

    @property
    def usage(self) -> Usage | None:
        """What the server counted, all rounds together; None where a round has no count, as one that was stopped."""
        known = [usage for usage in self._used if usage is not None]
        if not known or len(known) < len(self._used):
            return None
        return summed(known)

    def ending(self, state: State, now: datetime) -> Ending:
        """All that the database must know."""
        last = self._used[-1] if self._used else None
        return Ending(
            state=state,
            written=self.live.snapshot(),
            finished_at=now,
            duration_s=time.perf_counter() - self.started,
            time_to_first_chunk_s=self.first_chunk_s,
            chunks=self.chunks,
            usage=self.usage,
            finished=self.finished,
            failed=self.failed,
            reasoning_s=self.live.thinking.seconds,
            # The prompts of all rounds together say nothing of the window; the last one has the others in it.
            context_tokens=last.input_tokens if last else None,
        )


def size_of(record: CallRecord) -> int:
    """About how many characters a call takes."""
    return len(record.name) + len(record.raw) + len(record.result or "") + len(str(record.arguments))


def summed(rounds: list[Usage]) -> Usage:
    """The usage of several rounds as one; what one of them does not tell is not known of all."""

    def total(values: list[int | None]) -> int | None:
        return None if None in values else sum(value or 0 for value in values)

    def seconds(values: list[float | None]) -> float | None:
        return None if None in values else sum(value or 0 for value in values)

    return Usage(
        input_tokens=total([usage.input_tokens for usage in rounds]),
        output_tokens=total([usage.output_tokens for usage in rounds]),
        cached_tokens=total([usage.cached_tokens for usage in rounds]),
        reasoning_tokens=total([usage.reasoning_tokens for usage in rounds]),
        load_s=seconds([usage.load_s for usage in rounds]),
        prompt_s=seconds([usage.prompt_s for usage in rounds]),
        eval_s=seconds([usage.eval_s for usage in rounds]),
        response_model=rounds[-1].response_model,
    )


def too_long() -> Failed:
    """The end of an answer that would not end by itself."""
    return failed(
        ErrorCode.INCOMPLETE,
        f"The answer was cut off: it grew beyond {LARGEST_ANSWER:,} characters.",
        "What came is kept. The model may be repeating itself: try again, or choose another model.",
    )
