"""The charts of the analytics page: at most about 400 marks each, the same colour for a model everywhere.

Days are sent as text and drawn as bands: a browser in another zone than the viewer's cannot shift them.
"""

from collections.abc import Callable, Mapping, Sequence

import altair as alt
import pandas as pd
from altair.utils.schemapi import debug_mode

from chatcore.analytics.filters import FineStep, Step, starts_of
from chatcore.reports import series
from chatcore.reports.palette import ENDED, GREY, PALETTE, shown_colours
from chatcore.reports.series import MACHINES, PEOPLE, WEEKDAYS, hour_label, label_of

# A chart as Vega-Lite has it, with its data.
Spec = dict[str, object]
# The name under which the browser sends the mark that was clicked.
MARK = "mark"
CHART_HEIGHT = 280
PADDING = 0  # the card around the chart has its own


def messages_chart(per_day: pd.DataFrame, grain: FineStep) -> alt.Chart:
    """Messages over time, of people and of models on top of each other (frame: `analytics.messages_per_day`)."""
    rows = series.messages_by_step(per_day, grain)
    tooltip = [
        alt.Tooltip("when:N", title="When"),
        alt.Tooltip("author:N", title="By"),
        alt.Tooltip("messages:Q", title="Messages", format=","),
    ]
    colour = alt.Color("author:N", title=None, scale=alt.Scale(domain=[PEOPLE, MACHINES], range=[PALETTE[0], GREY]), legend=legend(2))
    chart = bars(rows, rows["step"].drop_duplicates(), grain).encode(
        y=amount("messages"), color=colour, order=alt.Order("author:N", sort="descending"), tooltip=tooltip
    )
    return selectable(chart, "step", "author")


def tokens_chart(per_day: pd.DataFrame, days: pd.Series, grain: Step, *, known_models: Sequence[str]) -> alt.Chart:
    """Tokens over time by model (frame: `analytics.tokens_per_day`); `days` are all days of the range, empty ones too."""
    rows, domain = series.tokens_by_step(per_day, grain)
    rows["rank"] = rows["model"].map({model: place for place, model in enumerate(domain)})
    tooltip = [
        alt.Tooltip("when:N", title="When"),
        alt.Tooltip("model:N", title="Model"),
        alt.Tooltip("tokens:Q", title="Tokens", format=","),
        alt.Tooltip("input_tokens:Q", title="Tokens in", format=","),
        alt.Tooltip("output_tokens:Q", title="Tokens out", format=","),
        alt.Tooltip("answers:Q", title="Answers", format=","),
    ]
    colour = alt.Color(
        "model:N", title=None, scale=alt.Scale(domain=domain, range=shown_colours(domain, known_models)), legend=legend(len(domain))
    )
    chart = bars(rows[rows["tokens"] > 0], starts_of(days, grain).drop_duplicates(), grain).encode(
        y=amount("tokens"), color=colour, order=alt.Order("rank:Q"), tooltip=tooltip
    )
    return selectable(chart, "step", "model")


def speed_chart(
    over_time: pd.DataFrame, column: str, days: pd.Series, grain: Step, *, unit: str, form: str, known_models: Sequence[str]
) -> alt.LayerChart:
    """A number of each model over time as a line (frame: `analytics.speed_over_time`)."""
    rows, domain = series.speed_by_step(over_time, column)
    tooltip = [
        alt.Tooltip("when:N", title="When"),
        alt.Tooltip("line:N", title="Model"),
        alt.Tooltip("value:Q", title=f"Half of the answers, {unit}", format=form),
        alt.Tooltip("answers:Q", title="Answers", format=","),
    ]
    scale = alt.Scale(domain=domain, range=shown_colours(domain, known_models))
    # A title beside the numbers would take the room of the names above from a narrow screen.
    numbers = alt.Axis(labelExpr="datum.value ? datum.value + ' s' : '0'", tickCount=4) if unit == "s" else alt.Axis(tickCount=4)
    base = over_steps(rows, starts_of(days, grain).drop_duplicates(), grain).encode(
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=True), axis=numbers),
        color=alt.Color("line:N", title=None, scale=scale, legend=legend(len(domain))),
    )
    points = base.mark_point(filled=True, size=55, cursor="pointer").encode(tooltip=tooltip)
    layers: alt.LayerChart = base.mark_line(strokeWidth=2) + selectable(points, "step", "provider", "model")
    return layers.properties(height=CHART_HEIGHT, padding=PADDING)


