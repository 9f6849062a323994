"""What filters let through, in words: for the head of a report and of a table on the command line."""

from collections.abc import Sequence

from chatcore.analytics import Filters
from chatcore.organise.folders import NO_FOLDER
from chatcore.parts import Role

# Words, and the names after them; none after some.
Said = tuple[str, tuple[str, ...]]
ROLES = {Role.USER: "Of messages only prompts", Role.ASSISTANT: "Of messages only answers"}
ORIGINS = {True: "Only what was imported", False: "Only what was written here, not imported"}


def narrowings(filters: Filters, folders: Sequence[str]) -> list[Said]:
    """What was chosen beside the period, in sentences: the words, and the names after them, which may hold anything. `folders`
    are the paths of the folders that are meant (`analytics.folder_paths`)."""
    said: list[Said] = [
        (f"Only {noun if len(names) == 1 else noun + 's'}", names)
        for noun, names in (("model", filters.models), ("provider", filters.providers))
        if names
    ]
    if filters.tags:
        said.append((f"Only chats with the tag{'' if len(filters.tags) == 1 else 's'}", filters.tags))
    if filters.folder == NO_FOLDER:
        said.append(("Only chats in no folder", ()))
    elif filters.folder is not None:
        said.append((f"Only chats in the folder{'' if len(folders) == 1 else 's'}", tuple(folders)))
    if filters.role is not None:
        said.append((ROLES[filters.role], ()))
    if filters.imported is not None:
        said.append((ORIGINS[filters.imported], ()))
    return said
