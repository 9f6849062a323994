"""The tables and their laws. The database itself refuses what the laws forbid, whoever writes.

Laws that a column or a CHECK can state stand here; those that need two tables (an answer's generation, a role that
never changes) are triggers, made by the migrations for both databases (see `chatcore/migrations`).
All times are aware and UTC. Keys of the form (user_id, ...) are how ownership is proved: a row can only point to rows
of the same person.
"""

import uuid
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, Relationship, SQLModel

from chatcore.columns import BigId, new_chat_id

DEFAULT_TITLE = "New Conversation"
STATES = "'running', 'complete', 'stopped', 'failed', 'interrupted'"


def utc_now() -> datetime:
    """The default clock of a row made by hand; services pass their own `now`."""
    return datetime.now(UTC)


def big_id() -> Column[int]:
    return Column(BigId, primary_key=True, autoincrement=True)


def flag(*, default: bool) -> Column[bool]:
    return Column(Boolean, nullable=False, default=default, server_default=text("true" if default else "false"))


def count() -> Column[int]:
    return Column(BigInteger, nullable=False, default=0, server_default=text("0"))


class User(SQLModel, table=True):
    """A person.

    Purpose: owns chats, messages, usage and everything else; the local owner (id "local") is made at the first start,
    others at their first sign-in. Relationships: none are loaded from here; every other table names its user.
    Ownership: a person sees their own row only; deleting a person deletes all that is theirs.
    """

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("issuer", "subject", name="uq_users_issuer_subject"),)

    id: str = Field(primary_key=True)
    name: str
    email: str | None = None
    issuer: str | None = None
    subject: str | None = None
    is_owner: bool = Field(default=False, sa_column=flag(default=False))
    created_at: datetime = Field(default_factory=utc_now)


class ChatSession(SQLModel, table=True):
    """A conversation (the specification's ChatSession and Conversation in one).

    Purpose: groups messages and remembers which provider and model were active when it was made.
    Relationships: `messages`, oldest first; deleting the chat deletes them, in the database.
    Ownership: `user_id`; what is not the viewer's is not found. `updated_at` is set by the history service when the
    conversation goes on, never by a rename, a pin or a move. The counters are kept by the same transaction that writes
    the message. `current_message_id` is the leaf of the branch that is shown. `deleted_at` set means: in the trash.
    `folder_id` is the folder it lies in, one of the same user (a trigger); a folder that goes sets its chats free.
    `system_prompt`, `think` (off, on, low, medium, high) and `options` (a JSON object: temperature, num_ctx and so on, see
    `chatcore.parameters`) are its settings; null means that the model's own hold.
    """

    __tablename__ = "chatsession"
    __table_args__ = (
        UniqueConstraint("user_id", "id", name="uq_chatsession_user_id"),
        Index(
            "ix_chatsession_list", "user_id", "archived", "pinned", "updated_at", "id",
            sqlite_where=text("deleted_at IS NULL"), postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_chatsession_trash", "user_id", "deleted_at", "id",
            sqlite_where=text("deleted_at IS NOT NULL"), postgresql_where=text("deleted_at IS NOT NULL"),
        ),
        Index("ix_chatsession_current_message_id", "current_message_id"),
        Index(
            "ix_chatsession_folder", "user_id", "folder_id", "archived", "updated_at", "id",
            sqlite_where=text("deleted_at IS NULL"), postgresql_where=text("deleted_at IS NULL"),
        ),
        # For SET NULL: without it the database looks through all chats for each folder that is deleted.
        Index(
            "ix_chatsession_folder_id", "folder_id",
            sqlite_where=text("folder_id IS NOT NULL"), postgresql_where=text("folder_id IS NOT NULL"),
        ),
        CheckConstraint("message_count >= 0 AND input_tokens >= 0 AND output_tokens >= 0", name="ck_chatsession_counters"),
    )  # fmt: skip

    id: uuid.UUID = Field(default_factory=new_chat_id, primary_key=True)
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    title: str = Field(default=DEFAULT_TITLE)
    provider: str = Field(default="ollama")
    model_name: str = Field(default="minimax-m2:cloud")
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)
    pinned: bool = Field(default=False, sa_column=flag(default=False))
    archived: bool = Field(default=False, sa_column=flag(default=False))
    deleted_at: datetime | None = None
    current_message_id: int | None = Field(
        default=None,
        sa_column=Column(
            BigId,
            ForeignKey("chatmessage.id", name="fk_chatsession_current_message", ondelete="SET NULL", use_alter=True),
            nullable=True,
        ),
    )
    message_count: int = Field(default=0, sa_column=count())
    input_tokens: int = Field(default=0, sa_column=count())
    output_tokens: int = Field(default=0, sa_column=count())
    last_message_at: datetime | None = None
    last_snippet: str | None = None
    folder_id: int | None = Field(
        default=None,
        sa_column=Column(BigId, ForeignKey("folder.id", name="fk_chatsession_folder", ondelete="SET NULL"), nullable=True),
    )
    system_prompt: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    think: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    options: str | None = Field(default=None, sa_column=Column(Text, nullable=True))

    messages: list["ChatMessage"] = Relationship(
        back_populates="session",
        sa_relationship_kwargs={
            "cascade": "all, delete-orphan",
            "passive_deletes": True,
            "order_by": "ChatMessage.id",
            "foreign_keys": "[ChatMessage.user_id, ChatMessage.session_id]",
            "primaryjoin": "and_(ChatSession.user_id == ChatMessage.user_id, ChatSession.id == ChatMessage.session_id)",
        },
    )


