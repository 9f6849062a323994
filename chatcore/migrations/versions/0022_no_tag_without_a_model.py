"""The search index of SQLite without the tags of models that are not there.

Why: every message without a model had the bare words `m` and `p` among its tags, since hex(NULL) is an empty text there. FTS5 passes over
all of them for one of these letters that stands in few texts: 20 to 44 ms at a million messages (measured). An entry goes out of the
index by the very words it was put in with, so the definition cannot change under the entries: the index is made anew, empty, and filled
in small steps afterwards (see `chatcore.search.build`). On PostgreSQL no tag stands for what is not there.

Versions between releases let an import name messages in `search_later` that were to be indexed after it. What one of them left
there is indexed on PostgreSQL too, with what is older and has no entry; from now on that table is empty between transactions.
"""

from alembic import op

from chatcore.migrations import search_index

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

LEFT_FOR_LATER = (
    "INSERT INTO search_build (what, place, total) SELECT 'messages', max(last) + 1, max(last) FROM search_later HAVING count(*) > 0 "
    "ON CONFLICT (what) DO UPDATE SET place = greatest(search_build.place, excluded.place), "
    "total = greatest(search_build.total, excluded.total)",
    "DELETE FROM search_later",
)


def upgrade():
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        search_index.drop(connection)
        search_index.create(connection)
        return
    for statement in LEFT_FOR_LATER:
        connection.exec_driver_sql(statement)


def downgrade():
    raise NotImplementedError("There is no way back from 0022: restore the backup.")
