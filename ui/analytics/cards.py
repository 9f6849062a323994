"""What the cards of the page have in common: whose numbers they show, what is under them, and the list behind a click."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal, TypeVar, cast

import altair as alt
import pandas as pd
import streamlit as st

from chatcore.analytics import DEFINITIONS, Activity, Filters
from chatcore.analytics.filters import Step
from chatcore.analytics.ranges import Known
from chatcore.db import Database
from chatcore.parts import Viewer
from chatcore.reports import series
from chatcore.reports.files import csv_of, parquet_of
from ui.analytics import behind, charts, filter_bar
from ui.analytics.filters import Choice
from ui.analytics.marks import Marked, Selected
from ui.sessions.clock import Clock

Found = TypeVar("Found")
Question = Callable[..., Any]
Chart = alt.Chart | alt.LayerChart
# The lists that are open, by the key of their card, and those that were when a chat was opened.
OPEN, BACK = "analytics.open", "analytics.back"
FILES = {"CSV": (csv_of, "text/csv"), "Parquet": (parquet_of, "application/vnd.apache.parquet")}


@dataclass(frozen=True, slots=True)
class AsOf:
    """Whose numbers, as of when: the part of a cache key that every question shares. `news` changes when anything happened."""

    database: str
    viewer: Viewer
    news: Activity
    minute: datetime


@st.cache_data(ttl=120, max_entries=128, show_spinner=False)
def answered(
    _db: Database,
    as_of: AsOf,
    name: str,  # noqa: ARG001  # tells questions apart in the cache, which cannot compare functions
    chosen: Filters,
    named: tuple[tuple[str, object], ...],
    _question: Question,
) -> object:
    """What a question of this name answers, kept for a moment or until something happens."""
    return _question(_db, as_of.viewer, chosen, **dict(named))


@st.cache_data(ttl=120, max_entries=128, show_spinner=False)
def drawn(as_of: AsOf, chosen: Filters, name: str, _make: Callable[[], Chart]) -> charts.Spec:  # noqa: ARG001  # they are the key
    """The chart of this name: making one takes longer than asking for its numbers."""
    return charts.spec_of(_make)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on the page and for whom: all that a tab needs to ask its questions and to draw its cards."""

    db: Database
    person: Viewer
    wanted: Filters
    choice: Choice
    known: Known
    clock: Clock
    as_of: AsOf

    def ask(self, question: Callable[..., Found], **named: object) -> Found:
        """What a question of `chatcore.analytics` answers for what was chosen; `named` is whatever it takes beside the filters."""
        name = f"{question.__module__}.{question.__qualname__}"
        return cast(Found, answered(self.db, self.as_of, name, self.wanted, tuple(sorted(named.items())), question))

    def grain(self, lines: int | None = None) -> Step:
        """The step of charts over time with so many lines, else as many as there are models."""
        lines = lines or min(len(self.known.models), series.MAX_MODELS + 1)
        return series.grain_of((self.choice.last - self.choice.first).days + 1, lines)

    @property
    def stamp(self) -> str:
        """The days of the choice, for the names of files."""
        return f"{self.choice.first.isoformat()}_{self.choice.last.isoformat()}"

    def key(self, name: str) -> str:
        """The key of a chart that can be clicked: another choice, or a list that was closed, begins without a mark."""
        chosen = "/".join([self.stamp, *(f"{part}={value}" for part, values in self.choice.narrowings().items() for value in values)])
        return f"analytics.{name}.{chosen}.{st.session_state.get(f'analytics.closed.{name}', 0)}"

    def show_chart(self, name: str, told: str, make: Callable[[], Chart], *, width: Literal["stretch", "content"] = "stretch") -> Selected:
        """Draws the chart that `make` makes of what was asked for; the mark that was clicked. Another drawing of the same numbers has
        another name. `told`: what it shows, for who does not see it."""
        return behind.show_chart(drawn(self.as_of, self.wanted, name, make), self.key(name), told, width=width)

    def show_behind(self, name: str, marked: Marked | None, *, border: bool = False) -> None:
        """The list behind what was clicked in a card, if anything was; with a border where it stands for itself. Back from a chat a
        list that was open is open again, until something else of its card is clicked."""
        key, back = self.key(name), st.session_state.get(BACK, {})
        if marked:
            back.pop(key, None)
        marked = marked or back.get(key)
        if marked:
            st.session_state.setdefault(OPEN, {})[key] = marked
            with st.container(border=border):
                behind.show(self.db, self.person, marked, self.clock, key=key, close=lambda: close_list(name))


def show_no_match(nothing: str) -> None:
    """What stands instead of empty charts when the filter matches nothing; `nothing` says of what."""
    with st.container(border=True):
        st.markdown("**Nothing matches this filter**")
        st.markdown(f"You have {nothing} in this period with these filters. Choose another period, or look at everything.")
        st.button("Show everything", icon=":material/filter_alt_off:", key="analytics.reset", on_click=filter_bar.reset)


def close_list(name: str) -> None:
    """The card of this name shows no list any more."""
    closed = f"analytics.closed.{name}"
    st.session_state[closed] = st.session_state.get(closed, 0) + 1


@st.fragment
def show_footer(name: str, frame: pd.DataFrame, stamp: str) -> None:
    """Under a chart or table: how it is counted, and its numbers as a table and as files, which are sent when they are asked for."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        with st.popover("How is this counted?", icon=":material/help:", type="tertiary", width="content"):
            st.markdown(DEFINITIONS[name])
        key = f"analytics.numbers.{name}"
        numbers = st.popover("Numbers", icon=":material/table:", type="tertiary", width="content", key=key, on_change="rerun")
        if numbers.open:
            with numbers:
                show_numbers(name, frame, stamp)


def show_numbers(name: str, frame: pd.DataFrame, stamp: str) -> None:
    """The numbers of a card as a table and as files."""
    st.dataframe(frame, hide_index=True, alt=f"The numbers of {name.replace('_', ' ')}")
    with st.container(horizontal=True, gap="small"):
        for kind, (made, media_type) in FILES.items():
            st.download_button(
                kind,
                partial(made, frame),
                f"{name.replace('_', '-')}_{stamp}.{kind.lower()}",
                media_type,
                key=f"analytics.{kind.lower()}.{name}",
                on_click="ignore",
                icon=":material/download:",
            )
