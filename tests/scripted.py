"""A provider whose every word a test decides: for the Runner and all that stands on it. It is a provider, not a mock."""

import asyncio
import threading
from collections.abc import AsyncIterator

from chatcore.errors import ProviderError
from chatcore.parts import ChatRequest, Event, Finished, FinishReason, Health, ModelInfo, TextDelta


class Scripted:
    """Says what it is fed, in every answer that runs; `asked` counts those that have begun, for who has to wait for one.

    `play` is what it says by itself to each request; an exception in it is raised. Without `Finished`, `Failed` or `Cancelled`
    it waits to be fed; `END` ends the stream without any of them.
    """

    END = object()

    def __init__(self, *play: object, name: str = "scripted") -> None:
        self.name = name
        self.label = "Scripted"
        self.play = play
        self.requests: list[ChatRequest] = []
        self.asked = threading.Semaphore(0)
        self.left = threading.Event()
        self.closed = False
        self.deaf = False
        self._queues: list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[object]]] = []

    def feed(self, *events: object) -> None:
        """Says more, in every answer that runs; from any thread."""
        # Those there are now: what is fed may end an answer, and the next one begin before this is through.
        for loop, queue in tuple(self._queues):
            for event in events:
                loop.call_soon_threadsafe(queue.put_nowait, event)

    def write(self, *texts: str) -> None:
        """Says more text."""
        self.feed(*(TextDelta(text) for text in texts))

    def finish(self) -> None:
        """Comes to its end."""
        self.feed(Finished(FinishReason.STOP))

    async def chat(self, request: ChatRequest) -> AsyncIterator[Event]:
        queue: asyncio.Queue[object] = asyncio.Queue()
        for event in self.play:
            queue.put_nowait(event)
        self.requests.append(request)
        self._queues.append((asyncio.get_running_loop(), queue))
        self.asked.release()
        try:
            while True:
                event = await self.next_of(queue)
                if event is self.END:
                    return
                if isinstance(event, BaseException):
                    raise event
                yield event  # type: ignore[misc]  # a test feeds events; the rest was sorted out above
        finally:
            self.left.set()

    async def next_of(self, queue: asyncio.Queue[object]) -> object:
        """The next event; a `deaf` provider does not hear that it is cancelled."""
        while True:
            try:
                return await queue.get()
            except asyncio.CancelledError:
                if not self.deaf:
                    raise

    async def health(self) -> Health:
        return Health(reachable=True, host="in the test")

    async def models(self) -> tuple[ModelInfo, ...]:
        return (ModelInfo("parrot", self.name),)

    async def model(self, model_id: str) -> ModelInfo:
        if model_id != "parrot":
            raise ProviderError("There is no such model.", code="model_not_found", retryable=False)
        return ModelInfo("parrot", self.name)

    async def close(self) -> None:
        self.closed = True
