"""What the analytics page shows, as one HTML file: readable without the app, without a script and without a network."""

from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from chatcore import __version__, analytics
from chatcore.accounts import LOCAL_OWNER_ID
from chatcore.analytics import DEFINITIONS, CostReport, Filters, Habits, Pair, QualityReport, Rates, Report, SpeedReport, ToolReport
from chatcore.analytics.filters import Step, local_days, zone
from chatcore.analytics.ranges import days_text
from chatcore.db import Database
from chatcore.parts import Viewer
from chatcore.reports.cards import About, changes_card, habit_cards, overview, parted, quality_cards, speed_cards
from chatcore.reports.changes import empty_sides, pair_text
from chatcore.reports.cost_cards import cost_cards
from chatcore.reports.cost_tiles import cost_tiles
from chatcore.reports.markup import Markup, joined, tag
from chatcore.reports.narrowing import narrowings
from chatcore.reports.questions import NO_RATES
from chatcore.reports.series import MAX_MODELS, grain_of
from chatcore.reports.style import STYLE
from chatcore.reports.tiles import BETTER, Tile, help_text, number, summary, tiles_of
from chatcore.reports.tool_cards import tool_cards, window_cards

# There is nothing to load or to run; this makes sure of it whatever a name may hold.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Frames:
    """What each tab of the page asks, of the same period. `changes` is None where nothing is compared."""

    report: Report
    habits: Habits
    speeds: SpeedReport
    quality: QualityReport
    tools: ToolReport
    windows: pd.DataFrame
    fills: pd.DataFrame
    costs: CostReport
    changes: pd.DataFrame | None


def html_report(db: Database, viewer: Viewer, filters: Filters, *, now: datetime, compare: bool = True, rates: Rates = NO_RATES) -> str:
    """The report of a period as one HTML file. Without `compare` nothing is said of the period before, as for all time; `rates` make
    the equivalent and the energy of local models.

    Raises NotFound for a tag or a folder that is not the viewer's.
    """
    known = tuple(sorted({model for _, model in analytics.known_models(db, viewer)}))
    about = About(viewer, filters, now, compare, known, analytics.folder_paths(db, viewer, filters))
    grain = grain_of(len(about.days), min(len(known), MAX_MODELS + 1))
    report = analytics.report(db, viewer, filters, now=now)
    frames = Frames(
        report=report,
        habits=analytics.habits(db, viewer, filters, now=now),
        speeds=analytics.speed_report(db, viewer, filters, step=grain),
        quality=analytics.quality_report(db, viewer, filters, step=grain),
        tools=analytics.tool_report(db, viewer, filters, now=now, step=grain),
        windows=analytics.context(db, viewer, filters),
        fills=analytics.context_fill(db, viewer, filters),
        costs=analytics.cost_report(db, viewer, filters, now=now, rates=rates, step=grain),
        changes=analytics.compare_periods(db, viewer, filters, other=report.previous, now=now) if compare else None,
    )
    return page(about, frames, grain)


def file_name(filters: Filters) -> str:
    """What the file of a report is called: its first and last day."""
    days = local_days(filters.period, filters.time_zone)
    return f"chatcore-report_{days[0]:%Y-%m-%d}_{days[-1]:%Y-%m-%d}.html"


