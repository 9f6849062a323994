"""Two years of chats of 50 people, the same for the same seed and number of messages: what the scale suite measures on.

Chats are made day by day and their messages handed out in the order of their times over all people. So ids follow time,
the rows of a chat lie among those of others as they do in use, and the memory needed does not grow with the number.
"""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush, heapreplace
from itertools import accumulate, count
from math import log

from benchmarks.corpus_chats import CONTEXT_TOKENS, EPOCH, FAILURE, NO_FAILURE, SECOND, Author, Chat, Draft, Plan, moment
from benchmarks.corpus_people import PEOPLE, RARE_USER, TOP_USER, USER_EXPONENT, tag_id
from benchmarks.filling import NOW

# Raise it with any change of texts, times or rows: a kept database of another version is filled anew.
VERSION = 2
DAYS = 730
DAY = 86_400 * SECOND
HOUR = 3_600 * SECOND
# One chat of the first person goes on for most of a year: 5,000 messages where there are 100,000.
LONG_CHAT_MESSAGES, LONG_CHAT_SHARE = 5_000, 0.05
LONG_CHAT_DAY, LONG_CHAT_S = DAYS - 400, 300 * 86_400
# Chats have 2 to 80 messages, 16 on average: so many exchanges of a prompt and an answer.
MEAN_EXCHANGES, MOST_EXCHANGES = 8, 40
# The weight of each hour of the day (UTC), as people with an office job have it, and of each day of the week.
HOURS = (2, 1, 1, 0.5, 0.5, 1, 3, 7, 12, 14, 14, 12, 9, 12, 14, 13, 11, 9, 7, 8, 9, 8, 6, 4)
WEEKDAYS = (10, 11, 11, 10, 9, 4, 4)

Row = tuple[object, ...]


@dataclass(slots=True)
class Batch:
    """Rows for one transaction, in the columns of `benchmarks.loading`: chats that begin with their tags, messages with their
    generations, the last message of chats that end, and the hours in which anybody did anything. `last_id` is the id of
    the last message."""

    last_id: int
    chats: list[Row] = field(default_factory=list)
    tags: list[Row] = field(default_factory=list)
    messages: list[Row] = field(default_factory=list)
    generations: list[Row] = field(default_factory=list)
    leaves: list[tuple[int, uuid.UUID]] = field(default_factory=list)


