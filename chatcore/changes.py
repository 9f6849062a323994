"""Several changes at once to one chat or to many: all of them are made, or none."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from chatcore.db import Database
from chatcore.history import change_all_in, trashed_at
from chatcore.organise.folders import NO_FOLDER, move_chats_in
from chatcore.organise.tags import hold_chats, tag_chats_in
from chatcore.parts import Viewer
from chatcore.rows import CHATS, parts_of
from chatcore.texts import clean_title


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be different; None leaves it as it is. `folder_id`: NO_FOLDER takes the chats out of their folders.
    `deleted`: into the trash, or out of it."""

    title: str | None = None
    pinned: bool | None = None
    archived: bool | None = None
    deleted: bool | None = None
    folder_id: int | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()


def change_chats(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID], changes: Changes, *, now: datetime) -> int:
    """Makes all these changes to all these chats; answers how many chats. Raises Invalid for an impossible title or tag and
    NotFound for a chat or a folder; then nothing is changed."""
    ids = list(dict.fromkeys(chat_ids))
    values: dict[sa.Column[object], object] = {}
    if changes.title is not None:
        values[CHATS.c.title] = clean_title(changes.title)
    if changes.pinned is not None:
        values[CHATS.c.pinned] = changes.pinned
    if changes.archived is not None:
        values[CHATS.c.archived] = changes.archived
    if changes.deleted is not None:
        values[CHATS.c.deleted_at] = trashed_at(now) if changes.deleted else None
    with db.write() as tx:
        for part in parts_of(ids):
            hold_chats(tx, viewer, part)
        if changes.add_tags or changes.remove_tags:
            tag_chats_in(tx, viewer, ids, add=changes.add_tags, remove=changes.remove_tags)
        if changes.folder_id is not None:
            move_chats_in(tx, viewer, ids, folder_id=None if changes.folder_id == NO_FOLDER else changes.folder_id)
        if values:
            change_all_in(tx, viewer, ids, values)
    return len(ids)
