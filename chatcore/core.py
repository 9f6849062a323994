"""Settings, database, providers, Runner and upkeep wired together, once in a process."""

import atexit
import logging
import os
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy.engine import make_url

from chatcore.backup import WANTED
from chatcore.backup import jobs as backup_jobs
from chatcore.db import Database, init_db, open_database
from chatcore.energy import Meter
from chatcore.errors import ProviderError
from chatcore.generation import Runner
from chatcore.installed import Loads
from chatcore.machine import Machine, Memory, read_gpu, read_memory
from chatcore.models import utc_now
from chatcore.parts import Health, ModelInfo, Viewer
from chatcore.prices import find_reference, note_elsewhere, runs_here
from chatcore.providers import open_providers
from chatcore.providers.base import ModelManager, Provider, RunningModel
from chatcore.pulls import Pulls
from chatcore.queue import Queue
from chatcore.search import search
from chatcore.search.results import Order
from chatcore.settings import Settings
from chatcore.titles import Titles
from chatcore.tools import Services, open_toolbox
from chatcore.tools.base import Found as FoundMessage
from chatcore.tools.base import ServerState
from chatcore.tools.toolbox import CONNECT_S, ToolInfo
from chatcore.upkeep import Job, Upkeep, jobs

if TYPE_CHECKING:
    from chatcore.metrics import Metrics
    from chatcore.traces import Traces

log = logging.getLogger(__name__)
Found = TypeVar("Found")

# What a model server said is shown for so long before it is asked again.
FRESH_S = 10.0
# How long a page waits for a server at most; a local one answers in 5 ms, of a dead one the last known is shown.
PAGE_WAIT_S = 0.3
# Between two samples of the power a local model takes, each of which is a process: an answer takes about as long.
POWER_EVERY_S = 15.0
# The free memory of graphics cards, asked while somebody looks: a process too.
GPU_EVERY_S = 30.0


