"""What is said when the server refuses: the code, the sentence and the next step."""

import json

import httpx
import pytest

from chatcore.errors import ProviderError
from chatcore.parts import ErrorCode, Failed
from chatcore.providers.ollama import Ollama
from chatcore.providers.ollama_errors import Explain, server_words, web_address
from chatcore.providers.ollama_wire import parse_address
from chatcore.settings import Timeouts
from tests.chatcore.providers.answers import answer, ask, ollama_at
from tests.replay import ReplayServer, Reply, json_reply, ndjson_reply, transcript


async def failed_with(server: ReplayServer, ollama: Ollama, reply: Reply, model: str = "tinychat") -> Failed:
    server.on("/api/chat", reply)
    return (await answer(ollama, ask(model=model))).failed


@pytest.mark.parametrize(
    ("name", "message", "step"),
    [
        ("ollama_404_model.json", "Model tinychat is not on this server.", "`ollama pull tinychat`"),
        ("ollama_400_no_tools.json", "tinychat cannot use tools.", "switch this off"),
        ("ollama_400_no_chat.json", "tinychat cannot chat.", "another model"),
        (
            "ollama_400_bad_think.json",
            'The server refused the request: invalid think value: "huge" (must be "high", "medium", "low", "max", true, or false).',
            "Change the request",
        ),
        ("ollama_400_model_required.json", "The server refused the request: model is required.", "Change the request"),
        ("ollama_400_context_native.json", "The chat is longer than the model's window (5,301 > 4,096 tokens).", "Start a new chat"),
        ("ollama_503_busy.json", "The server is busy.", "in a moment"),
        (
            "ollama_500_runner.json",
            "The model server failed: llama-server process has terminated: exit status 1: error loading model.",
            "log of the model server",
        ),
        (
            "ollama_401_signin.json",
            "Sign in needed.",
            "Open https://ollama.com/connect?name=host&key=c3NoLWVkMjU1MTk to sign in, then try again.",
        ),
        ("ollama_403_cloud_disabled.json", "Ollama does not allow it: ollama cloud is disabled: remote inference is unavailable.", "Ask"),
        ("ollama_502_cloud_unreachable.json", "Ollama cannot reach its upstream.", "internet connection"),
        ("ollama_429_cloud.json", "Too many requests: you have reached your hourly usage limit.", "Wait a moment"),
        ("ollama_chat_html_200.html", "The answer is not from a model server (a login page or proxy?).", "Check the address"),
        ("ollama_chat_midstream_error.ndjson", "The model server failed: an error was encountered while running the model.", "Try again"),
        ("ollama_chat_no_done.ndjson", "The answer was cut off.", "Try again"),
    ],
)
async def test_the_sentence_and_the_next_step(name: str, message: str, step: str, server: ReplayServer, ollama: Ollama) -> None:
    failed = await failed_with(server, ollama, transcript(name))
    assert failed.message == message
    assert step in failed.hint


async def test_the_sign_in_page_is_kept(server: ReplayServer, ollama: Ollama) -> None:
    failed = await failed_with(server, ollama, transcript("ollama_401_signin.json"))
    assert failed.sign_in_url == "https://ollama.com/connect?name=host&key=c3NoLWVkMjU1MTk"
    in_stream = await failed_with(
        server, ollama, ndjson_reply({"error": "unauthorized", "signin_url": "https://ollama.com/connect?name=x"})
    )
    assert in_stream.code is ErrorCode.AUTH
    assert in_stream.sign_in_url == "https://ollama.com/connect?name=x"