class Corpus:
    """So many messages with ids from `first_id` on. Read `batches` once; the counts say what was handed out so far."""

    def __init__(self, messages: int, *, seed: int = 1, now: datetime = NOW, first_id: int = 1) -> None:
        self.wanted, self.seed, self.first_id = messages, seed, first_id
        self.chats = self.messages = self.answers = self.text_bytes = 0
        self.long_chat_id: uuid.UUID | None = None
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self._begin = (midnight - timedelta(days=DAYS) - EPOCH) // timedelta(microseconds=1)
        end = (now - EPOCH) // timedelta(microseconds=1)
        self._rng = random.Random(f"corpus/{seed}/{messages}")
        self._author = Author(seed, begin=self._begin, end=end, measured=(TOP_USER, RARE_USER))
        self._long = min(LONG_CHAT_MESSAGES, int(messages * LONG_CHAT_SHARE)) // 2 * 2

    @property
    def planted(self) -> dict[str, dict[str, int]]:
        """In how many messages each planted word is: of everybody (""), and of each person who is measured."""
        return {"": dict(self._author.planted)} | {user_id: dict(words) for user_id, words in self._author.planted_for.items()}

    def batches(self, size: int) -> Iterator[Batch]:
        """All rows, so many messages at a time."""
        batch = Batch(self.first_id - 1)
        for chat in self._in_order():
            if chat.place == 0:
                batch.chats.append(chat.row())
                batch.tags.extend((chat.id, tag_id(chat.user_id, place), chat.user_id) for place in chat.tags)
                self.chats += 1
            self._hand_out(chat, chat.drafts[chat.place], batch)
            if len(batch.messages) == size:
                yield batch
                batch = Batch(batch.last_id)
        if batch.messages:
            yield batch

    def _hand_out(self, chat: Chat, draft: Draft, batch: Batch) -> None:
        """The next message of a chat as a row."""
        batch.last_id += 1
        asked = (chat.model.provider, chat.model.name) if draft.attempt else (None, None)
        batch.messages.append(
            (
                batch.last_id,
                chat.id,
                chat.user_id,
                chat.leaf,
                draft.role,
                draft.status,
                moment(draft.at),
                *asked,
                draft.tool_calls,
                draft.content,
            )
        )
        if draft.attempt:
            batch.generations.append(generation(chat, draft, batch.last_id))
            self.answers += 1
        chat.leaf = batch.last_id
        chat.place += 1
        if chat.place == len(chat.drafts):
            batch.leaves.append((batch.last_id, chat.id))
        self.messages += 1
        self.text_bytes += len(draft.content) if draft.content.isascii() else len(draft.content.encode())

    def _in_order(self) -> Iterator[Chat]:
        """The chat that the next message is from, over and over. Only chats that go on at that time are in memory."""
        serial = count()
        going: list[tuple[int, int, Chat]] = []
        for plan in self._plans():
            while going and going[0][0] < plan.start:
                yield from step(going)
            chat = self._author.chat(plan)
            if plan.spread_s is not None:
                self.long_chat_id = chat.id
            heappush(going, (chat.drafts[0].at, next(serial), chat))
        while going:
            yield from step(going)

    def _plans(self) -> Iterator[Plan]:
        """The chats of every day by the time they start, with exactly as many messages as there shall be."""
        rng = self._rng
        weights = [WEEKDAYS[moment(self._begin + day * DAY).weekday()] * growth(day) for day in range(DAYS)]
        shares = list(accumulate(weights))
        people = list(accumulate((rank + 1) ** -USER_EXPONENT for rank in range(len(PEOPLE))))
        short, given = self.wanted - self._long, 0
        for day in range(DAYS):
            start = self._begin + day * DAY
            if self._long and day == LONG_CHAT_DAY:
                yield Plan(start, TOP_USER, self._long, LONG_CHAT_S)
            plans = []
            while given < round(short * shares[day] / shares[-1]):
                exchanges = 1 + int(log(1 - rng.random()) / log(1 - 1 / MEAN_EXCHANGES))
                length = min(2 * min(exchanges, MOST_EXCHANGES), short - given)
                hour = rng.choices(range(24), HOURS)[0] + rng.random()
                plans.append(Plan(start + int(hour * HOUR), rng.choices(PEOPLE, cum_weights=people)[0], length))
                given += length
            yield from sorted(plans, key=lambda plan: plan.start)


def step(going: list[tuple[int, int, Chat]]) -> Iterator[Chat]:
    """The chat whose message is the earliest; afterwards it stands in line with its next one, or is done."""
    _, serial, chat = going[0]
    yield chat
    if chat.place < len(chat.drafts):
        heapreplace(going, (chat.drafts[chat.place].at, serial, chat))
    else:
        heappop(going)


def generation(chat: Chat, draft: Draft, message_id: int) -> Row:
    """The ledger's row for an answer."""
    attempt, state = draft.attempt, draft.status
    assert attempt is not None
    complete = state == "complete"
    source = None if attempt.output_tokens is None else "reported" if complete else "estimated"
    return (
        chat.user_id, chat.id, message_id, chat.model.provider, chat.model.name, state, moment(draft.at), moment(draft.end),
        attempt.duration_s, attempt.first_s if draft.content else None, attempt.eval_s if complete else None, attempt.input_tokens,
        attempt.output_tokens, source, "stop" if complete else None, CONTEXT_TOKENS, *(FAILURE if state == "failed" else NO_FAILURE),
    )  # fmt: skip


def growth(day: int) -> float:
    """How much is written on a day against the first one: three times as much at the end."""
    return 1 + 2 * day / DAYS
