"""The tab that says when was chatted: a calendar, runs of days, messages over time, and which chats and how long they are."""

import uuid

import pandas as pd
import streamlit as st

from chatcore.analytics import Habits, habits, top_chats
from chatcore.analytics.filters import FineStep
from chatcore.reports import habits as told
from chatcore.reports.palette import PALETTE
from chatcore.reports.tiles import Tile
from ui import app
from ui.analytics import behind, charts, habit_charts, marks
from ui.analytics.cards import Shown, show_footer, show_no_match

STEP, YEAR = "analytics.step", "analytics.year"
STEP_PARAM, YEAR_PARAM = "by", "year"
NEWEST = "Last 12 months"


def show(shown: Shown) -> None:
    """Draws the tab."""
    steps = told.steps_of((shown.choice.last - shown.choice.first).days + 1)
    step = chosen_step(steps, shown)
    found = shown.ask(habits, now=shown.as_of.minute, step=step)
    if not found.calendar["messages"].any():
        show_no_match("no messages")
        return
    st.caption("Click a day or a bar to see what is behind it, and a chat to open it.")
    with st.container(border=True):
        show_calendar(found, shown)
    left, right = st.columns(2)
    with left, st.container(border=True, height="stretch"):
        st.markdown("**Days in a row**")
        show_pair(told.streak_tiles(found.streaks))
        show_footer("streaks", found.streaks, shown.stamp)
    with right, st.container(border=True, height="stretch"):
        st.markdown("**A typical chat**")
        show_pair(told.depth_tiles(found.depth))
        show_footer("chat_depth", found.depth, shown.stamp)
    with st.container(border=True):
        show_over_time(found.over_time, shown, steps, step)
    with st.container(border=True):
        meant = show_lengths(found.lengths, shown)
    with st.container(border=True):
        show_top(found, shown, meant)


def show_calendar(found: Habits, shown: Shown) -> None:
    """The days of the period, at most a year of them beside each other."""
    whole = found.calendar
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("**Calendar**", width="content")
        year = chosen_year(whole)
    calendar = days_of(whole, year)
    tops = told.tops_of(whole["messages"])
    name = f"calendar.{year}"
    with st.container(key="analytics_calendar"):
        clicked = shown.show_chart(
            name,
            "Messages of each day, a week in each column",
            lambda: habit_charts.calendar_chart(calendar, tops),
            width="content",
        )
    show_shades(tops)
    st.caption(f"{told.busiest_day(calendar)} Days in {shown.wanted.time_zone}.".strip())
    shown.show_behind(name, marks.in_calendar(clicked, shown.wanted))
    show_footer("calendar", whole, shown.stamp)


def show_shades(tops: tuple[int, ...]) -> None:
    """What the shades of the calendar stand for."""
    shades = zip(told.shade_names(tops), told.fullness_of(tops), strict=True)
    entries = (f'<li><i style="background: {PALETTE[0]}; opacity: {fullness}"></i>{name}</li>' for name, fullness in shades)
    st.html(f'<ul class="calendar-shades" aria-label="Messages of a day">{"".join(entries)}</ul>')


def chosen_year(calendar: pd.DataFrame) -> str:
    """The year that is drawn, as it stands in the URL, with a choice where there are days of more than one; NEWEST for the newest."""
    if len(told.newest_weeks(calendar)) == len(calendar):
        return NEWEST
    years = [str(year) for year in sorted(set(calendar["day"].dt.year), reverse=True)]
    named = st.query_params.get(YEAR_PARAM, NEWEST)
    # A year outside of the period is that of another choice, and comes back with it.
    year = named if named in years else NEWEST
    st.session_state[YEAR] = year
    st.selectbox(
        "Year", [NEWEST, *years], key=YEAR, label_visibility="collapsed", width=180, on_change=keep, args=(YEAR, YEAR_PARAM, NEWEST)
    )
    return year


def days_of(calendar: pd.DataFrame, year: str) -> pd.DataFrame:
    """The days of the calendar that are drawn."""
    return told.newest_weeks(calendar) if year == NEWEST else calendar[calendar["day"].dt.year == int(year)]


def keep(key: str, param: str, usual: str) -> None:
    """Writes what a control shows into the URL; what is usual is left out."""
    if st.session_state[key] == usual:
        st.query_params.pop(param, None)
    else:
        st.query_params[param] = st.session_state[key]


