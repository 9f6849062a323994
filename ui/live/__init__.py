"""The answer that is being written: the browser follows it by itself, the script idles.

With the same key and data a rerun does not touch the element, so its connection outlives every click.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import cast

import streamlit as st

from ui.elements import handed

FOLDER = Path(__file__).parent


@cache
def _component() -> Callable[..., object]:
    html, css, js = ((FOLDER / f"live.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return cast(Callable[..., object], st.components.v2.component("chatcore_live_answer", html=html, css=css, js=js))


def live_answer(message_id: int, *, named: bool = True, on_done: Callable[[], None], on_unavailable: Callable[[], None]) -> None:
    """Shows a running answer as it grows, with its stop button; unless it is `named`, without what its server says meanwhile, which
    may tell who writes. `on_done` runs when it has ended, `on_unavailable` when the browser gets no connection to it: then follow it
    from the script."""
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    # The element itself is on the page only when its script is loaded: this says before that an answer is there.
    with st.container(key=f"live-place-{message_id}"):
        _component()(
            key=f"live-{message_id}",
            data={"message": message_id, "base": f"/{path}" if path else "", "named": named},
            on_done_change=on_done,
            on_unavailable_change=on_unavailable,
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """What keeps the reader's place: where a new `visit` lands ("start", "end" or a message), the messages on screen and the
    prompts among them in their order, the marked one, whether there is more above and below, whether the chat ends here, and
    the words to mark."""

    visit: str
    landing: int | str
    messages: Sequence[int]
    prompts: Sequence[int]
    marked: int | None
    earlier: bool
    later: bool
    ends: bool
    words: Sequence[dict[str, object]]


@cache
def _landing() -> Callable[..., object]:
    js = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in ("marks.js", "land.js"))
    return cast(Callable[..., object], st.components.v2.component("chatcore_landing", html='<span id="land"></span>', js=js))


def land(
    reading: Reading,
    *,
    on_earlier: Callable[[], None],
    on_later: Callable[[], None],
    on_start: Callable[[], None],
    on_end: Callable[[], None],
) -> None:
    """Takes the reader to where a visit lands, keeps their place when messages come or go, asks for more of them when they
    come near the edge (`on_earlier`, `on_later`) or want to be at the start or the end."""
    with st.container(key="landing"):
        _landing()(
            key="landing.place",
            data=handed(asdict(reading)),
            on_earlier_change=on_earlier,
            on_later_change=on_later,
            on_start_change=on_start,
            on_end_change=on_end,
        )
