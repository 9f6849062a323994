"""Whether the search index knows every message, and knows it right."""

import sqlite3

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from chatcore.db import Database
from chatcore.migrations import search_index
from chatcore.words import words_of

# Messages whose words are looked up, spread evenly over all of them.
SAMPLE = 2000
# So many of the first words of a message, as one phrase, tell it from others well enough.
PHRASE_WORDS = 8

# Messages that are not being written and not still to be indexed have an entry, and no entry is left of a message that is gone.
MISSING_MESSAGES = (
    "SELECT m.id FROM chatmessage m WHERE m.status <> 'running' "
    "AND m.id >= coalesce((SELECT place FROM search_build WHERE what = 'messages'), m.id) "
    "AND NOT EXISTS (SELECT 1 FROM message_search s WHERE s.message_id = m.id)"
)
MISSING_TITLES = (
    "SELECT c.id FROM chatsession c WHERE NOT EXISTS (SELECT 1 FROM chat_search s WHERE s.session_id = c.id) "
    "AND NOT EXISTS (SELECT 1 FROM search_build WHERE what = 'chats')"
)
LEFT_OVER = (
    "SELECT s.message_id FROM message_search s LEFT JOIN chatmessage m ON m.id = s.message_id WHERE m.id IS NULL OR m.status = 'running'"
)
EVENLY = (
    "SELECT m.id, m.content, s.{key} AS entry FROM message_search s JOIN chatmessage m ON m.id = s.message_id "
    "WHERE m.id % :step = 0 ORDER BY m.id DESC LIMIT :sample"
)


def unfindable(tx: Session) -> tuple[int, list[int]]:
    """How many messages of an even sample were looked up by their first words, and the ids of those that were not found."""
    sqlite = tx.get_bind().dialect.name == "sqlite"
    newest = tx.execute(sa.text("SELECT max(id) FROM chatmessage")).scalar() or 0
    evenly = sa.text(EVENLY.format(key="key" if sqlite else "message_id"))
    rows = tx.execute(evenly, {"step": max(1, newest // SAMPLE), "sample": SAMPLE}).all()
    wrong = [row.id for row in rows if not found_in_index(tx, row.entry, words_of(row.content)[:PHRASE_WORDS], sqlite=sqlite)]
    return len(rows), wrong


def found_in_index(tx: Session, entry: int, words: list[str], *, sqlite: bool) -> bool:
    """Whether an entry has these words one after the other."""
    if not words:
        return True
    if sqlite:
        phrase = 'words : "' + " ".join(words) + '"'
        statement = sa.text("SELECT 1 FROM message_fts WHERE message_fts MATCH :question AND rowid = :entry")
    else:
        phrase = " <-> ".join(f"'{word}'" for word in words)
        statement = sa.text("SELECT 1 FROM message_search WHERE words @@ CAST(:question AS tsquery) AND message_id = :entry")
    return tx.execute(statement, {"question": phrase, "entry": entry}).scalar() is not None


def compare_all(db: Database) -> str | None:
    """Compares every word of the index with every message; None if they are equal, else what is not. Takes about a minute
    for a million messages, in which others on SQLite cannot write."""
    if not db.is_sqlite:
        return compare_vectors(db)
    for table in ("message_fts", "chat_fts"):
        try:
            # A bare connection: what FTS5 says of its index would else be taken for what SQLite says of the file.
            with db.connect() as connection, connection.begin():
                # https://www.sqlite.org/fts5.html#the_integrity_check_command
                connection.execute(sa.text(f"INSERT INTO {table} ({table}, rank) VALUES ('integrity-check', 1)"))
        except DBAPIError as error:
            if isinstance(error.orig, sqlite3.DatabaseError) and "malformed" in str(error.orig):
                return f"{table} has other words than the rows it stands for"
            raise
    return None


def compare_vectors(db: Database) -> str | None:
    """The same on PostgreSQL: the words as they would be made now."""
    different = sa.text(
        "SELECT count(*) FROM message_search s JOIN chatmessage m ON m.id = s.message_id "
        f"WHERE s.words <> search_vector(m.content, {search_index.bindable(search_index.POSTGRESQL_TAGS)})"
    )
    with db.read_at_length() as tx:
        number = tx.execute(different).scalar_one()
    return f"{number:,} entries have other words than their messages" if number else None
