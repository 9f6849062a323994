"""The controls over the analytics page. The URL holds the choice; the widgets only show it and write it back."""

from datetime import date

import streamlit as st

from chatcore.analytics.ranges import EARLIEST, LATEST, RANGES, Known, days_of
from ui.analytics.filters import PARAMS, Choice, read_url

RANGE, DATES, PROVIDERS, MODELS = "analytics.range", "analytics.dates", "analytics.providers", "analytics.models"


def show(known: Known) -> Choice:
    """Draws the controls and returns the choice of the URL; what was wrong in the URL is told above the page."""
    params = {name: tuple(st.query_params.get_all(name)) for name in PARAMS if name in st.query_params}
    reading = read_url(params, known)
    choice = reading.choice
    # Only a new URL moves the widgets: a range of days that is half picked must not be thrown away by a rerun.
    if st.session_state.get("analytics.url") != params or RANGE not in st.session_state:
        st.session_state["analytics.url"] = params
        st.session_state[RANGE] = choice.range
        st.session_state[DATES] = (choice.first, choice.last)
        st.session_state[PROVIDERS], st.session_state[MODELS] = list(choice.providers), list(choice.models)
    with st.grid(4, min_column_width=160, gap="small", vertical_alignment="bottom") as grid:
        st.selectbox("Period", list(RANGES), format_func=RANGES.__getitem__, key=RANGE, on_change=keep_range, args=(known,))
        if choice.range == "custom":
            with grid.cell(column_span=2):
                st.date_input("Days", key=DATES, min_value=EARLIEST, max_value=LATEST, format="YYYY-MM-DD", on_change=keep)
        if len(known.models) > 1 or choice.models:
            st.multiselect("Models", known.models, key=MODELS, placeholder="All models", on_change=keep)
        if len(known.providers) > 1 or choice.providers:
            st.multiselect("Providers", known.providers, key=PROVIDERS, placeholder="All providers", on_change=keep)
    for note in reading.notes:
        st.info(note, icon=":material/info:")
    return choice


def keep_range(known: Known) -> None:
    """A new range was chosen: a custom one starts with the days that were shown."""
    name = st.session_state[RANGE]
    if name != "custom":
        first, last = days_of(name, known)
        st.session_state[DATES] = (first, last)
    keep()


def keep() -> None:
    """Writes what the widgets show into the URL."""
    days: tuple[date, ...] = st.session_state.get(DATES, ())
    if len(days) != 2:
        return
    first, last = days
    write(Choice(st.session_state[RANGE], first, last, tuple(st.session_state.get(PROVIDERS, ())), tuple(st.session_state.get(MODELS, ()))))


def reset() -> None:
    """All time, all models."""
    write(Choice("all", date.min, date.min))


def write(choice: Choice) -> None:
    """Puts the choice into the URL and leaves other parameters alone."""
    for name in PARAMS:
        st.query_params.pop(name, None)
    for name, values in choice.params().items():
        st.query_params[name] = values
