"""What OpenAI-compatible servers say when they fail, in our words, and never with a key in them."""

import json

import pytest

from chatcore.errors import ProviderError
from chatcore.parts import ErrorCode
from chatcore.providers.openai import OpenAI
from tests.chatcore.providers.answers import CHAT, MODELS, answer, openai_at
from tests.replay import ReplayServer, Reply, json_reply, sse_reply

KEY = "sk-very-secret-0123456789"


def error(message: str, status: int, **fields: object) -> Reply:
    """An answer with an error status in OpenAI's form."""
    return json_reply({"error": {"message": message, **fields}}, status)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (error("The model `x` does not exist.", 404, type="NotFoundError", code=404), "model_not_found"),
        (json_reply({"object": "error", "message": "The model `x` does not exist.", "code": 404}, 404), "model_not_found"),
        (error("x is not a valid model ID", 400, code=400), "model_not_found"),
        (error("No endpoints found that support tool use.", 404, code=404), "unsupported_feature"),
        (error('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', 400), "unsupported_feature"),
        (error("This model does not support image input.", 400), "unsupported_feature"),
        (error("Unsupported value: 'temperature' does not support 0.2 with this model.", 400), "bad_request"),
        (error("request (5301 tokens) exceeds the available context size (4096 tokens)", 400), "context_length"),
        (error("Insufficient Balance", 402), "quota"),
        (error("Not allowed in your country", 403, code="unsupported_country_region_territory"), "forbidden"),
        (error("Overloaded", 529), "busy"),
        (error("The model is not available right now.", 503), "busy"),
        (json_reply({"detail": "Not authenticated"}, 401), "auth"),
        (json_reply({"detail": [{"msg": "field required"}]}, 422), "bad_request"),
        (json_reply({"error": "boom"}, 500), "server_error"),
        (error("Provider returned error", 502, metadata={"raw": '{"error":{"message":"upstream died"}}'}), "upstream_unreachable"),
        (Reply(b"<html><title>502 Bad Gateway</title></html>", 502, "text/html"), "server_error"),
        (Reply(b"404 page not found", 404, "text/plain"), "not_found"),
        (Reply(b"hello", 200, "text/plain"), "bad_response"),
        (Reply(b"", 200, "text/event-stream"), "incomplete"),
        (json_reply({"hello": 1}), "bad_response"),
        (json_reply({"error": "boom"}), "server_error"),
        (sse_reply({"error": "boom"}), "server_error"),
        (sse_reply({"error": {"code": 429, "message": "slow down"}}), "rate_limited"),
        (sse_reply({"error": {"code": 502, "message": "died"}, "choices": [{"finish_reason": "error"}]}), "upstream_unreachable"),
        (sse_reply({"choices": [{"delta": {}, "finish_reason": "error"}]}), "server_error"),
    ],
)  # fmt: skip
async def test_a_failure_has_its_code(reply: Reply, code: str, server: ReplayServer, lab: OpenAI) -> None:
    server.on(CHAT, reply)
    failed = (await answer(lab)).failed
    assert failed.code == code
    assert failed.message
    assert failed.hint


async def test_the_sizes_of_chat_and_window_are_told(server: ReplayServer, lab: OpenAI) -> None:
    server.play("openai_400_context.json", path=CHAT)
    assert (await answer(lab)).failed.message == "The chat is longer than the model's window (9,001 > 8,192 tokens)."
    words = "request (5301 tokens) exceeds the available context size (4096 tokens), try increasing it"
    server.on(CHAT, error(words, 400, type="exceed_context_size_error", n_prompt_tokens=5301, n_ctx=4096))
    assert (await answer(lab)).failed.message == "The chat is longer than the model's window (5,301 > 4,096 tokens)."


async def test_a_server_that_loads_its_model_is_asked_again(server: ReplayServer, lab: OpenAI) -> None:
    server.play("llamacpp_503_loading.json", "openai_basic.sse", path=CHAT)
    message = await answer(lab)
    assert message.text == "Hello"
    assert message.progress == ["The server is loading the model. Next try in 0 s."]
    server.play("llamacpp_503_loading.json", path=CHAT)
    assert (await answer(lab)).failed.code is ErrorCode.LOADING
    assert len(server.asked(CHAT)) == 2 + 4


