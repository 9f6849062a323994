"""The index of words on PostgreSQL: what was just written is sorted in by the upkeep and by an import, not by whoever writes.

Why: the list of words that wait to be sorted in was kept at 512 kB, about 130 messages, since every search reads it. Whoever filled it
sorted it in, and waited; and to sort in 130 messages takes each of them a quarter more time and twice as much of the log as to sort
in a thousand (measured). Now a list of 4 MB is allowed, and `chatcore.search.waiting` empties it before it is so long.

Pairs of words are made without leaving out those that come twice, which the index does anyway. The numbers are the same, so no entry
of the index changes, and no row is touched.
"""

from alembic import op

from chatcore.migrations import search_index

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade():
    if op.get_bind().dialect.name == "postgresql":
        search_index.sort_in_elsewhere(op.get_bind())


def downgrade():
    raise NotImplementedError("There is no way back from 0021: restore the backup.")
