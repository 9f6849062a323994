"""Whether a model names new chats, and which: a person's choice for all of their chats."""

import streamlit as st

from chatcore.core import Core
from chatcore.parts import Viewer
from chatcore.preferences import Preferences, read_preferences, write_preferences
from ui import app, words

ON, MODEL = "titles.on", "titles.model"

Choice = tuple[str, str]


def show(core: Core, viewer: Viewer) -> None:
    """The two fields; what is chosen holds at once."""
    preferences = read_preferences(core.db, viewer)
    st.session_state[ON], st.session_state[MODEL] = preferences.titles, preferences.title_model
    st.toggle("A model names new chats", key=ON, on_change=_changed)
    models = [(model.provider, model.id) for model in core.models() if model.can_chat and model.provider != "guide"]
    chosen = preferences.title_model
    st.selectbox(
        "Which model",
        [None, *models] if chosen is None or chosen in models else [None, chosen, *models],
        key=MODEL,
        format_func=label,
        disabled=not preferences.titles,
        on_change=_changed,
    )
    st.caption(
        "For all of your chats, from the next new one on. It is asked after the first answer, in the background and only while it has "
        "nothing else to do; a local model is not loaded for it. What it takes, some hundred tokens, stands in the analytics under Cost."
    )


def label(choice: Choice | None) -> str:
    """A line of the list."""
    return "The one that answered" if choice is None else words.model_name(*choice)


def _changed() -> None:
    with app.calm_callback():
        write_preferences(app.core().db, app.viewer(), Preferences(bool(st.session_state[ON]), st.session_state[MODEL]))
