"""The tab that answers what was used: tiles, messages and tokens over time, models, busy hours."""

import pandas as pd
import streamlit as st

from chatcore.analytics import DEFINITIONS, Report, report
from chatcore.reports import series
from chatcore.reports.tiles import summary, tiles_of
from ui.analytics import behind, charts, marks, tiles
from ui.analytics.cards import Shown, show_footer, show_no_match
from ui.analytics.marks import Marked


def show(shown: Shown) -> None:
    """Tiles, charts and table of the period."""
    made = shown.ask(report, now=shown.as_of.minute)
    if made.is_empty:
        show_no_match("no messages and no answers")
        return
    show_cards(made, shown)


def show_cards(report: Report, shown: Shown) -> None:
    """The cards of a period with something in it."""
    compare = shown.choice.range != "all"
    tiles.show_tiles(tiles_of(report.tiles, compare=compare))
    sentences = summary(report, shown.wanted.time_zone, compare=compare)
    st.caption(" ".join([*sentences, "Click a bar, a cell or a model to see what is behind it."]), help=DEFINITIONS["change"])
    left, right = st.columns(2)
    with left, st.container(border=True, height="stretch"):
        messages = show_messages(report, shown)
    with right, st.container(border=True, height="stretch"):
        tokens = show_tokens(report, shown)
    # Under both, since a list in half the width would stretch the other card.
    shown.show_behind("messages_per_day", messages, border=True)
    shown.show_behind("tokens_per_day", tokens, border=True)
    with st.container(border=True):
        st.markdown("**Models**")
        table = report.models
        cells = show_models(table, shown.wanted.time_zone, shown.key("models"))
        shown.show_behind("models", marks.in_models(cells, shown.wanted, table))
        show_footer("models", table, shown.stamp)
    with st.container(border=True):
        st.markdown("**Busy hours**")
        hours = report.busy_hours
        clicked = shown.show_chart("busy_hours", "Messages by weekday and hour", lambda: charts.busy_hours_chart(hours))
        st.caption(f"{series.busiest(hours)} Times in {shown.wanted.time_zone}.")
        shown.show_behind("busy_hours", marks.in_busy_hours(clicked, shown.wanted))
        show_footer("busy_hours", hours, shown.stamp)


def show_models(models: pd.DataFrame, own_zone: str, key: str) -> list[tuple[int, str]]:
    """One row per model, numbers right and dashes where nobody knows. Answers which cell was clicked."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns = {
        "model_name": text("Model", pinned=True, width="medium"),
        "answers": number("Answers", format="localized"),
        "input_tokens": number("Tokens in", format="localized"),
        "output_tokens": number("Tokens out", format="localized"),
        "median_time_to_first_chunk_s": number("First chunk", format="%.2f s", help=DEFINITIONS["median_time_to_first_chunk_s"]),
        "median_output_tokens_per_s": number("Tokens/s", format="%.1f", help=DEFINITIONS["median_output_tokens_per_s"]),
        "failed_share": number("Failed", format=behind.PERCENT, help=DEFINITIONS["failed_share"]),
        "last_used_at": st.column_config.DatetimeColumn("Last used", format="D MMM YYYY, HH:mm", timezone=own_zone),
        "stopped": number("Stopped", format="localized"),
        "interrupted": number("Interrupted", format="localized"),
        "provider": text("Provider"),
    }
    return behind.show_table(models, columns, key, "Usage, speed and failures of each model")


def show_messages(report: Report, shown: Shown) -> Marked | None:
    """The messages over time; what was clicked."""
    frame = report.messages_per_day
    grain = series.grain_of(len(frame), 2)
    st.markdown(f"**Messages per {grain}**")
    told = "Messages of you and of models over time"
    clicked = shown.show_chart("messages_per_day", told, lambda: charts.messages_chart(frame, grain))
    show_footer("messages_per_day", frame, shown.stamp)
    return marks.in_messages(clicked, shown.wanted, grain)


def show_tokens(report: Report, shown: Shown) -> Marked | None:
    """The tokens over time; what was clicked."""
    days = report.messages_per_day["day"]
    grain = series.grain_of(len(days), min(report.models["model_name"].nunique(), series.MAX_MODELS + 1))
    st.markdown(f"**Tokens per {grain} by model**")
    clicked: marks.Selected = []
    if report.models["answers_with_usage"].sum():
        clicked = shown.show_chart(
            "tokens_per_day",
            "Tokens read and written over time, by model",
            lambda: charts.tokens_chart(report.tokens_per_day, days, grain, known_models=shown.known.models),
        )
    else:
        st.caption("No answer of this period has a known number of tokens.")
    show_footer("tokens_per_day", report.tokens_per_day, shown.stamp)
    return marks.in_tokens(clicked, shown.wanted, grain, report.tokens_per_day)
