"""Which tool calls and full windows a question is about: the same choice that `chosen` makes of messages and answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session

from chatcore.analytics.chats import keys_meant
from chatcore.analytics.chosen import fitting, let_through
from chatcore.analytics.filters import Filters, previous_period
from chatcore.analytics.numbers import Ints, sizes
from chatcore.parts import Period, Viewer
from chatcore.rollup.gather import details_of, within
from chatcore.rollup.pages import Detail, Details
from chatcore.rollup.sums import everybodys_details


@dataclass(frozen=True, slots=True)
class Compared:
    """The details of a period and of the one before, and the filters of that."""

    now: Details
    before: Details
    earlier: Filters


def chosen_details(tx: Session, viewer: Viewer, filters: Filters, kind: Detail) -> Details:
    """The viewer's details that the filters let through, or everybody's. Raises Denied for everybody's if the viewer is not the
    owner, NotFound for a tag or a folder that is not theirs."""
    chats = keys_meant(tx, viewer, filters)
    return choose(gathered_details(tx, viewer, filters, filters.period, kind), filters, chats)


def compared_details(tx: Session, viewer: Viewer, filters: Filters, kind: Detail, *, now: datetime) -> Compared:
    """The same with those of the period before, all read at once. Raises what `chosen_details` does."""
    earlier = replace(filters, period=previous_period(filters.period, filters.time_zone, now=now))
    both = Period(min(filters.period.start, earlier.period.start), max(filters.period.end, earlier.period.end))
    chats = keys_meant(tx, viewer, filters)
    found = gathered_details(tx, viewer, filters, both, kind)
    return Compared(choose(found, filters, chats), choose(found, earlier, chats), earlier)


def gathered_details(tx: Session, viewer: Viewer, filters: Filters, period: Period, kind: Detail) -> Details:
    """All details of a period, of whom the filters say."""
    if filters.everybody:
        return everybodys_details(tx, viewer, period, kind, filters.time_zone)
    return details_of(tx, viewer, period, kind)


def choose(details: Details, filters: Filters, chats: Ints | None) -> Details:
    """The rows that the filters let through; `chats` are the `keys_meant` by them. A call belongs to an answer, so a role narrows none."""
    rows = let_through(within(details.rows, filters.period), fitting(details.models, filters), filters, chats)
    return replace(details, rows=rows)


def groups_of(names: Sequence[str], places: NDArray[np.int64]) -> tuple[list[str], Ints]:
    """The different names that rows point to, in order, and for each row the place of its own."""
    there = sizes(places, len(names)) > 0
    order = sorted(set(np.array(names, dtype=object)[there].tolist()))
    ranks = {name: rank for rank, name in enumerate(order)}
    return order, np.array([ranks.get(name, 0) for name in names], dtype=np.int64)[places] if len(names) else places
