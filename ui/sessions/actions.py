"""What can be done with ticked chats, one or ten thousand, and how each is taken back."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from chatcore import history
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.parts import ChatInfo, Shelf, Viewer
from ui.words import plural

VERBS = ("pin", "unpin", "archive", "unarchive", "delete", "restore")


@dataclass(frozen=True, slots=True)
class Done:
    """What was done: a sentence, and how to take back exactly that (None: it cannot be)."""

    sentence: str
    undo_verb: str | None = None
    chat_ids: tuple[uuid.UUID, ...] = ()


def shelf_of(chat: ChatInfo) -> Shelf:
    if chat.deleted_at is not None:
        return Shelf.TRASH
    return Shelf.ARCHIVED if chat.archived else Shelf.ACTIVE


def chat_ids_of(raw: object) -> tuple[uuid.UUID, ...]:
    """The chat ids the browser sent. Raises Invalid for anything else: what comes from a browser is not to be trusted."""
    if not isinstance(raw, (list, tuple)) or len(raw) > 500:
        raise Invalid("The browser sent no list of chats.", "Reload the page and try again.")
    try:
        return tuple(dict.fromkeys(uuid.UUID(str(item)) for item in raw))
    except ValueError as error:
        raise Invalid("The browser sent a chat id that is none.", "Reload the page and try again.") from error


def carry_out(db: Database, viewer: Viewer, verb: str, chat_ids: Iterable[uuid.UUID], *, now: datetime) -> Done:
    """Does one of VERBS to those chats it changes; the others are left out, so an undo touches only what was moved.

    Chats that are gone or not the viewer's are left out too. Raises Invalid for an unknown verb.
    """
    chats = history.get_chats(db, viewer, chat_ids)
    ids = tuple(chat.id for chat in chats if changes(verb, shelf=shelf_of(chat), pinned=chat.pinned))
    if not ids:
        return Done("Nothing to do: the chats ticked had already moved.")
    number = plural(len(ids), "chat")
    match verb:
        case "pin":
            history.pin_chats(db, viewer, ids, pinned=True)
            return Done(f"{number} pinned.", "unpin", ids)
        case "unpin":
            history.pin_chats(db, viewer, ids, pinned=False)
            return Done(f"{number} unpinned.", "pin", ids)
        case "archive":
            history.archive_chats(db, viewer, ids, archived=True)
            return Done(f"{number} archived.", "unarchive", ids)
        case "unarchive":
            history.archive_chats(db, viewer, ids, archived=False)
            return Done(f"{number} moved back to Chats.", "archive", ids)
        case "delete":
            history.delete_chats(db, viewer, ids, now=now)
            return Done(f"{number} moved to the trash.", "restore", ids)
        case "restore":
            history.restore_chats(db, viewer, ids)
            return Done(f"{number} restored.", "delete", ids)
        case _:
            raise Invalid(f"There is no action {verb!r}.", "Reload the page and try again.")


def empty_trash(db: Database, viewer: Viewer, *, forget_usage: bool) -> int:
    """Deletes everything in the viewer's trash for ever; the number of chats. In steps, so that other writers get their turn."""
    number = 0
    while True:
        page = history.list_chats(db, viewer, shelf=Shelf.TRASH, limit=200)
        number += history.purge_chats(db, viewer, [chat.id for chat in page.items], forget_usage=forget_usage)
        if page.next_cursor is None:
            return number


def changes(verb: str, *, shelf: Shelf, pinned: bool) -> bool:
    """Whether a verb would change a chat that lies there and is pinned or not."""
    match verb:
        case "pin":
            return not pinned and shelf is not Shelf.TRASH
        case "unpin":
            return pinned and shelf is not Shelf.TRASH
        case "restore":
            return shelf is Shelf.TRASH
        case "archive":
            return shelf is Shelf.ACTIVE
        case "unarchive":
            return shelf is Shelf.ARCHIVED
        case "delete":
            return shelf is not Shelf.TRASH
        case _:
            raise Invalid(f"There is no action {verb!r}.", "Reload the page and try again.")
