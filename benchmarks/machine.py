"""What was measured on what: without it a number means nothing."""

import os
import platform
import sqlite3
import statistics
import subprocess
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]  # it has no types of its own, and a few numbers are read from it

ROOT = Path(__file__).resolve().parent.parent
MEBIBYTE = 1024 * 1024
PACKAGES = ("streamlit", "sqlmodel", "sqlalchemy", "psycopg", "pandas", "ollama")


def facts() -> dict[str, object]:
    """Processors, load, versions and the commit; nothing that names the machine or its user."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
        "pace_ms": pace_ms(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in PACKAGES},
        "commit": git("rev-parse", "--short", "HEAD"),
        "uncommitted_changes": bool(git("status", "--porcelain", "--untracked-files=no")),
    }


def pace_ms() -> float:
    """How long a fixed piece of plain Python takes now, in milliseconds: the median of seven loops of a million additions.
    Two runs can be compared as far as this is alike; on a shared machine it varies by a factor of two."""
    times = []
    for _ in range(7):
        start = time.perf_counter()
        total = 0
        for number in range(1_000_000):
            total += number
        times.append(time.perf_counter() - start)
    return round(statistics.median(times) * 1000, 1)


def processor() -> str:
    """The processor's own name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def git(*arguments: str) -> str:
    """What git answers; empty outside a repository."""
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


class Memory(NamedTuple):
    """All resident memory of processes, and what of it is no part of a file and not shared, in MiB."""

    resident_mb: float
    own_mb: float


def memory_of(pid: int) -> Memory:
    """What a process and its children take now; pages that they share count for each. Nothing of those that have ended."""
    resident = own = 0
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                info = process.memory_info()
                resident += info.rss
                # macOS does not tell what is shared.
                own += info.rss - getattr(info, "shared", 0)
    return Memory(resident / MEBIBYTE, own / MEBIBYTE)
