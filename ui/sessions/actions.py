"""What can be done with ticked chats, one or ten thousand, and how each is taken back."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chatcore import history
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.organise.folders import list_folders, move_chats
from chatcore.organise.names import key_of
from chatcore.organise.tags import clean_tag, tag_chats, tags_of
from chatcore.parts import ChatInfo, Shelf, Viewer
from ui.words import plural

# Each changes a chat or not, and is taken back by its opposite.
OPPOSITES = {"pin": "unpin", "unpin": "pin", "archive": "unarchive", "unarchive": "archive", "delete": "restore", "restore": "delete"}
VERBS = tuple(OPPOSITES)
SAID = {
    "pin": "pinned",
    "unpin": "unpinned",
    "archive": "archived",
    "unarchive": "moved back to Chats",
    "delete": "moved to the trash",
    "restore": "restored",
}
NOTHING = "Nothing to do: it was so already."


@dataclass(frozen=True, slots=True)
class Step:
    """A part of what an undo does: one of VERBS, or "tag" and "untag" with a tag, or "move" with a folder (None: none)."""

    verb: str
    chat_ids: tuple[uuid.UUID, ...]
    tag: str = ""
    folder_id: int | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What was done: a sentence, and the steps that take back exactly that (none: it cannot be)."""

    sentence: str
    undo: tuple[Step, ...] = ()


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
        return Done(NOTHING)
    match verb:
        case "pin" | "unpin":
            history.pin_chats(db, viewer, ids, pinned=verb == "pin")
        case "archive" | "unarchive":
            history.archive_chats(db, viewer, ids, archived=verb == "archive")
        case "delete":
            history.delete_chats(db, viewer, ids, now=now)
        case "restore":
            history.restore_chats(db, viewer, ids)
    return Done(f"{plural(len(ids), 'chat')} {SAID[verb]}.", (Step(OPPOSITES[verb], ids),))


def changes(verb: str, *, shelf: Shelf, pinned: bool) -> bool:
    """Whether a verb would change a chat that lies there and is pinned or not. Raises Invalid for an unknown verb."""
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


def tag(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Done:
    """Puts tags on chats and takes others off; an undo leaves those that had them, or had them not, as they were.

    Chats that are gone or not the viewer's are left out. Raises Invalid for an impossible tag.
    """
    add, remove = [clean_tag(name) for name in add], [clean_tag(name) for name in remove]
    ids = there(db, viewer, chat_ids)
    before = {chat_id: {key_of(name) for name in names} for chat_id, names in tags_of(db, viewer, ids).items()}
    steps = []
    for verb, names in (("untag", add), ("tag", remove)):
        for name in names:
            changed = tuple(chat_id for chat_id in ids if (key_of(name) in before[chat_id]) is (verb == "tag"))
            steps.append(Step(verb, changed, tag=name))
    steps = [step for step in steps if step.chat_ids]
    if not steps:
        return Done(NOTHING)
    tag_chats(db, viewer, ids, add=add, remove=remove)
    changed_ids = {chat_id for step in steps for chat_id in step.chat_ids}
    said = [
        f"{word} {', '.join(f'“{name}”' for name in names)}" for word, names in (("now tagged", add), ("no longer tagged", remove)) if names
    ]
    return Done(f"{plural(len(changed_ids), 'chat')} {' and '.join(said)}.", tuple(steps))


def move(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID], *, folder_id: int | None) -> Done:
    """Puts chats into a folder, or into none (None); an undo puts each back to where it lay. Raises NotFound for the folder."""
    chats = [chat for chat in history.get_chats(db, viewer, chat_ids) if chat.folder_id != folder_id]
    lay: dict[int | None, list[uuid.UUID]] = {}
    for chat in chats:
        lay.setdefault(chat.folder_id, []).append(chat.id)
    if not chats:
        return Done(NOTHING)
    move_chats(db, viewer, [chat.id for chat in chats], folder_id=folder_id)
    path = next((folder.path for folder in list_folders(db, viewer) if folder.id == folder_id), None)
    where = f"moved to “{path}”" if path else "taken out of its folder" if len(chats) == 1 else "taken out of their folders"
    return Done(f"{plural(len(chats), 'chat')} {where}.", tuple(Step("move", tuple(ids), folder_id=place) for place, ids in lay.items()))


def take_back(db: Database, viewer: Viewer, done: Done, *, now: datetime) -> None:
    """Undoes what was done; chats that are gone since are left out. Raises NotFound for a folder that is gone."""
    for step in done.undo:
        match step.verb:
            case "tag":
                tag_chats(db, viewer, there(db, viewer, step.chat_ids), add=[step.tag])
            case "untag":
                tag_chats(db, viewer, there(db, viewer, step.chat_ids), remove=[step.tag])
            case "move":
                move_chats(db, viewer, there(db, viewer, step.chat_ids), folder_id=step.folder_id)
            case verb:
                carry_out(db, viewer, verb, step.chat_ids, now=now)


def there(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID]) -> tuple[uuid.UUID, ...]:
    """Those of the chats that are there and the viewer's."""
    return tuple(chat.id for chat in history.get_chats(db, viewer, chat_ids))


def empty_trash(db: Database, viewer: Viewer, *, forget_usage: bool) -> int:
    """Deletes everything in the viewer's trash for ever; the number of chats. In steps, so that other writers get their turn."""
    number = 0
    while True:
        page = history.list_chats(db, viewer, shelf=Shelf.TRASH, limit=200)
        number += history.purge_chats(db, viewer, [chat.id for chat in page.items], forget_usage=forget_usage)
        if page.next_cursor is None:
            return number
