"""What a chart draws, whoever draws it: the frames of the questions summed up by step, with names, and in order."""

import pandas as pd

from chatcore import phrases
from chatcore.analytics.filters import FineStep, Step, starts_of
from chatcore.reports.palette import CALLS_ENDED, ENDED, FULLNESS, OTHER

MAX_MARKS = 400
MAX_MODELS = 7
MAX_TOOLS = 12
PEOPLE, MACHINES = "You", "Models"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONG_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def grain_of(days: int, series: int) -> Step:
    """The finest step that keeps a chart of this many days and series within MAX_MARKS."""
    if days * series <= MAX_MARKS:
        return "day"
    return "week" if days * series <= MAX_MARKS * 7 else "month"


def label_of(step: pd.Timestamp, grain: FineStep) -> str:
    """A step as the tooltip names it."""
    if grain == "month":
        return f"{step:%B %Y}"
    text = f"{step:%A} {step.day} {step:%B %Y}"
    if grain == "hour":
        return f"{text}, {step.hour:02}:00 to {(step.hour + 1) % 24:02}:00"
    return text if grain == "day" else f"Week from {text}"


def messages_by_step(per_day: pd.DataFrame, grain: FineStep) -> pd.DataFrame:
    """Messages of people and of models (frame: `analytics.messages_per_day`): `step`, `author`, `messages`."""
    steps = starts_of(per_day["day"], grain)
    rows = per_day.assign(step=steps).groupby("step", as_index=False)[["user_messages", "assistant_messages"]].sum()
    named = rows.rename(columns={"user_messages": PEOPLE, "assistant_messages": MACHINES})
    return named.melt(id_vars="step", var_name="author", value_name="messages")


def tokens_by_step(per_day: pd.DataFrame, grain: Step) -> tuple[pd.DataFrame, list[str]]:
    """Tokens by model (frame: `analytics.tokens_per_day`): `step`, `model`, `tokens` and what they are made of; and the models in
    order, most tokens first and the others last."""
    named = per_day.assign(
        model=shown_models(per_day), step=starts_of(per_day["day"], grain), tokens=per_day["input_tokens"] + per_day["output_tokens"]
    )
    rows = named.groupby(["step", "model"], as_index=False)[["tokens", "input_tokens", "output_tokens", "answers"]].sum()
    order = rows.groupby("model")["tokens"].sum().sort_values(ascending=False).index.to_list()
    return rows, [model for model in order if model != OTHER] + [OTHER] * (OTHER in order)


