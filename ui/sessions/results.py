"""The results of a search as one element: chats by their title, messages under their chats, and what narrows them beside it."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from chatcore.parts import ChatInfo, Role, Shelf
from chatcore.search.results import Hit, Mark, TitleHit
from ui import words
from ui.sessions import component
from ui.sessions.actions import shelf_of
from ui.sessions.buttons import IN_SEARCH, possible
from ui.sessions.clock import Clock
from ui.sessions.marks import Organised

KEY = "sessions.results"


@dataclass(frozen=True, slots=True)
class Found:
    """A page of results. `of` names the search: in another nothing stays ticked. `beyond`: there are more chats than these;
    `everything` are all of them, if they are chosen."""

    of: str
    titles: Sequence[TitleHit]
    hits: Sequence[Hit]
    page: int = 0
    count: str = ""
    beyond: bool = False
    everything: Mapping[str, object] | None = None
    facets: Sequence[Mapping[str, object]] = ()
    facets_note: str = ""

    @property
    def chat_ids(self) -> tuple[uuid.UUID, ...]:
        """The chats of the page, each once."""
        return tuple(dict.fromkeys([*(title.chat.id for title in self.titles), *(hit.chat_id for hit in self.hits)]))


def pieces(text: str, marks: Sequence[Mark]) -> list[dict[str, object]]:
    """A text in pieces, marked and not. In pieces because a browser counts characters in another way."""
    found: list[dict[str, object]] = []
    at = 0
    for start, end in marks:
        found += [{"text": text[at:start], "mark": False}, {"text": text[start:end], "mark": True}]
        at = end
    return [piece for piece in [*found, {"text": text[at:], "mark": False}] if piece["text"]]


def chat_row(chat_id: uuid.UUID, title: str, organised: Organised, *, shelf: Shelf, pinned: bool) -> dict[str, object]:
    """A chat that can be ticked."""
    badges = {Shelf.ARCHIVED: "Archived", Shelf.TRASH: "In the trash"}
    return {
        "id": str(chat_id),
        "href": f"./?c={chat_id}",
        "title": title,
        "pinned": pinned,
        "badge": badges.get(shelf, ""),
        "chips": organised.chips(chat_id),
        "can": possible(shelf=shelf, pinned=pinned),
    }


def title_row(found: TitleHit, clock: Clock) -> dict[str, object]:
    """A chat whose title matches."""
    chat: ChatInfo = found.chat
    when = chat.last_message_at or chat.updated_at
    return {
        "chat": str(chat.id),
        "pieces": pieces(chat.title, found.marks),
        "facts": f"{words.model_name(chat.provider, chat.model_name)} · {words.plural(chat.message_count, 'message')}",
        "when": clock.short(when),
        "when_note": clock.long(when),
    }


def hit_row(hit: Hit, clock: Clock) -> dict[str, object]:
    """A message that matches."""
    who = "You" if hit.role is Role.USER else words.model_name(hit.provider, hit.model_name) if hit.model_name else "Model"
    return {
        "id": hit.message_id,
        "href": f"./?c={hit.chat_id}&m={hit.message_id}",
        "who": who,
        "when": clock.short(hit.created_at),
        "when_note": clock.long(hit.created_at),
        "pieces": pieces(hit.snippet, hit.marks),
    }


def as_data(found: Found, clock: Clock, organised: Organised) -> dict[str, object]:
    """The results as the element takes them: `rows` are the chats, each once. Hits of one chat that follow one another stand
    under one heading."""
    rows = {
        str(title.chat.id): chat_row(title.chat.id, title.chat.title, organised, shelf=shelf_of(title.chat), pinned=title.chat.pinned)
        for title in found.titles
    }
    for hit in found.hits:
        shelf = Shelf.TRASH if hit.in_trash else Shelf.ARCHIVED if hit.archived else Shelf.ACTIVE
        rows.setdefault(str(hit.chat_id), chat_row(hit.chat_id, hit.chat_title, organised, shelf=shelf, pinned=hit.pinned))
    groups = [
        {"chat": str(chat_id), "hits": [hit_row(hit, clock) for hit in members]}
        for chat_id, members in groupby(found.hits, key=lambda hit: hit.chat_id)
    ]
    return {
        "of": found.of,
        "page": found.page,
        "count": found.count,
        "beyond": found.beyond,
        "everything": found.everything,
        "facets": found.facets,
        "facets_note": found.facets_note,
        "rows": list(rows.values()),
        "titles": [title_row(title, clock) for title in found.titles],
        "groups": groups,
        "actions": [action.as_data() for action in IN_SEARCH],
    }


def show(data: Mapping[str, object], *, act: Callable[[], None], narrow: Callable[[], None], choose: Callable[[], None]) -> None:
    """Draws the results. `act` is called when a button of the bar is pressed, `narrow` when a value beside the results is,
    `choose` when all chats of the search are asked for; a click on a chat or a message is for the script to see."""
    component.draw(
        "results", data, key=KEY, on_act_change=act, on_facet_change=narrow, on_everything_change=choose, on_open_change=component.ignore
    )
