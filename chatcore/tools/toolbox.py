"""All tools of this installation: the built-in ones, and those of the servers that are configured."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass

from chatcore.parts import Policy
from chatcore.tools.base import ServerState, Tool, ToolServer

# How long an answer waits for servers that are not connected yet; it then goes without theirs.
CONNECT_S = 10.0


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """A tool as people see it in a list, with the policy it has as long as nobody said otherwise."""

    name: str
    description: str
    source: str
    read_only: bool
    policy: Policy


class Toolbox:
    """The tools by name. `find` and `close` belong to the Runner's event loop; the rest may be called from any thread."""

    def __init__(self, tools: Sequence[Tool] = (), servers: Sequence[ToolServer] = ()) -> None:
        self._built_in = tuple(tools)
        self._servers = tuple(servers)
        self._tasks: set[asyncio.Task[None]] = set()

    def known(self) -> dict[str, Tool]:
        """The tools that are known now, by name; a built-in one is never hidden by a server's."""
        found = {tool.name: tool for tool in self._built_in}
        for server in self._servers:
            for tool in server.tools:
                found.setdefault(tool.name, tool)
        return found

    def infos(self) -> tuple[ToolInfo, ...]:
        """The same for people, in the order of the registry."""
        return tuple(
            ToolInfo(tool.name, tool.description, tool.source, tool.read_only, default_policy(tool)) for tool in self.known().values()
        )

    def servers(self) -> tuple[ServerState, ...]:
        """How the servers of tools are."""
        return tuple(server.state for server in self._servers)

    @property
    def waits(self) -> bool:
        """Whether a server is not connected yet."""
        return any(not server.state.connected for server in self._servers)

    async def find(self, limit_s: float = CONNECT_S) -> dict[str, Tool]:
        """The tools, by name; servers that are not connected are waited for, for so long at most."""
        waiting = [self._keep(server.ready()) for server in self._servers if not server.state.connected]
        if waiting:
            await asyncio.wait(waiting, timeout=limit_s)
        return self.known()

    async def close(self) -> None:
        """Ends the servers."""
        await asyncio.gather(*(server.close() for server in self._servers), return_exceptions=True)

    def _keep(self, coroutine: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """A task that goes on when nobody waits for it any more."""
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def default_policy(tool: Tool) -> Policy:
    """What changes nothing may run; about everything else a person is asked."""
    return Policy.ALLOW if tool.read_only else Policy.ASK
