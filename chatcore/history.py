"""What a person has written and was answered: chats, their messages, and the shelves they lie on.

Every function takes the viewer; what is not the viewer's raises NotFound, as if it did not exist. Functions ending in
`_in` do their part inside the caller's transaction. The counters of a chat are kept by the transaction that writes.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.columns import new_chat_id
from chatcore.db import Database
from chatcore.errors import Conflict, Invalid, NotFound
from chatcore.models import DEFAULT_TITLE
from chatcore.parts import ChatInfo, MessageInfo, Page, Role, Shelf, State, Viewer
from chatcore.rows import (
    CHAT_COLUMNS,
    CHATS,
    COMPARISONS,
    GENERATIONS,
    LARGEST_ID,
    MESSAGE_COLUMNS,
    MESSAGES,
    TITLE_USAGE,
    beyond,
    chat_info,
    checked_limit,
    decode_cursor,
    message_infos,
    on_shelf,
    page_of_chats,
    parts_of,
)
from chatcore.rows import no_chat as no_chat
from chatcore.texts import LONGEST_NAME as LONGEST_NAME
from chatcore.texts import clean_text as clean_text
from chatcore.texts import clean_title, snippet, storable

# What is purged in one transaction: it holds up another writer on SQLite for some 10 ms, not for seconds.
CHATS_A_PORTION = 200
MESSAGES_A_PORTION = 1000

# Statements that every prompt needs are built once: building one costs more than the database takes to run it.
MINE = sa.and_(CHATS.c.user_id == sa.bindparam("viewer_id"), CHATS.c.id == sa.bindparam("chat_id"))
FIND_CHAT = sa.select(*CHAT_COLUMNS).where(MINE)
# FOR NO KEY UPDATE on PostgreSQL: two appends come one after the other, while rows that only point to the chat do not wait.
LOCK_CHAT = sa.select(CHATS.c.deleted_at, CHATS.c.current_message_id).where(MINE).with_for_update(key_share=True)
ADD_MESSAGE = sa.insert(MESSAGES).returning(MESSAGES.c.id)
COUNT_MESSAGE = (
    sa.update(CHATS)
    .where(MINE)
    .values(
        message_count=CHATS.c.message_count + 1,
        current_message_id=sa.bindparam("leaf_id"),
        updated_at=sa.bindparam("now"),
        last_message_at=sa.bindparam("now"),
        last_snippet=sa.func.coalesce(sa.bindparam("snippet"), CHATS.c.last_snippet),
    )
)
COUNT_ANSWER = (
    sa.update(CHATS)
    .where(MINE)
    .values(
        input_tokens=CHATS.c.input_tokens + sa.bindparam("more_input_tokens"),
        output_tokens=CHATS.c.output_tokens + sa.bindparam("more_output_tokens"),
        updated_at=sa.bindparam("now"),
        last_message_at=sa.bindparam("now"),
        last_snippet=sa.func.coalesce(sa.bindparam("snippet"), CHATS.c.last_snippet),
    )
)


# --- chats -------------------------------------------------------------------------------------------------------


def create_chat(
    db: Database,
    viewer: Viewer,
    *,
    now: datetime,
    title: str = DEFAULT_TITLE,
    provider: str = "ollama",
    model_name: str = "minimax-m2:cloud",
) -> ChatInfo:
    """Makes an empty chat. Raises Invalid for an empty title, provider or model."""
    with db.write() as tx:
        return create_chat_in(tx, viewer, now=now, title=title, provider=provider, model_name=model_name)


def create_chat_in(
    tx: Session,
    viewer: Viewer,
    *,
    now: datetime,
    title: str = DEFAULT_TITLE,
    provider: str = "ollama",
    model_name: str = "minimax-m2:cloud",
) -> ChatInfo:
    """The same as `create_chat` inside a transaction."""
    chat = ChatInfo(
        id=new_chat_id(),
        title=clean_title(title),
        provider=clean_name(provider, "provider"),
        model_name=clean_name(model_name, "model"),
        created_at=now,
        updated_at=now,
    )
    tx.execute(
        sa.insert(CHATS).values(
            id=chat.id,
            user_id=viewer.user_id,
            title=chat.title,
            provider=chat.provider,
            model_name=chat.model_name,
            created_at=now,
            updated_at=now,
        )
    )
    return chat


def get_chat(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> ChatInfo:
    """A chat without its messages, on whichever shelf it lies. Raises NotFound."""
    with db.read() as tx:
        return get_chat_in(tx, viewer, chat_id)


def get_chat_in(tx: Session, viewer: Viewer, chat_id: uuid.UUID) -> ChatInfo:
    """The same as `get_chat` inside a transaction."""
    row = tx.execute(FIND_CHAT, {"viewer_id": viewer.user_id, "chat_id": chat_id}).mappings().one_or_none()
    if row is None:
        raise no_chat()
    return chat_info(row)


def get_chats(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID]) -> tuple[ChatInfo, ...]:
    """Those of these chats that are there and the viewer's, each once, in the order asked; the others are left out."""
    found: dict[uuid.UUID, ChatInfo] = {}
    wanted: list[uuid.UUID] = []
    with db.read() as tx:
        for part in parts_of(chat_ids):
            wanted += part
            theirs = sa.select(*CHAT_COLUMNS).where(CHATS.c.user_id == viewer.user_id, CHATS.c.id.in_(part))
            found |= {row["id"]: chat_info(row) for row in tx.execute(theirs).mappings()}
    return tuple(found[chat_id] for chat_id in wanted if chat_id in found)


