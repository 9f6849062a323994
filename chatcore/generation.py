"""The Runner: answers are written in the background, whoever watches or leaves, and end in the database exactly once.

One daemon thread holds one event loop; each answer is a task on it, because a task can be cancelled in a millisecond
where a thread that waits for a socket cannot be cancelled at all. The database is only ever touched by the worker
threads, so a slow disk delays no token. What a follower sees between two checkpoints comes from memory.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from chatcore import ledger
from chatcore.attempt import Attempt
from chatcore.context import window_had
from chatcore.db import Database
from chatcore.errors import ChatcoreError, Conflict, NotFound, ProviderError
from chatcore.history import no_message
from chatcore.ledger import Entry
from chatcore.ledger import Job as Job
from chatcore.memory import Memory
from chatcore.models import utc_now
from chatcore.parts import ChatRequest, Decision, ErrorCode, Failed, ModelInfo, Offset, State, Update, Viewer
from chatcore.permissions import policies_of
from chatcore.processes import new_owner
from chatcore.providers.base import ModelManager, Provider, Situation, failed, failure
from chatcore.rounds import USUAL, Bounds, Rounds, only_reading
from chatcore.tools.toolbox import Toolbox
from chatcore.workers import Workers

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

# How often a follower looks into the database at an answer that another process writes.
POLL_S = 0.5
# In the time after which others take us for dead, so many heartbeats come, also where no text does; and as often it is
# looked for orphans.
BEATS = 4
# A provider whose events are all there already would keep the loop to itself; after so long the others get a turn.
TURN_S = 0.005
FIRST_RETRY_S, LONGEST_RETRY_S = 0.1, 5.0
SHORTEST_PAUSE_S = 0.05
# How long a provider may take to close its connections at the end.
CLOSE_S = 1.0
WORKERS = 2
NOT_SAVED = "The database does not answer; the text is kept and will be saved."
CONNECTING = "Connecting to the tools…"
NOT_READ = "The database does not answer; the answer goes on and will be shown."
START = Offset()


@dataclass(frozen=True, slots=True)
class Load:
    """How many answers a Runner writes now, and how many of these wait for their first chunk. Those whose end is not saved yet count
    as written."""

    active: int
    waiting: int


class Watcher(Protocol):
    """Is told, on the Runner's event loop, of every answer that begins and ends here. It has to be quick."""

    def began(self, job: Job) -> None:
        """The answer is about to be asked for."""

    def ended(self, job: Job, state: State) -> None:
        """The database has the end of the answer; who follows it hears of it after this."""


