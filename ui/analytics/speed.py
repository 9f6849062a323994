"""The tab that says how fast the models were: over time, and by model with its slowest answers."""

import pandas as pd
import streamlit as st

from chatcore.analytics import SpeedReport, speed_report
from chatcore.analytics.filters import Step, local_days
from ui.analytics import behind, charts, marks
from ui.analytics.cards import Shown, show_footer, show_no_match


def show(shown: Shown) -> None:
    """Draws the tab."""
    grain = shown.grain()
    report = shown.ask(speed_report, step=grain)
    if report.speed.empty:
        show_no_match("no answers")
        return
    st.caption("Click a point or a line of a table to see the answers behind it.")
    first, written = st.columns(2)
    with first, st.container(border=True, height="stretch"):
        waited = show_line(report, shown, grain, "time_to_first_chunk_s_p50", f"Time to first chunk per {grain}", "s", ".2f")
    with written, st.container(border=True, height="stretch"):
        wrote = show_line(report, shown, grain, "output_tokens_per_s_p50", f"Tokens a second per {grain}", "tokens/s", ".1f")
    shown.show_behind("time_to_first_chunk_s_p50", waited, border=True)
    shown.show_behind("output_tokens_per_s_p50", wrote, border=True)
    with st.container(border=True):
        st.markdown("**Speed of each model**")
        cells = show_models(report.speed, shown.key("speed"))
        shown.show_behind("speed", marks.in_models(cells, shown.wanted, report.speed))
        show_footer("speed", report.speed, shown.stamp)


def show_line(report: SpeedReport, shown: Shown, grain: Step, column: str, title: str, unit: str, form: str) -> marks.Marked | None:
    """A number of each model over time; what was clicked."""
    frame = report.over_time
    st.markdown(f"**{title}**")
    clicked: marks.Selected = []
    if frame[column].notna().any():
        days = local_days(shown.wanted.period, shown.wanted.time_zone).to_series()
        known = shown.known.models
        clicked = shown.show_chart(
            column, title, lambda: charts.speed_chart(frame, column, days, grain, unit=unit, form=form, known_models=known)
        )
    else:
        st.caption("It was measured for no answer of this period.")
    show_footer(column, frame, shown.stamp)
    return marks.in_speed(clicked, shown.wanted, grain)


def show_models(speed: pd.DataFrame, key: str) -> list[tuple[int, str]]:
    """One row per model: what half of its answers needed, and the slowest of ten and of a hundred; the cell that was clicked."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns = {
        "model_name": text("Model", pinned=True, width="medium"),
        **{
            f"{measure}_p{percentile}": number(f"{name}, {part}", format="%.2f s")
            for measure, name in (("time_to_first_chunk_s", "First chunk"), ("duration_s", "Whole answer"))
            for percentile, part in ((50, "half"), (90, "9 of 10"), (99, "99 of 100"))
        },
        "output_tokens_per_s_p50": number("Tokens/s, half", format="%.1f"),
        "output_tokens_per_s_p10": number("Tokens/s, slowest 10th", format="%.1f"),
        "prompt_tokens_per_s_p50": number("Prompt tokens/s", format="%.0f"),
        "load_share": number("Loading", format=behind.PERCENT, help="The part of the time that loading the model took"),
        "answers_with_duration_s": number("Answers", format="localized"),
        "provider": text("Provider"),
    }
    # A column that nobody knows anything for would only make the table wider.
    kept = [name for name in columns if speed[name].notna().any()]
    return behind.show_table(speed, columns, key, "Speed of each model", order=kept)
