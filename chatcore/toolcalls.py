"""Tool calls as text: how a message stores them, and how its answer falls into text, calls and text again.

Stored is a JSON list of objects. Other programs' messages, taken over as they are, may hold any JSON there: what is not in
our form counts as no calls.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from chatcore.parts import CallError, CallRecord, CallState, Decision, ToolCall, Turn

UNFINISHED = (CallState.WAITING, CallState.RUNNING)
# Of a call that was declined because the person said nothing; a tool that says nothing has the other word, timeout.
UNANSWERED = "unanswered"
NO_RESULT = "This call was interrupted and has no result."


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of an answer: its text, then the calls that came after it."""

    text: str
    calls: tuple[CallRecord, ...] = ()


def dump_calls(calls: Sequence[CallRecord]) -> str | None:
    """The JSON text stored in `chatmessage.tool_calls`; None for no calls."""
    return json.dumps([call_json(call) for call in calls], ensure_ascii=False) if calls else None


def call_json(call: CallRecord) -> dict[str, object]:
    """A call as JSON holds it."""
    return {
        "id": call.id,
        "name": call.name,
        "arguments": call.arguments,
        "raw": call.raw,
        "error": call.error,
        "round": call.round,
        "position": call.position,
        "state": call.state.value,
        "decision": call.decision.value if call.decision else None,
        "result": call.result,
        "started_at": call.started_at.isoformat() if call.started_at else None,
        "duration_s": call.duration_s,
        "error_type": call.error_type.value if call.error_type else None,
    }


def load_calls(text: str | None) -> tuple[CallRecord, ...]:
    """The calls a message stores; none where the text is not ours."""
    if not text:
        return ()
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    return tuple(call for row in rows if (call := read_call(row)) is not None) if isinstance(rows, list) else ()


def mark_of(text: str | None) -> int:
    """A number that is another one for other calls, 0 for none."""
    return zlib.crc32(text.encode()) or 1 if text else 0


def read_call(row: object) -> CallRecord | None:
    """A call from its JSON; None where it has no state, as calls have that other programs made."""
    if not isinstance(row, dict):
        return None
    try:
        arguments, started = row["arguments"], row.get("started_at")
        return CallRecord(
            id=str(row["id"]),
            name=str(row["name"]),
            arguments=arguments if isinstance(arguments, dict) else None,
            raw=str(row.get("raw") or ""),
            error=optional(row.get("error")),
            round=int(row["round"]),
            position=int(row["position"]),
            state=CallState(row["state"]),
            decision=Decision(row["decision"]) if row.get("decision") else None,
            result=optional(row.get("result")),
            started_at=datetime.fromisoformat(started).astimezone(UTC) if started else None,
            duration_s=float(row["duration_s"]) if row.get("duration_s") is not None else None,
            error_type=CallError(row["error_type"]) if row.get("error_type") in list(CallError) else None,
        )
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def optional(value: object) -> str | None:
    """A text that may be missing."""
    return None if value is None else str(value)


def reason_of(call: CallRecord) -> str | None:
    """Why a call did not do what it was to do, in one word; None where it did, was stopped, or is not over.

    A failed one has a word of CallError, TOOL_FAILED where nobody said which; a declined one what the person decided, UNANSWERED, or LIMIT.
    """
    if call.state is CallState.FAILED:
        return (call.error_type or CallError.TOOL_FAILED).value
    if call.state is CallState.DECLINED:
        return UNANSWERED if call.decision is Decision.TIMEOUT else (call.decision or call.error_type or Decision.DECLINED).value
    return None


def settled(calls: Sequence[CallRecord]) -> tuple[CallRecord, ...]:
    """The calls of an answer that has ended: what had no end then was stopped."""
    return tuple(replace(call, state=CallState.STOPPED) if call.state in UNFINISHED else call for call in calls)


def pieces(text: str, calls: Sequence[CallRecord]) -> Iterator[Piece]:
    """The answer cut where calls stand in it, in order; the last piece has no calls."""
    start = 0
    for position, group in groupby(sorted(calls, key=lambda call: call.position), key=lambda call: call.position):
        end = min(max(position, start), len(text))
        yield Piece(text[start:end], tuple(group))
        start = end
    yield Piece(text[start:])


def turns_of(text: str, calls: Sequence[CallRecord]) -> Iterator[Turn]:
    """An earlier answer as a model is told of it: what it wrote, what it called, what came of it. Empty turns are left out."""
    for piece in pieces(text, calls):
        for _, group in groupby(piece.calls, key=lambda call: call.round):
            asked = tuple(group)
            yield Turn("assistant", piece.text.strip(), tuple(map(as_call, asked)))
            yield from map(result_turn, asked)
            piece = Piece("")
        if piece.text.strip():
            yield Turn("assistant", piece.text.strip() if calls else piece.text)


def as_call(call: CallRecord) -> ToolCall:
    """The call as the model made it."""
    return ToolCall(call.id, call.name, call.arguments, call.raw, call.error)


def result_turn(call: CallRecord) -> Turn:
    """What came of a call, as the model is told."""
    return Turn("tool", NO_RESULT if call.result is None else call.result, tool_name=call.name, tool_call_id=call.id)
