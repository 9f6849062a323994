"""What was typed and not sent: kept by the browser for each chat, and there again after a reload. And files that are dropped or
pasted beside the prompt field: they come into it.

What was typed stays in the browser, because a text that nobody sent is nobody's business on the server, and typing must cost nothing.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import cast

import streamlit as st

FOLDER = Path(__file__).parent


@cache
def _component() -> Callable[..., object]:
    js = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in ("files.js", "drafts.js"))
    return cast(Callable[..., object], st.components.v2.component("chatcore_drafts", html='<span id="drafts"></span>', js=js))


def keep_drafts(owner: str, chat: str | None) -> None:
    """Keeps the text in the prompt field for this chat ("new" for one that is not there yet) of this person; None keeps nothing."""
    with st.container(key="drafts"):
        _component()(key="drafts.keeper", data={"owner": owner, "chat": chat})
