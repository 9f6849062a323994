"""What a model is told and how it is asked: the settings of a chat, presets of them, a library of prompts, and two figures more of an
attempt.

Why: a chat has its own system prompt and parameters, which must last as long as the chat. Nobody wants to type the same ones
twice, so they are kept under a name. Of an attempt it is kept how long the model reasoned and which window was asked for:
without the window nobody can say later how full it was.

Columns are only added, without a default and without a check, so that neither engine reads or rewrites a table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    for name in ("system_prompt", "think", "options"):
        op.add_column("chatsession", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("generation", sa.Column("reasoning_s", sa.Float(), nullable=True))
    op.add_column("generation", sa.Column("context_window", sa.BigInteger(), nullable=True))
    create_presets()
    create_prompts()


def create_presets():
    op.create_table(
        "preset",
        big_id(),
        user_id(),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("model_name", sa.String(), nullable=True),
        sa.Column("system_prompt", sa.Text(), nullable=True),
        sa.Column("think", sa.Text(), nullable=True),
        sa.Column("options", sa.Text(), nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("user_id", "name", name="uq_preset_user_name"),
        sa.CheckConstraint("(provider IS NULL) = (model_name IS NULL)", name="ck_preset_model"),
    )
    condition = sa.text("is_default")
    op.create_index("uq_preset_default", "preset", ["user_id"], unique=True, sqlite_where=condition, postgresql_where=condition)


def create_prompts():
    op.create_table(
        "prompt",
        big_id(),
        user_id(),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("user_id", "name", name="uq_prompt_user_name"),
    )


def big_id():
    return sa.Column("id", BigId, primary_key=True, autoincrement=True)


def user_id():
    return sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


def downgrade():
    raise NotImplementedError("There is no way back from 0006: restore the backup.")
