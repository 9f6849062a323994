"""What a model can ask for: one file per tool, all named in one tuple.

To add a sibling copy `clock.py`, write its factory below and add it to TOOLS; the contract test says the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chatcore.settings import Settings
from chatcore.tools.base import Search, Tool, ToolServer
from chatcore.tools.toolbox import Toolbox


@dataclass(frozen=True, slots=True)
class Services:
    """What the core does for tools, since these know no database."""

    search: Search


def _clock(_settings: Settings, _services: Services) -> Tool | None:
    from chatcore.tools.clock import Clock

    return Clock()


def _calculator(_settings: Settings, _services: Services) -> Tool | None:
    from chatcore.tools.calculator import Calculator

    return Calculator()


def _history(_settings: Settings, services: Services) -> Tool | None:
    from chatcore.tools.history import HistorySearch

    return HistorySearch(services.search)


def _fetch(settings: Settings, _services: Services) -> Tool | None:
    if not settings.fetch_allow.strip():
        return None
    # Its HTTP client takes 0.1 s to import.
    from chatcore.tools.fetch import Fetch, parse_allowed

    return Fetch(parse_allowed(settings.fetch_allow))


Factory = Callable[[Settings, Services], Tool | None]

# In the order people see them. A factory answers None for a tool that is switched off.
TOOLS: tuple[tuple[str, Factory], ...] = (
    ("current_time", _clock),
    ("calculator", _calculator),
    ("search_history", _history),
    ("fetch_url", _fetch),
)


def open_toolbox(settings: Settings, services: Services) -> Toolbox:
    """Every tool that is switched on. Nothing is connected yet. Raises Invalid for a setting that cannot be used."""
    tools = [tool for _, factory in TOOLS if (tool := factory(settings, services)) is not None]
    return Toolbox(tools, open_servers(settings))


def open_servers(settings: Settings) -> tuple[ToolServer, ...]:
    """The MCP servers of the configuration; none without one."""
    if settings.mcp_config is None:
        return ()
    from chatcore.tools.mcp_config import read_config

    configs = read_config(settings.mcp_config)
    if not configs:
        return ()
    # Here, because the SDK takes a second and 60 MB to load (measured).
    from chatcore.tools.mcp import McpServer

    return tuple(McpServer(config) for config in configs)
