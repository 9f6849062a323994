"""Titles by the model: after the first answer of a chat it is asked for a few words, in the background and behind everything else.
A person can also ask for one at any time, and decide what becomes of it.

A title never stands in the way of an answer: it is asked for only while no answer of that provider is being written, is given up
at once when one begins, and no model is loaded for it. What it uses is in a ledger of its own, also when no title came of it: the
rows of the other are answers, and a title is none.
"""

import asyncio
import logging
import re
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from chatcore import ledger, parameters
from chatcore.chat import conversation, title_from
from chatcore.chat_settings import read_settings
from chatcore.db import Database
from chatcore.errors import ChatcoreError, Invalid, ProviderError
from chatcore.generation import Job, Runner
from chatcore.history import mine
from chatcore.ledger import Ending
from chatcore.live import Snapshot
from chatcore.models import utc_now
from chatcore.parameters import always_thinks
from chatcore.parts import Cancelled, ChatRequest, Failed, Finished, ReasoningDelta, Role, State, TextDelta, Turn, Usage, Viewer
from chatcore.preferences import read_preferences, read_preferences_in
from chatcore.prices import runs_here
from chatcore.providers.base import ModelManager, Provider
from chatcore.rows import CHATS, MESSAGES, TITLE_USAGE
from chatcore.texts import clean_title, cut, snippet
from chatcore.thread import open_thread

log = logging.getLogger(__name__)

LONGEST_TITLE = 60
# Of the prompt and of the answer: what a chat is about stands at the beginning, and a small machine reads 100 tokens a second.
LONGEST_EXCERPT = 1500
# Where a person asks, so many messages of the beginning of the chat and as many of its end.
END = 2
# A small model on a slow machine reads the excerpt in about 10 s.
LIMIT_S = 30.0
# Who asks for a title waits for it, and its model may have to be loaded first.
SUGGESTION_LIMIT_S = 60.0
# A title of ten words, in any script, has fewer; a model that begins to talk is cut off.
MOST_TOKENS = 60
LONGEST_RAW = 4000
# Given up for an answer so many times, the title stays the one made of the prompt.
TRIES = 5
# Many chats may end at once; the oldest wait in vain rather than all for ever.
MOST_WAITING = 50
INSTRUCTION = (
    "Write a title for the conversation below: 3 to 6 words, in the language of the conversation, no quotation marks, no full stop. "
    "Answer with the title only."
)
THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
LABEL = re.compile(r"^(?:title|titel|titre|título|titolo|标题|タイトル)\s*[:：]\s*", re.IGNORECASE)
QUOTES = "\"'`“”„‟‘’‚«»‹›「」『』*_#"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A title to be asked for: of which chat, whose, in place of which, from whom and how."""

    chat_id: uuid.UUID
    viewer: Viewer
    now_called: str
    provider: str
    request: ChatRequest


@dataclass
class Asked:
    """A question for a title: what came of it so far. It may be dropped at any moment."""

    wanted: Wanted
    started: float = field(default_factory=time.perf_counter)
    text: str = ""
    chunks: int = 0
    usage: Usage | None = None

    def ending(self) -> Ending:
        """It as an attempt that is over, for who counts and prices these."""
        spent_s = time.perf_counter() - self.started
        return Ending(State.COMPLETE, Snapshot("", ""), utc_now(), spent_s, chunks=self.chunks, usage=self.usage)


class Titles:
    """Names the chats that a Runner answers in: one at a time, when nothing else is to be done."""

    def __init__(self, runner: Runner, *, limit_s: float = LIMIT_S) -> None:
        self._runner = runner
        self._limit_s = limit_s
        # Changed on the loop only; the lock is for who looks from elsewhere.
        self._guard = threading.Lock()
        self._waiting: OrderedDict[int, tuple[Job, int]] = OrderedDict()
        # The one that has its turn, and from its question on whom it is put to.
        self._naming: Job | None = None
        self._asking: tuple[str, asyncio.Task[bool]] | None = None
        self._worker: asyncio.Task[None] | None = None
        runner.watch(self)

    def pending(self, viewer: Viewer) -> frozenset[uuid.UUID]:
        """The viewer's chats that may get another title soon."""
        with self._guard:
            jobs = [job for job, _ in self._waiting.values()] + ([self._naming] if self._naming else [])
        return frozenset(job.session_id for job in jobs if job.user_id == viewer.user_id)

    # --- told by the Runner, on its loop ---------------------------------------------------------------------------

    def began(self, job: Job) -> None:
        """An answer comes first."""
        if self._asking is not None and self._asking[0] == job.provider:
            self._asking[1].cancel()

    def ended(self, job: Job, state: State) -> None:
        """Maybe a first answer; in any case a moment in which a title may have its turn."""
        if state is State.COMPLETE and job.message_id > 0:
            with self._guard:
                self._waiting[job.message_id] = (job, 1)
                while len(self._waiting) > MOST_WAITING:
                    self._waiting.popitem(last=False)
        if self._waiting and self._worker is None:
            self._worker = self._runner.aside(self._work())

    # --- the work ------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Goes through those that wait, as long as their providers are idle; the end of the next answer begins anew."""
        seen: set[int] = set()
        try:
            while (taken := self._take(seen)) is not None:
                job, tries = taken
                seen.add(job.message_id)
                try:
                    await self._name(job, tries)
                except ChatcoreError as error:
                    log.info("no title for chat %s: %s", job.session_id, error)
                except Exception:
                    log.exception("a title could not be made")
                finally:
                    self._asking = None
                    with self._guard:
                        self._naming = None
        finally:
            self._worker = None

    def _take(self, seen: set[int]) -> tuple[Job, int] | None:
        """The first whose provider writes no answer now, those aside that have had their turn."""
        busy = self._busy()
        with self._guard:
            free = (key for key, (job, _) in self._waiting.items() if key not in seen and job.provider not in busy)
            key = next(free, None)
            if key is None:
                return None
            job, tries = self._waiting.pop(key)
            self._naming = job
            return job, tries

    def _busy(self) -> set[str]:
        return {provider for provider, _ in self._runner.writing()}

    async def _name(self, job: Job, tries: int) -> None:
        """Asks for one title and writes it, if one is wanted and nothing is in the way."""
        wanted = await self._runner.work(partial(find_wanted, self._runner.db, job))
        if wanted is None or not await self._is_ready(wanted):
            return
        if wanted.provider in self._busy():
            self._again(job, tries)
            return
        question = Asked(wanted)
        asked = self._runner.aside(self._ask(question))
        self._asking = (wanted.provider, asked)
        await asyncio.wait({asked}, timeout=self._limit_s)
        is_late = asked.cancel()
        await self._runner.work(partial(write_usage, self._runner.db, wanted, question.ending()))
        if is_late:
            log.info("no title for chat %s came in %.0f s", job.session_id, self._limit_s)
        elif asked.cancelled():
            self._again(job, tries)
        elif asked.result() and (title := clean_answer(question.text)):
            await self._runner.work(partial(write_title, self._runner.db, wanted, title))

    def _again(self, job: Job, tries: int) -> None:
        if tries < TRIES:
            with self._guard:
                self._waiting[job.message_id] = (job, tries + 1)

    async def _is_ready(self, wanted: Wanted) -> bool:
        """Whether the model answers without being loaded for it."""
        provider = self._runner.providers.get(wanted.provider)
        if provider is None:
            return False
        if not isinstance(provider, ModelManager) or not runs_here(wanted.provider, wanted.request.model):
            return True
        return whole_name(wanted.request.model) in {whole_name(model.id) for model in await provider.running()}

    async def _ask(self, question: Asked) -> bool:
        """Puts the question to the model; whether it came to an end that is worth reading."""
        try:
            await put(self._runner.providers[question.wanted.provider], question)
        except ProviderError:
            return False
        return True


