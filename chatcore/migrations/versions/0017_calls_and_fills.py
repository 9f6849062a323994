"""Tool calls and full windows in the pages of the rollup.

Why: the analytics count the calls of tools, and how full the window of a model was at each answer. Calls are JSON in their messages, a
second to read at a million of them, so a page has a row for each, and one for each answer whose window is known (decision 0011). The
prompt of the last round and whether a server left messages out are known at the end of an answer only, so the ledger keeps them. All
columns may be null: nothing is rewritten. Only days with something to count are made anew.
"""

import sqlalchemy as sa
from alembic import op

from chatcore.migrations import usage_marks

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("generation", sa.Column("context_tokens", sa.BigInteger(), nullable=True))
    op.add_column("generation", sa.Column("left_out", sa.Boolean(), nullable=True))
    for name in ("calls", "fills"):
        op.add_column("usage_day", sa.Column(name, sa.LargeBinary(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        # Where the tables of another program were taken over just now, the parents of their messages are still to be checked.
        op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    # Days without calls, which are most, are then found without looking at their messages.
    there = sa.text("tool_calls IS NOT NULL")
    op.create_index("ix_chatmessage_calls", "chatmessage", ["user_id", "created_at"], sqlite_where=there, postgresql_where=there)
    usage_marks.create_more(op.get_bind())


def downgrade():
    raise NotImplementedError("There is no way back from 0017: restore the backup.")
