"""Where the session page stands in its list: the cursors of the pages seen so far, kept while what it asks for stays the same."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import streamlit as st

from chatcore.errors import Invalid
from ui import words
from ui.sessions.filters import Asked

P = TypeVar("P")
KEY = "sessions.place"


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a list: `cursors[n]` leads to page n, the first is always None."""

    asked: Asked
    cursors: tuple[str | None, ...] = (None,)
    page: int = 0

    @property
    def cursor(self) -> str | None:
        return self.cursors[self.page]

    def range(self, shown: int, *, page_size: int) -> tuple[int, int]:
        """The numbers of the first and the last row on the page, counted from 1."""
        first = self.page * page_size
        return first + 1, first + shown


def here(asked: Asked) -> Place:
    """The place in the list that is asked for: where the viewer was, or the first page of a new list."""
    place = st.session_state.get(KEY)
    if not isinstance(place, Place) or place.asked != asked:
        place = Place(asked)
        st.session_state[KEY] = place
    return place


def read(asked: Asked, ask: Callable[[str | None], P], rows: Callable[[P], int]) -> tuple[Place, P]:
    """The page at this place, from `ask(cursor)`; `rows` counts what is on it.

    A page that has become empty gives way to the one before it, a cursor that means nothing (any more) to the first page.
    Raises Invalid if what is asked for cannot be used.
    """
    place = here(asked)
    while True:
        try:
            page = ask(place.cursor)
        except Invalid:
            if place.cursor is None:
                raise
            restart()
            place = here(asked)
            continue
        if rows(page) or not place.page:
            return place, page
        back()
        place = here(asked)


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


def show_pager(number: int, next_cursor: str | None) -> None:
    """Previous and next; nothing where one page holds all."""
    if not number and not next_cursor:
        return
    with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center"):
        st.button(
            "Previous",
            icon=":material/chevron_left:",
            key="sessions.previous",
            disabled=not number,
            on_click=back,
            type="tertiary",
        )
        st.caption(f"Page {words.count(number + 1)}", width="content")
        st.button(
            "Next",
            icon=":material/chevron_right:",
            icon_position="right",
            key="sessions.next",
            disabled=next_cursor is None,
            on_click=onward,
            args=(next_cursor,),
            type="tertiary",
        )