class ChatMessage(SQLModel, table=True):
    """A message (the specification's ChatMessage and Message in one).

    Purpose: what a person or a model wrote; `tool_calls` is JSON text about the tools the model asked for.
    Relationships: `session`, the chat it belongs to, by (user_id, session_id); `parent_id`, the message it follows, in
    the same chat: edit and retry make siblings. `status` of a user message is always complete.
    Ownership: `user_id`, which the database holds equal to the chat's.
    """

    __tablename__ = "chatmessage"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "session_id"], ["chatsession.user_id", "chatsession.id"], name="fk_chatmessage_chat", ondelete="CASCADE"
        ),
        # NO ACTION, not CASCADE: SQLite counts each step of a cascade along the parents as trigger recursion and gives
        # up at 1,000, so deleting a long chat would fail. Whoever deletes a branch names all its messages.
        # Checked at the end of the transaction, so the messages of a chat may be deleted in any order.
        ForeignKeyConstraint(
            ["session_id", "parent_id"],
            ["chatmessage.session_id", "chatmessage.id"],
            name="fk_chatmessage_parent",
            deferrable=True,
            initially="DEFERRED",
        ),
        UniqueConstraint("session_id", "id", name="uq_chatmessage_session_id"),
        # Not the chat first: PostgreSQL without statistics would take it to find a parent and read the whole chat.
        Index("ix_chatmessage_parent", "parent_id", "session_id"),
        Index("ix_chatmessage_user_created", "user_id", "created_at"),
        CheckConstraint("role IN ('user', 'assistant')", name="ck_chatmessage_role"),
        CheckConstraint(f"status IN ({STATES})", name="ck_chatmessage_status"),
        CheckConstraint("role = 'assistant' OR status = 'complete'", name="ck_chatmessage_user_complete"),
        CheckConstraint("parent_id IS NULL OR parent_id <> id", name="ck_chatmessage_parent_not_self"),
    )

    id: int | None = Field(default=None, sa_column=big_id())
    session_id: uuid.UUID
    user_id: str
    parent_id: int | None = Field(default=None, sa_column=Column(BigId, nullable=True))
    role: str = Field(max_length=20)
    status: str = Field(default="complete", max_length=20, sa_column_kwargs={"server_default": "complete"})
    created_at: datetime = Field(default_factory=utc_now, index=True)
    provider: str | None = None
    model_name: str | None = None
    tool_calls: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    reasoning: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    content: str = Field(sa_column=Column(Text, nullable=False))

    session: ChatSession | None = Relationship(
        back_populates="messages",
        sa_relationship_kwargs={
            "foreign_keys": "[ChatMessage.user_id, ChatMessage.session_id]",
            "primaryjoin": "and_(ChatSession.user_id == ChatMessage.user_id, ChatSession.id == ChatMessage.session_id)",
        },
    )


