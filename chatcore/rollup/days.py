"""Days as the rollup counts them: UTC days since 1970, and times in microseconds since then."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from chatcore.columns import EPOCH as EPOCH
from chatcore.columns import MICROSECOND as MICROSECOND

DAY_US = 86_400 * 1_000_000
# Days that are so near to each other are read in one go, with what lies between them.
NEAR_DAYS = 3


def microseconds(at: datetime) -> int:
    """Since 1970."""
    return (at - EPOCH) // MICROSECOND


def day_of(at: datetime) -> int:
    """The day of a time."""
    return (at - EPOCH) // timedelta(days=1)


def start_of(day: int) -> datetime:
    """When a day begins."""
    return EPOCH + timedelta(days=day)


def runs(days: Iterable[int]) -> Iterator[list[int]]:
    """Days in groups of those that are near each other."""
    run: list[int] = []
    for day in sorted(days):
        if run and day - run[-1] > NEAR_DAYS:
            yield run
            run = []
        run.append(day)
    if run:
        yield run
