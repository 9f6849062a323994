"""How much memory this machine has: what decides which models run here. Nothing here is required: what cannot be read is None."""

import asyncio
import ipaddress
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from chatcore.energy import LIMIT_S, PROGRAM

MEMINFO = Path("/proc/meminfo")
# Where a container is allowed less than the machine has, as Docker's --memory does (control groups, version 2).
CGROUP = Path("/sys/fs/cgroup")
MIB = 1024 * 1024
_LINE = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Memory:
    """Main memory in bytes. `free_bytes` is what programs can still take, None where the system does not tell."""

    total_bytes: int
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What a model has to fit into. `gpu` is that of all graphics cards together, None where none is known."""

    memory: Memory | None = None
    gpu: Memory | None = None


def read_memory(meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> Memory | None:
    """The main memory: of Linux from /proc/meminfo, within the limit of a container; of macOS and others the total; else None."""
    found = in_meminfo(text_of(meminfo)) or by_pages()
    limit, used = (whole_number(text_of(cgroup / name)) for name in ("memory.max", "memory.current"))
    if found is None or limit is None or limit >= found.total_bytes:
        return found
    left = max(limit - used, 0) if used is not None else None
    known = [value for value in (left, found.free_bytes) if value is not None]
    return Memory(limit, min(known, default=None))


def in_meminfo(text: str) -> Memory | None:
    """The memory that /proc/meminfo tells, whose kB are units of 1,024 bytes."""
    found = {name: int(kib) * 1024 for name, kib in _LINE.findall(text)}
    total = found.get("MemTotal")
    return Memory(total, found.get("MemAvailable")) if total else None


def by_pages() -> Memory | None:
    """The total by the system's page count; None on Windows, which has none."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
    return Memory(total) if total > 0 else None


async def read_gpu(program: str = PROGRAM) -> Memory | None:
    """The memory of all graphics cards as nvidia-smi tells it, None without it. Takes its time: a driver may have to wake up."""
    path = shutil.which(program)
    if path is None:
        return None
    process = None
    try:
        async with asyncio.timeout(LIMIT_S):
            process = await asyncio.create_subprocess_exec(
                path,
                "--query-gpu=memory.total,memory.free",
                "--format=csv,noheader,nounits",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            printed, _ = await process.communicate()
    except (OSError, TimeoutError):
        return None
    finally:
        if process is not None and process.returncode is None:
            process.kill()
    return sum_cards(printed.decode(errors="replace")) if process.returncode == 0 else None


def sum_cards(printed: str) -> Memory | None:
    """The sum over what nvidia-smi prints, total and free of a card a line in MiB; a card that does not tell is left out."""
    cards = []
    for line in printed.splitlines():
        total, _, free = (part.strip() for part in line.partition(","))
        if total.isdecimal() and free.isdecimal():
            cards.append((int(total) * MIB, int(free) * MIB))
    return Memory(sum(total for total, _ in cards), sum(free for _, free in cards)) if cards else None


def is_here(address: str) -> bool:
    """Whether a server at this URL runs on this machine, as far as its address tells."""
    try:
        host = urlsplit(address).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def text_of(path: Path) -> str:
    """The text of a small file; '' where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def whole_number(text: str) -> int | None:
    """The number in a file that holds only one; None for another text, such as 'max'."""
    return int(text) if text.strip().isdecimal() else None
