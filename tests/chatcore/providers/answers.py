"""What came of one answer, gathered from its events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from chatcore.endpoints import Endpoint
from chatcore.parts import (
    Cancelled,
    ChatRequest,
    Event,
    Failed,
    Finished,
    Progress,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCall,
    Turn,
    Usage,
)
from chatcore.providers.base import Provider
from chatcore.providers.ollama import Ollama
from chatcore.providers.openai import OpenAI
from chatcore.settings import Settings, Timeouts

Last = Finished | Failed | Cancelled


@dataclass
class Message:
    """All that an answer said. `last` is the one event that ended it."""

    text: str = ""
    reasoning: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)
    progress: list[str] = field(default_factory=list)
    lasts: list[Last] = field(default_factory=list)
    deltas: int = 0
    started: int = 0

    @property
    def last(self) -> Last:
        assert len(self.lasts) == 1, f"an answer ends once, not {self.lasts}"
        return self.lasts[0]

    @property
    def failed(self) -> Failed:
        assert isinstance(self.last, Failed), self.last
        return self.last

    @property
    def finished(self) -> Finished:
        assert isinstance(self.last, Finished), self.last
        return self.last

    @property
    def usage(self) -> Usage:
        (usage,) = self.usages
        return usage

    @property
    def parts(self) -> tuple[object, ...]:
        """What must be the same however the bytes arrive; ids of tool calls may be made anew."""
        calls = tuple((call.name, call.arguments, call.raw) for call in self.calls)
        return self.text, self.reasoning, calls, tuple(self.usages), self.last

    def add(self, event: Event) -> None:
        """Takes in the next event."""
        assert not self.lasts, f"{event} came after the end"
        match event:
            case TextDelta():
                self.text += event.text
                self.deltas += 1
            case ReasoningDelta():
                self.reasoning += event.text
            case ToolCall():
                self.calls.append(event)
            case Usage():
                self.usages.append(event)
            case Progress():
                self.progress.append(event.text)
            case Started():
                self.started += 1
            case Finished() | Failed() | Cancelled():
                self.lasts.append(event)


def ask(text: str = "Hi", *, model: str = "tinychat", think: bool | str | None = None) -> ChatRequest:
    """A request with one turn."""
    return ChatRequest(model, (Turn("user", text),), think=think)


async def answer(provider: Provider, request: ChatRequest | None = None) -> Message:
    """The whole answer."""
    message = Message()
    async for event in provider.chat(request or ask()):
        message.add(event)
    assert message.lasts, "the answer has no end"
    return message


@asynccontextmanager
async def ollama_at(
    url: str, *, timeouts: Timeouts | None = None, progress_after_s: float = 60.0, key: str | None = None
) -> AsyncIterator[Ollama]:
    """The provider of a server at an address; it tries again at once."""
    settings = Settings(database_url="", ollama_host=url, ollama_api_key=key, timeouts=timeouts or Timeouts())
    provider = Ollama(settings, retry_delays_s=(0.0, 0.0, 0.0), progress_after_s=progress_after_s)
    try:
        yield provider
    finally:
        await provider.close()


# Where a server that speaks OpenAI's interface is asked.
CHAT, MODELS = "/v1/chat/completions", "/v1/models"


@asynccontextmanager
async def openai_at(
    url: str,
    *,
    timeouts: Timeouts | None = None,
    progress_after_s: float = 60.0,
    counts_s: float = 60.0,
    key: str | None = None,
    name: str = "lab",
) -> AsyncIterator[OpenAI]:
    """The provider of an endpoint at an address; it tries again at once."""
    provider = OpenAI(
        Endpoint(name, f"{url}/v1", key, "CHATCORE_OPENAI_KEY_LAB"),
        timeouts or Timeouts(),
        retry_delays_s=(0.0, 0.0, 0.0),
        progress_after_s=progress_after_s,
        counts_s=counts_s,
    )
    try:
        yield provider
    finally:
        await provider.close()
