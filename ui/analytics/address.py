"""Where the viewer was on the page, for the way back from a chat that was opened here: the URL, and the lists that were open."""

from collections.abc import Sequence

import streamlit as st
from streamlit.elements.lib.mutable_tab_container import TabContainer

from ui import app
from ui.analytics import activity, compare, filter_bar
from ui.analytics.cards import BACK, OPEN
from ui.analytics.filters import PARAMS

LAST, TAB = "analytics.asked", "analytics.tab"
TAB_PARAM = "tab"
EVERY_PARAM = (*PARAMS, TAB_PARAM, compare.PARAM, activity.STEP_PARAM, activity.YEAR_PARAM)


def resume() -> None:
    """Back from a chat, what was asked for holds and the lists that were open are open again. The browser's way back may lead over a
    URL that names the chat."""
    state = st.session_state
    last = state.get(LAST)
    # The controls of a page are forgotten when it is left.
    if last is not None and filter_bar.RANGE not in state:
        if app.CHAT_PARAM in st.query_params:
            st.query_params.from_dict(last)
        state[BACK] = state.get(OPEN, {}) if asked() == last else {}
    state[OPEN] = {}


def asked() -> dict[str, list[str]]:
    """What the URL asks for."""
    return {name: st.query_params.get_all(name) for name in EVERY_PARAM if name in st.query_params}


def show_tabs(names: Sequence[str]) -> Sequence[TabContainer]:
    """Tabs of these names, the one of the URL open. Not bound to it by Streamlit, which after a step back takes the browser's URL
    and not the one that was resumed."""
    named = st.query_params.get(TAB_PARAM)
    st.session_state[TAB] = named if named in names else names[0]
    return st.tabs(names, key=TAB, on_change=keep_tab, args=(names[0],))


def keep_tab(usual: str) -> None:
    """Writes the tab that is open into the URL."""
    if st.session_state[TAB] == usual:
        st.query_params.pop(TAB_PARAM, None)
    else:
        st.query_params[TAB_PARAM] = st.session_state[TAB]


def remember() -> None:
    """Keeps what the URL asks for."""
    st.session_state[LAST] = asked()