async def test_without_a_sign_in_page_the_command_is_named(server: ReplayServer, ollama: Ollama) -> None:
    failed = await failed_with(server, ollama, json_reply({"error": "unauthorized"}, 401))
    assert failed.sign_in_url is None
    assert "`ollama signin`" in failed.hint


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "http://ollama.com/connect", 'https://x/"onclick', "https://x/ y", "https://x/](y)", "https://", ""]
)
def test_only_a_web_address_becomes_a_link(url: str) -> None:
    assert web_address(url) is None


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, "no json at all", ErrorCode.BAD_REQUEST),
        (402, '{"error":"payment required"}', ErrorCode.QUOTA),
        (400, '{"error":{"message":"no credit","type":"insufficient_quota"}}', ErrorCode.QUOTA),
        (404, "404 page not found", ErrorCode.NOT_FOUND),
        (404, "<html><title>404</title></html>", ErrorCode.NOT_FOUND),
        (404, '{"error":"model \\"x\\" not found, try pulling it first"}', ErrorCode.MODEL_NOT_FOUND),
        (404, '{"error":"no such thing"}', ErrorCode.NOT_FOUND),
        (408, "{}", ErrorCode.TIMEOUT),
        (413, "<html>too large</html>", ErrorCode.BAD_REQUEST),
        (422, '{"error":"bad"}', ErrorCode.BAD_REQUEST),
        (500, '{"error":"dial tcp: lookup ollama.com: no such host"}', ErrorCode.UPSTREAM_UNREACHABLE),
        (500, '{"error":"dial tcp 127.0.0.1:41235: connect: connection refused"}', ErrorCode.SERVER_ERROR),
        (500, '{"error":"error loading model: tensor \'x\' not found"}', ErrorCode.SERVER_ERROR),
        (500, '{"error":"{\\"error\\":{\\"type\\":\\"exceed_context_size_error\\",\\"message\\":\\"no\\"}}"}', ErrorCode.CONTEXT_LENGTH),
        (503, '{"error":{"message":"Loading model","type":"unavailable_error","code":503}}', ErrorCode.LOADING),
        (503, "<html><h1>Service Unavailable</h1></html>", ErrorCode.BUSY),
        (504, '{"error":"upstream timeout"}', ErrorCode.UPSTREAM_UNREACHABLE),
        (504, "<html><title>504</title></html>", ErrorCode.SERVER_ERROR),
        (599, "", ErrorCode.SERVER_ERROR),
    ],
)
async def test_the_code_of_a_status_and_its_words(status: int, body: str, code: ErrorCode, server: ReplayServer, ollama: Ollama) -> None:
    failed = await failed_with(server, ollama, Reply(body.encode(), status, framing="length"))
    assert failed.code is code
    assert 0 < len(failed.message) <= 300
    assert failed.hint
    assert "<" not in failed.message.replace("< ", "")


