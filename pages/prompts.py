"""The prompt library: texts that are sent often, kept under a name."""

import streamlit as st

from ui.prompts import library


def main() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Prompts", anchor=False, width="content")
        st.space("stretch")
        st.button("New prompt", icon=":material/add:", key="prompts.new", on_click=library.ask, args=(None,))
    library.show()


main()
