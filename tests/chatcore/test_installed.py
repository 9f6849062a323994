"""What is installed on a model server, looked at by everybody and changed by the owner, over real HTTP."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatcore import installed
from chatcore.core import Core, open_core
from chatcore.errors import Denied, Invalid, NotFound, ProviderError
from chatcore.parts import Viewer
from chatcore.settings import Settings
from tests.answers import until
from tests.replay import ReplayServer, json_reply, transcript

OWNER, BOB = Viewer("local", "You", is_owner=True), Viewer("bob", "Bob")
MODEL = "tinychat:latest"


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    with ReplayServer() as running:
        running.on("/api/tags", transcript("ollama_tags.json"))
        running.on("/api/ps", transcript("ollama_ps.json"))
        running.on("/api/show", transcript("ollama_show.json"))
        yield running


@pytest.fixture
def core(server: ReplayServer, tmp_path: Path, sqlite_template: Path) -> Iterator[Core]:
    shutil.copy(sqlite_template, tmp_path / "core.db")
    opened = open_core(Settings(database_url=f"sqlite:///{tmp_path / 'core.db'}", ollama_host=server.url))
    yield opened
    opened.close()


def test_a_survey_says_how_every_provider_stands(core: Core, server: ReplayServer) -> None:
    guide, ollama = core.survey(fresh=True)
    assert (guide.provider.name, guide.can_change) == ("guide", False)
    assert ollama.can_change
    assert (ollama.health.reachable, ollama.health.host, ollama.health.version) == (True, server.url, "0.33.0")
    assert ollama.health.latency_s is not None
    assert ollama.answered_at is not None
    assert [model.id for model in ollama.models] == ["tinychat:latest", "tinychat-think:latest", "minimax-m3:cloud"]
    (loaded,) = ollama.running
    assert (loaded.id, loaded.size_bytes, loaded.context_length) == ("tinychat:latest", 5137025024, 4096)
    assert loaded.expires_at is not None


def test_a_server_that_went_away_keeps_its_last_answer(tmp_path: Path, sqlite_template: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "core.db")
    with ReplayServer() as server:
        server.on("/api/tags", transcript("ollama_tags.json"))
        core = open_core(Settings(database_url=f"sqlite:///{tmp_path / 'core.db'}", ollama_host=server.url))
        before = core.survey(fresh=True)[1]
    try:
        after = core.survey(fresh=True)[1]
        assert not after.health.reachable
        assert after.answered_at == before.answered_at is not None
        assert after.models == ()
    finally:
        core.close()


def test_the_memory_of_this_machine_is_known(core: Core) -> None:
    found = core.machine()
    assert found.memory is not None
    assert found.memory.total_bytes > 0


def test_details_are_everybodys(core: Core, server: ReplayServer) -> None:
    found = installed.details(core.runner, BOB, "ollama", MODEL)
    assert found.family
    assert found.context_length
    assert server.asked("/api/show")[-1].json == {"model": MODEL}
    assert installed.details(core.runner, BOB, "guide", "guide").family == ""


def test_delete_and_unload_reach_the_server(core: Core, server: ReplayServer) -> None:
    server.on("/api/delete", replace(json_reply({}), body=b""))
    installed.delete(core.runner, OWNER, "ollama", MODEL)
    asked = server.wait_for("/api/delete")
    assert (asked.method, asked.json) == ("DELETE", {"model": MODEL})
    server.on("/api/chat", transcript("ollama_chat_unload.json"))
    installed.unload(core.runner, OWNER, "ollama", MODEL)
    assert server.wait_for("/api/chat").json["keep_alive"] == 0


def test_what_is_not_there_any_more_is_said(core: Core, server: ReplayServer) -> None:
    server.on("/api/delete", transcript("ollama_delete_404.json"))
    with pytest.raises(ProviderError, match="is not on this server"):
        installed.delete(core.runner, OWNER, "ollama", MODEL)


@pytest.mark.parametrize(
    "change",
    [
        lambda core, viewer, provider: installed.delete(core.runner, viewer, provider, MODEL),
        lambda core, viewer, provider: installed.unload(core.runner, viewer, provider, MODEL),
        lambda core, viewer, provider: core.loads.start(viewer, provider, MODEL),
    ],
)
def test_only_the_owner_changes_and_only_what_can_be_changed(
    core: Core, server: ReplayServer, change: Callable[[Core, Viewer, str], None]
) -> None:
    with pytest.raises(Denied):
        change(core, BOB, "ollama")
    with pytest.raises(Invalid):
        change(core, OWNER, "guide")
    with pytest.raises(NotFound):
        change(core, OWNER, "nothing")
    assert not server.asked("/api/chat")
    assert not server.asked("/api/delete")


def test_a_load_goes_on_in_the_background_and_begins_once(core: Core, server: ReplayServer) -> None:
    gate = server.gate()
    server.on("/api/chat", replace(transcript("ollama_chat_load.json"), hold=gate))
    core.loads.start(OWNER, "ollama", MODEL)
    core.loads.start(OWNER, "ollama", MODEL)
    server.wait_for("/api/chat")
    assert core.loads.now(BOB)["ollama", MODEL].error is None
    gate.open()
    until(lambda: not core.loads.now(BOB))
    assert len(server.asked("/api/chat")) == 1


def test_a_load_that_fails_says_why_until_it_is_put_away(core: Core, server: ReplayServer) -> None:
    server.play("ollama_500_runner.json")
    core.loads.start(OWNER, "ollama", MODEL)
    until(lambda: core.loads.now(BOB)["ollama", MODEL].error)
    error = core.loads.now(BOB)["ollama", MODEL].error
    assert isinstance(error, ProviderError)
    with pytest.raises(Denied):
        core.loads.put_away(BOB, "ollama", MODEL)
    core.loads.put_away(OWNER, "ollama", MODEL)
    assert not core.loads.now(OWNER)
