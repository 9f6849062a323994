"""Many threads writing to one SQLite file: nobody may be refused, and nobody may wait long."""

import threading
import time
from collections.abc import Sequence
from datetime import timedelta

from benchmarks.figures import Figure, of_samples
from benchmarks.filling import NOW
from benchmarks.sizes import Sizes
from chatcore import history
from chatcore.accounts import local_owner
from chatcore.db import Database
from chatcore.errors import ChatcoreError
from chatcore.parts import Role

TEXT = "Every wave that reaches the shore has crossed the whole sea to get there, and leaves again at once. " * 6
BUDGET_WAIT_MS = 100.0


def measure(db: Database, sizes: Sizes) -> Sequence[Figure]:
    """Each thread appends to a chat of its own without a pause; a wait is one whole `history.append`."""
    viewer = local_owner(db, now=NOW)
    chats = [history.create_chat(db, viewer, now=NOW, title=f"Writer {number}") for number in range(sizes.writers)]
    waits: list[list[float]] = [[] for _ in chats]
    refused: list[ChatcoreError] = []
    barrier = threading.Barrier(sizes.writers)

    def write(number: int) -> None:
        barrier.wait()
        end = time.perf_counter() + sizes.writing_s
        while (started := time.perf_counter()) < end:
            role = Role.ASSISTANT if len(waits[number]) % 2 else Role.USER
            try:
                history.append(db, viewer, chats[number].id, role=role, content=TEXT, now=NOW + timedelta(seconds=len(waits[number])))
            except ChatcoreError as error:
                refused.append(error)
            waits[number].append((time.perf_counter() - started) * 1000)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(sizes.writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [wait for own in waits for wait in own]
    name = f"{sizes.writers} writers"
    return [
        Figure(f"{name}: refused ('database is locked' and others)", len(refused), "writes", 0, note=str(refused[0]) if refused else ""),
        of_samples(f"{name}: wait, p50", every, "ms"),
        of_samples(f"{name}: wait, p95", every, "ms", percent=95),
        of_samples(f"{name}: wait, longest", every, "ms", percent=100, budget=BUDGET_WAIT_MS),
        Figure(f"{name}: written", len(every) / sizes.writing_s, "messages/s"),
    ]
