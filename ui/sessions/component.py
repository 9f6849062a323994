"""The page's two elements of our own, table and results: how they come into being, and what they send.

Why of our own: a Streamlit table is painted on a canvas (no links, unreadable at 390 pixels), and a row made of Streamlit
elements costs five elements a chat, 250 for a page of 50, at every rerun.
"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import streamlit as st

from ui.elements import handed

FOLDER = Path(__file__).parent
# What both are made of.
SHARED = "ticks"


@functools.cache
def asset(name: str, kind: str) -> str:
    """The script or the style of an element, with the shared part before it; read once."""
    return "\n".join((FOLDER / f"{part}.{kind}").read_text(encoding="utf-8") for part in (SHARED, name))


def draw(name: str, data: Mapping[str, object], *, key: str, **callbacks: Callable[[], None]) -> None:
    """Draws the element of this name. Each callback, on_<event>_change, is called before the script runs."""
    html = '<div class="chats"></div>\n'
    element = st.components.v2.component(f"chatcore_{name}", html=html, css=asset(name, "css"), js=asset(name, "js"))
    cast(Callable[..., object], element)(key=key, data=handed(data), **callbacks)


def sent(key: str, event: str) -> Mapping[str, object]:
    """What an element sent with this event; empty if it was another one, or makes no sense: a browser is not to be trusted."""
    state = st.session_state.get(key)
    value = state.get(event) if state else None
    return value if isinstance(value, Mapping) else {}


def ignore() -> None:
    """A callback cannot switch pages, the script can; but an event without a callback is not kept."""
