"""One chat of the corpus: its messages, when they were written, how its answers went, and the words planted in them."""

import json
import random
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from heapq import heapify, heapreplace
from itertools import accumulate
from math import log

from benchmarks.corpus_people import FOLDERS, TAGS, folder_id
from benchmarks.corpus_texts import Texts
from benchmarks.vocabulary import CJK, RARE, RARE_MESSAGES, SHARES
from chatcore.parts import CallRecord, CallState, Decision
from chatcore.texts import cut, snippet
from chatcore.toolcalls import dump_calls

# In so many of 1,000 chats: 3 % are in the other scripts.
LANGUAGES = {"english": 970, "chinese": 15, "japanese": 10, "korean": 5}
PAUSE_SHARE, MEAN_PAUSE_S = 0.04, 2 * 86_400
# No answer takes longer: nothing begins this shortly before the end of all times.
LONGEST_ANSWER_S = 600
TOOL_SHARE = 0.10
TOOLS = ("search_web", "read_file", "run_query", "get_weather", "send_mail")
CONTEXT_TOKENS = 8_192
TITLE_CHARACTERS = 60
# For each tag, and for all folders together.
TAG_SHARE, FOLDER_SHARE = 0.04, 0.25
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Model:
    """A model: how often it is asked, its speed in tokens a second, the seconds until it begins."""

    provider: str
    name: str
    weight: int
    tokens_per_s: float
    first_chunk_s: float


MODELS = (
    Model("ollama", "llama3.2:3b", 30, 42.0, 0.5),
    Model("ollama", "qwen3:8b", 22, 21.0, 1.1),
    Model("ollama", "mistral-small:24b", 12, 9.0, 2.4),
    Model("ollama", "gemma3:12b", 10, 14.0, 1.6),
    Model("ollama", "gpt-oss:20b", 8, 30.0, 0.9),
    Model("openai", "gpt-5-mini", 10, 95.0, 0.8),
    Model("openai", "gpt-5", 6, 60.0, 1.4),
    Model("openai", "o5-pro", 2, 25.0, 6.0),
)
OUTCOMES = {"complete": 930, "stopped": 35, "failed": 28, "interrupted": 7}
# code, message, hint, can a retry help
FAILURE = ("unreachable", "The model server does not answer at http://127.0.0.1:11434.", "See whether it runs.", True)
NO_FAILURE = (None, None, None, None)