class Generation(SQLModel, table=True):
    """One attempt of a model to write an answer: the usage ledger.

    Purpose: says how an answer went (state, error, times in seconds, tokens and who counted them, cost). Relationships:
    `session_id` and `message_id` are set to null when the chat or the message is deleted: what was used stays known.
    Ownership: `user_id`, held equal to the message's by a trigger, which also refuses a generation of a user message.
    `owner` names the process that runs it and `heartbeat_at` when that process last said so; `request_key` makes a
    double send meet a unique index; `stop_requested_at` is how another process asks for a stop. `reasoning_s` is how long
    the model reasoned, `context_window` the window that was asked for, in tokens; null is unknown.
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
    session_id: uuid.UUID | None = Field(default=None, foreign_key="chatsession.id", ondelete="SET NULL")
    message_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("chatmessage.id", ondelete="SET NULL"), nullable=True))
    provider: str
    model_name: str
    response_model: str | None = None
    state: str = Field(default="running", max_length=20)
    started_at: datetime = Field(default_factory=utc_now)
    finished_at: datetime | None = None
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
    heartbeat_at: datetime | None = None
    stop_requested_at: datetime | None = None
    reasoning_s: float | None = None
    context_window: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))


class Attachment(SQLModel, table=True):
    """A file that belongs to a message.

    Purpose: keeps what a person attached outside the message text; `sha256` (hex) finds the same file again.
    Relationships: `message_id`; deleted with its message. Ownership: `user_id`.
    """

    __tablename__ = "attachment"
    __table_args__ = (
        Index("ix_attachment_user_sha256", "user_id", "sha256"),
        CheckConstraint("size_bytes >= 0", name="ck_attachment_size"),
    )

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    message_id: int = Field(sa_column=Column(BigId, ForeignKey("chatmessage.id", ondelete="CASCADE"), nullable=False, index=True))
    name: str
    media_type: str
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str = Field(max_length=64)
    created_at: datetime = Field(default_factory=utc_now)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Feedback(SQLModel, table=True):
    """What a person thinks of an answer.

    Purpose: a thumb (`rating` 1 or -1) and a note; one per person and message. Relationships: `message_id`; deleted with
    its message. Ownership: `user_id`.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        UniqueConstraint("user_id", "message_id", name="uq_feedback_user_message"),
        CheckConstraint("rating IN (-1, 1)", name="ck_feedback_rating"),
    )

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    message_id: int = Field(sa_column=Column(BigId, ForeignKey("chatmessage.id", ondelete="CASCADE"), nullable=False, index=True))
    rating: int = Field(sa_column=Column(Integer, nullable=False))
    note: str | None = None
    created_at: datetime = Field(default_factory=utc_now)


class Tag(SQLModel, table=True):
    """A word a person puts on chats.

    Purpose: groups chats across time. Relationships: chats through `ChatTag`. Ownership: `user_id`; names are unique per person.
    """

    __tablename__ = "tag"
    __table_args__ = (
        UniqueConstraint("user_id", "name", name="uq_tag_user_name"),
        UniqueConstraint("user_id", "id", name="uq_tag_user_id"),
    )

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    name: str


