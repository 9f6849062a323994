"""How much memory this process takes, looked at between the measurements."""

import os
from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.machine import memory_of

NOTE = "SQLite maps up to 256 MB of its file into memory; these pages count here, but the system takes them back when it needs them."


class Peak:
    """The most that was seen: all resident memory, and what of it is not shared and no part of a file."""

    def __init__(self) -> None:
        self.resident_mb = self.own_mb = 0.0

    def look(self) -> None:
        """Looks again."""
        now = memory_of(os.getpid())
        self.resident_mb, self.own_mb = max(self.resident_mb, now.resident_mb), max(self.own_mb, now.own_mb)

    def figures(self, when: str) -> Iterator[Figure]:
        """The two as figures."""
        yield Figure(f"memory while {when}, resident", self.resident_mb, "MB", note=NOTE)
        yield Figure(f"memory while {when}, its own", self.own_mb, "MB")
