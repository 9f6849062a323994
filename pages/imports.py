"""Import and export: bring chats of other programs here, see what came, take it back; give chats away in open forms."""

import streamlit as st

from ui import app
from ui.imports import bring, give, past


def main() -> None:
    """The page."""
    st.title("Import and export", anchor=False)
    with app.calm():
        bring_tab, give_tab = st.tabs(["Import", "Export"], key="tab", bind="query-params")
        with bring_tab:
            bring.show()
            past.show()
        with give_tab:
            give.show()


main()
