"""Sample data: chats as months of use would leave them, the same for the same number, seed and clock.

For trying things out, screenshots and measurements. Written past the history service, because a million messages one by
one take hours; the counters are the ones the service would have kept. Tags, folders, saved searches and pins: `demo_order`.
"""

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.accounts import local_owner
from chatcore.db import Database
from chatcore.demo_models import MODELS, Answered, cost_of, failures_of, rating_of, seen_of, times_of, usage_of
from chatcore.demo_order import Kept, arrange
from chatcore.demo_texts import Texts
from chatcore.demo_tools import TOKENS_A_CALL, calls_of, earlier, seconds_of
from chatcore.errors import Conflict
from chatcore.parts import CallRecord, Usage
from chatcore.rows import CHATS, GENERATIONS, MESSAGES, new_message_ids
from chatcore.texts import cut, snippet
from chatcore.toolcalls import dump_calls

USERS = SQLModel.metadata.tables["users"]
FEEDBACK = SQLModel.metadata.tables["feedback"]
NEW_USER = sa.text(
    "INSERT INTO users (id, name, email, issuer, subject, is_owner, created_at) "
    "VALUES (:id, :name, :email, :issuer, :id, false, :created_at) ON CONFLICT (id) DO NOTHING"
).bindparams(sa.bindparam("created_at", type_=USERS.c.created_at.type))

# With its answers, its chats and their second write this keeps a transaction below 1,000 rows.
MESSAGES_A_TRANSACTION = 480
TITLE_CHARACTERS = 60
Row = dict[str, object]
OnProgress = Callable[[int, int], None]


OUTCOMES = (("complete", 93.0), ("stopped", 3.5), ("failed", 2.8), ("interrupted", 0.7))
# Chats by their number of messages: most are short.
LENGTHS = ((2, 30), (4, 25), (6, 15), (8, 10), (12, 9), (20, 6), (34, 3), (56, 1.3), (80, 0.7))
# The weight of each hour of the day (UTC), as people with an office job have it, and of each day of the week.
HOURS = (2, 1, 1, 0.5, 0.5, 1, 3, 7, 12, 14, 14, 12, 9, 12, 14, 13, 11, 9, 7, 8, 9, 8, 6, 4)
WEEKDAYS = (10, 11, 11, 10, 9, 4, 4)


@dataclass(frozen=True, slots=True)
class Filled:
    """What was written."""

    chats: int
    messages: int
    answers: int


def fill(
    db: Database,
    *,
    messages: int,
    seed: int,
    now: datetime,
    users: int = 1,
    force: bool = False,
    on_progress: OnProgress | None = None,
) -> Filled:
    """Writes exactly so many messages of `users` people, the first of whom is the local owner, in chats up to `now`.

    Raises Conflict for a database that has messages, unless `force`; then other chats are written beside them.
    """
    with db.read() as tx:
        newest = tx.execute(sa.select(sa.func.max(MESSAGES.c.id))).scalar() or 0
    if newest and not force:
        raise Conflict(
            f"The database {db.label} has chats already, and made-up ones would mix with them.",
            "Name another database with --database-url, or add --force.",
        )
    rng = random.Random(f"{seed}/{newest}")
    people = add_people(db, users, now)
    plans = planned(rng, messages, people, now)
    texts, written, answers = Texts(rng), 0, 0
    kept: dict[str, list[Kept]] = {person: [] for person in people}
    for batch in batches(plans):
        chats = [Chat(plan, texts, rng) for plan in batch]
        with db.write() as tx:
            answers += write(tx, chats)
        for chat in chats:
            if chat.row["deleted_at"] is None:
                kept[chat.user_id].append(Kept(chat.id, str(chat.row["title"]), bool(chat.row["archived"])))
        written += sum(plan.messages for plan in batch)
        if on_progress:
            on_progress(written, messages)
    arrange(db, {person: theirs for person, theirs in kept.items() if theirs}, rng=rng, now=now)
    return Filled(len(plans), written, answers)


