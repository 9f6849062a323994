"""A loop on which waiting takes no time: the clock jumps to the next timer. For code that only waits, without sockets."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


class JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for a time, adds it to the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.jumped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is not None:
            self.jumped_s += timeout
        return ready if ready or timeout is not None else super().select(None)


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock moves only by what is waited for."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.jumped_s


def run_without_waiting(coroutine: Coroutine[object, object, T]) -> T:
    """The result of a coroutine whose sleeps cost nothing."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(coroutine)