class ChatTag(SQLModel, table=True):
    """A tag on a chat.

    Purpose: the link. Relationships: both sides by (user_id, id), so a person's tag can only be on their own chat.
    Ownership: `user_id`; deleted with either side.
    """

    __tablename__ = "chattag"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "session_id"], ["chatsession.user_id", "chatsession.id"], name="fk_chattag_chat", ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["user_id", "tag_id"], ["tag.user_id", "tag.id"], name="fk_chattag_tag", ondelete="CASCADE"),
        Index("ix_chattag_tag", "user_id", "tag_id"),
        Index("ix_chattag_chat", "user_id", "session_id"),
    )

    session_id: uuid.UUID = Field(primary_key=True)
    tag_id: int = Field(sa_column=Column(BigId, primary_key=True, autoincrement=False))
    user_id: str


class Folder(SQLModel, table=True):
    """A place for chats.

    Purpose: keeps chats that belong together; folders lie in folders. Relationships: `parent_id`, the folder it lies in,
    None at the top; chats name it in `folder_id`. Deleting one never deletes chats: the database sets them free, and the
    service moves them up before. That no folder lies in itself by a detour is the service's to keep.
    Ownership: `user_id`; parent and child are of the same person, and names are unique beside each other.
    """

    __tablename__ = "folder"
    __table_args__ = (
        UniqueConstraint("user_id", "id", name="uq_folder_user_id"),
        UniqueConstraint("user_id", "parent_id", "name", name="uq_folder_name"),
        # NULLs are all different to a unique key, so the names at the top need one of their own.
        Index(
            "uq_folder_top_name", "user_id", "name", unique=True,
            sqlite_where=text("parent_id IS NULL"), postgresql_where=text("parent_id IS NULL"),
        ),
        ForeignKeyConstraint(["user_id", "parent_id"], ["folder.user_id", "folder.id"], name="fk_folder_parent"),
        CheckConstraint("parent_id IS NULL OR parent_id <> id", name="ck_folder_parent_not_self"),
        CheckConstraint("length(name) BETWEEN 1 AND 80 AND length(replace(name, '/', '')) = length(name)", name="ck_folder_name"),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    parent_id: int | None = Field(default=None, sa_column=Column(BigId, nullable=True))
    name: str


class SavedSearch(SQLModel, table=True):
    """A search a person wants to see again: a smart view.

    Purpose: `query` is the text as it was typed, so it means what it would mean typed today; `position` is its place in
    the list, from 0. Relationships: none. Ownership: `user_id`; names are unique per person.
    """

    __tablename__ = "saved_search"
    __table_args__ = (UniqueConstraint("user_id", "name", name="uq_saved_search_user_name"),)

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    name: str
    query: str = Field(sa_column=Column(Text, nullable=False))
    position: int = Field(default=0, sa_column=Column(Integer, nullable=False, default=0, server_default=text("0")))
    created_at: datetime = Field(default_factory=utc_now)


class Preset(SQLModel, table=True):
    """Settings for a chat that have a name.

    Purpose: `system_prompt`, `think` and `options` are as those of a chat; `provider` and `model_name`, both or neither, are
    the model it is meant for. The one with `is_default` is what new chats begin with. Relationships: none; a chat that uses
    one has a copy, so changing a preset changes no chat. Ownership: `user_id`; names are unique per person.
    """

    __tablename__ = "preset"
    __table_args__ = (
        UniqueConstraint("user_id", "name", name="uq_preset_user_name"),
        Index(
            "uq_preset_default", "user_id", unique=True, sqlite_where=text("is_default"), postgresql_where=text("is_default")
        ),
        CheckConstraint("(provider IS NULL) = (model_name IS NULL)", name="ck_preset_model"),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    name: str
    provider: str | None = None
    model_name: str | None = None
    system_prompt: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    think: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    options: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    is_default: bool = Field(default=False, sa_column=flag(default=False))
    created_at: datetime = Field(default_factory=utc_now)


class Prompt(SQLModel, table=True):
    """A prompt of a person's library.

    Purpose: `text` is sent for `/name`, with what is put in for its {{variables}}. Relationships: none.
    Ownership: `user_id`; names are unique per person.
    """

    __tablename__ = "prompt"
    __table_args__ = (UniqueConstraint("user_id", "name", name="uq_prompt_user_name"),)

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    name: str
    text: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(default_factory=utc_now)


class UserSetting(SQLModel, table=True):
    """What a person chose for all of their chats.

    Purpose: a `value` (JSON) under a name that `chatcore.person_settings` knows; what has no row is as it is for everybody.
    Relationships: none. Ownership: `user_id`.
    """

    __tablename__ = "user_setting"

    user_id: str = Field(primary_key=True, foreign_key="users.id", ondelete="CASCADE")
    name: str = Field(primary_key=True, max_length=40)
    value: str = Field(sa_column=Column(Text, nullable=False))


class QueuedPrompt(SQLModel, table=True):
    """A prompt that waits until the answer before it has ended.

    Purpose: nothing that was sent is lost when the page or the process ends; the row goes in the transaction that makes a message
    of it. In the order of `id`. `request_key` makes a double click one row. Relationships: the chat, by (user_id, id); gone with it.
    Ownership: `user_id`.
    """

    __tablename__ = "queued_prompt"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "session_id"], ["chatsession.user_id", "chatsession.id"], name="fk_queued_prompt_chat", ondelete="CASCADE"
        ),
        UniqueConstraint("user_id", "request_key", name="uq_queued_prompt_request_key"),
        Index("ix_queued_prompt_chat", "user_id", "session_id", "id"),
    )

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    session_id: uuid.UUID
    text: str = Field(sa_column=Column(Text, nullable=False))
    provider: str
    model_name: str
    request_key: str | None = Field(default=None, max_length=80)
    created_at: datetime = Field(default_factory=utc_now)


