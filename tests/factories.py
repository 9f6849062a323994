"""Makes what a test stands on; a test states only what matters to it."""

import uuid
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.columns import as_number
from chatcore.db import Database
from chatcore.history import append_in, count_answer_in, create_chat_in, get_chat_in, get_message
from chatcore.parts import ChatInfo, MessageInfo, Role, State, Viewer, Vote

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
USERS = SQLModel.metadata.tables["users"]
CHATS = SQLModel.metadata.tables["chatsession"]
MESSAGES = SQLModel.metadata.tables["chatmessage"]
GENERATIONS = SQLModel.metadata.tables["generation"]
COMPARISONS = SQLModel.metadata.tables["comparison"]
FEEDBACK = SQLModel.metadata.tables["feedback"]
TITLE_USAGE = SQLModel.metadata.tables["title_usage"]


def stored(db: Database, value: datetime | uuid.UUID) -> object:
    """A time or the id of a chat for a statement that is written by hand."""
    if not db.is_sqlite:
        return value
    return value.bytes if isinstance(value, uuid.UUID) else as_number(value)


def make_viewer(db: Database, name: str = "Ada", *, is_owner: bool = False, now: datetime = NOW) -> Viewer:
    """A person of their own, also when the name was used before."""
    viewer = Viewer(user_id=f"{name.lower()}-{uuid.uuid4().hex[:12]}", name=name, email=f"{name.lower()}@example.org", is_owner=is_owner)
    with db.write() as tx:
        tx.execute(sa.insert(USERS).values(id=viewer.user_id, name=name, email=viewer.email, is_owner=is_owner, created_at=now))
    return viewer


def make_chat(
    db: Database,
    viewer: Viewer,
    *,
    title: str = "Tides and the moon",
    provider: str = "ollama",
    model_name: str = "llama3.2:3b",
    messages: int = 0,
    now: datetime = NOW,
) -> ChatInfo:
    """A chat, with so many plain messages (user and assistant by turns, one a second, without generations)."""
    with db.write() as tx:
        chat = create_chat_in(tx, viewer, now=now, title=title, provider=provider, model_name=model_name)
        rows = [
            (Role.ASSISTANT if number % 2 else Role.USER, f"message {number}", now + timedelta(seconds=number))
            for number in range(messages)
        ]
        # All but the last by hand: an append counts each one, which takes four times as long for a long chat.
        last_id = None
        for role, content, when in rows[:-1]:
            values = {"role": role.value, "content": content, "created_at": when, "parent_id": last_id}
            last_id = tx.execute(
                sa.insert(MESSAGES).values(values | {"session_id": chat.id, "user_id": viewer.user_id}).returning(MESSAGES.c.id)
            ).scalar_one()
        tx.execute(sa.update(CHATS).where(CHATS.c.id == chat.id).values(message_count=len(rows[:-1]), current_message_id=last_id))
        for role, content, when in rows[-1:]:
            append_in(tx, viewer, chat.id, role=role, content=content, now=when)
        return get_chat_in(tx, viewer, chat.id)


def make_message(
    db: Database,
    viewer: Viewer,
    chat_id: uuid.UUID,
    content: str = "Why are there two tides a day?",
    *,
    role: Role = Role.USER,
    status: State = State.COMPLETE,
    now: datetime = NOW,
) -> MessageInfo:
    """A message at the end of a chat; an answer has no generation (see `make_exchange`)."""
    with db.write() as tx:
        return append_in(tx, viewer, chat_id, role=role, content=content, now=now, status=status)


