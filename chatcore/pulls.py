"""Downloads of models: they go on in the background whoever watches or leaves, one for each model, and everybody sees them.

They are kept in memory only. What a model server has of a model stays on its disk, so a download that was cancelled, that
failed or whose process ended goes on from there when it is started again.
"""

import logging
import re
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial

from chatcore.errors import ChatcoreError, Conflict, Invalid, NotFound, ProviderError
from chatcore.generation import Runner
from chatcore.installed import Key, managed, must_own
from chatcore.library import closest
from chatcore.models import utc_now
from chatcore.parts import ErrorCode, Viewer
from chatcore.providers.base import ModelManager, PullProgress

log = logging.getLogger(__name__)

# The rate is the mean of so many seconds, and said when it rests on at least so many.
WINDOW_S, LEAST_S = 8.0, 0.4
# Ended ones are shown until somebody puts them away, or so many came after.
KEPT = 10
LONGEST_NAME = 300
GO_ON = "What was downloaded is kept: download it again to go on from there."

_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
# A host may have a port. Ollama: types/model/name.go.
_NAME = re.compile(rf"(?:(?:{_PART}(?::\d{{1,5}})?/)?{_PART}/)?{_PART}(?::{_PART})?")
# What people copy: the command from a README, the address of the page.
_COMMAND = re.compile(r"^(?:\$\s*)?ollama\s+(?:pull|run)\s+")
_PAGE = re.compile(r"^(?:https?://)?(?:www\.)?ollama\.com/(?:library/)?")
_DISK = re.compile(r"no space left|not enough (disk )?space|disk (is )?full|disk quota", re.IGNORECASE)


class Stage(StrEnum):
    """Where a download stands. Everything but RUNNING is final."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of a model, by the digest of its content."""

    digest: str
    completed_bytes: int
    total_bytes: int

    @property
    def fraction(self) -> float:
        """How much of it is here, 0 to 1."""
        return min(self.completed_bytes / self.total_bytes, 1.0) if self.total_bytes else 0.0


