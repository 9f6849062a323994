"""The file that names MCP servers, in the form every MCP client reads: {"mcpServers": {name: {command, args, env} or {url, headers}}}.

Only who runs this installation writes it: a command in it is run as this process.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from chatcore.errors import Invalid

NAME = re.compile(r"[A-Za-z0-9_-]{1,24}")
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
HINT = 'Write {"mcpServers": {"name": {"command": "...", "args": [], "env": {}}}}, or {"url": "https://...", "headers": {}} in it.'


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """An MCP server: a command to run, or the address where one listens."""

    name: str
    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict, repr=False)
    cwd: str | None = None
    url: str | None = None
    headers: dict[str, str] = field(default_factory=dict, repr=False)


def read_config(path: str, env: Mapping[str, str] = os.environ) -> tuple[ServerConfig, ...]:
    """The servers of the file, in its order; those that say "disabled": true are left out. Raises Invalid.

    ${NAME} in env and headers is the variable NAME of our environment, so that secrets need not stand in the file.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise Invalid(
            f"CHATCORE_MCP_CONFIG names {path}, which cannot be read: {error.strerror}.", "Correct the path, or unset it."
        ) from error
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{path} is not JSON: {error}.", HINT) from error
    servers = found.get("mcpServers") if isinstance(found, dict) else None
    if not isinstance(servers, dict):
        raise Invalid(f"{path} has no object 'mcpServers'.", HINT)
    return tuple(server(name, row, env) for name, row in servers.items() if not (isinstance(row, dict) and row.get("disabled") is True))


def server(name: str, row: object, env: Mapping[str, str]) -> ServerConfig:
    """One server. Raises Invalid naming what is wrong with it."""
    if not NAME.fullmatch(name):
        raise Invalid(f"The MCP server {name[:60]!r} has a name that tools cannot carry.", "Use 1 to 24 letters, digits, _ and -.")
    if not isinstance(row, dict):
        raise Invalid(f"The MCP server {name} is not an object.", HINT)
    command, url = row.get("command"), row.get("url")
    if isinstance(command, str) == isinstance(url, str):
        raise Invalid(f"The MCP server {name} needs either 'command' or 'url'.", HINT)
    if isinstance(url, str) and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise Invalid(f"The 'url' of the MCP server {name} is not a web address.", "Write one such as http://127.0.0.1:8000/mcp.")
    args, cwd = row.get("args", []), row.get("cwd")
    if not isinstance(args, list) or not all(isinstance(item, str) for item in args):
        raise Invalid(f"'args' of the MCP server {name} is not a list of texts.", HINT)
    return ServerConfig(
        name,
        command=command if isinstance(command, str) else None,
        args=tuple(args),
        env=texts(name, "env", row.get("env"), env),
        cwd=cwd if isinstance(cwd, str) else None,
        url=url if isinstance(url, str) else None,
        headers=texts(name, "headers", row.get("headers"), env),
    )


def texts(name: str, what: str, found: object, env: Mapping[str, str]) -> dict[str, str]:
    """Names and values, the variables in the values filled in. Raises Invalid."""
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Invalid(f"{what!r} of the MCP server {name} does not map names to texts.", HINT)

    def value_of(match: re.Match[str]) -> str:
        if match.group(1) not in env:
            raise Invalid(
                f"{what!r} of the MCP server {name} names the variable {match.group(1)}, which is not set.", "Set it, then start again."
            )
        return env[match.group(1)]

    return {key: VARIABLE.sub(value_of, value) for key, value in found.items()}
