"""Tags: words a person puts on chats. A tag is made by using it, and stays until it is deleted.

Two spellings that differ in case are one tag, which keeps the spelling it was made with.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.organise.names import clean_name, key_of, take_turn
from chatcore.parts import Viewer
from chatcore.rows import CHAT_TAGS, CHATS, TAGS, no_chat, parts_of

LONGEST_TAG = 60
# A list of tags is read and shown whole.
MOST_TAGS = 2000

LINK = sa.text(
    "INSERT INTO chattag (session_id, tag_id, user_id) SELECT c.id, :tag_id, c.user_id FROM chatsession c "
    "WHERE c.user_id = :user_id AND c.id IN :chat_ids ON CONFLICT (session_id, tag_id) DO NOTHING"
).bindparams(sa.bindparam("chat_ids", expanding=True, type_=CHATS.c.id.type))
MERGE = sa.text(
    "INSERT INTO chattag (session_id, tag_id, user_id) SELECT t.session_id, :into_id, t.user_id FROM chattag t "
    "WHERE t.user_id = :user_id AND t.tag_id = :from_id ON CONFLICT (session_id, tag_id) DO NOTHING"
)
# Kept, since every search and list with a tag asks it.
NAMES = sa.select(TAGS.c.id, TAGS.c.name).where(TAGS.c.user_id == sa.bindparam("user_id"))


@dataclass(frozen=True, slots=True)
class TagInfo:
    """A tag and how many chats have it, those in the trash left out."""

    id: int
    name: str
    chats: int


def list_tags(db: Database, viewer: Viewer) -> tuple[TagInfo, ...]:
    """Every tag of the viewer, in alphabetical order."""
    with db.read() as tx:
        return tags_in(tx, viewer)


def tags_in(tx: Session, viewer: Viewer) -> tuple[TagInfo, ...]:
    """The same as `list_tags` inside a transaction."""
    count = sa.func.count().label("chats")
    links = sa.select(CHAT_TAGS.c.tag_id, count).where(CHAT_TAGS.c.user_id == viewer.user_id)
    # All that have it less those in the trash, which are few: to look at each chat takes ten times as long. The link is
    # found by the chat alone (that both are of one person is a law), or SQLite would begin with all links.
    in_trash = (
        sa.select(CHAT_TAGS.c.tag_id, count)
        .select_from(CHATS)
        .join(CHAT_TAGS, CHAT_TAGS.c.session_id == CHATS.c.id)
        .where(CHATS.c.user_id == viewer.user_id, CHATS.c.deleted_at.is_not(None))
    )
    all_of, trashed = links.group_by(CHAT_TAGS.c.tag_id).subquery(), in_trash.group_by(CHAT_TAGS.c.tag_id).subquery()
    chats = sa.func.coalesce(all_of.c.chats, 0) - sa.func.coalesce(trashed.c.chats, 0)
    found = (
        sa.select(TAGS.c.id, TAGS.c.name, chats.label("chats"))
        .outerjoin(all_of, all_of.c.tag_id == TAGS.c.id)
        .outerjoin(trashed, trashed.c.tag_id == TAGS.c.id)
        .where(TAGS.c.user_id == viewer.user_id)
    )
    infos = (TagInfo(row.id, row.name, row.chats) for row in tx.execute(found))
    return tuple(sorted(infos, key=lambda tag: (key_of(tag.name), tag.id)))


def known_tags(tx: Session, viewer: Viewer) -> dict[str, int]:
    """The ids of the viewer's tags under what the spellings of each have in common (see `key_of`)."""
    found = tx.execute(NAMES, {"user_id": viewer.user_id})
    return {key_of(row.name): row.id for row in found}


def tags_of(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[str, ...]]:
    """The names of the tags of each of these chats, in alphabetical order; nothing for a chat without, or not the viewer's."""
    names: dict[uuid.UUID, list[str]] = {}
    with db.read() as tx:
        for part in parts_of(chat_ids):
            names |= {chat_id: [] for chat_id in part}
            links = (
                sa.select(CHAT_TAGS.c.session_id, TAGS.c.name)
                .join(TAGS, TAGS.c.id == CHAT_TAGS.c.tag_id)
                .where(CHAT_TAGS.c.user_id == viewer.user_id, CHAT_TAGS.c.session_id.in_(part))
            )
            for row in tx.execute(links):
                names[row.session_id].append(row.name)
    return {chat_id: tuple(sorted(found, key=key_of)) for chat_id, found in names.items()}