def show_pair(tiles: tuple[Tile, ...]) -> None:
    """Two numbers beside each other, each with what it is of."""
    with st.grid(2, min_column_width=130, gap="small"):
        for tile in tiles:
            with st.container(gap=None):
                st.metric(tile.label, tile.value)
                st.caption(tile.detail)


def chosen_step(steps: tuple[FineStep, ...], shown: Shown) -> FineStep:
    """The step of the messages over time, as it stands in the URL; where that one does not suit the period, one that does."""
    named = st.query_params.get(STEP_PARAM)
    return next((step for step in steps if step == named), usual_step(steps, shown))


def usual_step(steps: tuple[FineStep, ...], shown: Shown) -> FineStep:
    """The step of somebody who has chosen none."""
    usual = shown.grain(2)
    return usual if usual in steps else steps[0]


def show_over_time(over_time: pd.DataFrame, shown: Shown, steps: tuple[FineStep, ...], step: FineStep) -> None:
    """Messages over time, with a choice of the step."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("**Messages over time**", width="content")
        st.session_state[STEP] = step
        st.segmented_control(
            "By",
            steps,
            key=STEP,
            required=True,
            format_func=str.capitalize,
            label_visibility="collapsed",
            on_change=keep,
            args=(STEP, STEP_PARAM, usual_step(steps, shown)),
        )
    starts = over_time["start"] + pd.to_timedelta(over_time["hour"], unit="h") if step == "hour" else over_time["start"]
    # A chart by hours has other marks than one by days.
    name = f"activity_over_time.{step}"
    told = f"Messages of you and of models by {step}"
    clicked = shown.show_chart(name, told, lambda: charts.messages_chart(over_time.assign(day=starts), step))
    shown.show_behind(name, marks.in_messages(clicked, shown.wanted, step))
    show_footer("activity_over_time", over_time, shown.stamp)


def show_lengths(lengths: pd.DataFrame, shown: Shown) -> marks.Lengths | None:
    """How long chats are; the bar that was clicked."""
    st.markdown("**Length of chats**")
    told = "How many chats have how many messages"
    clicked = shown.show_chart("chat_lengths", told, lambda: habit_charts.lengths_chart(lengths))
    show_footer("chat_lengths", lengths, shown.stamp)
    return marks.in_lengths(clicked, lengths)


def show_top(found: Habits, shown: Shown, meant: marks.Lengths | None) -> None:
    """The chats with most messages, or with as many as were clicked; a click on one opens it."""
    table, title = found.top, "Top chats"
    if meant:
        table = shown.ask(top_chats, least=meant.least, most=meant.most)
        title = f"Chats with {told.count_range(meant.least, meant.most)} {'message' if meant.most == 1 else 'messages'}"
    st.markdown(f"**{title}**")
    cells = show_chats(table, shown.wanted.time_zone, shown.key(f"top_chats.{title}"))
    row = marks.row_of(cells, table)
    if row is not None and pd.isna(row["chat_id"]):
        st.caption("These chats were deleted for good and cannot be opened. What they used is still known.")
    elif row is not None:
        app.open_chat(uuid.UUID(row["chat_id"]))
    show_footer("top_chats", table, shown.stamp)


def show_chats(chats: pd.DataFrame, own_zone: str, key: str) -> list[tuple[int, str]]:
    """One row per chat; the cell that was clicked."""
    number, text, time = st.column_config.NumberColumn, st.column_config.TextColumn, st.column_config.DatetimeColumn
    columns = {
        "title": text("Chat", pinned=True, width="medium"),
        "messages": number("Messages", format="localized"),
        "input_tokens": number("Tokens in", format="localized"),
        "output_tokens": number("Tokens out", format="localized"),
        "first_message_at": time("First message", format="D MMM YYYY, HH:mm", timezone=own_zone),
        "last_message_at": time("Last message", format="D MMM YYYY, HH:mm", timezone=own_zone),
        "place": text("", width="small"),
    }
    shown = chats.assign(place=chats["in_trash"].map({True: "In the trash", False: ""}))
    order = [name for name in columns if name != "place" or chats["in_trash"].any()]
    return behind.show_table(shown, columns, key, "Chats with their messages and tokens", order=order)
