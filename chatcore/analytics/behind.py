"""What lies behind a number: the messages or the answers that a bar, a cell or a row of the page counts, the newest first.

Chosen as the charts count them (`messages.counted`, `answers.counted`), so a list is as long as its number says.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.analytics import answers, messages
from chatcore.analytics.filters import Filters
from chatcore.analytics.quality import FEEDBACK
from chatcore.analytics.statements import GENERATIONS, MESSAGES, at_hour, newest
from chatcore.analytics.votes import Games, answers_in
from chatcore.db import Database
from chatcore.errors import Denied
from chatcore.parts import Page, Role, State, Viewer
from chatcore.rollup.tables import filled_tokens
from chatcore.rows import CHATS
from chatcore.texts import SNIPPET_SOURCE_CHARACTERS, snippet

HEAD = sa.func.substr(MESSAGES.c.content, 1, SNIPPET_SOURCE_CHARACTERS).label("head")


@dataclass(frozen=True, slots=True)
class MessageBehind:
    """A message that was counted, the start of its text, and where it lies. `model_name` is None for a prompt."""

    message_id: int
    chat_id: uuid.UUID
    chat_title: str
    in_trash: bool
    role: Role
    created_at: datetime
    model_name: str | None
    snippet: str


@dataclass(frozen=True, slots=True)
class AnswerBehind:
    """An attempt that was counted. Its chat and message are None once they are deleted for good; what it used stays known.
    `fill_share` is the part of the window that its prompt took."""

    generation_id: int
    message_id: int | None
    chat_id: uuid.UUID | None
    chat_title: str | None
    in_trash: bool
    provider: str
    model_name: str
    started_at: datetime
    state: State
    error_type: str | None
    input_tokens: int | None
    output_tokens: int | None
    time_to_first_chunk_s: float | None
    duration_s: float | None
    cost: float | None
    cost_currency: str | None
    snippet: str
    fill_share: float | None = None


def messages_behind(
    db: Database,
    viewer: Viewer,
    filters: Filters,
    *,
    role: Role | None = None,
    hour_of_week: tuple[int, int] | None = None,
    rating: int | None = None,
    games: Games | None = None,
    limit: int = 20,
    cursor: str | None = None,
) -> Page[MessageBehind]:
    """A page of the messages that `messages_per_day` and `busy_hours` count, the newest first.

    `hour_of_week`: (weekday with 0 for Monday, hour) on the clock of the filters' zone. `rating`: only answers that were rated so
    by the viewer (1 up, -1 down, 0 for either), as `feedback` counts them. `games`: only answers in blind votes that `win_rates`
    counts, as long as they are there; the models that the filters choose are then without meaning. Raises Invalid for an hour that no
    week has, for a limit below 1 or above 1,000, and for a cursor of another list.
    """
    check_own(filters)
    written = MESSAGES.c
    with db.read() as tx:
        meant = replace(filters, providers=(), models=(), role=None) if games else filters
        conditions = [*messages.counted(tx, viewer, meant), *at_hour(tx, written.created_at, filters, hour_of_week)]
        if role:
            conditions.append(written.role == role.value)
        if rating is not None:
            conditions += rated(viewer, rating)
        if games is not None:
            conditions.append(written.id.in_(answers_in(tx, viewer, filters, games)))
        page = newest(tx, written.created_at, written.id, conditions, kind="messages-behind", limit=limit, cursor=cursor)
        columns = (written.id, written.session_id, written.role, written.created_at, written.model_name, HEAD, CHATS.c.title)
        chats = CHATS.c.id == written.session_id
        statement = sa.select(*columns, CHATS.c.deleted_at).select_from(MESSAGES.join(CHATS, chats)).where(written.id.in_(page.items))
        rows = {row.id: row for row in tx.execute(statement)}
    found = (
        MessageBehind(
            message_id=row.id,
            chat_id=row.session_id,
            chat_title=row.title,
            in_trash=row.deleted_at is not None,
            role=Role(row.role),
            created_at=row.created_at,
            model_name=row.model_name,
            snippet=snippet(row.head),
        )
        for row in (rows[message_id] for message_id in page.items)
    )
    return Page(tuple(found), page.next_cursor)


def answers_behind(
    db: Database,
    viewer: Viewer,
    filters: Filters,
    *,
    state: State | None = None,
    error_type: str | None = None,
    priced: bool | None = None,
    limit: int = 20,
    cursor: str | None = None,
) -> Page[AnswerBehind]:
    """A page of the attempts that `tokens_per_day`, `models`, `speed`, `outcomes` and `costs` count, the newest first; `state`
    and `error_type` narrow them to one outcome, `priced` to those that have a cost, or to those with tokens and none.

    Raises Invalid for a limit below 1 or above 1,000, and for a cursor of another list.
    """
    check_own(filters)
    ledger = GENERATIONS.c
    with db.read() as tx:
        conditions = answers.counted(tx, viewer, filters)
        if state:
            conditions.append(ledger.state == state.value)
        if error_type:
            conditions.append(ledger.error_type == error_type)
        if priced is not None:
            conditions += [ledger.cost.is_not(None)] if priced else [ledger.cost.is_(None), ledger.output_tokens.is_not(None)]
        page = newest(tx, ledger.started_at, ledger.id, conditions, kind="answers-behind", limit=limit, cursor=cursor)
        return Page(answers_named(tx, page.items), page.next_cursor)


def answers_named(tx: Session, generation_ids: Sequence[int]) -> tuple[AnswerBehind, ...]:
    """These attempts, in this order, without those that are not there any more. Who asks has seen to it that they are the viewer's."""
    ledger = GENERATIONS.c
    columns = (
        ledger.id, ledger.message_id, ledger.session_id, ledger.provider, ledger.model_name, ledger.started_at, ledger.state,
        ledger.error_type, ledger.input_tokens, ledger.output_tokens, ledger.time_to_first_chunk_s, ledger.duration_s,
        ledger.cost, ledger.cost_currency, filled_tokens().label("filled"), ledger.context_window,
    )  # fmt: skip
    tables = GENERATIONS.outerjoin(CHATS, CHATS.c.id == ledger.session_id).outerjoin(MESSAGES, MESSAGES.c.id == ledger.message_id)
    statement = sa.select(*columns, HEAD, CHATS.c.title, CHATS.c.deleted_at).select_from(tables).where(ledger.id.in_(generation_ids))
    rows = {row.id: row for row in tx.execute(statement)}
    return tuple(
        AnswerBehind(
            generation_id=row.id,
            message_id=row.message_id,
            chat_id=row.session_id,
            chat_title=row.title,
            in_trash=row.deleted_at is not None,
            provider=row.provider,
            model_name=row.model_name,
            started_at=row.started_at,
            state=State(row.state),
            error_type=row.error_type,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            time_to_first_chunk_s=row.time_to_first_chunk_s,
            duration_s=row.duration_s,
            cost=row.cost,
            cost_currency=row.cost_currency,
            snippet=snippet(row.head or ""),
            fill_share=row.filled / row.context_window if row.filled is not None and row.context_window else None,
        )
        for row in (rows[generation_id] for generation_id in generation_ids if generation_id in rows)
    )


def check_own(filters: Filters) -> None:
    """Raises Denied for filters over everybody."""
    if filters.everybody:
        raise Denied("What people write is theirs alone.", "Choose your own numbers to see the messages behind them.")


def rated(viewer: Viewer, rating: int) -> list[sa.ColumnElement[bool]]:
    """That a message is an answer which the viewer rated so; 0 for either way."""
    given = FEEDBACK.c
    ways = [given.rating == rating] if rating else []
    theirs = sa.select(given.message_id).where(given.user_id == viewer.user_id, *ways)
    return [MESSAGES.c.role == Role.ASSISTANT.value, MESSAGES.c.id.in_(theirs)]
