"""The list of chats as one element: 30 or 300 chats cost one message to the browser, and each row has its menu."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import cast

import streamlit as st

from ui.elements import handed

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Row:
    """A chat in the list. `naming`: it may get another title soon, so the list looks again."""

    id: str
    title: str
    pinned: bool
    running: bool
    naming: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Chats under one heading."""

    label: str
    chats: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Undo:
    """The last thing that can be taken back. `token` differs for each, so that it is offered once."""

    token: str
    text: str
    do: str
    id: str


@cache
def _component() -> Callable[..., object]:
    css, js = ((FOLDER / f"list.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    html = '<nav id="chats" aria-label="Chats"></nav>'
    return cast(Callable[..., object], st.components.v2.component("chatcore_chat_list", html=html, css=css, js=js))


def chat_list(
    groups: tuple[Group, ...], *, open_id: str | None, more: bool, undo: Undo | None, key: str, on_act: Callable[[], None]
) -> None:
    """Draws the list. When something is chosen, `on_act` runs and `st.session_state[key].act` says what:

    {"do": "open" | "rename" | "pin" | "unpin" | "archive" | "delete" | "more" | the `do` of the undo, "id": ..., "title": ...}.
    """
    data = {
        "groups": [asdict(group) for group in groups],
        "open": open_id,
        "more": more,
        "undo": asdict(undo) if undo else None,
        "base": "/" + path if (path := str(st.get_option("server.baseUrlPath")).strip("/")) else "",
    }
    _component()(key=key, data=handed(data), on_act_change=on_act)
