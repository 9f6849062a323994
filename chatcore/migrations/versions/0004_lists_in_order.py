"""An index for each order of the list of chats, one less for the messages and one for the ledger.

Why: a list by title, messages, tokens or date of creation sorted all chats of a person for each page, 15 to 20 ms at 11,000
of them (measured). On the other hand nothing asks for the attempts of everybody by time, and (session_id, id) finds the
messages of a chat as well as (user_id, session_id) did, which was a twentieth of a file. SQLite has to be told so: without
statistics it takes (user_id, created_at) for the cascade and reads all messages of a person for each chat that is deleted
(48 ms against 0.4 ms, measured).

On PostgreSQL the search index of a development version had no `session_id`; there it is made anew and filled again.
"""

import sqlalchemy as sa
from alembic import op

from chatcore.migrations import search_index

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# As `chatcore.browse` sorts. By bytes with the letters of ASCII as small ones, so both engines agree.
TITLE = {"sqlite": "lower(title)", "postgresql": 'lower(title COLLATE "C")'}
# What a chat's list is sorted by, beside `updated_at`. Two of them are expressions, which Alembic cannot compare, so none
# stands in the models.
ORDERS = {"created": "created_at", "title": None, "messages": "message_count", "tokens": "(input_tokens + output_tokens)"}
# For the planner until it has counted: as if a person had 10,000 messages, 16 in a chat. (Rows of an index, then rows for
# one value of its first column, of its first two; https://www.sqlite.org/fileformat2.html#stat1tab)
GUESSES = (
    ("ix_chatmessage_user_created", "100000 10000 1"),
    ("ix_chatmessage_created_at", "100000 1"),
    ("ix_chatmessage_parent", "100000 1 1"),
    ("sqlite_autoindex_chatmessage_1", "100000 16 1"),
)
GUESS = sa.text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('chatmessage', :idx, :stat)")


def upgrade():
    connection = op.get_bind()
    dialect = connection.dialect.name
    op.drop_index("ix_chatmessage_chat", "chatmessage")
    op.drop_index("ix_generation_started_at", "generation")
    for name, column in ORDERS.items():
        op.execute(
            f"CREATE INDEX ix_chatsession_by_{name} ON chatsession (user_id, archived, {column or TITLE[dialect]}, id) "
            "WHERE deleted_at IS NULL"
        )
    if dialect == "sqlite":
        count_or_guess(connection)
    elif "session_id" not in {column["name"] for column in sa.inspect(connection).get_columns("message_search")}:
        search_index.drop(connection)
        search_index.create(connection)


def count_or_guess(connection):
    """Lets SQLite count a sample of what is there; where there is little, a guess is better. Never ANALYZE alone: told that its
    tables are small, the full-text index would read them whole from then on, for each message more (measured)."""
    connection.exec_driver_sql("PRAGMA analysis_limit=400")
    connection.exec_driver_sql("ANALYZE chatmessage")
    if not connection.exec_driver_sql("SELECT 1 FROM chatmessage LIMIT 1 OFFSET 1000").first():
        connection.exec_driver_sql("DELETE FROM sqlite_stat1 WHERE tbl = 'chatmessage'")
        for idx, stat in GUESSES:
            connection.execute(GUESS, {"idx": idx, "stat": stat})


def downgrade():
    raise NotImplementedError("There is no way back from 0004: restore the backup.")
