"""What the tables say of a person's days: the pages of the rollup, counted anew. Text is never read.

Statements are built once for each engine: building one takes longer than the database needs for a day.
"""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import chain, groupby
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.db import IN_BINARY
from chatcore.rollup.days import DAY_US, runs, start_of
from chatcore.rollup.measures import STATE_PLACES
from chatcore.rollup.pages import (
    CALL_STATES,
    COUNTS,
    CUT_SHORT,
    LEFT_OUT,
    REASONS,
    REFUSED,
    ROLES,
    SOURCES,
    UNKNOWN,
    Models,
    Names,
    Page,
    chat_key_of,
    pack,
)
from chatcore.rows import GENERATIONS, MESSAGES
from chatcore.toolcalls import load_calls, reason_of

REFS = SQLModel.metadata.tables["importref"]
ROLE_PLACES = {role.value: place for place, role in enumerate(ROLES)}
SOURCE_PLACES = {source: place for place, source in enumerate(SOURCES)}
MOST_TOKENS = 2**31 - 1
# Of calls that other programs made, whatever their files say.
MOST_ROUNDS = 2**16 - 1
LONGEST_TOOL = 200
ROWS_AT_ONCE = 200
# Why the prompt or the end of an answer was cut, as the ledger has it.
ENDED_BY_LENGTH, TOO_LONG = "length", "context_length"

# When (microseconds since 1970), chat, models, and what else the table says in the order of the page.
Row = tuple[int, int, Models, tuple[object, ...]]
Asked = Mapping[str, object]


def read_days(tx: Session, user_id: str, first: int, last: int) -> Sequence[tuple[int, Page]]:
    """The pages of these days and those between them; a day without anything has none."""
    asked = {"user_id": user_id, "start": start_of(first), "end": start_of(last + 1)}
    messages, calls = by_day(read_messages(tx, asked)), by_day(read_calls(tx, asked))
    answers, fills = (by_day(rows) for rows in read_attempts(tx, asked))
    return [
        (day, page_of(messages.get(day, []), answers.get(day, []), calls.get(day, []), fills.get(day, [])))
        for day in sorted(messages.keys() | answers.keys())
    ]


def read_these(tx: Session, user_id: str, days: Collection[int]) -> list[tuple[int, Page]]:
    """The pages of just these days; those that are near each other are read in one go."""
    return [(day, page) for run in runs(days) for day, page in read_days(tx, user_id, run[0], run[-1]) if day in days]


