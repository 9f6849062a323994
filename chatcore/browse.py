"""Finding chats again: by words, model, time and shelf, in any order.

Words are looked up with LIKE in the titles and the messages, until they have an index of their own.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.parts import ChatInfo, Page, Period, Shelf, Viewer
from chatcore.rows import CHAT_COLUMNS, CHATS, MESSAGES, beyond, checked_limit, decode_cursor, on_shelf, page_of_chats, pinned_and_not
from chatcore.texts import storable

Sort = Literal["updated", "created", "title", "messages", "tokens"]
SORT_TYPES: dict[Sort, type] = {"updated": datetime, "created": datetime, "title": str, "messages": int, "tokens": int}

# Each word is one more look through the messages, and nobody types more than this.
LONGEST_SEARCH = 500


@dataclass(frozen=True, slots=True)
class Browse:
    """Which chats to show and in what order; what is left out does not narrow the choice.

    `text`: every word must be in the title or in one of the messages, also as a part of a longer word, in any case
    (outside ASCII: as typed, small, capital, or with a capital first letter). `providers` and `models`: of the chat or
    of one of its messages. `period`: when the chat last went on (`updated_at`).
    """

    text: str = ""
    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    period: Period | None = None
    shelf: Shelf = Shelf.ACTIVE
    sort: Sort = "updated"
    descending: bool = True


def browse_chats(db: Database, viewer: Viewer, browse: Browse, *, limit: int = 50, cursor: str | None = None) -> Page[ChatInfo]:
    """A page of the chats that match; where the order says equal, the id decides.

    `limit` is 1 to 1,000; `cursor` comes from the page before, of the same sort and direction. Raises Invalid for
    another limit, cursor or sort, and for a text above 500 characters.
    """
    conditions = matching(viewer, browse, is_sqlite=db.is_sqlite)
    key = [sort_column(browse.sort, is_sqlite=db.is_sqlite), CHATS.c.id]
    kind = f"browse-{browse.sort}-{'down' if browse.descending else 'up'}"
    if cursor is not None:
        after = decode_cursor(cursor, kind, [SORT_TYPES[browse.sort], uuid.UUID])
        conditions.append(beyond(key, after, descending=browse.descending))
    order = [column.desc() if browse.descending else column.asc() for column in key]
    # The ids first: what is sorted is then two columns wide, whatever the page shows.
    first = sa.select(CHATS.c.id).where(*conditions).order_by(*order).limit(checked_limit(limit) + 1)
    along_index = browse.sort == "updated" and browse.shelf is not Shelf.TRASH
    ids = pinned_and_not(first) if along_index else sa.select(first.subquery().c.id)
    found = sa.select(*CHAT_COLUMNS, key[0].label("sort_key")).where(CHATS.c.id.in_(ids)).order_by(*order).limit(limit + 1)
    with db.read() as tx:
        rows = tx.execute(found).mappings().all()
    return page_of_chats(rows, limit, kind=kind, key=["sort_key", "id"])


def count_chats(db: Database, viewer: Viewer, browse: Browse, *, cap: int = 1001) -> int:
    """How many chats match, counted up to `cap`: an answer equal to `cap` means that many or more. Raises Invalid."""
    found = sa.select(CHATS.c.id).where(*matching(viewer, browse, is_sqlite=db.is_sqlite)).limit(max(cap, 0)).subquery()
    with db.read() as tx:
        number: int = tx.execute(sa.select(sa.func.count()).select_from(found)).scalar_one()
    return number


def known_models(db: Database, viewer: Viewer) -> tuple[tuple[str, str], ...]:
    """The (provider, model) pairs of the viewer's chats, on whichever shelf, in alphabetical order."""
    pairs = sa.select(CHATS.c.provider, CHATS.c.model_name).where(CHATS.c.user_id == viewer.user_id).distinct()
    with db.read() as tx:
        return tuple(sorted((row.provider, row.model_name) for row in tx.execute(pairs)))


def sort_column(sort: Sort, *, is_sqlite: bool) -> sa.ColumnElement[object]:
    """What a sort orders by. Raises Invalid for one that is not known."""
    match sort:
        case "updated":
            return CHATS.c.updated_at
        case "created":
            return CHATS.c.created_at
        case "title":
            # By bytes with the letters of ASCII as small ones, which is what SQLite does, so both engines agree.
            return sa.func.lower(CHATS.c.title if is_sqlite else sa.collate(CHATS.c.title, "C"))
        case "messages":
            return CHATS.c.message_count
        case "tokens":
            return CHATS.c.input_tokens + CHATS.c.output_tokens
    raise Invalid(f"Chats cannot be sorted by {sort!r}.", f"Use one of: {', '.join(SORT_TYPES)}.")


def matching(viewer: Viewer, browse: Browse, *, is_sqlite: bool) -> list[sa.ColumnElement[bool]]:
    """The conditions of the viewer's chats that match. Raises Invalid for a text above 500 characters."""
    if len(browse.text) > LONGEST_SEARCH:
        raise Invalid(f"The search text is longer than {LONGEST_SEARCH} characters.", "Search for a few words of it.")
    conditions = [CHATS.c.user_id == viewer.user_id, *on_shelf(browse.shelf)]
    if browse.period:
        conditions += [CHATS.c.updated_at >= browse.period.start, CHATS.c.updated_at < browse.period.end]
    if browse.providers or browse.models:
        in_chat, in_message = of_models(CHATS, browse), of_models(MESSAGES, browse)
        conditions.append(sa.or_(in_chat, in_messages(in_message, is_sqlite=is_sqlite)))
    for word in dict.fromkeys(storable(browse.text).split()):
        in_title, in_content = (contains(column, word, is_sqlite=is_sqlite) for column in (CHATS.c.title, MESSAGES.c.content))
        conditions.append(sa.or_(in_title, in_messages(in_content, is_sqlite=is_sqlite)))
    return conditions


def of_models(table: sa.Table, browse: Browse) -> sa.ColumnElement[bool]:
    """Whether a row of chats or messages names one of the providers and one of the models."""
    wanted = ((table.c.provider, browse.providers), (table.c.model_name, browse.models))
    return sa.and_(*(column.in_([storable(name) for name in names]) for column, names in wanted if names))


def in_messages(condition: sa.ColumnElement[bool], *, is_sqlite: bool) -> sa.ColumnElement[bool]:
    """Whether the chat has a message for which the condition holds; a message is always of its chat's owner."""
    found = sa.select(sa.literal(1)).where(MESSAGES.c.session_id == CHATS.c.id, condition)
    # Without the offset PostgreSQL looks through all messages first, where a page full of chats is found after a few.
    return sa.exists(found if is_sqlite else found.offset(0))


def contains(column: sa.ColumnElement[str], word: str, *, is_sqlite: bool) -> sa.ColumnElement[bool]:
    """Whether the word is in the column. Both engines ignore the case of ASCII; of other letters not everywhere, so the
    usual spellings are asked for by name."""
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    spellings = [escaped] if word.isascii() else dict.fromkeys((escaped, escaped.lower(), escaped.upper(), escaped.capitalize()))
    like = column.like if is_sqlite else column.ilike
    return sa.or_(*(like(f"%{spelling}%", escape="\\") for spelling in spellings))
