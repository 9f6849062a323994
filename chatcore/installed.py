"""What is installed on the model servers: details for everybody; delete, load and unload for the owner."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from chatcore.errors import ChatcoreError, Conflict, Denied, Invalid, NotFound
from chatcore.generation import Runner
from chatcore.models import utc_now
from chatcore.parts import Viewer
from chatcore.providers.base import Describer, ModelDetails, ModelManager, Provider

# A look-up of the server has limits of its own, of 5 and 30 s; this one is only for a loop that hangs.
DETAILS_S, CHANGE_S = 15.0, 45.0
Key = tuple[str, str]


def must_own(viewer: Viewer) -> None:
    """Raises Denied for who does not run this installation: models are everybody's."""
    if not viewer.is_owner:
        raise Denied("Only the owner of this installation may change its models.", "Ask them to do it.")


def provider_named(runner: Runner, name: str) -> Provider:
    """Raises NotFound if there is none."""
    provider = runner.providers.get(name)
    if provider is None:
        raise NotFound(f"There is no provider called {name} here.", "Look at the Models page for those there are.")
    return provider


def managed(runner: Runner, name: str) -> ModelManager:
    """The provider as one whose models can be changed. Raises NotFound if there is none, Invalid if its models cannot."""
    provider = provider_named(runner, name)
    if not isinstance(provider, ModelManager):
        raise Invalid(f"The models of {provider.label} cannot be changed from here.", "Change them where that server runs.")
    return provider


def details(runner: Runner, viewer: Viewer, provider: str, model_name: str) -> ModelDetails:  # noqa: ARG001  # everybody may see
    """What the server says of a model beyond the list; nothing for a provider that says no more. Raises ProviderError."""
    found = provider_named(runner, provider)
    return runner.call(found.details(model_name), DETAILS_S) if isinstance(found, Describer) else ModelDetails()


def delete(runner: Runner, viewer: Viewer, provider: str, model_name: str) -> None:
    """Removes a model from the server's disk. Raises Denied, Invalid, NotFound, ProviderError."""
    must_own(viewer)
    runner.call(managed(runner, provider).delete(model_name), CHANGE_S)


def unload(runner: Runner, viewer: Viewer, provider: str, model_name: str) -> None:
    """Takes a model out of the server's memory. Raises Denied, Invalid, NotFound, ProviderError."""
    must_own(viewer)
    runner.call(managed(runner, provider).unload(model_name), CHANGE_S)


@dataclass(frozen=True, slots=True)
class Load:
    """A model that is being brought into memory, or could not be: then `error` says why and `hint` what to do."""

    provider: str
    model_name: str
    started_at: datetime
    error: ChatcoreError | None = None


@dataclass
class Loads:
    """Which models are being loaded now. It takes minutes for a large one, so nobody waits for it: the Runner's loop does."""

    runner: Runner
    on_change: Callable[[], None] = lambda: None
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _loads: dict[Key, Load] = field(default_factory=dict)

    def start(self, viewer: Viewer, provider: str, model_name: str) -> None:
        """Begins to load a model; nothing new where that has begun. Raises Denied, Invalid, NotFound."""
        must_own(viewer)
        manager, key = managed(self.runner, provider), (provider, model_name)
        with self._guard:
            known = self._loads.get(key)
            if known is not None and known.error is None:
                return
            self._loads[key] = Load(provider, model_name, utc_now())
        try:
            begun = self.runner.submit(manager.load(model_name))
        except Conflict as error:
            self._ended(key, error)
            raise
        begun.add_done_callback(partial(self._done, key))

    def now(self, viewer: Viewer) -> dict[Key, Load]:  # noqa: ARG002  # everybody may see
        """Those under way, and those that failed until they are tried again or put away, by (provider, model)."""
        with self._guard:
            return dict(self._loads)

    def put_away(self, viewer: Viewer, provider: str, model_name: str) -> None:
        """Shows a failure no more. Raises Denied."""
        must_own(viewer)
        with self._guard:
            known = self._loads.get((provider, model_name))
            if known is not None and known.error is not None:
                del self._loads[provider, model_name]

    def _done(self, key: Key, loaded: "Future[None]") -> None:
        if loaded.cancelled():
            self._ended(key, None)
            return
        error = loaded.exception()
        if error is not None and not isinstance(error, ChatcoreError):
            error = ChatcoreError(f"{key[1]} could not be loaded.", "The log of the model server says why.")
        self._ended(key, error)

    def _ended(self, key: Key, error: ChatcoreError | None) -> None:
        with self._guard:
            known = self._loads.pop(key, None)
            if known is not None and error is not None:
                self._loads[key] = Load(known.provider, known.model_name, known.started_at, error)
        self.on_change()
