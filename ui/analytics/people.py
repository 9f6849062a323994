"""The tab of an owner that says who uses the installation: numbers of everybody, never what they wrote."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from chatcore import analytics
from chatcore.analytics import Filters
from chatcore.analytics.filters import local_days
from ui import words
from ui.analytics import charts
from ui.analytics.cards import AsOf, Shown, drawn, show_footer, show_no_match


def show(shown: Shown) -> None:
    """Draws the tab. Of the filters the period, the models, the role and the origin hold: tags and folders are each person's own."""
    everybody = of_everybody(shown)
    analytics.keep_sums(shown.db, shown.person, everybody.wanted.time_zone)
    grain = everybody.grain(1)
    people = everybody.ask(analytics.people)
    if people.empty:
        show_no_match("no messages and no answers, nor has anybody else,")
        return
    st.caption(
        f"{words.plural(len(people), 'person', 'people')} with a message or an answer in this period. "
        "Numbers only: what people write is theirs alone."
    )
    with st.container(border=True):
        st.markdown(f"**Active people per {grain}**")
        active = everybody.ask(analytics.active_people, step=grain)
        days = local_days(everybody.wanted.period, everybody.wanted.time_zone).to_series()
        spec = drawn(everybody.as_of, everybody.wanted, "active_people", lambda: charts.people_chart(active, days, grain))
        st.vega_lite_chart(spec=spec, width="stretch", alt=f"Active people per {grain}")
        show_footer("active_people", active, shown.stamp)
    with st.container(border=True):
        st.markdown("**People**")
        show_people(people, everybody.wanted)
        show_footer("people", people, shown.stamp)
    with st.container(border=True):
        st.markdown("**Who asked which model**")
        asked = everybody.ask(analytics.people_models)
        show_matrix(asked)
        show_footer("people_models", asked, shown.stamp)


def of_everybody(shown: Shown) -> Shown:
    """The same choice over everybody; its news are everybody's too."""
    news = analytics.activity(shown.db, shown.person, everybody=True) or shown.as_of.news
    as_of = AsOf(shown.as_of.database, shown.as_of.viewer, news, shown.as_of.minute)
    return replace(shown, wanted=replace(shown.wanted, everybody=True, tags=(), folder=None), as_of=as_of)


def show_people(people: pd.DataFrame, wanted: Filters) -> None:
    """One row per person."""
    number = st.column_config.NumberColumn
    columns = {
        "name": st.column_config.TextColumn("Person", pinned=True, width="medium"),
        "messages": number("Messages", format="localized"),
        "answers": number("Answers", format="localized"),
        "input_tokens": number("Tokens in", format="localized"),
        "output_tokens": number("Tokens out", format="localized"),
        "failed": number("Failed", format="localized"),
        "last_active_at": st.column_config.DatetimeColumn("Last active", format="D MMM YYYY, HH:mm", timezone=wanted.time_zone),
    }
    st.dataframe(
        people, column_config=columns, column_order=list(columns), hide_index=True, alt="Messages, answers and tokens of each person"
    )


def show_matrix(asked: pd.DataFrame) -> None:
    """People down, models across, the most asked first; an empty cell is a model that a person never asked."""
    if asked.empty:
        st.caption("Nobody asked a model in this period.")
        return
    cells = asked.pivot_table(index=["user_id", "name"], columns="model_name", values="answers", aggfunc="sum")
    cells = cells[cells.sum().sort_values(ascending=False, kind="stable").index]
    cells = cells.loc[cells.sum(axis=1).sort_values(ascending=False, kind="stable").index].reset_index()
    heads = {model: st.column_config.NumberColumn(model, format="localized") for model in cells.columns[2:]}
    columns = {"name": st.column_config.TextColumn("Person", pinned=True, width="medium"), **heads}
    st.dataframe(cells, column_config=columns, column_order=list(columns), hide_index=True, alt="Answers of each person by model")
