"""Every scenario, in the order they run. A new one is a file beside the others and a line here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.figures import Figure
from benchmarks.scenarios import (
    analytics_page,
    append,
    backups,
    chat_list,
    kill,
    large_file,
    open_chat,
    open_window,
    session_page,
    start,
    stop,
    stream,
    switcher,
    transfer,
    writers,
)
from benchmarks.sizes import Sizes
from benchmarks.stage import Stage
from chatcore.db import Database


@dataclass(frozen=True, slots=True)
class StorageScenario:
    """Measures chatcore itself on an empty database, in this process."""

    name: str
    measure: Callable[[Database, Sizes], Sequence[Figure]]
    engines: tuple[str, ...] = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class AppScenario:
    """Measures the whole app: a server as its own process, with a browser where one is needed. On SQLite."""

    name: str
    measure: Callable[[Stage, Sizes], Sequence[Figure]]


STORAGE: tuple[StorageScenario, ...] = (
    StorageScenario("append", append.measure),
    StorageScenario("chat_list", chat_list.measure),
    StorageScenario("open_window", open_window.measure),
    StorageScenario("writers", writers.measure, engines=("sqlite",)),
    StorageScenario("backups", backups.measure),
    StorageScenario("transfer", transfer.measure),
)
APP: tuple[AppScenario, ...] = (
    AppScenario("start", start.measure),
    AppScenario("stream", stream.measure),
    AppScenario("open_chat", open_chat.measure),
    AppScenario("session_page", session_page.measure),
    AppScenario("switcher", switcher.measure),
    AppScenario("analytics_page", analytics_page.measure),
    AppScenario("large_file", large_file.measure),
    AppScenario("stop", stop.measure),
    AppScenario("kill", kill.measure),
)
NAMES = (*(scenario.name for scenario in STORAGE), *(scenario.name for scenario in APP))
