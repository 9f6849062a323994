"""The built-in guide: no model, no network. It looks questions up in the manual, and can play a model for trying things out."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from chatcore.errors import Invalid
from chatcore.parts import (
    Cancelled,
    Capability,
    ChatRequest,
    ErrorCode,
    Event,
    Finished,
    FinishReason,
    Health,
    ModelInfo,
    Progress,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCall,
    Usage,
)
from chatcore.providers.base import Situation, failure, raised
from chatcore.providers.guide_manual import Manual, Section, read_manual
from chatcore.providers.guide_stream import MAX_TOKENS, MAX_TOKENS_PER_S, paced, sample_markdown, token_count, tokens
from chatcore.providers.guide_tools import results_text, tool_call
from chatcore.settings import ROOT

MODEL_ID = "guide"
HOST = "built in"
# Fast enough that a section of the manual is there in a second, slow enough to be seen streaming.
ANSWER_TOKENS_PER_S = 400.0
MAX_WAIT_S = 600.0
FAIL_TOKENS_PER_S = 100.0

# What is asked stands at the beginning; a pasted book is not searched for.
QUESTION_LIMIT = 2000

NO_MODEL = "I am the built-in guide, not a language model: I look things up in the manual."
SUGGESTIONS = (
    "How do I connect Ollama?",
    "What happens when I close the tab in the middle of an answer?",
    "How do I find a chat?",
    "Where is my data?",
)
CONNECT_STEPS = """### Connect a model server

1. Install Ollama from https://ollama.com and start it: `ollama serve` (the desktop app does it by itself).
2. Fetch a model: `ollama pull llama3.2:3b`.
3. Choose it in the model list of the chat page.