def cost_by_step(over_time: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """What each model cost (frame: `analytics.cost_over_time`): `step`, `model`, `cost_usd`, `answers_with_cost`, without steps of
    which no cost is known; and the models in order, the dearest first and the others last."""
    priced = over_time[over_time["answers_with_cost"] > 0]
    named = priced.assign(step=priced["start"], model=dearest_models(priced))
    rows = named.groupby(["step", "model"], as_index=False)[["cost_usd", "answers_with_cost"]].sum()
    order = rows.groupby("model")["cost_usd"].sum().sort_values(ascending=False, kind="stable").index.to_list()
    return rows, [model for model in order if model != OTHER] + [OTHER] * (OTHER in order)


def dearest_models(over_time: pd.DataFrame) -> pd.Series:
    """The model's name, or OTHER for those beyond the MAX_MODELS that cost most."""
    totals = over_time["cost_usd"].groupby(over_time["model_name"]).sum()
    kept = totals.sort_values(ascending=False, kind="stable").index[: MAX_MODELS if len(totals) > MAX_MODELS + 1 else None]
    return over_time["model_name"].where(over_time["model_name"].isin(kept), OTHER)


def speed_by_step(over_time: pd.DataFrame, column: str) -> tuple[pd.DataFrame, list[str]]:
    """A number of each model (frame: `analytics.speed_over_time`): `step`, `provider`, `model`, `value`, `answers`, `line`; and the
    lines in order, most answers first. Of more than MAX_MODELS those with most answers, since medians cannot be added up to
    those of the others."""
    most_used = over_time.groupby("model_name")["answers"].sum().sort_values(ascending=False, kind="stable").index[: MAX_MODELS + 1]
    rows = over_time[over_time[column].notna() & over_time["model_name"].isin(most_used)]
    rows = rows.rename(columns={"start": "step", "model_name": "model", column: "value"})[["step", "provider", "model", "value", "answers"]]
    # The same name at two providers is two models: their medians are two lines.
    twice = rows.groupby("model")["provider"].transform("nunique") > 1
    rows["line"] = rows["model"].where(~twice, rows["model"] + " (" + rows["provider"] + ")")
    lines = rows[["model", "provider", "line"]].drop_duplicates()
    rank = lines["model"].map({model: place for place, model in enumerate(most_used)})
    return rows, lines.assign(rank=rank).sort_values(["rank", "provider"])["line"].to_list()


def outcomes_by_step(over_time: pd.DataFrame) -> pd.DataFrame:
    """How answers ended (frame: `analytics.outcomes_over_time`): `step`, `ended` (of ENDED), `state`, `answers`, `share` of the step's."""
    states = ["complete", "stopped", "failed", "interrupted"]
    rows = over_time.rename(columns={"start": "step"})[["step", *states]]
    finished = rows[states].sum(axis=1)
    long = rows.assign(finished=finished).melt(id_vars=["step", "finished"], value_vars=states, var_name="state", value_name="answers")
    long = long[long["answers"] > 0]
    return long.assign(ended=long["state"].map(dict(zip(states, ENDED, strict=True))), share=long["answers"] / long["finished"])


def calls_by_step(over_time: pd.DataFrame) -> pd.DataFrame:
    """How tool calls ended (frame: `analytics.tools_over_time`): `step`, `ended` (of CALLS_ENDED), `state`, `calls` and their `share`."""
    states = [name.lower() for name in CALLS_ENDED]
    rows = over_time.rename(columns={"start": "step"})[["step", *states]]
    ended = rows[states].sum(axis=1)
    long = rows.assign(whole=ended).melt(id_vars=["step", "whole"], value_vars=states, var_name="state", value_name="calls")
    long = long[long["calls"] > 0]
    return long.assign(ended=long["state"].str.capitalize(), share=long["calls"] / long["whole"])


def calls_by_tool(tools: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """How the calls of the MAX_TOOLS most called tools ended (frame: `analytics.tools`): `tool`, `ended`, `state`, `calls`, `share`; and
    the tools in order."""
    states = [name.lower() for name in CALLS_ENDED]
    most = tools.head(MAX_TOOLS)[["tool", *states]]
    long = most.melt(id_vars=["tool"], value_vars=states, var_name="state", value_name="calls")
    long = long[long["calls"] > 0]
    whole = long["tool"].map(long.groupby("tool")["calls"].sum())
    return long.assign(ended=long["state"].str.capitalize(), share=long["calls"] / whole), most["tool"].to_list()


def fills_by_part(fills: pd.DataFrame) -> pd.DataFrame:
    """How full windows were (frame: `analytics.context_fill`): `part`, its `name`, `room` (of FULLNESS), `answers`, `share`."""
    hundredths = [round(start * 100) for start in fills["fill_share_low"]]
    step = hundredths[1] - hundredths[0]
    names = [f"{start} to {start + step}%" if start < 100 else "100% and more" for start in hundredths]
    rooms = [list(FULLNESS)[(start >= 80) + (start >= 95)] for start in hundredths]
    return pd.DataFrame({"part": range(len(fills)), "name": names, "room": rooms, "answers": fills["answers"], "share": fills["share"]})


def shown_models(per_day: pd.DataFrame) -> pd.Series:
    """The model's name, or OTHER for those beyond the MAX_MODELS with most tokens."""
    totals = (per_day["input_tokens"] + per_day["output_tokens"]).groupby(per_day["model_name"]).sum()
    kept = totals.sort_values(ascending=False, kind="stable").index[: MAX_MODELS if len(totals) > MAX_MODELS + 1 else None]
    return per_day["model_name"].where(per_day["model_name"].isin(kept), OTHER)


def hour_label(weekday: int, hour: int) -> str:
    """An hour of the week in words: Monday 09:00 to 10:00."""
    return f"{LONG_WEEKDAYS[weekday]} {hour:02}:00 to {(hour + 1) % 24:02}:00"


def busiest(hours: pd.DataFrame) -> str:
    """The fullest cell in words; empty for no messages."""
    top = hours.iloc[int(hours["messages"].argmax())]
    if top["messages"] == 0:
        return ""
    return f"Busiest: {hour_label(int(top['weekday']), int(top['hour']))}, {phrases.plural(int(top['messages']), 'message')}."
