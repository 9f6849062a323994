"""What the page is asked for, from the URL into the URL: back, forward and shared links are right by construction."""

from dataclasses import replace

import streamlit as st

from ui import app, data
from ui.sessions.filters import PARAMS, Asked, ChatFilters, Known, Search, folded, read, read_search

LAST = "sessions.asked"
BEFORE = "sessions.before"


def asked() -> tuple[Asked, tuple[str, ...]]:
    """What the URL asks for, and the parts of it that mean nothing here."""
    params = {name: st.query_params.get_all(name) for name in st.query_params}
    search = read_search(params)
    if search and not any(name in params for name in PARAMS):
        st.session_state[LAST] = search
        return search, ()
    filters, unknown = read(params, known())
    if unknown:
        # A link may name a model, a folder or a tag that is a moment old.
        data.forget_names(app.core().db, app.viewer())
        filters, unknown = read(params, known())
    if search:
        search = replace(search, text=folded(search.text, filters, known().folders))
        write(search)
    st.session_state[LAST] = search or filters
    return search or filters, unknown


def known() -> Known:
    """What the viewer can narrow the list by."""
    db, viewer = app.core().db, app.viewer()
    return Known(
        models=data.known_models(db, viewer),
        folders={folder.id: folder.path for folder in data.folders(db, viewer)},
        tags=[tag.name for tag in data.tags(db, viewer)],
    )


def write(wanted: Asked) -> None:
    """The URL says this and nothing else: what another page left in it ends here."""
    st.query_params.from_dict(wanted.params())


def resume() -> None:
    """Back from a chat that was opened here, what was asked for holds: the browser's way back leads over a URL that names the chat."""
    last = st.session_state.get(LAST)
    if last is not None and app.CHAT_PARAM in st.query_params:
        write(last)


def search_exactly(text: str) -> None:
    """Searches for a text as it stands, whatever narrows the list; without a text, back to the list as it was."""
    state = st.session_state
    last = state.get(LAST)
    if not text:
        write(state.pop(BEFORE, None) or ChatFilters())
        return
    if isinstance(last, ChatFilters):
        state[BEFORE] = last
    write(Search(text))


def search_for(text: str) -> None:
    """Searches for a text. Out of the list, its filters are written into the text; without a text, back to the list as it was."""
    last: Asked = st.session_state.get(LAST) or ChatFilters()
    text = text.strip()
    if not text or isinstance(last, ChatFilters):
        search_exactly(folded(text, last, known().folders) if text and isinstance(last, ChatFilters) else text)
    else:
        write(replace(last, text=text))
