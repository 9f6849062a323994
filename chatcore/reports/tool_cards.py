"""The cards of a report about tools and about full windows."""

import pandas as pd

from chatcore import phrases
from chatcore.analytics import ToolReport
from chatcore.analytics.filters import Step
from chatcore.reports import svg
from chatcore.reports.cards import About, card, ends_card, scrolled
from chatcore.reports.markup import Markup, tag
from chatcore.reports.palette import CALLS_ENDED, FULLNESS, PALETTE
from chatcore.reports.series import calls_by_step, fills_by_part
from chatcore.reports.svg import Series
from chatcore.reports.tables import known_columns, table_of

# The cards that are one table: question, title.
TABLES = (
    ("tools", "Each tool"),
    ("tool_errors", "What went wrong with tools"),
    ("tool_models", "Tools by model"),
    ("tool_servers", "Where the tools come from"),
)


def tool_cards(about: About, report: ToolReport, grain: Step) -> list[Markup]:
    """What tools did. `grain` is the step of `report.over_time`."""
    frames = {"tools": report.tools, "tool_errors": report.errors, "tool_models": report.models, "tool_servers": report.servers}
    drawn = [tag("div", over_time_card(about, report.over_time, grain), rounds_card(about, report.rounds), class_="pair")]
    return [*drawn, *(table_card(about, name, title, frames[name]) for name, title in TABLES if not frames[name].empty)]


def window_cards(about: About, windows: pd.DataFrame, fills: pd.DataFrame) -> list[Markup]:
    """How full the windows of models were; nothing where no window is known and no answer was cut."""
    if windows.empty:
        return []
    by_model = table_card(about, "context", "Windows of each model", windows)
    return [fills_card(about, fills), by_model] if fills["answers"].any() else [by_model]


def table_card(about: About, name: str, title: str, frame: pd.DataFrame) -> Markup:
    """A card that is one table."""
    table = table_of(frame, about.filters.time_zone, columns=known_columns(name, frame))
    return card(title, name, scrolled(table, title))


def over_time_card(about: About, over_time: pd.DataFrame, grain: Step) -> Markup:
    """Calls over time by how they ended."""
    found = calls_by_step(over_time).rename(columns={"calls": "number"})
    return ends_card(about, "tools_over_time", f"Calls of tools per {grain}", found, grain, CALLS_ENDED)


def rounds_card(about: About, rounds: pd.DataFrame) -> Markup:
    """How often answers stopped for tools."""
    answers, names = rounds["answers"].to_list(), [str(number) for number in rounds["rounds"]]
    told = [f"{name} rounds: {phrases.plural(amount, 'answer')}" for name, amount in zip(names, answers, strict=True)]
    chart = svg.bars([Series("Answers", PALETTE[0], answers, told)], names, "How many answers stopped for tools how often")
    return card("Rounds with tools of an answer", "tool_rounds", chart, numbers=table_of(rounds, about.filters.time_zone))


def fills_card(about: About, fills: pd.DataFrame) -> Markup:
    """How many answers had a window that was how full."""
    rows, series = fills_by_part(fills), []
    for room, colour in FULLNESS.items():
        values = [amount if own == room else 0 for own, amount in zip(rows["room"], rows["answers"], strict=True)]
        told = [f"{name}: {phrases.plural(int(amount), 'answer')}" for name, amount in zip(rows["name"], rows["answers"], strict=True)]
        series.append(Series(room, colour, values, told))
    labels = [f"{round(start * 100)}%" for start in fills["fill_share_low"]]
    chart = svg.bars(series, labels, "How many answers had a window that was how full")
    numbers = table_of(rows[["name", "answers", "share"]], about.filters.time_zone)
    return card("How full the model’s window was", "context_fill", svg.legend(series), chart, numbers=numbers)
