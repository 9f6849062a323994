"""What pages ask again and again and what changes seldom, kept for a moment."""

import streamlit as st

from chatcore import browse
from chatcore.db import Database
from chatcore.parts import Viewer

KEPT_S = 60


@st.cache_data(
    ttl=KEPT_S,
    max_entries=500,
    show_spinner=False,
    hash_funcs={Database: lambda db: db.label, Viewer: lambda viewer: viewer.user_id},
)
def known_models(db: Database, viewer: Viewer) -> tuple[tuple[str, str], ...]:
    """The (provider, model) pairs of the viewer's chats, at most a minute old: every chat is looked at for them (50 ms at
    50,000 chats, against 5 ms for a page of the list)."""
    return browse.known_models(db, viewer)
