"""Folders on the page: the one place where a folder is chosen, the same for the list, for chats and for folders themselves."""

from collections.abc import Callable, Collection

import streamlit as st

from ui import app, data

INDENT = "\u2003"


def choose(label: str, *, key: str, none: str, on_change: Callable[[], None] | None = None, but: Collection[int] = ()) -> None:
    """A field to choose a folder from the tree, or none of them (`none` is what that is called); typing finds one by its path."""
    found = {folder.id: folder for folder in data.folders(app.core().db, app.viewer()) if folder.id not in but}

    def said(folder_id: int | None) -> str:
        return found[folder_id].path.replace("/", " / ") if folder_id in found else none

    st.selectbox(label, [None, *found], format_func=said, key=key, on_change=on_change)