class Lookup(Generic[Found]):
    """The last answer of each provider to one question; asked again in the background when it is old."""

    def __init__(self, runner: Runner, ask: Callable[[Provider], Awaitable[Found]]) -> None:
        self._runner = runner
        self._ask = ask
        self._guard = threading.Lock()
        self._known: dict[str, tuple[Found, float]] = {}
        self._asked: dict[str, Future[Found]] = {}

    def get(self, *, fresh: bool, limit_s: float) -> dict[str, Found]:
        """What is known by provider name. Old answers are renewed: `fresh` waits for all of them, else only who asks waits,
        and only for a moment. `limit_s` bounds either."""
        begun, asked = self._renew(fresh=fresh)
        waited = asked if fresh else begun
        if waited:
            futures.wait(waited, timeout=limit_s if fresh else min(limit_s, PAGE_WAIT_S))
        return self.known()

    def begin(self) -> list[Future[Found]]:
        """Asks where an answer is old, without waiting; the questions begun now."""
        return self._renew(fresh=False)[0]

    def known(self) -> dict[str, Found]:
        """What is known by provider name, however old."""
        with self._guard:
            return {name: self._known[name][0] for name in self._runner.providers if name in self._known}

    def expire(self) -> None:
        """Something has changed: who looks next asks again."""
        with self._guard:
            self._known = {name: (found, float("-inf")) for name, (found, _) in self._known.items()}

    def _renew(self, *, fresh: bool) -> tuple[list[Future[Found]], list[Future[Found]]]:
        """Asks every provider whose answer is old; the questions begun now, and all that are open."""
        begun = []
        with self._guard:
            for name, provider in self._runner.providers.items():
                old = name not in self._known or time.monotonic() - self._known[name][1] > FRESH_S
                if name not in self._asked and (fresh or old):
                    self._asked[name] = self._runner.submit(self._keep(name, provider))
                    begun.append(self._asked[name])
            return begun, list(self._asked.values())

    async def _keep(self, name: str, provider: Provider) -> Found:
        """Asks one provider and remembers what it says."""
        try:
            found = await self._ask(provider)
            with self._guard:
                self._known[name] = (found, time.monotonic())
            return found
        finally:
            with self._guard:
                self._asked.pop(name, None)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a provider stands: its health, what it offers, what is in its memory, and when it last answered (None: never yet)."""

    provider: Provider
    health: Health
    answered_at: datetime | None
    models: tuple[ModelInfo, ...] = ()
    running: tuple[RunningModel, ...] = ()

    @property
    def can_change(self) -> bool:
        """Whether its models can be fetched, removed, loaded and unloaded."""
        return isinstance(self.provider, ModelManager)


class Core:
    """All that pages, API and commands stand on. Made by `open_core` or `shared`; every method may be called from any thread.

    `metrics` and `traces` are None unless they are switched on; `meter` has the watts for the estimate of energy.
    """

    def __init__(
        self,
        settings: Settings,
        db: Database,
        providers: Mapping[str, Provider],
        runner: Runner,
        upkeep: Upkeep | None = None,
        *,
        metrics: "Metrics | None" = None,
        meter: Meter | None = None,
        traces: "Traces | None" = None,
    ) -> None:
        self.settings = settings
        self.db = db
        self.providers = providers
        self.runner = runner
        self.metrics = metrics
        self.meter = meter or Meter(settings.watts)
        self.traces = traces
        self._upkeep = upkeep
        self._models = Lookup(runner, models_of)
        runner.offered = self.known_models
        self._answered_at: dict[str, datetime] = {}
        self._health = Lookup(runner, self._look)
        self._running = Lookup(runner, running_of)
        self._gpu: Memory | None = None
        self._gpu_asked: tuple[float, Future[None]] | None = None
        self.pulls = Pulls(runner, on_change=self.look_again)
        self.loads = Loads(runner, on_change=self.look_again)
        # First, so that a prompt that waits comes before a title.
        self.queue = Queue(runner)
        self.titles = Titles(runner)

    def models(self, *, fresh: bool = False) -> tuple[ModelInfo, ...]:
        """Every model of every provider, in the order of the registry; a server that is away contributes none.

        At most 10 s old unless a server does not answer: then what it last said, and it is asked again in the background.
        With `fresh` all servers are waited for.
        """
        found = self._models.get(fresh=fresh, limit_s=self._limit_s)
        return tuple(model for models in found.values() for model in models)

    def known_models(self) -> tuple[ModelInfo, ...]:
        """The models as they were listed last; waits for nobody, and asks nobody."""
        return tuple(model for models in self._models.known().values() for model in models)

    def health(self, *, fresh: bool = False) -> dict[str, Health]:
        """Whether each provider answers, by its name, as old as `models`; one not heard of yet counts as not reachable."""
        found = self._health.get(fresh=fresh, limit_s=self._limit_s)
        return {name: found.get(name) or silent(provider) for name, provider in self.providers.items()}

    def begin_looking(self) -> None:
        """Asks every server for its models and how it is, and waits for none: the first page finds the client of named endpoints
        loaded, which takes a second, and their models known."""
        self._models.get(fresh=False, limit_s=0.0)
        self._health.get(fresh=False, limit_s=0.0)

    def survey(self, *, fresh: bool = False) -> tuple[Standing, ...]:
        """How every provider stands, in the order of the registry, as old as `models`. Waits for all questions together."""
        if fresh:
            self.look_again()
        begun: list[Future[Any]] = [*self._health.begin(), *self._models.begin(), *self._running.begin()]
        if begun:
            futures.wait(begun, timeout=self._limit_s if fresh else min(self._limit_s, PAGE_WAIT_S))
        health, models, running = self._health.known(), self._models.known(), self._running.known()
        return tuple(
            Standing(
                provider,
                health.get(name) or silent(provider),
                self._answered_at.get(name),
                models.get(name, ()),
                running.get(name, ()),
            )
            for name, provider in self.providers.items()
        )

    def look_again(self) -> None:
        """Models have changed: what is known of them is old. Returns at once."""
        for lookup in (self._health, self._models, self._running):
            lookup.expire()

    def machine(self) -> Machine:
        """The memory of this machine now. The graphics cards are asked in the background, the first time for a moment."""
        asked = self._gpu_asked
        if asked is None or (asked[1].done() and time.monotonic() - asked[0] > GPU_EVERY_S):
            self._gpu_asked = asked = (time.monotonic(), self.runner.submit(self._look_at_gpu()))
            futures.wait([asked[1]], timeout=PAGE_WAIT_S)
        return Machine(read_memory(), self._gpu)

    async def _look_at_gpu(self) -> None:
        self._gpu = await read_gpu()

    async def _look(self, provider: Provider) -> Health:
        """How a provider is, and when it said so."""
        health = await health_of(provider)
        if health.reachable:
            self._answered_at[provider.name] = utc_now()
        return health

    def tools(self, *, fresh: bool = False) -> tuple[ToolInfo, ...]:
        """The tools there are now. Servers of tools that are not connected yet are connected in the background; `fresh` waits."""
        toolbox = self.runner.toolbox
        if toolbox.waits:
            looking = self.runner.submit(toolbox.find())
            if fresh:
                futures.wait([looking], timeout=CONNECT_S)
        return toolbox.infos()

    def tool_servers(self) -> tuple[ServerState, ...]:
        """How the servers of tools are."""
        return self.runner.toolbox.servers()

    def close(self) -> None:
        """Ends the upkeep, saves what is running, closes connections and the database, sends the last traces. Calling it twice
        does nothing."""
        if self._upkeep:
            self._upkeep.close()
        backup_jobs.stop_all(self.settings.backups_at)
        self.pulls.close()
        self.runner.close()
        self.db.close()
        if self.traces:
            self.traces.close()

    @property
    def _limit_s(self) -> float:
        return self.settings.timeouts.connect_s + self.settings.timeouts.lookup_s


async def models_of(provider: Provider) -> tuple[ModelInfo, ...]:
    """What a provider offers; nothing if it cannot be asked."""
    try:
        return await provider.models()
    except ProviderError as error:
        log.info("no models of %s: %s", provider.name, error)
    except Exception:
        log.exception("provider %s broke while it was asked for its models", provider.name)
    return ()


async def running_of(provider: Provider) -> tuple[RunningModel, ...]:
    """What a provider has in memory; nothing if it cannot tell."""
    try:
        return await provider.running() if isinstance(provider, ModelManager) else ()
    except ProviderError as error:
        log.info("nothing known of the memory of %s: %s", provider.name, error)
    except Exception:
        log.exception("provider %s broke while it was asked what is in memory", provider.name)
    return ()


async def health_of(provider: Provider) -> Health:
    """How a provider is; one that breaks is not reachable."""
    try:
        return await provider.health()
    except Exception:
        log.exception("provider %s broke while it was asked how it is", provider.name)
        return Health(reachable=False, host="", error=f"{provider.label} cannot be asked.", hint="The log of this application says why.")


def silent(provider: Provider) -> Health:
    """A provider that was asked for the first time and has not answered yet."""
    return Health(reachable=False, host="", error=f"{provider.label} has not answered yet.", hint="Wait a moment, then look again.")


def open_core(settings: Settings) -> Core:
    """Restores what was planned, opens the database, brings its schema up to date, marks interrupted answers, starts Runner and upkeep.

    Raises Invalid, Conflict or Denied with what to do; then nothing stays open.
    """
    note_elsewhere(settings.elsewhere)
    if settings.reference_model:
        find_reference(settings.reference_model, at=utc_now())
    restore_if_planned(settings)
    db = open_database(settings.database_url)
    traces = None
    try:
        init_db(db)
        providers = open_providers(settings)
        toolbox = open_toolbox(settings, Services(search=partial(search_history, db)))
        runner = Runner(db, providers, checkpoint_s=settings.checkpoint_s, heartbeat_stale_s=settings.heartbeat_stale_s, toolbox=toolbox)
        metrics = observe(runner) if settings.metrics else None
        traces = trace(runner, settings.traces_endpoint) if settings.traces_endpoint else None
        runner.open()
    except BaseException:
        db.close()
        if traces:
            traces.close()
        raise
    meter = Meter(settings.watts)
    sampling = (Job("sample the power", POWER_EVERY_S, lambda: sample_power(meter, runner)),) if meter.needs_samples else ()
    upkeep = Upkeep((*jobs(db, settings), *sampling))
    upkeep.open()
    core = Core(settings, db, providers, runner, upkeep, metrics=metrics, meter=meter, traces=traces)
    if settings.endpoints:
        core.begin_looking()
    return core


def restore_if_planned(settings: Settings) -> None:
    """Puts the backup in place that somebody chose on the settings page, before anything has the database open."""
    # False also for a folder that may not be looked into: that is for the page to say.
    if not os.path.exists(settings.backups_at / WANTED):
        return
    from chatcore.backup.restoring import carry_out

    carry_out(make_url(settings.database_url), settings.backups_at, now=utc_now())


def search_history(db: Database, viewer: Viewer, query: str, limit: int, without: uuid.UUID) -> Sequence[FoundMessage]:
    """What the tool of that name finds: messages of the viewer's other chats, the best first, cut around what was looked for."""
    found = search(db, viewer, query, order=Order.BEST, limit=limit * 4)
    hits = [hit for hit in found.hits if hit.chat_id != without and not hit.in_trash]
    return [FoundMessage(hit.chat_title, hit.role, hit.created_at, hit.snippet) for hit in hits[:limit]]


