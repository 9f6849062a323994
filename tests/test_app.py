"""The front door with sign-in: who gets in is who Streamlit's own sign-in let in."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from chatcore.settings import ROOT
from tests.answers import until

CHATS = "/api/v1/chat/sessions"
SECRET = "a long random text that only this installation knows"
SECRETS = """
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "{secret}"
client_id = "chatcore"
client_secret = "x"
server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"
"""
ADA = {"iss": "https://login.example.org", "sub": "ada", "name": "Ada", "is_logged_in": True}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Installation:
    """A server of its own with the secrets in a home folder of its own."""

    home: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "subprocess.Popen[str]":
        env = {**os.environ, "HOME": str(self.home), "DATABASE_URL": f"sqlite:///{self.home / 'chatcore.db'}"}
        env["OLLAMA_HOST"] = "http://127.0.0.1:9"
        command = [sys.executable, "-m", "chatcore", "serve", "--port", str(self.port)]
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def keep_secrets(self, text: str) -> None:
        folder = self.home / ".streamlit"
        folder.mkdir()
        (folder / "secrets.toml").write_text(text)

    def cookie(self, claims: dict[str, object], *, secret: str = SECRET, origin: str = "") -> dict[str, str]:
        """The cookie that Streamlit sets after a sign-in."""
        value = json.dumps(claims | {"origin": origin or self.url})
        return {"_streamlit_user": create_signed_value(secret, "_streamlit_user", value).decode()}


def serving(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path, free_port())


@pytest.fixture
def signed(installation: Installation) -> Iterator[Installation]:
    """A running installation with sign-in."""
    installation.keep_secrets(SECRETS.format(port=installation.port, secret=SECRET))
    process = installation.start()
    try:
        with httpx.Client(base_url=installation.url, timeout=20, trust_env=False) as client:
            until(lambda: serving(client), limit_s=60)
        yield installation
    finally:
        process.terminate()
        process.communicate(timeout=30)


def status(installation: Installation, cookies: dict[str, str] | None = None, path: str = CHATS) -> int:
    with httpx.Client(base_url=installation.url, cookies=cookies, timeout=20, trust_env=False) as client:
        return client.get(path).status_code


def test_only_who_signed_in_gets_in(signed: Installation) -> None:
    forged = signed.cookie(ADA, secret="another secret that somebody guessed")
    elsewhere = signed.cookie(ADA, origin="https://other.example.org")
    half = signed.cookie({"iss": "https://login.example.org", "sub": "ada", "is_logged_in": False})
    assert status(signed, signed.cookie(ADA)) == 200
    assert [status(signed, cookies) for cookies in (None, forged, elsewhere, half, {"_streamlit_user": "x"})] == [401] * 5
    assert status(signed, signed.cookie({"name": "nobody", "is_logged_in": True})) == 403
    assert status(signed, path="/healthz") == 200


def test_two_people_see_their_own_chats(signed: Installation) -> None:
    with httpx.Client(base_url=signed.url, cookies=signed.cookie(ADA), timeout=20, trust_env=False) as ada:
        chat_id = ada.post(CHATS, json={"title": "Ada's"}).json()["chat"]["id"]
    bob = signed.cookie(ADA | {"sub": "bob", "name": "Bob"})
    assert status(signed, bob, f"{CHATS}/{chat_id}") == 404
    assert status(signed, signed.cookie(ADA), f"{CHATS}/{chat_id}") == 200


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        ('[auth\ncookie_secret = "x"', "secrets file cannot be read"),
        ('[auth]\ncookie_secret = "x"', "no redirect_uri"),
    ],
)
def test_a_sign_in_that_cannot_be_read_stops_the_start(installation: Installation, secrets: str, said: str) -> None:
    """Streamlit would start without it, and everybody would be the owner."""
    installation.keep_secrets(secrets)
    process = installation.start()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said in output
    assert "Traceback" not in output


OPENED = """
import asyncio, gc
from app import app, lifespan

async def main():
    async with lifespan(app):
        return gc.get_freeze_count() > len(gc.get_objects())

print(asyncio.run(main()))
"""


def test_garbage_is_not_looked_for_among_what_was_loaded_at_the_start(tmp_path: Path) -> None:
    env = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'chatcore.db'}", "OLLAMA_HOST": "http://127.0.0.1:9"}
    opened = subprocess.run([sys.executable, "-c", OPENED], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    assert opened.stdout.splitlines()[-1] == "True"


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="open files cannot be listed here")
def test_connections_do_not_wait_before_they_send_a_small_piece() -> None:
    from app import answer_at_once

    # As Streamlit opens it: without a protocol, so that asyncio does not do this by itself.
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        port.listen()
        answer_at_once()
        with socket.create_connection(port.getsockname()), port.accept()[0] as connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
