"""Sums of everybody's days, for the zones in which somebody looks at them, and triggers that mark the days whose pages change.

Why: everybody's numbers over years were counted from the rows of all pages, 0.4 s at a million messages and ten times that at ten
million. Nothing is marked here: a zone is added when its days are first asked for, and its sums are made while the app runs.
"""

import sqlalchemy as sa
from alembic import op

from chatcore.migrations import sum_marks

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None

CELLS = (
    "hours", "answers", "time_to_first_chunk_s", "output_tokens_per_s", "chats", "writers", "asked", "duration_s", "load_s", "prompt_tokens_per_s",
)  # fmt: skip


def upgrade():
    op.create_table(
        "usage_zone",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("made", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.create_table(
        "usage_sum",
        zone(),
        day(),
        sa.Column("starts_us", sa.BigInteger(), nullable=False),
        sa.Column("ends_us", sa.BigInteger(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("people", sa.Text(), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in CELLS),
    )
    op.create_table("usage_sum_dirty", day(), zone(), sa.Column("writer", sa.BigInteger(), primary_key=True, autoincrement=False))
    sum_marks.create(op.get_bind())


def zone():
    return sa.Column("zone", sa.String(64), sa.ForeignKey("usage_zone.name", ondelete="CASCADE"), primary_key=True)


def day():
    return sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False)


def downgrade():
    raise NotImplementedError("There is no way back from 0016: restore the backup.")
