"""The core of a process: opened once, asked without waiting for servers that are away, closed without a trace."""

import asyncio
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chatcore import core
from chatcore.accounts import local_owner
from chatcore.chat import Draft, send
from chatcore.core import Core, close_shared, open_core, sample_power, shared
from chatcore.db import Database, open_database
from chatcore.energy import Meter
from chatcore.errors import ChatcoreError, Conflict, Invalid
from chatcore.generation import Runner
from chatcore.history import get_message
from chatcore.models import utc_now
from chatcore.parts import Health, ModelInfo, State
from chatcore.settings import Settings
from tests.answers import LIMIT_S, ask, ended, running, until
from tests.factories import make_viewer
from tests.scripted import Scripted

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def silent_host() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def settings_for(url: str, host: str = "http://127.0.0.1:9") -> Settings:
    return Settings(database_url=url, ollama_host=host)


class Shop(Scripted):
    """A model server whose offer changes, and which can be made to hang or break."""

    def __init__(self, name: str, *offer: str) -> None:
        super().__init__(name=name)
        self.offer = offer
        self.times_asked = 0
        self.broken = False
        self.hold = threading.Event()
        self.hold.set()

    async def wait(self) -> None:
        self.times_asked += 1
        while not self.hold.is_set():
            await asyncio.sleep(0.005)
        if self.broken:
            raise RuntimeError("a bug")

    async def models(self) -> tuple[ModelInfo, ...]:
        await self.wait()
        return tuple(ModelInfo(name, self.name) for name in self.offer)

    async def health(self) -> Health:
        await self.wait()
        return Health(reachable=True, host="in the test")


@pytest.fixture
def near() -> Shop:
    return Shop("near", "small")


@pytest.fixture
def far() -> Shop:
    return Shop("far", "large")


@pytest.fixture
def opened(tmp_path: Path, sqlite_template: Path, near: Shop, far: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Core]:
    """A core with two scripted providers."""
    shutil.copy(sqlite_template, tmp_path / "core.db")
    settings = settings_for(f"sqlite:///{tmp_path / 'core.db'}")
    db = open_database(settings.database_url)
    providers = {"near": near, "far": far}
    runner = Runner(db, providers)
    runner.open()
    made = Core(settings, db, providers, runner)
    # The scripted ones answer at once, but a busy machine may take longer than a page waits.
    monkeypatch.setattr(core, "PAGE_WAIT_S", LIMIT_S)
    yield made
    far.hold.set()
    made.close()


def names(models: tuple[ModelInfo, ...]) -> list[str]:
    return [model.id for model in models]


def test_open_core_makes_a_database_that_can_be_used(empty_database_url: str) -> None:
    made = open_core(settings_for(empty_database_url))
    try:
        viewer = local_owner(made.db, now=utc_now())
        sent = send(made.runner, viewer, None, Draft("/stream 20 2000", "guide", "guide"), now=utc_now())
        message, generation = ended(made.db, viewer, sent.answer_id)
        assert (message.status, generation.state) == (State.COMPLETE, State.COMPLETE)
        assert message.content
        assert ("guide", "guide") in [(model.provider, model.id) for model in made.models(fresh=True)]
    finally:
        made.close()
        made.close()


def test_open_core_leaves_nothing_open_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "not.db"
    path.write_text("this is not a database, and long enough that nobody takes it for an empty one" * 20)
    with pytest.raises(ChatcoreError) as caught:
        open_core(settings_for(f"sqlite:///{path}"))
    assert caught.value.hint
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("chatcore-")]


def test_models_come_in_the_order_of_the_providers_and_are_kept(opened: Core, near: Shop) -> None:
    assert names(opened.models()) == ["small", "large"]
    for _ in range(5):
        opened.models()
    assert near.times_asked == 1


def test_fresh_asks_again(opened: Core, near: Shop) -> None:
    opened.models()
    near.offer = ("small", "tiny")
    assert names(opened.models()) == ["small", "large"]
    assert names(opened.models(fresh=True)) == ["small", "tiny", "large"]


def test_a_silent_server_delays_nobody_and_appears_when_it_answers(opened: Core, far: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "PAGE_WAIT_S", 0.05)
    far.hold.clear()
    # Each returns although the server is silent still, with what the other one has said by then.
    until(lambda: names(opened.models()) == ["small"])
    until(lambda: opened.health()["near"].reachable)
    assert not opened.health()["far"].reachable
    far.hold.set()
    until(lambda: names(opened.models()) == ["small", "large"])
    until(lambda: opened.health()["far"].reachable)


def test_what_was_known_is_shown_while_it_is_asked_again(opened: Core, far: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "FRESH_S", -1.0)
    assert names(opened.models()) == ["small", "large"]
    far.hold.clear()
    far.offer = ("huge",)
    monkeypatch.setattr(core, "PAGE_WAIT_S", 0.05)
    assert names(opened.models()) == ["small", "large"]
    far.hold.set()
    until(lambda: names(opened.models()) == ["small", "huge"])


def test_a_provider_that_breaks_contributes_nothing(opened: Core, far: Shop) -> None:
    far.broken = True
    assert names(opened.models()) == ["small"]
    assert opened.health()["far"].error