@pytest.mark.parametrize(("header", "wait_s"), [("17", 17.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-3", None), ("", None)])
async def test_the_time_to_wait_is_kept(header: str, wait_s: float | None, server: ReplayServer, ollama: Ollama) -> None:
    failed = await failed_with(server, ollama, Reply(b'{"error":"slow down"}', 429, headers=(("Retry-After", header),), framing="length"))
    assert failed.retry_after_s == wait_s
    assert failed.message == (f"Too many requests, try again in {wait_s:g} s." if wait_s else "Too many requests: slow down.")


async def test_a_long_error_is_cut_and_its_html_removed(server: ReplayServer, ollama: Ollama) -> None:
    failed = await failed_with(server, ollama, json_reply({"error": "<b>bad</b> &lt;thing&gt;\n" + "x" * 5000}, 400))
    assert failed.message.startswith("The server refused the request: bad <thing> xxx")
    assert len(failed.message) == 300
    assert failed.message.endswith("…")


async def test_an_endless_error_body_is_not_read_to_its_end(server: ReplayServer, ollama: Ollama) -> None:
    failed = await failed_with(server, ollama, Reply(b"y" * 1_000_000, 400, pieces=(50_000,) * 10, stall_at=500_000))
    assert failed.code is ErrorCode.BAD_REQUEST


async def test_too_little_memory_is_told_with_a_way_out(server: ReplayServer, ollama: Ollama) -> None:
    failed = await failed_with(
        server, ollama, json_reply({"error": "model requires more system memory (8.0 GiB) than is available (4.0 GiB)"}, 500)
    )
    assert failed.code is ErrorCode.SERVER_ERROR
    assert "smaller" in failed.hint


def test_json_inside_the_error_text_is_unwrapped() -> None:
    inner = {"error": {"message": "deep", "n_ctx": 7}}
    said, fields = server_words(json.dumps({"error": json.dumps(inner)}))
    assert said == "deep"
    assert fields["n_ctx"] == 7


@pytest.mark.parametrize("body", ["", "null", "[]", "5", '"text"', "{}", '{"error":null}', '{"error":[]}', "{" * 3000, "[" * 100_000])
def test_odd_error_bodies_are_no_trouble(body: str) -> None:
    assert isinstance(server_words(body)[0], str)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (httpx.ConnectTimeout("x"), ErrorCode.TIMEOUT, "Ollama did not answer in 5 s."),
        (httpx.WriteTimeout("x"), ErrorCode.TIMEOUT, "Ollama did not answer in 60 s."),
        (httpx.PoolTimeout("x"), ErrorCode.TIMEOUT, "Ollama did not answer in time."),
        (httpx.ConnectError("TLS"), ErrorCode.UNREACHABLE, "Cannot reach Ollama at http://127.0.0.1:11434. Is the server running?"),
        (httpx.ProxyError("403"), ErrorCode.UNREACHABLE, "Cannot reach Ollama at http://127.0.0.1:11434. Is the server running?"),
        (httpx.DecodingError("gzip"), ErrorCode.BAD_RESPONSE, "The answer is not from a model server (a login page or proxy?)."),
        (httpx.ReadError("gone"), ErrorCode.SERVER_ERROR, "The model server failed: it closed the connection without an answer."),
    ],
)
def test_what_the_http_client_raises_gets_a_code(error: httpx.HTTPError, code: ErrorCode, message: str) -> None:
    failed = Explain(parse_address(""), Timeouts()).of(error)
    assert isinstance(failed, Failed)
    assert (failed.code, failed.message) == (code, message)
    assert type(error).__name__ in failed.detail


async def test_a_lookup_raises_what_a_chat_would_tell(server: ReplayServer, ollama: Ollama) -> None:
    server.play("ollama_404_model.json", path="/api/show")
    with pytest.raises(ProviderError) as caught:
        await ollama.model("nope")
    assert caught.value.code == ErrorCode.MODEL_NOT_FOUND
    assert not caught.value.retryable
    assert "`ollama pull nope`" in caught.value.hint


async def test_a_lookup_has_a_time_limit(server: ReplayServer) -> None:
    server.on("/api/tags", Reply(hold=server.gate()))
    async with ollama_at(server.url, timeouts=Timeouts(lookup_s=0.05)) as ollama:
        with pytest.raises(ProviderError) as caught:
            await ollama.models()
    assert caught.value.code == ErrorCode.TIMEOUT
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        ("/api/version", Reply(b"<html>Sign in to the wireless network</html>", content_type="text/html")),
        ("/api/version", json_reply({"hello": "world"})),
        ("/api/version", json_reply([1, 2])),
        ("/api/version", Reply(b"", 401, framing="length")),
        ("/api/version", Reply(b"\xff\xfe", framing="length")),
    ],
)
async def test_something_else_at_the_address_is_not_healthy(path: str, reply: Reply, server: ReplayServer, ollama: Ollama) -> None:
    server.on(path, reply)
    health = await ollama.health()
    assert not health.reachable
    assert health.host == server.url
    assert health.error
    assert health.hint


async def test_a_server_without_a_version_but_with_models_is_healthy(server: ReplayServer, ollama: Ollama) -> None:
    server.on("/api/version", Reply(b"404 page not found", 404, "text/plain"))
    health = await ollama.health()
    assert health.reachable
    assert health.version is None
