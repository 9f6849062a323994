"""Analytics: what was used, when, and of which model. The choice stands in the URL, the numbers come from chatcore.analytics."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import streamlit as st

from chatcore import analytics
from chatcore.analytics import DEFINITIONS, Activity, Filters, Report
from chatcore.analytics.filters import zone
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.parts import Viewer
from ui import app, words
from ui.analytics import behind, charts, filter_bar, filters, marks, tiles
from ui.analytics.downloads import csv_of, parquet_of
from ui.analytics.marks import Marked
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


def show_no_match() -> None:
    """What stands instead of empty charts when the filter matches nothing."""
    with st.container(border=True):
        st.markdown("**Nothing matches this filter**")
        st.markdown("You have no messages and no answers in this period with these models. Choose another period, or look at everything.")
        st.button("Show everything", icon=":material/filter_alt_off:", key="analytics.reset", on_click=filter_bar.reset)


def show_summary(report: Report, choice: filters.Choice, own_zone: str) -> None:
    """How the answers ended (what was stopped or interrupted is not hidden in the failed share), and what the changes compare with."""
    ended = {name: int(report.models[name].sum()) for name in ("complete", "failed", "stopped", "interrupted", "running")}
    finished = sum(ended.values()) - ended["running"]
    sentences = []
    if finished:
        sentences.append(
            f"{words.plural(finished, 'finished answer')}: {words.count(ended['complete'])} complete, "
            f"{words.count(ended['failed'])} failed, {words.count(ended['stopped'])} stopped by you, "
            f"{words.count(ended['interrupted'])} interrupted."
        )
    if ended["running"]:
        sentences.append(f"{words.plural(ended['running'], 'answer')} being written.")
    if choice.range != "all":
        sentences.append(f"Changes are against {filters.days_text(report.previous, own_zone)}.")
    st.caption(" ".join(sentences), help=DEFINITIONS["change"])


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on the page and for whom: all that a card needs beside its own numbers."""

    person: Viewer
    report: Report
    wanted: Filters
    choice: filters.Choice
    known: filters.Known
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
                behind.show(app.core().db, self.person, marked, self.clock, key=self.key(name), close=lambda: close_list(name))


def close_list(name: str) -> None:
    """The card of this name shows no list any more."""
    closed = f"analytics.closed.{name}"
    st.session_state[closed] = st.session_state.get(closed, 0) + 1


def show_footer(name: str, frame: pd.DataFrame, days: str) -> None:
    """Under a chart or table: how it is counted, and its numbers as a table and as files."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        with st.popover("How is this counted?", icon=":material/help:", type="tertiary", width="content"):
            st.markdown(DEFINITIONS[name])
        with st.popover("Numbers", icon=":material/table:", type="tertiary", width="content"):
            st.dataframe(frame, hide_index=True, alt=f"The numbers of {name.replace('_', ' ')}")
            with st.container(horizontal=True, gap="small"):
                for kind, made, media_type in (
                    ("CSV", csv_of, "text/csv"),
                    ("Parquet", parquet_of, "application/vnd.apache.parquet"),
                ):
                    st.download_button(
                        kind,
                        made(frame),
                        f"{name.replace('_', '-')}_{days}.{kind.lower()}",
                        media_type,
                        key=f"analytics.{kind.lower()}.{name}",
                        on_click="ignore",
                        icon=":material/download:",
                    )


def show_models(models: pd.DataFrame, own_zone: str, key: str) -> list[tuple[int, str]]:
    """One row per model, numbers right and dashes where nobody knows. Answers which cell was clicked: [(row, column)] or []."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns = {
        "model_name": text("Model", pinned=True, width="medium"),
        "answers": number("Answers", format="localized"),
        "input_tokens": number("Tokens in", format="localized"),
        "output_tokens": number("Tokens out", format="localized"),
        "median_time_to_first_chunk_s": number("First chunk", format="%.2f s", help=DEFINITIONS["median_time_to_first_chunk_s"]),
        "median_output_tokens_per_s": number("Tokens/s", format="%.1f", help=DEFINITIONS["median_output_tokens_per_s"]),
        "failed_share": number("Failed", format="%.1f %%", help=DEFINITIONS["failed_share"]),
        "last_used_at": st.column_config.DatetimeColumn("Last used", format="D MMM YYYY, HH:mm", timezone=own_zone),
        "stopped": number("Stopped", format="localized"),
        "interrupted": number("Interrupted", format="localized"),
        "provider": text("Provider"),
    }
    event = st.dataframe(
        models.assign(failed_share=models["failed_share"] * 100),
        hide_index=True,
        column_order=list(columns),
        column_config=columns,
        placeholder=tiles.UNKNOWN,
        alt="Usage, speed and failures of each model",
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
    )
    return list(event.selection.cells)


