"""What a person lets a tool do.

Why: a tool that changes something runs only after a person said so, and who said "always" or "for this chat" is not asked
again. A row without a chat holds for all chats; one of a chat goes with it, and can only be of a chat of the same person.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.create_table(
        "tool_permission",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("tool", sa.String(), nullable=False),
        sa.Column("decision", sa.String(length=20), nullable=False),
        sa.UniqueConstraint("user_id", "session_id", "tool", name="uq_tool_permission_chat"),
        sa.ForeignKeyConstraint(
            ["user_id", "session_id"], ["chatsession.user_id", "chatsession.id"], name="fk_tool_permission_chat", ondelete="CASCADE"
        ),
        sa.CheckConstraint("decision IN ('allow', 'ask', 'never')", name="ck_tool_permission_decision"),
        sa.CheckConstraint("length(tool) BETWEEN 1 AND 64", name="ck_tool_permission_tool"),
    )
    # NULLs are all different to a unique key, so what holds for all chats needs one of its own.
    condition = sa.text("session_id IS NULL")
    op.create_index(
        "uq_tool_permission_user", "tool_permission", ["user_id", "tool"], unique=True, sqlite_where=condition, postgresql_where=condition
    )


def downgrade():
    raise NotImplementedError("There is no way back from 0007: restore the backup.")
