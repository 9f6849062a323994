"""The table of chats: one element however many rows, the same at every width, ticks kept in the browser."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from chatcore.parts import ChatInfo, Shelf
from ui import words
from ui.sessions import component
from ui.sessions.actions import shelf_of
from ui.sessions.buttons import ON_SHELF, possible
from ui.sessions.clock import Clock
from ui.sessions.filters import SORTS
from ui.sessions.marks import Organised

KEY = "sessions.table"
COLUMNS = (
    ("title", "Title", "title"),
    ("model", "Model", None),
    ("messages", "Messages", "messages"),
    ("tokens", "Tokens", "tokens"),
    ("created", "Created", "created"),
    ("activity", "Last activity", "updated"),
)
GONE = ("gone", "Gone in", None)


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the list. `of` names the list: in another nothing stays ticked. `sort` is one of SORTS. `trash_days`: how long
    the trash keeps a chat, 0 for ever."""

    of: str
    chats: Sequence[ChatInfo]
    shelf: Shelf
    sort: str
    page: int
    count: str
    trash_days: int = 0


def row(chat: ChatInfo, clock: Clock, organised: Organised) -> dict[str, object]:
    """A chat as the table shows it: plain values, times in the reader's zone, never markup."""
    activity = chat.last_message_at or chat.updated_at
    tokens = chat.input_tokens + chat.output_tokens
    # Of what failed at once or was imported nobody told any: that is unknown, not zero.
    counted = tokens > 0 or chat.message_count == 0
    return {
        "id": str(chat.id),
        "href": f"./?c={chat.id}",
        "title": chat.title,
        "pinned": chat.pinned,
        "can": possible(shelf=shelf_of(chat), pinned=chat.pinned),
        "running": chat.running,
        "chips": organised.chips(chat.id),
        "snippet": chat.last_snippet or "",
        "model": words.model_name(chat.provider, chat.model_name),
        "model_note": f"{chat.provider} · {chat.model_name}",
        "messages": words.count(chat.message_count),
        "tokens": words.short_count(tokens) if counted else "–",
        "tokens_note": f"{words.count(chat.input_tokens)} in, {words.count(chat.output_tokens)} out" if counted else "Not known",
        "created": clock.day(chat.created_at),
        "created_note": clock.long(chat.created_at),
        "activity": clock.short(activity),
        "activity_note": clock.long(activity),
    }


def gone(chat: ChatInfo, clock: Clock, trash_days: int) -> dict[str, object]:
    """When a chat in the trash is deleted for ever."""
    if chat.deleted_at is None or not trash_days:
        return {}
    when = chat.deleted_at + timedelta(days=trash_days)
    days = math.ceil((when - clock.now) / timedelta(days=1))
    return {
        "gone": words.plural(days, "day") if days > 1 else "a day" if days == 1 else "an hour",
        "gone_note": f"After {clock.long(when)}",
    }


def columns(sort: str, *, gone: bool) -> list[dict[str, object]]:
    """The heads, with the one the list is sorted by; `gone`: with one that says when a chat is deleted for ever."""
    _, sorted_by, descending = SORTS[sort]
    found = []
    for name, label, key in (*COLUMNS, GONE) if gone else COLUMNS:
        head: dict[str, object] = {"name": name, "label": label, "sort": key}
        if key == sorted_by:
            head["direction"] = "descending" if descending else "ascending"
        found.append(head)
    return found


def show(listed: Listed, clock: Clock, organised: Organised, *, act: Callable[[], None], turn: Callable[[], None]) -> None:
    """Draws the table. `act` is called when a button of the bar is pressed, `turn` when a column's head is; a click on a title
    is for the script to see: `component.sent` tells what was sent."""
    data = {
        "label": f"Chats, {listed.count}",
        "of": listed.of,
        "page": listed.page,
        "count": listed.count,
        "columns": columns(listed.sort, gone=listed.shelf is Shelf.TRASH and listed.trash_days > 0),
        "rows": [row(chat, clock, organised) | gone(chat, clock, listed.trash_days) for chat in listed.chats],
        "actions": [action.as_data() for action in ON_SHELF[listed.shelf]],
    }
    component.draw("table", data, key=KEY, on_act_change=act, on_sort_change=turn, on_open_change=component.ignore)
