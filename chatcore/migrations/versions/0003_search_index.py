"""Every word of every title and message in an index.

Why: looking through all messages for a word takes seconds at a million of them. The index is made empty here, which is
quick, and filled in small steps afterwards, so that a start does not wait for millions of messages and an end in the
middle loses nothing (see `chatcore.search.build`). From here on triggers keep it.
"""

from alembic import op

from chatcore.migrations import search_index
from chatcore.migrations.stored import AS_TEXT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    search_index.create(op.get_bind(), AS_TEXT)


def downgrade():
    raise NotImplementedError("There is no way back from 0003: restore the backup.")