async def put(provider: Provider, question: Asked) -> None:
    """Puts a question to a model, which is cut off where it begins to talk. Raises ProviderError."""
    events = provider.chat(question.wanted.request)
    assert isinstance(events, AsyncGenerator)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, TextDelta):
                question.text += event.text
                question.chunks += 1
            if isinstance(event, ReasoningDelta):
                question.chunks += 1
            if isinstance(event, Usage):
                question.usage = event
            if isinstance(event, Failed):
                raise ProviderError(event.message, event.hint, code=event.code, retryable=event.retryable)
            if isinstance(event, Cancelled):
                raise ProviderError("The model server broke off.", "Try again.", code="cancelled", retryable=True)
            if isinstance(event, Finished) or len(question.text) > LONGEST_RAW:
                break


# --- asked for by a person ---------------------------------------------------------------------------------------


def suggest_title(runner: Runner, viewer: Viewer, chat_id: uuid.UUID, *, limit_s: float = SUGGESTION_LIMIT_S) -> str:
    """A title for a chat as it is shown now, by the model that the viewer chose for titles, else by that of its last answer. Waits
    for it; nothing is written but what it used.

    Raises NotFound, Invalid for a chat without an answer and where only the guide could be asked, ProviderError.
    """
    provider, request = request_now(runner.db, viewer, chat_id)
    if provider not in runner.providers:
        raise Invalid(f"{provider} is not here any more.", "Choose a model for titles in the chat settings.")
    question = Asked(Wanted(chat_id, viewer, "", provider, request))
    try:
        runner.call(put(runner.providers[provider], question), limit_s)
    finally:
        write_usage(runner.db, question.wanted, question.ending())
    title = clean_answer(question.text)
    if title is None:
        raise ProviderError(
            f"{request.model} did not say a title.", "Try again, or choose another model for titles.", code="bad_response", retryable=True
        )
    return title


