"""Synthetic history for the analytics tests: rows in the database and the same rows as plain frames to count by hand."""

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlmodel import SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.columns import new_chat_id
from chatcore.db import Database
from chatcore.parts import Viewer

TABLES = SQLModel.metadata.tables
MODELS = (("ollama", "llama3.2:3b"), ("ollama", "qwen3:8b"), ("guide", "guide"), ("other", "qwen3:8b"))


def person(db: Database, name: str, now: datetime) -> Viewer:
    """A user row and its viewer."""
    with db.write() as tx:
        tx.execute(TABLES["users"].insert().values(id=name, name=name, is_owner=False, created_at=now))
    return Viewer(user_id=name, name=name)


@dataclass(frozen=True)
class Rows:
    """What was written: `messages` (created_at, role, chat, provider, model_name, prompt_of), `answers` (the ledger), `feedback` and
    `comparisons`."""

    messages: pd.DataFrame
    answers: pd.DataFrame
    feedback: pd.DataFrame
    comparisons: pd.DataFrame


def write_history(db: Database, viewer: Viewer, *, start: datetime, end: datetime, turns: int, seed: int = 1) -> Rows:
    """`turns` prompts at random times of [start, end), each with 0 to 3 answers, a few of them in every state."""
    luck = random.Random(seed)
    made = Maker(db, viewer, luck)
    span_s = (end - start).total_seconds()
    for at in sorted(start + timedelta(seconds=round(luck.random() * span_s, 3)) for _ in range(turns)):
        made.turn(at)
    return made.save()


def write_beside_a_stranger(db: Database, viewer: Viewer, *, turns: int, now: datetime, stranger_turns: int = 40) -> Rows:
    """What the viewer wrote in the two months around the clock changes of spring 2026, while somebody else wrote too."""
    start, end = datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 4, 20, tzinfo=UTC)
    write_history(db, person(db, "bob", now), start=start, end=end, turns=stranger_turns, seed=9)
    return write_history(db, viewer, start=start, end=end, turns=turns)


class Maker:
    """Collects rows, then writes them at once."""

    def __init__(self, db: Database, viewer: Viewer, luck: random.Random) -> None:
        self.db, self.viewer, self.luck = db, viewer, luck
        with db.read() as tx:
            self.next_id = int(tx.execute(sa.select(sa.func.coalesce(sa.func.max(TABLES["chatmessage"].c.id), 0))).scalar_one()) + 1
        self.chats: dict[uuid.UUID, datetime] = {}
        self.messages: list[dict[str, Any]] = []
        self.answers: list[dict[str, object]] = []

    def turn(self, at: datetime, answers: int | None = None) -> None:
        """A prompt and its answers, in a new or a known chat."""
        if not self.chats or self.luck.random() < 0.3:
            self.chats[new_chat_id()] = at
        chat = self.luck.choice(list(self.chats))
        prompt = self.message(chat, "user", at, parent=None)
        for attempt in range(self.luck.choice((0, 1, 1, 1, 1, 2, 3)) if answers is None else answers):
            self.answer(chat, prompt, at + timedelta(seconds=attempt * 70 + 0.5))

    def message(
        self, chat: uuid.UUID, role: str, at: datetime, *, parent: int | None, model: tuple[str | None, str | None] = (None, None)
    ) -> int:
        """One message row; returns its id."""
        row = {"id": self.next_id, "session_id": chat, "user_id": self.viewer.user_id, "parent_id": parent, "role": role}
        self.messages.append({**row, "status": "complete", "created_at": at, "provider": model[0], "model_name": model[1], "content": "x"})
        self.next_id += 1
        return self.next_id - 1

    def answer(self, chat: uuid.UUID, prompt: int, at: datetime) -> None:
        """An assistant message and its ledger row, with all that may be unknown sometimes unknown."""
        luck = self.luck
        model = luck.choice(MODELS)
        state = luck.choice(("complete",) * 6 + ("stopped", "failed", "interrupted", "running"))
        message = self.message(chat, "assistant", at, parent=prompt, model=model)
        done = state != "running"
        first_s = luck.choice((None, 0.0, round(luck.uniform(0.1, 9), 3), round(luck.uniform(0.1, 9), 3)))
        known = done and luck.random() < 0.8
        duration_s = round((first_s or 0) + luck.uniform(0, 20), 3)
        row = {"user_id": self.viewer.user_id, "session_id": chat, "message_id": message, "provider": model[0], "model_name": model[1]}
        self.answers.append(
            {
                **row,
                "state": state,
                "started_at": at,
                "finished_at": at + timedelta(seconds=duration_s) if done else None,
                "duration_s": luck.choice((None, duration_s, duration_s)) if done else None,
                "time_to_first_chunk_s": first_s,
                "eval_s": luck.choice((None, None, 0.0, round(luck.uniform(0.2, 30), 3))) if known else None,
                "input_tokens": luck.randrange(0, 5000) if known else None,
                "output_tokens": luck.choice((0, 1, luck.randrange(2, 3000), luck.randrange(2, 3000))) if known else None,
                "usage_source": luck.choice(("reported", "reported", "estimated", "imported")) if known else None,
                "error_type": "timeout" if state == "failed" else None,
            }
        )

    def save(self) -> Rows:
        """Writes everything collected and returns it as frames."""
        user = self.viewer.user_id
        chats = [{"id": chat, "user_id": user, "created_at": at, "updated_at": at} for chat, at in self.chats.items()]
        feedback, comparisons = self.feedback(), self.comparisons()
        with self.db.write() as tx:
            for table, rows in (
                ("chatsession", chats), ("chatmessage", self.messages), ("generation", self.answers), ("feedback", feedback),
                ("comparison", comparisons),
            ):  # fmt: skip
                if rows:
                    tx.execute(TABLES[table].insert(), rows)
        return Rows(messages=pd.DataFrame(self.messages), answers=pd.DataFrame(self.answers), feedback=pd.DataFrame(feedback),
                    comparisons=pd.DataFrame(comparisons))  # fmt: skip

    def feedback(self) -> list[dict[str, object]]:
        """A thumb for about every third answer, given days later."""
        luck = random.Random(len(self.messages))
        return [
            {"user_id": self.viewer.user_id, "message_id": row["id"], "rating": luck.choice((1, 1, -1)), "created_at": later}
            for row in self.messages
            if row["role"] == "assistant" and luck.random() < 0.3
            for later in [row["created_at"] + timedelta(days=luck.randrange(40))]
        ]

    def comparisons(self) -> list[dict[str, object]]:
        """The first two answers to a prompt that has more than one, compared; most of them blindly, and most with a vote."""
        luck = random.Random(len(self.messages))
        answers: dict[int, list[dict[str, Any]]] = {}
        for row in self.messages:
            if row["role"] == "assistant":
                answers.setdefault(row["parent_id"], []).append(row)
        rows: list[dict[str, object]] = []
        for left, right, *_ in (found for found in answers.values() if len(found) > 1):
            outcome = luck.choice((None, "left", "right", "left", "right", "both_good", "both_bad", "skipped"))
            names = {f"{side}_{name}": row[name] for side, row in (("left", left), ("right", right)) for name in ("provider", "model_name")}
            row = {"user_id": self.viewer.user_id, "session_id": left["session_id"], "is_blind": luck.random() < 0.8, "outcome": outcome}
            times = {"created_at": left["created_at"], "decided_at": left["created_at"] + timedelta(days=3) if outcome else None}
            rows.append(row | names | times | {"left_message_id": left["id"], "right_message_id": right["id"]})
        return rows
