"""What a mark of a chart or a cell of the model table stands for, as the lists behind it are asked for. Nothing here draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pandas as pd

from chatcore.analytics import CallsMeant, FillsMeant, Filters, Games, whole_days
from chatcore.analytics.filters import FineStep, Step, whole_hour
from chatcore.analytics.ranges import days_text
from chatcore.analytics.votes import Result
from chatcore.errors import Invalid
from chatcore.parts import Period, Role, State
from chatcore.reports import habits, palette, series
from ui import words

# What the browser sends of a mark: the fields by which its chart selects, with their values.
Selected = Sequence[Mapping[str, object]]
# Which answers a column of the table of costs counts; the others count every attempt.
PRICED = {"cost_usd": True, "cost_per_1000_answers_usd": True, "answers_with_cost": True, "answers_without_cost": False}
# Which outcome a column of the model table counts; the others count every attempt.
OUTCOMES = {"failed_share": State.FAILED, "stopped": State.STOPPED, "interrupted": State.INTERRUPTED}
# Which column of the ratings counts which; 0 is either.
RATINGS = {"up": (1, "Liked answers"), "up_share": (1, "Liked answers"), "down": (-1, "Disliked answers")}
# Which votes a column of the blind comparisons counts; the others count all of them.
RESULTS: dict[str, tuple[Result, str]] = {
    "wins": ("wins", "Preferred answers"),
    "losses": ("losses", "Beaten answers"),
    "ties": ("ties", "Answers as good as the other"),
    "both_bad": ("both_bad", "Answers as bad as the other"),
}
# Which measures of a comparison count one outcome.
ENDED = {"failed_share": State.FAILED, "stopped_share": State.STOPPED}


@dataclass(frozen=True, slots=True)
class Marked:
    """A list to show: its name, and what is in it. `calls`: calls of tools; `fills`: attempts by how full their window was; `answers`:
    attempts out of the ledger; else messages."""

    title: str
    filters: Filters
    answers: bool = False
    role: Role | None = None
    hour_of_week: tuple[int, int] | None = None
    state: State | None = None
    error_type: str | None = None
    rating: int | None = None
    priced: bool | None = None
    games: Games | None = None
    calls: CallsMeant | None = None
    fills: FillsMeant | None = None


@dataclass(frozen=True, slots=True)
class Lengths:
    """Chats of so many messages, both included."""

    least: int
    most: int


def in_messages(selected: Selected, filters: Filters, grain: FineStep) -> Marked | None:
    """A part of a bar of the messages over time; None if nothing of the chart is selected."""
    if not selected:
        return None
    step, author = step_of(selected[0], grain), selected[0].get("author")
    role = {series.PEOPLE: Role.USER, series.MACHINES: Role.ASSISTANT}.get(str(author))
    who = {Role.USER: "Your messages", Role.ASSISTANT: "Messages of models"}[role] if role else "Messages"
    return Marked(f"{who}, {series.label_of(step, grain)}", within(filters, step, grain), role=role)


def in_calendar(selected: Selected, filters: Filters) -> Marked | None:
    """A day of the calendar."""
    if not selected:
        return None
    day = step_of(selected[0], "day")
    return Marked(f"Messages, {series.label_of(day, 'day')}", within(filters, day, "day"))


def in_lengths(selected: Selected, lengths: pd.DataFrame) -> Lengths | None:
    """A bar of the lengths of chats; `lengths` is what the chart was drawn from."""
    if not selected:
        return None
    for least, most in zip(lengths["messages_from"].tolist(), lengths["messages_to"].tolist(), strict=True):
        if habits.count_range(least, most) == selected[0].get("length"):
            return Lengths(least, most)
    return None


def in_tokens(selected: Selected, filters: Filters, grain: Step, per_day: pd.DataFrame) -> Marked | None:
    """A model's part of a bar of the tokens over time; `per_day` is what the chart was drawn from."""
    if not selected:
        return None
    step, model = step_of(selected[0], grain), str(selected[0].get("model"))
    shown = series.shown_models(per_day)
    meant = tuple(sorted(set(per_day["model_name"][shown == model])))
    if not meant:
        return None
    title = f"Answers of {'other models' if model == palette.OTHER else words.model_name(None, model)}, {series.label_of(step, grain)}"
    return Marked(title, replace(within(filters, step, grain), models=meant), answers=True)


