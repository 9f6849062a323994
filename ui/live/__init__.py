"""The answer that is being written: the browser follows it by itself, the script idles.

With the same key and data a rerun does not touch the element, so its connection outlives every click.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import cast

import streamlit as st

FOLDER = Path(__file__).parent


@cache
def _component() -> Callable[..., object]:
    html, css, js = ((FOLDER / f"live.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return cast(Callable[..., object], st.components.v2.component("chatcore_live_answer", html=html, css=css, js=js))


def live_answer(message_id: int, *, on_done: Callable[[], None], on_unavailable: Callable[[], None]) -> None:
    """Shows a running answer as it grows, with its stop button. `on_done` runs when it has ended, `on_unavailable` when the
    browser gets no connection to it: then follow it from the script."""
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    _component()(
        key=f"live-{message_id}",
        data={"message": message_id, "base": f"/{path}" if path else ""},
        on_done_change=on_done,
        on_unavailable_change=on_unavailable,
    )


@cache
def _landing() -> Callable[..., object]:
    js = (FOLDER / "land.js").read_text(encoding="utf-8")
    return cast(Callable[..., object], st.components.v2.component("chatcore_landing", html='<span id="land"></span>', js=js))


def land(view: str, *, first_message_id: int | None) -> None:
    """Takes the reader to the end of a view when it opens, and keeps their place when earlier messages come above it.

    `view` names what is shown: another one is opened anew.
    """
    with st.container(key="landing"):
        _landing()(key=f"land-{view}", data={"first": first_message_id or 0})
