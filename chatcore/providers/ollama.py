"""Ollama: answers, models and their upkeep, through `ollama.AsyncClient`. docs/providers.md says what comes out when."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import httpx

from chatcore.errors import ProviderError
from chatcore.parts import (
    Cancelled,
    Capability,
    ChatRequest,
    ErrorCode,
    Event,
    Failed,
    Finished,
    Health,
    ModelInfo,
    Progress,
    Started,
)
from chatcore.providers.base import ModelDetails, PullProgress, RunningModel, Situation, failure, raised
from chatcore.providers.base_waiting import PROGRESS_AFTER_S, RETRY_DELAYS_S, Patience, ended, tried
from chatcore.providers.ollama_answer import Answer, request_body
from chatcore.providers.ollama_errors import LABEL, Explain
from chatcore.providers.ollama_models import (
    PROVIDER,
    details_in,
    full_name,
    is_cloud,
    listed_model,
    name_in,
    pull_progress,
    running_models,
    same_model,
    shown_model,
)
from chatcore.providers.ollama_waiting import OllamaRetries
from chatcore.providers.ollama_wire import Json, Mark, Method, NotJson, Refused, Wire, objects_in, parse_address, text_in
from chatcore.settings import Settings

# Of a server that does not list capabilities, so many models are asked for theirs at once.
SHOWN_AT_ONCE = 4

WireError = Refused | NotJson | httpx.HTTPError | TimeoutError
WIRE_ERRORS = (Refused, NotJson, httpx.HTTPError, TimeoutError)


class Ollama:
    """An Ollama server. Raises Invalid for an address that is none; connects at the first request."""

    name = PROVIDER
    label = LABEL
    continues = True

    def __init__(
        self, settings: Settings, *, retry_delays_s: Sequence[float] = RETRY_DELAYS_S, progress_after_s: float = PROGRESS_AFTER_S
    ) -> None:
        self._address = parse_address(settings.ollama_host)
        self._timeouts = settings.timeouts
        self._wire = Wire(self._address, settings.timeouts, settings.ollama_api_key)
        self._retry_delays_s = tuple(retry_delays_s)
        self._progress_after_s = progress_after_s
        # What /api/show said, by name and digest: the model's content cannot change without its digest.
        self._shown: dict[tuple[str, str], ModelInfo] = {}
        # What the models listed last can do, by full name.
        self._abilities: dict[str, frozenset[str] | None] = {}

    async def close(self) -> None:
        """Closes the connections."""
        await self._wire.close()  # type: ignore[no-untyped-call]  # the client has no annotation there

    # --- look-ups ------------------------------------------------------------------------------------------------

    async def health(self) -> Health:
        """Whether the server answers, its version, and how long that took."""
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        try:
            version = await self._version()
        except ProviderError as error:
            return Health(reachable=False, host=self._address.url, error=error.message, hint=error.hint)
        return Health(reachable=True, host=self._address.url, version=version, latency_s=loop.time() - start_s)

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models of GET /api/tags, newest first, with what they can do and whether they are in memory."""
        tags, running = await asyncio.gather(self._lookup("GET", "/api/tags"), self._running_or_none())
        rows = [row for row in objects_in(tags, "models") if name_in(row)]
        await self._look_into([row for row in rows if listed_model(row).capabilities is None])
        models = tuple(in_memory(self._completed(row), running) for row in rows)
        self._abilities = {full_name(model.id): model.capabilities for model in models}
        return models

    async def model(self, model_id: str) -> ModelInfo:
        """Everything POST /api/show says of a model; the window is the smaller of the model's own and its num_ctx."""
        shown, running = await asyncio.gather(
            self._lookup("POST", "/api/show", {"model": model_id}, model=model_id), self._running_or_none()
        )
        return in_memory(shown_model(model_id, shown), running)

    async def details(self, model_id: str) -> ModelDetails:
        """What POST /api/show says of a model beyond `model`: family, template, parameters, licence."""
        return details_in(await self._lookup("POST", "/api/show", {"model": model_id}, model=model_id))

    async def running(self) -> tuple[RunningModel, ...]:
        """The models in memory."""
        return running_models(await self._lookup("GET", "/api/ps"))

    async def _version(self) -> str | None:
        """The server's version; None for one that lists models but tells no version."""
        try:
            answer = await self._lookup("GET", "/api/version")
        except ProviderError as error:
            if error.code != ErrorCode.NOT_FOUND:
                raise
            answer = await self._lookup("GET", "/api/tags")
        if not (text_in(answer, "version") or isinstance(answer.get("models"), list)):
            raise raised(failure(ErrorCode.NOT_FOUND, Situation(LABEL, host=self._address.url)))
        return text_in(answer, "version") or None

    async def _running_or_none(self) -> tuple[RunningModel, ...]:
        """The models in memory; none where the server cannot tell, which must not hide its models."""
        try:
            return await self.running()
        except ProviderError:
            return ()

    async def _look_into(self, rows: list[Json]) -> None:
        """Asks for the capabilities of models that are not known yet, some at a time, for as long as a look-up may take."""
        self._shown = {key: info for key, info in self._shown.items() if key in {shown_key(row) for row in rows}}
        gate = asyncio.Semaphore(SHOWN_AT_ONCE)

        async def look(row: Json) -> None:
            async with gate:
                try:
                    shown = await self._lookup("POST", "/api/show", {"model": name_in(row)}, model=name_in(row))
                except ProviderError:
                    return
                self._shown[shown_key(row)] = shown_model(name_in(row), shown)

        looks = [asyncio.ensure_future(look(row)) for row in rows if shown_key(row) not in self._shown]
        try:
            if looks:
                await asyncio.wait(looks, timeout=self._timeouts.lookup_s)
        finally:
            await ended(*looks)

    def _completed(self, row: Json) -> ModelInfo:
        """A listed model with what /api/show added."""
        listed, shown = listed_model(row), self._shown.get(shown_key(row))
        if listed.capabilities is not None or shown is None:
            return listed
        return replace(listed, capabilities=shown.capabilities, context_length=shown.context_length, cloud=listed.cloud or shown.cloud)

    async def _lookup(
        self, method: Method, path: str, body: Mapping[str, object] | None = None, *, model: str = "", limit_s: float | None = None
    ) -> Json:
        """The answer to a question with a time limit. Raises ProviderError."""
        limit_s = limit_s or self._timeouts.lookup_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._wire.ask(method, path, body)
        except WIRE_ERRORS as error:
            raise self._raised(error, model, limit_s) from error

    def _raised(self, error: WireError, model: str, limit_s: float | None) -> ProviderError:
        return as_error(Explain(self._address, self._timeouts, model).of(error, limit_s=limit_s))

    # --- upkeep of models ----------------------------------------------------------------------------------------

    async def pull(self, model_id: str) -> AsyncGenerator[PullProgress, None]:
        """Downloads a model. Raises ProviderError, also where the server stops without saying 'success'."""
        explain = Explain(self._address, self._timeouts, model_id)
        status, reached = "", Reached()
        try:
            async with aclosing(self._wire.lines("/api/pull", {"model": model_id, "stream": True})) as lines:
                while True:
                    async with asyncio.timeout(self._timeouts.pull_idle_s):
                        line = await anext(lines)
                    if line is Mark.END:
                        break
                    reached.accepted = True
                    if line is Mark.HEADERS:
                        continue
                    if "error" in line:
                        raise as_error(explain.line(line))
                    progress = pull_progress(line)
                    status = progress.status
                    reached.understood = reached.understood or bool(status)
                    yield progress
        except WIRE_ERRORS as error:
            raise as_error(broken(error, explain, reached, self._timeouts.pull_idle_s)) from error
        if status != "success":
            raise as_error(explain.incomplete("the download ended without success"))

    async def delete(self, model_id: str) -> None:
        """Removes a model from the server's disk."""
        await self._lookup("DELETE", "/api/delete", {"model": model_id}, model=model_id, limit_s=self._timeouts.delete_s)

    async def load(self, model_id: str, *, keep_alive: str | float | None = None) -> None:
        """Brings a model into memory; takes as long as the server needs, minutes for a large model."""
        body: Json = {"model": model_id, "messages": [], "stream": False}
        if keep_alive is not None:
            body["keep_alive"] = keep_alive
        try:
            async with asyncio.timeout(self._timeouts.first_byte_s):
                await self._wire.ask("POST", "/api/chat", body)
        except WIRE_ERRORS as error:
            raise self._raised(error, model_id, self._timeouts.first_byte_s) from error

    async def unload(self, model_id: str) -> None:
        """Takes a model out of memory."""
        body: Json = {"model": model_id, "messages": [], "stream": False, "keep_alive": 0}
        await self._lookup("POST", "/api/chat", body, model=model_id, limit_s=self._timeouts.delete_s)

    # --- answers -------------------------------------------------------------------------------------------------

    def chat(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        """The events of one answer. What fails before the first text is tried again where that can help."""
        retries = OllamaRetries(self._retry_delays_s, self._think(request), tools=bool(request.tools))
        return tried(lambda: self._attempt(request if retries.tools else replace(request, tools=()), retries.think), retries)

    def _think(self, request: ChatRequest) -> bool | str | None:
        """What is asked of thinking: nothing of a model that is known not to think. Of one not known it is found out."""
        abilities = self._abilities.get(full_name(request.model))
        return request.think if abilities is None or Capability.THINKING in abilities else None

    async def _attempt(self, request: ChatRequest, think: bool | str | None) -> AsyncGenerator[Event, None]:
        """One request and what comes of it."""
        explain = Explain(self._address, self._timeouts, request.model)
        answer = Answer()
        reached = Reached()
        try:
            body = request_body(request, think=think)
            async with aclosing(self._wire.lines("/api/chat", body)) as lines, aclosing(self._items(lines, request.model)) as items:
                async for item in items:
                    if not isinstance(item, dict):
                        reached.accepted = reached.accepted or isinstance(item, Started)
                        yield item
                        continue
                    reached.spoken = True
                    if item.get("error"):
                        yield explain.line(item)
                        return
                    reached.understood = reached.understood or "message" in item or "done" in item
                    for event in answer.events(item):
                        yield event
                        if isinstance(event, Finished):
                            return
            if reached.spoken and not reached.understood:
                raise NotJson("no line of a chat", cut=False)
            yield explain.incomplete("the stream ended without a line that says done")
        except WIRE_ERRORS as error:
            silent_s = self._timeouts.idle_s if reached.spoken else self._timeouts.first_byte_s
            yield broken(error, explain, reached, silent_s)

    async def _items(self, lines: AsyncGenerator[Json | Mark, None], model: str) -> AsyncGenerator[Started | Progress | Json, None]:
        """Started, Progress while nothing comes, then the lines. Raises TimeoutError where the server is silent too long."""
        patience = Patience(lambda: self.waiting_for(model), self._timeouts.first_byte_s, self._progress_after_s)
        item: Json | Mark = Mark.HEADERS
        while item is Mark.HEADERS:
            async with aclosing(patience.item(lines)) as coming:
                async for found in coming:
                    if isinstance(found, Progress):
                        yield found
                    else:
                        item = found
            if item is Mark.HEADERS:
                yield Started()
        while isinstance(item, dict):
            yield item
            async with asyncio.timeout(self._timeouts.idle_s):
                item = await anext(lines)

    async def waiting_for(self, model: str) -> str:
        """A sentence about what a server does that sends nothing."""
        if is_cloud(model, {}):
            return f"Waiting for {model} …"
        try:
            loaded = await self.running()
        except ProviderError:
            return f"Waiting for {model} …"
        if is_running(model, loaded):
            return f"Waiting for {model}: it is loaded and reads the chat, or other answers come first …"
        return f"Waiting for {model}: it is being loaded into memory …"


@dataclass
class Reached:
    """How far a stream came: its headers, a line, a line that makes sense."""

    accepted: bool = False
    spoken: bool = False
    understood: bool = False


def broken(error: WireError, explain: Explain, reached: Reached, silent_s: float | None) -> Failed | Cancelled:
    """What it means that a stream broke there; `silent_s` is the limit of silence that held."""
    match error:
        case NotJson() if reached.understood or error.cut:
            return explain.incomplete(str(error))
        case httpx.NetworkError() | httpx.ProtocolError() if reached.accepted:
            return explain.incomplete(repr(error))
        case _:
            return explain.of(error, limit_s=silent_s)


def as_error(event: Failed | Cancelled) -> ProviderError:
    """The failure of a look-up."""
    return raised(event if isinstance(event, Failed) else failure(ErrorCode.CANCELLED, Situation(LABEL)))


def is_running(name: str, running: Sequence[RunningModel]) -> bool:
    """Whether a model is among those in memory."""
    return any(same_model(name, model.id) for model in running)


def in_memory(model: ModelInfo, running: Sequence[RunningModel]) -> ModelInfo:
    """The model, with whether it is loaded and the window it got."""
    found = next((other for other in running if same_model(model.id, other.id)), None)
    return replace(model, loaded=found is not None, loaded_context=found.context_length if found else None)


def shown_key(row: Json) -> tuple[str, str]:
    """By what a look into a model is remembered."""
    return name_in(row), text_in(row, "digest")
