"""The field for what is searched for, how the hits are sorted, and what can be written into the field."""

from dataclasses import replace

import streamlit as st

from chatcore.search.query import LONGEST_QUERY
from chatcore.search.results import Order
from ui.sessions import address, views
from ui.sessions.filters import Asked, Search

ORDERS = {Order.NEWEST: "Newest", Order.BEST: "Best match"}
TIPS = """
| Write | to find |
|---|---|
| `tides moon` | messages with both words |
| `"two tides"` | the words one after the other |
| `tid*` | words that begin so |
| `moon OR sun` | one of the two |
| `tides -moon` | the first without the second |
| `model:qwen3` `provider:ollama` | answers of a model or provider |
| `role:user` `role:assistant` | what you wrote, what models wrote |
| `after:2026-03` `before:30d` | a time: a day, month, year, or so long ago |
| `has:code` `has:tool` `has:attachment` | messages with these |
| `is:pinned` `is:archived` `is:trash` | chats that lie there |
| `tag:work` `folder:Plans` | chats with a tag, chats in a folder |
| `chat:tides` | one chat, by its title |

A minus before a filter turns it round: `-model:guide`. Capitals and accents do not matter. The trash is searched only with `is:trash`.
"""


def show(asked: Asked, *, saved: bool) -> None:
    """The field with the text of the URL, and beside it what belongs to a search; `saved`: it has a name already."""
    st.session_state["sessions.q"] = asked.text if isinstance(asked, Search) else ""
    st.text_input(
        "Search titles and messages",
        key="sessions.q",
        type="search",
        placeholder="Search titles and messages",
        max_chars=LONGEST_QUERY,
        label_visibility="collapsed",
        on_change=search,
    )
    if isinstance(asked, Search):
        st.session_state["sessions.order"] = asked.order
        st.segmented_control(
            "Sort hits by",
            list(ORDERS),
            format_func=ORDERS.__getitem__,
            key="sessions.order",
            label_visibility="collapsed",
            required=True,
            on_change=sort,
        )
        if not saved:
            views.show_save()
    tips = st.popover("Search tips", icon=":material/lightbulb:", type="tertiary", key="sessions_tips")
    with tips.container(key="sessions_tips_text"):
        st.markdown(TIPS)


def search() -> None:
    """Takes the text of the field into the URL."""
    address.search_for(str(st.session_state["sessions.q"]))


def sort() -> None:
    """Takes the order of the hits into the URL."""
    last = st.session_state.get(address.LAST)
    if isinstance(last, Search):
        address.write(replace(last, order=Order(st.session_state["sessions.order"])))
