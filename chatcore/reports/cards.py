"""The cards of a report: each a chart or a table with its numbers and how they are counted, as the analytics page has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from chatcore import phrases
from chatcore.analytics import DEFINITIONS, Filters, Habits, QualityReport, Report, SpeedReport
from chatcore.analytics.filters import Step, local_days, starts_of
from chatcore.parts import Viewer
from chatcore.phrases import count
from chatcore.reports import habits, svg
from chatcore.reports.changes import by_chance, changes_table, headlines
from chatcore.reports.markup import Markup, joined, tag
from chatcore.reports.palette import ENDED, GREY, PALETTE, shown_colours
from chatcore.reports.series import (
    MACHINES,
    MAX_MODELS,
    PEOPLE,
    WEEKDAYS,
    busiest,
    grain_of,
    hour_label,
    label_of,
    messages_by_step,
    outcomes_by_step,
    speed_by_step,
    tokens_by_step,
)
from chatcore.reports.svg import Series
from chatcore.reports.tables import SHOWN, Table, head_of, number_text, table_of


@dataclass(frozen=True, slots=True)
class About:
    """Whose numbers a report has, of what, when they were read, whether they are compared, the models that have colours, and the
    paths of the folders that the filters mean."""

    viewer: Viewer
    filters: Filters
    now: datetime
    compare: bool
    known_models: tuple[str, ...]
    folders: tuple[str, ...] = ()

    @property
    def days(self) -> pd.Series:
        return local_days(self.filters.period, self.filters.time_zone).to_series()

    def steps(self, grain: Step) -> list[pd.Timestamp]:
        """The first days of all steps, empty ones too."""
        return list(starts_of(self.days, grain).drop_duplicates())


def overview(about: About, report: Report) -> list[Markup]:
    """What was used: messages and tokens over time, models, busy hours."""
    models = table_of(report.models, about.filters.time_zone, columns=SHOWN["models"])
    return [
        tag("div", messages_card(about, report), tokens_card(about, report), class_="pair"),
        card("Models", "models", scrolled(models, "Usage, speed and failures of each model")),
        hours_card(about, report),
    ]


def habit_cards(about: About, found: Habits) -> list[Markup]:
    """When was chatted, for how many days in a row, and how long chats are."""
    names = [str(name) for name in found.streaks if name != "began_earlier" or found.streaks[name].any()]
    runs = scrolled(table_of(found.streaks, about.filters.time_zone, columns=names), "Days in a row")
    return [
        calendar_card(about, found.calendar),
        tag("div", card("Days in a row", "streaks", runs), lengths_card(about, found.lengths), class_="pair"),
    ]


def speed_cards(about: About, speeds: SpeedReport, grain: Step) -> list[Markup]:
    """How fast the models were."""
    zone = about.filters.time_zone
    known = [name for name in SHOWN["speed"] if speeds.speed[name].notna().any()]
    waited = speed_card(about, speeds, grain, "time_to_first_chunk_s_p50", f"Time to first chunk per {grain}", "s")
    wrote = speed_card(about, speeds, grain, "output_tokens_per_s_p50", f"Tokens a second per {grain}", "tokens/s")
    return [
        tag("div", waited, wrote, class_="pair"),
        card("Speed of each model", "speed", scrolled(table_of(speeds.speed, zone, columns=known), "Speed of each model")),
    ]


def quality_cards(about: About, quality: QualityReport, grain: Step) -> list[Markup]:
    """How the answers ended over time and by model, and what was thought of them."""
    zone = about.filters.time_zone
    made = [
        ended_card(about, quality.over_time, grain),
        card("How answers ended", "outcomes", scrolled(table_of(quality.outcomes, zone, columns=SHOWN["outcomes"]), "How answers ended")),
    ]
    if not quality.feedback.empty:
        rated = table_of(quality.feedback, zone, columns=SHOWN["feedback"])
        made.append(card("Feedback", "feedback", scrolled(rated, "Rated answers of each model")))
    if not quality.win_rates.empty:
        won = table_of(quality.win_rates, zone, columns=SHOWN["win_rates"])
        made.append(card("Blind comparisons", "win_rates", scrolled(won, "Win rate of each model")))
        met = table_of(quality.win_rates_by_pair, zone, columns=SHOWN["win_rates_by_pair"])
        made.append(card("Who met whom", "win_rates_by_pair", scrolled(met, "Win rate of each pair of models")))
    return made


def changes_card(frame: pd.DataFrame, compared: str) -> Markup:
    """What changed since another period, which `compared` names."""
    said = [tag("p", " ".join((f"{compared}.", *headlines(frame)))), scrolled(changes_table(frame), "Before and after")]
    if chance := by_chance(frame):
        said.append(tag("p", chance, class_="soft"))
    return card("What changed", "compare_periods", *said)


def ended_card(about: About, over_time: pd.DataFrame, grain: Step) -> Markup:
    """How answers ended over time."""
    found = outcomes_by_step(over_time).rename(columns={"answers": "number"})
    return ends_card(about, "outcomes_over_time", f"How answers ended per {grain}", found, grain, ENDED)


def ends_card(about: About, name: str, title: str, found: pd.DataFrame, grain: Step, colours: Mapping[str, str]) -> Markup:
    """A card of bars in parts: how many (`number`) of each `step` ended how (`ended`, a name with a colour)."""
    amounts = {(step, ended): int(number) for step, ended, number in found[["step", "ended", "number"]].itertuples(index=False)}
    steps, series = about.steps(grain), []
    for ended, colour in colours.items():
        values = [amounts.get((step, ended), 0) for step in steps]
        told = [f"{label_of(step, grain)}, {ended}: {count(value)}" for step, value in zip(steps, values, strict=True)]
        series.append(Series(ended, colour, values, told))
    texts = tuple((label_of(step, grain), *(count(int(one.values[place] or 0)) for one in series)) for place, step in enumerate(steps))
    numbers = Table(("When", *colours), texts, (False, *(True,) * len(colours)))
    chart = svg.bars(series, [step_text(step, grain) for step in steps], title)
    return card(title, name, svg.legend(series), chart, numbers=numbers)


def messages_card(about: About, report: Report) -> Markup:
    """Messages over time, of people and of models."""
    grain = grain_of(len(about.days), 2)
    title = f"Messages per {grain}"
    rows = messages_by_step(report.messages_per_day, grain)
    found = {(step, author): int(amount) for step, author, amount in rows[["step", "author", "messages"]].itertuples(index=False)}
    steps, series = about.steps(grain), []
    for author, colour in ((PEOPLE, PALETTE[0]), (MACHINES, GREY)):
        values = [found.get((step, author), 0) for step in steps]
        told = [f"{label_of(step, grain)}, {author}: {count(value)}" for step, value in zip(steps, values, strict=True)]
        series.append(Series(author, colour, values, told))
    texts = [[label_of(step, grain), *(count(int(one.values[place] or 0)) for one in series)] for place, step in enumerate(steps)]
    numbers = Table(("When", PEOPLE, MACHINES), tuple(tuple(row) for row in texts), (False, True, True))
    chart = svg.bars(series, [step_text(step, grain) for step in steps], f"{title}: of you and of models")
    return card(title, "messages_per_day", svg.legend(series), chart, numbers=numbers)


def tokens_card(about: About, report: Report) -> Markup:
    """Tokens over time by model."""
    grain = grain_of(len(about.days), min(report.models["model_name"].nunique(), MAX_MODELS + 1))
    title = f"Tokens per {grain} by model"
    if not report.models["answers_with_usage"].sum():
        return card(title, "tokens_per_day", tag("p", "No answer of this period has a known number of tokens.", class_="soft"))
    rows, order = tokens_by_step(report.tokens_per_day, grain)
    found = {(step, model): int(amount) for step, model, amount in rows[["step", "model", "tokens"]].itertuples(index=False)}
    steps, series = about.steps(grain), []
    for model, colour in zip(order, shown_colours(order, about.known_models), strict=True):
        values = [found.get((step, model), 0) for step in steps]
        told = [f"{label_of(step, grain)}, {model}: {count(value)} tokens" for step, value in zip(steps, values, strict=True)]
        series.append(Series(model, colour, values, told))
    chart = svg.bars(series, [step_text(step, grain) for step in steps], title)
    columns = ["step", "model", "input_tokens", "output_tokens", "answers"]
    return card(title, "tokens_per_day", svg.legend(series), chart, numbers=steps_table(rows[columns], grain))


def speed_card(about: About, speeds: SpeedReport, grain: Step, column: str, title: str, unit: str) -> Markup:
    """A number of each model over time."""
    rows, order = speed_by_step(speeds.over_time, column)
    if rows.empty:
        return card(title, column, tag("p", "It was measured for no answer of this period.", class_="soft"))
    found = {(step, line): float(value) for step, line, value in rows[["step", "line", "value"]].itertuples(index=False)}
    steps, series = about.steps(grain), []
    for line, colour in zip(order, shown_colours(order, about.known_models), strict=True):
        values = [found.get((step, line)) for step in steps]
        told = [
            "" if value is None else f"{label_of(step, grain)}, {line}: {number_text(column, value)} {unit}"
            for step, value in zip(steps, values, strict=True)
        ]
        series.append(Series(line, colour, values, told))
    chart = svg.lines(series, [step_text(step, grain) for step in steps], title, unit=unit.removeprefix("tokens"))
    table = rows.rename(columns={"line": "model", "model": "name", "value": column})[["step", "model", column, "answers"]]
    return card(title, column, svg.legend(series), chart, numbers=steps_table(table, grain))


def hours_card(about: About, report: Report) -> Markup:
    """Messages by hour of the week."""
    hours = report.busy_hours
    week = [[int(amount) for amount in hours["messages"][hours["weekday"] == day]] for day in range(7)]
    told = [[f"{hour_label(day, hour)}: {count(amount)}" for hour, amount in enumerate(row)] for day, row in enumerate(week)]
    chart = svg.cells(week, told, WEEKDAYS, [f"{hour:02}:00" for hour in range(24)], f"Messages by weekday and hour. {busiest(hours)}")
    rows = tuple((name, *(count(amount) for amount in row)) for name, row in zip(WEEKDAYS, week, strict=True))
    numbers = Table(("", *(f"{hour:02}" for hour in range(24))), rows, (False, *(True,) * 24))
    said = tag("p", f"{busiest(hours)} Times in {about.filters.time_zone}.".strip(), class_="soft")
    return card("Busy hours", "busy_hours", chart, said, numbers=numbers)


def calendar_card(about: About, calendar: pd.DataFrame) -> Markup:
    """Messages by day, the last year of the period."""
    tops, newest = habits.tops_of(calendar["messages"]), habits.newest_weeks(calendar)
    fullness, weeks = habits.fullness_of(tops), list(newest["week"].drop_duplicates())
    cells = habits.cells_of(newest, tops)
    days = [
        svg.Day(weeks.index(week), weekday, fullness[shade], f"{when}: {phrases.plural(messages, 'message')}")
        for week, weekday, shade, when, messages in cells[["week", "weekday", "shade", "when", "messages"]].itertuples(index=False)
    ]
    is_long = len(weeks) > habits.NARROW_WEEKS
    shown = [place for place, week in enumerate(weeks) if (week.month % 2 and week.day <= 7 if is_long else place % 3 == 0)]
    labels = [f"{week:%b %Y}" if is_long else f"{week.day} {week:%b}" for week in weeks]
    chart = svg.calendar(days, WEEKDAYS, labels, shown, f"Messages of each day. {habits.busiest_day(newest)}")
    shades = zip(habits.shade_names(tops), fullness, strict=True)
    legend = svg.legend([Series(name, PALETTE[0], [], [], opacity) for name, opacity in shades])
    said = f"{habits.busiest_day(newest)} Days in {about.filters.time_zone}."
    if len(newest) < len(calendar):
        said += " The last 12 months are drawn; the numbers are of all days."
    amounts = calendar.pivot_table(index="week", columns="weekday", values="messages").reindex(columns=range(7))
    texts = [["" if pd.isna(day) else count(int(day)) for day in week] for week in amounts.to_numpy()]
    rows = tuple((f"{week:%Y-%m-%d}", *row) for week, row in zip(amounts.index, texts, strict=True))
    numbers = Table(("Week from", *WEEKDAYS), rows, (False, *(True,) * 7))
    return card("Calendar", "calendar", chart, legend, tag("p", said.strip(), class_="soft"), numbers=numbers)


def lengths_card(about: About, lengths: pd.DataFrame) -> Markup:
    """How many chats have how many messages."""
    names = [habits.count_range(least, most) for least, most in zip(lengths["messages_from"], lengths["messages_to"], strict=True)]
    chats = lengths["chats"].to_list()
    told = [f"{name} messages: {phrases.plural(amount, 'chat')}" for name, amount in zip(names, chats, strict=True)]
    chart = svg.bars([Series("Chats", PALETTE[0], chats, told)], names, "How many chats have how many messages")
    numbers = table_of(lengths, about.filters.time_zone)
    return card("Length of chats, in messages", "chat_lengths", chart, numbers=numbers)


def card(title: str, name: str, *content: str, numbers: Table | None = None) -> Markup:
    """A chart or table under its title, with its numbers and how they are counted (`name` in DEFINITIONS)."""
    below = []
    if numbers:
        shown = tag("details", tag("summary", "Numbers"), scrolled(numbers, title), class_="numbers")
        below.append(shown)
    below.append(tag("details", tag("summary", "How is this counted?"), tag("p", DEFINITIONS[name]), class_="counted"))
    return tag("section", tag("h2", title), *content, *below)


def scrolled(table: Table, caption: str) -> Markup:
    """A table that scrolls where it is too wide, also with the keyboard."""
    looks = ["number" if numeric else "text" for numeric in table.numeric]
    heads = [tag("th", head, scope="col", class_=look) for head, look in zip(table.heads, looks, strict=True)]
    rows = []
    for row in table.rows:
        first = tag("th", tag("bdi", row[0]), scope="row")
        cells = (tag("td", tag("bdi", text), class_=look) for text, look in zip(row[1:], looks[1:], strict=True))
        rows.append(tag("tr", first, *cells))
    drawn = tag("table", tag("caption", caption), tag("thead", tag("tr", *heads)), tag("tbody", *rows))
    return tag("div", drawn, class_="scroll", tabindex=0, role="region", aria_label=caption)


def steps_table(rows: pd.DataFrame, grain: Step) -> Table:
    """Rows of `step`, `model` and numbers, in the order of time."""
    names = [name for name in rows.columns if name not in ("step", "model")]
    ordered = rows.sort_values(["step", "model"])
    texts = tuple(
        (label_of(step, grain), model, *(number_text(name, float(value)) for name, value in zip(names, values, strict=True)))
        for step, model, *values in ordered.itertuples(index=False)
    )
    return Table(("When", "Model", *(head_of(name) for name in names)), texts, (False, False, *(True,) * len(names)))


def step_text(step: pd.Timestamp, grain: Step) -> str:
    """A step under its chart: 14 Mar, or Mar 2026."""
    return f"{step:%b %Y}" if grain == "month" else f"{step.day} {step:%b}"


def parted(pieces: Sequence[Markup], by: str) -> list[Markup]:
    """Pieces with something between them."""
    return [joined(by if place else "", piece) for place, piece in enumerate(pieces)]