def show_report(shown: Shown) -> None:
    """Tiles, charts and table of a period with something in it."""
    tiles.show_tiles(tiles.tiles_of(shown.report.tiles, compare=shown.choice.range != "all"))
    show_summary(shown.report, shown.choice, shown.wanted.time_zone)
    st.caption("Click a bar, a cell or a model to see what is behind it.")
    left, right = st.columns(2)
    with left, st.container(border=True, height="stretch"):
        messages = show_messages(shown)
    with right, st.container(border=True, height="stretch"):
        tokens = show_tokens(shown)
    # Under both, since a list in half the width would stretch the other card.
    shown.show_behind("messages_per_day", messages, border=True)
    shown.show_behind("tokens_per_day", tokens, border=True)
    with st.container(border=True):
        st.markdown("**Models**")
        table = shown.report.models
        cells = show_models(table, shown.wanted.time_zone, shown.key("models"))
        shown.show_behind("models", marks.in_models(cells, shown.wanted, table))
        show_footer("models", table, shown.stamp)
    with st.container(border=True):
        st.markdown("**Busy hours**")
        hours = shown.report.busy_hours
        clicked = behind.show_chart(charts.busy_hours_chart(hours), shown.key("busy_hours"), "Messages by weekday and hour")
        st.caption(f"{charts.busiest(hours)} Times in {shown.wanted.time_zone}.")
        shown.show_behind("busy_hours", marks.in_busy_hours(clicked, shown.wanted))
        show_footer("busy_hours", hours, shown.stamp)


def show_messages(shown: Shown) -> Marked | None:
    """The messages over time; what was clicked."""
    frame = shown.report.messages_per_day
    grain = charts.grain_of(len(frame), 2)
    st.markdown(f"**Messages per {grain}**")
    clicked = behind.show_chart(
        charts.messages_chart(frame, grain), shown.key("messages_per_day"), "Messages of you and of models over time"
    )
    show_footer("messages_per_day", frame, shown.stamp)
    return marks.in_messages(clicked, shown.wanted, grain)


def show_tokens(shown: Shown) -> Marked | None:
    """The tokens over time; what was clicked."""
    report, days = shown.report, shown.report.messages_per_day["day"]
    grain = charts.grain_of(len(days), min(report.models["model_name"].nunique(), charts.MAX_MODELS + 1))
    st.markdown(f"**Tokens per {grain} by model**")
    clicked: marks.Selected = []
    if report.models["answers_with_usage"].sum():
        chart = charts.tokens_chart(report.tokens_per_day, days, grain, known_models=shown.known.models)
        clicked = behind.show_chart(chart, shown.key("tokens_per_day"), "Tokens read and written over time, by model")
    else:
        st.caption("No answer of this period has a known number of tokens.")
    show_footer("tokens_per_day", report.tokens_per_day, shown.stamp)
    return marks.in_tokens(clicked, shown.wanted, grain, report.tokens_per_day)


def main() -> None:
    """The page."""
    db, person, now, own_zone = app.core().db, app.viewer(), app.now(), time_zone()
    st.title("Analytics", anchor=False)
    news = analytics.activity(db, person)
    if news is None:
        show_first_steps()
        return
    asked = Asked(db.label, person, news, now.replace(second=0, microsecond=0))
    days = [moment.astimezone(zone(own_zone)).date() for moment in (news.first, news.last, now)]
    known = filters.Known(load_models(db, asked), *days)
    choice = filter_bar.show(known)
    wanted = choice.filters(own_zone)
    report = load_report(db, asked, wanted)
    if report.is_empty:
        show_no_match()
    else:
        show_report(Shown(person, report, wanted, choice, known, Clock(now, zone(own_zone))))


main()
