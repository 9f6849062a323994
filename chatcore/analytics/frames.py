"""Frames out of columns, made in one go and already in order.

A question counts with numpy until its numbers are done. Pandas needs longer than that to put a dozen rows in order, and nearly as long to
add a column or to read a list of names, which is the same for a day as for years.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from chatcore.analytics.numbers import Ints
from chatcore.rollup.pages import Column

Values = Column | pd.api.extensions.ExtensionArray
# What numpy and pandas keep for a time that is none.
NEVER = np.iinfo(np.int64).min
Flags = npt.NDArray[np.bool_]


def framed(columns: Mapping[str, Values], order: Ints | None = None) -> pd.DataFrame:
    """The columns as a frame, its rows in this order. The columns belong to the frame from now on, unless there is an order."""
    values = columns.values() if order is None else [column.take(order) for column in columns.values()]
    frame = pd.DataFrame(dict(enumerate(values)), copy=False)
    frame.columns = names_of(tuple(columns))
    return frame


def framed_rows(rows: Sequence[Sequence[Any]], kinds: Mapping[str, str]) -> pd.DataFrame:
    """A few rows as a frame, with the kind of each column: "str", or what numpy calls it. None is no number."""
    parts = zip(*rows, strict=True) if rows else ((),) * len(kinds)
    made = [texts(part) if kind == "str" else np.array(part, dtype=kind) for part, kind in zip(parts, kinds.values(), strict=True)]
    return framed(dict(zip(kinds, made, strict=True)))


def in_order(*columns: npt.NDArray[Any]) -> Ints:
    """The places of rows by the first column, of equal ones by the second, and so on; the smallest first and NaN last."""
    order: Ints = np.lexsort(columns[::-1])
    return order


@lru_cache(maxsize=256)
def names_of(columns: tuple[str, ...]) -> pd.Index:
    """The names of the columns of a frame. Kept: a frame has the same whatever is in it."""
    return pd.Index(columns, dtype="str")


def texts(values: Iterable[str | None]) -> pd.api.extensions.ExtensionArray:
    """Texts as a column, which has its type without rows too. None is no text."""
    return pd.array(list(values), dtype="str")


def texts_at(values: tuple[str, ...], places: npt.NDArray[np.integer]) -> pd.api.extensions.ExtensionArray:
    """Those of a few texts that stand at these places."""
    return kept_texts(values).take(places)


@lru_cache(maxsize=256)
def kept_texts(values: tuple[str, ...]) -> pd.api.extensions.ExtensionArray:
    """The same few texts, such as the names of models, stand in most frames of a page. Not to be changed."""
    return texts(values)


def known(numbers: Ints, unknown: Flags) -> pd.api.extensions.ExtensionArray:
    """Whole numbers, None where they are not known."""
    return pd.arrays.IntegerArray(numbers.astype(np.int64), unknown.copy())


def utc_times(at: Ints) -> pd.api.extensions.ExtensionArray:
    """Microseconds since 1970 as times."""
    return pd.DatetimeIndex(at.view("M8[us]"), tz="UTC").array


def alphabetical(values: Sequence[str] | Sequence[tuple[str, ...]]) -> Ints:
    """For each text its place among them in the order of the alphabet; of several texts the first counts most."""
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[sorted(range(len(values)), key=lambda place: values[place])] = np.arange(len(values))
    return ranks


def ratio(parts: npt.NDArray[Any], wholes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Parts of wholes, NaN of nothing."""
    shares: npt.NDArray[np.float64] = np.divide(parts, wholes, out=np.full(len(parts), np.nan), where=wholes > 0)
    return shares
