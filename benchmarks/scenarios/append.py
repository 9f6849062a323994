"""Appending a message: how long it takes, and whether a long chat makes it slower."""

import time
from collections.abc import Sequence
from datetime import timedelta

from benchmarks.figures import Figure, median, of_samples
from benchmarks.filling import NOW, fill_chat
from benchmarks.sizes import Sizes
from chatcore import history
from chatcore.accounts import local_owner
from chatcore.db import Database
from chatcore.parts import Role

TEXT = "The moon pulls at the near side of the Earth more than at its middle, and at its middle more than at the far side. " * 5
BUDGET_MS = 2.0
# A longer chat may cost this many times the shortest one: more than noise, far less than anything that grows with length.
BUDGET_GROWTH = 1.5


def measure(db: Database, sizes: Sizes) -> Sequence[Figure]:
    """One `history.append` of 570 characters, committed, in chats of different lengths by turns, so that noise meets all alike."""
    viewer = local_owner(db, now=NOW)
    chats = {length: fill_chat(db, viewer, length, title=f"{length} messages") for length in sizes.lengths}
    samples: dict[int, list[float]] = {length: [] for length in sizes.lengths}
    for number in range(sizes.appends):
        for length, chat_id in chats.items():
            started = time.perf_counter()
            role = Role.ASSISTANT if number % 2 else Role.USER
            history.append(db, viewer, chat_id, role=role, content=TEXT, now=NOW + timedelta(days=1, seconds=number))
            samples[length].append((time.perf_counter() - started) * 1000)
    # The first ones open connections and compile statements.
    warm = {length: times[len(times) // 10 :] for length, times in samples.items()}
    figures = []
    for length, times in warm.items():
        budget = BUDGET_MS if length == 1_000 else None
        figures.append(of_samples(f"append to a chat of {length:,}, p50", times, "ms", budget=budget))
        figures.append(of_samples(f"append to a chat of {length:,}, p95", times, "ms", percent=95))
    shortest, longest = warm[sizes.lengths[0]], warm[sizes.lengths[-1]]
    growth = median(longest) / median(shortest)
    name = f"append: {sizes.lengths[-1]:,} messages over {sizes.lengths[0]:,}"
    return [*figures, Figure(name, growth, "times", BUDGET_GROWTH, note="Both p50; 1 means independent of length.")]
