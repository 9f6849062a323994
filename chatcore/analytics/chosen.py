"""Which of the gathered rows a question is about, and in which local hour or day each lies."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlmodel import Session

from chatcore.analytics.chats import keys_meant
from chatcore.analytics.filters import Days, Filters, Step, first_day, firsts_of, last_day, offsets, previous_period
from chatcore.analytics.numbers import Ints
from chatcore.analytics.statements import DAY_S, EPOCH_ORDINAL
from chatcore.parts import Period, Viewer
from chatcore.rollup.cells import KINDS
from chatcore.rollup.days import microseconds
from chatcore.rollup.gather import cut, everybodys_rows, rows_of
from chatcore.rollup.pages import ROLES, Models, Rows, Table, runs_of
from chatcore.rollup.sums import can_be_summed, everybodys_sums

SECOND_US = 1_000_000


def chosen_rows(tx: Session, viewer: Viewer, filters: Filters, *, kinds: Collection[str] = ()) -> Rows:
    """The viewer's rows that the filters let through, or everybody's. Raises Denied for everybody's if the viewer is not the owner,
    NotFound for a tag or a folder that is not theirs.

    A question that names the `kinds` of cells that it counts (`chatcore.rollup.cells`) gets rows that stand for many where there are
    such: of everybody. Filters narrow them like others.
    """
    if are_summed(filters, kinds):
        return choose(everybodys_sums(tx, viewer, filters.period, filters.time_zone, kinds), filters, None)
    chats = keys_meant(tx, viewer, filters)
    return choose(gathered_rows(tx, viewer, filters, filters.period), filters, chats)


def are_summed(filters: Filters, kinds: Collection[str]) -> bool:
    """Whether sums answer a question: of everybody, and one that is content with these kinds. Nothing but this decides it, and nothing
    in the database does: the same question is always counted in the same way."""
    return filters.everybody and bool(kinds) and can_be_summed(filters.period, filters.time_zone)


def compared_rows(
    tx: Session, viewer: Viewer, filters: Filters, *, now: datetime, kinds: Collection[str] = ()
) -> tuple[Rows, Rows, Filters]:
    """The same rows, those of the period before, and the filters of these; all are read at once. Raises what `chosen_rows` does."""
    earlier = replace(filters, period=previous_period(filters.period, filters.time_zone, now=now))
    if are_summed(filters, kinds):
        return chosen_rows(tx, viewer, filters, kinds=kinds), chosen_rows(tx, viewer, earlier, kinds=kinds), earlier
    both = Period(min(filters.period.start, earlier.period.start), max(filters.period.end, earlier.period.end))
    chats, gathered = keys_meant(tx, viewer, filters), gathered_rows(tx, viewer, filters, both)
    return choose(gathered, filters, chats), choose(gathered, earlier, chats), earlier


def gathered_rows(tx: Session, viewer: Viewer, filters: Filters, period: Period) -> Rows:
    """All rows of a period, of whom the filters say."""
    return (everybodys_rows if filters.everybody else rows_of)(tx, viewer, period)


def choose(rows: Rows, filters: Filters, chats: Ints | None) -> Rows:
    """The rows that the filters let through; `chats` are the `keys_meant` by them. With models chosen: their attempts, their
    answers and the prompts they answered. An attempt whose chat is gone is in no tag and no folder, and a role narrows messages
    alone. `messages.counted` and `answers.counted` say the same in SQL."""
    fits = fitting(rows.models, filters)

    def chosen(table: Table, *, of_messages: bool) -> Table:
        table = let_through(table, fits, filters, chats)
        if of_messages and filters.role is not None:
            table = table.where(table["role"] == ROLES.index(filters.role))
        return table

    if rows.summed is None:
        rows = cut(rows, filters.period)
    messages, answers = chosen(rows.messages, of_messages=True), chosen(rows.answers, of_messages=False)
    summed = {name: chosen(table, of_messages=KINDS[name].of == "messages") for name, table in (rows.summed or {}).items()}
    return replace(rows, messages=messages, answers=answers, summed=summed or None)


def fitting(models: tuple[Models, ...], filters: Filters) -> NDArray[np.bool_] | None:
    """Which of these sets of models the filters let through; None where they let all."""
    if not filters.narrowed:
        return None
    return flags(models, lambda pairs: any(is_chosen(provider, model, filters) for provider, model in pairs))


def let_through(table: Table, fits: NDArray[np.bool_] | None, filters: Filters, chats: Ints | None) -> Table:
    """The rows of a table that the filters let through, whatever it counts: by their models (`fitting`), chat and origin."""
    if fits is not None:
        table = table.where(fits[table["models"]])
    if chats is not None:
        table = table.where(np.isin(table["chat"], chats))
    if filters.imported is not None:
        table = table.where(table["imported"] == filters.imported)
    return table


def is_chosen(provider: str, model: str, filters: Filters) -> bool:
    """Whether the filters let this model through."""
    return (not filters.providers or provider in filters.providers) and (not filters.models or model in filters.models)


def flags(models: tuple[Models, ...], fits: Callable[[Models], bool]) -> NDArray[np.bool_]:
    """For each set of models whether it fits."""
    return np.array([fits(pairs) for pairs in models], dtype=np.bool_)


def local_numbers(at: NDArray[np.int64], filters: Filters, unit_s: int) -> Ints:
    """In which hour or day (of `unit_s` seconds on the local clock) times lie, counted from 0 at the midnight of `first_day`.

    An hour that a clock change repeats is one hour here, as it is on the clock.
    """
    midnight_us = (first_day(filters).toordinal() - EPOCH_ORDINAL) * DAY_S * SECOND_US
    changes = offsets(filters.period, filters.time_zone)
    shifts = np.array([round(offset.total_seconds()) * SECOND_US - midnight_us for _, offset in changes])
    if len(changes) == 1:
        return whole(at + shifts[0], unit_s)
    since = np.array([microseconds(since) for since, _ in changes[1:]])
    return whole(at + shifts[np.searchsorted(since, at, side="right")], unit_s)


def whole(at: NDArray[np.int64], unit_s: int) -> Ints:
    """How many whole units lie before a time; below 0 it counts on downwards."""
    units: Ints = at // (unit_s * SECOND_US)
    return units


def by_model(answers: Table, models: tuple[Models, ...]) -> tuple[list[tuple[str, str]], Ints]:
    """The (provider, model name) of the attempts, in order, and for each attempt the place of its own."""
    pairs, places = model_places(answers, models)
    return pairs, answers.once("by model", lambda: places[answers["models"]])


def model_places(answers: Table, models: tuple[Models, ...]) -> tuple[list[tuple[str, str]], Ints]:
    """The (provider, model name) of the attempts, in order, and for each of `models` the place of its own."""
    return answers.once("model places", lambda: placed(answers, models))


def placed(answers: Table, models: tuple[Models, ...]) -> tuple[list[tuple[str, str]], Ints]:
    """The same, found anew."""
    there = np.bincount(answers["models"], minlength=len(models)) > 0
    known = sorted((models[place][0], place) for place in np.flatnonzero(there))
    places = np.zeros(len(models), dtype=np.int64)
    places[[place for _, place in known]] = np.arange(len(known))
    return [pair for pair, _ in known], places


def by_chat(table: Table) -> tuple[Ints, Ints]:
    """The keys of the chats that rows are in, and for each row the place of its own."""
    return table.once("by chat", lambda: chats_of(table["chat"]))


def chats_of(keys: Ints) -> tuple[Ints, Ints]:
    """The different keys, and for each row the place of its own: most rows follow one of their own chat."""
    firsts, lengths = runs_of(keys)
    places, found = pd.factorize(keys[firsts])
    return np.asarray(found), np.repeat(places, lengths)


def compact(keys: Ints) -> tuple[Ints, Ints]:
    """The different keys in order, and for each row the place of its own. Like numpy.unique, without sorting where keys are dense."""
    if not len(keys) or keys.max() > 4 * len(keys) + 1_000_000:
        found, places = np.unique(keys, return_inverse=True)
        return found, places
    there = np.bincount(keys) > 0
    return np.flatnonzero(there), (np.cumsum(there) - 1)[keys]


def local_dates(numbers: Ints, filters: Filters) -> Days:
    """Local days by their number since `first_day`, as naive midnights."""
    dates: Days = np.datetime64(first_day(filters), "us") + numbers.astype("m8[D]")
    return dates


def all_dates(filters: Filters) -> Days:
    """Every local day that the period touches."""
    return local_dates(np.arange((last_day(filters) - first_day(filters)).days + 1), filters)


def local_steps(table: Table, filters: Filters, step: Step) -> tuple[Days, Ints]:
    """The first days of the steps in which rows lie, in order, and for each row the place of its own."""
    starts, steps = steps_beside(table, filters, step)
    return starts, np.repeat(steps, table.runs.lengths)


def steps_beside(table: Table, filters: Filters, step: Step) -> tuple[Days, Ints]:
    """The same for each run of rows that have the same time."""
    days, of_day = compact(days_beside(table, filters))
    starts, of_step = np.unique(firsts_of(local_dates(days, filters), step), return_inverse=True)
    return starts, of_step[of_day]


def days_of(table: Table, filters: Filters) -> Ints:
    """The local day of each row, counted from the first of the period."""
    return np.repeat(days_beside(table, filters), table.runs.lengths)


def days_beside(table: Table, filters: Filters) -> Ints:
    """The local day of each run of rows that have the same time."""
    return numbers_beside(table, filters, DAY_S)


def numbers_beside(table: Table, filters: Filters, unit_s: int) -> Ints:
    """`local_numbers` of each run of rows that have the same time."""
    name = ("local numbers", filters.period, filters.time_zone, unit_s)
    return table.once(name, lambda: local_numbers(table.runs.at, filters, unit_s))
