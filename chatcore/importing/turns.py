"""Threads take turns sooner while an import goes on.

Python lets a thread that computes go on for 5 ms before another one gets its turn (https://docs.python.org/3/library/sys.html#sys.setswitchinterval),
and a chat asks for one with each of its statements: beside an import half of the time that it waited was this (measured). The import
itself does not get slower by it.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TURN_S = 0.0005

_guard = threading.Lock()
# The imports that go on, each with how long turns were before it.
_before: list[float] = []


@contextmanager
def short_turns() -> Iterator[None]:
    """Makes turns short until this ends, and all others that were begun meanwhile."""
    with _guard:
        _before.append(sys.getswitchinterval())
        sys.setswitchinterval(min(TURN_S, _before[0]))
    try:
        yield
    finally:
        with _guard:
            usual = _before[0]
            _before.pop()
            if not _before:
                sys.setswitchinterval(usual)
