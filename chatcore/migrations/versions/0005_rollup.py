"""The rollup: a page of arrays for each person and day, and triggers that mark the days that change.

Why: the questions of the analytics page read every message and generation of the period, a second at a million messages. The
hours that writers marked before were never used; sums by the hour cannot be cut by a zone that is off by half an hour.
Every day is marked here, and its page is made while the app runs (see `chatcore.rollup.making`); until then its rows
are read as before.
"""

import sqlalchemy as sa
from alembic import op

from chatcore.migrations import usage_marks

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade():
    op.drop_table("usage_hourly")
    op.drop_table("usage_dirty")
    op.create_table(
        "usage_day",
        user_id(),
        day(),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("messages", sa.LargeBinary(), nullable=False),
        sa.Column("answers", sa.LargeBinary(), nullable=False),
    )
    op.create_table("usage_dirty", user_id(), day(), sa.Column("writer", sa.BigInteger(), primary_key=True, autoincrement=False))
    usage_marks.create(op.get_bind())


def user_id():
    return sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)


def day():
    return sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False)


def downgrade():
    raise NotImplementedError("There is no way back from 0005: restore the backup.")
