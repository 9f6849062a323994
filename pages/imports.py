"""Import and export: bring chats of other programs here, see what came, take it back; give chats away in open forms; and
see what is shared by a link."""

import streamlit as st

from ui import app, share
from ui.imports import bring, give, past


def main() -> None:
    """The page."""
    st.container(horizontal=True).title("Import and export", anchor=False, width="content")
    with app.calm():
        shares = ["Shared links"] if share.is_on(app.core()) else []
        bring_tab, give_tab, *share_tabs = st.tabs(["Import", "Export", *shares], key="tab", bind="query-params")
        with bring_tab:
            # What is wrong with a file hides nothing that came before it.
            with app.calm():
                bring.show()
            past.show()
        with give_tab:
            give.show()
        for share_tab in share_tabs:
            with share_tab:
                share.show_all(app.core(), app.viewer())


main()
