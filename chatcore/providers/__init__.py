"""Where models come from: one file per model server, all named in one tuple.

To add a sibling copy `ollama.py`, write its factory below and add it to PROVIDERS; docs/providers.md says the rest.
"""

import asyncio
from collections.abc import Callable

from chatcore.errors import ProviderError
from chatcore.providers.base import Provider
from chatcore.settings import Settings


def _guide(_settings: Settings, others: dict[str, Provider]) -> tuple[Provider, ...]:
    from chatcore.providers.guide import Guide, ServerState

    async def state(provider: Provider) -> ServerState:
        health = await provider.health()
        try:
            models = await provider.models() if health.reachable else None
        except ProviderError:
            models = None
        return ServerState(provider.label, health, models)

    async def look() -> tuple[ServerState, ...]:
        return tuple(await asyncio.gather(*(state(provider) for provider in others.values() if provider.name != Guide.name)))

    return (Guide(look),)


def _ollama(settings: Settings, _others: dict[str, Provider]) -> tuple[Provider, ...]:
    # Its client costs 0.4 s of CPU to import: who only needs the values and errors of a provider does not pay for it.
    from chatcore.providers.ollama_address import parse_address

    parse_address(settings.ollama_host)
    from chatcore.providers.ollama import Ollama

    return (Ollama(settings),)


def _openai(settings: Settings, _others: dict[str, Provider]) -> tuple[Provider, ...]:
    from chatcore.providers.openai import OpenAI

    return tuple(OpenAI(endpoint, settings.timeouts) for endpoint in settings.endpoints)


Factory = Callable[[Settings, dict[str, Provider]], tuple[Provider, ...]]

# The kinds, in the order of the model list. A factory gets the registry that is being filled, to look at the others later, and
# makes one provider, or one for each endpoint that is configured.
PROVIDERS: tuple[tuple[str, Factory], ...] = (("guide", _guide), ("ollama", _ollama), ("openai", _openai))


def open_providers(settings: Settings) -> dict[str, Provider]:
    """Every provider by its name, guide first. Nothing is connected yet. Raises Invalid for an address that is none."""
    opened: dict[str, Provider] = {}
    for _, factory in PROVIDERS:
        for provider in factory(settings, opened):
            opened[provider.name] = provider
    return opened
