"""Models from the command line, against a replay server."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from chatcore.cli import main
from tests.replay import ReplayServer, json_reply, transcript


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplayServer]:
    with ReplayServer() as running:
        running.on("/api/tags", transcript("ollama_tags.json"))
        monkeypatch.setenv("OLLAMA_HOST", running.url)
        yield running


def run(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, ["models", *words], input=answer, catch_exceptions=False)


def test_models_lists_what_every_server_has(server: ReplayServer) -> None:
    found = run()
    assert found.exit_code == 0
    (line,) = [line for line in found.stdout.splitlines() if "tinychat:latest" in line]
    assert line.split() == ["ollama", "tinychat:latest", "690.82K", "F16", "1", "MB", "-", "completion,", "tools", "-"]
    assert "cloud" in found.stdout
    assert found.stderr == ""


def test_a_server_that_is_away_is_named_and_the_others_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    found = run()
    assert found.exit_code == 0
    assert "guide" in found.stdout
    assert "Cannot reach Ollama" in found.stderr


def test_ps_says_what_is_in_memory(server: ReplayServer) -> None:
    assert run("ps").stdout == "Nothing is in memory.\n"
    server.on("/api/ps", transcript("ollama_ps.json"))
    assert "5.1 GB" in run("ps").stdout


def test_pull_says_its_stages_and_its_end(server: ReplayServer) -> None:
    server.play("ollama_pull_ok.ndjson", path="/api/pull")
    found = run("pull", "https://ollama.com/library/llama3.2:3b")
    assert (found.exit_code, found.stdout) == (0, "llama3.2:3b is here.\n")
    assert found.stderr.splitlines()[0] == "pulling manifest"
    assert found.stderr.splitlines()[-1] == "success"
    assert server.wait_for("/api/pull").json["model"] == "llama3.2:3b"


def test_pull_of_what_is_nowhere_says_what_was_meant(server: ReplayServer) -> None:
    server.play("ollama_pull_error.ndjson", path="/api/pull")
    found = run("pull", "lama3.2:3b")
    assert found.exit_code == 1
    assert "There is no model called lama3.2:3b to download." in found.stderr
    assert "Did you mean llama3.2:3b?" in found.stderr


def test_rm_asks_first(server: ReplayServer) -> None:
    server.on("/api/delete", replace(json_reply({}), body=b""))
    assert run("rm", "tinychat", answer="n\n").exit_code == 1
    assert not server.asked("/api/delete")
    assert run("rm", "tinychat", "--yes").stdout == "Deleted tinychat.\n"
    assert server.wait_for("/api/delete").json == {"model": "tinychat"}


def test_a_provider_whose_models_cannot_be_changed_says_so() -> None:
    assert "cannot be changed from here" in run("pull", "qwen3:8b", "--provider", "guide").stderr
    assert "Known here: guide, ollama" in run("ps", "--provider", "nothing").stderr
