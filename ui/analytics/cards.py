"""What the cards of the page have in common: whose numbers they show, what is under them, and the list behind a click."""

from dataclasses import dataclass
from functools import partial

import pandas as pd
import streamlit as st

from chatcore.analytics import DEFINITIONS, Filters
from chatcore.analytics.ranges import Known
from chatcore.db import Database
from chatcore.parts import Viewer
from chatcore.reports.files import csv_of, parquet_of
from ui.analytics import behind
from ui.analytics.filters import Choice
from ui.analytics.marks import Marked
from ui.sessions.clock import Clock

FILES = {"CSV": (csv_of, "text/csv"), "Parquet": (parquet_of, "application/vnd.apache.parquet")}


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on the page and for whom: all that a card needs beside its own numbers."""

    db: Database
    person: Viewer
    wanted: Filters
    choice: Choice
    known: Known
    clock: Clock

    @property
    def stamp(self) -> str:
        """The days of the choice, for the names of files."""
        return f"{self.choice.first.isoformat()}_{self.choice.last.isoformat()}"

    def key(self, name: str) -> str:
        """The key of a chart that can be clicked: another choice, or a list that was closed, begins without a mark."""
        chosen = "/".join([self.stamp, *self.choice.providers, *self.choice.models])
        return f"analytics.{name}.{chosen}.{st.session_state.get(f'analytics.closed.{name}', 0)}"

    def show_behind(self, name: str, marked: Marked | None, *, border: bool = False) -> None:
        """The list behind what was clicked in a card, if anything was; with a border where it stands for itself."""
        if marked:
            with st.container(border=border):
                behind.show(self.db, self.person, marked, self.clock, key=self.key(name), close=lambda: close_list(name))


def close_list(name: str) -> None:
    """The card of this name shows no list any more."""
    closed = f"analytics.closed.{name}"
    st.session_state[closed] = st.session_state.get(closed, 0) + 1


def show_footer(name: str, frame: pd.DataFrame, stamp: str) -> None:
    """Under a chart or table: how it is counted, and its numbers as a table and as files, which are made when they are asked for."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        with st.popover("How is this counted?", icon=":material/help:", type="tertiary", width="content"):
            st.markdown(DEFINITIONS[name])
        with st.popover("Numbers", icon=":material/table:", type="tertiary", width="content"):
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
