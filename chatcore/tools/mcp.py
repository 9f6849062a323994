"""Tools that other programs offer over the Model Context Protocol, through its own SDK.

Each server has one owner task, because the SDK's connection must be left in the task that entered it. What a server says
is text of a stranger: it is cut, never run and never decides what may run.
"""

import asyncio
import json
import logging
import re
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack

from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
)
from mcp.types import Tool as Offered

from chatcore.texts import storable
from chatcore.tools.base import Context, Json, ServerState, Tool, ToolFailed
from chatcore.tools.mcp_config import ServerConfig

log = logging.getLogger(__name__)

CONNECT_S = 10.0
CLOSE_S = 3.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
# Models lose their way among more; a server that lists without end must not fill the memory.
MOST_TOOLS = 128
MOST_PAGES = 20
LONGEST_NAME = 64
LONGEST_DESCRIPTION = 1000
NOT_A_NAME = re.compile(r"[^A-Za-z0-9_-]")


class McpServer:
    """One server of the configuration. It is connected when its tools are first asked for, and again when it was lost."""

    def __init__(self, config: ServerConfig, *, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self.name = config.name
        self._config = config
        self._first_pause_s = first_pause_s
        self._owner: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._lost = asyncio.Event()
        self._client: Client | None = None
        self._tools: tuple[Tool, ...] = ()
        self._error: str | None = None

    @property
    def state(self) -> ServerState:
        """How it is now."""
        return ServerState(self.name, self._client is not None, len(self._tools), self._error)

    @property
    def tools(self) -> Sequence[Tool]:
        """Its tools as they were last known."""
        return self._tools

    async def ready(self) -> None:
        """Connects at the first call; returns when it is connected or when a try has failed."""
        if self._owner is None or self._owner.done():
            self._tried.clear()
            self._owner = asyncio.create_task(self._own(), name=f"chatcore-mcp-{self.name}")
        await self._tried.wait()

    async def close(self) -> None:
        """Leaves the server; a process that was started for it ends."""
        if self._owner is not None:
            self._owner.cancel()
            await asyncio.wait({self._owner}, timeout=CLOSE_S)

    async def call(self, name: str, arguments: Json) -> str:
        """What a tool of the server answers. Raises ToolFailed, also when the server is gone or dies."""
        if self._client is None:
            # It may just be coming back.
            await self.ready()
        client, lost = self._client, self._lost
        if client is None:
            raise ToolFailed(f"The MCP server {self.name} is not connected. {self._error or ''}".strip())
        calling = asyncio.ensure_future(client.call_tool(name, arguments))
        losing = asyncio.ensure_future(lost.wait())
        try:
            await asyncio.wait({calling, losing}, return_when=asyncio.FIRST_COMPLETED)
            if not calling.done():
                raise ToolFailed(self._ended())
            return text_of(calling.result())
        except MCPError as error:
            if str(error.message) == "Connection closed":
                self._drop(client)
                raise ToolFailed(self._ended()) from error
            raise ToolFailed(f"The MCP server {self.name} refused the call: {str(error.message)[:500]}") from error
        except asyncio.CancelledError:
            if calling.cancelled() and not lost.is_set() and self._client is not client:
                raise ToolFailed(self._ended()) from None
            raise
        finally:
            calling.cancel()
            losing.cancel()

    def _drop(self, client: Client) -> None:
        """Gives a connection up that has turned out to be closed: the owner makes a new one."""
        if self._client is client:
            self._client = None
            self._tried.clear()
            self._lost.set()

    def _ended(self) -> str:
        return f"The MCP server {self.name} ended before it answered. It will be connected again; try once more."

    # --- the owner task ------------------------------------------------------------------------------------------

    async def _own(self) -> None:
        """Connects, stays until the connection is lost, and connects again, with longer and longer pauses where that fails."""
        pause_s = self._first_pause_s
        while True:
            self._lost = asyncio.Event()
            connected = False
            try:
                async with AsyncExitStack() as stack, asyncio.timeout(CONNECT_S) as limit:
                    client = await self._connected(stack)
                    self._tools = tuple(map(self._tool, await offered(client)))
                    limit.reschedule(None)
                    self._client, self._error, connected = client, None, True
                    self._tried.set()
                    log.info("MCP server %s is connected and offers %d tools", self.name, len(self._tools))
                    await self._lost.wait()
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001  # the edge: the SDK raises groups of anything
                said = self._sentence(error)
                # Once: it is tried again and again.
                log.log(logging.DEBUG if said == self._error else logging.WARNING, "MCP server %s: %s", self.name, said)
                self._error = said
            finally:
                self._client = None
                self._lost.set()
                if connected:
                    self._tried.clear()
            if connected:
                pause_s = self._first_pause_s
            else:
                self._tried.set()
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _connected(self, stack: AsyncExitStack) -> Client:
        """A client that the stack leaves again."""
        config = self._config
        if config.url is not None:
            http = await stack.enter_async_context(create_mcp_http_client(headers=config.headers or None))
            return await stack.enter_async_context(Client(streamable_http_client(config.url, http_client=http)))
        # The child gets only what the SDK deems harmless of our environment, and what the configuration names.
        parameters = StdioServerParameters(command=config.command or "", args=list(config.args), env=config.env or None, cwd=config.cwd)
        return await stack.enter_async_context(Client(stdio_client(parameters, errlog=sys.__stderr__ or sys.stderr)))

    def _tool(self, tool: Offered) -> Tool:
        return McpTool(self, tool)

    def _sentence(self, error: BaseException) -> str:
        """What went wrong with the connection, for people."""
        cause = innermost(error)
        where = self._config.url or self._config.command
        if isinstance(cause, FileNotFoundError):
            return f"The command {where} is not there."
        if isinstance(cause, TimeoutError):
            return f"It did not answer in {CONNECT_S:g} s."
        if type(cause).__name__ in ("ConnectError", "ConnectTimeout"):
            return f"Nobody answers at {where}."
        if isinstance(cause, MCPError) and str(cause.message) == "Connection closed":
            return "It ended as soon as it was started; its own messages are in the log."
        return storable(f"It cannot be connected: {str(cause) or type(cause).__name__}")[:300]


class McpTool:
    """A tool of a server, named after both."""

    def __init__(self, server: McpServer, offered: Offered) -> None:
        self._server = server
        self._own_name = offered.name
        self.name = NOT_A_NAME.sub("_", f"{server.name}__{offered.name}")[:LONGEST_NAME]
        self.source = server.name
        self.description = storable(offered.description or offered.title or offered.name)[:LONGEST_DESCRIPTION]
        self.schema: Json = dict(offered.input_schema)
        self.read_only = offered.annotations is not None and offered.annotations.read_only_hint is True

    async def run(self, arguments: Json, context: Context) -> str:
        """Asks the server."""
        return await self._server.call(self._own_name, arguments)


async def offered(client: Client) -> list[Offered]:
    """The tools a server lists, on all its pages."""
    found: list[Offered] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if not cursor or len(found) >= MOST_TOOLS:
            break
    return found[:MOST_TOOLS]


def text_of(result: CallToolResult) -> str:
    """A result as text; what is none is replaced by a note. Raises ToolFailed for one that the server calls an error."""
    text = "\n".join(map(part_text, result.content))
    if not result.content and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False)
    if result.is_error:
        raise ToolFailed(text or "The tool failed and does not say why.")
    return text


def part_text(part: ContentBlock) -> str:
    """One part of a result."""
    match part:
        case TextContent():
            return part.text
        case ImageContent() | AudioContent():
            return binary_note(part.mime_type, part.data)
        case ResourceLink():
            return f"[a link: {part.uri}]"
        case EmbeddedResource():
            inside = part.resource
            return binary_note(inside.mime_type or "data", inside.blob) if isinstance(inside, BlobResourceContents) else inside.text


def binary_note(kind: str, encoded: str) -> str:
    """What stands in place of data that is no text."""
    size_bytes = len(encoded) * 3 // 4 - encoded[-2:].count("=")
    return f"[{kind[:80]}, {size_bytes:,} bytes: not a text, so it is not shown]"


def innermost(error: BaseException) -> BaseException:
    """The first real error in a group of groups."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error
