"""OpenAI-compatible servers: vLLM, llama.cpp, LM Studio, OpenRouter, OpenAI. docs/providers.md says what comes out when.

One object for each endpoint. The openai package is loaded at the first request, on a thread of its own.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatcore.endpoints import Endpoint
from chatcore.errors import ProviderError
from chatcore.parts import (
    Cancelled,
    ChatRequest,
    ErrorCode,
    Event,
    Failed,
    Health,
    ModelInfo,
    Progress,
    Started,
)
from chatcore.providers.base import Situation, failure, raised
from chatcore.providers.base_json import Json
from chatcore.providers.base_waiting import PROGRESS_AFTER_S, RETRY_DELAYS_S, Patience, tried
from chatcore.providers.openai_answer import TOOLS_FIELD, USAGE_FIELD, Answer, request_body
from chatcore.providers.openai_errors import Explain
from chatcore.providers.openai_events import WIRE_ERRORS, Broken, Chunk, Mark, NotEvents, Stage, WireError
from chatcore.providers.openai_models import is_list, listed_models
from chatcore.providers.openai_waiting import OpenAIRetries
from chatcore.settings import Timeouts

if TYPE_CHECKING:
    from chatcore.providers.openai_wire import Wire

# After the model said why it stopped only its counts are to come: a server that keeps the connection open is not waited for.
COUNTS_S = 5.0
# The end of the body comes with the last event, or is not waited for.
END_S = 0.1


class OpenAI:
    """A server that speaks OpenAI's interface; connects at the first request."""

    def __init__(
        self,
        endpoint: Endpoint,
        timeouts: Timeouts,
        *,
        retry_delays_s: Sequence[float] = RETRY_DELAYS_S,
        progress_after_s: float = PROGRESS_AFTER_S,
        counts_s: float = COUNTS_S,
    ) -> None:
        self.name = endpoint.name
        self.label = endpoint.label
        self._endpoint = endpoint
        self._timeouts = timeouts
        self._retry_delays_s = tuple(retry_delays_s)
        self._progress_after_s = progress_after_s
        self._counts_s = counts_s
        self._wire: Wire | None = None
        self._opening = asyncio.Lock()
        # Fields that the server has refused whatever the model.
        self._left_out: frozenset[str] = frozenset()

    async def close(self) -> None:
        """Closes the connections."""
        if self._wire is not None:
            await self._wire.close()

    # --- look-ups ------------------------------------------------------------------------------------------------

    async def health(self) -> Health:
        """Whether the server lists its models, and how long that took; none of these servers tells its version there."""
        loop = asyncio.get_running_loop()
        try:
            await self._opened()
            start_s = loop.time()
            await self._list()
        except ProviderError as error:
            return Health(reachable=False, host=self._endpoint.url, error=error.message, hint=error.hint)
        return Health(reachable=True, host=self._endpoint.url, latency_s=loop.time() - start_s)

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models of GET /models, in the server's order."""
        return listed_models(await self._list(), self.name, local=self._endpoint.is_local)

    async def model(self, model_id: str) -> ModelInfo:
        """What the list says of a model: asking for it alone says no more, and not every server can."""
        for model in await self.models():
            if model.id == model_id:
                return model
        at = Situation(self.label, host=self._endpoint.url, model=model_id)
        raise raised(failure(ErrorCode.MODEL_NOT_FOUND, at))

    async def _list(self) -> Json:
        """The answer to GET /models. Raises ProviderError."""
        limit_s = self._timeouts.lookup_s
        try:
            wire = await self._opened()
            async with asyncio.timeout(limit_s):
                answer = await wire.models()
        except WIRE_ERRORS as error:
            raise self._raised(Explain(self._endpoint, self._timeouts).of(error, limit_s=limit_s)) from error
        if not is_list(answer):
            raise raised(failure(ErrorCode.NOT_FOUND, Situation(self.label, host=self._endpoint.url)))
        return answer

    def _raised(self, event: Failed | Cancelled) -> ProviderError:
        return raised(event if isinstance(event, Failed) else failure(ErrorCode.CANCELLED, Situation(self.label)))

    async def _opened(self) -> "Wire":
        """The client, which is loaded now if it was not: that takes a second, in which the loop goes on."""
        async with self._opening:
            if self._wire is None:
                self._wire = await asyncio.to_thread(open_wire, self._endpoint, self._timeouts)
        return self._wire

    # --- answers -------------------------------------------------------------------------------------------------

    def chat(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        """The events of one answer. What fails before the first text is tried again where that can help."""
        retries = OpenAIRetries(self._retry_delays_s, self._left_out if request.tools else self._left_out | {TOOLS_FIELD})

        def attempt() -> AsyncGenerator[Event, None]:
            # What the server does not know now it will not know in the next answer.
            self._left_out |= retries.left_out & {USAGE_FIELD}
            return self._attempt(request, retries.left_out)

        return tried(attempt, retries)

    async def _attempt(self, request: ChatRequest, left_out: frozenset[str]) -> AsyncGenerator[Event, None]:
        """One request and what comes of it."""
        explain = Explain(self._endpoint, self._timeouts, request.model)
        answer, reached = Answer(), Reached()
        try:
            wire = await self._opened()
            chunks = wire.chat(request_body(request, left_out=left_out))
            async with aclosing(chunks), aclosing(self._items(chunks, request.model, answer, reached)) as items:
                async for item in items:
                    if not isinstance(item, Chunk):
                        yield item
                        continue
                    for event in answer.events(item.json):
                        yield event
                    if item.json.get("error") or item.name == "error" or answer.reason == "error":
                        for usage in answer.counted():
                            yield usage
                        yield explain.chunk(item.json)
                        return
            if answer.reason is None and reached.spoken and not reached.understood:
                raise NotEvents("no event of a chat", cut=False)
        except WIRE_ERRORS as error:
            if answer.reason is None:
                for usage in answer.counted():
                    yield usage
                silent_s = self._timeouts.idle_s if reached.spoken or reached.pinged else self._timeouts.first_byte_s
                yield broken(error, explain, reached, silent_s)
                return
        if answer.reason is None:
            for usage in answer.counted():
                yield usage
            yield explain.incomplete("the stream ended without a reason to stop")
            return
        for event in answer.ending():
            yield event

    async def _items(
        self, chunks: AsyncGenerator[Chunk | Mark, None], model: str, answer: Answer, reached: "Reached"
    ) -> AsyncGenerator[Started | Progress | Chunk, None]:
        """Started, Progress while nothing comes, then the events up to the last. Raises TimeoutError where the server is silent
        too long; once the model said why it stopped, silence is the end."""
        patience = Patience(lambda: self.waiting_for(model), self._timeouts.first_byte_s, self._progress_after_s)
        item: Chunk | Mark = Mark.HEADERS
        while item is Mark.HEADERS or item is Mark.PING:
            async with aclosing(patience.item(chunks)) as coming:
                async for found in coming:
                    if isinstance(found, Progress):
                        yield found
                    else:
                        item = found
            if item is Mark.HEADERS:
                reached.accepted = True
                yield Started()
            elif item is Mark.PING:
                reached.pinged = True
                patience.heard(self._timeouts.idle_s)
        while item is not Mark.END and item is not Mark.DONE:
            if isinstance(item, Chunk):
                reached.spoken = True
                reached.understood = reached.understood or "choices" in item.json
                yield item
            async with asyncio.timeout(self._timeouts.idle_s if answer.reason is None else self._counts_s):
                item = await anext(chunks)
        if item is Mark.DONE:
            # The end of the body says nothing new, but only a connection that was read to the end serves the next request.
            with suppress(*WIRE_ERRORS):
                async with asyncio.timeout(END_S):
                    await anext(chunks, None)

    async def waiting_for(self, model: str) -> str:
        """A sentence about what a server does that sends nothing: it does not say."""
        return f"Waiting for {model} …"


@dataclass
class Reached:
    """How far a stream came: its headers, a comment, an event, an event that makes sense."""

    accepted: bool = False
    pinged: bool = False
    spoken: bool = False
    understood: bool = False


def open_wire(endpoint: Endpoint, timeouts: Timeouts) -> "Wire":
    """The client of an endpoint. The first one loads the openai package: 0.9 s of processor time and 30 MB, once."""
    from chatcore.providers.openai_wire import Wire

    return Wire(endpoint, timeouts)


def broken(error: WireError, explain: Explain, reached: Reached, silent_s: float | None) -> Failed | Cancelled:
    """What it means that a stream broke there; `silent_s` is the limit of silence that held."""
    match error:
        case NotEvents() if error.cut:
            return explain.incomplete(str(error))
        case Broken() if reached.accepted and error.stage is Stage.READ:
            return explain.incomplete(str(error))
        case _:
            return explain.of(error, limit_s=silent_s)
