"""People, their chats and messages, and what hangs on a message."""

import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
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

from chatcore.columns import BigId, ChatId, Time, new_chat_id
from chatcore.models.base import STATES, big_id, count, flag, utc_now
from chatcore.texts import DEFAULT_TITLE as DEFAULT_TITLE


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
    created_at: datetime = Field(default_factory=utc_now, sa_type=Time)


class ChatSession(SQLModel, table=True):
    """A conversation (the specification's ChatSession and Conversation in one).

    Purpose: groups messages and remembers which provider and model were active when it was made.
    Relationships: `messages`, oldest first; deleting the chat deletes them, in the database.
    Ownership: `user_id`; what is not the viewer's is not found. `updated_at` is set by the history service when the
    conversation goes on, never by a rename, a pin or a move. The counters are kept by the same transaction that writes
    the message. `current_message_id` is the leaf of the branch that is shown. `deleted_at` set means: in the trash.
    `folder_id` is the folder it lies in, one of the same user (a trigger); a folder that goes sets its chats free.
    `system_prompt`, `think` (off, on, low, medium, high) and `options` (a JSON object: temperature, num_ctx and so on, see
    `chatcore.parameters`) are its settings; null means that the model's own hold. `continued_from` is the message with which the
    chat ended that this one goes on from with a summary; null for all others, and where that message was deleted.
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
        Index(
            "ix_chatsession_continued_from", "continued_from",
            sqlite_where=text("continued_from IS NOT NULL"), postgresql_where=text("continued_from IS NOT NULL"),
        ),
        CheckConstraint("message_count >= 0 AND input_tokens >= 0 AND output_tokens >= 0", name="ck_chatsession_counters"),
    )  # fmt: skip

    id: uuid.UUID = Field(default_factory=new_chat_id, sa_type=ChatId, primary_key=True)
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    title: str = Field(default=DEFAULT_TITLE)
    provider: str = Field(default="ollama")
    model_name: str = Field(default="minimax-m2:cloud")
    created_at: datetime = Field(default_factory=utc_now, sa_type=Time)
    updated_at: datetime = Field(default_factory=utc_now, sa_type=Time)
    pinned: bool = Field(default=False, sa_column=flag(default=False))
    archived: bool = Field(default=False, sa_column=flag(default=False))
    deleted_at: datetime | None = Field(default=None, sa_type=Time)
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
    last_message_at: datetime | None = Field(default=None, sa_type=Time)
    last_snippet: str | None = None
    folder_id: int | None = Field(
        default=None,
        sa_column=Column(BigId, ForeignKey("folder.id", name="fk_chatsession_folder", ondelete="SET NULL"), nullable=True),
    )
    system_prompt: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    think: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    options: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    continued_from: int | None = Field(
        default=None,
        sa_column=Column(
            BigId,
            ForeignKey("chatmessage.id", name="fk_chatsession_continued_from", ondelete="SET NULL", use_alter=True),
            nullable=True,
        ),
    )

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
        Index(
            "ix_chatmessage_calls", "user_id", "created_at",
            sqlite_where=text("tool_calls IS NOT NULL"), postgresql_where=text("tool_calls IS NOT NULL"),
        ),
        CheckConstraint("role IN ('user', 'assistant')", name="ck_chatmessage_role"),
        CheckConstraint(f"status IN ({STATES})", name="ck_chatmessage_status"),
        CheckConstraint("role = 'assistant' OR status = 'complete'", name="ck_chatmessage_user_complete"),
        CheckConstraint("parent_id IS NULL OR parent_id <> id", name="ck_chatmessage_parent_not_self"),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=big_id())
    session_id: uuid.UUID = Field(sa_type=ChatId)
    user_id: str
    parent_id: int | None = Field(default=None, sa_column=Column(BigId, nullable=True))
    role: str = Field(max_length=20)
    status: str = Field(default="complete", max_length=20, sa_column_kwargs={"server_default": "complete"})
    created_at: datetime = Field(default_factory=utc_now, sa_type=Time, index=True)
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


class Attachment(SQLModel, table=True):
    """A file that belongs to a message.

    Purpose: says what a person attached, outside the message text; what the file holds is the row of `AttachmentContent` with
    its `sha256` (hex), which a trigger wants there. `media_type` was found in the content. Relationships: `message_id`; deleted
    with its message, and with the last attachment of a content that content (a trigger). Ownership: `user_id`, the message's.
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
    created_at: datetime = Field(default_factory=utc_now, sa_type=Time)


