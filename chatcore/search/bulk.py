"""The whole search index in one go, for a database that nobody else uses yet: a copy, or a backup that is restored.

What triggers do for each message is done here for all: entries in the order of their keys, so that FTS5 only appends, and on
PostgreSQL the indexes are made after the words. `build` is for a database in use.
"""

from collections.abc import Callable

import sqlalchemy as sa

from chatcore.migrations import search_index

# SQLite: entries a statement. PostgreSQL: ids a statement.
ENTRIES_AT_ONCE, IDS_AT_ONCE = 5000, 10_000

OnDone = Callable[[int, int], None]


def fill_index(connection: sa.Connection, *, on_done: OnDone) -> None:
    """Makes the index anew from the messages and titles there are, in the transaction of `connection`. `on_done` hears how far
    it is in messages, done and in all."""
    search_index.drop(connection)
    search_index.create(connection)
    # What that left to be built in small steps is built here.
    connection.exec_driver_sql("DELETE FROM search_build")
    if connection.dialect.name == "sqlite":
        fill_sqlite(connection, on_done)
    else:
        fill_postgresql(connection, on_done)
    connection.exec_driver_sql(
        f"INSERT INTO used_model (user_id, provider, model_name) SELECT DISTINCT {search_index.NAMES.format('')} FROM chatmessage "
        "WHERE status <> 'running' AND (provider IS NOT NULL OR model_name IS NOT NULL)"
    )


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
            f"SELECT {search_index.second_of('created_at')}, id FROM {table}{condition} ORDER BY created_at, id",
            f"INSERT INTO {name}_search (key, {key}) VALUES (?, ?)",
        )
        done, place = 0, -(2**62)
        while (
            last := connection.exec_driver_sql(
                f"SELECT max(key) FROM (SELECT key FROM {name}_search WHERE key > ? ORDER BY key LIMIT {ENTRIES_AT_ONCE})", (place,)
            ).scalar()
        ) is not None:
            done += connection.exec_driver_sql(
                f"INSERT INTO {name}_fts (rowid, words, parts, tags) SELECT key, words, parts, tags FROM {name}_words "
                "WHERE key > ? AND key <= ? ORDER BY key",
                (place, last),
            ).rowcount
            place = last
            if name == "message":
                on_done(min(done, number), number)
        connection.exec_driver_sql(search_index.enter_words(name))


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


# --- PostgreSQL --------------------------------------------------------------------------------------------------


def fill_postgresql(connection: sa.Connection, on_done: OnDone) -> None:
    """Makes the words, then what finds them."""
    later = take_indexes(connection, ("message_search", "chat_search"))
    connection.execute(sa.text(search_index.bindable(search_index.ENTER_CHAT).format(which="true")))
    enter = sa.text(search_index.bindable(search_index.ENTER_MESSAGE).format(which="m.id > :after AND m.id <= :last"))
    total = connection.execute(sa.text("SELECT count(*) FROM chatmessage")).scalar_one()
    done, place = 0, 0
    page = sa.text("SELECT max(id), count(*) FROM (SELECT id FROM chatmessage WHERE id > :after ORDER BY id LIMIT :rows) AS page")
    while (row := connection.execute(page, {"after": place, "rows": IDS_AT_ONCE}).one())[1]:
        connection.execute(enter, {"after": place, "last": row[0]})
        place, done = row[0], done + row[1]
        on_done(min(done, total), total)
    for statement in later:
        connection.exec_driver_sql(statement)


TAKEN = """
    SELECT 2 AS turn, format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
      format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY(%(tables)s::regclass[])
    UNION ALL
    SELECT 1, format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
      format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE contype = 'u' AND conrelid = ANY(%(tables)s::regclass[])
    UNION ALL
    SELECT 0, format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index WHERE indrelid = ANY(%(tables)s::regclass[]) AND NOT indisprimary
      AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)"""


def take_indexes(connection: sa.Connection, tables: tuple[str, ...]) -> list[str]:
    """Takes foreign keys, unique keys and indexes of PostgreSQL tables away; the statements that make them again, in their order.
    One large table is then checked and sorted once, and not row by row."""
    found = connection.exec_driver_sql(TAKEN, {"tables": list(tables)}).all()
    for _, drop, _ in sorted(found, key=lambda row: -row[0]):
        connection.exec_driver_sql(drop)
    return [make for _, _, make in sorted(found, key=lambda row: row[0])]
