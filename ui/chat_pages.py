"""Where the session page stands in its list: the cursors of the pages seen so far, kept while the filters stay the same."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from chatcore.errors import Invalid
from chatcore.parts import ChatInfo, Page
from ui.chat_filters import ChatFilters

PAGE_SIZE = 50
KEY = "sessions.place"


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a list: `cursors[n]` leads to page n, the first is always None."""

    filters: ChatFilters
    cursors: tuple[str | None, ...] = (None,)
    page: int = 0

    @property
    def cursor(self) -> str | None:
        return self.cursors[self.page]

    def range(self, shown: int) -> tuple[int, int]:
        """The numbers of the first and the last chat on the page, counted from 1."""
        first = self.page * PAGE_SIZE
        return first + 1, first + shown


def here(filters: ChatFilters) -> Place:
    """The place in the list of these filters: where the viewer was, or the first page of a new list."""
    place = st.session_state.get(KEY)
    if not isinstance(place, Place) or place.filters != filters:
        place = Place(filters)
        st.session_state[KEY] = place
    return place


def read(filters: ChatFilters, ask: Callable[[str | None], Page[ChatInfo]]) -> tuple[Place, Page[ChatInfo]]:
    """The page at this place, from `ask(cursor)`. A page that has become empty gives way to the one before it, a cursor
    that means nothing (any more) to the first page. Raises Invalid if the filters themselves cannot be used."""
    place = here(filters)
    while True:
        try:
            page = ask(place.cursor)
        except Invalid:
            if place.cursor is None:
                raise
            restart()
            place = here(filters)
            continue
        if page.items or not place.page:
            return place, page
        back()
        place = here(filters)


def onward(next_cursor: str) -> None:
    """Goes to the next page."""
    place = st.session_state[KEY]
    st.session_state[KEY] = replace(place, cursors=(*place.cursors[: place.page + 1], next_cursor), page=place.page + 1)


def back() -> None:
    """Goes to the page before."""
    place = st.session_state[KEY]
    st.session_state[KEY] = replace(place, page=max(0, place.page - 1))


def restart() -> None:
    """Goes to the first page: the cursors behind it mean nothing any more."""
    st.session_state.pop(KEY, None)