def list_chats(db: Database, viewer: Viewer, *, shelf: Shelf = Shelf.ACTIVE, limit: int = 30, cursor: str | None = None) -> Page[ChatInfo]:
    """A page of a shelf: pinned chats first, then the newest activity; the trash by the time of deletion.

    `limit` is 1 to 1,000; `cursor` comes from the page before. Raises Invalid for another limit or cursor.
    """
    kind = f"list-{shelf.value}"
    columns, types = key_of_shelf(shelf)
    values: dict[str, object] = {"user_id": viewer.user_id, "limit": checked_limit(limit) + 1}
    if cursor is not None:
        values |= {f"after{place}": value for place, value in enumerate(decode_cursor(cursor, kind, types))}
    with db.read() as tx:
        rows = tx.execute(list_statement(shelf, is_behind=cursor is not None), values).mappings().all()
    return page_of_chats(rows, limit, kind=kind, key=[column.key for column in columns])


def key_of_shelf(shelf: Shelf) -> tuple[Sequence[sa.Column[object]], Sequence[type]]:
    """The columns that a shelf is in the order of, and what they hold."""
    if shelf is Shelf.TRASH:
        return [CHATS.c.deleted_at, CHATS.c.id], [datetime, uuid.UUID]
    return [CHATS.c.pinned, CHATS.c.updated_at, CHATS.c.id], [bool, datetime, uuid.UUID]


@cache
def list_statement(shelf: Shelf, *, is_behind: bool) -> sa.Select[*tuple[object, ...]]:
    """Selects a page of a shelf of `user_id` with one more. Kept, because building it takes longer than the database takes to run it."""
    key, _ = key_of_shelf(shelf)
    after = [sa.bindparam(f"after{place}", type_=column.type) for place, column in enumerate(key)]
    conditions = [beyond(key, after, descending=True)] if is_behind else []
    theirs = sa.select(*CHAT_COLUMNS).where(CHATS.c.user_id == sa.bindparam("user_id"), *on_shelf(shelf), *conditions)
    return theirs.order_by(*(column.desc() for column in key)).limit(sa.bindparam("limit"))


