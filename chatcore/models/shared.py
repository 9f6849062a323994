"""What a person shows to others."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKeyConstraint, Index, Integer, LargeBinary, text
from sqlmodel import Field, SQLModel

from chatcore.columns import ChatId, Time
from chatcore.models.base import big_id, flag, utc_now


class ShareLink(SQLModel, table=True):
    """A link to a snapshot of a chat, which whoever has it can read.

    Purpose: `page` is the snapshot as HTML, compressed, of `size_bytes` unpacked; what is written in the chat afterwards is not in
    it. `token` is the secret of the link, kept so that its owner can copy it again; it is looked for by `token_hash` (SHA-256, hex).
    The flags say what is shown beside the messages. From `expires_at` on it does not answer any more. Relationships: the chat, by
    (user_id, id); gone with it. Ownership: `user_id`.
    """

    __tablename__ = "share_link"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "session_id"], ["chatsession.user_id", "chatsession.id"], name="fk_share_link_chat", ondelete="CASCADE"
        ),
        Index("uq_share_link_token_hash", "token_hash", unique=True),
        Index("ix_share_link_chat", "user_id", "session_id", "id"),
        Index(
            "ix_share_link_expires", "expires_at",
            sqlite_where=text("expires_at IS NOT NULL"), postgresql_where=text("expires_at IS NOT NULL"),
        ),
        CheckConstraint("length(token) >= 32 AND length(token_hash) = 64", name="ck_share_link_token"),
        CheckConstraint("messages > 0 AND size_bytes > 0", name="ck_share_link_size"),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    session_id: uuid.UUID = Field(sa_type=ChatId)
    token: str = Field(max_length=64)
    token_hash: str = Field(max_length=64)
    title: str
    shows_files: bool = Field(default=False, sa_column=flag(default=False))
    shows_system_prompt: bool = Field(default=False, sa_column=flag(default=False))
    shows_reasoning: bool = Field(default=False, sa_column=flag(default=False))
    shows_tools: bool = Field(default=False, sa_column=flag(default=False))
    shows_name: bool = Field(default=False, sa_column=flag(default=False))
    created_at: datetime = Field(default_factory=utc_now, sa_type=Time)
    taken_at: datetime = Field(default_factory=utc_now, sa_type=Time)
    expires_at: datetime | None = Field(default=None, sa_type=Time)
    messages: int = Field(sa_column=Column(Integer, nullable=False))
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    page: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
