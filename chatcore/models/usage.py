"""The ledger of attempts, and the rollup that is counted from messages and attempts."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from chatcore.columns import BigId, ChatId, Time
from chatcore.models.base import STATES, big_id, utc_now


class Generation(SQLModel, table=True):
    """One attempt of a model to write an answer: the usage ledger.

    Purpose: says how an answer went (state, error, times in seconds, tokens and who counted them, cost). Relationships:
    `session_id` and `message_id` are set to null when the chat or the message is deleted: what was used stays known.
    Ownership: `user_id`, held equal to the message's by a trigger, which also refuses a generation of a user message.
    `owner` names the process that runs it and `heartbeat_at` when that process last said so; `request_key` makes a
    double send meet a unique index; `stop_requested_at` is how another process asks for a stop. `reasoning_s` is how long
    the model reasoned, `context_window` the window that was asked for, else the one the server had, in tokens; `context_tokens` is
    the prompt of its last round, where `input_tokens` has those of all rounds, and `left_out` whether the server seems to have
    looked at less than it was sent; null is unknown.
    """

    __tablename__ = "generation"
    __table_args__ = (
        Index("ix_generation_message_id", "message_id"),
        Index("ix_generation_session_id", "session_id"),
        Index("ix_generation_user_started", "user_id", "started_at"),
        Index(
            "uq_generation_running_message", "message_id", unique=True,
            sqlite_where=text("state = 'running'"), postgresql_where=text("state = 'running'"),
        ),
        Index(
            "ix_generation_running", "state", "heartbeat_at",
            sqlite_where=text("state = 'running'"), postgresql_where=text("state = 'running'"),
        ),
        Index(
            "uq_generation_request_key", "user_id", "request_key", unique=True,
            sqlite_where=text("request_key IS NOT NULL"), postgresql_where=text("request_key IS NOT NULL"),
        ),
        CheckConstraint(f"state IN ({STATES})", name="ck_generation_state"),
        CheckConstraint("(state = 'running') = (finished_at IS NULL)", name="ck_generation_finished"),
        CheckConstraint("(state = 'failed') = (error_type IS NOT NULL)", name="ck_generation_error"),
        CheckConstraint("(input_tokens IS NULL) = (output_tokens IS NULL)", name="ck_generation_half_usage"),
        CheckConstraint("(usage_source IS NULL) = (output_tokens IS NULL)", name="ck_generation_usage_source"),
        CheckConstraint("usage_source IN ('reported', 'estimated', 'imported')", name="ck_generation_usage_source_known"),
        CheckConstraint("(cost IS NULL) = (cost_source IS NULL) AND (cost IS NULL) = (cost_currency IS NULL)", name="ck_generation_cost"),
        CheckConstraint(
            "coalesce(input_tokens, 0) >= 0 AND coalesce(output_tokens, 0) >= 0 AND coalesce(cached_tokens, 0) >= 0 "
            "AND coalesce(reasoning_tokens, 0) >= 0",
            name="ck_generation_tokens",
        ),
        CheckConstraint(
            "coalesce(duration_s, 0) >= 0 AND coalesce(time_to_first_chunk_s, 0) >= 0 AND coalesce(load_s, 0) >= 0 "
            "AND coalesce(prompt_s, 0) >= 0 AND coalesce(eval_s, 0) >= 0 AND coalesce(cost, 0) >= 0",
            name="ck_generation_amounts",
        ),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    session_id: uuid.UUID | None = Field(default=None, sa_type=ChatId, foreign_key="chatsession.id", ondelete="SET NULL")
    message_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("chatmessage.id", ondelete="SET NULL"), nullable=True))
    provider: str
    model_name: str
    response_model: str | None = None
    state: str = Field(default="running", max_length=20)
    started_at: datetime = Field(default_factory=utc_now, sa_type=Time)
    finished_at: datetime | None = Field(default=None, sa_type=Time)
    duration_s: float | None = None
    time_to_first_chunk_s: float | None = None
    load_s: float | None = None
    prompt_s: float | None = None
    eval_s: float | None = None
    input_tokens: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    output_tokens: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    cached_tokens: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    reasoning_tokens: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    usage_source: str | None = Field(default=None, max_length=20)
    finish_reason: str | None = Field(default=None, max_length=20)
    error_type: str | None = Field(default=None, max_length=40)
    error_message: str | None = None
    error_hint: str | None = None
    error_retryable: bool | None = None
    cost: float | None = None
    cost_currency: str | None = Field(default=None, max_length=3)
    cost_source: str | None = None
    request_key: str | None = Field(default=None, max_length=80)
    owner: str | None = None
    heartbeat_at: datetime | None = Field(default=None, sa_type=Time)
    stop_requested_at: datetime | None = Field(default=None, sa_type=Time)
    reasoning_s: float | None = None
    context_window: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    context_tokens: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    left_out: bool | None = None


class CallDecision(SQLModel, table=True):
    """What a person said to a tool call of an answer that another process writes.

    Purpose: that process takes the row away and goes on; one row for each call, so the first who says something is heard.
    Relationships: `generation_id`; gone with it. Ownership: `user_id`, the generation's.
    """

    __tablename__ = "call_decision"
    __table_args__ = (
        Index("ix_call_decision_user_id", "user_id"),
        CheckConstraint("decision IN ('once', 'chat', 'always', 'declined', 'never')", name="ck_call_decision_decision"),
    )

    generation_id: int = Field(
        sa_column=Column(BigId, ForeignKey("generation.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)
    )
    call_id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    decision: str = Field(max_length=20)


class TitleUsage(SQLModel, table=True):
    """What a model used to name a chat: the ledger of titles.

    Purpose: a title costs tokens like an answer but is none, so no count of answers has it; only what is known is written.
    Relationships: `session_id` is set to null when the chat is deleted: what was used stays known. Ownership: `user_id`.
    """

    __tablename__ = "title_usage"
    __table_args__ = (
        Index("ix_title_usage_user_started", "user_id", "started_at"),
        Index("ix_title_usage_session_id", "session_id"),
        CheckConstraint("usage_source IN ('reported', 'estimated')", name="ck_title_usage_source_known"),
        CheckConstraint("(cost IS NULL) = (cost_source IS NULL) AND (cost IS NULL) = (cost_currency IS NULL)", name="ck_title_usage_cost"),
        CheckConstraint(
            "input_tokens >= 0 AND output_tokens >= 0 AND duration_s >= 0 AND coalesce(cost, 0) >= 0", name="ck_title_usage_amounts"
        ),
    )

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    session_id: uuid.UUID | None = Field(default=None, sa_type=ChatId, foreign_key="chatsession.id", ondelete="SET NULL")
    provider: str
    model_name: str
    started_at: datetime = Field(default_factory=utc_now, sa_type=Time)
    duration_s: float
    input_tokens: int = Field(sa_column=Column(BigInteger, nullable=False))
    output_tokens: int = Field(sa_column=Column(BigInteger, nullable=False))
    usage_source: str = Field(max_length=20)
    cost: float | None = None
    cost_currency: str | None = Field(default=None, max_length=3)
    cost_source: str | None = None


class UsageDay(SQLModel, table=True):
    """What a person wrote and was answered on one day, in arrays: the rollup of messages and generations.

    Purpose: analytics over years without reading the tables. `day` counts days since 1970-01-01 UTC; `names`, `messages`,
    `answers`, `calls` and `fills` are a page of `chatcore.rollup.pages`; null is none. Relationships: none; a page is made anew, never
    added to.
    Ownership: `user_id`.
    """

    __tablename__ = "usage_day"

    user_id: str = Field(primary_key=True, foreign_key="users.id", ondelete="CASCADE")
    day: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    names: str = Field(sa_column=Column(Text, nullable=False))
    messages: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    answers: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    calls: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    fills: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


class UsageDirty(SQLModel, table=True):
    """A day of a person whose page must be made anew.

    Purpose: triggers of messages and generations only mark, upkeep makes the pages, so nothing is counted twice and no
    writer can forget it. `writer` tells marks apart, so that one that comes while its page is made is not taken away with
    the others: on PostgreSQL the transaction, on SQLite how many changes it stands for. Relationships: none.
    Ownership: `user_id`.
    """

    __tablename__ = "usage_dirty"

    user_id: str = Field(primary_key=True, foreign_key="users.id", ondelete="CASCADE")
    day: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    writer: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))


class UsageZone(SQLModel, table=True):
    """A time zone in whose days somebody looks at everybody's numbers.

    Purpose: sums of days are kept for these zones and no others. `name` is an IANA name; `made` counts how often sums of the zone
    were written, so that of two that make them the slower one gives way. Relationships: none. Ownership: nobody's, it is of everybody.
    """

    __tablename__ = "usage_zone"

    name: str = Field(primary_key=True, max_length=64)
    made: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))


class UsageSum(SQLModel, table=True):
    """The sums of what everybody wrote and was answered on a local day: made from the pages of `UsageDay`.

    Purpose: everybody's analytics over years without reading every row. `day` counts days since 1970-01-01 on the zone's clock,
    `starts_us` and `ends_us` are its ends in microseconds since 1970; `names` and `people` are what cells point to, the
    others cells of `chatcore.rollup.cells`. Relationships: of a zone; sums are made anew, never added to.
    Ownership: nobody's, it is of everybody, and only the owner of the installation reads it.
    """

    __tablename__ = "usage_sum"

    zone: str = Field(primary_key=True, foreign_key="usage_zone.name", ondelete="CASCADE", max_length=64)
    day: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    starts_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    ends_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    names: str = Field(sa_column=Column(Text, nullable=False))
    people: str = Field(sa_column=Column(Text, nullable=False))
    hours: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    answers: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    time_to_first_chunk_s: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    output_tokens_per_s: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    chats: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    writers: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    asked: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    duration_s: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    load_s: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    prompt_tokens_per_s: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class UsageSumDirty(SQLModel, table=True):
    """A UTC day in which a page changed, so that the sums of a zone's days that have a part of it must be made anew.

    Purpose: triggers of the pages only mark, upkeep makes the sums. `writer` tells marks apart as in `UsageDirty`.
    Relationships: of a zone. Ownership: nobody's, it is of everybody.
    """

    __tablename__ = "usage_sum_dirty"

    day: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    zone: str = Field(primary_key=True, foreign_key="usage_zone.name", ondelete="CASCADE", max_length=64)
    writer: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