def add_people(db: Database, users: int, now: datetime) -> list[str]:
    """The ids of the people, who are made if they are not there."""
    people = [local_owner(db, now=now).user_id, *(f"demo-{number}" for number in range(2, users + 1))]
    rows = [
        {"id": person, "name": person.replace("demo-", "Sample person "), "email": f"{person}@example.org", "issuer": "https://example.org",
         "created_at": now}
        for person in people[1:]
    ]  # fmt: skip
    if rows:
        with db.write() as tx:
            tx.execute(NEW_USER, rows)
    return people


# --- when, who, how long -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """A chat before its texts: whose it is, when it starts, how many messages it gets, and the end of all times."""

    user_id: str
    start: datetime
    messages: int
    now: datetime


def planned(rng: random.Random, messages: int, people: list[str], now: datetime) -> list[Plan]:
    """The chats in the order of their starts; their messages add up exactly."""
    lengths, left = [], messages
    while left:
        length = min(rng.choices([size for size, _ in LENGTHS], [weight for _, weight in LENGTHS])[0], left)
        lengths.append(length)
        left -= length
    # Three months of use at least, three years at most; more people and more use towards the end.
    days = min(max(90, messages // 200), 1095)
    day_weights = [WEEKDAYS[(now - timedelta(days=ago)).weekday()] * (1.0 + 2.0 * (days - ago) / days) for ago in range(days)]
    ago_days = rng.choices(range(days), day_weights, k=len(lengths))
    hours = rng.choices(range(24), HOURS, k=len(lengths))
    person_weights = [1 / (rank + 1) for rank in range(len(people))]
    owners = rng.choices(people, person_weights, k=len(lengths))
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    plans = []
    for length, ago, hour, owner in zip(lengths, ago_days, hours, owners, strict=True):
        start = midnight - timedelta(days=ago) + timedelta(hours=hour, seconds=rng.randrange(3600), milliseconds=rng.randrange(1000))
        plans.append(Plan(owner, start if start < now else start - timedelta(days=1), length, now))
    return sorted(plans, key=lambda plan: plan.start)


def batches(plans: list[Plan]) -> Iterator[list[Plan]]:
    """Chats whose messages fit into one transaction."""
    batch: list[Plan] = []
    size = 0
    for plan in plans:
        if batch and size + plan.messages > MESSAGES_A_TRANSACTION:
            yield batch
            batch, size = [], 0
        batch.append(plan)
        size += plan.messages
    if batch:
        yield batch


# --- one chat ----------------------------------------------------------------------------------------------------


class Chat:
    """A chat with all its rows, but for the ids of messages, which the database gives."""

    def __init__(self, plan: Plan, texts: Texts, rng: random.Random) -> None:
        self.id = chat_key(plan.start, rng)
        self.user_id = plan.user_id
        self.model = rng.choices(MODELS, [model.weight for model in MODELS])[0]
        self.messages: list[Row] = []
        # The place of the answer among the messages, and its generation.
        self.answers: list[tuple[int, Row]] = []
        # The place of the answer, and what the person thinks of it.
        self.feedback: list[tuple[int, Row]] = []
        self.language = texts.language()
        self.input_tokens = self.output_tokens = 0
        # Luck of their own, so that texts and outcomes are those of the seed whatever is called.
        self._tools = random.Random(self.id.int)
        self._calls: dict[int, tuple[CallRecord, ...]] = {}
        self._write(plan, texts, rng)
        self.row = self._chat_row(plan, rng)

    def _write(self, plan: Plan, texts: Texts, rng: random.Random) -> None:
        """All messages, each some time after the one before, none after the end of all times."""
        moment, context, kept = plan.start, 0, 0
        for place in range(plan.messages):
            if place % 2 == 0:
                text = texts.prompt(self.language, first=place == 0)
                kept = context
                context += tokens_of(text)
                self._add(place, "user", "complete", moment, text)
                continue
            generation, text, reasoning, calls = self._answer(texts, rng, moment, context, kept)
            context += tokens_of(text)
            self._add(place, "assistant", str(generation["state"]), moment, text, reasoning)
            self._calls[place] = calls
            self.answers.append((place, generation))
            finished = generation["finished_at"]
            assert isinstance(finished, datetime)
            moment = finished + timedelta(seconds=rng.lognormvariate(3.6, 1.0))
        late = max(self._end() - plan.now, timedelta())
        if late:
            self._move(-late)
        for place, calls in self._calls.items():
            self.messages[place]["tool_calls"] = dump_calls([earlier(call, late) for call in calls])
        for place, generation in self.answers:
            generation |= cost_of(generation)
            self._rate(place, generation, plan.now, rng)

    def _add(self, place: int, role: str, status: str, moment: datetime, text: str, reasoning: str | None = None) -> None:
        answers = role == "assistant"
        self.messages.append(
            {"session_id": self.id, "user_id": self.user_id, "role": role, "status": status, "created_at": moment, "content": text,
             "provider": self.model.provider if answers else None, "model_name": self.model.name if answers else None,
             "reasoning": reasoning, "tool_calls": None, "parent_id": None, "id": place}
        )  # fmt: skip

    def _answer(
        self, texts: Texts, rng: random.Random, asked: datetime, context: int, kept: int
    ) -> tuple[Row, str, str | None, tuple[CallRecord, ...]]:
        """A generation, its text and reasoning, and the tools it called. Of the `context`, `kept` tokens were read before."""
        model, state = self.model, rng.choices([name for name, _ in OUTCOMES], [weight for _, weight in OUTCOMES])[0]
        text = texts.answer(self.language)
        if state != "complete":
            text = text[: rng.randrange(len(text))] if state != "failed" or rng.random() < 0.3 else ""
        reasoning = texts.reasoning() if model.thinks and text else None
        thought = tokens_of(reasoning or "")
        answered = Answered(context, kept, tokens_of(text) + thought, thought, first=not self.answers)
        told, known = state == "complete", state == "complete" or (state == "stopped" and answered.written > 0)
        times = times_of(model, answered, rng)
        usage = usage_of(model, answered, reported=told) if known else Usage()
        calls = calls_of(self._tools, asked=asked, position=0) if text else ()
        seen, left_out = seen_of(model, context + TOKENS_A_CALL * len(calls), self._tools)
        if usage.input_tokens is not None:
            # Every round reads the prompt again.
            rounds = 1 + max((call.round for call in calls), default=0)
            usage = replace(usage, input_tokens=seen * rounds)
        self.input_tokens += usage.input_tokens or 0
        self.output_tokens += usage.output_tokens or 0
        failure = rng.choice(failures_of(model)) if state == "failed" else (None, None, None, None)
        duration_s = times.first_s + times.eval_s + seconds_of(calls)
        generation: Row = {
            "user_id": self.user_id, "session_id": self.id, "provider": model.provider, "model_name": model.name, "state": state,
            "started_at": asked, "finished_at": asked + timedelta(seconds=duration_s), "duration_s": duration_s,
            "time_to_first_chunk_s": times.first_s if text else None, "load_s": times.load_s if told else None,
            "prompt_s": times.prompt_s if told else None, "eval_s": times.eval_s if told and not model.hosted else None,
            "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, "cached_tokens": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens, "usage_source": ("reported" if told else "estimated") if known else None,
            "finish_reason": ("length" if rng.random() < 0.01 else "stop") if told else None,
            "context_window": model.window, "context_tokens": seen if told else None, "left_out": left_out if told else None,
            "error_type": failure[0], "error_message": failure[1], "error_hint": failure[2], "error_retryable": failure[3],
        }  # fmt: skip
        return generation, text, reasoning, calls

    def _rate(self, place: int, generation: Row, now: datetime, rng: random.Random) -> None:
        """What the person thinks of an answer, some time after it; most say nothing."""
        rated, finished = rating_of(self.model, rng) if generation["state"] == "complete" else None, generation["finished_at"]
        if rated and isinstance(finished, datetime):
            at = min(finished + timedelta(seconds=rng.lognormvariate(3.0, 1.0)), now)
            self.feedback.append((place, {"user_id": self.user_id, "rating": rated[0], "note": rated[1], "created_at": at}))

    def _end(self) -> datetime:
        """When the last thing of the chat happened."""
        last = self.answers[-1][1]["finished_at"] if self.answers else None
        ends = [moment for moment in (last, self.messages[-1]["created_at"]) if isinstance(moment, datetime)]
        return max(ends)

    def _move(self, by: timedelta) -> None:
        """Moves the whole chat in time."""
        for row in (*self.messages, *(generation for _, generation in self.answers)):
            for name in ("created_at", "started_at", "finished_at"):
                moment = row.get(name)
                if isinstance(moment, datetime):
                    row[name] = moment + by

    def _chat_row(self, plan: Plan, rng: random.Random) -> Row:
        created, end = self.messages[0]["created_at"], self._end()
        chance = rng.random()
        first = snippet(str(self.messages[0]["content"]))
        last = next(shown for row in reversed(self.messages) if (shown := snippet(str(row["content"]))))
        return {
            "id": self.id, "user_id": self.user_id, "title": cut(first, TITLE_CHARACTERS), "provider": self.model.provider,
            "model_name": self.model.name, "created_at": created, "updated_at": end, "pinned": False,
            "archived": 0.1 < chance < 0.16, "deleted_at": plan.now if 0.2 < chance < 0.22 else None, "message_count": len(self.messages),
            "input_tokens": self.input_tokens, "output_tokens": self.output_tokens, "last_message_at": end, "last_snippet": last,
        }  # fmt: skip


def chat_key(start: datetime, rng: random.Random) -> uuid.UUID:
    """A UUIDv7 (RFC 9562) of that moment. Made here because the ones of the service take clock and chance from the machine."""
    milliseconds = int(start.timestamp() * 1000)
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | rng.getrandbits(12) << 64 | 0b10 << 62 | rng.getrandbits(62))


def tokens_of(text: str) -> int:
    """About how many tokens a text has: four characters each, as English has it; other scripts have more."""
    return (len(text.encode()) + 3) // 4


# --- into the database -------------------------------------------------------------------------------------------


def write(tx: Session, chats: list[Chat]) -> int:
    """All rows of these chats; answers how many answers these are."""
    ids = iter(new_message_ids(tx, sum(len(chat.messages) for chat in chats)))
    shown = []
    for chat in chats:
        previous = None
        for row in chat.messages:
            row["parent_id"], row["id"] = previous, next(ids)
            previous = row["id"]
        for place, generation in chat.answers:
            generation["message_id"] = chat.messages[place]["id"]
        for place, rating in chat.feedback:
            rating["message_id"] = chat.messages[place]["id"]
        shown.append({"chat": chat.id, "leaf": previous})
    generations = [generation for chat in chats for _, generation in chat.answers]
    tx.execute(sa.insert(CHATS), [chat.row for chat in chats])
    tx.execute(sa.insert(MESSAGES), [row for chat in chats for row in chat.messages])
    if generations:
        tx.execute(sa.insert(GENERATIONS), generations)
    if feedback := [rating for chat in chats for _, rating in chat.feedback]:
        tx.execute(sa.insert(FEEDBACK), feedback)
    # The chat and its last message name each other, so one of them has to be written twice. On the connection: a Session
    # takes a list of rows for an update by primary key.
    leaf = sa.update(CHATS).where(CHATS.c.id == sa.bindparam("chat")).values(current_message_id=sa.bindparam("leaf"))
    tx.connection().execute(leaf, shown)
    return len(generations)
