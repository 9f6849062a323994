"""The controls over the analytics page. The URL holds the choice; the widgets only show it and write it back."""

from datetime import date

import streamlit as st

from chatcore.analytics import DEFINITIONS
from chatcore.analytics.ranges import EARLIEST, LATEST, RANGES, Known, days_of
from chatcore.organise.folders import NO_FOLDER
from chatcore.parts import Role
from ui.analytics.filters import ORIGINS, PARAMS, Choice, read_url

RANGE, DATES, PROVIDERS, MODELS = "analytics.range", "analytics.dates", "analytics.providers", "analytics.models"
TAGS, FOLDER, ROLE, ORIGIN = "analytics.tags", "analytics.folder", "analytics.role", "analytics.origin"
# In the place of a folder, and of a role or an origin: all of them. To a field None is that nothing is chosen yet.
EVERY_FOLDER, ANY = -1, ""
ROLES = {ANY: "You and models", Role.USER.value: "You", Role.ASSISTANT.value: "Models"}
SHOWN_ORIGINS = {ANY: "Imported and live", "imported": "Imported", "live": "Live"}


def show(known: Known) -> Choice:
    """Draws the controls and returns the choice of the URL; what was wrong in the URL is told above the page."""
    params = {name: tuple(st.query_params.get_all(name)) for name in PARAMS if name in st.query_params}
    reading = read_url(params, known)
    choice = reading.choice
    # Only a new URL moves the widgets, or one that means something else now, as when its tag was deleted: a range of days that is
    # half picked must not be thrown away by a rerun.
    meant = (params, choice.narrowings())
    if st.session_state.get("analytics.url") != meant or RANGE not in st.session_state:
        st.session_state["analytics.url"] = meant
        st.session_state[RANGE] = choice.range
        st.session_state[DATES] = (choice.first, choice.last)
        st.session_state[PROVIDERS], st.session_state[MODELS] = list(choice.providers), list(choice.models)
        st.session_state[TAGS] = list(choice.tags)
        st.session_state[FOLDER] = EVERY_FOLDER if choice.folder is None else choice.folder
        st.session_state[ROLE], st.session_state[ORIGIN] = choice.role.value if choice.role else ANY, choice.origin or ANY
    with st.grid(4, min_column_width=160, gap="small", vertical_alignment="bottom") as grid:
        st.selectbox("Period", list(RANGES), format_func=RANGES.__getitem__, key=RANGE, on_change=keep_range, args=(known,))
        if choice.range == "custom":
            with grid.cell(column_span=2):
                st.date_input("Days", key=DATES, min_value=EARLIEST, max_value=LATEST, format="YYYY-MM-DD", on_change=keep)
        if len(known.models) > 1 or choice.models:
            st.multiselect("Models", known.models, key=MODELS, placeholder="All models", on_change=keep)
        if len(known.providers) > 1 or choice.providers:
            st.multiselect("Providers", known.providers, key=PROVIDERS, placeholder="All providers", on_change=keep)
        label = f"More filters ({choice.hidden})" if choice.hidden else "More filters"
        with st.popover(label, icon=":material/tune:", width="stretch"):
            show_more(choice, known)
    for note in reading.notes:
        st.info(note, icon=":material/info:")
    return choice


def show_more(choice: Choice, known: Known) -> None:
    """Tags, folder, role and origin: asked for less often, so behind a button, and only where there is something to choose."""
    if known.tags:
        st.multiselect("Tags", known.tags, key=TAGS, placeholder="Any tag", help=DEFINITIONS["filters"], on_change=keep)
    if known.folders or choice.folder is not None:
        paths = dict(known.folders)

        def said(folder: int) -> str:
            return paths[folder].replace("/", " / ") if folder in paths else "In no folder" if folder == NO_FOLDER else "All folders"

        st.selectbox("Folder", [EVERY_FOLDER, *paths, NO_FOLDER], format_func=said, key=FOLDER, on_change=keep)
    roles, origins = ROLES.__getitem__, SHOWN_ORIGINS.__getitem__
    st.selectbox("Messages written by", list(ROLES), format_func=roles, key=ROLE, help=DEFINITIONS["filters"], on_change=keep)
    if known.has_imported or choice.imported is not None:
        st.selectbox("Origin", list(SHOWN_ORIGINS), format_func=origins, key=ORIGIN, on_change=keep)
    if choice.hidden:
        st.button("Clear these filters", icon=":material/filter_alt_off:", key="analytics.clear", on_click=clear, width="stretch")


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
    state = st.session_state
    folder = state.get(FOLDER, EVERY_FOLDER)
    write(
        Choice(
            state[RANGE],
            first,
            last,
            tuple(state.get(PROVIDERS, ())),
            tuple(state.get(MODELS, ())),
            tuple(state.get(TAGS, ())),
            folder=None if folder == EVERY_FOLDER else folder,
            role=Role(state[ROLE]) if state.get(ROLE) else None,
            imported=ORIGINS.get(state.get(ORIGIN, ANY)),
        )
    )


def clear() -> None:
    """Any tag, folder, role and origin; period, models and providers stay."""
    state = st.session_state
    state[TAGS], state[FOLDER], state[ROLE], state[ORIGIN] = [], EVERY_FOLDER, ANY, ANY
    keep()


def reset() -> None:
    """All time and all of it."""
    write(Choice("all", date.min, date.min))


def write(choice: Choice) -> None:
    """Puts the choice into the URL and leaves other parameters alone."""
    for name in PARAMS:
        st.query_params.pop(name, None)
    for name, values in choice.params().items():
        st.query_params[name] = values
