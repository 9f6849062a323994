"""The table of the session page: one element however many rows, the same at every width, ticks kept in the browser.

Why a component of our own: a Streamlit table is painted on a canvas (no links, unreadable at 390 pixels), and a row made
of Streamlit elements costs five elements a chat, 250 for a page of 50, at every rerun.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import streamlit as st

from chatcore.parts import ChatInfo, Shelf
from ui import words
from ui.chat_filters import SORTS

FOLDER = Path(__file__).parent
COLUMNS = (
    ("title", "Title", "title"),
    ("model", "Model", None),
    ("messages", "Messages", "messages"),
    ("tokens", "Tokens", "tokens"),
    ("created", "Created", "created"),
    ("activity", "Last activity", "updated"),
)


@dataclass(frozen=True, slots=True)
class Action:
    """A button that acts on the ticked chats. `pinned` set: offered only if all of them are pinned (True) or not all are."""

    verb: str
    label: str
    icon: str
    single: bool = False
    pinned: bool | None = None
    danger: bool = False

    def as_data(self) -> dict[str, object]:
        data: dict[str, object] = {"verb": self.verb, "label": self.label, "icon": self.icon}
        return data | {"single": self.single, "danger": self.danger} | ({} if self.pinned is None else {"pinned": self.pinned})


RENAME = Action("rename", "Rename", "edit", single=True)
PIN = Action("pin", "Pin", "keep", pinned=False)
UNPIN = Action("unpin", "Unpin", "keep_off", pinned=True)
DELETE = Action("delete", "Delete", "delete", danger=True)
ACTIONS: dict[Shelf, tuple[Action, ...]] = {
    Shelf.ACTIVE: (RENAME, PIN, UNPIN, Action("archive", "Archive", "archive"), DELETE),
    Shelf.ARCHIVED: (RENAME, Action("unarchive", "Move to Chats", "unarchive"), DELETE),
    Shelf.TRASH: (
        Action("restore", "Restore", "restore_from_trash"),
        Action("purge", "Delete for ever", "delete_forever", danger=True),
    ),
}


@dataclass(frozen=True, slots=True)
class Clock:
    """When and where the reader looks."""

    now: datetime
    zone: tzinfo


def row(chat: ChatInfo, clock: Clock) -> dict[str, object]:
    """A chat as the table shows it: plain values, times in the reader's zone, never markup."""

    def short(when: datetime) -> str:
        return words.moment(when, now=clock.now, zone=clock.zone)

    def long(when: datetime) -> str:
        return f"{when.astimezone(clock.zone):%A %d %B %Y, %H:%M}"

    activity = chat.last_message_at or chat.updated_at
    tokens = chat.input_tokens + chat.output_tokens
    return {
        "id": str(chat.id),
        "href": f"./?c={chat.id}",
        "title": chat.title,
        "pinned": chat.pinned,
        "running": chat.running,
        "snippet": chat.last_snippet or "",
        "model": words.model_name(chat.provider, chat.model_name),
        "model_note": f"{chat.provider} · {chat.model_name}",
        "messages": words.count(chat.message_count),
        "tokens": words.short_count(tokens),
        "tokens_note": f"{words.count(chat.input_tokens)} in, {words.count(chat.output_tokens)} out",
        "created": day(chat.created_at, clock),
        "created_note": long(chat.created_at),
        "activity": short(activity),
        "activity_note": long(activity),
    }


def day(when: datetime, clock: Clock) -> str:
    """A day as short as is clear: Today, Yesterday, 3 Mar, 3 Mar 2025."""
    local, today = when.astimezone(clock.zone).date(), clock.now.astimezone(clock.zone).date()
    if local >= today - timedelta(days=1):
        return "Yesterday" if local < today else "Today"
    return f"{local.day} {local:%b}" if local.year == today.year else f"{local.day} {local:%b %Y}"


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
    chats: Sequence[ChatInfo], *, shelf: Shelf, sort: str, count: str, clock: Clock, act: Callable[[], None], turn: Callable[[], None]
) -> None:
    """Draws the table. A click on a title sends 'open' (an id), a button of the bar 'act' (verb and ids), a column's head
    'sort' (a column): `sent` tells the value, `act` and `turn` are called before the script runs."""
    st.components.v2.component("chatcore_chat_table", html='<div class="chats"></div>\n', css=asset("css"), js=asset("js"))(
        key="sessions.table",
        data={
            "label": f"Chats, {count}",
            "count": count,
            "columns": columns(sort),
            "rows": [row(chat, clock) for chat in chats],
            "actions": [action.as_data() for action in ACTIONS[shelf]],
        },
        on_act_change=act,
        on_sort_change=turn,
        on_open_change=ignore,
    )


def ignore() -> None:
    """A callback cannot switch pages, the script can; but an event without a callback is not kept."""


def sent(name: str) -> object:
    """What the table sent with this event; None if it was another one."""
    state = st.session_state.get("sessions.table")
    return state.get(name) if state else None


@functools.cache
def asset(kind: str) -> str:
    """The component's script or style, read once."""
    return (FOLDER / f"chat_table.{kind}").read_text(encoding="utf-8")
