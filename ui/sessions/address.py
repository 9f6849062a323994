"""What the page is asked for, from the URL into the URL: back, forward and shared links are right by construction."""

from dataclasses import replace

import streamlit as st

from chatcore import browse
from ui import app, data
from ui.sessions.filters import PARAMS, Asked, ChatFilters, Search, folded, read, read_search

LAST = "sessions.asked"
BEFORE = "sessions.before"


def asked() -> tuple[Asked, tuple[str, ...]]:
    """What the URL asks for, and the parts of it that mean nothing here."""
    params = {name: st.query_params.get_all(name) for name in st.query_params}
    search = read_search(params)
    filters: ChatFilters | None = None
    unknown: tuple[str, ...] = ()
    if not search or any(name in params for name in PARAMS):
        filters, unknown = read(params, data.known_models(app.core().db, app.viewer()))
        if unknown:
            # A link may name a model that was first used a moment ago.
            filters, unknown = read(params, browse.known_models(app.core().db, app.viewer()))
    if search and filters:
        search = replace(search, text=folded(search.text, filters))
        write(search)
    wanted = search or filters or ChatFilters()
    st.session_state[LAST] = wanted
    return wanted, unknown


def write(wanted: Asked) -> None:
    """The URL says this and nothing else: what another page left in it ends here."""
    st.query_params.from_dict(wanted.params())


def resume() -> None:
    """Back from a chat that was opened here, what was asked for holds: the browser's way back leads over a URL that names the chat."""
    last = st.session_state.get(LAST)
    if last is not None and app.CHAT_PARAM in st.query_params:
        write(last)


def search_for(text: str) -> None:
    """Searches for a text. Out of the list, its filters are written into the text; without a text, back to the list as it was."""
    state = st.session_state
    last: Asked = state.get(LAST) or ChatFilters()
    text = text.strip()
    if not text:
        write(state.pop(BEFORE, None) or ChatFilters())
    elif isinstance(last, Search):
        write(replace(last, text=text))
    else:
        state[BEFORE] = last
        write(Search(folded(text, last)))
