"""The order the people of the sample keep: folders, tags, saved searches and pins, a few of each, by what a chat is about.

Made by the same services as a person's own, so every rule of theirs holds.
"""

import random
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chatcore.accounts import USERS, find
from chatcore.db import Database
from chatcore.history import pin_chats
from chatcore.organise.folders import list_folders, make_folder, move_chats
from chatcore.organise.tags import tag_chats
from chatcore.organise.views import list_views, save_view
from chatcore.parts import Viewer

# The path of a folder, and what is in the titles of its chats; each folder behind the one it lies in.
FOLDERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Home", ()),
    ("Home/Raspberry Pi", ("Raspberry",)),
    ("Learning", ("beginner",)),
    ("Learning/Rust", ("in Rust",)),
    ("Work", ("project",)),
    ("Work/Databases", ("SQL", "database", "slow query")),
    ("Work/Operations", ("deploy", "monitor", "schedule", "Docker")),
)
# A tag, what is in the titles of its chats (nothing: any chat), and on how many of a hundred of those it is.
TAGS = (
    ("python", ("in Python",), 80),
    ("sql", ("in SQL", "PostgreSQL", "SQLite", "query"), 60),
    ("testing", ("test",), 70),
    ("ops", ("deploy", "monitor", "Docker", "backup"), 50),
    ("to do", (), 3),
    ("read again", (), 2),
)
VIEWS = (
    ("To do", 'tag:"to do"'),
    ("Python with code", "tag:python has:code"),
    ("Slow queries", '"slow query" OR index'),
    ("Asked this month", "role:user after:30d"),
)
FILED_PERCENT = 60
# Nobody tags or files more by hand, however long they have been here.
MOST_CHATS = 120
PINS = 3
# Those who chat most come first; the other people of a large sample keep no order.
MOST_PEOPLE = 20


@dataclass(frozen=True, slots=True)
class Kept:
    """A chat of the sample that is not in the trash, as far as it matters for its place."""

    id: uuid.UUID
    title: str
    archived: bool


def arrange(db: Database, chats: dict[str, list[Kept]], *, rng: random.Random, now: datetime) -> None:
    """Gives each of the first people who have chats an order of their own; each one's chats are in the order of their starts."""
    for user_id, theirs in list(chats.items())[:MOST_PEOPLE]:
        viewer = person(db, user_id)
        file_chats(db, viewer, theirs, rng)
        for name, words, percent in TAGS:
            tag_chats(db, viewer, some(rng, about(theirs, words), percent), add=[name])
        newest = [chat for chat in theirs if not chat.archived][-10 * PINS :]
        pin_chats(db, viewer, [chat.id for chat in rng.sample(newest, min(PINS, len(newest)))], pinned=True)
        known = {view.name for view in list_views(db, viewer)}
        for name, query in VIEWS:
            if name not in known:
                save_view(db, viewer, name=name, query=query, now=now)


def person(db: Database, user_id: str) -> Viewer:
    """The person of that id, who is there."""
    with db.read() as tx:
        viewer = find(tx, USERS.c.id == user_id)
    assert viewer is not None
    return viewer


def file_chats(db: Database, viewer: Viewer, chats: Sequence[Kept], rng: random.Random) -> None:
    """Makes the folders that are not there and puts chats into them."""
    folder_ids = {folder.path: folder.id for folder in list_folders(db, viewer)}
    for path, words in FOLDERS:
        above, _, name = path.rpartition("/")
        if path not in folder_ids:
            folder_ids[path] = make_folder(db, viewer, name=name, parent_id=folder_ids[above] if above else None).id
        if words:
            move_chats(db, viewer, some(rng, about(chats, words), FILED_PERCENT), folder_id=folder_ids[path])


def about(chats: Iterable[Kept], words: Sequence[str]) -> list[Kept]:
    """The chats with one of the words in their titles; all of them without words."""
    return [chat for chat in chats if not words or any(word in chat.title for word in words)]


def some(rng: random.Random, chats: Sequence[Kept], percent: int) -> list[uuid.UUID]:
    """So many of the chats, one at least if there is one."""
    number = min(-(-len(chats) * percent // 100), MOST_CHATS)
    return [chat.id for chat in rng.sample(chats, number)]
