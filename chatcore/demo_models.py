"""The models of the sample: how quick they are, what they report of an answer, what that costs, and how much people like it."""

import random
from dataclasses import dataclass
from datetime import datetime

from chatcore import prices
from chatcore.parts import Usage

Row = dict[str, object]

# A seller keeps the beginning of a prompt from this length on, in steps of 128 tokens (OpenAI, prompt caching).
CACHE_FROM, CACHE_STEP = 1024, 128
RATED = 0.12
COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
NOTES = {
    1: ("Exactly what I needed.", "Short and right.", "The example runs as it is.", "Good explanation."),
    -1: ("The example does not compile.", "Too long.", "It did not answer my question.", "Wrong about the index."),
}


@dataclass(frozen=True, slots=True)
class Model:
    """A model: how often it is asked, its speed in tokens a second, the seconds until it begins, how many of ten ratings are good.

    One on this machine reads so many prompt tokens a second, and takes `load_s` to be loaded. A hosted one says nothing of
    times; `tells_reasoning`: it says how many tokens were reasoning. `window` is how many tokens it sees
    at once.
    """

    provider: str
    name: str
    weight: int
    tokens_per_s: float
    first_chunk_s: float
    thinks: bool = False
    prompt_tokens_per_s: float | None = None
    load_s: float | None = None
    hosted: bool = False
    tells_reasoning: bool = False
    liked: float = 7
    window: int | None = None


MODELS = (
    Model("ollama", "llama3.2:3b", 30, 42.0, 0.2, prompt_tokens_per_s=900, load_s=1.6, liked=6, window=4096),
    Model("ollama", "qwen3:8b", 22, 21.0, 0.3, thinks=True, prompt_tokens_per_s=420, load_s=3.4, liked=8, window=4096),
    Model("ollama", "mistral-small:24b", 12, 9.0, 0.6, prompt_tokens_per_s=150, load_s=8.5, window=4096),
    Model("ollama", "gemma3:12b", 10, 14.0, 0.4, prompt_tokens_per_s=260, load_s=5.2, window=2048),
    Model("ollama", "gpt-oss:120b-cloud", 6, 95.0, 0.8, thinks=True, prompt_tokens_per_s=2500, liked=8, window=131_072),
    Model("openai", "gpt-5-mini", 9, 85.0, 1.4, thinks=True, hosted=True, tells_reasoning=True, liked=8.5, window=400_000),
    Model("anthropic", "claude-sonnet-4-5", 7, 65.0, 1.1, hosted=True, liked=9, window=200_000),
    Model("guide", "guide", 4, 300.0, 0.01, liked=5),
)
# code, message, hint, can a retry help
Failure = tuple[str, str, str, bool]
FAILURES: tuple[Failure, ...] = (
    ("unreachable", "Ollama does not answer at http://127.0.0.1:11434.", "Start it with: ollama serve", True),
    ("timeout", "Ollama has sent nothing for 300 s.", "Try again, or choose a smaller model.", True),
    ("context_length", "The chat is longer than the model can read.", "Start a new chat, or choose a model with a longer context.", False),
    ("server_error", "Ollama failed: model runner has unexpectedly stopped.", "Try again; the log of Ollama says why.", True),
)
HOSTED_FAILURES: tuple[Failure, ...] = (
    ("rate_limited", "The model server takes no more questions for now.", "Wait a minute and try again.", True),
    ("timeout", "The model server has sent nothing for 300 s.", "Try again.", True),
    FAILURES[2],
)


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer is made of: the tokens read, those kept from the answer before, those written, and of them the reasoning."""

    context: int
    kept: int
    written: int
    reasoning: int
    first: bool


@dataclass(frozen=True, slots=True)
class Times:
    """The seconds of an answer: of loading and reading, None at a hosted model; until it begins, which has both in it; of writing."""

    load_s: float | None
    prompt_s: float | None
    first_s: float
    eval_s: float


def failures_of(model: Model) -> tuple[Failure, ...]:
    """How answers of a model fail."""
    return HOSTED_FAILURES if model.hosted else FAILURES


def times_of(model: Model, answered: Answered, rng: random.Random) -> Times:
    """How long an answer takes."""
    # The first answer of a chat often finds another model in memory.
    cold = answered.first and rng.random() < 0.5
    load_s = None if model.load_s is None else model.load_s * rng.lognormvariate(0.0, 0.25) if cold else rng.uniform(0.02, 0.09)
    prompt_s = None if model.prompt_tokens_per_s is None else answered.context / (model.prompt_tokens_per_s * rng.uniform(0.8, 1.2))
    wait_s = model.first_chunk_s * rng.lognormvariate(0.0, 0.5)
    eval_s = answered.written / (model.tokens_per_s * rng.uniform(0.8, 1.15))
    return Times(load_s, prompt_s, wait_s + (load_s or 0.0) + (prompt_s or 0.0), eval_s)


def seen_of(model: Model, context: int, rng: random.Random) -> tuple[int, bool]:
    """How much of a prompt a model looks at, in tokens, and whether its server left the oldest messages out."""
    if model.window is None or context <= model.window:
        return context, False
    return int(model.window * rng.uniform(0.82, 0.99)), True


def usage_of(model: Model, answered: Answered, *, reported: bool) -> Usage:
    """The tokens of an answer; of what was cached and of reasoning only hosted models tell, and only at the end of an answer."""
    told = model.hosted and reported
    cached = answered.kept // CACHE_STEP * CACHE_STEP if answered.kept >= CACHE_FROM else 0
    return Usage(
        input_tokens=answered.context,
        output_tokens=answered.written,
        cached_tokens=cached if told else None,
        reasoning_tokens=answered.reasoning if told and model.tells_reasoning else None,
    )


def cost_of(generation: Row) -> Row:
    """The columns of the cost of an answer, as `chatcore.prices` has it for the time it was asked for."""
    at, source = generation["started_at"], generation["usage_source"]
    if not isinstance(at, datetime) or not isinstance(source, str):
        return prices.columns(None)
    read, written, cached, reasoning = (count if isinstance(count := generation[name], int) else None for name in COUNTS)
    usage = Usage(input_tokens=read, output_tokens=written, cached_tokens=cached, reasoning_tokens=reasoning)
    return prices.columns(prices.price(str(generation["provider"]), str(generation["model_name"]), usage, at=at, usage_source=source))


def rating_of(model: Model, rng: random.Random) -> tuple[int, str | None] | None:
    """What a person thinks of a complete answer: 1 or -1 with a note now and then; most say nothing."""
    if rng.random() >= RATED:
        return None
    rating = 1 if rng.random() * 10 < model.liked else -1
    return rating, rng.choice(NOTES[rating]) if rng.random() < 0.3 else None