def in_cost(selected: Selected, filters: Filters, grain: Step, over_time: pd.DataFrame) -> Marked | None:
    """A model's part of a bar of the cost over time; `over_time` is what the chart was drawn from."""
    if not selected:
        return None
    step, model = step_of(selected[0], grain), str(selected[0].get("model"))
    priced = over_time[over_time["answers_with_cost"] > 0]
    meant = tuple(sorted(set(priced["model_name"][series.dearest_models(priced) == model])))
    if not meant:
        return None
    who = "other models" if model == palette.OTHER else words.model_name(None, model)
    narrowed = replace(within(filters, step, grain), models=meant)
    return Marked(f"Priced answers of {who}, {series.label_of(step, grain)}", narrowed, answers=True, priced=True)


def in_costs(cells: Sequence[Sequence[object]], filters: Filters, costs: pd.DataFrame) -> Marked | None:
    """A cell of the table of costs, or of another table with a row for each model: (row, column)."""
    row = row_of(cells, costs)
    if row is None:
        return None
    provider, model = str(row["provider"]), str(row["model_name"])
    priced = PRICED.get(str(cells[0][1]))
    kind = {True: "Priced answers", False: "Answers without a price", None: "Answers"}[priced]
    return Marked(f"{kind} of {words.model_name(provider, model)}", of_model(filters, provider, model), answers=True, priced=priced)


def in_speed(selected: Selected, filters: Filters, grain: Step) -> Marked | None:
    """A model's point of a line over time."""
    if not selected:
        return None
    step, provider, model = step_of(selected[0], grain), str(selected[0].get("provider")), str(selected[0].get("model"))
    title = f"Answers of {words.model_name(provider, model)}, {series.label_of(step, grain)}"
    return Marked(title, of_model(within(filters, step, grain), provider, model), answers=True)


def in_busy_hours(selected: Selected, filters: Filters) -> Marked | None:
    """A cell of the busy hours."""
    if not selected:
        return None
    day, hour = str(selected[0].get("day")), selected[0].get("hour")
    if day not in series.WEEKDAYS or not isinstance(hour, (int, float)):
        raise Invalid("The browser sent an hour that is none.", "Reload the page and click again.")
    weekday = series.WEEKDAYS.index(day)
    return Marked(f"Messages, {series.hour_label(weekday, int(hour))}", filters, hour_of_week=(weekday, int(hour)))


def in_models(cells: Sequence[Sequence[object]], filters: Filters, models: pd.DataFrame) -> Marked | None:
    """A cell of the model table: (row, column)."""
    row = row_of(cells, models)
    if row is None:
        return None
    provider, model = str(row["provider"]), str(row["model_name"])
    state = OUTCOMES.get(str(cells[0][1]))
    kind = f"{state.value.capitalize()} answers" if state else "Answers"
    return Marked(f"{kind} of {words.model_name(provider, model)}", of_model(filters, provider, model), answers=True, state=state)


def in_outcomes(cells: Sequence[Sequence[object]], filters: Filters, outcomes: pd.DataFrame) -> Marked | None:
    """A cell of the table of outcomes: (row, column)."""
    row = row_of(cells, outcomes)
    if row is None:
        return None
    provider, model, state, error_type = str(row["provider"]), str(row["model_name"]), State(row["state"]), str(row["error_type"])
    error = f", {words.error_name(error_type).lower()}" if error_type else ""
    title = f"Answers of {words.model_name(provider, model)}: {state.value}{error}"
    return Marked(title, of_model(filters, provider, model), answers=True, state=state, error_type=error_type or None)


def in_ended(selected: Selected, filters: Filters, grain: Step) -> Marked | None:
    """A part of a bar of the outcomes over time."""
    if not selected:
        return None
    step, text = step_of(selected[0], grain), str(selected[0].get("state"))
    if text not in list(State):
        raise Invalid("The browser sent an outcome that is none.", "Reload the page and click again.")
    title = f"{text.capitalize()} answers, {series.label_of(step, grain)}"
    return Marked(title, within(filters, step, grain), answers=True, state=State(text))


def in_feedback(cells: Sequence[Sequence[object]], filters: Filters, feedback: pd.DataFrame) -> Marked | None:
    """A cell of the table of ratings: (row, column)."""
    row = row_of(cells, feedback)
    if row is None:
        return None
    rating, kind = RATINGS.get(str(cells[0][1]), (0, "Rated answers"))
    provider, model = str(row["provider"]), str(row["model_name"])
    # Only answers are rated, whatever messages are counted elsewhere.
    own = replace(of_model(filters, provider, model), role=None)
    return Marked(f"{kind} of {words.model_name(provider, model)}", own, role=Role.ASSISTANT, rating=rating)


