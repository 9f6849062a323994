"""The analytics page with the rollup behind it, and what the command line tells about a whole installation."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from benchmarks.figures import Figure
from benchmarks.scale.ground import BUDGET_MESSAGES, Ground, half_and_most
from chatcore import analytics, doctor, stats
from chatcore.analytics import Filters, whole_days
from chatcore.errors import Conflict
from chatcore.parts import Viewer
from chatcore.rollup.cells import KINDS
from chatcore.rollup.joined import JOINED
from chatcore.rollup.making import refresh_step
from chatcore.rollup.pages import Page
from chatcore.rollup.summing import DAYS_A_STEP, sum_step

ZONE = "Europe/Berlin"
# All questions of the page of everybody, over two years as over a month, but those about tools, and a list behind a number: see
# docs/performance.md.
PAGE_BUDGET_MS = {"sqlite": 50, "postgresql": 80}
# Of more than a million messages.
LARGE_PAGE_BUDGET_MS = {"sqlite": 100, "postgresql": 150}
BEHIND_BUDGET_MS = 20
STEP_BUDGET_MS = 20
# The tab Tools of one person, over so many days before today.
TOOLS_BUDGET_MS = {29: 50, 729: 150}
MARK_ALL = (
    "INSERT INTO usage_dirty (user_id, day, writer) SELECT user_id, day, 0 FROM usage_day d WHERE user_id = :user_id "
    "AND NOT EXISTS (SELECT 1 FROM usage_dirty m WHERE m.user_id = d.user_id AND m.day = d.day)"
)


def measure(ground: Ground) -> Iterator[Figure]:
    """The pages of the rollup, every number of the page for 30 days and for two years, in the zone of a person who has clock
    changes, and the lists behind them."""
    db, today = ground.db, ground.now.date()
    yield from making(ground)
    yield from summing(ground)
    for who, viewer in ground.people.items():
        for name, days in (("30 days", 29), ("2 years", 729)):
            filters = Filters(whole_days(today - timedelta(days=days), today, ZONE), time_zone=ZONE)
            yield from half_and_most(f"all questions of the page, {name}, {who}", ground.timed([whole_page(ground, viewer, filters)]))
            if viewer.is_owner:
                budget = (PAGE_BUDGET_MS if ground.filling.messages <= BUDGET_MESSAGES else LARGE_PAGE_BUDGET_MS)[db.dialect]
                together = replace(filters, everybody=True)
                everybody = whole_page(ground, viewer, together)
                yield from half_and_most(f"all questions of the page, {name}, everybody", ground.timed([everybody]), budget=budget)
                yield from half_and_most(f"all questions of the page, {name}, everybody, read anew", ground.timed([read_anew(everybody)]))
                for tab in (*TABS, people):
                    yield from half_and_most(f"{tab.__name__} of everybody, {name}", ground.timed([partial(tab, ground, viewer, together)]))
        behind = [partial(question, db, viewer, filters) for question in (analytics.messages_behind, analytics.answers_behind)]
        yield from half_and_most(f"list behind a number, {who}", ground.timed(behind), budget=ground.budget(BEHIND_BUDGET_MS))
        yield from of_tools(ground, who, viewer)
    whole: list[tuple[str, Callable[[], object]]] = [("everybody's counts", lambda: stats.count_all(db))]
    if ground.filling.messages <= BUDGET_MESSAGES:
        whole.append(("doctor", lambda: examine(ground)))
    for name, ask in whole:
        yield Figure(name, ground.once(ask) / 1000, "s")


def of_tools(ground: Ground, who: str, viewer: Viewer) -> Iterator[Figure]:
    """The tab Tools and the lists behind it; the filters of the lists are those of the two years."""
    db, today = ground.db, ground.now.date()
    for name, days in (("30 days", 29), ("2 years", 729)):
        filters = Filters(whole_days(today - timedelta(days=days), today, ZONE), time_zone=ZONE)
        tab = partial(analytics.tool_report, db, viewer, filters, now=ground.now, step="week")
        yield from half_and_most(f"tab Tools, {name}, {who}", ground.timed([tab]), budget=ground.budget(TOOLS_BUDGET_MS[days]))
    rare = analytics.CallsMeant(tool="send_mail", ended="failed")
    lists: list[Callable[[], object]] = [
        partial(analytics.calls_behind, db, viewer, filters, meant=rare),
        partial(analytics.fills_behind, db, viewer, filters, meant=analytics.FillsMeant(at_least=0.95)),
    ]
    yield from half_and_most(f"list behind a number of tools, {who}", ground.timed(lists), budget=ground.budget(BEHIND_BUDGET_MS))


def whole_page(ground: Ground, viewer: Viewer, filters: Filters) -> Callable[[], None]:
    """Asks what all tabs of the page ask."""

    def ask() -> None:
        for tab in (*TABS, people) if filters.everybody else TABS:
            tab(ground, viewer, filters)

    return ask


def read_anew(ask: Callable[[], None]) -> Callable[[], None]:
    """The same without what was read a moment ago."""

    def ask_anew() -> None:
        JOINED.forget(unseen_s=0)
        ask()

    return ask_anew


def overview(ground: Ground, viewer: Viewer, filters: Filters) -> None:
    """What the tab Overview asks."""
    analytics.report(ground.db, viewer, filters, now=ground.now)


def activity(ground: Ground, viewer: Viewer, filters: Filters) -> None:
    """What the tab Activity asks."""
    analytics.habits(ground.db, viewer, filters, now=ground.now, step="week")


def speed(ground: Ground, viewer: Viewer, filters: Filters) -> None:
    """What the tab Speed asks."""
    analytics.speed_report(ground.db, viewer, filters, step="week")


def quality(ground: Ground, viewer: Viewer, filters: Filters) -> None:
    """What the tab Quality asks."""
    analytics.quality_report(ground.db, viewer, filters, step="week")


def cost(ground: Ground, viewer: Viewer, filters: Filters) -> None:
    """What the tab Cost asks."""
    analytics.cost_report(ground.db, viewer, filters, now=ground.now, rates=analytics.Rates(), step="week")


def compare(ground: Ground, viewer: Viewer, filters: Filters) -> None:
    """What the tab Compare asks."""
    pair = analytics.pair_of(filters, analytics.read_against("previous"), now=ground.now)
    analytics.compare_periods(ground.db, viewer, filters, other=pair.before, now=ground.now)


def people(ground: Ground, viewer: Viewer, filters: Filters) -> None:
    """What the tab People asks."""
    analytics.people(ground.db, viewer, filters)
    analytics.people_models(ground.db, viewer, filters)
    analytics.active_people(ground.db, viewer, filters, step="week")


# The tab Tools counts calls, which are rows for everybody too, and is measured by itself.
TABS = (overview, activity, speed, quality, cost, compare)


def summing(ground: Ground) -> Iterator[Figure]:
    """Sums up everybody's days in the zone, all of them anew: how long a step of some days takes, and how much room they need."""
    with ground.db.write() as tx:
        tx.execute(sa.text("DELETE FROM usage_zone WHERE name = :zone"), {"zone": ZONE})
    analytics.keep_sums(ground.db, ground.people["top user"], ZONE)
    steps: list[float] = []
    more = True
    while more:
        start = ground.effort.clock()
        more = sum_step(ground.db)
        steps.append((ground.effort.clock() - start) * 1000)
    yield from half_and_most(f"summing up {DAYS_A_STEP} days of everybody", steps[:-1], budget=STEP_BUDGET_MS)
    sizes = " + ".join(f"sum(length({name}))" for name in ("names", "people", *KINDS))
    with ground.db.read() as tx:
        size = tx.execute(sa.text(f"SELECT {sizes} FROM usage_sum")).scalar_one()
    yield Figure("sums of everybody's days in a zone of the text", int(size) / ground.filling.text_bytes, "x")


