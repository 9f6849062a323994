"""Folders: each chat lies in one or in none, and folders lie in folders. A path is written Work/Plans.

Two names beside each other that differ only in case are refused, so a typed path leads to one folder. Deleting a folder
moves what is in it up; no chat is ever deleted with a folder.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.organise.names import clean_name, key_of, take_turn
from chatcore.parts import Viewer
from chatcore.rows import CHATS, FOLDERS, no_chat, parts_of

# In the place of a folder's id: no folder. Ids begin at 1.
NO_FOLDER = 0
LONGEST_FOLDER = 80
# A path stays one line on a screen, and who needs more looks for tags.
DEEPEST = 8
# The tree is read and shown whole.
MOST_FOLDERS = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a folder stands in the tree; `depth` is 1 at the top."""

    id: int
    parent_id: int | None
    name: str
    path: str
    depth: int


@dataclass(frozen=True, slots=True)
class FolderInfo(Place):
    """A folder as lists show it: `chats` counts those in it and below it, `own_chats` those in it alone, without the trash."""

    chats: int
    own_chats: int


def list_folders(db: Database, viewer: Viewer) -> tuple[FolderInfo, ...]:
    """Every folder of the viewer, each before those in it, in alphabetical order beside each other."""
    with db.read() as tx:
        return tuple(folders_in(tx, viewer).values())


def folders_in(tx: Session, viewer: Viewer) -> dict[int, FolderInfo]:
    """The same as `list_folders` inside a transaction, by id."""
    filed = (
        sa.select(CHATS.c.folder_id, sa.func.count().label("chats"))
        .where(CHATS.c.user_id == viewer.user_id, CHATS.c.folder_id.is_not(None), CHATS.c.deleted_at.is_(None))
        .group_by(CHATS.c.folder_id)
    )
    places = tree_in(tx, viewer)
    own = {row.folder_id: row.chats for row in tx.execute(filed)}
    chats = {folder_id: own.get(folder_id, 0) for folder_id in places}
    # From the deepest to the top, each adds what it has to the one it lies in.
    for place in reversed(places.values()):
        if place.parent_id is not None:
            chats[place.parent_id] += chats[place.id]
    return {
        place.id: FolderInfo(place.id, place.parent_id, place.name, place.path, place.depth, chats[place.id], own.get(place.id, 0))
        for place in places.values()
    }


def tree_in(tx: Session, viewer: Viewer) -> dict[int, Place]:
    """The places of the viewer's folders by id, in the order of the list; counts nothing."""
    found = sa.select(FOLDERS.c.id, FOLDERS.c.parent_id, FOLDERS.c.name).where(FOLDERS.c.user_id == viewer.user_id)
    children: dict[int | None, list[sa.Row[tuple[int, int | None, str]]]] = {}
    for row in sorted(tx.execute(found).all(), key=lambda row: (key_of(row.name), row.id)):
        children.setdefault(row.parent_id, []).append(row)

    def walk(parent_id: int | None, path: str, depth: int) -> Iterator[Place]:
        for row in children.get(parent_id, []):
            yield Place(row.id, row.parent_id, row.name, path + row.name, depth)
            yield from walk(row.id, f"{path}{row.name}/", depth + 1)

    return {place.id: place for place in walk(None, "", 1)}


def make_folder(db: Database, viewer: Viewer, *, name: str, parent_id: int | None = None) -> FolderInfo:
    """Makes an empty folder in another or at the top. Raises Invalid for an impossible or taken name and for one too deep,
    NotFound for the parent."""
    name = clean_folder(name)
    with db.write() as tx:
        take_turn(tx, viewer)
        places = tree_in(tx, viewer)
        if len(places) >= MOST_FOLDERS:
            raise Invalid(f"There are {MOST_FOLDERS:,} folders already.", "Delete some that you no longer need.")
        check_place(places, name, parent_id, height=1)
        values = {"user_id": viewer.user_id, "parent_id": parent_id, "name": name}
        folder_id: int = tx.execute(sa.insert(FOLDERS).values(values).returning(FOLDERS.c.id)).scalar_one()
        return folders_in(tx, viewer)[folder_id]


def rename_folder(db: Database, viewer: Viewer, folder_id: int, *, name: str) -> FolderInfo:
    """Gives a folder another name. Raises Invalid for an impossible or taken name, NotFound."""
    return change_folder(db, viewer, folder_id, name=name)


def move_folder(db: Database, viewer: Viewer, folder_id: int, *, parent_id: int | None) -> FolderInfo:
    """Puts a folder with all in it into another, or at the top (None). Raises NotFound for either, and Invalid into itself,
    where its name is taken, and where it would be too deep."""
    return change_folder(db, viewer, folder_id, parent_id=parent_id or NO_FOLDER)


def change_folder(db: Database, viewer: Viewer, folder_id: int, *, name: str | None = None, parent_id: int | None = None) -> FolderInfo:
    """Renames a folder, moves it, or both at once; None leaves it as it is, and the parent NO_FOLDER is the top. Raises what
    `rename_folder` and `move_folder` raise; then nothing is changed."""
    name = name if name is None else clean_folder(name)
    with db.write() as tx:
        take_turn(tx, viewer)
        places = tree_in(tx, viewer)
        folder = of(places, folder_id)
        moved = below(places, [folder_id])
        if parent_id in moved:
            raise Invalid(f"The folder {folder.name!r} cannot lie in itself.", "Choose a folder that is not in it.")
        new_name = folder.name if name is None else name
        new_parent = folder.parent_id if parent_id is None else parent_id or None
        height = max(places[inner].depth for inner in moved) - folder.depth + 1
        check_place(places, new_name, new_parent, height=height, but=folder_id)
        tx.execute(update(viewer, folder_id).values(name=new_name, parent_id=new_parent))
        return folders_in(tx, viewer)[folder_id]


