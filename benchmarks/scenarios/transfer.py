"""Bringing a history here and giving it back: how fast, and how long a chat that goes on meanwhile waits."""

import io
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from benchmarks.exports import write_chatgpt
from benchmarks.figures import Figure, of_samples
from benchmarks.filling import NOW
from benchmarks.sizes import Sizes
from chatcore import history
from chatcore.accounts import local_owner
from chatcore.db import Database
from chatcore.exporting import choose, export, form_named
from chatcore.importing import import_file
from chatcore.parts import Role, Viewer
from chatcore.search.merging import merge_step

# What is promised as a rate is held as the time of a message, since a budget is the most that a figure may be.
BUDGET_IMPORT_US = {"sqlite": 250.0, "postgresql": 200.0}
BUDGET_EXPORT_US = 20.0
BUDGET_WAIT_MS = 20.0
PAUSE_S = 0.05
EXPORTS = 3


def measure(db: Database, sizes: Sizes) -> Sequence[Figure]:
    """An export of ChatGPT, the newest chat first, imported by a thread of this process as the page does it; then everything as
    JSON lines and as JSON. Search index, ledger and marks are part of it."""
    viewer = local_owner(db, now=NOW)
    with tempfile.TemporaryDirectory(prefix="chatcore-bench-") as folder:
        path = Path(folder) / "export.json"
        messages = write_chatgpt(path, sizes.transferred)
        alone = [append_s(db, viewer, number) for number in range(40)][20:]
        ended = threading.Event()
        waits: list[float] = []
        chatting = threading.Thread(target=chat, args=(db, viewer, ended, waits))
        chatting.start()
        started, worked = time.perf_counter(), time.process_time()
        try:
            import_file(db, viewer, path, now=NOW)
        finally:
            spent_s, worked_s = time.perf_counter() - started, time.process_time() - worked
            ended.set()
            chatting.join()
    merging = list(iter(lambda: merge_ms(db), None))
    figures = [
        Figure("import, a message", spent_s / messages * 1e6, "µs", BUDGET_IMPORT_US[db.dialect], note=f"{messages:,} messages."),
        Figure("import, messages a second", messages / spent_s, "messages/s"),
        Figure("import, processor time of this process for a message", worked_s / messages * 1e6, "µs"),
        of_samples("append alone, p50", [wait * 1000 for wait in alone], "ms"),
        of_samples("append while an import goes on, p50", waits, "ms"),
        of_samples("append while an import goes on, p95", waits, "ms", percent=95, budget=BUDGET_WAIT_MS),
        of_samples("append while an import goes on, longest", waits, "ms", percent=100),
    ]
    if merging:
        figures.append(Figure("index put together after an import, a message", sum(merging) / messages * 1e3, "µs"))
        figures.append(of_samples("a step of it, p95", merging, "ms", percent=95))
    return [*figures, *exported(db, viewer, messages)]


def merge_ms(db: Database) -> float | None:
    """How long a step takes that puts the search index together; None when there is none."""
    started = time.perf_counter()
    more = merge_step(db)
    return (time.perf_counter() - started) * 1000 if more else None


def append_s(db: Database, viewer: Viewer, number: int) -> float:
    """How long one message of 570 characters takes, in seconds."""
    made = history.create_chat(db, viewer, now=NOW, title=f"Beside {number}")
    text = "The moon pulls at the near side of the Earth more than at its middle, and at its middle more than at the far side. " * 5
    started = time.perf_counter()
    history.append(db, viewer, made.id, role=Role.USER, content=text, now=NOW + timedelta(seconds=number))
    return time.perf_counter() - started


def chat(db: Database, viewer: Viewer, ended: threading.Event, waits: list[float]) -> None:
    """Writes a message now and then, as people do."""
    number = 0
    while not waits or not ended.wait(PAUSE_S):
        number += 1
        waits.append(append_s(db, viewer, 1000 + number) * 1000)


def exported(db: Database, viewer: Viewer, messages: int) -> list[Figure]:
    """Everything, a few times each; the median."""
    figures = []
    for name, label, budget in (("openai", "JSONL", BUDGET_EXPORT_US), ("json", "JSON, everything", None)):
        samples = []
        for _ in range(EXPORTS):
            started = time.perf_counter()
            export(db, viewer, form_named(name), choose(db, viewer), io.BytesIO())
            samples.append((time.perf_counter() - started) / messages * 1e6)
        figures.append(of_samples(f"export as {label}, a message", samples, "µs", budget=budget))
    return figures
