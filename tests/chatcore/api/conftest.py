"""The routes behind a real server on loopback, called with real clients."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from websockets.sync.client import ClientConnection, connect

from chatcore.api import HostGuard, LocalOwner, routes
from chatcore.core import Core
from chatcore.db import Database
from chatcore.generation import Runner
from chatcore.parts import Viewer
from chatcore.providers.base import Provider
from chatcore.providers.guide import Guide
from chatcore.settings import Settings
from tests.answers import LIMIT_S, until
from tests.scripted import Scripted

PERSON = "x-test-person"
CHATS = "/api/v1/chat/sessions"


def identify(connection: HTTPConnection) -> Mapping[str, object] | LocalOwner | None:
    """In these tests a header says who calls: a name, or "nobody"; without it nobody has to sign in."""
    name = connection.headers.get(PERSON)
    if name is None:
        return LocalOwner()
    return None if name == "nobody" else {"iss": "https://example.org", "sub": name, "name": name}


@dataclass
class Api:
    """A running server: its address, what stands behind it, and clients."""

    url: str
    core: Core
    provider: Scripted
    leaving: threading.Event

    def client(self, person: str | None = "Ada") -> httpx.Client:
        """A program that calls as this person; None is the local owner of an installation without sign-in."""
        headers = {PERSON: person} if person else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=LIMIT_S, trust_env=False)

    def follow(self, path: str, person: str | None = "Ada", **headers: str) -> ClientConnection:
        """An open WebSocket."""
        sent = headers | ({PERSON: person} if person else {})
        return connect(self.url.replace("http:", "ws:") + path, additional_headers=sent, open_timeout=LIMIT_S, proxy=None)

    def ask(self, client: httpx.Client, text: str = "Why are there two tides a day?") -> dict[str, object]:
        """Starts a chat, and returns when the provider has the prompt."""
        sent = client.post(CHATS, json={"text": text, "provider": "scripted", "model": "parrot"})
        assert sent.status_code == 201, sent.text
        assert self.provider.asked.acquire(timeout=LIMIT_S)
        found: dict[str, object] = sent.json()
        return found

    def viewer(self, person: str = "Ada") -> Viewer:
        """The account behind the name."""
        from chatcore.accounts import signed_in
        from tests.factories import NOW

        return signed_in(self.core.db, {"iss": "https://example.org", "sub": person, "name": person}, now=NOW)


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """The address of a server for this app, as Streamlit runs it."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="websockets-sansio"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(LIMIT_S)
        assert not thread.is_alive()


@contextmanager
def behind(db: Database) -> Iterator[tuple[Core, Scripted]]:
    """A core with a provider whose every word a test decides, and the guide."""
    provider = Scripted()
    providers: dict[str, Provider] = {"scripted": provider, "guide": Guide()}
    runner = Runner(db, providers, checkpoint_s=0.05)
    runner.open()
    core = Core(Settings(database_url=str(db.url), sharing=True), db, providers, runner)
    try:
        yield core, provider
    finally:
        runner.close()


@contextmanager
def api_on(db: Database) -> Iterator[Api]:
    """The server on a database."""
    leaving = threading.Event()
    with behind(db) as (core, provider):
        table = routes(lambda: core, identify, leaving=leaving.is_set)
        guard = Middleware(HostGuard, sign_in=lambda: False, further=frozenset({"chat.example.org"}))
        with serving(Starlette(routes=table, middleware=[guard])) as url:
            yield Api(url, core, provider, leaving)


@pytest.fixture
def api(db: Database) -> Iterator[Api]:
    """The server on an empty database, once for each engine."""
    with api_on(db) as api:
        yield api


@pytest.fixture
def ada(api: Api) -> Iterator[httpx.Client]:
    """A program that calls as Ada."""
    with api.client("Ada") as client:
        yield client