def delete_folder(db: Database, viewer: Viewer, folder_id: int) -> None:
    """Deletes a folder; its chats, also those in the trash, and the folders in it move up to where it lay. Raises NotFound.

    A folder whose name is taken there gets a number: Plans (2).
    """
    with db.write() as tx:
        take_turn(tx, viewer)
        places = tree_in(tx, viewer)
        up = of(places, folder_id).parent_id
        chats = sa.and_(CHATS.c.user_id == viewer.user_id, CHATS.c.folder_id == folder_id)
        tx.execute(sa.update(CHATS).where(chats).values(folder_id=up))
        # Out of the way first: a folder in it may have its name.
        tx.execute(update(viewer, folder_id).values(name=uuid.uuid4().hex))
        taken = {key_of(folder.name) for folder in places.values() if folder.parent_id == up and folder.id != folder_id}
        for folder in [folder for folder in places.values() if folder.parent_id == folder_id]:
            name = free_name(folder.name, taken)
            taken.add(key_of(name))
            tx.execute(update(viewer, folder.id).values(name=name, parent_id=up))
        tx.execute(sa.delete(FOLDERS).where(FOLDERS.c.user_id == viewer.user_id, FOLDERS.c.id == folder_id))


def move_chats(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID], *, folder_id: int | None) -> int:
    """Puts chats into a folder, or into none (None); answers how many. Raises NotFound for the folder or a chat, then none
    is moved."""
    with db.write() as tx:
        return move_chats_in(tx, viewer, chat_ids, folder_id=folder_id)


def move_chats_in(tx: Session, viewer: Viewer, chat_ids: Iterable[uuid.UUID], *, folder_id: int | None) -> int:
    """The same as `move_chats` inside a transaction."""
    take_turn(tx, viewer)
    if folder_id is not None:
        of(tree_in(tx, viewer), folder_id)
    moved = 0
    for part in parts_of(chat_ids):
        theirs = sa.and_(CHATS.c.user_id == viewer.user_id, CHATS.c.id.in_(part))
        result = tx.execute(sa.update(CHATS).where(theirs).values(folder_id=folder_id))
        assert isinstance(result, sa.CursorResult)
        if result.rowcount != len(part):
            raise no_chat()
        moved += len(part)
    return moved


# --- finding -----------------------------------------------------------------------------------------------------


def find_folders(tx: Session, viewer: Viewer, path: str) -> tuple[int, ...]:
    """The ids of the folders that a typed path means, with all folders in them; none if there is no such folder.

    Case does not matter, and the start of the path may be missing: "plans" and "work/plans" both mean Work/Plans.
    """
    places = tree_in(tx, viewer)
    wanted = [key_of(part.strip()) for part in path.split("/") if part.strip()]
    if not wanted:
        return ()
    meant = [folder.id for folder in places.values() if [key_of(part) for part in folder.path.split("/")][-len(wanted) :] == wanted]
    return below(places, meant)


def folder_and_below(tx: Session, viewer: Viewer, folder_ids: Sequence[int]) -> tuple[int, ...]:
    """These folders with all folders in them; those that are not the viewer's are left out."""
    return below(tree_in(tx, viewer), folder_ids)


def below(places: dict[int, Place], folder_ids: Sequence[int]) -> tuple[int, ...]:
    """These folders with all folders in them, in the order of the tree."""
    inside = set(folder_ids)
    for folder in places.values():
        if folder.parent_id in inside:
            inside.add(folder.id)
    return tuple(folder_id for folder_id in places if folder_id in inside)


# --- what is allowed ---------------------------------------------------------------------------------------------


def check_place(places: dict[int, Place], name: str, parent_id: int | None, *, height: int, but: int | None = None) -> None:
    """Raises NotFound for a parent that is not there, Invalid where so high a tree would be too deep or the name is taken by
    another folder than `but`."""
    depth = 0 if parent_id is None else of(places, parent_id).depth
    if depth + height > DEEPEST:
        raise Invalid(f"Folders can lie in each other {DEEPEST} deep, and this would be deeper.", "Choose a folder further up.")
    for folder in places.values():
        if folder.parent_id == parent_id and folder.id != but and key_of(folder.name) == key_of(name):
            raise Invalid(f"There is a folder {folder.path!r} already.", "Choose another name, or use that one.")


def free_name(name: str, taken: set[str]) -> str:
    """The name, or the first with a number that is not taken."""
    found, number = name, 1
    while key_of(found) in taken:
        number += 1
        ending = f" ({number})"
        found = name[: LONGEST_FOLDER - len(ending)].rstrip() + ending
    return found


def of(places: dict[int, Place], folder_id: int) -> Place:
    """The folder of that id. Raises NotFound."""
    if folder_id not in places:
        raise no_folder()
    return places[folder_id]


def update(viewer: Viewer, folder_id: int) -> sa.Update:
    """A change of one folder of the viewer."""
    return sa.update(FOLDERS).where(FOLDERS.c.user_id == viewer.user_id, FOLDERS.c.id == folder_id)


def clean_folder(name: str) -> str:
    """The name of a folder as it is stored. Raises Invalid."""
    return clean_name(name, what="folder", longest=LONGEST_FOLDER, without="/")


def no_folder() -> NotFound:
    return NotFound("This folder is not there.", "It may have been deleted. Look at the list of folders.")
