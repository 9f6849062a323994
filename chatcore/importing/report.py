"""What an import will do and what it did, as values."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum

# So many chats that were skipped are named one by one, and so many that came; all are counted.
NAMED = 1000


class Outcome(StrEnum):
    """What became of a chat of a file."""

    IMPORTED = "imported"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Options:
    """Where imported chats go: into a folder, with tags. Chats that are here already stay where they are."""

    folder_id: int | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A chat that cannot be imported: its title or place in the file, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What is in a file. `new_chats` are not here yet; `models` counts answers; `notes` counts what chats will come without, by
    reason; `skipped` names the first 1,000 chats that cannot be imported, `reasons` counts all."""

    format: str
    label: str
    chats: int
    new_chats: int
    messages: int
    files: int
    first_at: datetime | None
    last_at: datetime | None
    models: Mapping[str, int]
    notes: Mapping[str, int]
    reasons: Mapping[str, int]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """A chat that came or got something new, as the report links to it."""

    chat_id: uuid.UUID
    title: str
    messages: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did. `chats` counts by outcome; `messages` counts imported, updated, unchanged, and those kept as somebody
    changed them here; `reasons` counts the skipped chats, `notes` what chats came without."""

    run_id: int
    format: str
    file_name: str
    chats: Mapping[str, int]
    messages: Mapping[str, int]
    files: int
    reasons: Mapping[str, int]
    notes: Mapping[str, int]
    skipped: tuple[Skipped, ...]
    imported: tuple[Imported, ...]
    duration_s: float

    def as_json(self) -> dict[str, object]:
        """The report for programs and for the file that can be downloaded."""
        return asdict(replace(self, imported=())) | {
            "imported": [
                {"chat_id": str(chat.chat_id), "title": chat.title, "messages": chat.messages, "outcome": chat.outcome.value}
                for chat in self.imported
            ]
        }


def dump_report(report: Report) -> str:
    """The report as the database keeps it."""
    return json.dumps(report.as_json(), ensure_ascii=False)


@dataclass(slots=True)
class Tally:
    """The report while it grows."""

    chats: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    files: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)
    imported: list[Imported] = field(default_factory=list)

    def skip(self, name: str, reason: str) -> None:
        """Counts a chat that cannot be imported."""
        self.chats[Outcome.SKIPPED.value] += 1
        self.reasons[reason] += 1
        if len(self.skipped) < NAMED:
            self.skipped.append(Skipped(name, reason))

    def take(self, outcome: Outcome, chat: Imported | None) -> None:
        """Counts a chat that is here now."""
        self.chats[outcome.value] += 1
        if chat is not None and outcome is not Outcome.UNCHANGED and len(self.imported) < NAMED:
            self.imported.append(chat)


class Pace:
    """How fast an import goes, and how long it still takes."""

    def __init__(self, expected: int | None) -> None:
        self.expected = expected
        self.started = time.monotonic()
        self.done = 0

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started

    @property
    def messages_per_s(self) -> float:
        """Messages a second, over the whole import."""
        return self.done / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until it is done; None while that cannot be known."""
        if self.expected is None or not self.done:
            return None
        return max(self.expected - self.done, 0) / self.messages_per_s
