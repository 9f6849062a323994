"""The row of actions under each message, drawn for the whole thread by one element."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, cast

import streamlit as st

from ui.elements import handed

FOLDER = Path(__file__).parent


class Bar(NamedTuple):
    """What stands under a message: it is number `at` of the `of` messages beside each other, `before` and `after` are its
    neighbours. `cut_off` says that an answer can go on; `rating` is 1, -1 or 0 for none."""

    id: int
    role: str
    at: int
    of: int
    before: int | None
    after: int | None
    cut_off: bool = False
    rating: int = 0
    note: str | None = None


@cache
def _component() -> Callable[..., object]:
    js = (FOLDER / "bar.js").read_text(encoding="utf-8")
    return cast(Callable[..., object], st.components.v2.component("chatcore_message_bars", html='<span id="bars"></span>', js=js))


def message_bars(bars: Sequence[Bar], *, busy: bool, key: str, on_act: Callable[[], None]) -> None:
    """Puts the rows under their messages; how they look is said in ui/style.css. While the chat is `busy` nothing that makes or
    deletes messages can be pressed.

    When something is asked of the server, `on_act` runs and `st.session_state[key].act` says what: {"do": ..., "id": ...}, where
    `do` is edit, retry, continue, fork, delete, switch (with `to`) or rate (with `rating`, and `note` if one was written).
    """
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    with st.container(key="message_bars"):
        data = {"base": f"/{path}" if path else "", "busy": busy, "rows": [bar._asdict() for bar in bars]}
        _component()(key=key, data=handed(data), on_act_change=on_act)