def tag_chats(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID], *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> int:
    """Puts tags on chats and takes others off; answers how many chats these are. Tags that are new are made.

    To put on what is there already, or to take off what is not, is no error. Raises Invalid for an impossible name and for
    one in both; NotFound for a chat that is not the viewer's, then no chat is changed.
    """
    with db.write() as tx:
        return tag_chats_in(tx, viewer, chat_ids, add=add, remove=remove)


def tag_chats_in(tx: Session, viewer: Viewer, chat_ids: Iterable[uuid.UUID], *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> int:
    """The same as `tag_chats` inside a transaction."""
    adding = {key_of(name): name for name in reversed([clean_tag(name) for name in add])}
    removing = {key_of(clean_tag(name)) for name in remove}
    for key in adding.keys() & removing:
        raise Invalid(f"The tag {adding[key]!r} is to be put on and taken off.", "Choose one of the two.")
    take_turn(tx, viewer)
    known = known_tags(tx, viewer)
    added = [known[key] if key in known else make_tag(tx, viewer, name, known) for key, name in adding.items()]
    removed = [known[key] for key in removing if key in known]
    tagged = 0
    for part in parts_of(chat_ids):
        hold_chats(tx, viewer, part)
        for tag_id in added:
            tx.execute(LINK, {"tag_id": tag_id, "user_id": viewer.user_id, "chat_ids": part})
        if removed:
            of_these = sa.and_(CHAT_TAGS.c.user_id == viewer.user_id, CHAT_TAGS.c.session_id.in_(part), CHAT_TAGS.c.tag_id.in_(removed))
            tx.execute(sa.delete(CHAT_TAGS).where(of_these))
        tagged += len(part)
    return tagged


def rename_tag(db: Database, viewer: Viewer, tag_id: int, *, name: str) -> TagInfo:
    """Gives a tag another name; under the name of another tag the two become that one. Raises Invalid, NotFound."""
    name = clean_tag(name)
    with db.write() as tx:
        take_turn(tx, viewer)
        check_tag(tx, viewer, tag_id)
        into_id = known_tags(tx, viewer).get(key_of(name), tag_id)
        if into_id == tag_id:
            tx.execute(sa.update(TAGS).where(TAGS.c.user_id == viewer.user_id, TAGS.c.id == tag_id).values(name=name))
        else:
            tx.execute(MERGE, {"into_id": into_id, "from_id": tag_id, "user_id": viewer.user_id})
            tx.execute(sa.delete(TAGS).where(TAGS.c.user_id == viewer.user_id, TAGS.c.id == tag_id))
        (info,) = (tag for tag in tags_in(tx, viewer) if tag.id == into_id)
        return info


def delete_tag(db: Database, viewer: Viewer, tag_id: int) -> None:
    """Takes a tag off every chat and forgets it; the chats stay. Raises NotFound."""
    with db.write() as tx:
        take_turn(tx, viewer)
        check_tag(tx, viewer, tag_id)
        tx.execute(sa.delete(TAGS).where(TAGS.c.user_id == viewer.user_id, TAGS.c.id == tag_id))


def make_tag(tx: Session, viewer: Viewer, name: str, known: dict[str, int]) -> int:
    """A new tag, also in `known`, and its id. Raises Invalid if there are too many."""
    if len(known) >= MOST_TAGS:
        raise Invalid(f"There are {MOST_TAGS:,} tags already.", "Delete some that you no longer need.")
    tag_id: int = tx.execute(sa.insert(TAGS).values(user_id=viewer.user_id, name=name).returning(TAGS.c.id)).scalar_one()
    known[key_of(name)] = tag_id
    return tag_id


def hold_chats(tx: Session, viewer: Viewer, chat_ids: Sequence[uuid.UUID]) -> None:
    """Keeps these chats from being purged until the transaction ends. Raises NotFound if one is not the viewer's."""
    theirs = sa.select(CHATS.c.id).where(CHATS.c.user_id == viewer.user_id, CHATS.c.id.in_(chat_ids))
    if len(tx.execute(theirs.with_for_update(read=True, key_share=True)).all()) != len(chat_ids):
        raise no_chat()


def clean_tag(name: str) -> str:
    """The name of a tag without the # that people write before it. Raises Invalid."""
    return clean_name(name.strip().lstrip("#"), what="tag", longest=LONGEST_TAG, without=",")


def check_tag(tx: Session, viewer: Viewer, tag_id: int) -> None:
    """Raises NotFound for a tag that is not the viewer's."""
    if tag_id not in [tag.id for tag in tags_in(tx, viewer)]:
        raise NotFound("This tag is not there.", "It may have been deleted or become another. Look at the list of tags.")
