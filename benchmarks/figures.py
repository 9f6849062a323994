"""What a scenario answers: figures with their unit and, where the project promises something, their budget."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chatcore.errors import Invalid


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `budget` is the most it may be; None: nothing was promised, it is there to be compared.

    `samples` are the single measurements it was made of, `note` says what one must know to read it.
    """

    name: str
    value: float
    unit: str
    budget: float | None = None
    samples: tuple[float, ...] = ()
    note: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether the budget is kept; None where there is none."""
        return None if self.budget is None else self.value <= self.budget

    def as_json(self) -> dict[str, object]:
        """The figure as results hold it, at most 200 samples."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "budget": self.budget,
            "kept": self.kept,
            "samples": list(self.samples[:200]),
            "sample_count": len(self.samples),
            "note": self.note,
        }


def percentile(samples: Sequence[float], percent: float) -> float:
    """The sample below or at which so many percent lie (nearest rank). Raises Invalid without samples."""
    if not samples:
        raise Invalid("Nothing was measured.", "Look at the messages above: something the scenario waited for never came.")
    ranked = sorted(samples)
    return ranked[max(0, math.ceil(percent / 100 * len(ranked)) - 1)]


def median(samples: Sequence[float]) -> float:
    """The middle of the samples; of an even number the lower one, so that it is one that happened."""
    return percentile(samples, 50)


def of_samples(
    name: str, samples: Sequence[float], unit: str, *, budget: float | None = None, percent: float = 50, note: str = ""
) -> Figure:
    """A figure that is a percentile (the median unless told) of its samples."""
    return Figure(name, percentile(samples, percent), unit, budget, tuple(samples), note)
