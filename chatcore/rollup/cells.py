"""Sums of everybody's day: messages and attempts that are alike in what the questions ask, as one row.

A row of a page stands for one message or attempt; a cell for all of a local day of a zone that have the same model, origin, hour, person
and so on. Each kind of cell is told apart by what its questions need and by no more: an hour of a model is another cell, but not the
person too. Of times and speeds a cell is a bucket, so a percentile has an error (`BUCKET_ERROR`). See docs/decisions/0012.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from chatcore.rollup.clock import SECOND_US, Ints, local_hours
from chatcore.rollup.measures import amount
from chatcore.rollup.pages import COUNTS, Column, Models, Rows, Runs, Table, point

# Of the 23 bits that a float has behind its first one so many are kept: 32 buckets from each power of two to the next.
BUCKET_BITS = 5
SHIFT = np.uint32(23 - BUCKET_BITS)
# A value in the middle of its bucket is off by no more than this part of itself.
BUCKET_ERROR = 2.0 ** -(BUCKET_BITS + 1)
# Up to so many places for each row are counted in an array, and more sorted.
SPARSE = 16
# Models times buckets that are merged in one array.
MOST_MERGED = 4_000_000
# The column that says how many rows one stands for that were put together.
LENGTHS = "lengths"
# Keys of a cell as they are kept. `second`: since the start of the day; of an hour a time in it is kept, so that the clock finds it again.
KEYS = {
    "second": "<u4",
    "chat": "<i8",
    "user": "<u4",
    "models": "<u2",
    "error": "<u2",
    "bucket": "<u2",
    "role": "u1",
    "state": "u1",
    "imported": "?",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of cell: which rows it sums up, by what, and what of them."""

    of: str
    keys: tuple[str, ...]
    sums: Mapping[str, str]

    @property
    def kept(self) -> np.dtype[np.void]:
        """A cell as it is kept."""
        return np.dtype([*((key, KEYS[key]) for key in self.keys), *self.sums.items()])


