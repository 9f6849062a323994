"""What a person has put on chats, as rows show it: their tags, and the folder they lie in."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chatcore import history
from chatcore.db import Database
from chatcore.organise.tags import tags_of
from chatcore.parts import Viewer
from ui import data

MOST_TAGS = 3


@dataclass(frozen=True, slots=True)
class Organised:
    """The tags and the folder (its name and its path) of each chat that has any."""

    tags: Mapping[uuid.UUID, tuple[str, ...]]
    folders: Mapping[uuid.UUID, tuple[str, str]]

    def chips(self, chat_id: uuid.UUID) -> list[dict[str, str]]:
        """The marks of a chat: each with what it shows, its full text, and an icon if it needs one to be understood."""
        chips = []
        if chat_id in self.folders:
            name, path = self.folders[chat_id]
            chips.append({"text": name, "note": f"In the folder {path}", "icon": "folder"})
        tags = self.tags.get(chat_id, ())
        chips += [{"text": name, "note": f"Tagged {name}", "icon": ""} for name in tags[:MOST_TAGS]]
        if len(tags) > MOST_TAGS:
            chips.append({"text": f"+{len(tags) - MOST_TAGS}", "note": f"Tagged {', '.join(tags[MOST_TAGS:])}", "icon": ""})
        return chips


NONE = Organised({}, {})


def of(db: Database, viewer: Viewer, chat_ids: Iterable[uuid.UUID], *, within: int | None = None) -> Organised:
    """The marks of these chats; a folder that is `within` goes without saying."""
    ids = list(chat_ids)
    chats = history.get_chats(db, viewer, ids)
    return of_folders(db, viewer, {chat.id: chat.folder_id for chat in chats}, within=within)


def of_folders(db: Database, viewer: Viewer, lie_in: Mapping[uuid.UUID, int | None], *, within: int | None = None) -> Organised:
    """The same for chats whose folders are known."""
    tags = {chat_id: names for chat_id, names in tags_of(db, viewer, lie_in).items() if names}
    wanted = {folder_id for folder_id in lie_in.values() if folder_id is not None and folder_id != within}
    folders = {folder.id: (folder.name, folder.path) for folder in data.folders(db, viewer) if folder.id in wanted} if wanted else {}
    return Organised(tags, {chat_id: folders[folder_id] for chat_id, folder_id in lie_in.items() if folder_id in folders})
