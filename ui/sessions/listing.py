"""The page without a search: filters, the list of chats, and the pages of it."""

import json

import streamlit as st

from chatcore import browse
from chatcore.parts import Shelf
from ui import app, words
from ui.sessions import address, bulk, component, folders, marks, places, table
from ui.sessions.clock import Clock
from ui.sessions.filters import ANY_TIME, CUSTOM, RANGES, SHELVES, SORTS, ChatFilters, Known, turned
from ui.sessions.table import Listed

PAGE_SIZE = 50
COUNT_CAP = 1000


# --- filters -----------------------------------------------------------------------------------------------------


def show_filters(filters: ChatFilters) -> None:
    """The widgets, each showing what the URL says."""
    state = st.session_state
    state["sessions.shelf"] = filters.shelf
    state["sessions.in_folder"] = folders.EVERY_FOLDER if filters.folder is None else filters.folder
    state["sessions.tagged"] = list(filters.tags)
    state["sessions.provider"] = list(filters.providers)
    state["sessions.model"] = list(filters.models)
    state["sessions.sort"] = filters.sort
    if not choosing_days():
        state["sessions.range"] = filters.range
        state["sessions.days"] = (filters.first, filters.last) if filters.first and filters.last else ()
    with st.container(horizontal=True, vertical_alignment="center", key="sessions_filters"):
        st.segmented_control(
            "Shelf",
            list(SHELVES),
            format_func=SHELVES.__getitem__,
            key="sessions.shelf",
            label_visibility="collapsed",
            required=True,
            on_change=remember,
        )
        label = f"Filters ({filters.hidden})" if filters.hidden else "Filters"
        with st.popover(label, icon=":material/tune:"):
            show_more_filters(address.known())
        st.space("stretch")
        folders.show_filter("sessions.in_folder", remember)
        st.selectbox(
            "Sort by",
            list(SORTS),
            format_func=lambda key: SORTS[key][0],
            key="sessions.sort",
            label_visibility="collapsed",
            width=220,
            on_change=remember,
        )


def show_more_filters(known: Known) -> None:
    """Tags, model, provider and time: asked for less often, so behind a button."""
    state = st.session_state
    models = list(dict.fromkeys(model for _, model in known.models))
    providers = list(dict.fromkeys(provider for provider, _ in known.models))
    if known.tags:
        st.multiselect("Tags", known.tags, key="sessions.tagged", placeholder="Any tag", select_all=False, on_change=remember)
    st.multiselect("Model", models, key="sessions.model", placeholder="Any model", select_all=False, on_change=remember)
    st.multiselect("Provider", providers, key="sessions.provider", placeholder="Any provider", select_all=False, on_change=remember)
    st.selectbox("Last activity", list(RANGES), format_func=RANGES.__getitem__, key="sessions.range", on_change=remember)
    if state["sessions.range"] == CUSTOM:
        st.date_input("First and last day", key="sessions.days", value=[], on_change=remember)
    st.button("Reset filters", key="sessions.reset", on_click=reset, width="stretch")


def choosing_days() -> bool:
    """Whether the viewer is in the middle of choosing two days: then the URL does not say yet what the widgets show."""
    days = st.session_state.get("sessions.days", ())
    return st.session_state.get("sessions.range") == CUSTOM and len(days) < 2


def remember() -> None:
    """Puts what the widgets say into the URL, from which everything is drawn."""
    state = st.session_state
    days = tuple(state.get("sessions.days", ()))
    folder = state.get("sessions.in_folder", folders.EVERY_FOLDER)
    address.write(
        ChatFilters(
            shelf=state["sessions.shelf"],
            folder=folder if folder != folders.EVERY_FOLDER else None,
            tags=tuple(state.get("sessions.tagged", ())),
            providers=tuple(state.get("sessions.provider", ())),
            models=tuple(state.get("sessions.model", ())),
            range=state.get("sessions.range", ANY_TIME),
            first=days[0] if len(days) == 2 else None,
            last=days[1] if len(days) == 2 else None,
            sort=state["sessions.sort"],
        )
    )


