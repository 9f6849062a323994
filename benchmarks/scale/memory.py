"""How much memory this process takes, looked at between the measurements."""

from collections.abc import Iterator

import psutil  # type: ignore[import-untyped]  # it has no types of its own, and two numbers are read from it

from benchmarks.figures import Figure

MEBIBYTE = 1024 * 1024
NOTE = "SQLite maps up to 256 MB of its file into memory; these pages count here, but the system takes them back when it needs them."


class Peak:
    """The most that was seen: all resident memory, and what of it is not shared and no part of a file."""

    def __init__(self) -> None:
        self.resident_mb = self.own_mb = 0.0

    def look(self) -> None:
        """Looks again."""
        info = psutil.Process().memory_info()
        self.resident_mb = max(self.resident_mb, info.rss / MEBIBYTE)
        # macOS does not tell what is shared.
        self.own_mb = max(self.own_mb, (info.rss - getattr(info, "shared", 0)) / MEBIBYTE)

    def figures(self, when: str) -> Iterator[Figure]:
        """The two as figures."""
        yield Figure(f"memory while {when}, resident", self.resident_mb, "MB", note=NOTE)
        yield Figure(f"memory while {when}, its own", self.own_mb, "MB")
