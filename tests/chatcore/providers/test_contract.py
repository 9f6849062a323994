"""What every provider keeps to, for each sibling in the registry. A new one needs an entry in STAGES."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import pytest

from chatcore.endpoints import Endpoint
from chatcore.errors import ProviderError
from chatcore.parts import ChatRequest, ErrorCode, Health, ModelInfo, TextDelta, Turn
from chatcore.providers import PROVIDERS, open_providers
from chatcore.providers.base import Provider
from chatcore.settings import Settings
from tests.chatcore.providers.answers import CHAT, MODELS, Message, answer
from tests.replay import TRANSCRIPTS, WAIT_S, ReplayServer, index, ndjson_reply, sse_reply, transcript


@dataclass(frozen=True)
class Stage:
    """How a provider is brought to answer at length, to fail in the middle and not to end; `script` tells its server, if it has one."""

    model: str
    missing_model: str
    long_prompt: str
    failing_prompt: str
    hanging_prompt: str
    script: Callable[[ReplayServer, str], None] | None = None

    @property
    def has_server(self) -> bool:
        """Whether there is something that can be unreachable."""
        return self.script is not None


def ollama_script(server: ReplayServer, prompt: str) -> None:
    """Models, one of them missing, and the answer to a prompt."""
    server.play("ollama_tags.json", path="/api/tags")
    server.play("ollama_404_model.json", path="/api/show")
    words = replace(ndjson_reply(*[{"message": {"content": "word "}}] * 300, {"done": True}), pause_s=0.001)
    replies = {"Fail.": transcript("ollama_chat_midstream_error.ndjson"), "Hang.": replace(words, stall_at=words.pieces[0] * 100)}
    server.on("/api/chat", replies.get(prompt, words))


def openai_script(server: ReplayServer, prompt: str) -> None:
    """The same for a server that speaks OpenAI's interface."""
    server.play("real_llamacpp_models.json", path=MODELS)
    stop = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    words = replace(sse_reply(*[{"choices": [{"index": 0, "delta": {"content": "word "}}]}] * 300, stop), pause_s=0.001)
    replies = {"Fail.": transcript("openai_error_midstream.sse"), "Hang.": replace(words, stall_at=words.pieces[0] * 100)}
    server.on(CHAT, replies.get(prompt, words))


STAGES = {
    "guide": Stage("guide", "other", "/stream 300 1000", "/fail server_error 3", "/stream 20000 200"),
    "ollama": Stage("tinychat", "nope", "Write.", "Fail.", "Hang.", ollama_script),
    "openai": Stage("tinychat-think", "nope", "Write.", "Fail.", "Hang.", openai_script),
}
NAMES = [name for name, _ in PROVIDERS]


def settings_for(url: str) -> Settings:
    """A server at an address for everybody who has one."""
    return Settings(database_url="", ollama_host=url, endpoints=(Endpoint("openai", f"{url}/v1"),))


@pytest.fixture
async def providers(server: ReplayServer) -> AsyncIterator[dict[str, Provider]]:
    """All providers, with the replay server as the only one outside."""
    opened = open_providers(settings_for(server.url))
    yield opened
    for provider in opened.values():
        await provider.close()


@pytest.fixture(params=NAMES)
def stage(request: pytest.FixtureRequest) -> Stage:
    """Each provider in turn."""
    return STAGES[request.param]


@pytest.fixture
def provider(stage: Stage, providers: dict[str, Provider], server: ReplayServer) -> Provider:
    """The provider of the stage."""
    ask(stage, server, stage.long_prompt)
    return next(providers[name] for name in NAMES if STAGES[name] is stage)


def ask(stage: Stage, server: ReplayServer, prompt: str) -> ChatRequest:
    """The request for a prompt, the server ready to answer it."""
    if stage.script is not None:
        stage.script(server, prompt)
    return ChatRequest(stage.model, (Turn("user", prompt),))


