"""A few threads for calls that block, asked from an event loop.

Not `asyncio.to_thread`: its threads are waited for when the interpreter ends, so a database that hangs would keep the
process from ending; and at that moment no new thread can be started, so these are started beforehand.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

Answer = TypeVar("Answer")


class Workers:
    """Daemon threads that run what they are given, first come, first served."""

    def __init__(self, count: int, name: str) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(count)]
        for thread in self._threads:
            thread.start()

    async def run(self, call: Callable[[], Answer]) -> Answer:
        """What `call` returns or raises, without holding up the event loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()

        def settle(value: Answer | None, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)  # type: ignore[arg-type]  # None only where an Answer may be None

        def work() -> None:
            value: Answer | None = None
            problem: BaseException | None = None
            try:
                value = call()
            except BaseException as error:  # noqa: BLE001  # handed to who asked
                problem = error
            try:
                loop.call_soon_threadsafe(settle, value, problem)
            except RuntimeError:
                # The loop was closed: nobody waits for this any more.
                return

        self._queue.put(work)
        return await future

    def close(self, timeout_s: float) -> None:
        """Lets the threads end after what they are doing; waits for each at most so long."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(timeout_s)

    def _work(self) -> None:
        while (call := self._queue.get()) is not None:
            call()
