"""The charts of the analytics page: at most about 400 marks each, the same colour for a model everywhere.

Days are sent as text and drawn as bands: a browser in another zone than the viewer's cannot shift them.
"""

import hashlib
from collections.abc import Sequence

import altair as alt
import pandas as pd

from chatcore.analytics.filters import Step, starts_of
from ui import words

MAX_MARKS = 400
# The name under which the browser sends the mark that was clicked.
MARK = "mark"
CHART_HEIGHT = 280
PADDING = 0  # the card around the chart has its own
MAX_MODELS = 7
OTHER = "Other models"
# Searched for the largest smallest distance (OKLab) as seen with normal sight and with full protanopia, deuteranopia and
# tritanopia (Machado 2009): 0.097, where Okabe and Ito's seven have 0.076; each at least 2:1 against both of our backgrounds.
PALETTE = ("#3F8F70", "#E6A3AA", "#1A5998", "#A0B747", "#47B5FA", "#A26BC3", "#C26E12", "#6D541B")
GREY = "#9A9C94"
PEOPLE, MACHINES = "You", "Models"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONG_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def grain_of(days: int, series: int) -> Step:
    """The finest step that keeps a chart of this many days and series within MAX_MARKS."""
    if days * series <= MAX_MARKS:
        return "day"
    return "week" if days * series <= MAX_MARKS * 7 else "month"


def colours(models: Sequence[str]) -> dict[str, str]:
    """A colour for each model name. A name asks for the colour of its hash and takes the next free one if another name,
    earlier in the alphabet, has it; with more names than colours they start again."""
    taken: dict[str, str] = {}
    for model in sorted(set(models)):
        wanted = int.from_bytes(hashlib.sha256(model.encode()).digest()[:4]) % len(PALETTE)
        used = list(taken.values())[len(taken) // len(PALETTE) * len(PALETTE) :]
        turn = [PALETTE[(wanted + step) % len(PALETTE)] for step in range(len(PALETTE))]
        taken[model] = next(colour for colour in turn if colour not in used)
    return taken


def label_of(step: pd.Timestamp, grain: Step) -> str:
    """A step as the tooltip names it."""
    if grain == "month":
        return f"{step:%B %Y}"
    text = f"{step:%A} {step.day} {step:%B %Y}"
    return text if grain == "day" else f"Week from {text}"


def messages_chart(per_day: pd.DataFrame, grain: Step) -> alt.Chart:
    """Messages over time, of people and of models on top of each other (frame: `analytics.messages_per_day`)."""
    rows = (
        per_day.assign(step=starts_of(per_day["day"], grain)).groupby("step", as_index=False)[["user_messages", "assistant_messages"]].sum()
    )
    named = rows.rename(columns={"user_messages": PEOPLE, "assistant_messages": MACHINES})
    long = named.melt(id_vars="step", var_name="author", value_name="messages")
    tooltip = [
        alt.Tooltip("when:N", title="When"),
        alt.Tooltip("author:N", title="By"),
        alt.Tooltip("messages:Q", title="Messages", format=","),
    ]
    colour = alt.Color("author:N", title=None, scale=alt.Scale(domain=[PEOPLE, MACHINES], range=[PALETTE[0], GREY]), legend=legend(2))
    chart = bars(long, rows["step"], grain).encode(
        y=amount("messages"), color=colour, order=alt.Order("author:N", sort="descending"), tooltip=tooltip
    )
    return selectable(chart, "step", "author")


def tokens_chart(per_day: pd.DataFrame, days: pd.Series, grain: Step, *, known_models: Sequence[str]) -> alt.Chart:
    """Tokens over time by model (frame: `analytics.tokens_per_day`); `days` are all days of the range, empty ones too."""
    named = per_day.assign(
        model=shown_models(per_day), step=starts_of(per_day["day"], grain), tokens=per_day["input_tokens"] + per_day["output_tokens"]
    )
    rows = named.groupby(["step", "model"], as_index=False)[["tokens", "input_tokens", "output_tokens", "answers"]].sum()
    domain = rows.groupby("model")["tokens"].sum().sort_values(ascending=False).index.to_list()
    domain = [model for model in domain if model != OTHER] + [OTHER] * (OTHER in domain)
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
    """A number of each model over time as a line (frame: `analytics.speed_over_time`); of more than MAX_MODELS those with most
    answers, since medians cannot be added up to those of the others."""
    most_used = over_time.groupby("model_name")["answers"].sum().sort_values(ascending=False, kind="stable").index[: MAX_MODELS + 1]
    rows = over_time[over_time[column].notna() & over_time["model_name"].isin(most_used)]
    rows = rows.rename(columns={"start": "step", "model_name": "model", column: "value"})[["step", "provider", "model", "value", "answers"]]
    # The same name at two providers is two models: their medians are two lines.
    twice = rows.groupby("model")["provider"].transform("nunique") > 1
    rows["line"] = rows["model"].where(~twice, rows["model"] + " (" + rows["provider"] + ")")
    lines = rows[["model", "provider", "line"]].drop_duplicates()
    rank = lines["model"].map({model: place for place, model in enumerate(most_used)})
    domain = lines.assign(rank=rank).sort_values(["rank", "provider"])["line"].to_list()
    tooltip = [
        alt.Tooltip("when:N", title="When"),
        alt.Tooltip("line:N", title="Model"),
        alt.Tooltip("value:Q", title=f"Half of the answers, {unit}", format=form),
        alt.Tooltip("answers:Q", title="Answers", format=","),
    ]
    scale = alt.Scale(domain=domain, range=shown_colours(domain, known_models))
    base = over_steps(rows, starts_of(days, grain).drop_duplicates(), grain).encode(
        y=alt.Y("value:Q", title=unit, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=4)),
        color=alt.Color("line:N", title=None, scale=scale, legend=legend(len(domain))),
    )
    points = base.mark_point(filled=True, size=55, cursor="pointer").encode(tooltip=tooltip)
    layers: alt.LayerChart = base.mark_line(strokeWidth=2) + selectable(points, "step", "provider", "model")
    return layers.properties(height=CHART_HEIGHT, padding=PADDING)


