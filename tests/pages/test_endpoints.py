"""Two servers that speak OpenAI's interface on the chat page: one answers, the other is away."""

from collections.abc import Iterator

import pytest

from chatcore.core import close_shared, shared
from tests.pages.frame import Frame
from tests.replay import ReplayServer, json_reply, transcript

AWAY = "http://127.0.0.1:9/v1"


@pytest.fixture
def lab(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplayServer]:
    """A server called lab, beside one called attic at whose address nobody listens, and no Ollama."""
    with ReplayServer() as server:
        server.play("real_llamacpp_models.json", path="/v1/models")
        monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
        monkeypatch.setenv("CHATCORE_OPENAI_ENDPOINTS", f"lab={server.url}/v1, attic={AWAY}")
        close_shared()
        look()
        yield server
        close_shared()


def look() -> None:
    """The core knows how the servers are now."""
    shared().health(fresh=True)
    shared().models(fresh=True)


def test_a_prompt_is_answered_by_a_named_server(frame: Frame, lab: ReplayServer) -> None:
    lab.on("/v1/chat/completions", transcript("real_llamacpp_basic.sse"))
    at = frame.run()
    assert at.selectbox[0].value == ("lab", "tinychat-think")
    at.chat_input[0].set_value("Hi").run()
    assert lab.wait_for("/v1/chat/completions").json["model"] == "tinychat-think"


def test_the_server_that_is_away_says_so_and_what_to_do(frame: Frame, lab: ReplayServer) -> None:
    at = frame.run()
    shown = " ".join(element.value for element in [*at.markdown, *at.caption])
    assert f"Not available] Cannot reach attic at `{AWAY}`" in shown
    assert "its address in `CHATCORE_OPENAI_ENDPOINTS`" in shown
    assert [button for button in at.button if button.key == "connect.look"]


def test_models_of_two_servers_say_whose_they_are(frame: Frame, lab: ReplayServer) -> None:
    assert frame.run().selectbox[0].options[0] == "tinychat-think · 691K"
    with ReplayServer() as ollama:
        ollama.on("/api/tags", json_reply({"models": [{"name": "tinychat-think", "capabilities": ["completion"]}]}))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OLLAMA_HOST", ollama.url)
            close_shared()
            look()
            options = frame.run().selectbox[0].options
    assert options[:2] == ["tinychat-think · Ollama", "tinychat-think · 691K · lab"]


def test_a_model_of_a_server_that_is_not_set_up_any_more_says_so(frame: Frame, lab: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.on("/v1/chat/completions", transcript("real_llamacpp_basic.sse"))
    at = frame.run()
    at.chat_input[0].set_value("Hi").run()
    lab.wait_for("/v1/chat/completions")
    chat_id = at.query_params["c"]
    monkeypatch.setenv("CHATCORE_OPENAI_ENDPOINTS", "")
    close_shared()
    look()
    again = frame.run(c=chat_id if isinstance(chat_id, str) else chat_id[0])
    assert again.selectbox[0].options[0] == "tinychat-think (not available)"
    assert "its server is not set up here" in " ".join(element.value for element in again.markdown)
