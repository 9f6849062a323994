"""What local models take in energy: an estimate, never a measurement, from the watts of this machine and the seconds of an answer.

The watts are set by hand (CHATCORE_WATTS), which is best: a power meter sees the whole machine. Else nvidia-smi is asked now
and then, if it is there; it sees graphics cards only, and whatever else they do.
"""

import shutil
import subprocess
import threading

SECONDS_AN_HOUR = 3600.0
PROGRAM = "nvidia-smi"
# A driver that has to wake up takes seconds; nobody waits for it but the upkeep.
LIMIT_S = 3.0
# A new sample weighs a twentieth: with one in 15 s, the mean is about that of the last five minutes of answers.
WEIGHT = 0.05


def energy_wh(*, watts: float, duration_s: float) -> float:
    """An estimate of the energy of an answer in watt-hours: power times the time it took, as if nothing else had run meanwhile."""
    return watts * duration_s / SECONDS_AN_HOUR


def read_watts(program: str = PROGRAM) -> float | None:
    """What all graphics cards together take now, in watts; None where there is no nvidia-smi or it tells no number. Takes its time."""
    path = shutil.which(program)
    if path is None:
        return None
    command = [path, "--query-gpu=power.draw", "--format=csv,noheader,nounits"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return sum_watts(asked.stdout)


def sum_watts(printed: str) -> float | None:
    """The sum of what nvidia-smi prints, a card a line; a card that does not tell prints [N/A] and is left out, None if all do."""
    found = []
    for line in printed.splitlines():
        try:
            watts = float(line.strip())
        except ValueError:
            continue
        if 0 <= watts < 1e5:
            found.append(watts)
    return sum(found) if found else None


class Meter:
    """The watts to reckon with: those set by hand, else the mean of samples taken while a local model answered."""

    def __init__(self, watts: float | None = None, program: str = PROGRAM) -> None:
        self._set = watts
        self._program = program
        self._mean: float | None = None
        self._guard = threading.Lock()

    @property
    def watts(self) -> float | None:
        """None while nothing is known."""
        return self._mean if self._set is None else self._set

    @property
    def is_measured(self) -> bool:
        """Whether the watts come from samples, not from a person."""
        return self._set is None and self._mean is not None

    @property
    def needs_samples(self) -> bool:
        """Whether samples can be taken and are of use."""
        return self._set is None and shutil.which(self._program) is not None

    def sample(self) -> None:
        """Takes one sample; may take seconds, so not where anybody waits. Without a number, or with one set by hand, nothing changes."""
        watts = read_watts(self._program) if self._set is None else None
        if watts is None:
            return
        with self._guard:
            self._mean = watts if self._mean is None else self._mean + WEIGHT * (watts - self._mean)
