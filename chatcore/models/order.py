"""How a person keeps order, and what they have set for later."""

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
from sqlmodel import Field, SQLModel

from chatcore.columns import BigId, ChatId, Time
from chatcore.models.base import big_id, flag, utc_now


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

    session_id: uuid.UUID = Field(sa_type=ChatId, primary_key=True)
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
    created_at: datetime = Field(default_factory=utc_now, sa_type=Time)


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
    created_at: datetime = Field(default_factory=utc_now, sa_type=Time)


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
    created_at: datetime = Field(default_factory=utc_now, sa_type=Time)


class ToolPermission(SQLModel, table=True):
    """What a person lets a tool do.

    Purpose: who said "always", "for this chat" or "never" is not asked again; `decision` is allow, ask or never, `tool` the
    name a model calls it by. Relationships: `session_id`, the chat it holds for, None for all chats; gone with its chat.
    Ownership: `user_id`; the chat is one of the same person.
    """

    __tablename__ = "tool_permission"
    __table_args__ = (
        UniqueConstraint("user_id", "session_id", "tool", name="uq_tool_permission_chat"),
        # NULLs are all different to a unique key, so what holds for all chats needs one of its own.
        Index(
            "uq_tool_permission_user", "user_id", "tool", unique=True,
            sqlite_where=text("session_id IS NULL"), postgresql_where=text("session_id IS NULL"),
        ),
        ForeignKeyConstraint(
            ["user_id", "session_id"], ["chatsession.user_id", "chatsession.id"], name="fk_tool_permission_chat", ondelete="CASCADE"
        ),
        CheckConstraint("decision IN ('allow', 'ask', 'never')", name="ck_tool_permission_decision"),
        CheckConstraint("length(tool) BETWEEN 1 AND 64", name="ck_tool_permission_tool"),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    session_id: uuid.UUID | None = Field(default=None, sa_type=ChatId)
    tool: str
    decision: str = Field(max_length=20)


class UserSetting(SQLModel, table=True):
    """What a person chose for all of their chats.

    Purpose: a `value` (JSON) under a name that `chatcore.preferences` knows; what has no row is as it is for everybody.
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
    session_id: uuid.UUID = Field(sa_type=ChatId)
    text: str = Field(sa_column=Column(Text, nullable=False))
    provider: str
    model_name: str
    use_tools: bool = Field(default=False, sa_column=flag(default=False))
    request_key: str | None = Field(default=None, max_length=80)
    created_at: datetime = Field(default_factory=utc_now, sa_type=Time)


class QueuedFile(SQLModel, table=True):
    """A file that waits with its prompt.

    Purpose: what was attached to a prompt that has not been sent yet, as it came; in the order of `id`. It becomes an attachment
    when the prompt becomes a message. Relationships: `queued_id`; gone with the prompt. Ownership: `user_id`, the prompt's.
    """

    __tablename__ = "queued_file"
    __table_args__ = (
        CheckConstraint("size_bytes >= 0", name="ck_queued_file_size"),
        Index("ix_queued_file_queued_id", "queued_id"),
        Index("ix_queued_file_user_id", "user_id"),
    )

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    queued_id: int = Field(sa_column=Column(BigId, ForeignKey("queued_prompt.id", ondelete="CASCADE"), nullable=False))
    name: str
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
