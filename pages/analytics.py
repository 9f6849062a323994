"""Analytics: what was used, when, and of which model. The choice stands in the URL, the numbers come from chatcore.analytics."""

from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from chatcore import analytics
from chatcore.analytics import Activity, Filters, Report, SpeedReport
from chatcore.analytics.filters import Step, zone
from chatcore.analytics.ranges import Known
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.parts import Viewer
from chatcore.reports import series
from ui import app
from ui.analytics import filter_bar, overview, report_file, speed
from ui.analytics.cards import Shown
from ui.sessions.clock import Clock


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose numbers, as of when: the part of a cache key that every question shares. `news` changes when anything happened."""

    database: str
    viewer: Viewer
    news: Activity
    minute: datetime


@st.cache_data(ttl=120, max_entries=64, show_spinner=False)
def load_report(_db: Database, asked: Asked, chosen: Filters) -> Report:
    """The report, kept for a moment or until something happens."""
    return analytics.report(_db, asked.viewer, chosen, now=asked.minute)


@st.cache_data(ttl=120, max_entries=64, show_spinner=False)
def load_speed(_db: Database, asked: Asked, chosen: Filters, step: Step) -> SpeedReport:
    """The numbers of the tab Speed."""
    return analytics.speed_report(_db, asked.viewer, chosen, step=step)


@st.cache_data(ttl=120, max_entries=64, show_spinner=False)
def load_models(_db: Database, asked: Asked) -> tuple[tuple[str, str], ...]:
    """Every (provider, model) the viewer ever asked."""
    return analytics.known_models(_db, asked.viewer)


def time_zone() -> str:
    """The browser's zone; UTC where it tells none that is known here."""
    name = st.context.timezone or "UTC"
    try:
        zone(name)
    except Invalid:
        return "UTC"
    return name


def show_first_steps() -> None:
    """The page of a person who has not chatted yet."""
    with st.container(border=True):
        st.markdown("**Nothing to count yet**")
        st.markdown(
            "After your first chat you will see here:\n"
            "- how many messages you exchanged, and on which days and hours\n"
            "- how many tokens each model read and wrote\n"
            "- how long you waited for the first words, and how fast they came\n"
            "- how many answers failed, were stopped or interrupted"
        )
        if st.button("Start a chat", type="primary", icon=":material/chat_bubble:", key="analytics.start"):
            app.open_chat(None)


def show_no_match(nothing: str) -> None:
    """What stands instead of empty charts when the filter matches nothing; `nothing` says of what."""
    with st.container(border=True):
        st.markdown("**Nothing matches this filter**")
        st.markdown(f"You have {nothing} in this period with these models. Choose another period, or look at everything.")
        st.button("Show everything", icon=":material/filter_alt_off:", key="analytics.reset", on_click=filter_bar.reset)


def main() -> None:
    """The page."""
    db, person, now, own_zone = app.core().db, app.viewer(), app.now(), time_zone()
    head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
    head.title("Analytics", anchor=False, width="content")
    news = analytics.activity(db, person)
    if news is None:
        show_first_steps()
        return
    asked = Asked(db.label, person, news, now.replace(second=0, microsecond=0))
    days = [moment.astimezone(zone(own_zone)).date() for moment in (news.first, news.last, now)]
    known = Known(load_models(db, asked), *days)
    choice = filter_bar.show(known)
    wanted = choice.filters(own_zone)
    shown = Shown(db, person, wanted, choice, known, Clock(now, zone(own_zone)))
    with head:
        report_file.show_download(shown)
    overview_tab, speed_tab = st.tabs(["Overview", "Speed"], key="tab", bind="query-params")
    if overview_tab.open:
        with overview_tab:
            report = load_report(db, asked, wanted)
            if report.is_empty:
                show_no_match("no messages and no answers")
            else:
                overview.show(report, shown)
    if speed_tab.open:
        with speed_tab:
            grain = series.grain_of((choice.last - choice.first).days + 1, min(len(known.models), series.MAX_MODELS + 1))
            speeds = load_speed(db, asked, wanted, grain)
            if speeds.speed.empty:
                show_no_match("no answers")
            else:
                speed.show(speeds, shown, grain)


main()
