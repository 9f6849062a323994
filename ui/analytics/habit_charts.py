"""The charts of the tab Activity: a calendar, and how long chats are. Messages over time are those of `charts`."""

import altair as alt
import pandas as pd

from chatcore.reports import habits
from chatcore.reports.palette import PALETTE
from chatcore.reports.series import WEEKDAYS
from ui.analytics.charts import MARK, PADDING, amount, if_marked, selectable

# The pixels of a day, with the gap beside it: 53 weeks fit the card on a screen of 1,280 beside the sidebar.
DAY = 14
LEAST_BARS = 5


def calendar_chart(calendar: pd.DataFrame, tops: tuple[int, ...]) -> alt.Chart:
    """Messages by day, a week in each column and Monday on top (frame: `analytics.calendar`); `tops` as `habits.tops_of` has them."""
    fullness = habits.fullness_of(tops)
    rows = habits.cells_of(calendar, tops)
    weeks = [week.date().isoformat() for week in rows["week"].drop_duplicates()]
    data = pd.DataFrame(
        {
            "step": [day.date().isoformat() for day in rows["day"]],
            "week": [week.date().isoformat() for week in rows["week"]],
            "weekday": rows["weekday"].map(dict(enumerate(WEEKDAYS))),
            "fullness": [fullness[place] for place in rows["shade"]],
            "when": rows["when"],
            "messages": rows["messages"],
            "chats": rows["chats"],
        }
    )
    mark = alt.selection_point(name=MARK, fields=["step"], toggle=False)
    chart: alt.Chart = (
        alt.Chart(data, width=alt.Step(DAY), height=alt.Step(DAY), padding=PADDING)
        .mark_rect(color=PALETTE[0], cornerRadius=2, cursor="pointer", stroke=PALETTE[6])
        .encode(
            x=alt.X("week:O", axis=week_axis(weeks), scale=alt.Scale(domain=weeks, padding=0.1)),
            y=alt.Y("weekday:O", axis=alt.Axis(title=None, ticks=False, domain=False), scale=alt.Scale(domain=list(WEEKDAYS), padding=0.1)),
            fillOpacity=alt.FillOpacity("fullness:Q", scale=None),
            # Fading would say: fewer messages. So the day that was clicked gets an edge.
            strokeWidth=alt.StrokeWidthValue(0, condition=if_marked(2.5, empty=False)),
            tooltip=[
                alt.Tooltip("when:N", title="When"),
                alt.Tooltip("messages:Q", title="Messages", format=","),
                alt.Tooltip("chats:Q", title="Chats", format=","),
            ],
        )
        .add_params(mark)
    )
    return chart


def week_axis(weeks: list[str]) -> alt.Axis:
    """The months over the first of their weeks; over a few weeks the Mondays."""
    at = "toDate(datum.value + 'T00:00')"
    if len(weeks) <= habits.NARROW_WEEKS:
        values, text = weeks[::3], f"timeFormat({at}, '%-d %b')"
    else:
        values = [week for week in weeks if int(week[8:]) <= 7]
        text = f"timeFormat({at}, month({at}) == 0 ? '%b %Y' : '%b')"
    return alt.Axis(
        title=None, orient="top", values=values, labelExpr=text, labelAngle=0, labelAlign="left", labelOffset=-DAY // 2, ticks=False,
        domain=False, grid=False,
    )  # fmt: skip


def lengths_chart(lengths: pd.DataFrame) -> alt.Chart:
    """How many chats have how many messages (frame: `analytics.chat_lengths`)."""
    names = [habits.count_range(least, most) for least, most in zip(lengths["messages_from"], lengths["messages_to"], strict=True)]
    # One bar alone would fill the card.
    domain = [*names, *(habits.count_range(2 ** (place - 1) + 1, 2**place) for place in range(len(names), LEAST_BARS))]
    data = lengths.assign(length=names)
    chart = (
        alt.Chart(data, height=200, padding=PADDING)
        .mark_bar(color=PALETTE[0], cursor="pointer")
        .encode(
            x=alt.X(
                "length:O",
                axis=alt.Axis(title="Messages", labelAngle=0, labelOverlap=True),
                scale=alt.Scale(domain=domain, paddingInner=0.15),
            ),
            y=amount("chats"),
            tooltip=[
                alt.Tooltip("length:N", title="Messages"),
                alt.Tooltip("chats:Q", title="Chats", format=","),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
            ],
        )
    )
    return selectable(chart, "length")
