"""Takes over a database of an older program: its people, conversations and messages become ours.

`importref` remembers what became of each row, in the transaction that writes it. So a second run changes nothing, what
was added in the source since is added here, a run that was killed is gone on with, and what a person deleted here is not
brought back. Messages come in the order of their times over all conversations, so the newest has the highest number.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.accounts import LOCAL_OWNER_ID, local_owner
from chatcore.columns import new_chat_id
from chatcore.db import Database
from chatcore.history import LONGEST_NAME
from chatcore.models import DEFAULT_TITLE
from chatcore.older_rows import Unreadable, read_time, read_times
from chatcore.rows import CHATS
from chatcore.takeover.messages import take_messages
from chatcore.takeover.refs import Ref, Skipped, Tally, Target, identified, lock, reference, references, remember
from chatcore.takeover.source import Row, Source, open_source
from chatcore.texts import TITLE_CHARACTERS, cut, storable

USERS = SQLModel.metadata.tables["users"]

# What older conversations do not say of themselves.
UNKNOWN_PROVIDER = "imported"
UNKNOWN_MODEL = "unknown"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class TakeoverReport:
    """What a run did, as numbers of rows by kind (user, chat, message).

    `unchanged` were taken by an earlier run, also those a person deleted here since. `reasons` counts all rows that were
    skipped, `skipped` names the first 1,000. `odd_tool_calls` counts messages whose tool_calls are no JSON: they are
    taken, with that text as it was.
    """

    source: str
    imported: Mapping[str, int]
    unchanged: Mapping[str, int]
    reasons: Mapping[str, int]
    skipped: tuple[Skipped, ...]
    odd_tool_calls: int = 0


def take_over(db: Database, source_url: str, *, now: datetime, on_progress: Progress | None = None) -> TakeoverReport:
    """Imports what an older database has and this one has not; the source is opened for reading only.

    Users keep their ids where these are free; if the source has exactly one user and nobody but the local owner lives
    here, that user's chats become the local owner's, so that the person sees them. A conversation without a title gets
    one from its first user message. A row that cannot be taken is skipped with its reason and stops nothing. At most
    1,000 rows are written in one transaction. `on_progress` hears (messages done, messages in the source). `source_url`
    is a URL or the path of a SQLite file. Raises Invalid, Conflict or Denied, as `open_source` does.
    """
    tally = Tally()
    with open_source(source_url, target=db.url) as source:
        target = Target(db, source.name, now, source.has_owners)
        take_users(target, source, tally)
        for rows in source.chats():
            take_chats(target, rows, tally)
        done, total = 0, source.count_messages()
        for rows in source.messages():
            take_messages(target, rows, tally)
            done += len(rows)
            if on_progress:
                on_progress(done, total)
    return TakeoverReport(
        source=target.source,
        imported=dict(+tally.imported),
        unchanged=dict(+tally.unchanged),
        reasons=dict(tally.reasons),
        skipped=tuple(tally.skipped),
        odd_tool_calls=tally.odd_tool_calls,
    )


# --- users -------------------------------------------------------------------------------------------------------


def take_users(target: Target, source: Source, tally: Tally) -> None:
    """Gives every user of the source one of ours; what belongs to nobody there becomes the local owner's."""
    if not source.has_owners or belongs_to_local_owner(target, source):
        owner = local_owner(target.db, now=target.now)
        for rows in source.users():
            take_user_portion(target, rows, tally, everybody=owner.user_id)
        return
    for rows in source.users():
        take_user_portion(target, rows, tally, everybody=None)


def belongs_to_local_owner(target: Target, source: Source) -> bool:
    """Whether one person used both: the source has one user, and here is nobody but the local owner."""
    with closing(source.users()) as portions:
        first = next(portions, ())
    with target.db.read() as tx:
        others = tx.execute(sa.select(USERS.c.id).where(USERS.c.id != LOCAL_OWNER_ID).limit(1)).first()
    return len(first) == 1 and others is None


