"""Downloads of models: real HTTP against a replay server, with progress, cancel, resume and every way to fail."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatcore.db import Database, open_database
from chatcore.errors import Conflict, Denied, Invalid, NotFound, ProviderError
from chatcore.generation import Runner
from chatcore.parts import ErrorCode, Viewer
from chatcore.providers.base import Provider, PullProgress
from chatcore.providers.guide import Guide
from chatcore.providers.ollama import Ollama
from chatcore.pulls import WINDOW_S, Download, Pull, Pulls, Stage, clean_name, explained
from chatcore.settings import Settings, Timeouts
from tests.answers import until
from tests.factories import NOW, make_viewer
from tests.replay import ReplayServer, Reply, ndjson_reply

MODEL = "llama3.2:3b"
WEIGHTS, SMALL = "sha256:b5bb", "sha256:c0ffee"
OWNER = Viewer("local", "You", is_owner=True)


async def nobody() -> tuple[()]:
    return ()


def layer(digest: str, completed: int, total: int) -> dict[str, object]:
    return {"status": f"pulling {digest[7:]}", "digest": digest, "total": total, "completed": completed}


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    with ReplayServer() as running:
        yield running


class Shop:
    """Downloads over a Runner, and how often a model came."""

    def __init__(self, runner: Runner) -> None:
        self.came = 0
        self.pulls = Pulls(runner, on_change=self.count)

    def count(self) -> None:
        self.came += 1

    def one(self) -> Pull:
        (pull,) = self.pulls.now(OWNER)
        return pull

    def ended(self) -> Pull:
        until(lambda: self.one().stage is not Stage.RUNNING)
        return self.one()


@pytest.fixture
def pull_idle_s() -> float:
    """How long a server may be silent: longer than a busy machine takes to look at a download that goes on."""
    return 60.0


@pytest.fixture
def shop(tmp_path: Path, server: ReplayServer, sqlite_template: Path, pull_idle_s: float) -> Iterator[Shop]:
    settings = Settings(database_url="", ollama_host=server.url, timeouts=Timeouts(pull_idle_s=pull_idle_s))
    providers: dict[str, Provider] = {"guide": Guide(nobody), "ollama": Ollama(settings)}
    shutil.copy(sqlite_template, tmp_path / "pulls.db")
    db = open_database(f"sqlite:///{tmp_path / 'pulls.db'}")
    runner = Runner(db, providers)
    runner.open()
    made = Shop(runner)
    yield made
    made.pulls.close()
    runner.close()
    db.close()


def stalled(server: ReplayServer, *lines: object) -> Reply:
    """A reply that sends these lines and then nothing until the client leaves."""
    reply = ndjson_reply(*lines)
    return replace(reply, stall_at=len(reply.body))


def test_a_download_comes_to_its_end_and_is_told(server: ReplayServer, shop: Shop) -> None:
    server.play("ollama_pull_ok.ndjson", path="/api/pull")
    begun = shop.pulls.start(OWNER, "ollama", MODEL)
    assert (begun.stage, begun.model_name) == (Stage.RUNNING, MODEL)
    done = shop.ended()
    assert (done.stage, done.fraction, done.error) == (Stage.DONE, 1.0, None)
    assert done.total_bytes == done.completed_bytes == 2142590208
    assert server.wait_for("/api/pull").json == {"model": MODEL, "stream": True}
    until(lambda: shop.came == 1)


def test_progress_is_per_file_and_in_all(server: ReplayServer, shop: Shop) -> None:
    server.on("/api/pull", stalled(server, {"status": "pulling manifest"}, layer(WEIGHTS, 60, 100), layer(SMALL, 10, 100)))
    shop.pulls.start(OWNER, "ollama", MODEL)
    until(lambda: len(shop.one().layers) == 2)
    pull = shop.one()
    assert [(part.digest, part.fraction) for part in pull.layers] == [(WEIGHTS, 0.6), (SMALL, 0.1)]
    assert (pull.completed_bytes, pull.total_bytes, pull.fraction) == (70, 200, 0.35)
    assert pull.stage is Stage.RUNNING


def test_cancel_ends_the_download_and_closes_the_connection(server: ReplayServer, shop: Shop) -> None:
    server.on("/api/pull", stalled(server, layer(WEIGHTS, 60, 100)))
    shop.pulls.start(OWNER, "ollama", MODEL)
    until(lambda: shop.one().layers)
    shop.pulls.cancel(OWNER, "ollama", MODEL)
    assert shop.one().stage is Stage.CANCELLED
    assert server.wait_for("/api/pull").client_left.wait(10)
    assert shop.one().completed_bytes == 60, "what came is still said"
    assert shop.came == 0
    shop.pulls.cancel(OWNER, "ollama", MODEL)
    assert shop.one().stage is Stage.CANCELLED


def test_a_cancelled_download_goes_on_where_it_was(server: ReplayServer, shop: Shop) -> None:
    end = ndjson_reply(layer(WEIGHTS, 60, 100), layer(WEIGHTS, 100, 100), {"status": "success"})
    server.on("/api/pull", stalled(server, layer(WEIGHTS, 60, 100)), end)
    shop.pulls.start(OWNER, "ollama", MODEL)
    until(lambda: shop.one().layers)
    shop.pulls.cancel(OWNER, "ollama", MODEL)
    shop.pulls.start(OWNER, "ollama", MODEL)
    assert shop.ended().stage is Stage.DONE
    assert len(server.asked("/api/pull")) == 2


def test_a_cancel_at_once_leaves_nothing_behind(server: ReplayServer, shop: Shop) -> None:
    server.on("/api/pull", stalled(server, layer(WEIGHTS, 60, 100)))
    for _ in range(20):
        shop.pulls.start(OWNER, "ollama", MODEL)
        shop.pulls.cancel(OWNER, "ollama", MODEL)
    assert shop.one().stage is Stage.CANCELLED


def test_a_second_start_joins_the_first_however_the_name_is_written(server: ReplayServer, shop: Shop) -> None:
    server.on("/api/pull", stalled(server, layer(WEIGHTS, 60, 100)))
    shop.pulls.start(OWNER, "ollama", "llama3.2")
    until(lambda: shop.one().layers)
    for name in ("llama3.2:latest", "library/llama3.2", "ollama pull llama3.2", "https://ollama.com/library/llama3.2", "Llama3.2"):
        joined = shop.pulls.start(OWNER, "ollama", name)
        assert joined.completed_bytes == 60
    assert len(server.asked("/api/pull")) == 1


def test_two_models_come_beside_each_other(server: ReplayServer, shop: Shop) -> None:
    server.on("/api/pull", stalled(server, layer(WEIGHTS, 60, 100)))
    shop.pulls.start(OWNER, "ollama", "llama3.2:3b")
    shop.pulls.start(OWNER, "ollama", "qwen3:8b")
    assert [pull.model_name for pull in shop.pulls.now(OWNER)] == ["llama3.2:3b", "qwen3:8b"]
    server.wait_for("/api/pull", 2)


def test_a_model_that_is_nowhere_is_named_with_the_one_that_was_meant(server: ReplayServer, shop: Shop) -> None:
    server.play("ollama_pull_error.ndjson", path="/api/pull")
    shop.pulls.start(OWNER, "ollama", "lama3.2:3b")
    failed = shop.ended()
    assert failed.stage is Stage.FAILED
    assert isinstance(failed.error, NotFound)
    assert failed.error.message == "There is no model called lama3.2:3b to download."
    assert failed.error.hint == "Did you mean llama3.2:3b?"
    assert shop.came == 0


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (ndjson_reply({"error": "write /models/blobs/x: no space left on device"}), "The disk of the model server is full"),
        (replace(ndjson_reply(layer(WEIGHTS, 60, 100)), cut_at=100, reset=True), "The connection was lost"),
        (ndjson_reply(layer(WEIGHTS, 60, 100)), "The connection was lost"),
        (
            ndjson_reply({"error": 'pull model manifest: Get "https://registry.ollama.ai/v2/": dial tcp: lookup: no such host'}),
            "Ollama cannot reach its upstream",
        ),
    ],
)
def test_what_is_there_is_kept_when_a_download_breaks_off(server: ReplayServer, shop: Shop, reply: Reply, message: str) -> None:
    server.on("/api/pull", reply)
    shop.pulls.start(OWNER, "ollama", MODEL)
    failed = shop.ended()
    assert failed.stage is Stage.FAILED
    assert failed.error is not None
    assert failed.error.message.startswith(message)
    assert failed.error.hint.endswith("What was downloaded is kept: download it again to go on from there.")


@pytest.mark.parametrize("pull_idle_s", [0.2])
def test_a_server_that_falls_silent_is_given_up(server: ReplayServer, shop: Shop) -> None:
    server.on("/api/pull", stalled(server, layer(WEIGHTS, 60, 100)))
    shop.pulls.start(OWNER, "ollama", MODEL)
    failed = shop.ended()
    assert failed.error is not None
    assert failed.error.message == f"Nothing came of {MODEL} any more."


def test_the_end_of_the_process_ends_its_downloads(server: ReplayServer, shop: Shop) -> None:
    server.on("/api/pull", stalled(server, layer(WEIGHTS, 60, 100)))
    shop.pulls.start(OWNER, "ollama", MODEL)
    asked = server.wait_for("/api/pull")
    shop.pulls.close()
    assert asked.client_left.wait(10)


def test_ended_ones_are_put_away_and_running_ones_are_not(server: ReplayServer, shop: Shop) -> None:
    server.on("/api/pull", stalled(server, layer(WEIGHTS, 60, 100)))
    shop.pulls.start(OWNER, "ollama", MODEL)
    with pytest.raises(Conflict):
        shop.pulls.put_away(OWNER, "ollama", MODEL)
    shop.pulls.cancel(OWNER, "ollama", MODEL)
    shop.pulls.put_away(OWNER, "ollama", MODEL)
    assert shop.pulls.now(OWNER) == ()
    with pytest.raises(NotFound):
        shop.pulls.cancel(OWNER, "ollama", MODEL)


def test_only_the_owner_downloads_and_everybody_sees_it(db: Database, server: ReplayServer, shop: Shop) -> None:
    bob = make_viewer(db, "Bob")
    server.on("/api/pull", stalled(server, layer(WEIGHTS, 60, 100)))
    with pytest.raises(Denied):
        shop.pulls.start(bob, "ollama", MODEL)
    assert not server.asked("/api/pull")
    shop.pulls.start(OWNER, "ollama", MODEL)
    for refused in (shop.pulls.start, shop.pulls.cancel, shop.pulls.put_away):
        with pytest.raises(Denied):
            refused(bob, "ollama", MODEL)
    assert [pull.stage for pull in shop.pulls.now(bob)] == [Stage.RUNNING]


def test_only_servers_whose_models_can_be_changed_take_downloads(shop: Shop) -> None:
    with pytest.raises(Invalid, match="cannot be changed from here"):
        shop.pulls.start(OWNER, "guide", MODEL)
    with pytest.raises(NotFound):
        shop.pulls.start(OWNER, "nothing", MODEL)


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (" llama3.2:3b ", "llama3.2:3b"),
        ("ollama run qwen3:8b", "qwen3:8b"),
        ("$ ollama pull qwen3:8b", "qwen3:8b"),
        ("https://ollama.com/library/gemma3:4b", "gemma3:4b"),
        ("https://ollama.com/someone/model", "someone/model"),
        ("hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M", "hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M"),
        ("https://hf.co/owner/model", "hf.co/owner/model"),
        ("registry.example:5000/team/model:1.0", "registry.example:5000/team/model:1.0"),
    ],
)
def test_a_name_is_taken_from_what_people_copy(written: str, name: str) -> None:
    assert clean_name(written) == name


@pytest.mark.parametrize("written", ["", "  ", "two words", "../etc", "a//b", "a:b:c", "x" * 400, "m\x00", "модель", ":3b", "a/b/c/d"])
def test_what_is_no_name_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(Invalid) as caught:
        clean_name(written)
    assert "qwen3:8b" in caught.value.hint


# --- the rate ----------------------------------------------------------------------------------------------------


def test_the_rate_counts_what_came_now_and_not_what_was_there() -> None:
    at = [0.0]
    download = Download(Pull("ollama", MODEL, NOW), lambda: at[0])
    download.take(PullProgress("pulling", WEIGHTS, 5_000, 10_000))
    assert download.shown().bytes_per_s is None, "a rate of no time is none"
    at[0] = 1.0
    download.take(PullProgress("pulling", WEIGHTS, 5_100, 10_000))
    assert download.shown().bytes_per_s == pytest.approx(100.0)
    assert download.shown().seconds_left == pytest.approx(49.0)
    at[0] = 3.0
    assert download.shown().bytes_per_s == pytest.approx(100 / 3), "it falls while nothing comes"


def test_the_rate_is_that_of_the_last_seconds() -> None:
    at = [0.0]
    download = Download(Pull("ollama", MODEL, NOW), lambda: at[0])
    for second in range(61):
        at[0] = float(second)
        download.take(PullProgress("pulling", WEIGHTS, second * 10 if second <= 50 else 500 + (second - 50) * 1000, 1_000_000))
    assert download.shown().bytes_per_s == pytest.approx(1000.0)
    assert len(download.samples) <= WINDOW_S + 3


def test_a_part_that_is_tried_again_does_not_go_back() -> None:
    download = Download(Pull("ollama", MODEL, NOW), lambda: 0.0)
    for completed in (0, 50, 40, 60, 999):
        download.take(PullProgress("pulling", WEIGHTS, completed, 100))
    assert (download.shown().completed_bytes, download.received_bytes) == (100, 100)


def test_what_helps_with_an_answer_is_not_said_of_a_download() -> None:
    refused = explained(ProviderError("Sign in needed.", "Check the API key.", code=ErrorCode.AUTH, retryable=False), MODEL)
    assert (refused.message, refused.hint) == ("Sign in needed.", "Check the API key.")
