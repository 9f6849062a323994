"""How much memory the import of a large file takes, by the command that a person would use."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.exports import write_chatgpt
from benchmarks.figures import Figure
from benchmarks.machine import MEBIBYTE, ROOT, memory_of
from benchmarks.sizes import Sizes
from benchmarks.stage import Stage
from chatcore.errors import Conflict

BUDGET_MEMORY_MB = 300.0
LOOK_S = 0.1


def measure(stage: Stage, sizes: Sizes) -> Sequence[Figure]:
    """An export of ChatGPT is looked through, then imported, then imported again, which changes nothing."""
    with tempfile.TemporaryDirectory(prefix="chatcore-bench-") as folder, stage.databases.url("sqlite") as url:
        path = Path(folder) / "export.json"
        messages = write_chatgpt(path, sizes.large_file)
        note = f"{messages:,} messages, {path.stat().st_size / MEBIBYTE:,.0f} MiB. Both processes, without pages of files."
        figures = []
        for what, options in (("look through", ["--dry-run"]), ("import", []), ("import again", [])):
            most_mb, spent_s = command(url, ["import", *options, str(path)])
            figures.append(Figure(f"{what} a large file, memory", most_mb, "MB", BUDGET_MEMORY_MB, note=note))
            figures.append(Figure(f"{what} a large file, a message", spent_s / messages * 1e6, "µs"))
        return figures


def command(url: str, arguments: Sequence[str]) -> tuple[float, float]:
    """Runs a command of chatcore; the most memory of their own that its processes had together, in MiB, and how long it took, in
    seconds. Raises Conflict if it fails."""
    line = [sys.executable, "-m", "chatcore", *arguments]
    started, most = time.perf_counter(), 0.0
    with subprocess.Popen(
        line, cwd=ROOT, env={**os.environ, "DATABASE_URL": url}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            most = max(most, memory_of(process.pid).own_mb)
            time.sleep(LOOK_S)
    if process.returncode:
        raise Conflict(f"chatcore {arguments[0]} ended with {process.returncode}.")
    return most, time.perf_counter() - started
