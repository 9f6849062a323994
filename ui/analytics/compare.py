"""The tab that compares two periods: what changed, by how much, and whether it is more than noise. What with stands in the URL (`vs`)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import streamlit as st

from chatcore.analytics import Against, Pair, compare_periods, pair_of, read_against
from chatcore.analytics.filters import local_days
from chatcore.analytics.intervals import FEWEST_DAYS
from chatcore.analytics.ranges import EARLIEST, LATEST, days_text
from chatcore.errors import Invalid
from chatcore.reports.changes import Change, arrow, by_chance, changes_of, empty_sides, headlines, of_models, over_all
from ui import words
from ui.analytics import behind, marks
from ui.analytics.cards import Shown, show_footer

PARAM = "vs"
KIND, DAY, DAYS = "analytics.vs", "analytics.vs_day", "analytics.vs_days"
KINDS = {
    "previous": "The period before",
    "year": "The same days a year earlier",
    "day": "Before and after a day",
    "days": "Other days",
}
# Of a model what most people want to know of it; the rest is under "Numbers".
OF_A_MODEL = {
    "median_output_tokens_per_s": "Tokens/s",
    "median_time_to_first_chunk_s": "First chunk",
    "failed_share": "Failed",
    "answers_per_day": "Answers a day",
}
COLOURS = {"better": "green", "worse": "red"}


def show(shown: Shown) -> None:
    """Draws the tab."""
    against = show_choice(shown)
    if against.kind == "previous" and shown.choice.range == "all":
        st.info("There is nothing before all time. Choose a day to compare before and after it.", icon=":material/info:")
        return
    pair = pair_of(shown.wanted, against, now=shown.as_of.minute)
    before, after = (replace(shown.wanted, period=period) for period in (pair.before, pair.after))
    frame = replace(shown, wanted=after).ask(compare_periods, other=pair.before, now=shown.as_of.minute)
    rows, models, name = over_all(frame), of_models(frame), f"compare.{against}"
    if empty := empty_sides(frame):
        show_nothing(empty, pair, shown.wanted.time_zone)
        return
    zone = shown.wanted.time_zone
    with st.container(border=True):
        st.markdown("**What changed**")
        st.markdown("\n".join(f"- {words.plain(sentence)}" for sentence in headlines(frame)))
        st.caption(f"Before: {days_text(pair.before, zone)}. After: {days_text(pair.after, zone)}. Click a number to see its answers.")
        cells = show_all(rows, shown.key(name))
        shown.show_behind(name, marks.in_changes(cells, rows, before, after))
        show_footer("compare_periods", frame, f"{shown.stamp}_vs_{against}")
        if chance := by_chance(frame):
            st.caption(f"{chance} Another mix of models changes the numbers over all of them; below is each by itself.")
        if min(len(local_days(period, zone)) for period in (pair.before, pair.after)) < FEWEST_DAYS:
            st.caption(f"On fewer than {FEWEST_DAYS} days it cannot be known how much days differ, so more than noise is said too easily.")
    if models.empty:
        st.caption("No model was used in both periods, so none is compared by itself.")
        return
    with st.container(border=True):
        st.markdown("**Each model that was used in both periods**")
        table = by_model(models)
        cells = show_models(table, shown.key(f"models.{name}"))
        shown.show_behind(f"models.{name}", marks.in_changed_models(cells, table, before, after))
        st.caption("▲ and ▼ are more than noise; what has no arrow could be noise; a dash is too little to say.")


def show_nothing(empty: Sequence[str], pair: Pair, time_zone: str) -> None:
    """What stands instead of a comparison where a period has nothing."""
    periods = [pair.before if side == "before" else pair.after for side in empty]
    with st.container(border=True):
        st.markdown("**Nothing to compare**")
        days = " and none from ".join(days_text(period, time_zone) for period in periods)
        st.markdown(f"There are no messages and no answers from {days}. Choose another period above, or other days to compare with.")


# --- what with ---------------------------------------------------------------------------------------------------


def show_choice(shown: Shown) -> Against:
    """Draws the controls and returns what the URL says; what was wrong in it is told."""
    text = st.query_params.get(PARAM, "previous")
    try:
        against, note = read_against(text), ""
    except Invalid:
        against, note = Against("previous"), "The address names nothing to compare with; the period before is shown."
    # Only a new URL moves the widgets: days that are half picked must not be thrown away by a rerun.
    if st.session_state.get("analytics.vs_url") != text or KIND not in st.session_state:
        st.session_state["analytics.vs_url"] = text
        st.session_state[KIND] = against.kind
        fill_days(against.days, shown)
    with st.grid(3, min_column_width=200, gap="small", vertical_alignment="bottom"):
        st.selectbox("Compare with", list(KINDS), format_func=KINDS.__getitem__, key=KIND, on_change=keep_kind, args=(shown,))
        if against.kind == "day":
            st.date_input("Day of the change", key=DAY, min_value=EARLIEST, max_value=LATEST, format="YYYY-MM-DD", on_change=keep)
        if against.kind == "days":
            st.date_input("Days before", key=DAYS, min_value=EARLIEST, max_value=LATEST, format="YYYY-MM-DD", on_change=keep)
    if note:
        st.info(note, icon=":material/info:")
    return against


def fill_days(days: Sequence[date], shown: Shown) -> None:
    """What the fields of days show: those that were chosen, else the middle of the period, and as many days before it."""
    first, last = shown.choice.first, shown.choice.last
    st.session_state[DAY] = days[0] if len(days) == 1 else first + (last - first + timedelta(days=1)) // 2
    earlier = max(first - (last - first) - timedelta(days=1), EARLIEST), max(first - timedelta(days=1), EARLIEST)
    st.session_state[DAYS] = tuple(days) if len(days) == 2 else earlier


def keep_kind(shown: Shown) -> None:
    """Another way to compare was chosen: the days begin with what is near."""
    fill_days((), shown)
    keep()


def keep() -> None:
    """Writes what the widgets show into the URL, once the days are whole."""
    kind = st.session_state[KIND]
    days: tuple[date, ...] = ()
    if kind == "day":
        days = (st.session_state[DAY],)
    elif kind == "days":
        days = tuple(st.session_state[DAYS])
    if kind == "days" and len(days) != 2:
        return
    if kind == "previous":
        st.query_params.pop(PARAM, None)
    else:
        st.query_params[PARAM] = str(Against(kind, days))


# --- tables ------------------------------------------------------------------------------------------------------


def show_all(rows: pd.DataFrame, key: str) -> list[tuple[int, str]]:
    """One row per measure over all models; the cell that was clicked."""
    changes = changes_of(rows)
    text = st.column_config.TextColumn
    sides = rows[["before", "after"]].fillna(0)
    most = sides.max(axis=1)
    bars = sides.div(most.mask(most == 0, 1), axis=0).to_numpy().tolist()
    table = pd.DataFrame(
        {
            "label": [change.label for change in changes],
            "before": [change.before for change in changes],
            "after": [change.after for change in changes],
            "bars": bars,
            "change": [arrow(change) for change in changes],
            "verdict": [verdict_text(change) for change in changes],
            "between": [change.between or None for change in changes],
            "over": [change.over for change in changes],
        }
    )
    columns = {
        "label": text("", pinned=True),
        "before": text("Before"),
        "after": text("After"),
        "change": text("Change"),
        "verdict": text("More than noise?"),
        "bars": st.column_config.BarChartColumn("", width="small", y_min=0, y_max=1, help="Before and after"),
        "between": text("Difference between", help="The true difference lies between these 19 times in 20"),
        "over": text("Over", help="Answers or whole days before and after"),
    }
    return behind.show_table(table, columns, key, "What changed from one period to the other")


def verdict_text(change: Change) -> str:
    """The verdict, and whether it is for the better."""
    return f"{change.verdict.value.capitalize()}: {change.means}" if change.means else change.verdict.value.capitalize()


def by_model(models: pd.DataFrame) -> pd.DataFrame:
    """One row per model: for each measure of OF_A_MODEL before, after and the change; as texts."""
    rows = []
    for (provider, model), own in models.groupby(["provider", "model_name"], sort=False):
        row: dict[str, object] = {"provider": provider, "model_name": model}
        for change in changes_of(own[own["measure"].isin(OF_A_MODEL)]):
            row |= {f"{change.measure}.before": change.before, f"{change.measure}.after": change.after}
            row[f"{change.measure}.change"] = arrow(change) if change.verdict.value != "too little to say" else None
        rows.append(row)
    return pd.DataFrame(rows)


def show_models(table: pd.DataFrame, key: str) -> list[tuple[int, str]]:
    """The frame of `by_model`; the cell that was clicked."""
    text = st.column_config.TextColumn
    columns = {"model_name": text("Model", pinned=True, width="medium")}
    for measure, name in OF_A_MODEL.items():
        for part in ("before", "after", "change"):
            columns[f"{measure}.{part}"] = text(f"{name}, {part}")
    return behind.show_table(table, columns | {"provider": text("Provider")}, key, "What changed of each model")