TOKENS = {f"known_{name}": "<i8" for name in COUNTS}
MEASURED = ("time_to_first_chunk_s", "output_tokens_per_s", "duration_s", "load_s", "prompt_tokens_per_s")
KINDS: dict[str, Kind] = {
    "hours": Kind("messages", ("second", "models", "role", "imported"), {"messages": "<u4"}),
    "chats": Kind("messages", ("chat", "models", "role", "imported"), {"messages": "<u4"}),
    "writers": Kind("messages", ("user", "models", "role", "imported"), {"messages": "<u4", "last_at": "<i8"}),
    "answers": Kind(
        "answers",
        ("models", "state", "error", "imported"),
        {
            "answers": "<u4", "answers_estimated": "<u4", **{f"answers_with_{name}": "<u4" for name in COUNTS}, **TOKENS,
            "cached_tokens_of_both": "<i8", "input_tokens_of_both": "<i8", "reasoning_tokens_of_both": "<i8",
            "output_tokens_of_both": "<i8", "answers_with_cost": "<u4", "known_cost": "<f8", "answers_unpriced": "<u4",
            "answers_with_duration": "<u4", "known_duration_s": "<f8", "load_s_of_both": "<f8", "duration_s_of_both": "<f8",
            "last_at": "<i8",
        },
    ),
    "asked": Kind(
        "answers",
        ("user", "models", "imported"),
        {
            "answers": "<u4", "failed": "<u4", "answers_with_output_tokens": "<u4", "known_input_tokens": "<i8",
            "known_output_tokens": "<i8", "last_at": "<i8",
        },
    ),
    **{measure: Kind("answers", ("models", "imported", "bucket"), {"answers": "<u4"}) for measure in MEASURED},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sums:
    """The cells of a local day as the database keeps them: names as JSON, cells of each kind as bytes. Equal rows make equal sums.

    `start` and `end`: when the day begins and ends, in microseconds since 1970.
    """

    start: int
    end: int
    names: str
    people: str
    cells: Mapping[str, bytes]


# --- from rows ---------------------------------------------------------------------------------------------------


def sum_up(rows: Rows, starts: Ints, zone: str, kinds: Collection[str] = tuple(KINDS)) -> list[Sums]:
    """The sums of days, from the rows of them: `starts` are their starts and the end of the last, all rows lie between."""
    number = len(starts) - 1
    tables = {"messages": rows.messages, "answers": rows.answers}
    days = {name: np.searchsorted(starts, table["at"], side="right") - 1 for name, table in tables.items()}
    # In the order of their names, so that equal rows make equal bytes wherever they were read.
    named = {"models": Named(rows.models, number), "error": Named(rows.errors, number), "user": Named(rows.users, number)}
    for table, column in (("messages", "models"), ("answers", "models"), ("messages", "user"), ("answers", "user"), ("answers", "error")):
        named[column].add(days[table], tables[table][column])
    cells = {name: cells_of(name, tables[KINDS[name].of], days[KINDS[name].of], starts, zone, named) for name in kinds}
    models, errors, people = (named[column].by_day() for column in ("models", "error", "user"))
    return [
        Sums(
            int(starts[day]),
            int(starts[day + 1]),
            in_short([models[day], errors[day]]),
            in_short(people[day]),
            {name: cells[name][day] for name in kinds},
        )
        for day in range(number)
    ]


class Named:
    """Names of several days: each day has those that it needs, in their order."""

    def __init__(self, names: Sequence[Models] | Sequence[str], days: int) -> None:
        order = sorted(range(len(names)), key=lambda place: names[place])
        self._names = [names[place] for place in order]
        self._places = np.empty(len(names), dtype=np.int64)
        self._places[order] = np.arange(len(names))
        self._needed = np.zeros((days, len(names)), dtype=np.bool_)

    def add(self, days: Ints, column: Column) -> None:
        """The days need what the column points to."""
        self._needed[days, self._places[column]] = True

    def of_day(self, days: Ints, column: Column) -> Ints:
        """What the column points to, as places in the names of the day."""
        places = np.cumsum(self._needed, axis=1) - 1
        own: Ints = places[days, self._places[column]]
        return own

    def by_day(self) -> list[list[Models | str]]:
        """The names of each day."""
        return [[self._names[place] for place in np.flatnonzero(needed)] for needed in self._needed]


def cells_of(name: str, table: Table, days: Ints, starts: Ints, zone: str, named: Mapping[str, Named]) -> list[bytes]:
    """The cells of one kind, day by day."""
    kind = KINDS[name]
    if name in MEASURED:
        known = ~np.isnan(table[name])
        table, days = table.where(known), days[known]
    keys = {key: key_of(key, name, table, days, zone, named) for key in kind.keys}
    # An hour is of one day.
    first, cell = alike([*keys.values()] if "second" in keys else [days, *keys.values()])
    found = np.empty(len(first), kind.kept)
    for key, column in keys.items():
        found[key] = (table["at"] - starts[days])[first] // SECOND_US if key == "second" else column[first]
    for measure in kind.sums:
        found[measure] = added(measure, amount(table, measure), cell, len(first))
    ends = np.searchsorted(days[first], np.arange(len(starts)))
    return [found[start:end].tobytes() for start, end in pairwise(ends)]


def key_of(key: str, name: str, table: Table, days: Ints, zone: str, named: Mapping[str, Named]) -> Column:
    """What rows are told apart by."""
    if key == "second":
        return local_hours(table["at"], zone)
    if key == "bucket":
        return bucket_of(table[name])
    column = table[key]
    return named[key].of_day(days, column) if key in named else column


def alike(columns: Sequence[Column]) -> tuple[Ints, Ints]:
    """The first of each group of rows that are the same in all columns, in the order of the columns; and for each row its group."""
    number = len(columns[0])
    code, span = np.zeros(number, dtype=np.int64), 1
    for column in columns:
        values = column.astype(np.int64)
        values -= values.min(initial=values[0] if number else 0)
        width = int(values.max(initial=0)) + 1
        # Half ids of chats are far apart.
        if width > SPARSE * (number + 1):
            values = np.unique(values, return_inverse=True)[1]
            width = int(values.max(initial=0)) + 1
        if span > 2**62 // width:
            code = np.unique(code, return_inverse=True)[1]
            span = number
        code, span = code * width + values, span * width
    if span > SPARSE * (number + 1):
        _, first, group = np.unique(code, return_index=True, return_inverse=True)
        return first, group
    # Like numpy.unique without sorting.
    there = np.bincount(code, minlength=span) > 0
    group = (np.cumsum(there) - 1)[code]
    first = np.empty(int(np.count_nonzero(there)), dtype=np.int64)
    first[group[::-1]] = np.arange(number)[::-1]
    return first, group


def added(measure: str, amounts: Column, cell: Ints, number: int) -> Column:
    """The sum of each cell; of moments the last."""
    if measure == "last_at":
        last = np.zeros(number, dtype=np.int64)
        np.maximum.at(last, cell, amounts)
        return last
    return np.bincount(cell, weights=amounts, minlength=number)


def bucket_of(values: Column) -> Column:
    """The bucket of each value of 0 or more: its bits without the last ones, which rise as the values do; -0.0 would be the largest."""
    buckets: Column = (values.astype(np.float32) + np.float32(0)).view(np.uint32) >> SHIFT
    return buckets


def middle_of(buckets: Column) -> Column:
    """A value that is off by BUCKET_ERROR at most from every value of its bucket; 0 of the bucket of 0."""
    middles = ((buckets.astype(np.uint32) << SHIFT) + (np.uint32(1) << (SHIFT - np.uint32(1)))).view(np.float32).astype(np.float64)
    return np.where(buckets == 0, 0.0, middles)


def start_of(buckets: Column) -> Column:
    """The smallest value of each bucket."""
    return (buckets.astype(np.uint32) << SHIFT).view(np.float32).astype(np.float64)


def in_short(names: object) -> str:
    """Names as JSON."""
    return json.dumps(names, ensure_ascii=False, separators=(",", ":"))


def together(table: Table, *keys: str) -> Table:
    """Rows that stand for many, as one where they lie beside each other and have the same time and keys: far fewer. Kept with the table,
    as several questions ask for it; rows that stand for one each stay as they are."""
    return table.once(("together", keys), lambda: put_together(table, keys)) if table.sums else table


def put_together(table: Table, keys: Sequence[str]) -> Table:
    """The same, made anew."""
    begins = np.zeros(len(table), dtype=np.bool_)
    begins[table.runs.firsts] = True
    for key in keys:
        begins[1:] |= table[key][1:] != table[key][:-1]
    firsts = np.flatnonzero(begins)
    lengths = np.diff(firsts, append=len(table))

    def make(name: str) -> Column:
        if name == LENGTHS:
            return lengths
        if name not in table.sums or not len(firsts):
            return table[name][firsts]
        found: Column = (np.maximum if name == "last_at" else np.add).reduceat(table[name], firsts)
        return found

    starts = np.searchsorted(firsts, table.runs.firsts)
    return Table(len(firsts), make, table.sums, runs=Runs(starts, np.diff(starts, append=len(firsts)), table.runs.at))


def merged(table: Table) -> Table:
    """Buckets of all days together, for questions of the whole period. Kept with the table, as several ask for it."""
    return table.once("merged", lambda: merge(table))


def merge(table: Table) -> Table:
    """The same, made anew."""
    alike, buckets, answers = together(table, "models"), table["bucket"], table["answers"]
    least = int(buckets.min()) if len(buckets) else 0
    width = int(buckets.max(initial=0)) + 1 - least
    if (int(alike["models"].max(initial=0)) + 1) * width > MOST_MERGED:
        return table
    held = np.bincount(np.repeat(alike["models"] * width - least, alike[LENGTHS]) + buckets, weights=answers)
    there = np.flatnonzero(held)
    columns = {"models": there // width, "bucket": there % width + least, "answers": held[there].astype(np.int64)}
    return Table(len(there), columns.__getitem__, frozenset({"answers"}))


# --- to rows -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4_000)
def unpack_people(people: str) -> tuple[str, ...]:
    """The people of a day. Kept, because reading the JSON takes longer than the arrays."""
    return tuple(json.loads(people))


def join_sums(sums: Sequence[Sums], kinds: Collection[str]) -> Rows:
    """The cells of days one after the other, as rows that stand for many. Only those of people name them."""
    names, pointed = point([day.names for day in sums])
    users = dict[str, int]()
    if "writers" in kinds or "asked" in kinds:
        begins = np.cumsum([0, *(len(unpack_people(day.people)) for day in sums)])[:-1]
        places = [users.setdefault(user_id, len(users)) for day in sums for user_id in unpack_people(day.people)]
        pointed = {**pointed, "user": (begins, np.array(places, dtype=np.int64))}
    starts = np.array([day.start for day in sums], dtype=np.int64)
    tables = {name: cell_table(KINDS[name], [day.cells[name] for day in sums], starts, pointed) for name in kinds}
    none = Table(0, lambda _: np.zeros(0, dtype=np.int64), frozenset({"messages", "answers"}))
    return Rows(tables.get("hours", none), tables.get("answers", none), tuple(names.models), tuple(names.errors), tuple(users), tables)


def cell_table(kind: Kind, parts: Sequence[bytes], starts: Ints, pointed: Mapping[str, tuple[Ints, Ints]]) -> Table:
    """The cells of one kind. A cell lies at the start of its day, that of an hour in its hour."""
    found = np.frombuffer(b"".join(parts), kind.kept)
    sizes = np.fromiter(map(len, parts), np.int64, len(parts)) // kind.kept.itemsize

    def make(name: str) -> Column:
        if name == "at":
            at = np.repeat(starts, sizes)
            return at + found["second"] * np.int64(SECOND_US) if "second" in kind.keys else at
        if name in pointed:
            begins, of_all = pointed[name]
            names: Column = of_all[found[name] + np.repeat(begins, sizes)]
            return names
        column: Column = found[name]
        return column if column.dtype.kind in "f?" else column.astype(np.int64)

    there = np.flatnonzero(sizes)
    runs = None if "second" in kind.keys else Runs((np.cumsum(sizes) - sizes)[there], sizes[there], starts[there])
    return Table(len(found), make, frozenset(kind.sums), runs=runs)
