"""Every part of the suite, in the order they run. A new one is a file beside the others and a line here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.figures import Figure
from benchmarks.scale import lists, searching, space, threads, usage, writing
from benchmarks.scale.ground import Ground


@dataclass(frozen=True, slots=True)
class Part:
    """What it measures, and, where one figure a line would be too long to read, its own tables from the figures by name."""

    name: str
    measure: Callable[[Ground], Iterator[Figure]]
    tables: Callable[[Mapping[str, Figure]], Iterator[str]] | None = None


PARTS: tuple[Part, ...] = (
    Part("space", space.measure),
    Part("lists", lists.measure),
    Part("threads", threads.measure),
    Part("search", searching.measure, searching.tables),
    Part("usage", usage.measure),
    Part("writing", writing.measure),
)
NAMES = tuple(part.name for part in PARTS)