class Runner:
    """Writes answers in the background. Every public method may be called from any thread; `open` before, `close` after."""

    def __init__(
        self,
        db: Database,
        providers: Mapping[str, Provider],
        *,
        checkpoint_s: float = 0.9,
        heartbeat_stale_s: float = 15.0,
        clock: Callable[[], datetime] = utc_now,
        toolbox: Toolbox | None = None,
        bounds: Bounds = USUAL,
    ) -> None:
        self.toolbox = toolbox or Toolbox()
        self._bounds = bounds
        self.db = db
        self.providers = providers
        self.owner = new_owner()
        # What the model servers offer, as far as they have said; the core tells.
        self.offered: Callable[[], Sequence[ModelInfo]] = tuple
        self._checkpoint_s = checkpoint_s
        self._stale_s = heartbeat_stale_s
        self._beat_s = heartbeat_stale_s / BEATS
        self._clock = clock
        self._guard = threading.Lock()
        self._is_open = False
        self._attempts: dict[int, Attempt] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._observers: list[Callable[[Entry], None]] = []
        self._watchers: list[Watcher] = []
        self._asides: set[asyncio.Task[Any]] = set()
        # The chats that are never written; their answers have ids below 0.
        self.memory = Memory()

    # --- life ----------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Marks what dead processes left as interrupted, then takes jobs. Raises what the database raises."""
        self.recover()
        self._loop = asyncio.new_event_loop()
        self._workers = Workers(WORKERS, "chatcore-writer")
        self._thread = threading.Thread(target=self._run_loop, name="chatcore-runner", daemon=True)
        self._thread.start()
        with self._guard:
            self._is_open = True

    def close(self, timeout_s: float = 5.0) -> None:
        """Saves running answers as interrupted with all their text, and ends the threads; takes at most about `timeout_s`."""
        with self._guard:
            if not self._is_open:
                return
            self._is_open = False
        deadline = time.monotonic() + timeout_s
        # The rest of the time is for the providers and the threads.
        ended = asyncio.run_coroutine_threadsafe(self._wind_up(timeout_s * 0.8), self._loop)
        try:
            ended.result(timeout_s)
        except TimeoutError:
            log.error("the Runner did not come to its end in %s s", timeout_s)
        for attempt in list(self._attempts.values()):
            log.error("answer %s could not be saved before the end; its last checkpoint is kept", attempt.job.message_id)
            attempt.live.finish(State.INTERRUPTED)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(max(deadline - time.monotonic(), 0.2))
        self._workers.close(max(deadline - time.monotonic(), 0.2))

    def recover(self, *, by_heartbeat: bool = True) -> int:
        """Marks answers whose process is gone as interrupted; answers how many. Raises what the database raises."""
        with self._guard:
            running = [attempt.job.generation_id for attempt in self._attempts.values()]
        recovered = 0
        for entry in ledger.recover(self.db, running=running, stale_s=self._stale_s, by_heartbeat=by_heartbeat):
            self._report(entry)
            recovered += 1
        return recovered

    # --- jobs ----------------------------------------------------------------------------------------------------

    def start(self, job: Job) -> None:
        """Begins to write an answer whose rows are in the database. Never raises for what a provider does or lacks.

        A Runner that is closed marks the answer as interrupted at once.
        """
        attempt = Attempt(job)
        with self._guard:
            if self._is_open:
                self._attempts[job.message_id] = attempt
                self._loop.call_soon_threadsafe(self._begin, attempt)
                return
        self._report(ledger.close(self.db, self.owner, job, attempt.ending(State.INTERRUPTED, self._clock())))

    def writes(self, viewer: Viewer, message_id: int) -> bool:
        """Whether this Runner writes that answer now. Raises NotFound if it writes it for somebody else."""
        return self._mine(viewer, message_id) is not None

    def stop(self, message_id: int) -> bool:
        """Ends an answer, keeping its text; False if this Runner does not write it. Returns at once, see `settled`."""
        with self._guard:
            attempt = self._attempts.get(message_id)
            if attempt is None or not self._is_open:
                return False
            self._loop.call_soon_threadsafe(attempt.end, State.STOPPED)
        return True

    def asks(self, viewer: Viewer, message_id: int) -> dict[str, str]:
        """The tool calls of an answer written here that wait for a person: the tool of each by the id of the call."""
        attempt = self._mine(viewer, message_id)
        return {} if attempt is None else {call_id: attempt.calls[call_id].name for call_id in list(attempt.waiting)}

    def decide(self, viewer: Viewer, message_id: int, call_id: str, decision: Decision) -> bool:
        """Answers the question about a tool call; False if this Runner does not write that answer. Returns at once."""
        attempt = self._mine(viewer, message_id)
        with self._guard:
            if attempt is None or not self._is_open:
                return False
            self._loop.call_soon_threadsafe(attempt.decide, call_id, decision)
        return True

    def settled(self, message_id: int, timeout_s: float) -> bool:
        """Waits until the database has the end of an answer this Runner writes; False if the time ran out first."""
        attempt = self._attempts.get(message_id)
        return attempt is None or attempt.live.wait_end(timeout_s)

    def call(self, awaitable: Awaitable[Answer], timeout_s: float) -> Answer:
        """What a look-up of a provider returns or raises, for callers without an event loop; ProviderError after `timeout_s`."""
        future = self.submit(awaitable)
        try:
            return future.result(timeout_s)
        except TimeoutError as error:
            if future.done():
                raise
            future.cancel()
            raise ProviderError(
                f"No answer came in {timeout_s:g} s.",
                "Check that the model server is well, then try again.",
                code="timeout",
                retryable=True,
            ) from error

    def submit(self, awaitable: Awaitable[Answer]) -> Future[Answer]:
        """Runs a look-up of a provider on the Runner's event loop. Raises Conflict if the Runner is closed."""

        async def ask() -> Answer:
            return await awaitable

        with self._guard:
            if self._is_open:
                return asyncio.run_coroutine_threadsafe(ask(), self._loop)
        if isinstance(awaitable, Coroutine):
            awaitable.close()
        raise Conflict("The application is shutting down.", "Try again when it has started.")

    # --- for who observes the process ----------------------------------------------------------------------------

    def report_to(self, observer: Callable[[Entry], None]) -> None:
        """Tells `observer` from now on of every attempt that this Runner closes, once, when the database has its end.

        It is called on whichever thread closed it, has to be quick, and may raise what it likes: that is logged.
        """
        self._observers.append(observer)

    def watch(self, watcher: Watcher) -> None:
        """Tells `watcher` from now on of every answer. Call it before `open`."""
        self._watchers.append(watcher)

    def aside(self, coroutine: Coroutine[None, None, Answer]) -> asyncio.Task[Answer]:
        """Does something beside the answers, from the event loop only; the end of the Runner does not wait for it."""
        task = self._loop.create_task(coroutine)
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)
        return task

    async def work(self, call: Callable[[], Answer]) -> Answer:
        """What `call`, which may use the database, returns or raises, without holding up the event loop."""
        return await self._workers.run(call)

    def load(self) -> Load:
        """What this Runner has to do now. It has no queue: who waits, waits for a model server."""
        with self._guard:
            attempts = list(self._attempts.values())
        return Load(len(attempts), sum(attempt.state is None and attempt.first_chunk_s is None for attempt in attempts))

    def writing(self) -> set[tuple[str, str]]:
        """The models that write for this Runner now, as (provider, model)."""
        with self._guard:
            return {(attempt.job.provider, attempt.job.request.model) for attempt in self._attempts.values()}

    def _report(self, entry: Entry | None) -> None:
        """Tells the observers of an attempt that was closed here; None, one that somebody else closed, is theirs to tell."""
        if entry is None:
            return
        for observer in self._observers:
            try:
                observer(entry)
            except Exception:
                log.exception("an observer of answers broke")

    # --- followers -----------------------------------------------------------------------------------------------

    async def follow(self, viewer: Viewer, message_id: int, after: Offset = START) -> AsyncGenerator[Update, None]:
        """What is new in an answer since `after`: first where it stands now, then whenever more comes, at last its end.

        Each update holds everything since the one before, so who pauses between two gets fewer and larger ones. Works on
        any event loop. Raises NotFound for what is not the viewer's, also if it is deleted meanwhile.
        """
        shown: Update | None = None
        while (attempt := self._mine(viewer, message_id)) is None:
            update = await asyncio.to_thread(self._look, viewer, message_id, after, shown)
            if is_news(update, shown):
                yield update
            if update.state is not State.RUNNING:
                return
            shown, after = update, update.next
            await asyncio.sleep(POLL_S)
        while True:
            update, version = attempt.live.since(after)
            yield update
            if update.state is not State.RUNNING:
                return
            after = update.next
            await attempt.live.changed(version)

    def follow_sync(
        self, viewer: Viewer, message_id: int, after: Offset = START, *, idle_s: float | None = None
    ) -> Generator[Update, None, None]:
        """The same as `follow` for a thread without an event loop.

        With `idle_s` an update without news comes whenever nothing happened for about so long: for callers that have
        something else to look at, like a page whose script can only be interrupted between two updates.
        """
        shown: Update | None = None
        while (attempt := self._mine(viewer, message_id)) is None:
            update = self._look(viewer, message_id, after, shown)
            if idle_s is not None or is_news(update, shown):
                yield update
            if update.state is not State.RUNNING:
                return
            shown, after = update, update.next
            time.sleep(POLL_S)
        while True:
            update, version = attempt.live.since(after)
            yield update
            if update.state is not State.RUNNING:
                return
            after = update.next
            attempt.live.wait(version, idle_s)

    def _mine(self, viewer: Viewer, message_id: int) -> Attempt | None:
        """The answer, if it is written here."""
        attempt = self._attempts.get(message_id)
        if attempt is not None and attempt.job.user_id != viewer.user_id:
            raise no_message()
        return attempt

    def _look(self, viewer: Viewer, message_id: int, after: Offset, shown: Update | None) -> Update:
        """The answer as the database has it. Once something was shown, a database that is away is waited for."""
        if message_id < 0:
            return self.memory.read(viewer, message_id, after)
        try:
            return ledger.read(self.db, viewer, message_id, after)
        except NotFound:
            raise
        except ChatcoreError as error:
            if shown is None:
                raise
            log.warning("cannot follow answer %s: %s", message_id, error)
            return Update(text="", reasoning="", state=State.RUNNING, next=after, progress=NOT_READ)

    # --- on the loop ---------------------------------------------------------------------------------------------

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        watcher = self._loop.create_task(self._watch(), name="chatcore-watcher")
        try:
            self._loop.run_forever()
        finally:
            watcher.cancel()
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def _begin(self, attempt: Attempt) -> None:
        self._tell(lambda watcher: watcher.began(attempt.job))
        self._keep(self._answer(attempt))

    def _tell(self, say: Callable[[Watcher], None]) -> None:
        """Tells the watchers; one that breaks disturbs nobody."""
        for watcher in self._watchers:
            try:
                say(watcher)
            except Exception:
                log.exception("a watcher of answers broke")

    def _keep(self, coroutine: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """A task that is not forgotten: the loop itself holds tasks only weakly."""
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _answer(self, attempt: Attempt) -> None:
        """One answer from its start to its end in the database."""
        reader = self._keep(self._read(attempt))
        await attempt.over.wait()
        attempt.live.freeze()
        state = attempt.state or State.INTERRUPTED
        if state in (State.STOPPED, State.INTERRUPTED):
            # Not waited for: a connection that is slow to close must not hold up the end of the answer.
            reader.cancel()
        if attempt.failed is not None:
            log.info(
                "answer %s failed: %s %s", attempt.job.message_id, attempt.failed.code, attempt.failed.detail or attempt.failed.message
            )
        entry = None if attempt.lost else await self._save(attempt, state)
        if entry is None:
            log.warning("answer %s was closed by another process", attempt.job.message_id)
            state = State.INTERRUPTED
        if attempt.job.message_id < 0:
            self.memory.finish(attempt.job.message_id, attempt.ending(state, self._clock()), entry)
        with self._guard:
            if self._attempts.get(attempt.job.message_id) is attempt:
                del self._attempts[attempt.job.message_id]
        self._tell(lambda watcher: watcher.ended(attempt.job, state))
        attempt.live.finish(state, *((attempt.failed.message, attempt.failed.hint) if attempt.failed else ()))
        # Last, so that nobody waits for it.
        self._report(entry)

    async def _read(self, attempt: Attempt) -> None:
        """Takes what the provider sends until it ends, whichever way."""
        provider = self.providers.get(attempt.job.provider)
        if provider is None:
            attempt.end(State.FAILED, failed=unknown_provider(attempt.job.provider))
            return
        request = attempt.job.request
        try:
            rounds = await self._rounds(attempt)
            if rounds is not None:
                request = replace(request, tools=rounds.specs())
            await self._listen(attempt, provider, request)
            while rounds is not None and attempt.paused and attempt.state is None:
                request = await rounds.next_request(request)
                await self._listen(attempt, provider, request)
        except Exception as error:
            log.exception("provider %s broke while it wrote answer %s", attempt.job.provider, attempt.job.message_id)
            attempt.end(State.FAILED, failed=failure(ErrorCode.INTERNAL, Situation(provider.label, detail=repr(error))))
        finally:
            # Only where nothing else has ended it: a provider must not leave without saying how it went.
            attempt.end(State.FAILED, failed=failure(ErrorCode.INCOMPLETE, Situation(provider.label)))

    async def _listen(self, attempt: Attempt, provider: Provider, request: ChatRequest) -> None:
        """Asks the model once, and takes all it says."""
        attempt.begin_round(offered=bool(request.tools))
        turn = time.perf_counter()
        events = provider.chat(request)
        try:
            async for event in events:
                attempt.take(event)
                if attempt.state is not None or attempt.paused:
                    break
                if time.perf_counter() - turn > TURN_S:
                    await asyncio.sleep(0)
                    turn = time.perf_counter()
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    async def _rounds(self, attempt: Attempt) -> Rounds | None:
        """The tools of an answer, None where it may use none. Servers of tools that are not connected yet are waited for."""
        viewer = attempt.job.viewer
        if not attempt.job.use_tools or viewer is None:
            return None
        if self.toolbox.waits:
            attempt.live.note(CONNECTING)
        tools = await self.toolbox.find(self._bounds.connect_s)
        attempt.live.note(None)
        policies = await self._workers.run(partial(policies_of, self.db, viewer, attempt.job.session_id))
        if attempt.job.reads_only:
            tools = only_reading(tools, policies)
        return Rounds(attempt, viewer, tools, policies, bounds=self._bounds, clock=self._clock)

    async def _save(self, attempt: Attempt, state: State) -> Entry | None:
        """Writes the end of the answer, again and again until the database takes it; None if it was not ours any more."""
        ending = replace(attempt.ending(state, self._clock()), context_window=self._window_of(attempt.job))
        retry_s = FIRST_RETRY_S
        while True:
            try:
                return await self._workers.run(partial(ledger.close, self.db, self.owner, attempt.job, ending))
            except Exception as error:
                log.warning("answer %s is not saved yet: %s", attempt.job.message_id, error, exc_info=not isinstance(error, ChatcoreError))
                attempt.live.trouble(NOT_SAVED)
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, LONGEST_RETRY_S)

    def _window_of(self, job: Job) -> int | None:
        """The window that the model of an answer has, as far as its server has said."""
        asked = (job.provider, job.request.model)
        model = next((model for model in self.offered() if (model.provider, model.id) == asked), None)
        return window_had(model, loads=isinstance(self.providers.get(job.provider), ModelManager))

    async def _watch(self) -> None:
        """Saves what is new, shows that this process lives, hears stops of other processes, and recovers orphans."""
        loop = self._loop
        due = beat_due = loop.time()
        recover_due = judge_from = due + self._beat_s
        wall = time.time()
        while True:
            due = max(due + self._checkpoint_s, loop.time() + SHORTEST_PAUSE_S)
            await asyncio.sleep(due - loop.time())
            if time.time() - wall > self._checkpoint_s + self._beat_s:
                # This machine slept, and maybe the others too: let everybody show that they live first.
                judge_from = loop.time() + self._stale_s
            try:
                beat = loop.time() >= beat_due
                await self._checkpoint(beat=beat)
                beat_due = loop.time() + self._beat_s if beat else beat_due
                if loop.time() >= recover_due:
                    recover_due = loop.time() + self._beat_s
                    await self._workers.run(partial(self.recover, by_heartbeat=loop.time() >= judge_from))
            except Exception as error:
                log.warning("running answers are not saved yet: %s", error, exc_info=not isinstance(error, ChatcoreError))
                # Nobody could show that they live while the database was away.
                judge_from = loop.time() + self._stale_s
            wall = time.time()

    async def _checkpoint(self, *, beat: bool) -> None:
        """Saves the text that came since the last time, of all running answers together."""
        # Also those whose end is not saved yet: they still need their heartbeat.
        attempts = list(self._attempts.values())
        if not attempts:
            return
        # Of a chat that is never written the ledger only hears that its answer runs.
        written_down = [attempt for attempt in attempts if attempt.job.message_id > 0]
        news = [attempt for attempt in written_down if attempt.state is None and attempt.live.mark != attempt.saved_mark]
        marks = {attempt.job.generation_id: attempt.live.mark for attempt in news}
        written = {attempt.job.generation_id: attempt.live.snapshot() for attempt in news}
        jobs = [attempt.job for attempt in attempts]
        found = await self._workers.run(partial(ledger.checkpoint, self.db, self.owner, jobs, written, beat=beat))
        for attempt in attempts:
            row = found.get(attempt.job.generation_id)
            if row is None:
                attempt.end(State.INTERRUPTED, lost=True)
            elif row.stop_requested or not (row.has_message or attempt.job.message_id < 0):
                attempt.end(State.STOPPED)
            attempt.saved_mark = marks.get(attempt.job.generation_id, attempt.saved_mark)
        await self._hear([attempt for attempt in written_down if attempt.waiting])

    async def _hear(self, asking: Sequence[Attempt]) -> None:
        """Tells answers that ask a person what was said to them in another process."""
        if not asking:
            return
        attempts = {attempt.job.generation_id: attempt for attempt in asking}
        for generation_id, call_id, decision in await self._workers.run(partial(ledger.take_decisions, self.db, list(attempts))):
            attempts[generation_id].decide(call_id, decision)

    async def _wind_up(self, limit_s: float) -> None:
        """Ends every answer as interrupted, and the providers."""
        for aside in self._asides:
            aside.cancel()
        for attempt in list(self._attempts.values()):
            attempt.end(State.INTERRUPTED)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limit_s)
        try:
            await asyncio.wait_for(self.toolbox.close(), CLOSE_S)
        except Exception:
            log.exception("the servers of tools did not close")
        for provider in self.providers.values():
            try:
                await asyncio.wait_for(provider.close(), CLOSE_S)
            except Exception:
                log.exception("provider %s did not close", provider.name)


def is_news(update: Update, shown: Update | None) -> bool:
    """Whether an update from the database says more than the one before."""
    if shown is None or update.state is not State.RUNNING:
        return True
    return bool(update.text or update.reasoning) or update.calls is not None or update.progress != shown.progress


def unknown_provider(name: str) -> Failed:
    """The end of an answer that nobody here can write."""
    return failed(ErrorCode.NOT_FOUND, f"There is no provider called {name} here.", "Choose another model and send again.")
