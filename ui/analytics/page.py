"""The analytics page under its title: the controls, the tabs and what each of them shows."""

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from chatcore import analytics
from chatcore.analytics.filters import zone
from chatcore.analytics.ranges import Known
from chatcore.db import Database
from chatcore.errors import Invalid
from ui import app
from ui.analytics import activity, address, compare, costs, filter_bar, overview, people, quality, report_file, speed, tools
from ui.analytics.cards import AsOf, Shown
from ui.sessions.clock import Clock

# A tab is drawn when it is looked at; its name stands in the URL.
TABS: dict[str, Callable[[Shown], None]] = {
    "Overview": overview.show,
    "Activity": activity.show,
    "Speed": speed.show,
    "Quality": quality.show,
    "Tools": tools.show,
    "Cost": costs.show,
    "Compare": compare.show,
}


@st.cache_data(ttl=120, max_entries=64, show_spinner=False)
def load_models(_db: Database, as_of: AsOf, *, everybody: bool) -> tuple[tuple[str, str], ...]:
    """Every (provider, model) the viewer ever asked, or anybody."""
    return analytics.known_models(_db, as_of.viewer, everybody=everybody)


def time_zone() -> str:
    """The browser's zone; UTC where it tells none that is known here."""
    name = st.context.timezone or "UTC"
    try:
        zone(name)
    except Invalid:
        return "UTC"
    return name


def show_first_steps(_: Shown | None = None) -> None:
    """The page of a person who has not chatted yet; a tab of it where others have and this one may see it."""
    with st.container(border=True):
        st.markdown("**Nothing to count yet**")
        st.markdown(
            "After your first chat you will see here:\n"
            "- how many messages you exchanged, and on which days and hours\n"
            "- how many tokens each model read and wrote\n"
            "- how long you waited for the first words, and how fast they came\n"
            "- what hosted models cost, and what local ones would have cost elsewhere\n"
            "- how many answers failed, were stopped or interrupted\n"
            "- which tools models called, and which calls failed"
        )
        if st.button("Start a chat", type="primary", icon=":material/chat_bubble:", key="analytics.start"):
            app.open_chat(None)


def show(head: DeltaGenerator) -> None:
    """All that is under the title, and beside it, in `head`, the download."""
    address.resume()
    db, person, now, own_zone = app.core().db, app.viewer(), app.now(), time_zone()
    own, has_company = analytics.activity(db, person), analytics.has_company(db, person)
    news = own or (analytics.activity(db, person, everybody=True) if has_company else None)
    if news is None:
        show_first_steps()
        return
    as_of = AsOf(db.label, person, news, now.replace(second=0, microsecond=0))
    days = [moment.astimezone(zone(own_zone)).date() for moment in (news.first, news.last, now)]
    places = analytics.known_places(db, person)
    first, last, today = days
    known = Known(load_models(db, as_of, everybody=own is None), first, last, today, places.tags, places.folders, places.has_imported)
    choice = filter_bar.show(known)
    shown = Shown(db, person, choice.filters(own_zone), choice, known, Clock(now, zone(own_zone)), as_of)
    if own:
        with head:
            report_file.show_download(shown)
    tabs = (TABS if own else {"Overview": show_first_steps}) | ({"People": people.show} if has_company else {})
    for tab, show_tab in zip(address.show_tabs(list(tabs)), tabs.values(), strict=True):
        if tab.open:
            with tab:
                show_tab(shown)
    address.remember()
