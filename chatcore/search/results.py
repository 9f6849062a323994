"""What a search answers with."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chatcore.parts import ChatInfo, Role

Mark = tuple[int, int]


class Order(StrEnum):
    """How hits are sorted: by time, or by how well they match among the newest 1,000."""

    NEWEST = "newest"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that matches. `snippet` is a piece of it on one line; `marks` are the places in it that match, as (start,
    end) in characters. `provider` and `model_name` are None for what a person wrote."""

    message_id: int
    chat_id: uuid.UUID
    chat_title: str
    role: Role
    created_at: datetime
    provider: str | None
    model_name: str | None
    snippet: str
    marks: tuple[Mark, ...]
    pinned: bool = False
    archived: bool = False
    in_trash: bool = False


@dataclass(frozen=True, slots=True)
class TitleHit:
    """A chat whose title matches; `marks` are the places in the title, as (start, end) in characters."""

    chat: ChatInfo
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """A page of hits. `notices` are sentences about what the search text could not mean; `next_cursor` is None at the end.

    `indexed` is the share of all messages that can be found so far, below 1 while an index is being built.
    """

    hits: tuple[Hit, ...]
    next_cursor: str | None = None
    notices: tuple[str, ...] = ()
    indexed: float = 1.0


@dataclass(frozen=True, slots=True)
class Facet:
    """A value that narrows the search, as it is shown, the filter to add for it, and how many of the counted hits have it."""

    label: str
    filters: tuple[tuple[str, str], ...]
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """How the newest `of` hits spread; `complete` says whether these are all. The most frequent first, months the newest first."""

    of: int
    complete: bool
    models: tuple[Facet, ...] = ()
    months: tuple[Facet, ...] = ()
    roles: tuple[Facet, ...] = ()
    tags: tuple[Facet, ...] = ()


@dataclass(frozen=True, slots=True)
class Switch:
    """What the quick switcher offers: chats by their title, then messages."""

    chats: tuple[TitleHit, ...]
    hits: tuple[Hit, ...]
    indexed: float = 1.0
