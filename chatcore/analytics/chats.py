"""Which chats the filters mean: those with the chosen tags and in the chosen folder. Asked once for all that is counted.

Tags and folders are those that the chats have now, not those of the day on which something was written.
"""

import uuid
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.analytics.filters import Filters
from chatcore.analytics.numbers import Ints
from chatcore.db import Database
from chatcore.errors import NotFound
from chatcore.organise.folders import NO_FOLDER, find_folders, folder_and_below, no_folder, tree_in
from chatcore.organise.names import key_of
from chatcore.organise.tags import known_tags
from chatcore.parts import Viewer
from chatcore.rollup.pages import chat_key
from chatcore.rows import CHAT_TAGS, CHATS, TAGS

REFS = SQLModel.metadata.tables["importref"]


@dataclass(frozen=True, slots=True)
class Places:
    """What the chats of a person can be told apart by: names of tags, (id, path) of folders in the order of the tree, and
    whether messages were imported."""

    tags: tuple[str, ...]
    folders: tuple[tuple[int, str], ...]
    has_imported: bool


def known_places(db: Database, viewer: Viewer) -> Places:
    """Every tag and folder of the viewer, whether or not there are chats in it, and whether anything was imported: what the
    filters offer."""
    names = sa.select(TAGS.c.name).where(TAGS.c.user_id == viewer.user_id)
    ref = sa.exists().where(REFS.c.user_id == viewer.user_id, REFS.c.kind == "message", REFS.c.message_id.is_not(None))
    with db.read() as tx:
        tags = tuple(sorted(tx.execute(names).scalars(), key=key_of))
        folders = tuple((place.id, place.path) for place in tree_in(tx, viewer).values())
        return Places(tags, folders, bool(tx.execute(sa.select(ref)).scalar_one()))


def folder_paths(db: Database, viewer: Viewer, filters: Filters) -> tuple[str, ...]:
    """The paths of the folders that the filters mean, without those in them; none for all chats, and for those in no folder.

    Raises NotFound for a folder that is not the viewer's.
    """
    if filters.folder is None or filters.folder == NO_FOLDER:
        return ()
    with db.read() as tx:
        meant = set(folders_meant(tx, viewer, filters.folder))
        return tuple(place.path for place in tree_in(tx, viewer).values() if place.id in meant and place.parent_id not in meant)


def keys_meant(tx: Session, viewer: Viewer, filters: Filters) -> Ints | None:
    """The `chat_key` of each chat that the filters mean; None if all are meant, and what has no chat any more. Raises what
    `chats_meant` raises."""
    chats = chats_meant(tx, viewer, filters)
    return None if chats is None else np.array([chat_key(chat) for chat in tx.execute(chats).scalars()], dtype=np.int64)


def chats_meant(tx: Session, viewer: Viewer, filters: Filters) -> sa.Select[uuid.UUID] | sa.CompoundSelect[uuid.UUID] | None:
    """The ids of the chats that have all chosen tags and lie in the folder or below it, in the trash too; None if all are meant.

    Each condition is a list by an index of its own. Raises NotFound for a tag or a folder that is not the viewer's.
    """
    parts = [
        sa.select(CHAT_TAGS.c.session_id).where(CHAT_TAGS.c.user_id == viewer.user_id, CHAT_TAGS.c.tag_id == tag_id)
        for tag_id in tags_meant(tx, viewer, filters.tags)
    ]
    if filters.folder is not None:
        in_none = filters.folder == NO_FOLDER
        inside = CHATS.c.folder_id.is_(None) if in_none else CHATS.c.folder_id.in_(folders_meant(tx, viewer, filters.folder))
        parts.append(sa.select(CHATS.c.id).where(CHATS.c.user_id == viewer.user_id, inside))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else sa.intersect(*parts)


def tags_meant(tx: Session, viewer: Viewer, names: tuple[str, ...]) -> list[int]:
    """The ids of these tags, in any case, each once. Raises NotFound for one that is not the viewer's."""
    known = known_tags(tx, viewer) if names else {}
    for name in names:
        if key_of(name) not in known:
            raise NotFound(f"There is no tag {name!r}.", "It may have been deleted or become another. Look at the list of tags.")
    return list(dict.fromkeys(known[key_of(name)] for name in names))


def folders_meant(tx: Session, viewer: Viewer, folder: int | str) -> tuple[int, ...]:
    """The ids of the folders that an id or a typed path means, with all folders in them. Raises NotFound if there is none."""
    if isinstance(folder, int):
        found = folder_and_below(tx, viewer, [folder])
        if not found:
            raise no_folder()
        return found
    found = find_folders(tx, viewer, folder)
    if not found:
        raise NotFound(f"There is no folder {folder!r}.", "It may have been renamed, moved or deleted. Look at the list of folders.")
    return found