class AttachmentContent(SQLModel, table=True):
    """What attached files hold, each once per person, however often it was attached.

    Purpose: `content` is the file; `text` what can be read in a document, `characters` how long that is and `is_cut` whether it
    is only the beginning; `picture` is what a model is sent in place of an image that is large or of a rare format. The last
    columns are the large ones: what stands before them is read without them. Relationships: the attachments with its `sha256`.
    Ownership: `user_id`; the same file of two people is kept twice, so that nobody learns what others have.
    """

    __tablename__ = "attachment_content"
    __table_args__ = (
        CheckConstraint("size_bytes >= 0", name="ck_attachment_content_size"),
        CheckConstraint("(text IS NULL) = (characters IS NULL)", name="ck_attachment_content_characters"),
    )

    user_id: str = Field(primary_key=True, foreign_key="users.id", ondelete="CASCADE")
    sha256: str = Field(primary_key=True, max_length=64)
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    characters: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    is_cut: bool = Field(default=False, sa_column=flag(default=False))
    text: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    picture: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
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
    created_at: datetime = Field(default_factory=utc_now, sa_type=Time)


class Comparison(SQLModel, table=True):
    """Two answers to one prompt beside each other, and what a person thinks of the pair: feedback on two messages instead of one.

    Purpose: the vote (`outcome`: left, right, both_good, both_bad, or skipped for none) with its time; both are null while the
    answers wait for it. `is_blind`: the names are hidden until then. Relationships: `session_id` and the two messages, which are
    answers to the same prompt (a trigger) and never become others; they are set to null when the chat or a message is deleted,
    for the vote stays known like usage does, and the models with it. A comparison without a vote goes with its answers (a trigger).
    Ownership: `user_id`, held equal to the messages' by a trigger.
    """

    __tablename__ = "comparison"
    __table_args__ = (
        UniqueConstraint("left_message_id", name="uq_comparison_left"),
        UniqueConstraint("right_message_id", name="uq_comparison_right"),
        Index("ix_comparison_session_id", "session_id"),
        Index("ix_comparison_user_created", "user_id", "created_at"),
        CheckConstraint("left_message_id <> right_message_id", name="ck_comparison_two_answers"),
        CheckConstraint("outcome IN ('left', 'right', 'both_good', 'both_bad', 'skipped')", name="ck_comparison_outcome"),
        CheckConstraint("(outcome IS NULL) = (decided_at IS NULL)", name="ck_comparison_decided"),
    )

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    session_id: uuid.UUID | None = Field(default=None, sa_type=ChatId, foreign_key="chatsession.id", ondelete="SET NULL")
    left_message_id: int | None = Field(
        default=None, sa_column=Column(BigId, ForeignKey("chatmessage.id", ondelete="SET NULL"), nullable=True)
    )
    right_message_id: int | None = Field(
        default=None, sa_column=Column(BigId, ForeignKey("chatmessage.id", ondelete="SET NULL"), nullable=True)
    )
    left_provider: str
    left_model_name: str
    right_provider: str
    right_model_name: str
    is_blind: bool = Field(default=True, sa_column=flag(default=True))
    outcome: str | None = Field(default=None, max_length=20)
    created_at: datetime = Field(default_factory=utc_now, sa_type=Time)
    decided_at: datetime | None = Field(default=None, sa_type=Time)
