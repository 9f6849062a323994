"""The tab that says how good the answers were: how they ended over time and by model, and what was thought of them."""

import pandas as pd
import streamlit as st

from chatcore.analytics import QualityReport, quality_report
from chatcore.analytics.filters import Step, local_days
from chatcore.reports.palette import ENDED
from chatcore.reports.tables import STATES
from ui import words
from ui.analytics import behind, charts, marks, windows
from ui.analytics.cards import Shown, show_footer, show_no_match


def show(shown: Shown) -> None:
    """Draws the tab."""
    grain = shown.grain(len(ENDED))
    report = shown.ask(quality_report, step=grain)
    if report.outcomes.empty and report.feedback.empty and report.win_rates.empty:
        show_no_match("no answers")
        return
    st.caption("Click a bar or a line of a table to see the answers behind it.")
    with st.container(border=True):
        show_over_time(report, shown, grain)
    with st.container(border=True):
        st.markdown("**How answers ended**")
        cells = show_outcomes(report.outcomes, shown.key("outcomes"))
        shown.show_behind("outcomes", marks.in_outcomes(cells, shown.wanted, report.outcomes))
        show_footer("outcomes", report.outcomes, shown.stamp)
    windows.show(shown)
    # Nobody rated: there is nothing to say, and nothing that looks as if there were.
    if not report.feedback.empty:
        with st.container(border=True):
            st.markdown("**Feedback**")
            cells = show_feedback(report.feedback, shown.key("feedback"))
            shown.show_behind("feedback", marks.in_feedback(cells, shown.wanted, report.feedback))
            show_footer("feedback", report.feedback, shown.stamp)
    show_comparisons(report, shown)


def show_over_time(report: QualityReport, shown: Shown, grain: Step) -> None:
    """How answers ended over time, and the list behind a bar."""
    title = f"How answers ended per {grain}"
    st.markdown(f"**{title}**")
    days = local_days(shown.wanted.period, shown.wanted.time_zone).to_series()
    clicked = shown.show_chart("outcomes_over_time", title, lambda: charts.ended_chart(report.over_time, days, grain))
    shown.show_behind("outcomes_over_time", marks.in_ended(clicked, shown.wanted, grain))
    show_footer("outcomes_over_time", report.over_time, shown.stamp)


def show_outcomes(outcomes: pd.DataFrame, key: str) -> list[tuple[int, str]]:
    """One row per model and outcome; the cell that was clicked."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns = {
        "model_name": text("Model", pinned=True, width="medium"),
        "state": text("Ended"),
        "error_type": text("Error"),
        "answers": number("Answers", format="localized"),
        "share": number("Share", format=behind.PERCENT, help="Of the finished answers of this model"),
        "provider": text("Provider"),
    }
    named = outcomes.assign(state=outcomes["state"].map(STATES), error_type=outcomes["error_type"].map(words.error_name))
    return behind.show_table(named, columns, key, "How answers ended")


def show_feedback(feedback: pd.DataFrame, key: str) -> list[tuple[int, str]]:
    """One row per model that was rated; the cell that was clicked."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns = {
        "model_name": text("Model", pinned=True, width="medium"),
        "rated_answers": number("Rated", format="localized"),
        "up": number("Up", format="localized"),
        "down": number("Down", format="localized"),
        "up_share": number("Share up", format=behind.PERCENT),
        "up_share_low": number("At least", format=behind.PERCENT, help="The true share is between at least and at most, 19 times in 20"),
        "up_share_high": number("At most", format=behind.PERCENT),
        "provider": text("Provider"),
    }
    return behind.show_table(feedback, columns, key, "Rated answers of each model")


def show_comparisons(report: QualityReport, shown: Shown) -> None:
    """Which models were preferred in blind comparisons; what that is, where nobody has voted yet."""
    with st.container(border=True):
        st.markdown("**Blind comparisons**")
        if report.win_rates.empty:
            st.caption("Nobody has voted in this period. On the chat page, Compare sends a prompt to two models and hides which is which.")
            return
        cells = show_win_rates(report.win_rates, shown.key("win_rates"))
        shown.show_behind("win_rates", marks.in_win_rates(cells, shown.wanted, report.win_rates))
        show_footer("win_rates", report.win_rates, shown.stamp)
    with st.container(border=True):
        st.markdown("**Who met whom**")
        cells = show_pairs(report.win_rates_by_pair, shown.key("win_rates_by_pair"))
        shown.show_behind("win_rates_by_pair", marks.in_win_rates(cells, shown.wanted, report.win_rates_by_pair))
        show_footer("win_rates_by_pair", report.win_rates_by_pair, shown.stamp)


def vote_columns() -> dict[str, object]:
    """The columns that both tables of comparisons have."""
    number = st.column_config.NumberColumn
    return {
        "win_rate": number("Win rate", format=behind.PERCENT, help="Wins and half of both good and both bad, of all games"),
        "win_rate_low": number("At least", format=behind.PERCENT, help="The true rate is between at least and at most, 19 times in 20"),
        "win_rate_high": number("At most", format=behind.PERCENT),
        "games": number("Games", format="localized", help="Votes in blind comparisons"),
        "wins": number("Wins", format="localized"),
        "losses": number("Losses", format="localized"),
        "ties": number("Both good", format="localized"),
        "both_bad": number("Both bad", format="localized"),
    }


def show_win_rates(rates: pd.DataFrame, key: str) -> list[tuple[int, str]]:
    """One row per model that met another one; the cell that was clicked."""
    text = st.column_config.TextColumn
    columns = {"model_name": text("Model", pinned=True, width="medium"), **vote_columns(), "provider": text("Provider")}
    return behind.show_table(rates, columns, key, "Win rate of each model")


def show_pairs(rates: pd.DataFrame, key: str) -> list[tuple[int, str]]:
    """One row per pair of models; the cell that was clicked."""
    text = st.column_config.TextColumn
    names = {"model_name": text("Model", pinned=True), "rival_model_name": text("Against")}
    providers = {"provider": text("Provider"), "rival_provider": text("Its provider")}
    return behind.show_table(rates, names | vote_columns() | providers, key, "Win rate of each pair of models")
