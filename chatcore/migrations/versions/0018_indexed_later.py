"""Messages that are written many at a time: indexed later, marked for the analytics together.

Why: an import had the words of each message put into the index by the trigger of that message, and FTS5 writes what it holds to
the file before each further statement that has triggers: a piece of index for every message, all of which are merged afterwards
(two thirds of the time of an import, measured). Who writes many messages names their ids in `search_later`, in the same
transaction; their words are then put in many at a time (see `chatcore.search.build`), and their days are marked with one
statement instead of three for each, which took longer than to write the message. The triggers stay the law for everybody else. The table is made empty and the triggers are replaced: no row is touched.
"""

import sqlalchemy as sa
from alembic import op

from chatcore.migrations import search_index, usage_marks

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade():
    # A database that is new has them already.
    if not sa.inspect(op.get_bind()).has_table("search_later"):
        search_index.allow_later(op.get_bind())
        usage_marks.allow_later(op.get_bind())


def downgrade():
    raise NotImplementedError("There is no way back from 0018: restore the backup.")
