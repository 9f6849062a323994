"""The bar over a chat as one element: start, end, prompts, a day, and a search inside the chat."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import cast

import streamlit as st

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Bar:
    """What the bar shows. Days are written YYYY-MM-DD, in the viewer's time zone: the chat's first and last, and the one on
    screen. `at` is the number of the marked hit, counted from 1; 0 for none. Without `complete` there are more hits."""

    chat: str
    long: bool
    first_day: str | None
    last_day: str | None
    day: str | None
    text: str
    hits: int
    complete: bool
    at: int
    notice: str


@cache
def _component() -> Callable[..., object]:
    html, css, js = ((FOLDER / f"bar.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return cast(Callable[..., object], st.components.v2.component("chatcore_chat_bar", html=html, css=css, js=js))


def chat_bar(bar: Bar, *, key: str, on_act: Callable[[], None]) -> None:
    """Draws the bar. When something is asked of the server, `on_act` runs and `st.session_state[key].act` says what:

    {"do": "date", "day": ...}, {"do": "find", "text": ...}, {"do": "hit", "by": "-1" | "1"}, {"do": "close"}. What moves in the
    chat is said to the landing (`ui.live.land`) in the browser.
    """
    _component()(key=key, data=asdict(bar), on_act_change=on_act)
