"""The analytics page, and what the command line tells about a whole installation."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

from benchmarks.figures import Figure
from benchmarks.scale.ground import BUDGET_MESSAGES, Ground, half_and_most
from chatcore import analytics, doctor, stats
from chatcore.analytics import Filters, whole_days
from chatcore.errors import Conflict

ZONE = "Europe/Berlin"


def measure(ground: Ground) -> Iterator[Figure]:
    """Every number of the page for 30 days and for two years, in the zone of a person who has clock changes."""
    db, today = ground.db, ground.now.date()
    for who, viewer in ground.people.items():
        for name, days in (("30 days", 29), ("2 years", 729)):
            filters = Filters(whole_days(today - timedelta(days=days), today, ZONE), time_zone=ZONE)
            report = partial(analytics.report, db, viewer, filters, now=ground.now)
            yield from half_and_most(f"analytics page, {name}, {who}", ground.timed([report]))
    whole: list[tuple[str, Callable[[], object]]] = [("everybody's counts", lambda: stats.count_all(db))]
    if ground.filling.messages <= BUDGET_MESSAGES:
        whole.append(("doctor", lambda: examine(ground)))
    for name, ask in whole:
        yield Figure(name, ground.once(ask) / 1000, "s")


def examine(ground: Ground) -> None:
    """What the doctor finds. Raises Conflict if it is anything: then the corpus is wrong, and so is every figure."""
    problems = [str(finding) for finding in doctor.examine(ground.db, now=ground.now) if finding.level is doctor.Level.PROBLEM]
    if problems:
        raise Conflict(f"The filled database is not right: {problems[0]}", "Delete it and fill it anew.")