@dataclass(frozen=True, slots=True)
class Plan:
    """A chat before its texts: whose it is, when it starts (microseconds since 1970), how many messages it gets. Over
    `spread_s` seconds where that is said, else in one sitting or a few."""

    start: int
    user_id: str
    messages: int
    spread_s: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an answer went: what its generation says beyond the message."""

    first_s: float
    eval_s: float
    input_tokens: int | None
    output_tokens: int | None

    @property
    def duration_s(self) -> float:
        """From the prompt to the end of the answer."""
        return self.first_s + self.eval_s


@dataclass(slots=True)
class Draft:
    """A message before it has its id. `at` is in microseconds since 1970; answers have an attempt."""

    at: int
    role: str
    status: str
    content: str
    tool_calls: str | None = None
    attempt: Attempt | None = None

    @property
    def end(self) -> int:
        """When it was finished, in microseconds since 1970."""
        return self.at if self.attempt is None else self.at + int(self.attempt.duration_s * SECOND)


@dataclass(slots=True)
class Chat:
    """A chat with all its messages; `tags` and `folder` are places in TAGS and FOLDERS, `place` is the next message to hand
    out, `leaf` the id of the last one handed out."""

    id: uuid.UUID
    user_id: str
    model: Model
    drafts: list[Draft]
    tags: tuple[int, ...]
    folder: int | None = None
    pinned: bool = False
    archived: bool = False
    deleted_at: datetime | None = None
    place: int = 0
    leaf: int | None = None

    def row(self) -> tuple[object, ...]:
        """Its row in the columns of `benchmarks.loading`, before its last message is known."""
        attempts = [draft.attempt for draft in self.drafts if draft.attempt is not None]
        read = sum(attempt.input_tokens or 0 for attempt in attempts)
        written = sum(attempt.output_tokens or 0 for attempt in attempts)
        end = moment(max(draft.end for draft in self.drafts[-2:]))
        folder = None if self.folder is None else folder_id(self.user_id, self.folder)
        shown = next(text for draft in reversed(self.drafts) if (text := snippet(draft.content)))
        return (
            self.id, self.user_id, cut(snippet(self.drafts[0].content), TITLE_CHARACTERS), self.model.provider, self.model.name,
            moment(self.drafts[0].at), end, self.pinned, self.archived, self.deleted_at, folder, len(self.drafts), read, written, end,
            shown,
        )  # fmt: skip


class Author:
    """Writes chats from plans, in the order they are asked for. `end` is when all has happened, in microseconds.

    `planted` says of each planted word in how many messages it is; `planted_for` the same of the `measured` people, who
    also get the rare words.
    """

    def __init__(self, seed: int, *, begin: int, end: int, measured: Sequence[str]) -> None:
        self._rng = random.Random(f"chats/{seed}")
        # What became of calls is drawn apart, so that texts and times are the same as before there were any.
        self._luck = random.Random(f"calls/{seed}")
        self._texts = Texts(seed)
        self._end = end
        self._frequent, self._of_scripts = Plants(self._rng, SHARES), Plants(self._rng, CJK)
        self._rare = {user_id: rare_words(begin, end) for user_id in measured}
        self._models = list(accumulate(model.weight for model in MODELS))
        self.planted: Counter[str] = Counter()
        self.planted_for: dict[str, Counter[str]] = {user_id: Counter() for user_id in measured}

    def chat(self, plan: Plan) -> Chat:
        """The chat of a plan."""
        rng = self._rng
        model = rng.choices(MODELS, cum_weights=self._models)[0]
        language = chosen(rng, LANGUAGES) if plan.spread_s is None else "english"
        chat = Chat(chat_key(plan.start, rng), plan.user_id, model, self._drafts(plan, model, language), tags_of(rng))
        chance = rng.random()
        if rng.random() < FOLDER_SHARE:
            chat.folder = int(rng.random() * len(FOLDERS))
        if plan.spread_s is None:
            chat.pinned, chat.archived = chance < 0.004, 0.1 < chance < 0.16
            if 0.2 < chance < 0.22:
                end = chat.drafts[-1].end
                chat.deleted_at = moment(end + int(rng.random() * (self._end - end)))
        return chat

    def _drafts(self, plan: Plan, model: Model, language: str) -> list[Draft]:
        """All messages, each answer at the time of its prompt."""
        drafts: list[Draft] = []
        at, context = plan.start, 0
        for place in range(plan.messages):
            if place % 2:
                draft = self._answer(plan.user_id, model, language, at, context)
                at = draft.end + int(self._pause_s(plan) * SECOND)
            else:
                draft = Draft(at, "user", "complete", self._content("user", plan.user_id, at, language, self._texts.prompt(language)))
            context = min(context + tokens_of(draft.content), CONTEXT_TOKENS)
            drafts.append(draft)
        squeeze(drafts, plan.start, self._end - LONGEST_ANSWER_S * SECOND)
        return drafts

    def _pause_s(self, plan: Plan) -> float:
        """From an answer to the next prompt: a minute, sometimes days."""
        if plan.spread_s is not None:
            return self._rng.random() * 4 * plan.spread_s / plan.messages
        pause_s = self._rng.lognormvariate(3.8, 1.2)
        return pause_s if self._rng.random() > PAUSE_SHARE else pause_s + self._rng.expovariate(1 / MEAN_PAUSE_S)

    def _answer(self, user_id: str, model: Model, language: str, at: int, context: int) -> Draft:
        rng = self._rng
        state = chosen(rng, OUTCOMES)
        sentences = [] if state == "failed" else self._texts.answer(language)
        if state in ("stopped", "interrupted"):
            sentences = sentences[: 1 + int(rng.random() * len(sentences))]
        text = self._content("assistant", user_id, at, language, sentences) if sentences else ""
        tokens = tokens_of(text)
        first_s = model.first_chunk_s * rng.lognormvariate(0.0, 0.5) + context / 4000
        eval_s = tokens / (model.tokens_per_s * rng.uniform(0.8, 1.15))
        counted = state in ("complete", "stopped")
        attempt = Attempt(round(first_s, 3), round(eval_s, 3), context if counted else None, tokens if counted else None)
        return Draft(at, "assistant", state, text, self._tool_calls() if rng.random() < TOOL_SHARE else None, attempt)

    def _tool_calls(self) -> str | None:
        """A call of a tool, as `chatmessage.tool_calls` holds it; one of ten failed, one of twenty was declined."""
        name, rng = self._texts.name, self._rng
        arguments: dict[str, object] = {"query": f"{name()} {name()}", "path": f"/srv/{name()}.md", "limit": 1 + int(rng.random() * 50)}
        call = CallRecord(f"call_{rng.getrandbits(40):010x}", rng.choice(TOOLS), arguments, raw=json.dumps(arguments))
        luck = self._luck.random()
        if luck < 0.05:
            call = replace(call, state=CallState.DECLINED, decision=Decision.DECLINED, result="The user declined this call.")
        else:
            state, took_s = (CallState.FAILED if luck < 0.15 else CallState.DONE), round(self._luck.lognormvariate(-1.0, 1.0), 3)
            call = replace(call, state=state, result=f"{self._luck.randint(1, 500)} lines found.", duration_s=took_s)
        return dump_calls([call])

    def _content(self, role: str, user_id: str, at: int, language: str, sentences: list[str]) -> str:
        """The text of a message with the words that are due in it, each before a sentence of its own: never side by side."""
        words = self._frequent.due()
        if language != "english":
            words += self._of_scripts.due()
        rare = self._rare.get(user_id)
        if rare and rare[-1][0] <= at:
            words.append(rare.pop()[1])
        sentences += [self._texts.sentence() for _ in range(len(words) - len(sentences))]
        first = int(self._rng.random() * len(sentences))
        for number, word in enumerate(words):
            place = (first + number) % len(sentences)
            sentences[place] = f"{word} {sentences[place]}"
        self.planted.update(words)
        if user_id in self.planted_for:
            self.planted_for[user_id].update(words)
        return self._texts.laid_out(role, language, sentences)


class Plants:
    """Which of these words are in the next message, each by its own chance. Costs as much as words are due, not as there are."""

    def __init__(self, rng: random.Random, shares: Mapping[str, float]) -> None:
        self._rng = rng
        self._number = 0
        self._due = [(self._gap(share), word, share) for word, share in shares.items()]
        heapify(self._due)

    def _gap(self, share: float) -> int:
        """After how many messages a word of this share comes again."""
        return 1 + int(log(1 - self._rng.random()) / log(1 - share))

    def due(self) -> list[str]:
        """The words of the next message."""
        self._number += 1
        words = []
        while self._due[0][0] <= self._number:
            _, word, share = self._due[0]
            words.append(word)
            heapreplace(self._due, (self._number + self._gap(share), word, share))
        return words


def rare_words(begin: int, end: int) -> list[tuple[int, str]]:
    """From when on each rare word is to come again, the latest first: evenly over the whole time but its end."""
    turns = [word for _ in range(RARE_MESSAGES) for word in RARE]
    step = (end - begin) * 9 // (10 * len(turns))
    return [(begin + number * step, word) for number, word in enumerate(turns)][::-1]


def squeeze(drafts: list[Draft], start: int, end: int) -> None:
    """Moves the messages closer together where the last one would lie behind the end."""
    last = drafts[-1].at
    if last > end:
        for draft in drafts:
            draft.at = start + (draft.at - start) * (end - start) // (last - start)


def chosen(rng: random.Random, shares: Mapping[str, int]) -> str:
    """One of the names, each in so many of 1,000 cases."""
    number = rng.random() * 1_000
    for name, share in shares.items():
        number -= share
        if number < 0:
            return name
    return name


def tags_of(rng: random.Random) -> tuple[int, ...]:
    """The places of the tags of a chat; most have none."""
    return tuple(place for place in range(len(TAGS)) if rng.random() < TAG_SHARE)


def chat_key(start: int, rng: random.Random) -> uuid.UUID:
    """A UUIDv7 (RFC 9562) of that moment. Made here because the ones of the service take clock and chance from the machine."""
    return uuid.UUID(int=start // 1000 << 80 | 0x7 << 76 | rng.getrandbits(12) << 64 | 0b10 << 62 | rng.getrandbits(62))


def tokens_of(text: str) -> int:
    """About how many tokens a text has: four characters each, as English has it; other scripts have more."""
    return (len(text) if text.isascii() else len(text.encode())) // 4 + 1


def moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)
