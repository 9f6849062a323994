"""What can be done with the chats ticked on the session page, and how each is taken back."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from chatcore import history
from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
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
    changed = [chat for chat in existing(db, viewer, chat_ids) if changes(verb, chat)]
    ids = tuple(chat.id for chat in changed)
    if not ids:
        return Done("Nothing to do: the chats ticked had already moved.")
    chats = plural(len(ids), "chat")
    match verb:
        case "pin":
            history.pin_chats(db, viewer, ids, pinned=True)
            return Done(f"{chats} pinned.", "unpin", ids)
        case "unpin":
            history.pin_chats(db, viewer, ids, pinned=False)
            return Done(f"{chats} unpinned.", "pin", ids)
        case "archive":
            history.archive_chats(db, viewer, ids, archived=True)
            return Done(f"{chats} archived.", "unarchive", ids)
        case "unarchive":
            history.archive_chats(db, viewer, ids, archived=False)
            return Done(f"{chats} moved back to Chats.", "archive", ids)
        case "delete":
            history.delete_chats(db, viewer, ids, now=now)
            return Done(f"{chats} moved to the trash.", "restore", ids)
        case "restore":
            history.restore_chats(db, viewer, ids)
            return Done(f"{chats} restored.", "delete", ids)
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


def existing(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID]) -> list[ChatInfo]:
    """Those of the chats that are there and the viewer's, in the order asked."""
    found = []
    for chat_id in chat_ids:
        try:
            found.append(history.get_chat(db, viewer, chat_id))
        except NotFound:
            continue
    return found


def changes(verb: str, chat: ChatInfo) -> bool:
    """Whether a verb would change this chat."""
    shelf = shelf_of(chat)
    match verb:
        case "pin":
            return not chat.pinned and shelf is not Shelf.TRASH
        case "unpin":
            return chat.pinned and shelf is not Shelf.TRASH
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
