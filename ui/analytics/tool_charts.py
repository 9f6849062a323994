"""The charts of the tab Tools, and of how full windows were."""

import altair as alt
import pandas as pd

from chatcore.analytics.filters import Step
from chatcore.reports import series
from chatcore.reports.palette import CALLS_ENDED, FULLNESS, PALETTE
from ui.analytics.charts import CHART_HEIGHT, PADDING, amount, ended_colour, ends_chart, legend, selectable

# The pixels of a tool's bar with the gap beside it.
TOOL = 26
LEAST_BARS = 5


def over_time_chart(over_time: pd.DataFrame, days: pd.Series, grain: Step) -> alt.Chart:
    """Calls over time by how they ended (frame: `analytics.tools_over_time`)."""
    share = alt.Tooltip("share:Q", title="Of those that ended", format=".1%")
    return ends_chart(series.calls_by_step(over_time), "calls", share, days, grain, CALLS_ENDED)


def tools_chart(tools: pd.DataFrame) -> alt.Chart:
    """Calls of each tool by how they ended, the most called on top (frame: `analytics.tools`)."""
    rows, order = series.calls_by_tool(tools)
    rows["rank"] = rows["ended"].map({name: place for place, name in enumerate(CALLS_ENDED)})
    tooltip = [
        alt.Tooltip("tool:N", title="Tool"),
        alt.Tooltip("ended:N", title="Ended"),
        alt.Tooltip("calls:Q", title="Calls", format=","),
        alt.Tooltip("share:Q", title="Of those that ended", format=".1%"),
    ]
    across = alt.X("calls:Q", title=None, stack="zero", axis=alt.Axis(format="~s", tickCount=4, tickMinStep=1))
    down = alt.Y("tool:N", title=None, axis=alt.Axis(labelLimit=150, ticks=False, domain=False), scale=alt.Scale(domain=order))
    chart: alt.Chart = (
        alt.Chart(rows, height=alt.Step(TOOL), padding=PADDING)
        .mark_bar(cursor="pointer")
        .encode(x=across, y=down, color=ended_colour(CALLS_ENDED), order=alt.Order("rank:Q"), tooltip=tooltip)
    )
    return selectable(chart, "tool", "state")


def rounds_chart(rounds: pd.DataFrame) -> alt.Chart:
    """How many answers stopped for tools how often (frame: `analytics.tool_rounds`)."""
    most = max([*rounds["rounds"].to_list(), LEAST_BARS])
    tooltip = [
        alt.Tooltip("rounds:O", title="Rounds with tools"),
        alt.Tooltip("answers:Q", title="Answers", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
        alt.Tooltip("calls:Q", title="Calls in them", format=","),
    ]
    axis = alt.Axis(title="Rounds with tools", labelAngle=0, labelOverlap=True)
    chart = (
        alt.Chart(rounds, height=200, padding=PADDING)
        .mark_bar(color=PALETTE[0], cursor="pointer")
        .encode(
            x=alt.X("rounds:O", axis=axis, scale=alt.Scale(domain=list(range(1, most + 1)), paddingInner=0.15)),
            y=amount("answers"),
            tooltip=tooltip,
        )
    )
    return selectable(chart, "rounds")


def fills_chart(fills: pd.DataFrame) -> alt.Chart:
    """How many answers had a window that was how full (frame: `analytics.context_fill`). Full windows are few beside the others, so the
    heights are square roots, which is said above."""
    rows = series.fills_by_part(fills)
    tooltip = [
        alt.Tooltip("name:N", title="Of the window"),
        alt.Tooltip("answers:Q", title="Answers", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
    ]
    starts = alt.Axis(title="Full, at least", labelExpr="datum.value * 5 + '%'", labelAngle=0, values=list(range(0, 21, 4)))
    colours = alt.Scale(domain=list(FULLNESS), range=list(FULLNESS.values()))
    chart = (
        alt.Chart(rows, height=CHART_HEIGHT, padding=PADDING)
        .mark_bar(cursor="pointer")
        .encode(
            x=alt.X("part:O", axis=starts, scale=alt.Scale(paddingInner=0.15)),
            y=alt.Y("answers:Q", title=None, scale=alt.Scale(type="sqrt"), axis=alt.Axis(format="~s", tickCount=3, tickMinStep=1)),
            color=alt.Color("room:N", title=None, scale=colours, legend=legend(len(FULLNESS))),
            tooltip=tooltip,
        )
    )
    return selectable(chart, "part")
