"""Lists of chats among very many: the first page, a page deep down, the session browser, and its count."""

import time
from collections.abc import Callable, Sequence

from benchmarks.figures import Figure, of_samples
from benchmarks.filling import NOW, fill_chats
from benchmarks.sizes import Sizes
from chatcore import browse, history
from chatcore.accounts import local_owner
from chatcore.browse import Browse
from chatcore.db import Database

BUDGET_MS = 5.0
PAGE = 50


def measure(db: Database, sizes: Sizes) -> Sequence[Figure]:
    """Calls of chatcore as the pages make them, warm; the deep page lies nine tenths down the list."""
    viewer = local_owner(db, now=NOW)
    fill_chats(db, viewer, sizes.chats, messages=2)
    deep = deep_cursor(lambda cursor: history.list_chats(db, viewer, limit=1000, cursor=cursor).next_cursor, sizes)
    deep_browse = deep_cursor(lambda cursor: browse.browse_chats(db, viewer, Browse(), limit=1000, cursor=cursor).next_cursor, sizes)
    questions: list[tuple[str, float | None, Callable[[], object]]] = [
        ("sidebar, first page of 30", BUDGET_MS, lambda: history.list_chats(db, viewer, limit=30)),
        ("sidebar, deep page of 30", BUDGET_MS, lambda: history.list_chats(db, viewer, limit=30, cursor=deep)),
        ("session page, first page of 50", BUDGET_MS, lambda: browse.browse_chats(db, viewer, Browse(), limit=PAGE)),
        ("session page, deep page of 50", BUDGET_MS, lambda: browse.browse_chats(db, viewer, Browse(), limit=PAGE, cursor=deep_browse)),
        ("session page, by title", None, lambda: browse.browse_chats(db, viewer, Browse(sort="title", descending=False), limit=PAGE)),
        ("count up to 1,001", None, lambda: browse.count_chats(db, viewer, Browse())),
        ("models known", None, lambda: browse.known_models(db, viewer)),
    ]
    return [of_samples(f"{name}, p50", timed(ask, sizes.lists), "ms", budget=budget) for name, budget, ask in questions]


def timed(ask: Callable[[], object], times: int) -> list[float]:
    """How long a question takes, in milliseconds, after two that warm the caches."""
    samples = []
    for number in range(times + 2):
        started = time.perf_counter()
        ask()
        if number >= 2:
            samples.append((time.perf_counter() - started) * 1000)
    return samples


def deep_cursor(onward: Callable[[str | None], str | None], sizes: Sizes) -> str | None:
    """The cursor after nine tenths of the list, found page by page."""
    cursor = None
    for _ in range(int(sizes.chats * 0.9 * 0.92) // 1000):
        cursor = onward(cursor) or cursor
    return cursor