def page(about: About, frames: Frames, grain: Step) -> str:
    """The file; `grain` is the step of what is told over time."""
    report, found, speeds, costs = frames.report, frames.habits, frames.speeds, frames.costs
    title = f"Analytics, {days_text(about.filters.period, about.filters.time_zone)}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(STYLE)),
    )
    parts = [heading(about, title)]
    if report.is_empty:
        parts.append(tag("section", tag("h2", "Nothing to count"), tag("p", nothing(about.filters))))
    else:
        parts += [tiles_part(about, report), *overview(about, report)]
    if found.calendar["messages"].any():
        parts += habit_cards(about, found)
    if not speeds.speed.empty:
        parts += [*speed_cards(about, speeds, grain), *quality_cards(about, frames.quality, grain)]
        parts += window_cards(about, frames.windows, frames.fills)
    if not frames.tools.tools.empty:
        tiles = tiles_of(frames.tools.tiles, compare=about.compare)
        parts += [tag("dl", *(tile_box(tile) for tile in tiles), class_="tiles"), *tool_cards(about, frames.tools, grain)]
    if not costs.costs.empty:
        tiles = cost_tiles(costs, compare=about.compare)
        parts += [tag("dl", *(tile_box(tile) for tile in tiles), class_="tiles"), *cost_cards(about, costs, grain)]
    if frames.changes is not None and not empty_sides(frames.changes):
        pair = Pair(report.previous, about.filters.period)
        parts.append(changes_card(frames.changes, pair_text(pair, about.filters.time_zone)))
    made = f"Made by chatcore {__version__} on {moment(about.now, about.filters)}. Days and hours are those of {about.filters.time_zone}."
    body = tag("body", tag("main", *parts, tag("footer", tag("p", made))))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def nothing(filters: Filters) -> str:
    """What stands instead of empty charts."""
    if filters.is_everything:
        return "There are no messages and no answers in this period. Choose a longer one."
    return "There are no messages and no answers in this period that were chosen. Choose a longer one, or more models or chats."


def moment(when: datetime, filters: Filters) -> str:
    """A time on the clock of the report."""
    local = when.astimezone(zone(filters.time_zone))
    return f"{local.day} {local:%b %Y, %H:%M}"


def heading(about: About, title: str) -> Markup:
    """What the report is about."""
    lines = []
    if about.viewer.user_id != LOCAL_OWNER_ID:
        lines.append(tag("p", "Numbers of ", tag("bdi", about.viewer.name)))
    for said, names in narrowings(about.filters, about.folders):
        lines.append(tag("p", f"{said} " if names else said, *parted([tag("bdi", name) for name in names], ", ")))
    # How models narrow is said with the messages.
    if not replace(about.filters, models=(), providers=()).is_everything:
        lines.append(tag("details", tag("summary", "What does this mean?"), tag("p", DEFINITIONS["filters"])))
    return tag("header", tag("h1", title), *lines)


def tiles_part(about: About, report: Report) -> Markup:
    """The numbers on top, how the answers ended, and how all of it is counted."""
    tiles = tiles_of(report.tiles, compare=about.compare)
    over = zip(report.tiles["over"], report.tiles["estimated"], strict=True)
    told = [
        joined(tag("dt", tile.label), tag("dd", help_text(tile.measure, number(known), number(estimated))))
        for tile, (known, estimated) in zip(tiles, over, strict=True)
    ]
    if about.compare:
        told.append(joined(tag("dt", "Changes"), tag("dd", DEFINITIONS["change"])))
    return joined(
        tag("dl", *(tile_box(tile) for tile in tiles), class_="tiles"),
        tag("p", " ".join(summary(report, about.filters.time_zone, compare=about.compare)), class_="soft"),
        tag("details", tag("summary", "How are these counted?"), tag("dl", *told), class_="counted"),
    )


def tile_box(tile: Tile) -> Markup:
    """One number with its change."""
    change, kind = "", "change"
    if tile.delta == 0:
        change = "No change"
    elif tile.is_new:
        change = "New"
    elif tile.delta is not None:
        down = str(tile.delta).startswith("-")
        change = f"{'▼' if down else '▲'} {tile.delta}"
        good = BETTER.get(tile.measure, "off")
        if good != "off":
            kind += " better" if down == (good == "inverse") else " worse"
    said = [tag("span", text, class_=look) for text, look in ((change, kind), (tile.detail, "change")) if text]
    return tag("div", tag("dt", tile.label), tag("dd", tile.value, class_="value"), tag("dd", *parted(said, " · "), class_="change"))
