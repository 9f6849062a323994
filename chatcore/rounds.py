"""The rounds of an answer: the model asks for tools, they run or are refused, it is told, and goes on.

What a model asks for is never trusted: its arguments are checked, the policy of the person decides, time and size are
bounded, and whatever goes wrong is told to the model as the result of the call, so that it can do better.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from chatcore.attempt import Attempt
from chatcore.parts import CallError, CallRecord, CallState, ChatRequest, Decision, Policy, ToolSpec, Turn, Viewer
from chatcore.texts import storable
from chatcore.toolcalls import as_call, result_turn
from chatcore.tools.base import Context, Tool, ToolFailed, cut_result, problem, spec
from chatcore.tools.toolbox import default_policy

log = logging.getLogger(__name__)

DECLINED = "The user declined this call."
NEVER = "The user does not allow this tool, so this call was not run."
BROKEN = "The tool broke inside this application."
GO_ON = "Waiting for the model…"
REFUSING = (Decision.DECLINED, Decision.NEVER, Decision.TIMEOUT)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far an answer may go with tools. Times in seconds."""

    rounds: int = 8
    calls: int = 32
    call_s: float = 30.0
    approval_s: float = 600.0
    connect_s: float = 10.0


USUAL = Bounds()


class Rounds:
    """The tools of one answer. It lives on the Runner's event loop."""

    def __init__(
        self,
        attempt: Attempt,
        viewer: Viewer,
        tools: Mapping[str, Tool],
        policies: Mapping[str, Policy],
        *,
        bounds: Bounds,
        clock: Callable[[], datetime],
    ) -> None:
        self._attempt = attempt
        self._viewer = viewer
        self._tools = tools
        self._policies = dict(policies)
        self._bounds = bounds
        self._clock = clock
        self._run = 0

    def specs(self) -> tuple[ToolSpec, ...]:
        """What the model is told it may ask for: all that is not forbidden."""
        return tuple(spec(tool) for tool in self._tools.values() if self._policy(tool) is not Policy.NEVER)

    async def next_request(self, request: ChatRequest) -> ChatRequest:
        """Runs the calls of the round that paused; what the model is asked then."""
        asked = self._attempt.calls_of_round()
        limit = self._limit(len(asked))
        if limit:
            for call in asked:
                self._close(replace(call, error_type=CallError.LIMIT), CallState.DECLINED, limit)
        else:
            await self._work(asked)
        text, reasoning = self._attempt.written_in_round()
        done = self._attempt.calls_of_round()
        said = Turn("assistant", text, tuple(map(as_call, done)), reasoning=reasoning)
        self._attempt.live.note(GO_ON)
        # Who has reached a limit is not offered tools any more, so that an answer comes.
        return replace(request, turns=(*request.turns, said, *map(result_turn, done)), tools=() if limit else request.tools)

    def _limit(self, more: int) -> str:
        """Why no call of this round may run; empty if they may."""
        if self._attempt.round > self._bounds.rounds:
            return f"Not run: an answer may use tools {self._bounds.rounds} times in a row, and has. Answer now with what you know."
        if self._run + more > self._bounds.calls:
            return (
                f"Not run: an answer may make {self._bounds.calls} calls of tools, and this would be more. Answer now with what you know."
            )
        self._run += more
        return ""

    async def _work(self, asked: list[CallRecord]) -> None:
        """Runs the calls: all at once if none of them changes anything, else one after the other. Questions are asked at once."""
        ready: list[tuple[CallRecord, Tool, asyncio.Future[Decision] | None]] = []
        for call in asked:
            tool = self._tools.get(call.name)
            wrong = self._refusal(call, tool)
            if tool is None or wrong:
                kind = CallError.UNKNOWN_TOOL if tool is None else CallError.BAD_ARGUMENTS
                self._close(replace(call, error_type=kind), CallState.FAILED, wrong)
            elif self._policy(tool) is Policy.NEVER:
                self._close(call, CallState.DECLINED, NEVER, Decision.NEVER)
            else:
                ready.append((call, tool, self._attempt.ask(call) if self._policy(tool) is Policy.ASK else None))
        if all(tool.read_only for _, tool, _ in ready):
            await asyncio.gather(*(self._do(*work) for work in ready))
            return
        for work in ready:
            await self._do(*work)

    def _policy(self, tool: Tool) -> Policy:
        return self._policies.get(tool.name) or default_policy(tool)

    def _refusal(self, call: CallRecord, tool: Tool | None) -> str:
        """What is wrong with a call; empty if nothing is."""
        if tool is None:
            names = ", ".join(one.name for one in self.specs())
            return f"There is no tool called {call.name[:80]!r}. There are: {names or 'none'}."
        if call.arguments is None:
            return f"{call.error or 'The arguments are not a JSON object.'} Send one JSON object that fits the schema of the tool."
        return problem(tool.schema, call.arguments) or ""

    async def _do(self, call: CallRecord, tool: Tool, question: "asyncio.Future[Decision] | None") -> None:
        """Takes one call to its end."""
        decision = Decision.POLICY if question is None else await self._answer(question)
        self._attempt.waiting.pop(call.id, None)
        if decision in REFUSING:
            minutes = round(self._bounds.approval_s / 60) or 1
            late = f"The user did not answer within {minutes} minutes, so this call was declined."
            self._close(call, CallState.DECLINED, late if decision is Decision.TIMEOUT else DECLINED, decision)
        else:
            await self._call(replace(call, decision=decision), tool)
        if decision in (Decision.CHAT, Decision.ALWAYS, Decision.NEVER):
            self._policies[tool.name] = Policy.NEVER if decision is Decision.NEVER else Policy.ALLOW

    async def _answer(self, question: "asyncio.Future[Decision]") -> Decision:
        """What the person says; nothing for too long is a no."""
        try:
            async with asyncio.timeout(self._bounds.approval_s):
                return await question
        except TimeoutError:
            return Decision.TIMEOUT

    async def _call(self, call: CallRecord, tool: Tool) -> None:
        """Runs a tool, and keeps what came of it."""
        call = replace(call, state=CallState.RUNNING, started_at=self._clock())
        self._attempt.put(call)
        started = time.perf_counter()
        kind: CallError | None = None
        try:
            async with asyncio.timeout(self._bounds.call_s):
                result = await tool.run(call.arguments or {}, Context(self._viewer, self._attempt.job.session_id, self._clock()))
        except TimeoutError:
            kind, result = CallError.TIMEOUT, f"The tool did not answer in {self._bounds.call_s:g} s."
        except ToolFailed as error:
            kind, result = CallError.TOOL_FAILED, str(error)
        except Exception:
            log.exception("the tool %s broke", tool.name)
            kind, result = CallError.TOOL_BROKE, BROKEN
        took_s, state = time.perf_counter() - started, CallState.FAILED if kind else CallState.DONE
        self._attempt.put(replace(call, state=state, result=cut_result(result), duration_s=took_s, error_type=kind))

    def _close(self, call: CallRecord, state: CallState, result: str, decision: Decision | None = None) -> None:
        """Ends a call that does not run."""
        self._attempt.put(replace(call, state=state, result=storable(result), decision=decision))


def only_reading(tools: Mapping[str, Tool], policies: Mapping[str, Policy]) -> dict[str, Tool]:
    """The tools that change nothing and run without a question."""
    return {name: tool for name, tool in tools.items() if tool.read_only and (policies.get(name) or default_policy(tool)) is Policy.ALLOW}