def take_user_portion(target: Target, rows: Sequence[Row], tally: Tally, *, everybody: str | None) -> None:
    """Writes the users that no earlier run has written; with `everybody` they all become that person."""
    found = identified("user", "key", rows, tally)
    with target.db.write() as tx:
        lock(tx, target.source)
        known = references(tx, target.source, "user", found)
        tally.unchanged["user"] += len(known)
        for key, row in found.items():
            if key in known:
                continue
            user_id = everybody or free_user_id(tx, key)
            if everybody is None:
                tx.execute(sa.insert(USERS).values(user_values(user_id, row, target.now)))
            remember(tx, target, [reference("user", key, user_id)])
            tally.imported["user"] += 1


def user_values(user_id: str, row: Row, now: datetime) -> dict[str, object]:
    """Our columns for a user of the source; whoever has no name is called by e-mail or id."""
    said = [row.get(name) for name in ("name", "full_name", "username", "email")]
    names = [storable(value).strip() for value in said if isinstance(value, str) and value.strip()]
    email = row.get("email")
    try:
        created_at = read_time(row.get("created_at"))
    except Unreadable:
        created_at = None
    return {
        "id": user_id,
        "name": names[0] if names else user_id,
        "email": storable(email) if isinstance(email, str) else None,
        "is_owner": False,
        "created_at": created_at or now,
    }


def free_user_id(tx: Session, wanted: str) -> str:
    """The id itself if nobody here has it, else a new one."""
    taken = wanted == LOCAL_OWNER_ID or tx.execute(sa.select(USERS.c.id).where(USERS.c.id == wanted)).first()
    return str(new_chat_id()) if taken else storable(wanted)


# --- conversations -----------------------------------------------------------------------------------------------


def take_chats(target: Target, rows: Sequence[Row], tally: Tally) -> None:
    """Writes the conversations that no earlier run has written; one that went on in the source moves up here too."""
    found = identified("chat", "id", rows, tally)
    with target.db.write() as tx:
        lock(tx, target.source)
        known = references(tx, target.source, "chat", found)
        owners = references(tx, target.source, "user", {storable(str(row["owner"])) for row in rows if row.get("owner") is not None})
        for external_id, row in found.items():
            try:
                created_at, updated_at = read_times(row.get("created_at"), row.get("updated_at"))
                if external_id in known:
                    move_up(tx, known[external_id].session_id, updated_at)
                    tally.unchanged["chat"] += 1
                    continue
                user_id = owner_of(row, owners, target)
            except Unreadable as error:
                tally.skip("chat", row, str(error))
                continue
            chat_id = new_chat_id()
            times = (created_at or updated_at or target.now, updated_at or created_at or target.now)
            tx.execute(sa.insert(CHATS).values(chat_values(row, chat_id=chat_id, user_id=user_id, times=times)))
            remember(tx, target, [reference("chat", external_id, user_id, session_id=chat_id)])
            tally.imported["chat"] += 1


def owner_of(row: Row, owners: Mapping[str, Ref], target: Target) -> str:
    """Whose a conversation is here. Raises Unreadable if it says nothing where others do, or its user was not taken."""
    if not target.has_owners:
        return LOCAL_OWNER_ID
    if row["owner"] is None:
        raise Unreadable("no user")
    owner = owners.get(storable(str(row["owner"])))
    if owner is None:
        raise Unreadable("its user could not be taken")
    return str(owner.user_id)


def chat_values(row: Row, *, chat_id: uuid.UUID, user_id: str, times: tuple[datetime, datetime]) -> dict[str, object]:
    """Our columns for a conversation of the source."""
    title = row.get("title")
    return {
        "id": chat_id,
        "user_id": user_id,
        "title": cut(storable(title).strip(), TITLE_CHARACTERS) if isinstance(title, str) and title.strip() else DEFAULT_TITLE,
        "provider": cut(storable(str(row.get("provider") or UNKNOWN_PROVIDER)), LONGEST_NAME),
        "model_name": cut(storable(str(row.get("model_name") or UNKNOWN_MODEL)), LONGEST_NAME),
        "created_at": times[0],
        "updated_at": times[1],
    }


def move_up(tx: Session, chat_id: uuid.UUID | None, updated_at: datetime | None) -> None:
    if chat_id and updated_at:
        tx.execute(sa.update(CHATS).where(CHATS.c.id == chat_id, CHATS.c.updated_at < updated_at).values(updated_at=updated_at))
