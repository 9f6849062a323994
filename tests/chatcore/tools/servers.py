"""A real MCP server for the tests, over stdio or streamable HTTP:  python servers.py stdio | http PORT"""

import asyncio
import base64
import os
import sys

from mcp.server.mcpserver import MCPServer
from mcp.types import ImageContent, TextContent, ToolAnnotations

server = MCPServer("test server")
LOOKS = ToolAnnotations(read_only_hint=True)


@server.tool(annotations=LOOKS)
def add(a: int, b: int) -> str:
    """Adds two numbers."""
    return str(a + b)


@server.tool()
def write_note(text: str) -> str:
    """Writes a note; it changes something, so it has no hint."""
    return f"Noted: {text}"


@server.tool(annotations=LOOKS)
def variable(name: str) -> str:
    """Tells a variable of the server's environment."""
    return os.environ.get(name, "not set")


@server.tool(annotations=LOOKS)
async def hang() -> str:
    """Never answers."""
    await asyncio.sleep(3600)
    return "never"


@server.tool(annotations=LOOKS)
def flood() -> str:
    """Answers with 3 MB."""
    return "x" * 3_000_000


@server.tool(annotations=LOOKS)
def picture() -> list[TextContent | ImageContent]:
    """Answers with a picture."""
    data = base64.b64encode(b"\x89PNG" + bytes(996)).decode()
    return [TextContent(type="text", text="here it is"), ImageContent(type="image", data=data, mime_type="image/png")]


@server.tool(annotations=LOOKS)
def fail() -> str:
    """Fails."""
    raise ValueError("the shelf is empty")


@server.tool(annotations=LOOKS)
async def die() -> str:
    """Ends the server in the middle of the call."""
    os._exit(3)


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
