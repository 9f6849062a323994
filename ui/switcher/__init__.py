"""The keyboard: Ctrl+K (⌘K on a Mac) opens any chat, message or page from wherever one is, and other keys do what keys.js says.

The browser asks the route /api/v1/search/switch by itself, so typing runs no script; only what is chosen in the end does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

import streamlit as st

from ui import app
from ui.elements import handed

FOLDER = Path(__file__).parent
KEY = "switcher"
# What a page is called in the URL, and its script.
PAGES = {
    "": app.CHAT_PAGE,
    "sessions": app.SESSIONS_PAGE,
    "prompts": app.PROMPTS_PAGE,
    "analytics": app.ANALYTICS_PAGE,
    "models": app.MODELS_PAGE,
    "imports": app.IMPORTS_PAGE,
    "settings": app.SETTINGS_PAGE,
}
COMMANDS = (
    ("New chat", ""),
    ("Sessions", "sessions"),
    ("Prompts", "prompts"),
    ("Analytics", "analytics"),
    ("Models", "models"),
    ("Import and export", "imports"),
)
# For whoever runs the installation only.
OWNERS = (("Settings", "settings"),)
PARAMS = (app.CHAT_PARAM, app.MESSAGE_PARAM, "q")


@dataclass(frozen=True, slots=True)
class Place:
    """Where to go: a page by its URL path, and what stands after the question mark."""

    page: str
    params: Mapping[str, str]


@cache
def _component() -> Callable[..., Mapping[str, object]]:
    html, css, js, keys = (
        (FOLDER / name).read_text(encoding="utf-8") for name in ("switcher.html", "switcher.css", "switcher.js", "keys.js")
    )
    js = f"{keys}\n{js}"
    return cast(Callable[..., Mapping[str, object]], st.components.v2.component("chatcore_switcher", html=html, css=css, js=js))


def show_switcher(current: str) -> None:
    """Puts the switcher, closed, on the page, whose URL path is `current`, and goes where it was told to: call it before the
    page is drawn. With the same data a rerun does not touch it, so it stays open through whatever the script does."""
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    data = {
        "base": f"/{path}" if path else "",
        "zone": str(app.time_zone()),
        "commands": [{"label": label, "page": page} for label, page in (*COMMANDS, *(OWNERS if app.viewer().is_owner else ()))],
    }
    with st.container(key=KEY):
        sent = _component()(key="switcher.dialog", data=handed(data), on_go_change=_ignore)
    place = read_place(sent.get("go"))
    if place is None:
        return
    app.forget_view()
    if place.page == current:
        st.query_params.from_dict(place.params)
    else:
        st.switch_page(PAGES[place.page], query_params=place.params)


def _ignore() -> None:
    """A callback cannot switch pages, the script can; but an event without a callback is not kept."""


def read_place(sent: object) -> Place | None:
    """What the browser sent, None if it sent nothing or nothing that is here: it is not to be trusted."""
    if not isinstance(sent, Mapping) or sent.get("page") not in tuple(PAGES):
        return None
    params = sent.get("params")
    found = params if isinstance(params, Mapping) else {}
    return Place(str(sent["page"]), {name: str(found[name]) for name in PARAMS if name in found})


@cache
def _button() -> Callable[..., object]:
    css, js = ((FOLDER / f"button.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    html = '<button id="search" type="button" aria-haspopup="dialog"></button>'
    return cast(Callable[..., object], st.components.v2.component("chatcore_switcher_button", html=html, css=css, js=js))


def show_button() -> None:
    """Draws the button that opens the switcher, for those who have no keyboard or do not know the keys yet."""
    _button()(key="switcher.button")
