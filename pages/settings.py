"""Settings of the installation, for whoever runs it: backups."""

import streamlit as st

from ui import app
from ui.settings import backups


def main() -> None:
    """The page."""
    st.container(horizontal=True).title("Settings", anchor=False, width="content")
    with app.calm():
        backups.show()


main()
