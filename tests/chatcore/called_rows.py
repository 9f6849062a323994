"""Synthetic tool calls and windows for the analytics tests: written into a history that is there, and as plain frames to count by hand."""

import random
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from chatcore.db import Database
from chatcore.parts import CallError, CallRecord, CallState, Decision, Viewer
from chatcore.toolcalls import dump_calls
from tests.chatcore.analytics_rows import TABLES, Rows, person, write_history

TOOLS = ("calculator", "current_time", "files__read_file", "files__write_file", "tracker__search", "web.run")
WINDOWS = (None, 2048, 4096, 131_072)
MESSAGES, GENERATIONS = TABLES["chatmessage"], TABLES["generation"]


def write_called(
    db: Database, viewer: Viewer, *, start: datetime, end: datetime, turns: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A history with tools: its calls, one row each with those of their message, and its attempts with how full their window was."""
    return add_details(db, write_history(db, viewer, start=start, end=end, turns=turns, seed=seed), seed=seed)


def add_details(db: Database, rows: Rows, *, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same for a history that is written already."""
    luck = random.Random(seed)
    calls: list[dict[str, object]] = []
    with db.write() as tx:
        for row in rows.messages.to_dict("records"):
            made = made_calls(luck, row["created_at"]) if row["role"] == "assistant" and luck.random() < 0.5 else []
            if made:
                tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == row["id"]).values(tool_calls=dump_calls(made)))
            calls += [told(row, call, place) for place, call in enumerate(made)]
        answers = []
        for row in rows.answers.to_dict("records"):
            values = window_of(luck, row)
            tx.execute(sa.update(GENERATIONS).where(GENERATIONS.c.message_id == row["message_id"]).values(values))
            answers.append(row | values)
    return pd.DataFrame(calls), pd.DataFrame(answers)


def made_calls(luck: random.Random, at: datetime) -> list[CallRecord]:
    """Some calls in some rounds, ended in every way."""
    made: list[CallRecord] = []
    for number in range(1, luck.choice((1, 1, 2, 3)) + 1):
        for _ in range(luck.choice((1, 1, 2))):
            state = luck.choice((CallState.DONE,) * 5 + tuple(CallState))
            ran = state in (CallState.DONE, CallState.FAILED) and luck.random() < 0.9
            made.append(
                CallRecord(
                    id=f"call_{len(made)}",
                    name=luck.choice(TOOLS),
                    arguments={},
                    round=number,
                    state=state,
                    decision=luck.choice((Decision.DECLINED, Decision.TIMEOUT, None)) if state is CallState.DECLINED else None,
                    result=f"It is {luck.random():.3f}.",
                    started_at=at + timedelta(seconds=1) if ran else None,
                    duration_s=round(luck.uniform(0, 30), 3) if ran else None,
                    error_type=luck.choice((None, *CallError)) if state is CallState.FAILED else None,
                )
            )
    return made


def told(row: dict[Hashable, Any], call: CallRecord, place: int) -> dict[str, object]:
    """A call as a row to count by hand."""
    if call.state is CallState.FAILED:
        reason = call.error_type.value if call.error_type else "tool_failed"
    else:
        reason = {Decision.DECLINED: "declined", Decision.TIMEOUT: "unanswered"}.get(call.decision or Decision.DECLINED, "")
    return {
        "message": row["id"], "at": row["created_at"], "provider": row["provider"], "model_name": row["model_name"], "tool": call.name,
        "state": call.state.value, "reason": reason if call.state in (CallState.FAILED, CallState.DECLINED) else None,
        "duration_s": call.duration_s, "round": call.round, "place": place, "result": call.result,
    }  # fmt: skip


def window_of(luck: random.Random, row: dict[Hashable, Any]) -> dict[str, object]:
    """How full the window of an attempt was, as the ledger has it, with all that may be unknown sometimes unknown."""
    window = luck.choice(WINDOWS)
    reported = row["usage_source"] == "reported"
    tokens = round((window or 4096) * luck.choice((0.1, 0.5, 0.79, 0.8, 0.95, 1.0, 1.2))) if reported and luck.random() < 0.7 else None
    failed = row["state"] == "failed"
    return {
        "context_window": window,
        "context_tokens": tokens,
        "left_out": luck.choice((None, False, True)) if reported else None,
        "finish_reason": luck.choice(("stop", "stop", "length")) if row["state"] == "complete" else None,
        "error_type": luck.choice(("timeout", "context_length")) if failed else None,
    }


def write_beside_a_stranger(
    db: Database, viewer: Viewer, now: datetime, *, start: datetime, end: datetime, turns: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same, while somebody else uses tools too."""
    write_called(db, person(db, f"bob-{seed}", now), start=start, end=end, turns=10, seed=seed + 1)
    return write_called(db, viewer, start=start, end=end, turns=turns, seed=seed)