def make_exchange(
    db: Database,
    viewer: Viewer,
    chat_id: uuid.UUID,
    *,
    prompt: str = "Why are there two tides a day?",
    answer: str = "Because the far side is pulled less than the middle of the Earth.",
    provider: str = "ollama",
    model_name: str = "llama3.2:3b",
    state: State = State.COMPLETE,
    input_tokens: int | None = 20,
    output_tokens: int | None = 40,
    duration_s: float = 2.0,
    time_to_first_chunk_s: float | None = 0.25,
    now: datetime = NOW,
) -> tuple[MessageInfo, MessageInfo]:
    """A prompt and its answer, started at `now`, with the generation, the counters and the usage as the Runner leaves them.

    A running answer has no tokens and no end; pass the tokens as None for a server that counted nothing.
    """
    running = state is State.RUNNING
    counted = not running and input_tokens is not None
    end = now + timedelta(seconds=duration_s)
    with db.write() as tx:
        asked = append_in(tx, viewer, chat_id, role=Role.USER, content=prompt, now=now)
        answered = append_in(
            tx, viewer, chat_id, role=Role.ASSISTANT, content="", now=now, provider=provider, model_name=model_name, status=State.RUNNING
        )
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == answered.id).values(content=answer, status=state.value))
        tx.execute(
            sa.insert(GENERATIONS).values(
                user_id=viewer.user_id,
                session_id=chat_id,
                message_id=answered.id,
                provider=provider,
                model_name=model_name,
                response_model=model_name,
                state=state.value,
                started_at=now,
                finished_at=None if running else end,
                duration_s=None if running else duration_s,
                time_to_first_chunk_s=time_to_first_chunk_s,
                input_tokens=input_tokens if counted else None,
                output_tokens=output_tokens if counted else None,
                usage_source="reported" if counted else None,
                finish_reason="stop" if state is State.COMPLETE else None,
                error_type="server_error" if state is State.FAILED else None,
                error_message="The model server failed." if state is State.FAILED else None,
                error_hint="Try again." if state is State.FAILED else None,
                error_retryable=True if state is State.FAILED else None,
                owner="test:1:running" if running else None,
                heartbeat_at=now if running else None,
            )
        )
        if not running:
            used = (input_tokens or 0, output_tokens or 0) if counted else (0, 0)
            count_answer_in(tx, viewer.user_id, chat_id, content=answer, now=end, input_tokens=used[0], output_tokens=used[1])
    return asked, get_message(db, viewer, answered.id)


def rate(db: Database, viewer: Viewer, message_id: int, rating: int = 1, *, now: datetime = NOW) -> None:
    """A thumb for an answer: 1 up, -1 down."""
    with db.write() as tx:
        tx.execute(sa.insert(FEEDBACK).values(user_id=viewer.user_id, message_id=message_id, rating=rating, created_at=now))


def make_pair(
    db: Database,
    viewer: Viewer,
    chat_id: uuid.UUID,
    *,
    left: tuple[str, str] = ("ollama", "llama3.2:3b"),
    right: tuple[str, str] = ("ollama", "qwen3:8b"),
    vote: Vote | None = None,
    is_blind: bool = True,
    texts: tuple[str, str] = ("The moon pulls.", "The sun pulls."),
    now: datetime = NOW,
) -> int:
    """A prompt with two whole answers that are compared, without generations; the id of the comparison. The chat ends with the left
    one, or with the preferred."""
    with db.write() as tx:
        append_in(tx, viewer, chat_id, role=Role.USER, content="Why are there tides?", now=now)
        answers: list[MessageInfo] = []
        for model, text in zip((left, right), texts, strict=True):
            beside = answers[0].id if answers else None
            named = {"provider": model[0], "model_name": model[1], "sibling_of": beside}
            answers.append(append_in(tx, viewer, chat_id, role=Role.ASSISTANT, content=text, now=now, **named))  # type: ignore[arg-type]  # names
        shown = answers[1 if vote is Vote.RIGHT else 0].id
        tx.execute(sa.update(CHATS).where(CHATS.c.id == chat_id).values(current_message_id=shown))
        values = {
            "user_id": viewer.user_id,
            "session_id": chat_id,
            "left_message_id": answers[0].id,
            "right_message_id": answers[1].id,
            "left_provider": left[0],
            "left_model_name": left[1],
            "right_provider": right[0],
            "right_model_name": right[1],
            "is_blind": is_blind,
            "outcome": vote.value if vote else None,
            "created_at": now,
            "decided_at": now if vote else None,
        }
        comparison_id: int = tx.execute(sa.insert(COMPARISONS).values(values).returning(COMPARISONS.c.id)).scalar_one()
        return comparison_id


def make_title_usage(
    db: Database, viewer: Viewer, *, model_name: str = "llama3.2:3b", at: datetime = NOW, cost: float | None = None
) -> None:
    """What a model used to name a chat of the viewer."""
    counted = {"input_tokens": 300, "output_tokens": 8, "usage_source": "reported", "duration_s": 1.0}
    priced = {"cost": cost, "cost_currency": None if cost is None else "USD", "cost_source": None if cost is None else "a list"}
    with db.write() as tx:
        asked = {"user_id": viewer.user_id, "provider": "ollama", "model_name": model_name, "started_at": at}
        tx.execute(sa.insert(TITLE_USAGE).values(asked | counted | priced))