def shown_models(per_day: pd.DataFrame) -> pd.Series:
    """The model's name, or OTHER for those beyond the MAX_MODELS with most tokens."""
    totals = (per_day["input_tokens"] + per_day["output_tokens"]).groupby(per_day["model_name"]).sum()
    kept = totals.sort_values(ascending=False, kind="stable").index[: MAX_MODELS if len(totals) > MAX_MODELS + 1 else None]
    return per_day["model_name"].where(per_day["model_name"].isin(kept), OTHER)


def shown_colours(domain: Sequence[str], known_models: Sequence[str]) -> list[str]:
    """Each shown model's own colour; two with the same are told apart by giving the later one a free colour."""
    own = colours([*known_models, *(model for model in domain if model != OTHER)])
    given: dict[str, str] = {}
    for model in sorted(domain):
        free = [colour for colour in PALETTE if colour not in given.values()]
        given[model] = GREY if model == OTHER else own[model] if own[model] in free or not free else free[0]
    return [given[model] for model in domain]


def bars(rows: pd.DataFrame, domain: pd.Series, grain: Step) -> alt.Chart:
    """Stacked bars over the steps of `domain`."""
    chart: alt.Chart = over_steps(rows, domain, grain).properties(height=CHART_HEIGHT, padding=PADDING).mark_bar(cursor="pointer")
    return chart


def over_steps(rows: pd.DataFrame, domain: pd.Series, grain: Step) -> alt.Chart:
    """A chart over the steps of `domain`, with as many labels as fit a narrow screen."""
    texts = [step.date().isoformat() for step in domain]
    labelled = texts[:: max(1, -(-len(texts) // 6))]
    form = "%b %Y" if grain == "month" else "%-d %b"
    axis = alt.Axis(
        title=None,
        values=labelled,
        labelExpr=f"timeFormat(toDate(datum.value + 'T00:00'), '{form}')",
        labelAngle=0,
        labelOverlap=True,
        labelFlush=False,
        grid=False,
    )
    data = rows.assign(step=[step.date().isoformat() for step in rows["step"]], when=[label_of(step, grain) for step in rows["step"]])
    x = alt.X("step:O", axis=axis, scale=alt.Scale(domain=texts, paddingInner=0.15 if len(texts) <= 100 else 0.05))
    chart: alt.Chart = alt.Chart(data).encode(x=x)
    return chart


def selectable(chart: alt.Chart, *fields: str) -> alt.Chart:
    """The chart with marks that can be clicked; the others fade. MARK holds these fields of the one that was."""
    mark = alt.selection_point(name=MARK, fields=list(fields), toggle=False)
    clickable: alt.Chart = chart.add_params(mark).encode(opacity=alt.condition(mark, alt.value(1), alt.value(0.35)))
    return clickable


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
            strokeWidth=alt.condition(mark, alt.value(2.5), alt.value(0), empty=False),
            tooltip=[alt.Tooltip("when:N", title="When"), alt.Tooltip("messages:Q", title="Messages", format=",")],
        )
        .add_params(mark)
    )
    return chart


def hour_label(weekday: int, hour: int) -> str:
    """An hour of the week in words: Monday 09:00 to 10:00."""
    return f"{LONG_WEEKDAYS[weekday]} {hour:02}:00 to {(hour + 1) % 24:02}:00"


def busiest(hours: pd.DataFrame) -> str:
    """The fullest cell in words; empty for no messages."""
    top = hours.iloc[int(hours["messages"].argmax())]
    if top["messages"] == 0:
        return ""
    return f"Busiest: {hour_label(int(top['weekday']), int(top['hour']))}, {words.plural(int(top['messages']), 'message')}."
