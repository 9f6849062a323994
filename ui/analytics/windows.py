"""The card of the tab Quality that says how full the windows of models were, and which answers were cut."""

import pandas as pd
import streamlit as st

from chatcore.analytics import DEFINITIONS, context, context_fill
from chatcore.reports.tables import known_columns
from ui.analytics import behind, tool_charts, tool_marks
from ui.analytics.cards import Shown, show_footer


def show(shown: Shown) -> None:
    """Draws the card; nothing where no window of the period is known and no answer was cut."""
    windows, fills = shown.ask(context), shown.ask(context_fill)
    if windows.empty:
        return
    with st.container(border=True):
        st.markdown("**How full the model’s window was**")
        if fills["answers"].any():
            show_fills(fills, shown)
        else:
            st.caption("Of no answer of this period are the window and the prompt known.")
    with st.container(border=True):
        st.markdown("**Windows of each model**")
        show_windows(windows, shown)


def show_fills(fills: pd.DataFrame, shown: Shown) -> None:
    """How many answers had a window that was how full, with the answers behind a bar."""
    known = int(fills["answers"].sum())
    nearly, full = (int(fills["answers"][fills["fill_share_low"] >= part - 1e-9].sum()) for part in (0.8, 0.95))
    st.caption(
        f"The prompt took 80% of the window or more in {nearly / known:.1%} of the answers, 95% or more in {full / known:.1%}. "
        "The heights of the bars are by square root, so that few answers are seen too."
    )
    told = "How many answers had a window that was how full"
    clicked = shown.show_chart("context_fill", told, lambda: tool_charts.fills_chart(fills))
    shown.show_behind("context_fill", tool_marks.in_fills(clicked, shown.wanted, fills))
    show_footer("context_fill", fills, shown.stamp)


def show_windows(windows: pd.DataFrame, shown: Shown) -> None:
    """One row per model, with the answers behind the cell that was clicked."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns = {
        "model_name": text("Model", pinned=True, width="medium"),
        "answers_with_fill": number("Answers", format="localized", help="Whose prompt and window are known"),
        "fill_share_p50": number("Full, half", format=behind.PERCENT),
        "fill_share_p90": number("Full, 9 of 10", format=behind.PERCENT),
        "fill_share_p99": number("Full, 99 of 100", format=behind.PERCENT),
        "above_80_share": number("From 80%", format=behind.PERCENT, help="Of the answers whose prompt and window are known"),
        "above_95_share": number("From 95%", format=behind.PERCENT),
        "left_out": number("Left out", format="localized", help=DEFINITIONS["context"]),
        "cut_short": number("Cut short", format="localized"),
        "refused": number("Refused", format="localized"),
        "provider": text("Provider"),
    }
    known = set(known_columns("context", windows))
    told = "How full the window of each model was"
    cells = behind.show_table(windows, columns, shown.key("context"), told, order=[name for name in columns if name in known])
    shown.show_behind("context", tool_marks.in_windows(cells, shown.wanted, windows))
    show_footer("context", windows, shown.stamp)
