"""What a search promises, by looking at everything: plain loops over all chats and messages of one person.

Nothing here knows an index. Only the rule of words (`chatcore.words`) is the product's own; what a query means is read anew
from the words of `chatcore/search/query.py` and `chatcore/search/__init__.py`.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from chatcore.parts import Role, Shelf
from chatcore.search.query import Query, Term, Wanted
from chatcore.words import parts_of_words, words_of

SHORTEST_PREFIX = 3


@dataclass(frozen=True)
class Chat:
    """A chat as it is to be found. `updated_at` is its last activity, `folder` the names down to the folder it lies in: Work/Plans."""

    id: uuid.UUID
    title: str
    updated_at: datetime
    pinned: bool = False
    archived: bool = False
    in_trash: bool = False
    tags: frozenset[str] = frozenset()
    folder: str | None = None

    @property
    def shelf(self) -> Shelf:
        if self.in_trash:
            return Shelf.TRASH
        return Shelf.ARCHIVED if self.archived else Shelf.ACTIVE


@dataclass(frozen=True)
class Message:
    """A message as it is to be found; one that is still being written is not."""

    id: int
    chat: Chat
    role: Role
    content: str
    created_at: datetime
    provider: str | None = None
    model_name: str | None = None
    has_tool: bool = False
    has_attachment: bool = False
    running: bool = False


@dataclass(frozen=True)
class World:
    """All that one person has. `models` and `providers`: names of messages that are gone, which still mean themselves."""

    chats: tuple[Chat, ...]
    messages: tuple[Message, ...]
    models: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()

    def hits(self, query: Query) -> list[Message]:
        """The messages that match, newest first."""
        known = [message for message in self.messages if not message.running]
        models = self.models | {one.model_name for one in known if one.model_name}
        providers = self.providers | {one.provider for one in known if one.provider}
        found = [one for one in known if matches(one, query, models, providers)] if query.asks else []
        return sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)

    def titles(self, query: Query) -> list[Chat]:
        """The chats whose title matches, the newest activity first."""
        if not query.groups or query.roles or query.models or query.providers or query.has:
            return []
        found = [chat for chat in self.chats if lies_there(chat, query) and says(chat.title, query) and in_time(chat.updated_at, query)]
        return sorted(found, key=lambda chat: (chat.updated_at, chat.id.hex), reverse=True)

    def months(self, query: Query, zone: tzinfo) -> list[str]:
        """The month of each hit, where the clock of the zone stands."""
        return [one.created_at.astimezone(zone).strftime("%Y-%m") for one in self.hits(query)]


def matches(message: Message, query: Query, models: Iterable[str], providers: Iterable[str]) -> bool:
    """Whether a message is what the query asks for. `models` and `providers` are the names that this person's messages have."""
    has = {"code": "```" in message.content or "~~~" in message.content, "tool": message.has_tool, "attachment": message.has_attachment}
    return (
        says(message.content, query)
        and chosen(query.roles, lambda value: message.role == value)
        and all_hold(query.has, lambda value: has[value])
        and chosen(query.models, lambda value: message.model_name in meant_by(value, models))
        and chosen(query.providers, lambda value: message.provider in meant_by(value, providers))
        and lies_there(message.chat, query)
        and in_time(message.created_at, query)
    )


def says(text: str, query: Query) -> bool:
    """Whether a text has one term of each group, and none that must not be there."""
    return all(any(has_term(text, term) for term in group) for group in query.groups) and not any(
        has_term(text, term) for term in query.without
    )


def has_term(text: str, term: Term) -> bool:
    """Whether the words of a term stand in a text one after the other; one word may also be a part of a word."""
    if term.part:
        return term.words[0] in parts_of_words(text)
    words, wanted = words_of(text), list(term.words)
    if any(begins(words[place : place + len(wanted)], wanted, open_end=term.prefix) for place in range(len(words))):
        return True
    return len(wanted) == 1 and any(begins([part], wanted, open_end=term.prefix) for part in parts_of_words(text))


def begins(words: Sequence[str], wanted: Sequence[str], *, open_end: bool) -> bool:
    if not open_end or len(words) != len(wanted):
        return list(words) == list(wanted)
    return list(words[:-1]) == list(wanted[:-1]) and words[-1].startswith(wanted[-1])


def lies_there(chat: Chat, query: Query) -> bool:
    """Whether a chat is where the query looks."""
    return (
        chat.shelf in query.shelves
        and query.pinned in (None, chat.pinned)
        and chosen(query.chats, lambda value: is_named(chat, value))
        and all_hold(query.tags, lambda value: value.lower() in {tag.lower() for tag in chat.tags})
        and chosen(query.folders, lambda value: lies_in(chat, value))
    )


def is_named(chat: Chat, name: str) -> bool:
    """Whether a name is the id of a chat, or has words that are all in its title; the last may go on."""
    try:
        return chat.id == uuid.UUID(name)
    except ValueError:
        words = words_of(name)
        return bool(words) and all(has_term(chat.title, Term((word,), prefix=word == words[-1])) for word in words)


def lies_in(chat: Chat, path: str) -> bool:
    """Whether a chat lies in a folder of this name, or in one that lies in it."""
    folders, wanted = (chat.folder or "").lower().split("/"), path.lower().split("/")
    return any(folders[:depth][-len(wanted) :] == wanted for depth in range(len(folders) + 1))


def in_time(moment: datetime, query: Query) -> bool:
    return (query.after is None or moment >= query.after) and (query.before is None or moment < query.before)


def chosen(wanted: Wanted[str], holds: Callable[[str], bool]) -> bool:
    """Whether one of the values that are asked for holds, and none of those that must not."""
    return (not wanted.among or any(map(holds, wanted.among))) and not any(map(holds, wanted.without))


def all_hold(wanted: Wanted[str], holds: Callable[[str], bool]) -> bool:
    """Whether every value that is asked for holds, and none of those that must not."""
    return all(map(holds, wanted.among)) and not any(map(holds, wanted.without))


def meant_by(wanted: str, names: Iterable[str]) -> set[str]:
    """The names that are exactly the wanted one, in any case; where there is none, those that contain it."""
    names = set(names)
    exact = {name for name in names if name.lower() == wanted.lower()}
    return exact or {name for name in names if wanted.lower() in name.lower()}


def still_typed(query: Query) -> Query:
    """The query of a text whose last word may go on, if it is long enough."""
    if not query.open_end or not query.groups:
        return query
    *before, last = query.groups[-1]
    short = len(last.words[-1]) < SHORTEST_PREFIX and last.words[-1].isascii()
    if last.part or short:
        return query
    return replace(query, groups=(*query.groups[:-1], (*before, replace(last, prefix=True))))