def request_now(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> tuple[str, ChatRequest]:
    """Whom to ask for a title of a chat, and what. Raises as `suggest_title`."""
    _, everything = conversation(db, viewer, chat_id)
    turns = [turn for turn in everything if turn.role in ("user", "assistant") and turn.content.strip()]
    answers = [message for message in open_thread(db, viewer, chat_id).messages if message.role is Role.ASSISTANT]
    used = next(((message.provider, message.model_name) for message in reversed(answers) if message.provider and message.model_name), None)
    if used is None or not turns:
        raise Invalid("There is no answer in this chat yet.", "Ask for a title when there is one.")
    provider, model_name = read_preferences(db, viewer).title_model or used
    if provider == "guide":
        raise Invalid("The built-in guide cannot write a title.", "Choose a model for titles in the chat settings.")
    told = turns if len(turns) <= 2 * END else [*turns[:END], *turns[-END:]]
    request = parameters.request(read_settings(db, viewer, chat_id), model_name, ())
    return provider, request_for(request, model_name, told, same=(provider, model_name) == used)


# --- small things ------------------------------------------------------------------------------------------------


def find_wanted(db: Database, job: Job) -> Wanted | None:
    """What is to be asked after this answer; None if it is not the first one, somebody named the chat, or nobody wants a title."""
    viewer = Viewer(job.user_id, "")
    prompt = MESSAGES.alias("prompt")
    statement = (
        sa.select(CHATS.c.title, prompt.c.content.label("asked"), MESSAGES.c.content.label("answered"))
        .join(MESSAGES, MESSAGES.c.session_id == CHATS.c.id)
        .join(prompt, prompt.c.id == MESSAGES.c.parent_id)
        .where(mine(viewer, job.session_id), CHATS.c.deleted_at.is_(None), MESSAGES.c.id == job.message_id, prompt.c.parent_id.is_(None))
    )
    with db.read() as tx:
        row = tx.execute(statement).one_or_none()
        preferences = read_preferences_in(tx, viewer)
    if row is None or not preferences.titles or row.title != title_from(row.asked):
        return None
    provider, model_name = preferences.title_model or (job.provider, job.request.model)
    if provider == "guide":
        return None
    same = (provider, model_name) == (job.provider, job.request.model)
    turns = (Turn("user", row.asked), Turn("assistant", row.answered))
    return Wanted(job.session_id, viewer, row.title, provider, request_for(job.request, model_name, turns, same=same))


def request_for(chat: ChatRequest, model_name: str, turns: Sequence[Turn], *, same: bool) -> ChatRequest:
    """The question for a title. The window is that of the chat, because with another one the model would be loaded anew."""
    said = (f"{turn.role.capitalize()}: {cut(turn.content, LONGEST_EXCERPT)}" for turn in turns)
    text = "\n\n".join((INSTRUCTION, *said))
    options: dict[str, object] = {"num_ctx": chat.options["num_ctx"]} if same and "num_ctx" in chat.options else {}
    think: bool | str = "low" if always_thinks(model_name) else False
    if think is False:
        options["num_predict"] = MOST_TOKENS
    return ChatRequest(model_name, (Turn("user", text),), think=think, options=options, keep_alive=chat.keep_alive)


def clean_answer(text: str) -> str | None:
    """The title in what a model said, on one line and at most 60 characters long; None if there is none."""
    for line in THOUGHTS.sub(" ", text).splitlines():
        shown = LABEL.sub("", snippet(line).strip(QUOTES + " ")).strip(QUOTES + " ")
        if shown.endswith(".") and not shown.endswith(".."):
            shown = shown[:-1].rstrip(QUOTES + " ")
        if any(character.isalnum() for character in shown):
            return cut(clean_title(shown), LONGEST_TITLE)
    return None


def write_title(db: Database, wanted: Wanted, title: str) -> bool:
    """Gives the chat its title, unless somebody named it meanwhile; whether it did."""
    still = sa.and_(mine(wanted.viewer, wanted.chat_id), CHATS.c.title == wanted.now_called)
    with db.write() as tx:
        return tx.execute(sa.update(CHATS).where(still).values(title=title).returning(CHATS.c.id)).one_or_none() is not None


def write_usage(db: Database, wanted: Wanted, ending: Ending) -> bool:
    """Puts what a question for a title used into the ledger of titles, also of a chat that is gone; whether anything is known of it."""
    counted = ledger.tokens(ending, wanted.request)
    input_tokens, output_tokens, usage_source = counted
    if usage_source is None:
        return False
    there = sa.select(CHATS.c.id).where(mine(wanted.viewer, wanted.chat_id)).scalar_subquery()
    values = {
        "user_id": wanted.viewer.user_id,
        "session_id": there,
        "provider": wanted.provider,
        "model_name": wanted.request.model,
        "started_at": ending.finished_at - timedelta(seconds=ending.duration_s),
        "duration_s": ending.duration_s,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "usage_source": usage_source,
    }
    with db.write() as tx:
        tx.execute(sa.insert(TITLE_USAGE).values(values | ledger.cost(wanted.provider, wanted.request.model, ending, counted)))
    return True


def whole_name(model_name: str) -> str:
    """A model's name as Ollama lists it: with its tag."""
    return model_name if ":" in model_name else f"{model_name}:latest"
