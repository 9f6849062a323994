"""The cards of a report about cost: over time, by model, the kinds of tokens, and what is known of local models."""

from chatcore.analytics import CostReport
from chatcore.analytics.filters import Step
from chatcore.phrases import money
from chatcore.reports import svg
from chatcore.reports.cards import About, card, scrolled, step_text, steps_table
from chatcore.reports.markup import Markup, tag
from chatcore.reports.palette import shown_colours
from chatcore.reports.series import cost_by_step, label_of
from chatcore.reports.svg import Series
from chatcore.reports.tables import known_columns, table_of

# The cards that are one table: question, title.
TABLES = (
    ("costs", "What each model cost"),
    ("equivalents", "What local models would cost elsewhere"),
    ("energy", "Energy of local models, an estimate"),
    ("token_kinds", "Kinds of tokens"),
    ("titles", "Titles of chats"),
)


def cost_cards(about: About, report: CostReport, grain: Step) -> list[Markup]:
    """What the answers cost; cards about what nobody knows are left out. `grain` is the step of `report.over_time`."""
    frames = {
        "costs": report.costs,
        "equivalents": report.equivalents,
        "energy": report.energy,
        "token_kinds": report.token_kinds,
        "titles": report.titles,
    }
    drawn = [over_time_card(about, report, grain)] if report.costs["answers_with_cost"].sum() else []
    for name, title in TABLES:
        if not frames[name].empty:
            table = table_of(frames[name], about.filters.time_zone, columns=known_columns(name, frames[name]))
            drawn.append(card(title, name, scrolled(table, title)))
    return drawn


def over_time_card(about: About, report: CostReport, grain: Step) -> Markup:
    """The known cost over time by model."""
    title = f"Cost per {grain} by model"
    rows, order = cost_by_step(report.over_time)
    found = {(step, model): float(usd) for step, model, usd in rows[["step", "model", "cost_usd"]].itertuples(index=False)}
    steps, series = about.steps(grain), []
    for model, colour in zip(order, shown_colours(order, about.known_models), strict=True):
        values = [found.get((step, model)) for step in steps]
        told = [
            "" if value is None else f"{label_of(step, grain)}, {model}: {money(value)}" for step, value in zip(steps, values, strict=True)
        ]
        series.append(Series(model, colour, values, told))
    chart = svg.bars(series, [step_text(step, grain) for step in steps], title, text=lambda mark: f"${mark:g}", whole=False)
    numbers = steps_table(rows[["step", "model", "cost_usd", "answers_with_cost"]], grain)
    said = tag("p", "Only answers that have a cost.", class_="soft")
    return card(title, "cost_over_time", svg.legend(series), chart, said, numbers=numbers)
