"""The tools that the models of the sample call: how often, how long each takes, what goes wrong with it and what it says."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chatcore.parts import CallError, CallRecord, CallState, Decision

# Of a hundred answers so many use tools, and of those so many stop for them once, twice and so on.
ANSWERS_WITH_TOOLS = 14
ROUNDS = (60, 24, 11, 5)
# About what a call and its result add to the next prompt.
TOKENS_A_CALL = 180


@dataclass(frozen=True, slots=True)
class Sample:
    """A tool: how often it is called, the seconds it takes, of how many of a hundred calls it fails and is declined, its arguments, what
    it says, and how it fails."""

    name: str
    weight: int
    duration_s: float
    failed: int
    declined: int
    arguments: dict[str, object]
    says: str
    error: CallError = CallError.TOOL_FAILED
    fails_with: str = ""


SAMPLES = (
    Sample("search_history", 24, 0.03, 1, 0, {"query": "index of a database"}, "3 messages of earlier chats.", CallError.BAD_ARGUMENTS,
           "The arguments do not fit: 'query' is a required property Send one JSON object that fits the schema of the tool."),
    Sample("calculator", 20, 0.002, 6, 0, {"expression": "17.5 * 12 / 100"}, "2.1", fails_with="It cannot divide by zero."),
    Sample("current_time", 16, 0.001, 0, 0, {"zone": "Europe/Berlin"}, "Saturday 14 March 2026, 15:09"),
    Sample("fetch_url", 14, 0.9, 9, 4, {"url": "https://docs.example.org/indexes"}, "# Indexes\n\nAn index is a second order of rows.",
           fails_with="docs.example.org answered 503."),
    Sample("files__read_file", 14, 0.02, 5, 3, {"path": "notes/plan.md"}, "1. Measure\n2. Change\n3. Measure again",
           fails_with="There is no file notes/plan.md."),
    Sample("files__write_file", 6, 0.04, 2, 28, {"path": "notes/plan.md", "text": "4. Write it down"}, "Wrote 16 bytes."),
    Sample("tracker__search_issues", 6, 2.6, 16, 2, {"query": "is:open slow query"}, "2 issues are open.", CallError.TIMEOUT,
           "The tool did not answer in 30 s."),
)  # fmt: skip


def calls_of(rng: random.Random, *, asked: datetime, position: int) -> tuple[CallRecord, ...]:
    """The calls of an answer, in rounds; none of most."""
    if rng.randrange(100) >= ANSWERS_WITH_TOOLS:
        return ()
    rounds = rng.choices(range(1, len(ROUNDS) + 1), ROUNDS)[0]
    calls: list[CallRecord] = []
    at = asked + timedelta(seconds=rng.uniform(0.4, 3))
    for number in range(1, rounds + 1):
        for _ in range(rng.choices((1, 2, 3), (80, 15, 5))[0]):
            calls.append(call_of(rng, CallRecord(f"call_{len(calls) + 1}", "", None, round=number, position=position), at))
        at += timedelta(seconds=rng.uniform(1, 6))
    return tuple(calls)


def call_of(rng: random.Random, empty: CallRecord, at: datetime) -> CallRecord:
    """One call and what came of it."""
    tool = rng.choices(SAMPLES, [sample.weight for sample in SAMPLES])[0]
    call = replace(empty, name=tool.name, arguments=tool.arguments, decision=Decision.POLICY)
    luck = rng.randrange(100)
    if luck < tool.declined:
        decision = rng.choice((Decision.DECLINED, Decision.DECLINED, Decision.TIMEOUT))
        return replace(call, state=CallState.DECLINED, decision=decision, result="The user declined this call.")
    took_s = tool.duration_s * rng.lognormvariate(0.0, 0.6)
    if luck >= tool.declined + tool.failed:
        return replace(call, state=CallState.DONE, result=tool.says, started_at=at, duration_s=took_s)
    failed = replace(call, state=CallState.FAILED, result=tool.fails_with or "It failed.", error_type=tool.error)
    if tool.error is CallError.BAD_ARGUMENTS:
        return replace(failed, arguments={}, decision=None)
    return replace(failed, started_at=at, duration_s=30.0 if tool.error is CallError.TIMEOUT else took_s)


def seconds_of(calls: Sequence[CallRecord]) -> float:
    """How long they took, one after the other."""
    return sum(call.duration_s or 0.0 for call in calls)


def earlier(call: CallRecord, by: timedelta) -> CallRecord:
    """The call, so much earlier."""
    return replace(call, started_at=call.started_at - by) if call.started_at else call
