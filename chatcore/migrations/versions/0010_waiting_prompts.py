"""What a person chose for all of their chats, and prompts that wait until an answer has ended.

Why: whether a model names chats is chosen once, not in each chat. A prompt that was written while an answer ran must not be lost
when the page is closed or the process ends, so it waits in the database and not in a page.

Tables are only added; no other is touched.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.create_table(
        "user_setting",
        sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.String(length=40), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )
    op.create_table(
        "queued_prompt",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("model_name", sa.String(), nullable=False),
        sa.Column("use_tools", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("request_key", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "session_id"], ["chatsession.user_id", "chatsession.id"], name="fk_queued_prompt_chat", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("user_id", "request_key", name="uq_queued_prompt_request_key"),
    )
    # In the order of the list and of the key: whoever deletes a chat or sends what waits finds its rows in it.
    op.create_index("ix_queued_prompt_chat", "queued_prompt", ["user_id", "session_id", "id"])


def downgrade():
    raise NotImplementedError("There is no way back from 0010: restore the backup.")