def test_a_question_that_is_open_is_not_asked_twice(opened: Core, near: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "PAGE_WAIT_S", 0.05)
    near.hold.clear()
    until(lambda: names(opened.models()) == ["large"])
    for _ in range(3):
        assert names(opened.models()) == ["large"]
    assert near.times_asked == 1
    near.hold.set()
    assert names(opened.models(fresh=True)) == ["small", "large"]


def test_a_core_that_is_closed_says_so(opened: Core) -> None:
    opened.close()
    with pytest.raises(Conflict):
        opened.models(fresh=True)


def test_ollama_that_is_away_or_silent_is_reported(tmp_path: Path, silent_host: str) -> None:
    for host in ("http://127.0.0.1:9", silent_host):
        made = open_core(settings_for(f"sqlite:///{tmp_path / 'x.db'}", host))
        try:
            assert names(made.models(fresh=True)) == ["guide"]
            health = made.health(fresh=True)
            assert health["guide"].reachable
            assert not health["ollama"].reachable
            assert health["ollama"].error
        finally:
            made.close()


def test_one_core_for_a_process_whoever_asks_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shared.db'}")
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    close_shared()
    with ThreadPoolExecutor(8) as pool:
        cores = {id(each) for each in pool.map(lambda _: shared(), range(8))}
    first = shared()
    close_shared()
    close_shared()
    assert cores == {id(first)}
    assert shared() is not first
    close_shared()


def test_shared_raises_each_time_until_the_cause_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close_shared()
    monkeypatch.setenv("DATABASE_URL", "mysql://somewhere")
    for _ in range(2):
        with pytest.raises(ChatcoreError):
            shared()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shared.db'}")
    assert shared().db.is_sqlite
    close_shared()


LEAVE = """
import sys
from chatcore.accounts import local_owner
from chatcore.chat import Draft, send
from chatcore.core import shared
from chatcore.models import utc_now
core = shared()
viewer = local_owner(core.db, now=utc_now())
sent = send(core.runner, viewer, None, Draft("/stream 20000 100", "guide", "guide"), now=utc_now())
for update in core.runner.follow_sync(viewer, sent.answer_id):
    if update.next.text > 40:
        break
{end}
"""


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "raise SystemExit(0)"], ids=["runs out", "exit", "raise"])
def test_a_process_that_ends_saves_what_runs_and_does_not_hang(tmp_path: Path, end: str) -> None:
    path = tmp_path / "leave.db"
    env = os.environ | {"DATABASE_URL": f"sqlite:///{path}", "OLLAMA_HOST": "http://127.0.0.1:9"}
    command = [sys.executable, "-W", "error", "-c", LEAVE.replace("{end}", end)]
    done = subprocess.run(command, cwd=ROOT, env=env, timeout=60, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    with closing(sqlite3.connect(path)) as db:
        content, status = db.execute("SELECT content, status FROM chatmessage WHERE role = 'assistant'").fetchone()
    assert status == "interrupted"
    assert len(content) > 40


def test_importing_the_core_brings_nothing_heavy() -> None:
    heavy = {"pandas", "altair", "alembic", "ollama", "httpx", "streamlit", "starlette"}
    code = f"import sys, chatcore.core; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_a_message_written_before_a_restart_is_there_after_it(tmp_path: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'x.db'}")
    first = open_core(settings)
    viewer = local_owner(first.db, now=utc_now())
    sent = send(first.runner, viewer, None, Draft("/stream 20 2000", "guide", "guide"), now=utc_now())
    written, _ = ended(first.db, viewer, sent.answer_id)
    first.close()
    second = open_core(settings)
    assert get_message(second.db, viewer, sent.answer_id) == written
    second.close()


# --- cost and energy ---------------------------------------------------------------------------------------------


def test_a_reference_model_that_is_none_stops_the_start_before_anything_is_made(tmp_path: Path) -> None:
    settings = replace(settings_for(f"sqlite:///{tmp_path / 'new.db'}"), reference_model="openai/nonsense")
    with pytest.raises(Invalid, match="CHATCORE_REFERENCE_MODEL='openai/nonsense' has no price per token"):
        open_core(settings)
    assert list(tmp_path.iterdir()) == []


def test_the_watts_set_by_hand_are_those_of_the_core(tmp_path: Path) -> None:
    settings = replace(settings_for(f"sqlite:///{tmp_path / 'new.db'}"), reference_model="openai/gpt-5-mini", watts=150.0)
    with closing(open_core(settings)) as opened:
        assert opened.meter.watts == 150.0


@pytest.mark.parametrize(("provider", "sampled"), [("near", True), ("openai", False)])
def test_the_power_is_sampled_only_while_a_local_model_writes(db: Database, tmp_path: Path, provider: str, sampled: bool) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 42.5\n")
    program.chmod(0o755)
    meter, viewer = Meter(program=str(program)), make_viewer(db)
    with running(db, Scripted(name=provider)) as runner:
        sample_power(meter, runner)
        assert meter.watts is None
        ask(runner, viewer, provider=provider)
        assert runner.writing() == {(provider, "parrot")}
        sample_power(meter, runner)
    assert meter.watts == (42.5 if sampled else None)
