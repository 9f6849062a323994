"""Links to snapshots of chats, which whoever has them can read.

Why: a chat is shown to somebody without an account by a link. What the link shows is kept apart from the chat, because later
messages must not appear in it, and so that showing it reads nothing of anybody's chats.

A table is only added; no other is touched.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.create_table(
        "share_link",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        *(
            sa.Column(f"shows_{what}", sa.Boolean(), nullable=False, server_default=sa.text("false"))
            for what in ("files", "system_prompt", "reasoning", "tools", "name")
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        # Last, so that SQLite needs not walk through it to read the others.
        sa.Column("page", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "session_id"], ["chatsession.user_id", "chatsession.id"], name="fk_share_link_chat", ondelete="CASCADE"
        ),
        sa.CheckConstraint("length(token) >= 32 AND length(token_hash) = 64", name="ck_share_link_token"),
        sa.CheckConstraint("messages > 0 AND size_bytes > 0", name="ck_share_link_size"),
    )
    # Whoever opens a link is found by it.
    op.create_index("uq_share_link_token_hash", "share_link", ["token_hash"], unique=True)
    # The links of a chat or of a person, and the rows that go with a chat.
    op.create_index("ix_share_link_chat", "share_link", ["user_id", "session_id", "id"])
    ends = sa.text("expires_at IS NOT NULL")
    op.create_index("ix_share_link_expires", "share_link", ["expires_at"], sqlite_where=ends, postgresql_where=ends)


def downgrade():
    raise NotImplementedError("There is no way back from 0014: restore the backup.")