def in_win_rates(cells: Sequence[Sequence[object]], filters: Filters, rates: pd.DataFrame) -> Marked | None:
    """A cell of a table of blind comparisons, of models or of pairs: (row, column)."""
    row = row_of(cells, rates)
    if row is None:
        return None
    result, kind = RESULTS.get(str(cells[0][1]), (None, "Answers"))
    model = (str(row["provider"]), str(row["model_name"]))
    if "rival_model_name" not in rates:
        return Marked(f"{kind} of {words.model_name(*model)} in blind comparisons", filters, games=Games(model, result=result))
    rival = (str(row["rival_provider"]), str(row["rival_model_name"]))
    # Of a pair each game stands with both its answers, to be read beside each other.
    title = f"{words.model_name(*model)} against {words.model_name(*rival)}, both answers of each game"
    return Marked(f"{title} ({str(cells[0][1]).replace('_', ' ')})" if result else title, filters, games=Games(model, rival, result))


def in_changes(cells: Sequence[Sequence[object]], changes: pd.DataFrame, before: Filters, after: Filters) -> Marked | None:
    """A cell of what changed over all models: (row, column). The column Before has its period, every other the one after."""
    row = row_of(cells, changes)
    if row is None:
        return None
    return of_change(str(row["measure"]), before if cells[0][1] == "before" else after)


def in_changed_models(cells: Sequence[Sequence[object]], table: pd.DataFrame, before: Filters, after: Filters) -> Marked | None:
    """A cell of what changed of each model: (row, column), where a column is a measure, a point, and before, after or change."""
    row = row_of(cells, table)
    if row is None:
        return None
    measure, _, side = str(cells[0][1]).partition(".")
    provider, model = str(row["provider"]), str(row["model_name"])
    return of_change(measure, of_model(before if side == "before" else after, provider, model), words.model_name(provider, model))


def of_change(measure: str, filters: Filters, model: str = "") -> Marked:
    """What a measure of a comparison counts in one of its periods."""
    when, of = days_text(filters.period, filters.time_zone), f" of {model}" if model else ""
    if measure in ("messages_per_day", "chats_per_day"):
        return Marked(f"Messages, {when}", filters)
    state = ENDED.get(measure)
    kind = f"{state.value.capitalize()} answers" if state else "Answers"
    return Marked(f"{kind}{of}, {when}", filters, answers=True, state=state)


def row_of(cells: Sequence[Sequence[object]], table: pd.DataFrame) -> pd.Series | None:
    """The row of the cell that was clicked; None for none, and for one of a table that was longer a moment ago."""
    row = cells[0][0] if cells else None
    return table.iloc[row] if isinstance(row, int) and 0 <= row < len(table) else None


def of_model(filters: Filters, provider: str, model: str) -> Filters:
    """The filters narrowed to one model."""
    return replace(filters, providers=(provider,), models=(model,))


def step_of(mark: Mapping[str, object], grain: FineStep) -> pd.Timestamp:
    """The first day or hour of the bar a mark lies in. Raises Invalid for one that is none: what a browser sends is not to be trusted."""
    text = str(mark.get("step"))
    try:
        return pd.Timestamp(datetime.fromisoformat(text).replace(tzinfo=None) if grain == "hour" else date.fromisoformat(text))
    except ValueError as error:
        raise Invalid(f"The browser sent a {grain} that is none.", "Reload the page and click again.") from error


def within(filters: Filters, step: pd.Timestamp, grain: FineStep) -> Filters:
    """The filters narrowed to the hour or the days of a bar, of which the period may have a part only."""
    bar = bar_of(step, grain, filters.time_zone)
    start, end = max(bar.start, filters.period.start), min(bar.end, filters.period.end)
    if start >= end:
        raise Invalid("This bar lies outside the period.", "Reload the page and click again.")
    return replace(filters, period=Period(start, end))


def bar_of(step: pd.Timestamp, grain: FineStep, time_zone: str) -> Period:
    """The whole time of a bar."""
    if grain == "hour":
        return whole_hour(step.to_pydatetime(), time_zone)
    first = step.date()
    after = {"day": first + timedelta(days=1), "week": first + timedelta(days=7), "month": (step + pd.DateOffset(months=1)).date()}[grain]
    return whole_days(first, after - timedelta(days=1), time_zone)
