"""What a chat could lose on the way: where it goes on from, files that wait, decisions for another process, what titles used.

Why: a chat that was continued with a summary must find the old one again when the summary is asked for once more, so it names the
message with which the old one ended. A prompt that waits for its turn keeps its files. A decision about a tool call reaches the
process that writes the answer, as a stop does. And a title costs tokens like an answer, but is none: it has a ledger of its own,
so that no count of answers changes.

Tables are only added, and a column without a value, so that neither engine reads or rewrites a table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    # Alembic would add the key by itself afterwards, which SQLite cannot.
    op.execute(
        f"ALTER TABLE chatsession ADD COLUMN continued_from {'INTEGER' if is_sqlite else 'BIGINT'} "
        "CONSTRAINT fk_chatsession_continued_from REFERENCES chatmessage (id) ON DELETE SET NULL"
    )
    # For SET NULL: without it the database looks through all chats for each message that is deleted.
    known = sa.text("continued_from IS NOT NULL")
    op.create_index("ix_chatsession_continued_from", "chatsession", ["continued_from"], sqlite_where=known, postgresql_where=known)
    create_queued_files()
    create_call_decisions()
    create_title_usage()


def create_queued_files():
    op.create_table(
        "queued_file",
        big_id(),
        user_id(),
        sa.Column("queued_id", BigId, sa.ForeignKey("queued_prompt.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("size_bytes >= 0", name="ck_queued_file_size"),
    )
    op.create_index("ix_queued_file_queued_id", "queued_file", ["queued_id"])
    op.create_index("ix_queued_file_user_id", "queued_file", ["user_id"])


def create_call_decisions():
    op.create_table(
        "call_decision",
        sa.Column(
            "generation_id", BigId, sa.ForeignKey("generation.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
        ),
        sa.Column("call_id", sa.String(), primary_key=True),
        user_id(),
        sa.Column("decision", sa.String(length=20), nullable=False),
        sa.CheckConstraint("decision IN ('once', 'chat', 'always', 'declined', 'never')", name="ck_call_decision_decision"),
    )
    op.create_index("ix_call_decision_user_id", "call_decision", ["user_id"])


def create_title_usage():
    op.create_table(
        "title_usage",
        big_id(),
        user_id(),
        sa.Column("session_id", sa.Uuid(), sa.ForeignKey("chatsession.id", ondelete="SET NULL"), nullable=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("model_name", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("usage_source", sa.String(length=20), nullable=False),
        sa.Column("cost", sa.Float(), nullable=True),
        sa.Column("cost_currency", sa.String(length=3), nullable=True),
        sa.Column("cost_source", sa.String(), nullable=True),
        sa.CheckConstraint("usage_source IN ('reported', 'estimated')", name="ck_title_usage_source_known"),
        sa.CheckConstraint("(cost IS NULL) = (cost_source IS NULL) AND (cost IS NULL) = (cost_currency IS NULL)", name="ck_title_usage_cost"),
        sa.CheckConstraint(
            "input_tokens >= 0 AND output_tokens >= 0 AND duration_s >= 0 AND coalesce(cost, 0) >= 0", name="ck_title_usage_amounts"
        ),
    )
    op.create_index("ix_title_usage_user_started", "title_usage", ["user_id", "started_at"])
    op.create_index("ix_title_usage_session_id", "title_usage", ["session_id"])


def big_id():
    return sa.Column("id", BigId, primary_key=True, autoincrement=True)


def user_id():
    return sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


def downgrade():
    raise NotImplementedError("There is no way back from 0019: restore the backup.")
