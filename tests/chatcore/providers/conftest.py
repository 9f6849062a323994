"""A replay server, and providers that talk to it without ever waiting for long."""

from collections.abc import AsyncIterator, Iterator

import pytest

from chatcore.providers.ollama import Ollama
from chatcore.providers.openai import OpenAI
from tests.chatcore.providers.answers import ollama_at, openai_at
from tests.replay import ReplayServer


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    """A model server on loopback."""
    with ReplayServer() as running:
        yield running


@pytest.fixture
async def ollama(server: ReplayServer) -> AsyncIterator[Ollama]:
    """The provider of that server; it tries again at once."""
    async with ollama_at(server.url) as provider:
        yield provider


@pytest.fixture
async def lab(server: ReplayServer) -> AsyncIterator[OpenAI]:
    """The same server as an endpoint that speaks OpenAI's interface."""
    async with openai_at(server.url) as provider:
        yield provider