def reset() -> None:
    """Any folder, tag, model, provider and time; shelf and order stay."""
    state = st.session_state
    state["sessions.range"], state["sessions.days"] = ANY_TIME, ()
    address.write(ChatFilters(shelf=state["sessions.shelf"], sort=state["sessions.sort"]))


# --- the list ----------------------------------------------------------------------------------------------------


def show_list(filters: ChatFilters) -> None:
    """One page of chats, or what to do where there are none."""
    db, viewer = app.core().db, app.viewer()
    trash_days = app.core().settings.trash_days
    clock = Clock(app.now(), app.time_zone())
    wanted = filters.browse(now=clock.now, zone=clock.zone)
    place, page = places.read(
        filters, lambda cursor: browse.browse_chats(db, viewer, wanted, limit=PAGE_SIZE, cursor=cursor), rows=lambda page: len(page.items)
    )
    if not page.items:
        show_nothing(filters)
        return
    found = browse.count_chats(db, viewer, wanted, cap=COUNT_CAP + 1)
    total = f"{words.count(COUNT_CAP)}+" if found > COUNT_CAP else words.count(found)
    first, last = place.range(len(page.items), page_size=PAGE_SIZE)
    listed = Listed(
        of=json.dumps(filters.params()),
        chats=page.items,
        shelf=filters.shelf,
        sort=filters.sort,
        page=place.page,
        count=f"{words.count(first)}–{words.count(last)} of {total}" if page.next_cursor or place.page else words.plural(found, "chat"),
        trash_days=trash_days,
    )
    if filters.shelf is Shelf.TRASH:
        show_trash(trash_days)
    organised = marks.of_folders(db, viewer, {chat.id: chat.folder_id for chat in page.items}, within=filters.folder)
    table.show(listed, clock, organised, act=act, turn=turn)
    bulk.open_sent(table.KEY)
    places.show_pager(place.page, page.next_cursor)


def show_trash(trash_days: int) -> None:
    """How long chats lie in the trash, and a way to be rid of them now."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(kept_in_trash(trash_days), width="content")
        st.button(
            "Empty the trash …", key="sessions.empty", icon=":material/delete_forever:", type="tertiary", on_click=bulk.ask, args=("empty",)
        )


def kept_in_trash(trash_days: int) -> str:
    """How long a deleted chat can be restored."""
    if not trash_days:
        return "Deleted chats lie here until you delete them for ever."
    return f"Deleted chats lie here for {words.plural(trash_days, 'day')}, and are then deleted for ever."


def show_nothing(filters: ChatFilters) -> None:
    """Why the list is empty, and the next step."""
    text = {
        Shelf.ACTIVE: ("No chats yet", "Every chat you start is kept here, and found again by its title and its words."),
        Shelf.ARCHIVED: ("Nothing is archived", "Archive what you are done with: it leaves the sidebar and can still be found here."),
        Shelf.TRASH: ("The trash is empty", kept_in_trash(app.core().settings.trash_days)),
    }
    heading, hint = ("No chat matches", "Try fewer tags, another folder, model or time.") if filters.narrowed else text[filters.shelf]
    with st.container(horizontal_alignment="center", key="sessions_nothing"):
        st.space("medium")
        st.subheader(heading, text_alignment="center", anchor=False)
        st.caption(hint, text_alignment="center")
        if filters.narrowed:
            st.button("Reset filters", key="sessions.reset_all", icon=":material/filter_alt_off:", on_click=reset)
        elif filters.shelf is Shelf.ACTIVE and st.button(
            "Start a chat", key="sessions.start", type="primary", icon=":material/edit_square:"
        ):
            app.open_chat(None)


# --- what the table sends ----------------------------------------------------------------------------------------


def act() -> None:
    """A button of the table's bar."""
    bulk.act(table.KEY)


def turn() -> None:
    """A click on a column's head: sort by it, or the other way round."""
    st.session_state["sessions.sort"] = turned(st.session_state["sessions.sort"], str(component.sent(table.KEY, "sort").get("column")))
    remember()
