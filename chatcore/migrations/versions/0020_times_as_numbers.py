"""Times as numbers and ids of chats as bytes, on SQLite.

Why: a time was a text of 26 characters and the id of a chat one of 32, in every message and attempt and again in their indexes: more
than a fifth of the text that people wrote. A number of microseconds since 1970 is 8 bytes and an id 16 (decision 0013). PostgreSQL has
types of its own for both; nothing is done there.

Values are changed where they are. The columns keep their declared types, of which SQLite only takes that DATETIME keeps a number and
CHAR(32) keeps bytes as they are, so no table with its keys and laws is made anew. Triggers would take each change for one of what
somebody wrote: they are away meanwhile, as are the indexes, which are quicker made than changed row by row. All of it is one
transaction. What becomes empty in the file is given back afterwards (see `chatcore.db.init_db`).
"""

import logging
import sqlite3
from typing import cast

import sqlalchemy as sa
from alembic import op

from chatcore.migrations import search_index, usage_marks
from chatcore.migrations.run import TABLES
from chatcore.migrations.stored import AS_NUMBERS

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

log = logging.getLogger("chatcore.migrations")

ROWS_A_STEP = 100_000
# By declared type. The sixth digit of a second is the last that was ever written; a time may have fewer, or none.
CHANGES = {
    "DATETIME": (
        "{0} = CAST(strftime('%s', substr({0}, 1, 19)) AS INTEGER) * 1000000 + CAST(substr(substr({0}, 21) || '000000', 1, 6) AS INTEGER)"
    ),
    "CHAR(32)": "{0} = chat_id_bytes({0})",
}


def upgrade():
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    cast("sqlite3.Connection", connection.connection.driver_connection).create_function("chat_id_bytes", 1, chat_id_bytes)
    columns = {table: found for table in (*TABLES, "chat_search") if (found := columns_of(connection, table))}
    triggers = take_triggers(connection, columns)
    indexes, counts = take_indexes(connection, columns)
    for table, found in columns.items():
        change(connection, table, ", ".join(CHANGES[kind].format(name) for name, kind in found.items()))
    log.info("Making %d indexes.", len(indexes))
    for statement in (*indexes, "DROP VIEW message_words", search_index.message_words(AS_NUMBERS), *in_new_form(triggers)):
        connection.exec_driver_sql(statement)
    # To drop an index takes away what the planner knows of it, or was told for as long as there is little to count (0004).
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    if counts:
        connection.exec_driver_sql("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", counts)


def chat_id_bytes(digits):
    return bytes.fromhex(digits.replace("-", "")) if isinstance(digits, str) else digits


def columns_of(connection, table):
    """The columns that are changed, with their declared types."""
    found = connection.exec_driver_sql("SELECT name, type FROM pragma_table_info(?)", (table,)).all()
    return {name: kind for name, kind in found if kind in CHANGES}


def take_triggers(connection, tables):
    """Drops the triggers of these tables; their statements in the order they were made."""
    found = connection.exec_driver_sql("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid").all()
    ours = {name: sql for name, table, sql in found if table in tables}
    for name in ours:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    return ours


def take_indexes(connection, columns):
    """Drops the indexes of these columns; their statements, and what the planner knows of all indexes."""
    counts = [tuple(row) for row in connection.exec_driver_sql("SELECT tbl, idx, stat FROM sqlite_stat1")]
    found = connection.exec_driver_sql("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").all()
    statements = []
    for name, table, sql in found:
        of = connection.exec_driver_sql("SELECT name FROM pragma_index_info(?)", (name,)).scalars().all()
        if columns.get(table, {}).keys() & set(of):
            connection.exec_driver_sql(f"DROP INDEX {name}")
            statements.append(sql)
    return statements, counts


def change(connection, table, changes):
    """Changes every row of a table, and says how far it is."""
    portion = f"SELECT max(r), count(*) FROM (SELECT rowid AS r FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT {ROWS_A_STEP})"
    place, done = -(2**63), 0
    while True:
        last, number = connection.exec_driver_sql(portion, (place,)).one()
        if not number:
            return
        connection.exec_driver_sql(f"UPDATE {table} SET {changes} WHERE rowid > ? AND rowid <= ?", (place, last))
        place, done = last, done + number
        if number == ROWS_A_STEP:
            log.info("Changed %d rows of %s so far.", done, table)


def in_new_form(triggers):
    """The triggers that were taken, those that reckon with times or ids in their new form."""
    forms = (
        *search_index.message_triggers(AS_NUMBERS),
        *search_index.chat_triggers(AS_NUMBERS),
        *usage_marks.sqlite_triggers(AS_NUMBERS),
        *usage_marks.sqlite_triggers_of_more(AS_NUMBERS),
    )
    return list((triggers | {form.split()[2]: form for form in forms}).values())


def downgrade():
    raise NotImplementedError("There is no way back from 0020: restore the backup.")
