"""The page as a file to keep or to pass on."""

import streamlit as st

from chatcore.reports.page import file_name, html_report
from ui.analytics import costs
from ui.analytics.cards import Shown


def show_download(shown: Shown) -> None:
    """The button that makes the report of what was chosen, when it is clicked."""

    def made() -> bytes:
        compare = shown.choice.range != "all"
        return html_report(shown.db, shown.person, shown.wanted, now=shown.clock.now, compare=compare, rates=costs.rates()).encode()

    st.download_button(
        "Download report",
        made,
        file_name(shown.wanted),
        "text/html",
        key="analytics.report",
        on_click="ignore",
        icon=":material/download:",
        help="Everything on this page as one HTML file, for the period and the filters chosen",
        width="content",
    )