@pytest.mark.parametrize(
    ("after", "tries", "text"),
    [
        ("0.01", 2, "Too many requests, try again in 0.01 s."),
        ("60", 1, "Too many requests, try again in 60 s."),
        ("", 1, "Too many requests: slow down."),
    ],
)
async def test_a_short_wait_that_is_asked_for_is_kept_once(after: str, tries: int, text: str, server: ReplayServer, lab: OpenAI) -> None:
    reply = Reply(b'{"error":{"message":"slow down"}}', 429, headers=(("Retry-After", after),), framing="length")
    server.on(CHAT, reply)
    failed = (await answer(lab)).failed
    assert (failed.code, failed.message, failed.retry_after_s) == (ErrorCode.RATE_LIMITED, text, float(after) if after else None)
    assert len(server.asked(CHAT)) == tries


async def test_nothing_is_tried_again_once_there_is_text(server: ReplayServer, lab: OpenAI) -> None:
    server.play("openai_error_midstream.sse", path=CHAT)
    assert (await answer(lab)).text == "par"
    assert len(server.asked(CHAT)) == 1


# --- keys ----------------------------------------------------------------------------------------------------------


async def test_a_refused_key_names_its_variable_and_not_itself(server: ReplayServer) -> None:
    server.play("openai_401.json", path=CHAT)
    async with openai_at(server.url, key=KEY) as lab:
        failed = (await answer(lab)).failed
    assert failed.message == "lab does not accept the API key."
    assert failed.hint == "Check the key in `CHATCORE_OPENAI_KEY_LAB` and start chatcore again."
    assert "sk-" not in failed.detail


async def test_a_server_that_wants_a_key_says_where_it_goes(server: ReplayServer, lab: OpenAI) -> None:
    server.play("openai_401.json", path=CHAT)
    failed = (await answer(lab)).failed
    assert (failed.message, failed.hint) == (
        "lab asks for an API key.",
        "Set `CHATCORE_OPENAI_KEY_LAB` to the key and start chatcore again.",
    )


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
async def test_a_server_that_repeats_the_key_does_not_bring_it_out(
    status: int, server: ReplayServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    body = json.dumps({"error": {"message": f"bad key {KEY} in Bearer {KEY}", "type": KEY}}).encode()
    server.on(CHAT, Reply(body, status))
    server.on(MODELS, Reply(body, status))
    async with openai_at(server.url, key=KEY) as lab:
        failed = (await answer(lab)).failed
        health = await lab.health()
        with pytest.raises(ProviderError) as caught:
            await lab.models()
        seen = repr((failed, health, caught.value.message, caught.value.hint, repr(lab), vars(lab)))
    assert KEY not in seen
    assert KEY not in caplog.text


async def test_an_unreachable_server_says_what_to_do(lab: OpenAI) -> None:
    async with openai_at("http://127.0.0.1:9", key=KEY) as lonely:
        health = await lonely.health()
    assert health.error == "Cannot reach lab at http://127.0.0.1:9/v1. Is the server running?"
    assert health.hint == "Start it, or correct its address in `CHATCORE_OPENAI_ENDPOINTS` and start chatcore again."


async def test_another_server_at_the_address_is_told(server: ReplayServer, lab: OpenAI) -> None:
    server.on(MODELS, Reply(b"<html><body>Login</body></html>", 200, "text/html"))
    health = await lab.health()
    assert health.error == "The answer is not from a model server (a login page or proxy?)."
    server.on(MODELS, json_reply({"hello": 1}))
    assert (await lab.health()).error == f"{server.url}/v1 does not look like lab."


# --- models --------------------------------------------------------------------------------------------------------


async def test_what_servers_say_of_their_models_is_read(server: ReplayServer, lab: OpenAI) -> None:
    rows = [
        {"id": "gpt-x"},
        {"id": "text-embedding-3-small"},
        {"id": "vllm", "max_model_len": 8192},
        {
            "id": "a/router",
            "context_length": 1000,
            "architecture": {"input_modalities": ["text", "image"]},
            "supported_parameters": ["tools", "reasoning", "seed"],
        },
        {"id": "mistral", "capabilities": {"completion_chat": False, "vision": True}},
        {"id": ""},
        {"id": "gpt-x"},
        "odd",
    ]
    server.on(MODELS, json_reply({"data": rows}))
    models = {model.id: model for model in await lab.models()}
    assert list(models) == ["gpt-x", "text-embedding-3-small", "vllm", "a/router", "mistral"]
    assert [name for name, model in models.items() if not model.can_chat] == ["text-embedding-3-small", "mistral"]
    assert models["gpt-x"].capabilities is None
    assert models["vllm"].context_length == 8192
    assert models["a/router"].capabilities == frozenset({"completion", "tools", "thinking", "vision"})
