"""Which model fits a machine: rough arithmetic, shown with its result, never a promise."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from chatcore.library import GB, LIBRARY, Listed
from chatcore.machine import Machine, Memory

# In memory a model is as large as its file; its window of 8,000 tokens and the program take about a fifth and 1 GB more
# (published figures, not measured here: qwen3:8b, 5.2 GB on disk: 6.6 GB; qwen3.5:9b, 6.6 GB on disk: 9.0 GB, with 8,000 tokens).
WINDOW_SHARE = 0.2
PROGRAM_BYTES = 1 * GB
# The rest of the memory is for everything else that runs; of a graphics card a little is never free.
COMFORTABLE_SHARE, TIGHT_SHARE, GPU_SHARE = 0.7, 0.9, 0.95
# Without a graphics card a larger model fits, but writes slower than one reads: not what to begin with.
FIRST_WITHOUT_GPU_BYTES = 6 * GB


class Fit(StrEnum):
    """How well a model fits."""

    COMFORTABLE = "comfortable"
    TIGHT = "tight"
    TOO_LARGE = "too large"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Advice:
    """A model, how it fits, and the arithmetic behind it in a sentence or two. `best` marks the one to begin with."""

    model: Listed
    fit: Fit
    needed_bytes: int
    reason: str
    best: bool = False


def needed(size_bytes: int) -> int:
    """How much memory a model of this file size takes while it answers, about."""
    return int(size_bytes * (1 + WINDOW_SHARE)) + PROGRAM_BYTES


def advise(machine: Machine | None, *, in_use_bytes: int = 0, models: Sequence[Listed] = LIBRARY) -> tuple[Advice, ...]:
    """How each model fits; `machine` is None where the model server runs on another one, which cannot be looked into.

    `in_use_bytes` is what models in memory take now: the server gives it up for another.
    """
    found = [judged(model, machine, in_use_bytes) for model in models]
    best = max(
        (advice for advice in found if advice.fit is Fit.COMFORTABLE and is_first_choice(advice.model, machine)),
        key=lambda advice: advice.model.size_bytes,
        default=None,
    )
    return tuple(Advice(advice.model, advice.fit, advice.needed_bytes, advice.reason, best=advice is best) for advice in found)


def is_first_choice(model: Listed, machine: Machine | None) -> bool:
    """Whether to begin with this one, if it fits."""
    on_gpu = machine is not None and machine.gpu is not None and needed(model.size_bytes) <= GPU_SHARE * machine.gpu.total_bytes
    return on_gpu or model.size_bytes <= FIRST_WITHOUT_GPU_BYTES


def judged(model: Listed, machine: Machine | None, in_use_bytes: int) -> Advice:
    """One model against the machine."""
    need = needed(model.size_bytes)
    sum_of = f"About {gb(need)}: {gb(model.size_bytes)} for the model, {gb(need - model.size_bytes)} for its window and the program."
    if machine is None or (machine.memory is None and machine.gpu is None):
        return Advice(model, Fit.UNKNOWN, need, f"{sum_of} How much memory there is, is not known here.")
    if machine.gpu is not None and need <= GPU_SHARE * machine.gpu.total_bytes:
        return Advice(model, Fit.COMFORTABLE, need, f"{sum_of} The graphics card has {gb(machine.gpu.total_bytes)}: it runs there, fast.")
    memory = machine.memory or Memory(0)
    free = None if memory.free_bytes is None else min(memory.free_bytes + in_use_bytes, memory.total_bytes)
    card = machine.gpu.total_bytes if machine.gpu else 0
    has = f"This machine has {gb(memory.total_bytes)}" + (f", {gb(free)} of it free" if free is not None else "")
    has += f", and {gb(card)} on the graphics card." if card else "."
    if need <= COMFORTABLE_SHARE * memory.total_bytes and (free is None or need <= free):
        slower = " It does not fit on the graphics card, so it runs partly on the processor, slower." if card else ""
        return Advice(model, Fit.COMFORTABLE if not card else Fit.TIGHT, need, f"{sum_of} {has}{slower}")
    if need <= TIGHT_SHARE * memory.total_bytes + card:
        return Advice(model, Fit.TIGHT, need, f"{sum_of} {has} Close other programs first; it may be slow.")
    return Advice(model, Fit.TOO_LARGE, need, f"{sum_of} {has}")


def gb(size_bytes: int) -> str:
    """Bytes in units of 1,000,000,000, with as many digits as an estimate has."""
    value = size_bytes / GB
    return f"{value:.1f} GB" if value < 10 else f"{value:.0f} GB"
