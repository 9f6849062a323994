"""Windows of a short and a very long chat, as the chat page reads them: at the end, the start, a message, a day."""

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

from benchmarks.figures import Figure, of_samples
from benchmarks.filling import NOW, fill_chat
from benchmarks.sizes import Sizes
from chatcore.accounts import local_owner
from chatcore.db import Database
from chatcore.history import get_chat
from chatcore.parts import Viewer
from chatcore.thread import END, START, Around, first_since, open_thread

BUDGET_MS = 5.0
SHORT = 50


def measure(db: Database, sizes: Sizes) -> Sequence[Figure]:
    """Calls of chatcore, warm, with a window of 40, in chats of both lengths by turns, so that noise meets both alike."""
    viewer = local_owner(db, now=NOW)
    short, long = (fill_chat(db, viewer, length, title=f"{length} messages") for length in (SHORT, sizes.open_length))
    asked = {length: questions(db, viewer, chat_id, length) for length, chat_id in ((SHORT, short), (sizes.open_length, long))}
    samples: dict[tuple[str, int], list[float]] = {}
    for number in range(sizes.lists + 2):
        for length, calls in asked.items():
            for name, call in calls.items():
                started = time.perf_counter()
                call()
                if number >= 2:
                    samples.setdefault((name, length), []).append((time.perf_counter() - started) * 1000)
    figures = []
    for (name, length), times in samples.items():
        budget = BUDGET_MS if length == sizes.open_length else None
        figures.append(of_samples(f"{name} of a chat of {length:,}, p50", times, "ms"))
        figures.append(of_samples(f"{name} of a chat of {length:,}, p95", times, "ms", percent=95, budget=budget))
    return figures


def questions(db: Database, viewer: Viewer, chat_id: uuid.UUID, length: int) -> dict[str, Callable[[], object]]:
    """What the page asks of a chat of so many messages, a second apart."""
    last = get_chat(db, viewer, chat_id).current_message_id
    assert last is not None
    middle = Around(last - length // 2)
    noon = NOW + timedelta(seconds=length // 2)
    return {
        "end": lambda: open_thread(db, viewer, chat_id, place=END),
        "start": lambda: open_thread(db, viewer, chat_id, place=START),
        "middle": lambda: open_thread(db, viewer, chat_id, place=middle),
        "a day": lambda: first_since(db, viewer, chat_id, moment=noon),
    }