def rename_chat(db: Database, viewer: Viewer, chat_id: uuid.UUID, *, title: str) -> ChatInfo:
    """Gives a chat another title; it stays where it is in the list. Raises Invalid for an empty title, NotFound."""
    title = clean_title(title)
    with db.write() as tx:
        tx.execute(sa.update(CHATS).where(mine(viewer, chat_id)).values(title=title))
        return get_chat_in(tx, viewer, chat_id)


def pin_chats(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID], *, pinned: bool) -> int:
    """Puts chats to the top of their list, or back; answers how many. Raises NotFound, then none is changed."""
    return change_all(db, viewer, chat_ids, {CHATS.c.pinned: pinned})


def archive_chats(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID], *, archived: bool) -> int:
    """Puts chats on the archive's shelf, or back; answers how many. Raises NotFound, then none is changed."""
    return change_all(db, viewer, chat_ids, {CHATS.c.archived: archived})


def delete_chats(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID], *, now: datetime) -> int:
    """Puts chats into the trash; answers how many. Raises NotFound, then none is changed.

    An answer that is being written goes on and is kept. A chat that is in the trash already keeps its time there.
    """
    return change_all(db, viewer, chat_ids, {CHATS.c.deleted_at: trashed_at(now)})


def restore_chats(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID]) -> int:
    """Takes chats out of the trash, back to where they were; answers how many. Raises NotFound, then none is changed."""
    return change_all(db, viewer, chat_ids, {CHATS.c.deleted_at: None})


def purge_chats(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID], *, forget_usage: bool = False) -> int:
    """Deletes chats with their messages for ever; answers how many. Raises NotFound, then none is deleted.

    What was used and how it was voted stays known without the chat (`generation`, `title_usage`, `comparison`), unless `forget_usage`.
    """
    with db.write() as tx:
        purged = 0
        for part in parts_of(chat_ids):
            theirs = sa.and_(CHATS.c.user_id == viewer.user_id, CHATS.c.id.in_(part))
            if len(tx.execute(sa.select(CHATS.c.id).where(theirs).with_for_update()).all()) != len(part):
                raise no_chat()
            if forget_usage:
                for table in (GENERATIONS, TITLE_USAGE, COMPARISONS):
                    tx.execute(sa.delete(table).where(table.c.session_id.in_(part)))
            tx.execute(sa.delete(CHATS).where(theirs))
            purged += len(part)
    return purged


def purge_expired(db: Database, *, before: datetime) -> int:
    """Deletes for ever what went into the trash before that time, whoever's it is; answers how many chats. What was used
    stays known. In portions, so that other writers get their turn; several processes may do it at once."""
    purged = 0
    while portion := purge_portion(db, before=before):
        purged += portion
    return purged


def purge_portion(db: Database, *, before: datetime) -> int:
    """The first chats that `purge_expired` finds, in one short transaction; 0 when nothing is left."""
    expired = (
        sa.select(CHATS.c.id, CHATS.c.user_id, CHATS.c.message_count)
        .where(CHATS.c.deleted_at.is_not(None), CHATS.c.deleted_at < before)
        .limit(CHATS_A_PORTION)
    )
    with db.read() as tx:
        if tx.execute(expired.limit(1)).first() is None:
            return 0
    with db.write() as tx:
        # What another process is deleting, or somebody is restoring, is left to them.
        found = tx.execute(expired.with_for_update(skip_locked=True)).all()
        messages = 0
        portion: list[sa.Row[tuple[uuid.UUID, str, int]]] = []
        for row in found:
            messages += row.message_count
            if portion and messages > MESSAGES_A_PORTION:
                break
            portion.append(row)
        tx.execute(sa.delete(CHATS).where(CHATS.c.id.in_([row.id for row in portion])))
    return len(portion)


def change_all(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID], values: dict[sa.Column[object], object]) -> int:
    """Sets the columns of all these chats or, with NotFound, of none; answers how many chats these are."""
    with db.write() as tx:
        return change_all_in(tx, viewer, chat_ids, values)


