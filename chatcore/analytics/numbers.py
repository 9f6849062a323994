"""Sums and percentiles of groups, with numpy: a million rows in some milliseconds."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from chatcore.rollup.cells import LENGTHS, merged, middle_of, together
from chatcore.rollup.measures import amount
from chatcore.rollup.pages import Rows, Table

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
# A bucket is below 2**16.
BUCKET = 16
# Groups times buckets that are counted in one array; more of them are sorted.
DENSE = 2_000_000


def totals(groups: npt.NDArray[np.integer], weights: npt.NDArray[np.integer], number: int) -> Ints:
    """Sums of whole numbers by group, each of 0 to `number` - 1; exact below 2**53, where floats hold every whole number."""
    return np.bincount(groups, weights=weights, minlength=number).astype(np.int64)


def sizes(groups: npt.NDArray[np.integer], number: int) -> Ints:
    """How many rows each group has."""
    return np.bincount(groups, minlength=number).astype(np.int64)


def sums_of(table: Table, measure: str, groups: npt.NDArray[np.integer], number: int) -> Ints:
    """Sums of a measure by group; of rows that are one message or attempt each, how many there are."""
    if measure in ("messages", "answers") and measure not in table.sums:
        return sizes(groups, number)
    return totals(groups, amount(table, measure), number)


def amounts_of(table: Table, measure: str, groups: npt.NDArray[np.integer], number: int) -> Floats:
    """The same of a measure that is no whole number."""
    return np.bincount(groups, weights=amount(table, measure), minlength=number).astype(np.float64)


def newest(groups: npt.NDArray[np.integer], at: Ints, number: int) -> Ints:
    """The last of the times (0 and more) of each group, 0 where it has none."""
    found = np.zeros(number, dtype=np.int64)
    np.maximum.at(found, groups, at)
    return found


def percentiles(
    groups: npt.NDArray[np.integer], values: npt.NDArray[np.float32], number: int, wanted: Sequence[float]
) -> tuple[Ints, Floats]:
    """Of each group how many values are known (not NaN), and a row with the `wanted` percentiles (0 to 100), NaN where none is.

    `values` are 0 or more. A percentile between two values lies between them in proportion, as everywhere in numpy and pandas.
    """
    known = ~np.isnan(values)
    # The bits of floats of 0 and more rise as they do, so one sort of whole numbers sorts all groups; -0.0 would be the largest.
    bits = (values[known] + np.float32(0)).view(np.uint32)
    order = np.sort((groups[known].astype(np.uint64) << np.uint64(32)) | bits)
    counts = sizes((order >> np.uint64(32)).astype(np.int64), number)
    found = np.full((number, len(wanted)), np.nan)
    there = counts > 0
    ends = np.cumsum(counts)[there]
    starts = (ends - counts[there])[:, None]
    places = np.asarray(wanted) / 100 * (counts[there, None] - 1)
    below = np.floor(places).astype(np.int64)
    above = np.minimum(below + 1, counts[there, None] - 1)
    low, high = (
        ((order[starts + at] & np.uint64(0xFFFFFFFF)).astype(np.uint32)).view(np.float32).astype(np.float64) for at in (below, above)
    )
    found[there] = low + (high - low) * (places - below)
    return counts, found


def percentiles_of_counts(counts: Ints, wanted: Sequence[float]) -> Floats:
    """The percentiles of whole numbers of which `counts` says how often there is each, from 0 on; NaN of none."""
    ends = np.cumsum(counts)
    if not len(ends) or not ends[-1]:
        return np.full(len(wanted), np.nan)
    places = np.asarray(wanted) / 100 * (ends[-1] - 1)
    below = np.floor(places).astype(np.int64)
    low, high = (np.searchsorted(ends, at, side="right") for at in (below, np.minimum(below + 1, ends[-1] - 1)))
    found: Floats = low + (high - low) * (places - below)
    return found


def percentiles_of(
    rows: Rows,
    measure: str,
    groups_of: Callable[[Table], npt.NDArray[np.integer]],
    number: int,
    wanted: Sequence[float],
    *,
    over_time: bool = False,
) -> tuple[Ints, Floats]:
    """The same of a time or a speed of attempts; `groups_of` tells the group of each by its models, `over_time` whether by its time too.

    Of sums of everybody a value is the middle of its bucket, so a percentile is off by `BUCKET_ERROR` of itself at most.
    """
    table = rows.measured(measure)
    if rows.summed is None:
        return percentiles(groups_of(table), table[measure], number, wanted)
    if not over_time:
        table = merged(table)
        return spread(groups_of(table), table["bucket"], table["answers"], number, wanted)
    alike = together(table, "models")
    return spread(groups_of(alike), table["bucket"], table["answers"], number, wanted, lengths=alike[LENGTHS])


def spread(
    groups: npt.NDArray[np.integer], buckets: Ints, answers: Ints, number: int, wanted: Sequence[float], *, lengths: Ints | int = 1
) -> tuple[Ints, Floats]:
    """Of each group how many answers its buckets hold, and the percentiles of the middles of these. `lengths`: how many buckets beside
    each other are of each of `groups`."""
    ends, counts, bucket_at = in_order(groups, lengths, buckets, answers, number)
    found = np.full((number, len(wanted)), np.nan)
    known = counts > 0
    starts = (np.cumsum(counts) - counts)[known, None]
    places = np.asarray(wanted) / 100 * (counts[known, None] - 1)
    below = np.floor(places).astype(np.int64)
    above = np.minimum(below + 1, counts[known, None] - 1)
    # To the right of equal ends, so never a place that holds nothing.
    low, high = (middle_of(bucket_at(np.searchsorted(ends, starts + at, side="right"))) for at in (below, above))
    found[known] = low + (high - low) * (places - below)
    return counts, found


def in_order(
    groups: npt.NDArray[np.integer], lengths: Ints | int, buckets: Ints, answers: Ints, number: int
) -> tuple[Ints, Ints, Callable[[Ints], Ints]]:
    """How many answers there are up to each place, in the order of the groups and of the buckets in them; how many each group has; and
    which bucket a place is of.

    Two years of everybody have 300,000 buckets of a time, and the system takes longer to give the memory of an array of them than numpy
    to fill it. So there is none that need not be: numpy.bincount would make two more.
    """
    least = int(buckets.min()) if len(buckets) else 0
    width = int(buckets.max(initial=0)) + 1 - least
    if number * width > DENSE:
        keys = np.repeat(groups.astype(np.int64) << BUCKET, lengths)
        keys |= buckets
        order = np.argsort(keys)
        return np.cumsum(answers[order]), totals(keys >> BUCKET, answers, number), buckets[order].take
    keys = np.repeat(groups.astype(np.int64) * width - least, lengths)
    keys += buckets
    held = np.zeros(number * width, dtype=np.int64)
    np.add.at(held, keys, answers)
    counts = held.reshape(number, width).sum(axis=1)
    return np.cumsum(held, out=held), counts, lambda places: places % width + least
