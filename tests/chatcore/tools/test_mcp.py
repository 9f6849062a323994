"""MCP servers, as real processes over both transports: what they can do to us, and what they cannot."""

import asyncio
import json
import socket
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatcore.errors import Invalid
from chatcore.parts import Policy, Viewer
from chatcore.tools.base import Context, Tool, ToolFailed, cut_result
from chatcore.tools.mcp import McpServer
from chatcore.tools.mcp_config import ServerConfig, read_config
from chatcore.tools.toolbox import Toolbox, default_policy

SCRIPT = Path(__file__).with_name("servers.py")
HERE = Context(Viewer("ada", "Ada"), uuid.UUID(int=1), datetime(2026, 3, 14, tzinfo=UTC))
LIMIT_S = 20.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def listening(port: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def started(port: int) -> asyncio.subprocess.Process:
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(sys.executable, str(SCRIPT), "http", str(port), stdout=null, stderr=null)
    await listening(port)
    return process


@asynccontextmanager
async def http_config() -> AsyncIterator[ServerConfig]:
    port = free_port()
    process = await started(port)
    try:
        yield ServerConfig("shelf", url=f"http://127.0.0.1:{port}/mcp")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def connected(transport: str, **more: object) -> AsyncIterator[McpServer]:
    """A server of the transport, connected."""
    async with asyncio.timeout(LIMIT_S * 2):
        if transport == "stdio":
            server = McpServer(stdio(), first_pause_s=0.05)
            await server.ready()
            try:
                yield server
            finally:
                await server.close()
            return
        async with http_config() as config:
            server = McpServer(config, first_pause_s=0.05)
            await server.ready()
            try:
                yield server
            finally:
                await server.close()


def stdio(**env: str) -> ServerConfig:
    return ServerConfig("shelf", command=sys.executable, args=(str(SCRIPT), "stdio"), env=env)


def tool(server: McpServer, name: str) -> Tool:
    return next(tool for tool in server.tools if tool.name == f"shelf__{name}")


both = pytest.mark.parametrize("transport", ["stdio", "http"])


@both
async def test_the_tools_of_a_server_can_be_called_whatever_they_answer(transport: str) -> None:
    async with connected(transport) as server:
        assert server.state.connected
        assert await tool(server, "add").run({"a": 2, "b": 3}, HERE) == "5"
        assert await tool(server, "write_note").run({"text": "tea"}, HERE) == "Noted: tea"
        # The hint decides what may run without asking.
        assert default_policy(tool(server, "add")) is Policy.ALLOW
        assert default_policy(tool(server, "write_note")) is Policy.ASK
        assert tool(server, "add").schema["required"] == ["a", "b"]
        # What comes is bounded, and text.
        flood = await tool(server, "flood").run({}, HERE)
        assert len(cut_result(flood)) < 17_000
        assert await tool(server, "picture").run({}, HERE) == "here it is\n[image/png, 1,000 bytes: not a text, so it is not shown]"
        with pytest.raises(ToolFailed, match="fail"):
            await tool(server, "fail").run({}, HERE)
        # A call that hangs can be left, and the server still answers.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await tool(server, "hang").run({}, HERE)
        assert await tool(server, "add").run({"a": 1, "b": 1}, HERE) == "2"


async def test_a_process_that_dies_in_mid_call_is_told_and_started_again() -> None:
    async with connected("stdio") as server:
        with pytest.raises(ToolFailed, match="The MCP server shelf ended before it answered"):
            await tool(server, "die").run({}, HERE)
        await server.ready()
        assert await tool(server, "add").run({"a": 1, "b": 1}, HERE) == "2"


async def test_a_server_that_dies_in_mid_call_is_told_and_connected_again_when_it_is_back() -> None:
    async with asyncio.timeout(LIMIT_S * 2):
        port = free_port()
        process = await started(port)
        server = McpServer(ServerConfig("shelf", url=f"http://127.0.0.1:{port}/mcp"), first_pause_s=0.05)
        try:
            await server.ready()
            with pytest.raises(ToolFailed, match="shelf"):
                await tool(server, "die").run({}, HERE)
            await process.wait()
            with pytest.raises(ToolFailed, match="shelf"):
                await tool(server, "add").run({"a": 1, "b": 1}, HERE)
            process = await started(port)
            while not server.state.connected:
                await asyncio.sleep(0.05)
            assert await tool(server, "add").run({"a": 1, "b": 1}, HERE) == "2"
        finally:
            await server.close()
            if process.returncode is None:
                process.kill()
            await process.wait()


async def test_a_process_is_given_only_the_environment_it_is_configured_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "secret")
    server = McpServer(stdio(SHELF_KEY="mine"))
    try:
        await server.ready()
        assert await tool(server, "variable").run({"name": "OLLAMA_API_KEY"}, HERE) == "not set"
        assert await tool(server, "variable").run({"name": "SHELF_KEY"}, HERE) == "mine"
    finally:
        await server.close()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (ServerConfig("shelf", command="/nowhere/at-all"), "The command /nowhere/at-all is not there."),
        (ServerConfig("shelf", command=sys.executable, args=("-c", "pass")), "It ended as soon as it was started"),
        (ServerConfig("shelf", url="http://127.0.0.1:9/mcp"), "Nobody answers at http://127.0.0.1:9/mcp."),
    ],
)
async def test_a_server_that_cannot_be_connected_says_why(config: ServerConfig, said: str) -> None:
    server = McpServer(config)
    box = Toolbox((), (server,))
    try:
        assert await box.find() == {}
        (state,) = box.servers()
        assert not state.connected
        assert said in str(state.error)
    finally:
        await box.close()


def test_the_configuration_is_the_usual_one(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    rows = {
        "files": {"command": "npx", "args": ["-y", "server"], "env": {"KEY": "${FILES_KEY}"}},
        "far": {"url": "https://example.org/mcp", "headers": {"Authorization": "Bearer ${FAR_KEY}"}},
        "off": {"command": "x", "disabled": True},
    }
    path.write_text(json.dumps({"mcpServers": rows}))
    files, far = read_config(str(path), {"FILES_KEY": "k", "FAR_KEY": "s"})
    assert (files.command, files.args, files.env) == ("npx", ("-y", "server"), {"KEY": "k"})
    assert (far.url, far.headers) == ("https://example.org/mcp", {"Authorization": "Bearer s"})
    assert "Bearer" not in repr(far)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "has no object 'mcpServers'"),
        ('{"mcpServers": {"a b": {"command": "x"}}}', "has a name that tools cannot carry"),
        ('{"mcpServers": {"a": {}}}', "needs either 'command' or 'url'"),
        ('{"mcpServers": {"a": {"url": "file:///x"}}}', "is not a web address"),
        ('{"mcpServers": {"a": {"command": "x", "args": "y"}}}', "is not a list of texts"),
        ('{"mcpServers": {"a": {"command": "x", "env": {"K": "${NOT_SET}"}}}}', "names the variable NOT_SET, which is not set"),
    ],
)
def test_a_configuration_that_cannot_be_used_says_why(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(text)
    with pytest.raises(Invalid, match=said):
        read_config(str(path), {})
    with pytest.raises(Invalid, match="cannot be read"):
        read_config(str(tmp_path / "none.json"), {})
