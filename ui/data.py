"""What pages ask again and again and what changes seldom, kept for a moment."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import streamlit as st

from chatcore import browse, search
from chatcore.db import Database
from chatcore.organise.folders import FolderInfo, list_folders
from chatcore.organise.tags import TagInfo, list_tags
from chatcore.parts import Viewer
from chatcore.search.results import Facets
from ui import words

KEPT_S = 60
SEARCH_KEPT_S = 20
HASHES: dict[str | type, Callable[[Any], object]] = {Database: lambda db: db.label, Viewer: lambda viewer: viewer.user_id}


@st.cache_data(ttl=KEPT_S, max_entries=500, show_spinner=False, hash_funcs=HASHES)
def known_models(db: Database, viewer: Viewer) -> tuple[tuple[str, str], ...]:
    """The (provider, model) pairs of the viewer's chats, at most a minute old: every chat is looked at for them (50 ms at
    50,000 chats, against 5 ms for a page of the list), so what is done with chats does not have them read again."""
    return browse.known_models(db, viewer)


@st.cache_data(ttl=SEARCH_KEPT_S, max_entries=500, show_spinner=False, hash_funcs=HASHES)
def facets(db: Database, viewer: Viewer, text: str, zone: str, _now: datetime) -> Facets:
    """How the hits of a search spread, counted once while its pages are turned; `zone` by its name."""
    return search.facets(db, viewer, text, now=_now, zone=words.zone(zone))


@st.cache_data(ttl=SEARCH_KEPT_S, max_entries=500, show_spinner=False, hash_funcs=HASHES)
def folders(db: Database, viewer: Viewer) -> tuple[FolderInfo, ...]:
    """The viewer's folders with their numbers of chats, at most so old as a search."""
    return list_folders(db, viewer)


@st.cache_data(ttl=SEARCH_KEPT_S, max_entries=500, show_spinner=False, hash_funcs=HASHES)
def tags(db: Database, viewer: Viewer) -> tuple[TagInfo, ...]:
    """The viewer's tags with their numbers of chats, at most so old as a search."""
    return list_tags(db, viewer)


def forget(db: Database, viewer: Viewer) -> None:
    """Chats have changed, or been tagged or moved: what was counted in them is counted again."""
    facets.clear()
    for kept in (folders, tags):
        kept.clear(db, viewer)


def forget_names(db: Database, viewer: Viewer) -> None:
    """The viewer's models, folders and tags are read again."""
    for kept in (known_models, folders, tags):
        kept.clear(db, viewer)
