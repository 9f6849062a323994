"""The buttons over ticked chats."""

from dataclasses import dataclass

from chatcore.parts import Shelf
from chatcore.search.query import Query
from ui.sessions.actions import VERBS, changes


@dataclass(frozen=True, slots=True)
class Action:
    """A button. `single`: for one chat alone. `every`: only where it would change every ticked chat, else where it would
    change one."""

    verb: str
    label: str
    icon: str
    single: bool = False
    every: bool = False
    danger: bool = False

    def as_data(self) -> dict[str, object]:
        data: dict[str, object] = {"verb": self.verb, "label": self.label, "icon": self.icon}
        return data | {"single": self.single, "every": self.every, "danger": self.danger}


RENAME = Action("rename", "Rename", "edit", single=True)
PIN = Action("pin", "Pin", "keep")
UNPIN = Action("unpin", "Unpin", "keep_off", every=True)
ARCHIVE = Action("archive", "Archive", "archive")
UNARCHIVE = Action("unarchive", "Unarchive", "unarchive", every=True)
TAG = Action("tag", "Tag …", "label")
MOVE = Action("move", "Move to …", "drive_file_move")
RESTORE = Action("restore", "Restore", "restore_from_trash", every=True)
DELETE = Action("delete", "Delete", "delete", danger=True)
PURGE = Action("purge", "Delete for ever", "delete_forever", every=True, danger=True)
# On a shelf, and over the results of a search, which may lie on all of them.
ON_SHELF: dict[Shelf, tuple[Action, ...]] = {
    Shelf.ACTIVE: (RENAME, TAG, MOVE, PIN, UNPIN, ARCHIVE, DELETE),
    Shelf.ARCHIVED: (RENAME, TAG, MOVE, UNARCHIVE, DELETE),
    Shelf.TRASH: (RESTORE, PURGE),
}
IN_SEARCH = (RENAME, TAG, MOVE, PIN, UNPIN, ARCHIVE, UNARCHIVE, RESTORE, DELETE, PURGE)


def possible(*, shelf: Shelf, pinned: bool) -> list[str]:
    """The verbs that make sense for a chat that lies there and is pinned or not."""
    verbs = [verb for verb in VERBS if changes(verb, shelf=shelf, pinned=pinned)]
    return [*verbs, "purge"] if shelf is Shelf.TRASH else [*verbs, "rename", "tag", "move"]


def of_everything(query: Query) -> list[str]:
    """The verbs that make sense for all chats of a search, whatever of them the page shows."""
    if query.shelves == {Shelf.TRASH}:
        return ["restore", "purge"]
    verbs = ["tag", "move", "unpin" if query.pinned else "pin", "delete"]
    return [*verbs, "unarchive" if query.shelves == {Shelf.ARCHIVED} else "archive"]