def change_all_in(tx: Session, viewer: Viewer, chat_ids: Iterable[uuid.UUID], values: dict[sa.Column[object], object]) -> int:
    """The same as `change_all` inside a transaction."""
    return sum(
        changed(tx.execute(sa.update(CHATS).where(CHATS.c.user_id == viewer.user_id, CHATS.c.id.in_(part)).values(values)), len(part))
        for part in parts_of(chat_ids)
    )


def trashed_at(now: datetime) -> sa.ColumnElement[datetime]:
    """When a chat went into the trash: now, unless it lies there already."""
    return sa.func.coalesce(CHATS.c.deleted_at, sa.literal(now, CHATS.c.deleted_at.type))


def changed(result: sa.Result[tuple[()]], expected: int) -> int:
    """How many rows a statement changed. Raises NotFound if some were not there, which undoes the transaction."""
    assert isinstance(result, sa.CursorResult)
    if result.rowcount != expected:
        raise no_chat()
    return expected


# --- messages ----------------------------------------------------------------------------------------------------


def all_messages(db: Database, viewer: Viewer, chat_id: uuid.UUID, *, after: int | None = None, limit: int = 100) -> Page[MessageInfo]:
    """A page of all messages of a chat, of every branch, in the order they were written.

    `after` is the id of the last message of the page before; `next_cursor` is that id as text. `limit` is 1 to 1,000.
    Raises NotFound, Invalid.
    """
    statement = sa.select(*MESSAGE_COLUMNS).where(MESSAGES.c.session_id == chat_id).order_by(MESSAGES.c.id).limit(checked_limit(limit) + 1)
    if after is not None:
        statement = statement.where(MESSAGES.c.id > possible_id(after))
    with db.read() as tx:
        get_chat_in(tx, viewer, chat_id)
        rows = tx.execute(statement).mappings().all()
        messages = message_infos(tx, rows[:limit])
    return Page(messages, str(messages[-1].id) if len(rows) > limit else None)


def get_message(db: Database, viewer: Viewer, message_id: int) -> MessageInfo:
    """A message with its newest generation. Raises NotFound."""
    with db.read() as tx:
        statement = sa.select(*MESSAGE_COLUMNS).where(MESSAGES.c.id == possible_id(message_id), MESSAGES.c.user_id == viewer.user_id)
        infos = message_infos(tx, tx.execute(statement).mappings())
    if not infos:
        raise no_message()
    return infos[0]


def append(
    db: Database,
    viewer: Viewer,
    chat_id: uuid.UUID,
    *,
    role: str,
    content: str,
    now: datetime,
    provider: str | None = None,
    model_name: str | None = None,
) -> MessageInfo:
    """Adds a whole message at the end of the branch a chat shows, and counts it in the same transaction.

    Raises NotFound, Invalid (see `clean_text`; a role that is neither user nor assistant), Conflict for a chat in the trash.
    """
    with db.write() as tx:
        return append_in(tx, viewer, chat_id, role=role, content=content, now=now, provider=provider, model_name=model_name)