class ImportRef(SQLModel, table=True):
    """Where an imported chat or message came from.

    Purpose: running an import twice changes nothing. `source` names the place it came from, `kind` is user, chat or
    message, `external_id` its id there. Relationships: the row it became; gone with that row's chat or message only in
    the sense that the ids become null, so what a person deleted is not imported again. Ownership: `user_id`.
    """

    __tablename__ = "importref"
    __table_args__ = (
        CheckConstraint("kind IN ('user', 'chat', 'message')", name="ck_importref_kind"),
        Index("ix_importref_user", "user_id"),
        Index("ix_importref_session_id", "session_id"),
        Index("ix_importref_message_id", "message_id"),
    )

    source: str = Field(primary_key=True)
    kind: str = Field(primary_key=True, max_length=20)
    external_id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    session_id: uuid.UUID | None = Field(default=None, foreign_key="chatsession.id", ondelete="SET NULL")
    message_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("chatmessage.id", ondelete="SET NULL"), nullable=True))
    imported_at: datetime = Field(default_factory=utc_now)


class UnmigratedRow(SQLModel, table=True):
    """A row of an older schema that has no place in this one.

    Purpose: a migration loses nothing: `row_json` is the row as it was, `reason` says why it could not be carried.
    Relationships: none. Ownership: `user_id`.
    """

    __tablename__ = "unmigrated_row"

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE", index=True)
    table_name: str
    external_id: str
    reason: str
    row_json: str = Field(sa_column=Column(Text, nullable=False))


class UsageDay(SQLModel, table=True):
    """What a person wrote and was answered on one day, in arrays: the rollup of messages and generations.

    Purpose: analytics over years without reading the tables. `day` counts days since 1970-01-01 UTC; `names`, `messages` and
    `answers` are a page of `chatcore.rollup.pages`. Relationships: none; a page is made anew, never added to.
    Ownership: `user_id`.
    """

    __tablename__ = "usage_day"

    user_id: str = Field(primary_key=True, foreign_key="users.id", ondelete="CASCADE")
    day: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    names: str = Field(sa_column=Column(Text, nullable=False))
    messages: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    answers: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


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