@dataclass(frozen=True, slots=True)
class Pull:
    """A download as it stands now. `status` is the server's own word; `bytes_per_s` is None while nothing is known."""

    provider: str
    model_name: str
    started_at: datetime
    stage: Stage = Stage.RUNNING
    status: str = ""
    layers: tuple[Layer, ...] = ()
    bytes_per_s: float | None = None
    error: ChatcoreError | None = None

    @property
    def key(self) -> Key:
        """By what a download is known."""
        return self.provider, full_name(self.model_name)

    @property
    def completed_bytes(self) -> int:
        """What is here of all files the server has named so far."""
        return sum(layer.completed_bytes for layer in self.layers)

    @property
    def total_bytes(self) -> int:
        """The size of all files the server has named so far; the largest usually comes first."""
        return sum(layer.total_bytes for layer in self.layers)

    @property
    def fraction(self) -> float | None:
        """How much is here, 0 to 1; None while no size is known."""
        return min(self.completed_bytes / self.total_bytes, 1.0) if self.total_bytes else None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at the present rate; None while that is not known."""
        if not self.bytes_per_s or self.stage is not Stage.RUNNING:
            return None
        return max(self.total_bytes - self.completed_bytes, 0) / self.bytes_per_s


@dataclass
class Download:
    """A download while it runs: what came, and when, for the rate."""

    pull: Pull
    clock: Callable[[], float]
    layers: dict[str, Layer] = field(default_factory=dict)
    received_bytes: int = 0
    samples: deque[tuple[float, int]] = field(default_factory=deque)
    task: Future[None] | None = None

    def take(self, progress: PullProgress) -> None:
        """Counts what the server said. What is there of a file when it is first named was there before: it has no rate."""
        self.pull = replace(self.pull, status=progress.status)
        if progress.digest is None or progress.total_bytes is None:
            return
        known = self.layers.get(progress.digest)
        completed = min(progress.completed_bytes or 0, progress.total_bytes)
        if known is not None:
            # A server that tries a part again goes back a little.
            completed = max(completed, known.completed_bytes)
            self.received_bytes += completed - known.completed_bytes
        self.layers[progress.digest] = Layer(progress.digest, completed, progress.total_bytes)
        self.samples.append((self.clock(), self.received_bytes))
        while len(self.samples) > 2 and self.samples[1][0] < self.clock() - WINDOW_S:
            self.samples.popleft()

    def shown(self) -> Pull:
        """How it stands now."""
        return replace(self.pull, layers=tuple(self.layers.values()), bytes_per_s=self.rate())

    def rate(self) -> float | None:
        """Bytes a second, lately; falls while nothing comes."""
        if not self.samples or self.pull.stage is not Stage.RUNNING:
            return None
        start, before = self.samples[0]
        took_s = self.clock() - start
        return (self.received_bytes - before) / took_s if took_s >= LEAST_S else None


@dataclass(frozen=True)
class Later:
    """A coroutine that is made when it is awaited: one that is cancelled before leaves nothing that was never awaited."""

    make: Callable[[], Coroutine[None, None, None]]

    def __await__(self) -> Generator[None, None, None]:
        return self.make().__await__()


class Pulls:
    """The downloads of this process. Every method may be called from any thread; `on_change` is told when a model has come."""

    def __init__(
        self, runner: Runner, *, on_change: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._runner = runner
        self._on_change = on_change
        self._clock = clock
        self._guard = threading.Lock()
        self._downloads: dict[Key, Download] = {}

    def start(self, viewer: Viewer, provider: str, model_name: str) -> Pull:
        """Begins to download a model, or joins the download of it that runs. Raises Denied, Invalid, NotFound, Conflict."""
        must_own(viewer)
        name = clean_name(model_name)
        manager = managed(self._runner, provider)
        download = Download(Pull(provider, name, utc_now()), self._clock)
        key = download.pull.key
        with self._guard:
            known = self._downloads.get(key)
            if known is not None and known.pull.stage is Stage.RUNNING:
                return known.shown()
            self._downloads.pop(key, None)
            download.task = self._runner.submit(Later(partial(self._fetch, manager, download)))
            self._downloads[key] = download
            self._forget_oldest()
            return download.shown()

    def cancel(self, viewer: Viewer, provider: str, model_name: str) -> None:
        """Ends a download; what came is kept by the server. Nothing happens to one that has ended. Raises Denied, NotFound."""
        must_own(viewer)
        with self._guard:
            download = self._found(provider, model_name)
            self._stop(download)

    def put_away(self, viewer: Viewer, provider: str, model_name: str) -> None:
        """Shows an ended download no more. Raises Denied, NotFound, Conflict for one that runs."""
        must_own(viewer)
        with self._guard:
            download = self._found(provider, model_name)
            if download.pull.stage is Stage.RUNNING:
                raise Conflict(f"{download.pull.model_name} is being downloaded.", "Cancel it first.")
            del self._downloads[download.pull.key]

    def now(self, viewer: Viewer) -> tuple[Pull, ...]:  # noqa: ARG002  # everybody may see
        """Every download that runs or ended lately, the oldest first."""
        with self._guard:
            return tuple(download.shown() for download in self._downloads.values())

    def close(self) -> None:
        """Ends all of them."""
        with self._guard:
            for download in self._downloads.values():
                self._stop(download)

    def _found(self, provider: str, model_name: str) -> Download:
        download = self._downloads.get((provider, full_name(model_name)))
        if download is None:
            raise NotFound(f"{model_name} is not being downloaded.", "Look at the Models page for what is.")
        return download

    def _stop(self, download: Download) -> None:
        if download.pull.stage is Stage.RUNNING:
            download.pull = replace(download.pull, stage=Stage.CANCELLED)
            if download.task is not None:
                download.task.cancel()

    def _forget_oldest(self) -> None:
        ended = [key for key, download in self._downloads.items() if download.pull.stage is not Stage.RUNNING]
        for key in ended[: max(len(ended) - KEPT, 0)]:
            del self._downloads[key]

    async def _fetch(self, manager: ModelManager, download: Download) -> None:
        """One download from its start to its end, on the Runner's loop."""
        pull = download.pull
        error: ChatcoreError | None = None
        try:
            events = manager.pull(pull.model_name)
            if isinstance(events, AsyncGenerator):
                async with aclosing(events):
                    await self._read(events, download)
            else:
                await self._read(events, download)
        except ProviderError as problem:
            log.info("download of %s failed: %s", pull.model_name, problem)
            error = explained(problem, pull.model_name)
        except Exception:
            log.exception("provider %s broke while it downloaded %s", pull.provider, pull.model_name)
            error = ChatcoreError(f"The download of {pull.model_name} broke off inside this application.", GO_ON)
        with self._guard:
            if download.pull.stage is Stage.RUNNING:
                download.pull = replace(download.pull, stage=Stage.FAILED if error else Stage.DONE, error=error)
        if error is None:
            self._on_change()

    async def _read(self, events: AsyncIterator[PullProgress], download: Download) -> None:
        async for progress in events:
            with self._guard:
                download.take(progress)


def full_name(name: str) -> str:
    """A name with its tag, in small letters: by what the same model is known however it is written."""
    name = name.lower().removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def clean_name(written: str) -> str:
    """The name of a model as the server takes it, from what a person wrote or copied. Raises Invalid."""
    name = _PAGE.sub("", _COMMAND.sub("", " ".join(written.split()))).removeprefix("https://").strip("/ ")
    if not name:
        raise Invalid("There is no name of a model.", "Write one such as qwen3:8b.")
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        shown = name if len(name) <= 60 else f"{name[:59]}…"
        raise Invalid(
            f"“{shown}” is not the name of a model.",
            "Write one such as qwen3:8b, or hf.co/owner/repository:tag: letters, digits, dots, dashes, and a tag after a colon.",
        )
    return name


def explained(error: ProviderError, model_name: str) -> ChatcoreError:
    """What went wrong with a download, and what to do: the words for answers do not fit."""
    if error.code == ErrorCode.MODEL_NOT_FOUND:
        meant = closest(model_name)
        hint = f"Did you mean {meant}?" if meant and meant != model_name else "Check the name and its tag on https://ollama.com/library."
        return NotFound(f"There is no model called {model_name} to download.", hint)
    if _DISK.search(error.message):
        return Conflict(f"The disk of the model server is full: {model_name} does not fit.", "Delete a model or make room on it. " + GO_ON)
    if error.code == ErrorCode.INCOMPLETE:
        return Conflict(f"The connection was lost while {model_name} came.", GO_ON)
    if error.code == ErrorCode.TIMEOUT:
        return Conflict(f"Nothing came of {model_name} any more.", GO_ON)
    return ProviderError(
        error.message, f"{error.hint} {GO_ON}" if error.retryable else error.hint, code=error.code, retryable=error.retryable
    )
