"""Filling the search index for messages that were there before it.

In small steps, the newest messages first: each is a transaction of its own, so others write meanwhile, an end in the
middle loses nothing, and the next start goes on where it stopped. Whatever is written meanwhile is indexed by the triggers.
The upkeep of whichever process is there sees to it. Who writes many messages at once indexes them in the same transaction, see
`chatcore.search.entering`.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.bulk import execute_many, insert_many, quickly, sqlite_driver
from chatcore.db import Database
from chatcore.errors import Conflict, Invalid
from chatcore.migrations import search_index, usage_marks
from chatcore.migrations.run import HEAD, schema_revision
from chatcore.rows import CHATS, MESSAGES
from chatcore.search.entering import AUTOMERGE, ENTERED, SET, TO_ENTER, allow_pieces
from chatcore.search.merging import merge_step
from chatcore.words import parts_of_words, words_of

# A step of so many rows holds up another writer for about 20 ms.
ROWS_A_STEP = 150
# Each step leaves a piece of SQLite's full-text index. At so many the next steps put them together: FTS5 cannot keep more than 2,000.
MANY_PIECES = 400

# PostgreSQL finds a deadlock after 1 s and then ends one of the two; a step gives way before that.
LOCK_WAIT = sa.text("SET LOCAL lock_timeout = '300ms'")
# That it did, or that it was ended all the same (https://www.postgresql.org/docs/current/errcodes-appendix.html).
IN_THE_WAY = ("55P03", "40P01")

Id = TypeVar("Id")
OnProgress = Callable[[int, int], None]
Words = tuple[list[str], list[str]]
SEARCH_BUILD = sa.table("search_build", sa.column("what", sa.String), sa.column("place", sa.BigInteger), sa.column("total", sa.BigInteger))
OF_MESSAGES = SEARCH_BUILD.c.what == "messages"
# Asked by every search: what is left of the messages that were there before the index.
LEFT = sa.select(SEARCH_BUILD.c.place, SEARCH_BUILD.c.total).where(OF_MESSAGES)


def indexed_share(tx: Session) -> float:
    """The share of all messages that the index knows: 1.0 but for the time after it was made."""
    left = tx.execute(LEFT).one_or_none()
    return max(0.0, 1.0 - (left.place - 1) / left.total) if left else 1.0


def is_building(tx: Session) -> bool:
    """Whether something is left to be indexed."""
    return tx.execute(sa.select(SEARCH_BUILD).limit(1)).first() is not None


def mark_days(tx: Session, first: int, last: int) -> None:
    """Marks the days of the messages of these ids for the analytics. Whoever wrote them calls it in the same transaction, when all
    that counts is written."""
    for statement in MARK_STRETCH[tx.get_bind().dialect.name]:
        tx.execute(statement, {"first": first, "last": last})


MARK_STRETCH = {dialect: tuple(map(sa.text, statements)) for dialect, statements in usage_marks.MARK_STRETCH.items()}
MARK_DAYS = {dialect: tuple(map(sa.text, statements)) for dialect, statements in usage_marks.MARK_DAYS.items()}


def mark_named_days(tx: Session, user_id: str, days: Iterable[int]) -> None:
    """Marks these days of a person, counted since 1970 in UTC, for who knows on which days counts what it wrote."""
    named = {"user": user_id, "days": json.dumps(sorted(days))}
    for statement in MARK_DAYS[tx.get_bind().dialect.name]:
        quickly(tx, statement, named)


def build_index(db: Database, *, on_progress: OnProgress | None = None) -> int:
    """Indexes everything that is not yet; answers how many messages and titles it went through. `on_progress` hears how far it
    is in ids, done and in all. May be ended at any time and called again, also by several processes at once."""
    done = 0
    while True:
        step = build_step(db)
        if step is None:
            return done
        done += step
        if on_progress:
            with db.read() as tx:
                share, total = indexed_share(tx), tx.execute(sa.text("SELECT coalesce(max(id), 0) FROM chatmessage")).scalar_one()
            on_progress(round(share * total), total)


def build_step(db: Database) -> int | None:
    """Indexes the next rows in one transaction; answers how many these were, None if nothing is left to be done. 0 if somebody, such
    as who deletes these chats, was in the way."""
    try:
        return index_next(db)
    except Conflict as conflict:
        if getattr(getattr(conflict.__cause__, "orig", None), "sqlstate", None) not in IN_THE_WAY:
            raise
        return 0


def index_next(db: Database) -> int | None:
    """The same; raises Conflict if somebody was in the way."""
    with db.read() as tx:
        places = {row.what: row.place for row in tx.execute(sa.select(SEARCH_BUILD.c.what, SEARCH_BUILD.c.place))}
        # Cut before others have to wait: half of the time.
        known = words_by_text(tx, older_ids(tx, places["messages"])) if list(places) == ["messages"] else {}
    if not places:
        return None
    allow_pieces(db)
    if db.is_sqlite and merge_step(db, most=MANY_PIECES):
        return 0
    with db.write() as tx:
        give_way(tx)
        # Titles first: they are few, and found from the start.
        for what, step in (("chats", index_chats), ("messages", partial(index_messages, known=known))):
            place = tx.execute(sa.select(SEARCH_BUILD.c.place).where(SEARCH_BUILD.c.what == what).with_for_update()).scalar()
            if place is None:
                continue
            number, following = step(tx, place)
            if following is None:
                tx.execute(sa.delete(SEARCH_BUILD).where(SEARCH_BUILD.c.what == what))
            else:
                tx.execute(sa.update(SEARCH_BUILD).where(SEARCH_BUILD.c.what == what).values(place=following))
            return number
    return None


def give_way(tx: Session) -> None:
    """Of this step and somebody who deletes the same messages in another order, each would wait for the other: a step can come again."""
    if tx.get_bind().dialect.name == "postgresql":
        tx.execute(LOCK_WAIT)


def words_by_text(tx: Session, ids: Sequence[int]) -> dict[str, Words]:
    """The words and parts of the texts of these messages."""
    texts = tx.execute(sa.select(MESSAGES.c.content).where(MESSAGES.c.id.in_(ids))).scalars()
    return {text: cut_up(text) for text in texts}


def cut_up(text: str) -> Words:
    """The words of a text, and the parts of these."""
    words = words_of(text)
    return words, parts_of_words(text, words)


def older_ids(tx: Session, below: int) -> list[int]:
    """The newest messages below an id, as many as a step takes."""
    return list(tx.execute(OLDER, {"below": below, "rows": ROWS_A_STEP}).scalars())


def index_messages(tx: Session, below: int, *, known: dict[str, Words]) -> tuple[int, int | None]:
    """Indexes the newest messages below an id; how many, and the id to go on below, None at the end. `known` are words that were
    cut before."""
    ids = older_ids(tx, below)
    if not ids:
        return 0, None
    if tx.get_bind().dialect.name == "sqlite":
        # Not by the trigger; the transaction ends as if this row had never been.
        quickly(tx, TO_ENTER, {"first": ids[-1], "last": ids[0]})
        enter_messages(tx, ids, known)
        quickly(tx, ENTERED, {"first": ids[-1]})
    else:
        enter_messages(tx, ids, known)
    tx.execute(sa.text(search_index.NOTE_MODELS_OF_RANGE), {"first": ids[-1], "below": below})
    return len(ids), ids[-1] if len(ids) == ROWS_A_STEP else None


OLDER = sa.text("SELECT id FROM chatmessage WHERE id < :below ORDER BY id DESC LIMIT :rows")


def enter_messages(tx: Session, ids: Sequence[int], known: dict[str, Words]) -> None:
    """Gives each message its entry and puts its words into the index, all together. On SQLite triggers leave them alone by
    then. Words that are in `known` by their text are not cut again."""
    if tx.get_bind().dialect.name == "sqlite":
        enter_sqlite(tx, ids, known)
        return
    connection = tx.connection()
    there = {"ids": held(tx, MESSAGES.c.id, ids, as_they_are=True)}
    found = connection.execute(sa.text(search_index.TEXTS_OF), there).all()
    cut = [search_index.vector_text(*(known.get(row.content) or cut_up(row.content)), row.tags) for row in found]
    connection.execute(sa.text(search_index.ENTER_MESSAGES), {"ids": [row.id for row in found], "words": cut})


def enter_sqlite(tx: Session, ids: Sequence[int], known: dict[str, Words]) -> None:
    """The same on SQLite: entries each under its own second or the next that none of the others has, the few whose second is taken
    as a trigger does it; then the words, of which FTS5 makes a piece that `chatcore.search.merging` puts to others later."""
    driver, named = sqlite_driver(tx), json.dumps(list(ids))
    keys, key = [], -(2**62)
    for second, message_id in driver.execute(search_index.SECONDS_WITHOUT_ENTRY, (named,)):
        key = max(second, key + 1)
        keys.append((key, message_id))
    if not keys:
        return
    if insert_many(tx, "INSERT OR IGNORE INTO message_search (key, message_id)", keys) < len(keys):
        missing = driver.execute(search_index.SECONDS_WITHOUT_ENTRY, (named,)).fetchall()
        execute_many(tx, search_index.ENTER_MESSAGE_BY_ID, [(message_id,) for _, message_id in missing])
    entries = driver.execute(search_index.ENTRIES_OF, (json.dumps([message_id for _, message_id in keys]),)).fetchall()
    # In the order of keys, since FTS5 writes what it has to the file when one is lower than the one before.
    rows = [(key, *map(" ".join, known.get(text) or cut_up(text)), tags) for key, text, tags in entries]
    driver.execute(SET, ("automerge", 0))
    execute_many(tx, search_index.PUT_WORDS, rows)
    # FTS5 writes what it has before a savepoint, and so before it may put pieces together again.
    driver.execute("SAVEPOINT words_put")
    driver.execute("RELEASE words_put")
    driver.execute(SET, ("automerge", AUTOMERGE))


def index_chats(tx: Session, done: int) -> tuple[int, int | None]:
    """Indexes the titles of chats that have no entry; how many, and how many there are now, None at the end."""
    wanted = sa.text("SELECT c.id FROM chatsession c WHERE NOT EXISTS (SELECT 1 FROM chat_search s WHERE s.session_id = c.id) LIMIT :rows")
    ids = list(tx.execute(wanted, {"rows": ROWS_A_STEP}).scalars())
    if not ids:
        return 0, None
    there = held(tx, CHATS.c.id, ids)
    if there:
        # A chat's id is bound as it was read, which on SQLite is text.
        enter = sa.text(search_index.ENTER_CHAT_BY_ID[tx.get_bind().dialect.name])
        tx.connection().execute(enter, [{"id": chat_id} for chat_id in reversed(there)])
    return len(ids), done + len(ids) if len(ids) == ROWS_A_STEP else None


def held(tx: Session, column: sa.ColumnElement[Id], ids: Sequence[Id], *, as_they_are: bool = False) -> list[Id]:
    """Those of the rows that nobody is deleting, held until the end: on PostgreSQL an entry for a row that goes would be refused.
    With `as_they_are` nobody is changing them either: what is no longer complete by then must not get an entry."""
    if tx.get_bind().dialect.name == "sqlite":
        return list(ids)
    wanted = sa.select(column).where(column.in_(ids)).order_by(column)
    there = set(tx.execute(wanted.with_for_update(key_share=not as_they_are, read=not as_they_are)).scalars())
    return [row_id for row_id in ids if row_id in there]


def rebuild_index(db: Database, *, on_progress: OnProgress | None = None) -> int:
    """Throws the index away and builds it anew from the messages; answers how many messages and titles it has. Until it
    ends a search finds what is indexed so far, the newest first."""
    with db.migration() as connection:
        if schema_revision(connection) != HEAD:
            raise Invalid(f"The database {db.label} has not the newest schema.", "Run: python -m chatcore migrate")
        search_index.drop(connection)
        search_index.create(connection)
    return build_index(db, on_progress=on_progress)
