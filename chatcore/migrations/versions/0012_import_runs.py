"""Imports that can be listed, gone on with and undone.

Why: `importref` knows where a chat came from, but not which import brought it, so none could be taken back; and nothing told
a message that somebody changed here from one that changed in the other program. A run has a row, what it brought names it,
and the hash says how the message looked when it was brought. Both columns may be null: nothing is rewritten.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "import_run",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("format", sa.String(40), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('running', 'complete', 'stopped', 'failed', 'undone')", name="ck_import_run_state"),
        sa.CheckConstraint("(state = 'running') = (finished_at IS NULL)", name="ck_import_run_finished"),
    )
    op.create_index("ix_import_run_user", "import_run", ["user_id", "id"])
    # Alembic would add the key by itself afterwards, which SQLite cannot.
    op.execute(
        f"ALTER TABLE importref ADD COLUMN run_id {'INTEGER' if is_sqlite else 'BIGINT'} "
        "CONSTRAINT fk_importref_run REFERENCES import_run (id) ON DELETE SET NULL"
    )
    op.add_column("importref", sa.Column("content_hash", sa.String(32), nullable=True))
    condition = sa.text("run_id IS NOT NULL")
    op.create_index("ix_importref_run", "importref", ["run_id"], sqlite_where=condition, postgresql_where=condition)


def downgrade():
    raise NotImplementedError("There is no way back from 0012: restore the backup.")
