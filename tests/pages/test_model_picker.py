"""Which model the picker of the chat page stands on."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chatcore import history
from chatcore.core import close_shared, shared
from tests.factories import make_chat, make_exchange
from tests.pages.frame import Frame
from tests.replay import ReplayServer, json_reply, transcript

TINY, THINKING = ("ollama", "tinychat:latest"), ("ollama", "tinychat-think:latest")


@pytest.fixture
def ollama(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplayServer]:
    """A model server the pages talk to; without a model until a test says so."""
    with ReplayServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        close_shared()
        yield server
        close_shared()


def look(server: ReplayServer, *, models: bool) -> None:
    """What the server offers from now on, and the core knows it."""
    server.on("/api/tags", transcript("ollama_tags.json") if models else json_reply({"models": []}))
    shared().health(fresh=True)
    shared().models(fresh=True)


def test_the_picker_leaves_the_guide_when_a_model_comes(frame: Frame, ollama: ReplayServer) -> None:
    look(ollama, models=False)
    at = frame.run()
    assert at.selectbox[0].value == ("guide", "guide")
    look(ollama, models=True)
    assert at.run().selectbox[0].value == TINY


def test_a_guide_that_was_chosen_stays_chosen(frame: Frame, ollama: ReplayServer) -> None:
    look(ollama, models=True)
    at = frame.run()
    at.selectbox[0].select(("guide", "guide")).run()
    assert at.run().selectbox[0].value == ("guide", "guide")


def test_a_chat_goes_on_with_the_model_of_its_last_answer(frame: Frame, ollama: ReplayServer) -> None:
    look(ollama, models=True)
    now = datetime.now(UTC)
    made = make_chat(frame.core.db, frame.viewer, provider=TINY[0], model_name=TINY[1], now=now)
    make_exchange(frame.core.db, frame.viewer, made.id, provider=THINKING[0], model_name=THINKING[1], now=now)
    assert history.get_chat(frame.core.db, frame.viewer, made.id).model_name == TINY[1]
    at = frame.run(c=str(made.id))
    assert at.selectbox[0].value == THINKING
