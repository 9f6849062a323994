"""The newest messages that match, among which the best are looked for and which the facets count: all of them, or those that were
found before it took too long. Pure: knows no database."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

# The keys of the two engines (`chatcore.search.sqlite`, `chatcore.search.postgresql`).
Key = TypeVar("Key", tuple[int], tuple[datetime, int])
# However long it takes, so many are looked for.
FEWEST = 20


@dataclass(frozen=True, slots=True)
class Pool:
    """The ids of the newest messages that match, the newest first; `is_whole` says whether these are all."""

    ids: list[int]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Looked(Generic[Key]):
    """What was found, the newest first, and the key of the last message that was looked at if older ones may match too."""

    found: list[tuple[int, Key]]
    end: Key | None = None

    def pool(self, size: int, older: Callable[[int, Key], list[tuple[int, Key]]]) -> Pool:
        """At most `size` of them; where too few were found, with so many as are missing of the `older` ones behind a key."""
        found, end = self.found, self.end
        if end and len(found) < FEWEST:
            found = found + older(FEWEST - len(found), end)
        is_whole = len(found) <= size and (end is None or len(found) < FEWEST)
        return Pool([message_id for message_id, _ in found[:size]], is_whole)
