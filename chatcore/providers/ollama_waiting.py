"""What happens while an Ollama server sends nothing, or says that it is busy."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeVar

from chatcore.parts import ErrorCode, Failed, Progress

T = TypeVar("T")

# A busy or loading server is asked again after so long, in seconds.
NO_TOOLS = "This model cannot use tools, so it answers without them."
RETRY_DELAYS_S = (1.0, 2.0, 4.0)
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
    """What is tried again before the first text: a busy or loading server three times, a failed one once, and a model that
    cannot think, or use tools, once without."""

    def __init__(self, delays_s: Sequence[float], think: bool | str | None, *, tools: bool = False) -> None:
        self._delays_s = list(delays_s)
        self._failed_before = False
        self.think = think
        self.tools = tools

    def after(self, event: Failed) -> Again | None:
        """The next attempt; None where the failure stands."""
        if event.code is ErrorCode.UNSUPPORTED_FEATURE and self.think and "does not support thinking" in event.detail:
            self.think = None
            return Again(0.0)
        if event.code is ErrorCode.UNSUPPORTED_FEATURE and self.tools and "does not support tools" in event.detail:
            self.tools = False
            return Again(0.0, NO_TOOLS)
        if event.code in (ErrorCode.BUSY, ErrorCode.LOADING) and self._delays_s:
            delay_s = self._delays_s.pop(0)
            return Again(delay_s, f"{event.message} Next try in {delay_s:g} s.")
        if event.code in (ErrorCode.SERVER_ERROR, ErrorCode.UPSTREAM_UNREACHABLE) and not self._failed_before:
            self._failed_before = True
            return Again(0.0)
        return None


async def ended(*tasks: asyncio.Future[T]) -> None:
    """Cancels tasks and waits until they are over; their results are looked at elsewhere."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
