"""Links to a snapshot of a chat: whoever has one can read it, without an account, until it is taken back.

A link is its token: 192 random bits, so none can be guessed. It is kept as it is, since its owner wants to copy it again, and who can
read the table can read the chats too; it is looked for by its hash, so that no time tells how much of a guess was right.
"""

import hashlib
import hmac
import re
import secrets
import uuid
import zlib
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.accounts import LOCAL_OWNER_ID
from chatcore.attachments import read_attachment
from chatcore.db import Database
from chatcore.errors import Conflict, Invalid, NotFound
from chatcore.exporting.reading import Written, read_chats
from chatcore.history import LOCK_CHAT, get_chat_in, possible_id
from chatcore.organise.names import take_turn
from chatcore.parts import AttachmentInfo, Viewer
from chatcore.rows import CHATS, no_chat
from chatcore.sharing.page import NO_EXTRAS, NOBODY, snapshot, whole
from chatcore.sharing.page import Extras as Extras

LINKS = SQLModel.metadata.tables["share_link"]
# What a browser still shows without effort: files are most of it, since 2 MB of text make a page of 3 MB and take 4 s (measured).
LARGEST_PAGE_BYTES = 8_000_000
LONGEST_TEXT = 2_000_000
# In all branches: above it a chat is not even read.
MOST_MESSAGES = 50_000
MOST_LINKS = 200
TOKEN_BYTES = 24
TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
COLUMNS = tuple(column for column in LINKS.c if column.key not in ("user_id", "token_hash", "page"))
IN_TRASH = CHATS.c.deleted_at.is_not(None).label("in_trash")
ITS_CHAT = sa.and_(CHATS.c.user_id == LINKS.c.user_id, CHATS.c.id == LINKS.c.session_id)


@dataclass(frozen=True, slots=True)
class Link:
    """A link. `title`, `messages` and `size_bytes` are of the snapshot, which is of `taken_at`. While its chat is in the trash, and from
    `expires_at` on, it does not answer."""

    id: int
    chat_id: uuid.UUID
    token: str
    title: str
    extras: Extras
    created_at: datetime
    taken_at: datetime
    expires_at: datetime | None
    messages: int
    size_bytes: int
    in_trash: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A chat as it was shown at a time; `page` is compressed."""

    title: str
    taken_at: datetime
    messages: int
    size_bytes: int
    page: bytes


# --- the owner's -------------------------------------------------------------------------------------------------


def make_link(
    db: Database, viewer: Viewer, chat_id: uuid.UUID, *, extras: Extras = NO_EXTRAS, expires_at: datetime | None = None, now: datetime
) -> Link:
    """Takes a snapshot of a chat and makes a link to it.

    Raises NotFound, Invalid for a chat without messages, one that makes too large a page and an end that is over, Conflict for a chat
    in the trash.
    """
    if expires_at is not None and expires_at <= now:
        raise Invalid("The link would end before it begins.", "Choose an end that is still to come, or none.")
    taken = take_snapshot(db, viewer, chat_id, extras, now=now)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    values = {
        "user_id": viewer.user_id, "session_id": chat_id, "token": token, "token_hash": hash_of(token), "created_at": now,
        "expires_at": expires_at, **{f"shows_{name}": getattr(extras, name) for name in Extras.__slots__}, **columns_of(taken),
    }  # fmt: skip
    with db.write() as tx:
        take_turn(tx, viewer)
        hold_chat(tx, viewer, chat_id)
        if tx.execute(sa.select(sa.func.count()).where(LINKS.c.user_id == viewer.user_id, still(now))).scalar_one() >= MOST_LINKS:
            raise Invalid(f"You have {MOST_LINKS} links already.", "Revoke some that nobody needs any more.")
        link_id: int = tx.execute(sa.insert(LINKS).values(values).returning(LINKS.c.id)).scalar_one()
        return get_link_in(tx, viewer, link_id)


def list_links(db: Database, viewer: Viewer, *, chat_id: uuid.UUID | None = None, now: datetime) -> tuple[Link, ...]:
    """The viewer's links that have not ended, the newest first; of one chat, if named. Raises NotFound for a chat that is not theirs."""
    mine = sa.select(*COLUMNS, IN_TRASH).join(CHATS, ITS_CHAT).where(LINKS.c.user_id == viewer.user_id, still(now))
    with db.read() as tx:
        if chat_id is not None:
            get_chat_in(tx, viewer, chat_id)
            mine = mine.where(LINKS.c.session_id == chat_id)
        return tuple(link_of(row) for row in tx.execute(mine.order_by(LINKS.c.id.desc())).mappings())


def update_link(db: Database, viewer: Viewer, link_id: int, *, now: datetime) -> Link:
    """Takes the snapshot of a link anew, with what it shows beside the messages as before. Raises as `make_link`."""
    with db.read() as tx:
        link = get_link_in(tx, viewer, link_id)
    taken = take_snapshot(db, viewer, link.chat_id, link.extras, now=now)
    with db.write() as tx:
        hold_chat(tx, viewer, link.chat_id)
        tx.execute(sa.update(LINKS).where(mine_of(viewer, link_id)).values(columns_of(taken)))
        return get_link_in(tx, viewer, link_id)


def revoke_link(db: Database, viewer: Viewer, link_id: int) -> None:
    """Takes a link back, with its snapshot: it answers nobody any more. Raises NotFound."""
    with db.write() as tx:
        if tx.execute(sa.delete(LINKS).where(mine_of(viewer, link_id)).returning(LINKS.c.id)).one_or_none() is None:
            raise no_link()


