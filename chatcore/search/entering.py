"""Messages that were just written, put into the search index by the transaction that writes them, all together.

Whoever writes many: `begin_entering` before the rows, so that no trigger gives them entries one by one, its answer is told what was
written. What is written is found as soon as it is there, and a process that ends in the middle leaves neither.

On SQLite each transaction leaves a piece of the index, and FTS5 by itself would put pieces together while others wait for this
writer: half of the time of the index, and 20 to 40 ms at once (measured). So here it does not; `chatcore.search.merging` does,
in steps of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.bulk import execute_many, insert_many, quickly, sqlite_driver
from chatcore.db import Database
from chatcore.migrations import search_index
from chatcore.search.fts5 import second

# As many pieces may wait to be put together; FTS5 itself would do it at 16, all at once, in whoever writes next. It cannot keep
# more than 2,000.
MOST_PIECES = 1900
# So many together on SQLite: to write their words into the index takes some 30 µs a message however many they are (measured), which
# whoever waits for this writer waits as well. But each piece has to be put together with others: of pieces of 50, an import of 20,000
# messages did so for another 30 µs a message.
MESSAGES_A_PIECE = 100
# FTS5's own (https://www.sqlite.org/fts5.html#the_automerge_configuration_option).
AUTOMERGE = 4
SET = "INSERT INTO message_fts (message_fts, rank) VALUES (?, ?)"


class Entry(NamedTuple):
    """A message that was written, with the words of its text and their parts, spaces between them."""

    message_id: int
    created_at: datetime
    words: str
    parts: str


def allow_pieces(db: Database) -> None:
    """Keeps FTS5 from putting all pieces together at once. It is told once for all: nothing else makes so many."""
    if not db.is_sqlite:
        return
    with db.read() as tx:
        known = tx.execute(sa.text("SELECT v FROM message_fts_config WHERE k = 'crisismerge'")).scalar()
    if known != MOST_PIECES:
        with db.write() as tx:
            tx.connection().exec_driver_sql(SET, ("crisismerge", MOST_PIECES))


def begin_entering(tx: Session, first: int, last: int) -> "Entering":
    """Says that the messages of these ids, which this transaction goes on to write, get their entries by what this answers; it need
    not write all of them."""
    quickly(tx, TO_ENTER, {"first": first, "last": last})
    return Entering(tx, first)


@dataclass(slots=True)
class Entering:
    """Puts messages into the index while a transaction goes on writing more: `add` those that were written, and `end` it."""

    tx: Session
    first: int
    waiting: list[Entry] = field(default_factory=list)

    def add(self, entries: Sequence[Entry]) -> None:
        """Takes messages that were written, whose ids are rising. Their words are put in together with those of others."""
        self.waiting += entries
        if len(self.waiting) >= MESSAGES_A_PIECE:
            self.put()

    def end(self) -> None:
        """Puts in what is left. From now on triggers see to the messages of these ids again."""
        self.put()
        quickly(self.tx, ENTERED, {"first": self.first})

    def put(self) -> None:
        """Gives those that wait their entries and puts their words into the index."""
        if self.waiting and self.tx.get_bind().dialect.name == "sqlite":
            enter_sqlite(self.tx, self.waiting)
        elif self.waiting:
            enter_postgresql(self.tx, self.waiting)
        self.waiting = []


TO_ENTER = sa.text("INSERT INTO search_later (first, last) VALUES (:first, :last)")
ENTER_CUT = sa.text(search_index.ENTER_CUT)
ENTERED = sa.text("DELETE FROM search_later WHERE first = :first")


def enter_sqlite(tx: Session, entries: Sequence[Entry]) -> None:
    """The entry of each under its own second or the next that none of the others has, the few whose second is taken by an older
    message as a trigger does it; then the words, in the order of the keys, as FTS5 wants them."""
    first, last = entries[0].message_id, entries[-1].message_id
    keys, key = [], -(2**62)
    for entry in sorted(entries, key=lambda entry: (entry.created_at, entry.message_id)):
        key = max(second(entry.created_at), key + 1)
        keys.append((key, entry.message_id))
    driver = sqlite_driver(tx)
    if insert_many(tx, "INSERT OR IGNORE INTO message_search (key, message_id)", keys) < len(keys):
        there = driver.execute("SELECT message_id FROM message_search WHERE message_id BETWEEN ? AND ?", (first, last))
        missing = {message_id for _, message_id in keys}.difference(message_id for (message_id,) in there)
        execute_many(tx, search_index.ENTER_MESSAGE_BY_ID, [(message_id,) for message_id in sorted(missing)])
    by_id = {entry.message_id: entry for entry in entries}
    found = driver.execute(search_index.TAGS_BETWEEN, (first, last)).fetchall()
    rows = [(key, by_id[message_id].words, by_id[message_id].parts, tags) for key, message_id, tags in found if message_id in by_id]
    driver.execute(SET, ("automerge", 0))
    execute_many(tx, search_index.PUT_WORDS, rows)
    # FTS5 writes what it has before a savepoint, and so before it may put pieces together again.
    driver.execute("SAVEPOINT words_put")
    driver.execute("RELEASE words_put")
    driver.execute(SET, ("automerge", AUTOMERGE))


def enter_postgresql(tx: Session, entries: Sequence[Entry]) -> None:
    """The same, with words that were cut here, which takes the server ten times as long."""
    cut = [search_index.vector_text(entry.words.split(), entry.parts.split(), ()) for entry in entries]
    tx.connection().execute(ENTER_CUT, {"ids": [entry.message_id for entry in entries], "words": cut})
