"""The whole search index in one go, for a database that nobody else uses yet: a copy, or a backup that is restored.

On SQLite what triggers do for each message is done here for all: entries in the order of their keys, so that FTS5 only appends.
PostgreSQL takes 1 to 2 ms for the words of a message and as much for its pairs of words, a quarter of an hour and more for a
million (measured), so there only a small index is made at once, and of a large one `build` makes the rest while the app runs.
"""

from collections.abc import Callable, Iterator

import sqlalchemy as sa

from chatcore.migrations import search_index
from chatcore.migrations.stored import AS_NUMBERS
from chatcore.search.entering import AUTOMERGE

# SQLite: entries a statement.
ENTRIES_AT_ONCE = 5000
# SQLite: in so many bytes FTS5 keeps words until it writes a piece of index; in 1 MB, as it does of its own accord, it takes twice the
# time, and pieces are to be put together afterwards (measured).
HASH_BYTES, USUAL_HASH_BYTES = 64 * 1024 * 1024, 1024 * 1024
# PostgreSQL: as many messages are indexed at once, in some seconds.
MOST_AT_ONCE = 2000

OnDone = Callable[[int, int], None]


def fill_index(connection: sa.Connection, *, on_done: OnDone) -> bool:
    """Makes the index anew from the messages and titles there are, in the transaction of `connection`; whether it is whole, or
    `build` has to go on. `on_done` hears how far it is in messages, done and in all."""
    search_index.drop(connection)
    search_index.create(connection)
    number = connection.exec_driver_sql("SELECT count(*) FROM chatmessage").scalar_one()
    if connection.dialect.name != "sqlite" and number > MOST_AT_ONCE:
        return False
    # What was left to be built in small steps is built here.
    connection.exec_driver_sql("DELETE FROM search_build")
    if connection.dialect.name == "sqlite":
        fill_sqlite(connection, on_done)
    else:
        connection.execute(sa.text(search_index.bindable(search_index.ENTER_CHAT).format(which="true")))
        connection.execute(sa.text(search_index.bindable(search_index.ENTER_MESSAGE).format(which="true")))
        on_done(number, number)
    connection.exec_driver_sql(search_index.NOTE_MODELS.format(which="status <> 'running'"))
    return True


# --- SQLite ------------------------------------------------------------------------------------------------------


def fill_sqlite(connection: sa.Connection, on_done: OnDone) -> None:
    """Gives every row its entry and its words, in the order of time."""
    for name, table, key, condition in (
        ("chat", "chatsession", "session_id", ""),
        ("message", "chatmessage", "message_id", " WHERE status <> 'running'"),
    ):
        connection.exec_driver_sql(f"DROP TRIGGER {name}_search_insert")
        number = fill_entries(
            connection,
            f"SELECT {AS_NUMBERS.second.format('created_at')}, id FROM {table}{condition} ORDER BY created_at, id",
            f"INSERT INTO {name}_search (key, {key}) VALUES (?, ?)",
        )
        for done in put_words(connection, name):
            if name == "message":
                on_done(min(done, number), number)
        connection.exec_driver_sql(search_index.put_words(name))


def put_words(connection: sa.Connection, name: str) -> Iterator[int]:
    """Puts the words of all entries into the index, in as few pieces as there is room for; how many so far."""
    config = f"INSERT INTO {name}_fts ({name}_fts, rank) VALUES (?, ?)"
    for setting, value in (("automerge", 0), ("hashsize", HASH_BYTES)):
        connection.exec_driver_sql(config, (setting, value))
    words = f"SELECT key, words, parts, tags FROM {name}_words WHERE key > ? ORDER BY key LIMIT {ENTRIES_AT_ONCE}"
    done, place = 0, -(2**62)
    while rows := connection.exec_driver_sql(words, (place,)).all():
        # One by one: at the end of a statement that makes several rows FTS5 would write what it has.
        connection.exec_driver_sql(f"INSERT INTO {name}_fts (rowid, words, parts, tags) VALUES (?, ?, ?, ?)", [tuple(row) for row in rows])
        done, place = done + len(rows), rows[-1].key
        yield done
    with connection.begin_nested():
        # FTS5 writes what it has before a savepoint, and so before it may put pieces together again.
        pass
    for setting, value in (("automerge", AUTOMERGE), ("hashsize", USUAL_HASH_BYTES)):
        connection.exec_driver_sql(config, (setting, value))


def fill_entries(connection: sa.Connection, rows: str, insert: str) -> int:
    """An entry for each row, under its second or the next free one; how many."""
    number, last = 0, -(2**62)
    with connection.execution_options(stream_results=True).exec_driver_sql(rows) as found:
        for part in found.partitions(ENTRIES_AT_ONCE):
            entries = []
            for second, row_id in part:
                last = max(second, last + 1)
                entries.append((last, row_id))
            connection.exec_driver_sql(insert, entries)
            number += len(entries)
    return number