def get_link_in(tx: Session, viewer: Viewer, link_id: int) -> Link:
    """A link of the viewer inside a transaction. Raises NotFound."""
    found = sa.select(*COLUMNS, IN_TRASH).join(CHATS, ITS_CHAT).where(mine_of(viewer, link_id))
    row = tx.execute(found).mappings().one_or_none()
    if row is None:
        raise no_link()
    return link_of(row)


def has_name(viewer: Viewer) -> bool:
    """Whether the viewer has a name to show: the owner of an installation without sign-in is only "You"."""
    return viewer.user_id != LOCAL_OWNER_ID


# --- everybody's -------------------------------------------------------------------------------------------------


def read_page(db: Database, token: str, *, now: datetime) -> bytes:
    """The page that a link shows, for whoever has it. Raises NotFound, the same whether there never was such a link, it was taken
    back, it has ended, or its chat is in the trash."""
    if not TOKEN.fullmatch(token):
        raise no_link()
    shown = sa.select(LINKS.c.token, LINKS.c.title, LINKS.c.page).join(CHATS, ITS_CHAT)
    with db.read() as tx:
        row = tx.execute(shown.where(LINKS.c.token_hash == hash_of(token), still(now), CHATS.c.deleted_at.is_(None))).one_or_none()
    if row is None or not hmac.compare_digest(row.token, token):
        raise no_link()
    return whole(row.title, zlib.decompress(row.page))


def remove_ended(db: Database, *, now: datetime) -> int:
    """Deletes the links that have ended, whoever's they are; answers how many."""
    with db.write() as tx:
        return len(tx.execute(sa.delete(LINKS).where(LINKS.c.expires_at <= now).returning(LINKS.c.id)).all())


# --- small things ------------------------------------------------------------------------------------------------


def take_snapshot(db: Database, viewer: Viewer, chat_id: uuid.UUID, extras: Extras, *, now: datetime) -> Snapshot:
    """The chat as it is shown now. Raises as `make_link`."""
    with db.read() as tx:
        info = get_chat_in(tx, viewer, chat_id)
    if info.deleted_at is not None:
        raise in_trash()
    if info.message_count > MOST_MESSAGES:
        raise too_long(f"{info.message_count:,} messages", f"{MOST_MESSAGES:,}")
    chat = next(read_chats(db, viewer, [chat_id]), None)
    if chat is None:
        raise no_chat()
    shown = chat.shown
    if not shown:
        raise Invalid("There is nothing in this chat to share yet.", "Write to it first.")
    texts = ("content", *(("reasoning",) if extras.reasoning else ()), *(("tool_calls",) if extras.tools else ()))
    length = sum(len(str(message.row[name] or "")) for message in shown for name in texts)
    if length > LONGEST_TEXT:
        raise too_long(f"{length:,} characters", f"{LONGEST_TEXT:,}")

    def read(message: Written) -> list[tuple[AttachmentInfo, bytes]]:
        """The files of a message; of a large image the smaller picture."""
        return [read_attachment(db, viewer, message.id, int(str(file["id"])), small=True) for file in message.files]

    author = viewer.name if has_name(viewer) else NOBODY
    body = bytearray()
    for piece in snapshot(chat, extras, author=author, taken_at=now, read=read):
        body += piece.encode("utf-8", "replace")
        if len(body) > LARGEST_PAGE_BYTES:
            most = f"{LARGEST_PAGE_BYTES // 1_000_000} MB"
            raise Invalid(f"With its files this chat makes a page of more than {most}.", "Leave the files out, or share a shorter chat.")
    return Snapshot(chat.info.title, now, len(shown), len(body), zlib.compress(body))


def too_long(has: str, most: str) -> Invalid:
    hint = "Fork the chat at an earlier message, and share that one."
    return Invalid(f"This chat is too long for a link: it has {has}, the most is {most}.", hint)


def columns_of(taken: Snapshot) -> dict[str, object]:
    return {name: getattr(taken, name) for name in Snapshot.__slots__}


def hold_chat(tx: Session, viewer: Viewer, chat_id: uuid.UUID) -> None:
    """Keeps a chat where it is until the transaction ends. Raises NotFound, and Conflict for one in the trash."""
    row = tx.execute(LOCK_CHAT, {"viewer_id": viewer.user_id, "chat_id": chat_id}).one_or_none()
    if row is None:
        raise no_chat()
    if row.deleted_at is not None:
        raise in_trash()


def mine_of(viewer: Viewer, link_id: int) -> sa.ColumnElement[bool]:
    """The condition for one link, if it is the viewer's."""
    return sa.and_(LINKS.c.user_id == viewer.user_id, LINKS.c.id == possible_id(link_id))


def still(now: datetime) -> sa.ColumnElement[bool]:
    """The condition for a link that has not ended."""
    return sa.or_(LINKS.c.expires_at.is_(None), LINKS.c.expires_at > now)


def link_of(row: sa.RowMapping) -> Link:
    """A row of COLUMNS, and whether its chat is in the trash, as a value."""
    extras = Extras(**{name: row[f"shows_{name}"] for name in Extras.__slots__})
    values = {name: row[name] for name in Link.__slots__ if name not in ("chat_id", "extras")}
    return Link(chat_id=row["session_id"], extras=extras, **values)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def in_trash() -> Conflict:
    return Conflict("This chat is in the trash.", "Take it out of the trash, then share it.")


def no_link() -> NotFound:
    return NotFound("This link is not there.", "It may have been revoked or have ended.")
