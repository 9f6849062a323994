"""Analytics: what was used, when, and of which model. The choice stands in the URL, the numbers come from chatcore.analytics."""

import streamlit as st


def main() -> None:
    """The page."""
    head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
    head.title("Analytics", anchor=False, width="content")
    # After the title, because whoever opens the page first waits a second for pandas and the charts to be loaded.
    from ui.analytics import page

    page.show(head)


main()