def ended_chart(over_time: pd.DataFrame, days: pd.Series, grain: Step) -> alt.Chart:
    """How answers ended over time (frame: `analytics.outcomes_over_time`)."""
    share = alt.Tooltip("share:Q", title="Of the finished", format=".1%")
    return ends_chart(series.outcomes_by_step(over_time), "answers", share, days, grain, ENDED)


def ends_chart(rows: pd.DataFrame, counted: str, share: alt.Tooltip, days: pd.Series, grain: Step, colours: Mapping[str, str]) -> alt.Chart:
    """How much of the column `counted` ended how, in each `step`; what stands first in `colours`, which went well, lies at the bottom."""
    rows["rank"] = rows["ended"].map({name: place for place, name in enumerate(colours)})
    tooltip = [
        alt.Tooltip("when:N", title="When"),
        alt.Tooltip("ended:N", title="Ended"),
        alt.Tooltip(f"{counted}:Q", title=counted.capitalize(), format=","),
        share,
    ]
    chart = bars(rows, starts_of(days, grain).drop_duplicates(), grain).encode(
        y=amount(counted), color=ended_colour(colours), order=alt.Order("rank:Q"), tooltip=tooltip
    )
    return selectable(chart, "step", "state")


def ended_colour(colours: Mapping[str, str]) -> alt.Color:
    """How something ended, in its colour."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color("ended:N", title=None, scale=scale, legend=legend(len(colours)))


def cost_chart(over_time: pd.DataFrame, days: pd.Series, grain: Step, *, known_models: Sequence[str]) -> alt.Chart:
    """Known cost over time by model (frame: `analytics.cost_over_time`); `days` are all days of the range, empty ones too."""
    rows, domain = series.cost_by_step(over_time)
    rows["rank"] = rows["model"].map({model: place for place, model in enumerate(domain)})
    tooltip = [
        alt.Tooltip("when:N", title="When"),
        alt.Tooltip("model:N", title="Model"),
        alt.Tooltip("cost_usd:Q", title="Cost, USD", format=",.4f"),
        alt.Tooltip("answers_with_cost:Q", title="Answers with a price", format=","),
    ]
    colour = alt.Color(
        "model:N", title=None, scale=alt.Scale(domain=domain, range=shown_colours(domain, known_models)), legend=legend(len(domain))
    )
    dollars = alt.Axis(labelExpr="'$' + format(datum.value, '~g')", tickCount=4)
    chart = bars(rows[rows["cost_usd"] > 0], starts_of(days, grain).drop_duplicates(), grain).encode(
        y=alt.Y("cost_usd:Q", title=None, stack="zero", axis=dollars), color=colour, order=alt.Order("rank:Q"), tooltip=tooltip
    )
    return selectable(chart, "step", "model")


def people_chart(over_time: pd.DataFrame, days: pd.Series, grain: Step) -> alt.Chart:
    """Active people over time (frame: `analytics.active_people`); there is no list behind a bar."""
    rows = over_time.rename(columns={"start": "step"})
    tooltip = [
        alt.Tooltip("when:N", title="When"),
        alt.Tooltip("people:Q", title="People", format=","),
        alt.Tooltip("messages:Q", title="Messages", format=","),
    ]
    domain = starts_of(days, grain).drop_duplicates()
    chart: alt.Chart = over_steps(rows, domain, grain).properties(height=CHART_HEIGHT, padding=PADDING).mark_bar(color=PALETTE[0])
    return chart.encode(y=amount("people"), tooltip=tooltip)


def spec_of(make: Callable[[], alt.Chart | alt.LayerChart]) -> Spec:
    """The chart that `make` makes, for the browser. It is not checked against the schema of Vega-Lite, which took 40 % of
    the time of the script (by a profile); the tests do that."""
    with debug_mode(False):
        chart = make()
        # The rows go beside the drawing: Streamlit packs a frame faster than Altair writes it out.
        rows, chart.data = chart.data, alt.NamedData(name="rows")
        spec: Spec = chart.to_dict(validate=False)
    # Sizes and colours that Altair adds where nobody set any; the page has its own.
    spec.pop("config", None)
    return spec | {"datasets": {"rows": rows}}


def bars(rows: pd.DataFrame, domain: pd.Series, grain: FineStep) -> alt.Chart:
    """Stacked bars over the steps of `domain`."""
    chart: alt.Chart = over_steps(rows, domain, grain).properties(height=CHART_HEIGHT, padding=PADDING).mark_bar(cursor="pointer")
    return chart


def over_steps(rows: pd.DataFrame, domain: pd.Series, grain: FineStep) -> alt.Chart:
    """A chart over the steps of `domain`, with as many labels as fit a narrow screen."""
    texts = [text_of(step, grain) for step in domain]
    labelled = texts[:: max(1, -(-len(texts) // 6))]
    form = {"hour": "%-d %b, %H:%M", "month": "%b %Y"}.get(grain, "%-d %b")
    time = "" if grain == "hour" else "T00:00"
    axis = alt.Axis(
        title=None,
        values=labelled,
        labelExpr=f"timeFormat(toDate(datum.value + '{time}'), '{form}')",
        labelAngle=0,
        labelOverlap=True,
        labelFlush=False,
        grid=False,
    )
    data = rows.assign(step=[text_of(step, grain) for step in rows["step"]], when=[label_of(step, grain) for step in rows["step"]])
    x = alt.X("step:O", axis=axis, scale=alt.Scale(domain=texts, paddingInner=0.15 if len(texts) <= 100 else 0.05))
    chart: alt.Chart = alt.Chart(data).encode(x=x)
    return chart


def text_of(step: pd.Timestamp, grain: FineStep) -> str:
    """A step as it is sent: 2026-03-14, or 2026-03-14T09:00 for an hour."""
    return f"{step:%Y-%m-%dT%H:%M}" if grain == "hour" else step.date().isoformat()


def selectable(chart: alt.Chart, *fields: str) -> alt.Chart:
    """The chart with marks that can be clicked; the others fade. MARK holds these fields of the one that was."""
    mark = alt.selection_point(name=MARK, fields=list(fields), toggle=False)
    clickable: alt.Chart = chart.add_params(mark).encode(opacity=alt.OpacityValue(0.35, condition=if_marked(1)))
    return clickable


def if_marked(value: float, *, empty: bool = True) -> dict[str, object]:
    """That a mark which is clicked has this value, and without `empty=False` every mark as long as none is. As `alt.condition` has it,
    which Altair takes 30 ms to turn into an object."""
    return {"param": MARK, "value": value} | ({} if empty else {"empty": False})


def amount(field: str) -> alt.Y:
    """A count from 0 up, in whole numbers, with a few lines to read it by."""
    return alt.Y(
        f"{field}:Q",
        title=None,
        stack="zero",
        axis=alt.Axis(labelExpr="datum.value ? format(datum.value, '~s') : '0'", tickCount=4, tickMinStep=1),
    )


def legend(entries: int) -> alt.Legend:
    """Names over the chart, in as many columns as a narrow screen has room for."""
    return alt.Legend(
        orient="top",
        direction="horizontal",
        columns=min(entries, 2),
        labelLimit=115,  # two columns of them fit a screen of 390 pixels
        symbolSize=70,
        symbolType="square",
        offset=8,
        padding=0,
    )


def busy_hours_chart(hours: pd.DataFrame) -> alt.Chart:
    """Messages by weekday and hour (frame: `analytics.busy_hours`): the fuller the colour, the more. Opacity instead of
    a colour scale, because it reads the same on a light and on a dark page."""
    day = hours["weekday"].map(dict(enumerate(WEEKDAYS)))
    when = [hour_label(weekday, hour) for weekday, hour in zip(hours["weekday"], hours["hour"], strict=True)]
    most = max(int(hours["messages"].max()), 1)
    opacity = alt.FillOpacity("messages:Q", scale=alt.Scale(domain=[0, most], range=[0.08, 1]), legend=None)
    hour_axis = alt.Axis(
        title=None, values=[0, 6, 12, 18, 23], labelExpr="(datum.value < 10 ? '0' : '') + datum.value + ':00'", labelAngle=0
    )
    mark = alt.selection_point(name=MARK, fields=["day", "hour"], toggle=False)
    chart: alt.Chart = (
        alt.Chart(hours.assign(day=day, when=when), height=230, padding=PADDING)
        .mark_rect(color=PALETTE[0], cornerRadius=2, cursor="pointer", stroke=PALETTE[6])
        .encode(
            x=alt.X("hour:O", axis=hour_axis, scale=alt.Scale(padding=0.08)),
            y=alt.Y("day:O", axis=alt.Axis(title=None), scale=alt.Scale(domain=list(WEEKDAYS), padding=0.08)),
            fillOpacity=opacity,
            # Fading would say: fewer messages. So the cell that was clicked gets an edge.
            strokeWidth=alt.StrokeWidthValue(0, condition=if_marked(2.5, empty=False)),
            tooltip=[alt.Tooltip("when:N", title="When"), alt.Tooltip("messages:Q", title="Messages", format=",")],
        )
        .add_params(mark)
    )
    return chart