def test_every_transcript_is_in_the_index_and_every_entry_has_its_file() -> None:
    assert {path.name for path in TRANSCRIPTS.iterdir()} - {"INDEX.json"} == set(index())


def test_every_provider_has_its_stage_here_and_the_guide_comes_first() -> None:
    assert list(STAGES) == NAMES
    assert NAMES[0] == "guide"


def test_the_registry_opens_every_provider_by_its_name(providers: dict[str, Provider]) -> None:
    assert list(providers) == NAMES
    assert all(provider.name == name and provider.label for name, provider in providers.items())


async def test_health_is_reported(provider: Provider) -> None:
    health = await provider.health()
    assert isinstance(health, Health)
    assert health.reachable
    assert health.host
    assert health.error is None


async def test_models_name_their_provider(provider: Provider) -> None:
    models = await provider.models()
    assert models
    assert all(isinstance(model, ModelInfo) and model.provider == provider.name and model.id for model in models)
    assert any(model.can_chat for model in models)


async def test_a_model_that_is_not_there_is_told(provider: Provider, stage: Stage) -> None:
    with pytest.raises(ProviderError) as caught:
        await provider.model(stage.missing_model)
    assert caught.value.code == ErrorCode.MODEL_NOT_FOUND
    assert stage.missing_model in caught.value.message
    assert caught.value.hint


async def test_an_answer_starts_has_text_and_ends_once(provider: Provider, stage: Stage, server: ReplayServer) -> None:
    message = await answer(provider, ask(stage, server, stage.long_prompt))
    assert message.started == 1
    assert message.deltas == 300
    assert message.finished.reason == "stop"


async def test_a_failure_keeps_the_text_and_ends_once(provider: Provider, stage: Stage, server: ReplayServer) -> None:
    message = await answer(provider, ask(stage, server, stage.failing_prompt))
    assert message.text
    assert message.failed.code is ErrorCode.SERVER_ERROR
    assert message.failed.retryable
    assert len(message.failed.message) <= 300


async def test_a_stopped_answer_ends_at_once_and_the_next_one_works(provider: Provider, stage: Stage, server: ReplayServer) -> None:
    message, flowing = Message(), asyncio.Event()
    request = ask(stage, server, stage.hanging_prompt)

    async def listen() -> None:
        async for event in provider.chat(request):
            message.add(event)
            if isinstance(event, TextDelta):
                flowing.set()

    task = asyncio.create_task(listen())
    await asyncio.wait_for(flowing.wait(), WAIT_S)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=WAIT_S)
    assert done, "it went on"
    assert task.cancelled()
    assert message.lasts == []
    assert (await answer(provider, ask(stage, server, stage.long_prompt))).deltas == 300


async def test_answers_run_side_by_side(provider: Provider, stage: Stage, server: ReplayServer) -> None:
    request = ask(stage, server, stage.long_prompt)
    messages = await asyncio.gather(*(answer(provider, request) for _ in range(5)))
    assert len({message.text for message in messages}) == 1
    assert all(message.finished for message in messages)


@pytest.mark.parametrize("name", [name for name in NAMES if STAGES[name].has_server])
async def test_an_unreachable_server_is_reported_and_does_not_raise(name: str) -> None:
    # Nobody listens on port 9 (discard) of this machine.
    lonely = open_providers(settings_for("http://127.0.0.1:9"))[name]
    health = await lonely.health()
    message = await answer(lonely, ChatRequest(STAGES[name].model, (Turn("user", "Hi"),)))
    await lonely.close()
    assert not health.reachable
    assert health.error
    assert health.hint
    assert message.failed.code is ErrorCode.UNREACHABLE


async def test_the_guide_shows_the_live_state_of_the_others(providers: dict[str, Provider], server: ReplayServer) -> None:
    server.play("ollama_tags.json", path="/api/tags")
    message = await answer(providers["guide"], ChatRequest("guide", (Turn("user", "connect ollama"),)))
    assert f"**Ollama, now:** version 0.33.0 answers at {server.url} and offers 3 models: `tinychat:latest`" in message.text
