"""Finding what was said: every word of every title and message, newest first, in milliseconds.

The search text is read by `query`, what it names is looked up by `ask`, and the engine's own module answers with ids; the
page of messages is read by these. The index is kept by the database (`chatcore/migrations/search_index.py`), and filled
once by `build`. Every function takes the viewer and finds nothing of anybody else's.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from functools import cache
from types import ModuleType

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.parts import Role, Shelf, Viewer
from chatcore.rows import (
    CHAT_COLUMNS,
    CHATS,
    MESSAGES,
    chat_info,
    checked_limit,
    decode_cursor,
    encode_cursor,
    on_shelf,
    parts_of,
    pinned_and_not,
)
from chatcore.search import postgresql, sqlite
from chatcore.search.ask import CHAT_TAGS, TAGS, Ask, resolve
from chatcore.search.build import indexed_share
from chatcore.search.pools import Pool
from chatcore.search.query import SHORTEST_PREFIX, Query, read_query
from chatcore.search.rank import sorted_by_match
from chatcore.search.results import Facet, Facets, Hit, Order, Results, Switch, TitleHit
from chatcore.search.snippets import cut_snippet, marks_in
from chatcore.words import INDEXED_CHARACTERS

# Among so many of the newest hits the best are looked for, and facets are counted: ranking all of a common word takes seconds.
POOL = 1000
ONLY_NEWEST = "These are the best of the newest messages only. Sort by newest to find the older ones."
# Titles found, of which those with the newest activity are shown.
TITLE_POOL = 60
COUNT_CAP = 1001
NEWEST_ACTIVITY = (CHATS.c.updated_at.desc(), CHATS.c.id.desc())

HIT_COLUMNS = (
    MESSAGES.c.id,
    MESSAGES.c.user_id,
    MESSAGES.c.session_id,
    MESSAGES.c.role,
    MESSAGES.c.created_at,
    MESSAGES.c.provider,
    MESSAGES.c.model_name,
    CHATS.c.title,
    CHATS.c.pinned,
    CHATS.c.archived,
    CHATS.c.deleted_at,
)
# What a rank is made of: the beginning of a very long message says how good it is.
RANKED_CHARACTERS = 10_000


def search(
    db: Database,
    viewer: Viewer,
    text: str,
    *,
    order: Order = Order.NEWEST,
    limit: int = 20,
    cursor: str | None = None,
    now: datetime | None = None,
    zone: tzinfo = UTC,
) -> Results:
    """A page of the messages that match a search text, whatever it says.

    `order` BEST sorts the newest 1,000 that match. `zone` is where the days of after: and before: begin. `limit` is 1 to
    1,000, `cursor` comes from the page before. Raises Invalid for another limit or cursor, never for the text.
    """
    query = read_query(text, now=now or datetime.now(UTC), zone=zone)
    checked_limit(limit)
    is_best = order is Order.BEST and bool(query.groups)
    with db.read() as tx:
        ask, notices = asked(engine(db), tx, viewer, text, query, pool=is_best)
        share = indexed_share(tx)
        if ask is None:
            return Results((), notices=notices, indexed=share)
        if is_best:
            ids, next_cursor, is_cut = best_page(engine(db), tx, ask, limit=limit, cursor=cursor)
            notices += (ONLY_NEWEST,) if is_cut else ()
        else:
            ids, next_cursor = newest_page(engine(db), tx, ask, limit=limit, cursor=cursor)
        hits = read_hits(db, tx, viewer, ids, query)
    return Results(hits, next_cursor, notices, share)


def find_chats(
    db: Database, viewer: Viewer, text: str, *, limit: int = 8, now: datetime | None = None, zone: tzinfo = UTC
) -> tuple[TitleHit, ...]:
    """The chats whose title matches, those with the newest activity among the newest 60 first. None for a text without
    words, or with a filter that only a message can meet. Raises Invalid for a limit below 1 or above 1,000."""
    query = read_query(text, now=now or datetime.now(UTC), zone=zone)
    with db.read() as tx:
        return titles_in(db, tx, viewer, query, limit=checked_limit(limit))


def count_hits(db: Database, viewer: Viewer, text: str, *, cap: int = COUNT_CAP, now: datetime | None = None, zone: tzinfo = UTC) -> int:
    """How many messages match, counted up to `cap`: an answer equal to `cap` means that many or more."""
    query = read_query(text, now=now or datetime.now(UTC), zone=zone)
    with db.read() as tx:
        ask, _ = asked(engine(db), tx, viewer, text, query)
        return int(engine(db).count(tx, ask, cap=max(cap, 0))) if ask else 0


def quick_switch(db: Database, viewer: Viewer, text: str, *, limit: int = 7, now: datetime | None = None, zone: tzinfo = UTC) -> Switch:
    """Chats and messages for a text that is still being typed: its last word may go on. `limit` holds for each of the two.

    For an empty text the chats with the newest activity. Raises Invalid for a limit below 1 or above 1,000.
    """
    query = as_typed(read_query(text, now=now or datetime.now(UTC), zone=zone))
    with db.read() as tx:
        if not text.strip():
            return Switch(recent_chats(tx, viewer, limit=checked_limit(limit)), ())
        chats = titles_in(db, tx, viewer, query, limit=checked_limit(limit))
        ask, _ = asked(engine(db), tx, viewer, text, query)
        share = indexed_share(tx)
        found = engine(db).newest(tx, ask, limit=limit, after=None) if ask else []
        return Switch(chats, read_hits(db, tx, viewer, [message_id for message_id, _ in found], query), share)


def facets(db: Database, viewer: Viewer, text: str, *, now: datetime | None = None, zone: tzinfo = UTC) -> Facets:
    """How the newest 1,000 messages that match spread over models, months, roles and tags."""
    query = read_query(text, now=now or datetime.now(UTC), zone=zone)
    with db.read() as tx:
        ask, _ = asked(engine(db), tx, viewer, text, query, pool=True)
        pool: Pool = engine(db).pool(tx, ask, size=POOL) if ask else Pool([], True)
        columns = (MESSAGES.c.role, MESSAGES.c.provider, MESSAGES.c.model_name, MESSAGES.c.created_at, MESSAGES.c.session_id)
        rows = tx.execute(sa.select(*columns).where(engine(db).among(MESSAGES.c.id, pool.ids))).all() if pool.ids else []
        tags = tag_counts(tx, viewer, Counter(row.session_id for row in rows))
    models = Counter(row.model_name for row in rows if row.model_name)
    months = Counter(row.created_at.astimezone(zone).strftime("%Y-%m") for row in rows)
    roles = Counter(row.role for row in rows)
    return Facets(
        of=len(rows),
        complete=pool.is_whole,
        models=tuple(Facet(name, (("model", name),), number) for name, number in models.most_common()),
        months=tuple(month_facet(month, months[month]) for month in sorted(months, reverse=True)),
        roles=tuple(Facet(role, (("role", role),), number) for role, number in roles.most_common()),
        tags=tuple(Facet(name, (("tag", name),), number) for name, number in tags.most_common()),
    )


def matching_chats(
    db: Database, viewer: Viewer, text: str, *, cap: int = 10_000, now: datetime | None = None, zone: tzinfo = UTC
) -> tuple[uuid.UUID, ...]:
    """The chats of the newest `cap` messages that match and of the newest titles that do, each once: what a bulk edit acts on."""
    query = read_query(text, now=now or datetime.now(UTC), zone=zone)
    with db.read() as tx:
        ask, _ = asked(engine(db), tx, viewer, text, query)
        if ask is None:
            return ()
        found = dict.fromkeys(engine(db).titles(tx, ask, limit=cap)) if query.only_words and query.groups else {}
        ids = newest_ids(engine(db), tx, ask, cap)
        for start in range(0, len(ids), POOL):
            lie_in = sa.select(MESSAGES.c.session_id).where(engine(db).among(MESSAGES.c.id, ids[start : start + POOL]))
            found |= dict.fromkeys(tx.execute(lie_in).scalars())
        # Whose they are is the chat's to say: the index knows people by the beginning of a very long name only.
        chats = [sa.select(CHATS.c.id).where(CHATS.c.user_id == viewer.user_id, CHATS.c.id.in_(part)) for part in parts_of(found)]
        theirs = {chat_id for statement in chats for chat_id in tx.execute(statement).scalars()}
    return tuple(chat_id for chat_id in found if chat_id in theirs)


# --- inside a transaction ----------------------------------------------------------------------------------------


def engine(db: Database) -> ModuleType:
    """The module that asks this database."""
    return sqlite if db.is_sqlite else postgresql


def asked(
    index: ModuleType, tx: Session, viewer: Viewer, text: str, query: Query, *, pool: bool = False
) -> tuple[Ask | None, tuple[str, ...]]:
    """The question for the index, None if nothing can answer it, and what there is to say about the text. `pool`: hundreds of
    hits are wanted, not a page."""
    if text.strip() and not query.asks:
        # Nothing but signs, or filters that mean nothing: everything would be a strange answer to that.
        return None, query.notices or ("There is no letter or digit in it that could be searched for.",)
    ask = resolve(tx, viewer, query, index.titled, index.MOST_NAMED_FOR_POOL if pool else index.MOST_NAMED_CHATS)
    if ask.nothing:
        return None, (*query.notices, ask.nothing)
    return ask, query.notices


def newest_ids(index: ModuleType, tx: Session, ask: Ask, limit: int) -> list[int]:
    """The ids of the newest messages that match."""
    return [message_id for message_id, _ in index.newest(tx, ask, limit=limit, after=None)]


def newest_page(index: ModuleType, tx: Session, ask: Ask, *, limit: int, cursor: str | None) -> tuple[list[int], str | None]:
    """The ids of a page by time, and the cursor of the next."""
    after = decode_cursor(cursor, "hits", index.KEY_TYPES) if cursor is not None else None
    found = index.newest(tx, ask, limit=limit + 1, after=after)
    more = len(found) > limit
    return [message_id for message_id, _ in found[:limit]], encode_cursor("hits", found[limit - 1][1]) if more else None


def best_page(index: ModuleType, tx: Session, ask: Ask, *, limit: int, cursor: str | None) -> tuple[list[int], str | None, bool]:
    """The ids of a page by rank among the newest that match, the cursor of the next, and whether these are fewer than a pool
    because not all messages were looked at."""
    offset = decode_cursor(cursor, "best", [int])[0] if cursor is not None else 0
    assert isinstance(offset, int)
    if not 0 <= offset <= POOL:
        raise Invalid("This place in the list is not known.", "Start again from the first page.")
    pool: Pool = index.pool(tx, ask, size=POOL)
    texts = read_texts(index, tx, pool.ids)
    ids = sorted_by_match([(message_id, texts.get(message_id, "")) for message_id in pool.ids], ask.query.terms)
    next_cursor = encode_cursor("best", [offset + limit]) if offset + limit < len(ids) else None
    return ids[offset : offset + limit], next_cursor, not pool.is_whole and len(ids) < POOL


def read_hits(db: Database, tx: Session, viewer: Viewer, ids: Sequence[int], query: Query) -> tuple[Hit, ...]:
    """The messages of these ids, in their order, each with its snippet."""
    if not ids:
        return ()
    found = tx.execute(hits_statement(engine(db)), {"ids": engine(db).listed(ids)}).all()
    # Whose they are is checked here: told the user too, SQLite would read all messages of that user to find twenty.
    rows = {row.id: row for row in found if row.user_id == viewer.user_id}
    terms, hits = query.terms, []
    for message_id in ids:
        row = rows.get(message_id)
        if row is None:
            continue
        snippet, marks = cut_snippet(row.content, terms)
        hits.append(
            Hit(
                message_id=row.id,
                chat_id=row.session_id,
                chat_title=row.title,
                role=Role(row.role),
                created_at=row.created_at,
                provider=row.provider,
                model_name=row.model_name,
                snippet=snippet,
                marks=marks,
                pinned=row.pinned,
                archived=row.archived,
                in_trash=row.deleted_at is not None,
            )
        )
    return tuple(hits)


# Statements are kept: to build one takes as long as to ask it.


@cache
def hits_statement(index: ModuleType) -> sa.Select[*tuple[object, ...]]:
    """Selects what is shown of the messages of some ids."""
    content = index.beginning(MESSAGES.c.content, INDEXED_CHARACTERS).label("content")
    columns = sa.select(*HIT_COLUMNS, content).select_from(MESSAGES.join(CHATS, CHATS.c.id == MESSAGES.c.session_id))
    return columns.where(index.in_list(MESSAGES.c.id))


@cache
def texts_statement(index: ModuleType) -> sa.Select[tuple[int, str]]:
    """Selects what the messages of some ids are ranked by."""
    return sa.select(MESSAGES.c.id, index.beginning(MESSAGES.c.content, RANKED_CHARACTERS)).where(index.in_list(MESSAGES.c.id))


@cache
def titles_statement(index: ModuleType) -> sa.Select[*tuple[object, ...]]:
    """Selects those of some chats of a person with the newest activity."""
    theirs = sa.and_(CHATS.c.user_id == sa.bindparam("user_id"), index.in_list(CHATS.c.id))
    return sa.select(*CHAT_COLUMNS).where(theirs).order_by(*NEWEST_ACTIVITY).limit(sa.bindparam("limit"))


def read_texts(index: ModuleType, tx: Session, ids: Sequence[int]) -> dict[int, str]:
    """The beginnings of the messages of these ids."""
    if not ids:
        return {}
    return {row[0]: row[1] for row in tx.execute(texts_statement(index), {"ids": index.listed(ids)}).all()}


def titles_in(db: Database, tx: Session, viewer: Viewer, query: Query, *, limit: int) -> tuple[TitleHit, ...]:
    """The chats whose title matches."""
    if not query.groups or not query.only_words:
        return ()
    ask = resolve(tx, viewer, query, engine(db).titled, engine(db).MOST_NAMED_CHATS)
    ids = engine(db).titles(tx, ask, limit=max(limit, TITLE_POOL)) if not ask.nothing else []
    if not ids:
        return ()
    values = {"user_id": viewer.user_id, "ids": engine(db).listed(ids), "limit": limit}
    rows = tx.execute(titles_statement(engine(db)), values).mappings().all()
    return tuple(TitleHit(chat, marks_in(chat.title, query.terms)) for chat in map(chat_info, rows))


def recent_chats(tx: Session, viewer: Viewer, *, limit: int) -> tuple[TitleHit, ...]:
    """The chats with the newest activity, pinned or not, out of the archive and the trash."""
    theirs = sa.and_(CHATS.c.user_id == viewer.user_id, *on_shelf(Shelf.ACTIVE))
    ids = pinned_and_not(sa.select(CHATS.c.id).where(theirs).order_by(*NEWEST_ACTIVITY).limit(limit))
    statement = sa.select(*CHAT_COLUMNS).where(CHATS.c.id.in_(ids)).order_by(*NEWEST_ACTIVITY).limit(limit)
    return tuple(TitleHit(chat_info(row), ()) for row in tx.execute(statement).mappings())


def as_typed(query: Query) -> Query:
    """The query with its last word open, unless something behind it says that it has ended."""
    if not query.groups or not query.open_end:
        return query
    *before, last = query.groups[-1]
    if last.part or (last.words[-1].isascii() and len(last.words[-1]) < SHORTEST_PREFIX):
        return query
    return replace(query, groups=(*query.groups[:-1], (*before, replace(last, prefix=True))))


def month_facet(month: str, number: int) -> Facet:
    """A month as a filter: from its first day to the first day of the next."""
    year, place = map(int, month.split("-"))
    following = f"{year + place // 12:04d}-{place % 12 + 1:02d}"
    return Facet(month, (("after", month), ("before", following)), number)


def tag_counts(tx: Session, viewer: Viewer, chats: Counter[uuid.UUID]) -> Counter[str]:
    """How many of the hits lie in chats with each tag; `chats` are the hits of each chat."""
    if not chats:
        return Counter()
    statement = (
        sa.select(CHAT_TAGS.c.session_id, TAGS.c.name)
        .select_from(CHAT_TAGS.join(TAGS, TAGS.c.id == CHAT_TAGS.c.tag_id))
        .where(CHAT_TAGS.c.user_id == viewer.user_id, CHAT_TAGS.c.session_id.in_(list(chats)))
    )
    counts: Counter[str] = Counter()
    for row in tx.execute(statement):
        counts[row.name] += chats[row.session_id]
    return counts
