"""The whole app to measure: a server as its own process on a free port, and a real Chromium."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it has no types of its own, and two numbers are read from it
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from benchmarks.databases import Databases
from benchmarks.machine import ROOT, memory_of
from chatcore.errors import Conflict
from tests.browser.chromium import ARGUMENTS, find_chromium

UP_TIMEOUT_S = 60
POLL_S = 0.01
# Nothing listens there: no model server of this machine takes part.
CLOSED_PORT = "http://127.0.0.1:9"


class Server:
    """One run of the app, as `make run` starts it. `up_s` is the time from the start of the process to the first answer of
    /healthz."""

    def __init__(self, database_url: str, log: Path) -> None:
        self.database_url = database_url
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # The sample's chats were deleted long ago: the trash must not be emptied while it is looked at.
        environment = {**os.environ, "DATABASE_URL": database_url, "OLLAMA_HOST": CLOSED_PORT, "CHATCORE_TRASH_DAYS": "0"}
        command = [sys.executable, "-m", "chatcore", "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        started = time.perf_counter()
        with log.open("ab") as out:
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True)
        self._wait(started + UP_TIMEOUT_S, log)
        self.up_s = time.perf_counter() - started

    def _wait(self, deadline: float, log: Path) -> None:
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass
            if self._process.poll() is not None or time.perf_counter() > deadline:
                self.stop()
                raise Conflict("The server did not come up.", f"It said: {log.read_text()[-2000:]}")
            time.sleep(POLL_S)

    def processes(self) -> list[psutil.Process]:
        """The server's process and its children."""
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]

    def memory_mb(self) -> float:
        """Resident memory of the process tree in MiB; pages shared with other processes count fully."""
        return memory_of(self._process.pid).resident_mb

    def cpu_s(self) -> float:
        """Processor time the process tree has used, in seconds."""
        times = [process.cpu_times() for process in self.processes()]
        return float(sum(one.user + one.system for one in times))

    def call(self, method: str, path: str, body: dict[str, object] | None = None) -> dict[str, object]:
        """The JSON answer of a REST call."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-Chatcore": "1"}
        request = urllib.request.Request(f"{self.url}{path}", data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, object] = json.load(answer)
            return found

    def send(self, text: str) -> tuple[str, int]:
        """Sends a prompt to the guide in a new chat: the chat's id and the answer's."""
        chat = self.call("POST", "/api/v1/chat/sessions", {"provider": "guide", "model": "guide"})
        made = chat.get("chat", chat)
        assert isinstance(made, dict)
        sent = self.call("POST", f"/api/v1/chat/sessions/{made['id']}/messages", {"text": text})
        return str(made["id"]), int(str(sent["answer_id"]))

    def message(self, message_id: int) -> dict[str, object]:
        """A message as the API shows it."""
        found = self.call("GET", f"/api/v1/messages/{message_id}")["message"]
        assert isinstance(found, dict)
        return found

    def kill(self) -> None:
        """kill -9 for it and its children: no chance to save anything."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def stop(self) -> None:
        """An orderly end."""
        if self._process.poll() is not None:
            return
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()


class Stage:
    """What scenarios of the whole app are given. The browser starts when it is first needed and stays."""

    def __init__(self, folder: Path, databases: Databases) -> None:
        self.folder = folder
        self.databases = databases
        self._stack = ExitStack()
        self._browser: Browser | None = None

    def close(self) -> None:
        """Ends the browser if one was started."""
        self._stack.close()

    @contextmanager
    def server(self, database_url: str) -> Iterator[Server]:
        """The app on this database, stopped at the end."""
        server = Server(database_url, self.folder / "server.log")
        try:
            yield server
        finally:
            server.stop()

    @contextmanager
    def visitor(self) -> Iterator[BrowserContext]:
        """A browser that has never been here: nothing cached, no cookie."""
        context = self._started().new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(60_000)
        try:
            yield context
        finally:
            context.close()

    def _started(self) -> Browser:
        if self._browser is None:
            path = find_chromium()
            if path is None:
                raise Conflict("There is no Chromium on this machine.", "Install the package chromium, or choose scenarios with --only.")
            playwright = self._stack.enter_context(sync_playwright())
            self._browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            self._stack.callback(self._browser.close)
        return self._browser


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
