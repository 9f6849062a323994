"""An answer while it is being written: its text in memory, and who waits for more of it.

One thread writes (the Runner's), any number of threads and event loops follow. Followers ask for what is new since
their own offset, so a slow one gets much at once and nobody waits for it.
"""

import asyncio
import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from chatcore.parts import CallRecord, Offset, State, Update


class Strand:
    """Text that grows at its end: pieces, and the offset at which each ends, so that reading on never joins it all."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def add(self, text: str) -> None:
        """Appends a piece."""
        if text:
            self._ends.append(len(self) + len(text))
            self._pieces.append(text)

    def since(self, start: int) -> str:
        """What comes after the first `start` characters."""
        first = bisect_right(self._ends, start)
        if first == len(self._ends):
            return ""
        begin = self._ends[first - 1] if first else 0
        return self._pieces[first][start - begin :] + "".join(self._pieces[first + 1 :])

    def whole(self) -> str:
        """All of it. The pieces become one, which the next reader shares."""
        if len(self._pieces) > 1:
            text = "".join(self._pieces)
            self._pieces, self._ends = [text], [len(text)]
        return self._pieces[0] if self._pieces else ""


class Stopwatch:
    """How long something took that may pause and go on. One thread runs it, any may read it."""

    def __init__(self) -> None:
        # When it began, if it runs, and what it took before; one value, so that a reader never sees half of a change.
        self._now: tuple[float | None, float | None] = (None, None)

    @property
    def seconds(self) -> float | None:
        """The time so far; None if it never began."""
        began_s, spent_s = self._now
        return spent_s if began_s is None else (spent_s or 0.0) + time.perf_counter() - began_s

    def start(self) -> None:
        """Begins, or goes on; nothing happens while it runs."""
        if self._now[0] is None:
            self._now = (time.perf_counter(), self._now[1])

    def stop(self) -> None:
        """Pauses; nothing happens while it stands."""
        if self._now[0] is not None:
            self._now = (None, self.seconds)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All text of an answer at one moment, and its tool calls."""

    text: str
    reasoning: str
    calls: tuple[CallRecord, ...] = ()


class LiveAnswer:
    """A running answer. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._text = Strand()
        self._reasoning = Strand()
        # Run by who writes the answer: when reasoning begins and ends only the events say.
        self.thinking = Stopwatch()
        self._calls: tuple[CallRecord, ...] = ()
        self._calls_version = 0
        self._frozen = False
        self._state = State.RUNNING
        self._progress: str | None = None
        self._progress_at = 0
        self._trouble: str | None = None
        self._error: str | None = None
        self._hint: str | None = None
        self._ended = threading.Event()
        self._version = 0
        self._waiting: list[Callable[[], None]] = []

    @property
    def size(self) -> int:
        """How many characters are written, text and reasoning together."""
        return len(self._text) + len(self._reasoning)

    @property
    def text_size(self) -> int:
        """How many characters of text are written."""
        return len(self._text)

    @property
    def mark(self) -> tuple[int, int]:
        """Another one whenever there is something new to save."""
        return self.size, self._calls_version

    @property
    def state(self) -> State:
        """Where the answer stands; final only when the database has it."""
        return self._state

    def add(self, text: str = "", reasoning: str = "") -> None:
        """Appends to the answer; after `freeze` nothing any more."""
        with self._lock:
            if self._frozen:
                return
            self._text.add(text)
            self._reasoning.add(reasoning)
            waiting = self._change()
        wake(waiting)

    def tell_calls(self, calls: tuple[CallRecord, ...]) -> None:
        """Says how the tool calls stand now; after `freeze` nothing any more."""
        with self._lock:
            if self._frozen:
                return
            self._calls = calls
            self._calls_version += 1
            waiting = self._change()
        wake(waiting)

    def note(self, progress: str | None) -> None:
        """Says to the person who waits for the next text what is going on."""
        with self._lock:
            self._progress, self._progress_at = progress, self.size
            waiting = self._change()
        wake(waiting)

    def trouble(self, sentence: str | None) -> None:
        """Says, or says no more, that the answer cannot be saved at the moment."""
        with self._lock:
            if self._trouble == sentence:
                return
            self._trouble = sentence
            waiting = self._change()
        wake(waiting)

    def freeze(self) -> None:
        """From now on the text stays as it is: it is being saved for good."""
        with self._lock:
            self._frozen = True

    def finish(self, state: State, error: str | None = None, hint: str | None = None) -> None:
        """Gives followers the final state, once."""
        with self._lock:
            if self._state is not State.RUNNING:
                return
            self._frozen = True
            self.thinking.stop()
            self._state, self._error, self._hint = state, error, hint
            self._progress = self._trouble = None
            waiting = self._change()
        self._ended.set()
        wake(waiting)

    def snapshot(self) -> Snapshot:
        """All text so far."""
        with self._lock:
            return Snapshot(self._text.whole(), self._reasoning.whole(), self._calls)

    def since(self, offset: Offset) -> tuple[Update, int]:
        """What is new after an offset, and the version to wait on. Who is ahead, as after a change of replica, is told nothing
        until the text has come that far; at the end the end counts."""
        with self._lock:
            text = self._text.since(max(offset.text, 0))
            reasoning = self._reasoning.since(max(offset.reasoning, 0))
            update = Update(
                text=text,
                reasoning=reasoning,
                state=self._state,
                next=self._end_after(offset),
                progress=self._trouble or (self._progress if self.size == self._progress_at else None),
                error=self._error,
                hint=self._hint,
                reasoning_s=self.thinking.seconds,
                calls=self._calls if self._calls_version != offset.calls else None,
            )
            return update, self._version

    def _end_after(self, offset: Offset) -> Offset:
        if self._state is not State.RUNNING:
            return Offset(len(self._text), len(self._reasoning), self._calls_version)
        return Offset(max(len(self._text), offset.text), max(len(self._reasoning), offset.reasoning), self._calls_version)

    async def changed(self, version: int) -> None:
        """Returns when there is something newer than `version`, on whichever event loop it is awaited."""
        loop = asyncio.get_running_loop()
        news = asyncio.Event()

        def tell() -> None:
            # A loop that was closed with a follower on it has nobody to tell.
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.set)

        if self._subscribe(version, tell):
            try:
                await news.wait()
            finally:
                self._unsubscribe(tell)

    def wait(self, version: int, timeout_s: float | None = None) -> bool:
        """Blocks until there is something newer than `version`; False if the time ran out first."""
        news = threading.Event()
        if not self._subscribe(version, news.set):
            return True
        try:
            return news.wait(timeout_s)
        finally:
            self._unsubscribe(news.set)

    def wait_end(self, timeout_s: float) -> bool:
        """Blocks until the final state is there; False if the time ran out first."""
        return self._ended.wait(timeout_s)

    def _change(self) -> list[Callable[[], None]]:
        """Counts a change and hands out who waits for it, once each: who throttles costs nothing in between."""
        self._version += 1
        waiting, self._waiting = self._waiting, []
        return waiting

    def _subscribe(self, version: int, tell: Callable[[], None]) -> bool:
        with self._lock:
            if self._version != version:
                return False
            self._waiting.append(tell)
            return True

    def _unsubscribe(self, tell: Callable[[], None]) -> None:
        with self._lock:
            self._waiting = [other for other in self._waiting if other != tell]


def wake(waiting: list[Callable[[], None]]) -> None:
    """Tells everybody who waited, outside of the lock."""
    for tell in waiting:
        try:
            tell()
        except RuntimeError:
            # The event loop was closed between the look and the call: its follower is gone.
            continue