def append_in(
    tx: Session,
    viewer: Viewer,
    chat_id: uuid.UUID,
    *,
    role: str,
    content: str,
    now: datetime,
    provider: str | None = None,
    model_name: str | None = None,
    status: State = State.COMPLETE,
    sibling_of: int | None = None,
    attached: bool = False,
) -> MessageInfo:
    """The same as `append` inside a transaction, in which the chat is locked until the end.

    A running answer (`status`) may be empty, and a prompt to which files are `attached`. With `sibling_of` the message follows what
    that message of the chat follows: another branch, which is shown from now on.
    """
    if role not in tuple(Role):
        raise Invalid(f"A message cannot be from {storable(role)[:40]!r}.", "Say user or assistant.")
    if role == Role.USER and status is not State.COMPLETE:
        raise Invalid("What a person wrote is always complete.", "Leave the status out.")
    if content or (status is not State.RUNNING and not attached):
        content = clean_text(content)
    provider = provider and clean_name(provider, "provider")
    model_name = model_name and clean_name(model_name, "model")
    chat_key: dict[str, object] = {"viewer_id": viewer.user_id, "chat_id": chat_id}
    chat = tx.execute(LOCK_CHAT, chat_key).one_or_none()
    if chat is None:
        raise no_chat()
    if chat.deleted_at is not None:
        raise Conflict("This chat is in the trash.", "Restore it, then go on writing.")
    parent_id = leaf_of(tx, chat_id, chat.current_message_id) if sibling_of is None else parent_of(tx, chat_id, sibling_of)
    values: dict[str, object] = {
        "session_id": chat_id,
        "user_id": viewer.user_id,
        "parent_id": parent_id,
        "role": str(role),
        "status": str(status),
        "created_at": now,
        "provider": provider,
        "model_name": model_name,
        "content": content,
    }
    message_id: int = tx.execute(ADD_MESSAGE, values).scalar_one()
    tx.execute(COUNT_MESSAGE, chat_key | {"leaf_id": message_id, "now": now, "snippet": snippet(content) or None})
    return MessageInfo(message_id, chat_id, parent_id, Role(role), status, content, now, provider=provider, model_name=model_name)


def count_answer_in(
    tx: Session, user_id: str, chat_id: uuid.UUID, *, content: str, now: datetime, input_tokens: int = 0, output_tokens: int = 0
) -> None:
    """Counts an answer that came to its end: adds its tokens to the chat, takes its text as snippet, moves the chat up.

    For the Runner, whose job names the user. `content` may be empty. A chat that was purged meanwhile is left out.
    """
    counted = {"viewer_id": user_id, "chat_id": chat_id, "now": now, "snippet": snippet(content) or None}
    tx.execute(COUNT_ANSWER, counted | {"more_input_tokens": input_tokens, "more_output_tokens": output_tokens})


def leaf_of(tx: Session, chat_id: uuid.UUID, current_message_id: int | None) -> int | None:
    """The message a chat ends with: the one it names, else its newest; None for a chat without messages."""
    if current_message_id is not None:
        return current_message_id
    return tx.execute(sa.select(sa.func.max(MESSAGES.c.id)).where(MESSAGES.c.session_id == chat_id)).scalar()


def parent_of(tx: Session, chat_id: uuid.UUID, message_id: int) -> int | None:
    """The message that a message of this chat follows, None for a first one. Raises NotFound."""
    known = sa.and_(MESSAGES.c.session_id == chat_id, MESSAGES.c.id == possible_id(message_id))
    row = tx.execute(sa.select(MESSAGES.c.parent_id).where(known)).one_or_none()
    if row is None:
        raise no_message()
    parent_id: int | None = row.parent_id
    return parent_id


# --- small things ------------------------------------------------------------------------------------------------


def mine(viewer: Viewer, chat_id: uuid.UUID) -> sa.ColumnElement[bool]:
    """The condition for one chat, if it is the viewer's."""
    return sa.and_(CHATS.c.user_id == viewer.user_id, CHATS.c.id == chat_id)


def possible_id(message_id: int) -> int:
    """The id, if a database can hold such a number. Raises NotFound."""
    if abs(message_id) > LARGEST_ID:
        raise no_message()
    return message_id


def clean_name(name: str, what: str) -> str:
    """The name of a provider or model as it is stored. Raises Invalid if it is empty or above 200 characters."""
    name = storable(name).strip()
    if not name or len(name) > LONGEST_NAME:
        raise Invalid(f"The name of the {what} is empty or longer than {LONGEST_NAME} characters.", f"Choose a {what} from the list.")
    return name


def no_message() -> NotFound:
    return NotFound("This message is not there.", "Its chat may have been deleted. Go back to your chats.")