def days_of(tx: Session, user_id: str) -> set[int]:
    """The days on which a person has a message or an attempt."""
    dialect = tx.get_bind().dialect.name
    columns = ((MESSAGES.c.user_id, MESSAGES.c.created_at), (GENERATIONS.c.user_id, GENERATIONS.c.started_at))
    days = (sa.select(moment(dialect, at) // DAY_US).where(owner == user_id).distinct() for owner, at in columns)
    return {day for statement in days for day in tx.execute(statement).scalars()}


def read_messages(tx: Session, asked: Asked) -> list[Row]:
    """Messages of a person with the models that they are from or, for a prompt, that answered it; the oldest first."""
    written, pairs = messages_statements(tx.get_bind().dialect.name)
    answered: dict[int, set[tuple[str, str]]] = {}
    for message_id, provider, model in rows_of(tx, pairs, asked):
        answered.setdefault(message_id, set()).add((provider or "", model or ""))
    found: list[Row] = []
    for message_id, at, chat, role, provider, model, imported in rows_of(tx, written, asked):
        own = ((provider or "", model or ""),) if role != ROLES[0] else tuple(sorted(answered.get(message_id, ())))
        found.append((at, chat_key_of(chat), own, (ROLE_PLACES[role], imported)))
    return found


def rows_of(tx: Session, statement: sa.Select[*tuple[object, ...]], asked: Asked) -> Iterator[sa.Row[*tuple[Any, ...]]]:
    """What a statement selects, some rows at a time: to ask for each takes a seventh of a page's time, and all together are too many for
    the collector of garbage (measured)."""
    return chain.from_iterable(tx.execute(statement, asked).partitions(ROWS_AT_ONCE))


def read_attempts(tx: Session, asked: Asked) -> tuple[list[Row], list[Row]]:
    """Attempts of a person, and those of them whose window and prompt are known or that were cut; the oldest first."""
    answers: list[Row] = []
    fills: list[Row] = []
    for row in rows_of(tx, attempts_statement(tx.get_bind().dialect.name), asked):
        generation_id, at, chat, provider, model, state, error, source, imported, *numbers, tokens, window, finish_reason, left_out = row
        key, own = chat_key_of(chat), ((provider, model),)
        answers.append((at, key, own, (STATE_PLACES[state], error, SOURCE_PLACES[source], imported, *numbers)))
        flags = CUT_SHORT * (finish_reason == ENDED_BY_LENGTH) | REFUSED * (error == TOO_LONG) | LEFT_OUT * bool(left_out)
        filled = (known(tokens), known(window)) if tokens is not None and window else (UNKNOWN, UNKNOWN)
        if flags or filled[0] != UNKNOWN:
            fills.append((at, key, own, (generation_id, *filled, flags, imported)))
    return answers, fills


def read_calls(tx: Session, asked: Asked) -> list[Row]:
    """Tool calls of a person, those of the oldest message first. What is not in our form is none."""
    found: list[Row] = []
    for message_id, at, chat, provider, model, text, imported in tx.execute(calls_statement(tx.get_bind().dialect.name), asked):
        own, key = ((provider or "", model or ""),), chat_key_of(chat)
        for place, call in enumerate(load_calls(text)[:MOST_ROUNDS]):
            took_s = call.duration_s if call.duration_s is not None and 0 <= call.duration_s < np.inf else np.nan
            kinds = (CALL_STATES.index(call.state), REASONS.index(reason_of(call)), imported)
            tool, round_ = call.name[:LONGEST_TOOL], min(max(call.round, 0), MOST_ROUNDS)
            found.append((at, key, own, (message_id, took_s, tool, round_, place, *kinds)))
    return found


# --- statements, for user_id, start and end ----------------------------------------------------------------------


@cache
def messages_statements(dialect: str) -> tuple[sa.Select[*tuple[object, ...]], sa.Select[*tuple[object, ...]]]:
    """The messages, and the models that answered the prompts among them."""
    written, answer = MESSAGES.c, MESSAGES.alias("answer")
    theirs = of_period(written.user_id, written.created_at)
    columns: tuple[sa.ColumnElement[Any], ...] = (
        written.id,
        moment(dialect, written.created_at),
        as_bytes(dialect, written.session_id),
        written.role,
        written.provider,
        written.model_name,
    )
    children = MESSAGES.join(answer, sa.and_(answer.c.parent_id == written.id, answer.c.session_id == written.session_id))
    pairs = sa.select(written.id, answer.c.provider, answer.c.model_name).select_from(children).where(*theirs, written.role == ROLES[0])
    messages = sa.select(*columns, has_ref(written.id)).where(*theirs).order_by(written.created_at, written.id)
    return messages.execution_options(**IN_BINARY), pairs.distinct()


@cache
def attempts_statement(dialect: str) -> sa.Select[*tuple[object, ...]]:
    """The attempts, with what says how full a window was."""
    ledger = GENERATIONS.c
    imported = sa.or_(ledger.usage_source == "imported", has_ref(ledger.message_id))
    columns: tuple[sa.ColumnElement[Any], ...] = (
        ledger.id, moment(dialect, ledger.started_at), as_bytes(dialect, ledger.session_id), ledger.provider, ledger.model_name,
        ledger.state, ledger.error_type, ledger.usage_source, sa.func.coalesce(imported, sa.false()), *(ledger[name] for name in COUNTS),
        in_dollars(), ledger.time_to_first_chunk_s, ledger.duration_s, ledger.load_s, tokens_per_s(), prompt_tokens_per_s(),
        filled_tokens(), ledger.context_window, ledger.finish_reason, ledger.left_out,
    )  # fmt: skip
    attempts = sa.select(*columns).where(*of_period(ledger.user_id, ledger.started_at)).order_by(ledger.started_at, ledger.id)
    return attempts.execution_options(**IN_BINARY)


@cache
def calls_statement(dialect: str) -> sa.Select[*tuple[object, ...]]:
    """The messages that have tool calls, by their partial index."""
    written = MESSAGES.c
    columns: tuple[sa.ColumnElement[Any], ...] = (
        written.id, moment(dialect, written.created_at), as_bytes(dialect, written.session_id), written.provider, written.model_name,
        written.tool_calls, has_ref(written.id),
    )  # fmt: skip
    theirs = of_period(written.user_id, written.created_at)
    return sa.select(*columns).where(*theirs, written.tool_calls.is_not(None)).order_by(written.created_at, written.id)


def filled_tokens() -> sa.ColumnElement[int]:
    """How much of the window the last prompt of an attempt took; null where no server has counted it."""
    ledger = GENERATIONS.c
    return sa.case((ledger.usage_source == "reported", sa.func.coalesce(ledger.context_tokens, ledger.input_tokens)))


def of_period(owner: sa.ColumnElement[str], at: sa.ColumnElement[datetime]) -> list[sa.ColumnElement[bool]]:
    """Whose rows, from when until when."""
    return [owner == sa.bindparam("user_id"), at >= sa.bindparam("start"), at < sa.bindparam("end")]


def moment(dialect: str, column: sa.ColumnElement[datetime]) -> sa.ColumnElement[int]:
    """A stored time in microseconds since 1970."""
    if dialect == "sqlite":
        return sa.type_coerce(column, sa.BigInteger)
    return sa.cast(sa.extract("epoch", column) * 1_000_000, sa.BigInteger)


def as_bytes(dialect: str, chat_id: sa.ColumnElement[uuid.UUID]) -> sa.ColumnElement[bytes]:
    """The id of a chat as its 16 bytes."""
    return sa.type_coerce(chat_id, sa.LargeBinary) if dialect == "sqlite" else sa.func.uuid_send(chat_id, type_=sa.LargeBinary)


def in_dollars() -> sa.ColumnElement[float]:
    """What an attempt cost; null if it was billed in another currency, as if it had no price."""
    ledger = GENERATIONS.c
    return sa.case((ledger.cost_currency == "USD", ledger.cost))


def tokens_per_s() -> sa.ColumnElement[float]:
    """Writing speed, as `GenerationInfo.output_tokens_per_s` has it: the server's own count over its own time, else
    the tokens after the first over the time after the first chunk; null if neither is known."""
    ledger = GENERATIONS.c
    writing_s = ledger.duration_s - ledger.time_to_first_chunk_s
    return sa.case(
        (sa.and_(ledger.output_tokens > 0, ledger.eval_s > 0), sa.cast(ledger.output_tokens, sa.Double) / ledger.eval_s),
        (sa.and_(ledger.output_tokens > 1, writing_s > 0), sa.cast(ledger.output_tokens - 1, sa.Double) / writing_s),
    )


def prompt_tokens_per_s() -> sa.ColumnElement[float]:
    """Reading speed, by the server's own clock; null where it does not tell."""
    ledger = GENERATIONS.c
    told = sa.and_(ledger.input_tokens > 0, ledger.prompt_s > 0)
    return sa.case((told, sa.cast(ledger.input_tokens, sa.Double) / ledger.prompt_s))


def has_ref(message_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Whether a message came by an import."""
    return sa.exists().where(REFS.c.message_id == message_id, REFS.c.kind == "message")


# --- pages -------------------------------------------------------------------------------------------------------


def by_day(rows: Sequence[Row]) -> dict[int, list[Row]]:
    """Rows in the order of time by their day."""
    return {day: list(own) for day, own in groupby(rows, key=lambda row: row[0] // DAY_US)}


def page_of(messages: Sequence[Row], answers: Sequence[Row], calls: Sequence[Row], fills: Sequence[Row]) -> Page:
    """The page of the rows of a day."""
    names = Names()
    written = [(at, chat, names.of_models(models), *rest) for at, chat, models, rest in messages]
    asked = []
    for at, chat, models, (state, error, source, imported, *numbers) in answers:
        counts = [known(number) for number in numbers[: len(COUNTS)]]
        others = [np.nan if number is None else number for number in numbers[len(COUNTS) :]]
        places = (names.of_models(models), names.of_error(None if error is None else str(error)))
        asked.append((at, chat, *counts, *others, *places, state, source, imported))
    made, filled = [], []
    for at, chat, models, (message_id, took_s, tool, *others) in calls:
        made.append((at, chat, message_id, took_s, names.of_models(models), names.of_tool(str(tool)), *others))
    for at, chat, models, (generation_id, tokens, window, *others) in fills:
        filled.append((at, chat, generation_id, tokens, window, names.of_models(models), *others))
    return pack(written, asked, names, calls=made, fills=filled)


def known(count: object) -> int:
    """A count as a page has it. What is above 2**31 is a mistake of who wrote it, and no number of tokens."""
    return UNKNOWN if not isinstance(count, int) else min(count, MOST_TOKENS)