def sample_power(meter: Meter, runner: Runner) -> bool:
    """Takes a sample if a local model writes now: an idle machine says nothing of it. Never more to do at once."""
    if any(runs_here(provider, model_name) for provider, model_name in runner.writing()):
        meter.sample()
    return False


def observe(runner: Runner) -> "Metrics":
    """The figures of a Runner from now on, for /metrics."""
    # Here, because prometheus_client takes 20 ms to import, and most run without it.
    from chatcore.metrics import Metrics

    metrics = Metrics(runner.providers, runner.load)
    runner.report_to(metrics.observe)
    return metrics


def trace(runner: Runner, endpoint: str) -> "Traces":
    """The traces of a Runner's answers from now on, sent to `endpoint`. Raises Invalid."""
    # Here, because OpenTelemetry takes 0.2 s and 8 MB to load (measured), and most run without it.
    from chatcore.traces import Traces

    traces = Traces(endpoint)
    runner.report_to(traces.observe)
    return traces


# --- the one of this process -------------------------------------------------------------------------------------

_guard = threading.Lock()
_shared: list[Core] = []


def shared() -> Core:
    """The core of this process, opened at the first call from the environment. Raises what `open_core` raises, each time anew."""
    with _guard:
        if not _shared:
            _shared.append(open_core(Settings.from_env()))
            atexit.register(close_shared)
        return _shared[0]


def close_shared() -> None:
    """Closes the core of this process, if there is one; the next `shared` opens another."""
    with _guard:
        while _shared:
            _shared.pop().close()
        atexit.unregister(close_shared)
