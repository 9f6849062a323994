"""What a mark of a chart or a cell of the model table stands for, as the lists behind it are asked for. Nothing here draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pandas as pd

from chatcore.analytics import Filters, whole_days
from chatcore.errors import Invalid
from chatcore.parts import Period, Role, State
from ui import words
from ui.analytics import charts
from ui.analytics.charts import Grain

# What the browser sends of a mark: the fields by which its chart selects, with their values.
Selected = Sequence[Mapping[str, object]]
# Which outcome a column of the model table counts; the others count every attempt.
OUTCOMES = {"failed_share": State.FAILED, "stopped": State.STOPPED, "interrupted": State.INTERRUPTED}


@dataclass(frozen=True, slots=True)
class Marked:
    """A list to show: its name, and what is in it. `answers`: attempts out of the ledger, else messages."""

    title: str
    filters: Filters
    answers: bool = False
    role: Role | None = None
    hour_of_week: tuple[int, int] | None = None
    state: State | None = None
    error_type: str | None = None


def in_messages(selected: Selected, filters: Filters, grain: Grain) -> Marked | None:
    """A part of a bar of the messages over time; None if nothing of the chart is selected."""
    if not selected:
        return None
    step, author = step_of(selected[0], grain), selected[0].get("author")
    role = {charts.PEOPLE: Role.USER, charts.MACHINES: Role.ASSISTANT}.get(str(author))
    who = {Role.USER: "Your messages", Role.ASSISTANT: "Messages of models"}[role] if role else "Messages"
    return Marked(f"{who}, {charts.label_of(step, grain)}", within(filters, step, grain), role=role)


def in_tokens(selected: Selected, filters: Filters, grain: Grain, per_day: pd.DataFrame) -> Marked | None:
    """A model's part of a bar of the tokens over time; `per_day` is what the chart was drawn from."""
    if not selected:
        return None
    step, model = step_of(selected[0], grain), str(selected[0].get("model"))
    shown = charts.shown_models(per_day)
    meant = tuple(sorted(set(per_day["model_name"][shown == model])))
    if not meant:
        return None
    title = f"Answers of {'other models' if model == charts.OTHER else words.model_name(None, model)}, {charts.label_of(step, grain)}"
    return Marked(title, replace(within(filters, step, grain), models=meant), answers=True)


def in_speed(selected: Selected, filters: Filters, grain: Grain) -> Marked | None:
    """A model's point of a line over time."""
    if not selected:
        return None
    step, model = step_of(selected[0], grain), str(selected[0].get("model"))
    title = f"Answers of {words.model_name(None, model)}, {charts.label_of(step, grain)}"
    return Marked(title, replace(within(filters, step, grain), models=(model,)), answers=True)


def in_busy_hours(selected: Selected, filters: Filters) -> Marked | None:
    """A cell of the busy hours."""
    if not selected:
        return None
    day, hour = str(selected[0].get("day")), selected[0].get("hour")
    if day not in charts.WEEKDAYS or not isinstance(hour, (int, float)):
        raise Invalid("The browser sent an hour that is none.", "Reload the page and click again.")
    weekday = charts.WEEKDAYS.index(day)
    return Marked(f"Messages, {charts.hour_label(weekday, int(hour))}", filters, hour_of_week=(weekday, int(hour)))


def in_models(cells: Sequence[Sequence[object]], filters: Filters, models: pd.DataFrame) -> Marked | None:
    """A cell of the model table: (row, column)."""
    if not cells:
        return None
    row, column = cells[0]
    if not isinstance(row, int) or not 0 <= row < len(models):
        return None
    model = models.iloc[row]
    state = OUTCOMES.get(str(column))
    kind = {None: "Answers", State.FAILED: "Failed answers", State.STOPPED: "Stopped answers", State.INTERRUPTED: "Interrupted answers"}
    chosen = replace(filters, providers=(str(model["provider"]),), models=(str(model["model_name"]),))
    return Marked(f"{kind[state]} of {words.model_name(model['provider'], model['model_name'])}", chosen, answers=True, state=state)


def in_outcomes(cells: Sequence[Sequence[object]], filters: Filters, outcomes: pd.DataFrame) -> Marked | None:
    """A cell of the table of outcomes: (row, column)."""
    if not cells:
        return None
    row, _ = cells[0]
    if not isinstance(row, int) or not 0 <= row < len(outcomes):
        return None
    outcome = outcomes.iloc[row]
    model, state = words.model_name(outcome["provider"], outcome["model_name"]), State(outcome["state"])
    error = f", {words.error_name(outcome['error_type']).lower()}" if outcome["error_type"] else ""
    chosen = replace(filters, providers=(str(outcome["provider"]),), models=(str(outcome["model_name"]),))
    title = f"Answers of {model}: {state.value}{error}"
    return Marked(title, chosen, answers=True, state=state, error_type=str(outcome["error_type"]) or None)


def step_of(mark: Mapping[str, object], grain: Grain) -> pd.Timestamp:
    """The first day of the bar a mark lies in. Raises Invalid for a day that is none: what a browser sends is not to be trusted."""
    try:
        return pd.Timestamp(date.fromisoformat(str(mark.get("step"))))
    except ValueError as error:
        raise Invalid(f"The browser sent a {grain} that is none.", "Reload the page and click again.") from error


def within(filters: Filters, step: pd.Timestamp, grain: Grain) -> Filters:
    """The filters narrowed to the days of a bar, of which the period may have a part only."""
    first = step.date()
    after = {"day": first + timedelta(days=1), "week": first + timedelta(days=7), "month": (step + pd.DateOffset(months=1)).date()}[grain]
    bar = whole_days(first, after - timedelta(days=1), filters.time_zone)
    start, end = max(bar.start, filters.period.start), min(bar.end, filters.period.end)
    if start >= end:
        raise Invalid("This bar lies outside the period.", "Reload the page and click again.")
    return replace(filters, period=Period(start, end))