If Ollama runs elsewhere, set `OLLAMA_HOST` to its address and start this application again. Other servers (vLLM, llama.cpp,
LM Studio, OpenRouter, OpenAI) are named in `CHATCORE_OPENAI_ENDPOINTS`, as in `lab=http://192.168.1.20:8000/v1`."""
_OTHERS = r"openai|open ?router|vllm|llama\.?cpp|lm ?studio|api keys?|endpoints?"
_CONNECT = re.compile(rf"\b(ollama|connect\w*|models?|llms?|pull\w*|server is|no model|offline|{_OTHERS})\b", re.IGNORECASE)
_ENDPOINT = re.compile(rf"\b({_OTHERS})\b", re.IGNORECASE)
_GREETING = re.compile(r"\W*(hi|hello|hey|hallo|help|hilfe|who are you|what are you|what can you do|test)?\W*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ServerState:
    """How a model server is now. `models` are those it offers, None where it could not be asked."""

    label: str
    health: Health
    models: tuple[ModelInfo, ...] | None = None


Look = Callable[[], Awaitable[tuple[ServerState, ...]]]


@dataclass(frozen=True, slots=True)
class Command:
    """One line of /help: how it is typed, what it does."""

    usage: str
    does: str


COMMANDS = (
    Command("/help", "shows this list"),
    Command("/stream TOKENS PER_SECOND", f"writes markdown, up to {MAX_TOKENS:,} tokens at up to {MAX_TOKENS_PER_S:,} per second"),
    Command("/think TEXT", "reasons aloud for a moment, then answers with the text"),
    Command("/wait SECONDS", "writes nothing for a while, like a server that loads a model"),
    Command("/tool NAME ARGUMENT", "asks for a tool as a model would, such as `/tool time Europe/Berlin`"),
    Command("/fail CODE TOKENS", "fails like a model server, after so many tokens (0 without a number)"),
)


async def nobody() -> tuple[ServerState, ...]:
    """No other provider to tell about."""
    return ()


class Guide:
    """The embedded default provider. `look` tells how the other providers are; `docs` is the folder of the manual."""

    name = "guide"
    label = "Built-in guide"
    continues = True

    def __init__(self, look: Look = nobody, *, docs: Path = ROOT / "docs") -> None:
        self._look = look
        self._docs = docs
        self._manual: Manual | None = None

    async def health(self) -> Health:
        """Always reachable: it is part of this process."""
        return Health(reachable=True, host=HOST, latency_s=0.0)

    async def models(self) -> tuple[ModelInfo, ...]:
        """The one model there is."""
        return (ModelInfo(id=MODEL_ID, provider=self.name, capabilities=frozenset({Capability.COMPLETION, Capability.TOOLS}), loaded=True),)

    async def model(self, model_id: str) -> ModelInfo:
        """The one model there is; any other raises ProviderError."""
        if model_id != MODEL_ID:
            raise raised(failure(ErrorCode.MODEL_NOT_FOUND, Situation(self.label, model=model_id)))
        return (await self.models())[0]

    async def close(self) -> None:
        """Nothing to close."""

    async def chat(self, request: ChatRequest) -> AsyncIterator[Event]:
        """Answers the last prompt, or goes on with the answer to it; a text that starts with a slash is a command."""
        if request.model != MODEL_ID:
            yield failure(ErrorCode.MODEL_NOT_FOUND, Situation(self.label, model=request.model))
            return
        yield Started()
        question, begun = asked_of(request)
        asked = sum(token_count(turn.content) for turn in request.turns)
        loop = asyncio.get_running_loop()
        start_s, written = loop.time(), 0
        last: Event = Finished(FinishReason.STOP, "stop")
        async for event in self._turn(request, question, begun):
            if isinstance(event, ToolCall):
                last = Finished(FinishReason.TOOL_CALLS, "stop")
                yield event
                continue
            if not isinstance(event, TextDelta | ReasoningDelta | Progress):
                last = event
                break
            written += not isinstance(event, Progress)
            yield event
        yield Usage(input_tokens=asked, output_tokens=written, eval_s=loop.time() - start_s, response_model=MODEL_ID)
        yield last

    def _turn(self, request: ChatRequest, question: str, begun: str) -> AsyncIterator[Event]:
        """The events of this turn: of an answer, of a call, or of what came of one."""
        if request.turns and request.turns[-1].role == "tool":
            return written(results_text(request.turns), ANSWER_TOKENS_PER_S)
        name, _, rest = question.partition(" ")
        if name.lower() != "/tool":
            return self._answer(question, begun)
        call = tool_call(rest, request.tools)
        return written(call, ANSWER_TOKENS_PER_S) if isinstance(call, str) else called(call)

    async def _answer(self, question: str, begun: str) -> AsyncIterator[Event]:
        """The events between the first and the last; a last one only where the answer shall fail. `begun` is what it has already."""
        name, *arguments = question.split() or [""]
        try:
            match name.lower():
                case "/stream":
                    size, rate = numbers(arguments, (2000, 200), (MAX_TOKENS, MAX_TOKENS_PER_S), "/stream 2000 200")
                    events = written(rest(await asyncio.to_thread(sample_markdown, size), begun), rate)
                case "/think":
                    events = thought(question[len(name) :].strip() or "Nothing to add.")
                case "/wait":
                    (seconds,) = numbers(arguments, (5,), (int(MAX_WAIT_S),), "/wait 5")
                    events = waited(seconds)
                case "/fail":
                    events = failing(self.label, arguments)
                case "/help":
                    events = written(help_text(), ANSWER_TOKENS_PER_S)
                case command if command.startswith("/") and len(command) > 1 and "/" not in command[1:]:
                    events = written(f"I do not know the command `{command[:40]}`.\n\n{help_text()}", ANSWER_TOKENS_PER_S)
                case _:
                    events = written(rest(await self._text(question), begun), ANSWER_TOKENS_PER_S)
        except Invalid as error:
            events = written(f"{error.message} {error.hint}", ANSWER_TOKENS_PER_S)
        async for event in events:
            yield event

    async def _text(self, question: str) -> str:
        """The answer to a question in words."""
        question = question[:QUESTION_LIMIT]
        if _GREETING.fullmatch(question):
            return introduction(await self._look())
        if self._manual is None:
            self._manual = await asyncio.to_thread(read_manual, self._docs)
        found = self._manual.find(question)
        if _CONNECT.search(question):
            about = "chatcore_openai_endpoints" if _ENDPOINT.search(question) else "ollama"
            steps = [quoted(section) for section in found if about in section.text.lower()][:1] or [CONNECT_STEPS]
            return "\n\n".join([*(state_text(state) for state in await self._look()), *steps, f"_{NO_MODEL}_"])
        if not found:
            topics = "".join(f"- {topic}\n" for topic in self._manual.topics()) or "- (the manual is not installed)\n"
            nothing = f"{NO_MODEL} It has nothing about this. To have such questions answered, connect a model server."
            return f"{nothing}\n\nWhat it covers:\n\n{topics}"
        others = [f"**{section.title}**" for section in found[1:]]
        see_also = [f"See also: {', '.join(others)}."] if others else []
        return "\n\n".join([quoted(found[0]), *see_also, f"_{NO_MODEL}_"])


# --- commands ----------------------------------------------------------------------------------------------------


async def written(text: str, per_s: float) -> AsyncIterator[Event]:
    """The text, a token at a time."""
    async for token in paced(tokens(text), per_s):
        yield TextDelta(token)


async def called(call: ToolCall) -> AsyncIterator[Event]:
    """A sentence, then the call."""
    async for event in written(f"I ask for the tool `{call.name}`.", ANSWER_TOKENS_PER_S):
        yield event
    yield call


async def thought(text: str) -> AsyncIterator[Event]:
    """Some reasoning, then the text."""
    reasoning = f"The person asks me to answer with {len(text)} characters. There is nothing to weigh, so I repeat them as they are."
    async for token in paced(tokens(reasoning), FAIL_TOKENS_PER_S):
        yield ReasoningDelta(token)
    async for event in written(text, FAIL_TOKENS_PER_S):
        yield event


async def waited(seconds: int) -> AsyncIterator[Event]:
    """Progress for so long, then a sentence."""
    yield Progress(f"Waiting for {seconds} s, as asked …")
    await asyncio.sleep(seconds)
    async for event in written(f"Those were {seconds} seconds without a word.", ANSWER_TOKENS_PER_S):
        yield event


def asked_of(request: ChatRequest) -> tuple[str, str]:
    """The last prompt, and the answer to it as far as it is there already."""
    turns = request.turns
    begun = turns[-1].content if turns and turns[-1].role == "assistant" else ""
    prompts = [turn.content for turn in turns if turn.role != "assistant"]
    return prompts[-1].strip() if prompts else "", begun


def rest(text: str, begun: str) -> str:
    """What is missing of a text that begins so; all of it if it does not."""
    return text.removeprefix(begun)


def failing(label: str, arguments: list[str]) -> AsyncIterator[Event]:
    """Some tokens, then the failure that was asked for. Raises Invalid for a code that does not exist."""
    codes = [code.value for code in ErrorCode]
    name = arguments[0].lower() if arguments else ""
    if name not in codes:
        listed = ", ".join(f"`{code}`" for code in codes)
        raise Invalid(f"There is no error code {name[:40]!r}." if name else "Which error?", f"Write `/fail CODE` with one of: {listed}.")
    (size,) = numbers(arguments[1:], (0,), (MAX_TOKENS,), f"/fail {name} 100", least=0)

    async def events() -> AsyncIterator[Event]:
        async for event in written(sample_markdown(size), FAIL_TOKENS_PER_S):
            yield event
        code = ErrorCode(name)
        at = Situation(label, host=HOST, model=MODEL_ID, text="this failure was asked for", feature="do this", limit_s=300)
        yield Cancelled() if code is ErrorCode.CANCELLED else failure(code, at)

    return events()


def numbers(arguments: list[str], defaults: tuple[int, ...], most: tuple[int, ...], example: str, *, least: int = 1) -> tuple[int, ...]:
    """The whole numbers of a command, defaults where fewer are given. Raises Invalid with an example."""
    hint = f"Write for example `{example}`."
    if len(arguments) > len(defaults):
        raise Invalid(f"I take {len(defaults)} numbers at most, not {len(arguments)}.", hint)
    values = []
    for argument, limit in zip(arguments, most, strict=False):
        digits = argument.replace(",", "").replace("_", "")
        # No number that is allowed has more digits, and int() refuses thousands of them.
        value = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 9 else -1
        if not least <= value <= limit:
            raise Invalid(f"{argument[:40]!r} is not a whole number from {least} to {limit:,}.", hint)
        values.append(value)
    return tuple(values) + defaults[len(values) :]


# --- texts -------------------------------------------------------------------------------------------------------


def help_text() -> str:
    """What can be typed."""
    lines = "\n".join(f"- `{command.usage}` {command.does}" for command in COMMANDS)
    asks = "\n".join(f"- {question}" for question in SUGGESTIONS)
    return f"{NO_MODEL} Ask in your own words, for example:\n\n{asks}\n\nFor trying things out:\n\n{lines}"


def introduction(states: tuple[ServerState, ...]) -> str:
    """What the guide says to a greeting."""
    return "\n\n".join(["Hello.", help_text(), *(state_text(state) for state in states)])


def state_text(state: ServerState) -> str:
    """How a model server is now, in one paragraph."""
    health = state.health
    if not health.reachable:
        return f"**{state.label}, now:** {health.error or 'not reachable'} {health.hint or ''}".strip()
    version = f" {health.version}" if health.version else ""
    head = (
        f"**{state.label}, now:** version{version} answers at {health.host}"
        if version
        else f"**{state.label}, now:** answers at {health.host}"
    )
    if state.models is None:
        return f"{head}."
    chatting = [model for model in state.models if model.can_chat]
    if not chatting:
        fetch = " Fetch one: `ollama pull llama3.2:3b`." if state.label == "Ollama" else ""
        return f"{head}, but it has no model to chat with yet.{fetch}"
    shown = ", ".join(f"`{model.id}`" for model in chatting[:5]) + (" …" if len(chatting) > 5 else "")
    return f"{head} and offers {len(chatting)} model{'s' if len(chatting) > 1 else ''}: {shown}."


def quoted(section: Section) -> str:
    """A section of the manual with its source."""
    return f"### {section.title}\n\n{section.text}\n\n(docs/{section.file})"