def making(ground: Ground) -> Iterator[Figure]:
    """Makes what is left of the pages, then those of the top user anew: how long a day takes, and how much room they need."""
    while refresh_step(ground.db):
        pass
    user_id = ground.people["top user"].user_id
    with ground.db.write() as tx:
        tx.execute(sa.text(MARK_ALL), {"user_id": user_id})
        days = tx.execute(sa.text("SELECT count(*) FROM usage_dirty")).scalar_one()

    def make() -> None:
        while refresh_step(ground.db):
            pass

    yield Figure("making a page of the rollup", ground.once(make) / days, "ms", budget=5)
    with ground.db.read() as tx:
        parts = " + ".join(f"coalesce(length({part}), 0)" for part in Page._fields)
        size = tx.execute(sa.text(f"SELECT sum({parts}) FROM usage_day")).scalar_one()
    yield Figure("rollup of the text", int(size) / ground.filling.text_bytes, "x")


def examine(ground: Ground) -> None:
    """What the doctor finds. Raises Conflict if it is anything: then the corpus is wrong, and so is every figure."""
    problems = [str(finding) for finding in doctor.examine(ground.db, now=ground.now) if finding.level is doctor.Level.PROBLEM]
    if problems:
        raise Conflict(f"The filled database is not right: {problems[0]}", "Delete it and fill it anew.")
