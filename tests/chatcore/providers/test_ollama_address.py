"""Where the server is, who gets the key, and what is said when nobody answers there."""

import base64
import os
import socket
import subprocess
import sys

import pytest

from chatcore.errors import Invalid
from chatcore.parts import ErrorCode
from chatcore.providers.ollama import Ollama
from chatcore.providers.ollama_errors import Explain
from chatcore.providers.ollama_wire import Wire, parse_address
from chatcore.settings import Settings, Timeouts
from tests.chatcore.providers.answers import answer, ollama_at
from tests.replay import ReplayServer, Reply, transcript


@pytest.mark.parametrize(
    ("raw", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("localhost", "http://localhost:11434"),
        ("10.0.0.7:8080", "http://10.0.0.7:8080"),
        ("http://box.lan", "http://box.lan:80"),
        ("HTTPS://box.lan/", "https://box.lan:443"),
        ("https://box.lan/ollama/", "https://box.lan:443/ollama"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("http://0.0.0.0:9999", "http://127.0.0.1:9999"),
        ("::1", "http://[::1]:11434"),
        ("::", "http://[::1]:11434"),
        ("[::1]:9999", "http://[::1]:9999"),
        ("http://[fd00::7]", "http://[fd00::7]:80"),
        ("fd00::7", "http://[fd00::7]:11434"),
        ("http://me:s%40cret@box.lan:11434", "http://box.lan:11434"),
        (":9999", "http://127.0.0.1:9999"),
    ],
)
def test_an_address_is_read_as_ollama_reads_it(raw: str, url: str) -> None:
    assert parse_address(raw).url == url


def test_user_and_password_are_kept_and_not_shown() -> None:
    address = parse_address("http://me:s%40cret@box.lan:11434")
    assert (address.user, address.password) == ("me", "s@cret")
    assert "cret" not in repr(address)


@pytest.mark.parametrize(
    "raw", ["http://box:port", "ftp://box", "http://box lan", "http://[::1", "http://box:99999", "http://a\x01b", "http://" + "\u00fc" * 80]
)
def test_what_is_no_address_is_refused_with_an_example(raw: str) -> None:
    with pytest.raises(Invalid) as caught:
        Ollama(Settings(database_url="", ollama_host=raw))
    assert "OLLAMA_HOST" in caught.value.message
    assert "http" in caught.value.hint


@pytest.mark.parametrize("raw", ["http://[::1", "http://a:99999", ":::::", "http://a\x01b"])
def test_a_wrong_address_in_the_environment_is_refused_with_a_sentence(raw: str) -> None:
    # In a process of its own, because Ollama's client reads the variable when it is imported.
    script = (
        "from chatcore.errors import Invalid\nfrom chatcore.providers import open_providers\nfrom chatcore.settings import Settings\n"
        "try:\n    open_providers(Settings.from_env())\nexcept Invalid as error:\n    print(error.message)"
    )
    run = subprocess.run([sys.executable, "-c", script], env=os.environ | {"OLLAMA_HOST": raw}, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("OLLAMA_HOST is not an address")


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("https://ollama.com", True),
        ("https://models.example.org", True),
        ("http://ollama.com", False),
        ("http://models.example.org", False),
        ("http://127.0.0.1:11434", False),
        ("", False),
    ],
)
async def test_the_key_is_sent_over_https_only(host: str, sent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    # The client reads this variable by itself and would send it anywhere.
    monkeypatch.setenv("OLLAMA_API_KEY", "from-environment")
    wire = Wire(parse_address(host), Timeouts(), "given")
    assert wire._client.headers.get("authorization") == ("Bearer given" if sent else None)
    await wire.close()  # type: ignore[no-untyped-call]  # the client has no annotation there


async def test_no_key_reaches_a_server_in_clear_text(server: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "from-environment")
    server.play("ollama_chat_basic.ndjson")
    async with ollama_at(server.url, key="given") as ollama:
        await answer(ollama)
        await ollama.models()
    assert len(server.requests) == 3
    assert not any("authorization" in request.headers for request in server.requests)


async def test_user_and_password_reach_the_server(server: ReplayServer) -> None:
    server.play("ollama_chat_basic.ndjson")
    async with ollama_at(server.url.replace("//", "//me:s%40cret@")) as ollama:
        assert (await answer(ollama)).text == "Hello! How can I help?"
        assert "cret" not in str(await ollama.health())
    basic = base64.b64encode(b"me:s@cret").decode()
    assert server.asked("/api/chat")[0].headers["authorization"] == f"Basic {basic}"


async def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(server: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with ollama_at(server.url) as ollama:
        assert (await ollama.health()).reachable


async def test_a_server_behind_a_path_is_asked_there(server: ReplayServer) -> None:
    server.on("/models/api/chat", transcript("ollama_chat_basic.ndjson"))
    async with ollama_at(f"{server.url}/models/") as ollama:
        assert (await answer(ollama)).text == "Hello! How can I help?"


async def test_a_redirected_stream_is_followed(server: ReplayServer) -> None:
    moved = Reply(b"", 307, headers=(("Location", "/new/api/chat"),), framing="length")
    server.on("/api/chat", moved)
    server.on("/new/api/chat", transcript("ollama_chat_basic.ndjson"))
    async with ollama_at(server.url) as ollama:
        assert (await answer(ollama)).text == "Hello! How can I help?"


async def test_redirects_without_end_are_a_bad_response(server: ReplayServer) -> None:
    server.on("/api/chat", Reply(b"", 307, headers=(("Location", "/api/chat"),), framing="length"))
    async with ollama_at(server.url) as ollama:
        assert (await answer(ollama)).failed.code is ErrorCode.BAD_RESPONSE


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def test_a_server_that_is_not_there_is_told_with_the_next_step(free_port: int) -> None:
    async with ollama_at(f"127.0.0.1:{free_port}") as ollama:
        failed = (await answer(ollama)).failed
        health = await ollama.health()
    assert failed.code is ErrorCode.UNREACHABLE
    assert failed.retryable
    assert failed.message == f"Cannot reach Ollama at http://127.0.0.1:{free_port}. Is the server running?"
    assert "`ollama serve`" in failed.hint
    assert not health.reachable
    assert (health.error, health.hint) == (failed.message, failed.hint)


@pytest.mark.parametrize(
    ("host", "step"),
    [("http://127.0.0.1", "Add the port"), ("127.0.0.1", "Start it with `ollama serve`"), ("10.0.0.7", "check OLLAMA_HOST here")],
)
def test_the_next_step_fits_the_address(host: str, step: str) -> None:
    assert step in Explain(parse_address(host), Timeouts()).unreachable().hint
