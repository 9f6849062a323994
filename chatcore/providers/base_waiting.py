"""What happens while a model server sends nothing, and what is tried again before its first text."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from math import inf
from typing import TypeVar

from chatcore.parts import ErrorCode, Event, Failed, Progress, ReasoningDelta, Started, TextDelta, ToolCall

T = TypeVar("T")

# A busy or loading server is asked again after so long, in seconds.
RETRY_DELAYS_S = (1.0, 2.0, 4.0)
# Said when a model is asked again without tools.
NO_TOOLS = "This model cannot use tools, so it answers without them."
PROGRESS_AFTER_S = 2.0
PROGRESS_EVERY_S = 10.0


class Patience:
    """Tells the person who waits what the server does, until its first line is here; `ask` gives the sentence."""

    def __init__(self, ask: Callable[[], Awaitable[str]], limit_s: float | None, after_s: float) -> None:
        self._ask = ask
        start_s = asyncio.get_running_loop().time()
        self._next_s = start_s + after_s
        self._end_s = inf if limit_s is None else start_s + limit_s
        self._said = ""

    def heard(self, limit_s: float) -> None:
        """The server lives, though it has no line yet: from now on it may be silent for so long."""
        self._end_s = asyncio.get_running_loop().time() + limit_s

    async def item(self, stream: AsyncGenerator[T, None]) -> AsyncGenerator[Progress | T, None]:
        """Progress until the next item of a stream is there, then the item. Raises what the stream raises, TimeoutError at the limit."""
        coming = asyncio.ensure_future(anext(stream))
        try:
            async with aclosing(self.until(coming)) as progress:
                async for event in progress:
                    yield event
            yield coming.result()
        finally:
            await ended(coming)

    async def until(self, coming: asyncio.Future[T]) -> AsyncGenerator[Progress, None]:
        """Progress until the line is there. Raises TimeoutError at the limit."""
        loop = asyncio.get_running_loop()
        while not coming.done():
            await asyncio.wait([coming], timeout=max(min(self._next_s, self._end_s) - loop.time(), 0.0))
            if coming.done():
                return
            if loop.time() >= self._end_s:
                raise TimeoutError
            self._next_s = loop.time() + PROGRESS_EVERY_S
            look = asyncio.ensure_future(self._ask())
            both: list[asyncio.Future[T] | asyncio.Future[str]] = [coming, look]
            try:
                left_s = None if self._end_s == inf else max(self._end_s - loop.time(), 0.0)
                await asyncio.wait(both, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                if look.done() and not coming.done() and look.result() != self._said:
                    self._said = look.result()
                    yield Progress(self._said)
            finally:
                await ended(look)


@dataclass(frozen=True, slots=True)
class Again:
    """A further attempt: after how long, and what is said meanwhile."""

    delay_s: float
    progress: str = ""


class Retries:
    """What is tried again of any server: one that is busy or loading three times, one that failed once."""

    def __init__(self, delays_s: Sequence[float]) -> None:
        self._delays_s = list(delays_s)
        self._failed_before = False

    def after(self, event: Failed) -> Again | None:
        """The next attempt; None where the failure stands."""
        if event.code in (ErrorCode.BUSY, ErrorCode.LOADING) and self._delays_s:
            delay_s = self._delays_s.pop(0)
            return Again(delay_s, f"{event.message} Next try in {delay_s:g} s.")
        if event.code in (ErrorCode.SERVER_ERROR, ErrorCode.UPSTREAM_UNREACHABLE) and not self._failed_before:
            self._failed_before = True
            return Again(0.0)
        return None


async def tried(attempt: Callable[[], AsyncGenerator[Event, None]], retries: Retries) -> AsyncGenerator[Event, None]:
    """The events of an answer: of the first attempt, and of further ones where it failed before its first text and that can help."""
    started = begun = False
    while True:
        again: Again | None = None
        async with aclosing(attempt()) as events:
            async for event in events:
                if isinstance(event, Started) and started:
                    continue
                started = started or isinstance(event, Started)
                begun = begun or isinstance(event, TextDelta | ReasoningDelta | ToolCall)
                again = retries.after(event) if isinstance(event, Failed) and not begun else None
                if again is None:
                    yield event
        if again is None:
            return
        if again.progress:
            yield Progress(again.progress)
        await asyncio.sleep(again.delay_s)


async def ended(*tasks: asyncio.Future[T]) -> None:
    """Cancels tasks and waits until they are over; their results are looked at elsewhere."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
