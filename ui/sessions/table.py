"""The table of chats: one element however many rows, the same at every width, ticks kept in the browser."""

from collections.abc import Callable, Sequence

from chatcore.parts import ChatInfo, Shelf
from ui import words
from ui.sessions import component
from ui.sessions.actions import shelf_of
from ui.sessions.buttons import ON_SHELF, possible
from ui.sessions.clock import Clock
from ui.sessions.filters import SORTS

KEY = "sessions.table"
COLUMNS = (
    ("title", "Title", "title"),
    ("model", "Model", None),
    ("messages", "Messages", "messages"),
    ("tokens", "Tokens", "tokens"),
    ("created", "Created", "created"),
    ("activity", "Last activity", "updated"),
)


def row(chat: ChatInfo, clock: Clock) -> dict[str, object]:
    """A chat as the table shows it: plain values, times in the reader's zone, never markup."""
    activity = chat.last_message_at or chat.updated_at
    tokens = chat.input_tokens + chat.output_tokens
    return {
        "id": str(chat.id),
        "href": f"./?c={chat.id}",
        "title": chat.title,
        "pinned": chat.pinned,
        "can": possible(shelf=shelf_of(chat), pinned=chat.pinned),
        "running": chat.running,
        "snippet": chat.last_snippet or "",
        "model": words.model_name(chat.provider, chat.model_name),
        "model_note": f"{chat.provider} · {chat.model_name}",
        "messages": words.count(chat.message_count),
        "tokens": words.short_count(tokens),
        "tokens_note": f"{words.count(chat.input_tokens)} in, {words.count(chat.output_tokens)} out",
        "created": clock.day(chat.created_at),
        "created_note": clock.long(chat.created_at),
        "activity": clock.short(activity),
        "activity_note": clock.long(activity),
    }


def columns(sort: str) -> list[dict[str, object]]:
    """The heads, with the one the list is sorted by."""
    _, sorted_by, descending = SORTS[sort]
    found = []
    for name, label, key in COLUMNS:
        head: dict[str, object] = {"name": name, "label": label, "sort": key}
        if key == sorted_by:
            head["direction"] = "descending" if descending else "ascending"
        found.append(head)
    return found


def show(
    chats: Sequence[ChatInfo],
    *,
    shelf: Shelf,
    sort: str,
    page: int,
    count: str,
    clock: Clock,
    act: Callable[[], None],
    turn: Callable[[], None],
) -> None:
    """Draws the table. `act` is called when a button of the bar is pressed, `turn` when a column's head is; a click on a title
    is for the script to see: `component.sent` tells what was sent."""
    data = {
        "label": f"Chats, {count}",
        "page": page,
        "count": count,
        "columns": columns(sort),
        "rows": [row(chat, clock) for chat in chats],
        "actions": [action.as_data() for action in ON_SHELF[shelf]],
    }
    component.draw("table", data, key=KEY, on_act_change=act, on_sort_change=turn, on_open_change=component.ignore)
