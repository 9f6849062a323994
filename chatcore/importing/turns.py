"""How Python shares its time while an import goes on.

Threads take turns sooner: Python lets a thread that computes go on for 5 ms before another one gets its turn
(https://docs.python.org/3/library/sys.html#sys.setswitchinterval), and a chat asks for one with each of its statements: beside an
import half of the time that it waited was this (measured). The import itself does not get slower by it.

Circles of garbage are looked for rarely: what is read of a file makes none, and to look for them among it took a fifteenth of the
time of an import (measured), in which no other thread gets a turn.
"""

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TURN_S = 0.0005
# Python looks for circles after so many values that may make some, 700 of its own accord.
VALUES_A_LOOK = 50_000

_guard = threading.Lock()
# The imports that go on, each with how it was before it.
_before: list[tuple[float, tuple[int, int, int]]] = []


@contextmanager
def short_turns() -> Iterator[None]:
    """Makes turns short and looks rare until this ends, and all others that were begun meanwhile."""
    with _guard:
        _before.append((sys.getswitchinterval(), gc.get_threshold()))
        turn_s, (values, *older) = _before[0]
        sys.setswitchinterval(min(TURN_S, turn_s))
        # 0 stands for never.
        gc.set_threshold(max(VALUES_A_LOOK, values) if values else 0, *older)
    try:
        yield
    finally:
        with _guard:
            turn_s, looks = _before[0]
            _before.pop()
            if not _before:
                sys.setswitchinterval(turn_s)
                gc.set_threshold(*looks)
