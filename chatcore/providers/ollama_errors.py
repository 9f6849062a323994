"""What an Ollama server means when it fails: status, words and broken connections become one of our error codes."""

import json
import re

import httpx

from chatcore.parts import Cancelled, ErrorCode, Failed
from chatcore.providers.base import Situation, failure, is_html, plain
from chatcore.providers.ollama_wire import Address, Json, NotJson, Refused, count_in, text_in
from chatcore.settings import Timeouts

LABEL = "Ollama"

_FEATURES = {"tools": "use tools", "thinking": "think", "chat": "chat", "vision": "see images", "images": "see images", "generate": "chat"}
_UNSUPPORTED = re.compile(r"does not support (\w+)")
_NO_MODEL = re.compile(r"model (['\"])[^'\"]*\1 not found|model not found|file does not exist", re.IGNORECASE)
_CONTEXT = re.compile(
    r"exceed_context_size|context_length_exceeded|exceeds? the (available|maximum)? ?context|input length exceeds", re.IGNORECASE
)
_TOKENS = re.compile(r"\((\d+) tokens\).*?\((\d+) tokens\)")
_DIAL = re.compile(r"dial tcp|no such host|connection refused|i/o timeout|TLS handshake|network is unreachable", re.IGNORECASE)
# The part of Ollama that runs a model is on its own machine: if that is gone, the server failed and not its upstream.
_OWN_RUNNER = re.compile(r"127\.0\.0\.1|localhost|\[::1\]")
# No quotes, brackets or spaces: nothing that could end a link in HTML or markdown. Ollama's own have about 150 characters.
_WEB = re.compile(r"https://[A-Za-z0-9][\w.~:/?#@!$&'*+,;=%-]{1,240}", re.ASCII)
_MEMORY = re.compile(r"more system memory|out of memory|cudaMalloc failed|insufficient memory", re.IGNORECASE)


class Explain:
    """Makes our events out of what went wrong with one request. `model` is the one that was asked for, '' for none."""

    def __init__(self, address: Address, timeouts: Timeouts, model: str = "") -> None:
        self._address = address
        self._timeouts = timeouts
        self._model = model

    def of(self, error: Refused | NotJson | httpx.HTTPError | TimeoutError, *, limit_s: float | None = None) -> Failed | Cancelled:
        """The event for whatever `Wire` raised; `limit_s` is the time limit that passed."""
        match error:
            case Refused():
                return self.refused(error)
            case NotJson():
                return self._bare(ErrorCode.BAD_RESPONSE, detail=str(error))
            case httpx.ConnectTimeout():
                return self._bare(ErrorCode.TIMEOUT, limit_s=self._timeouts.connect_s, detail=repr(error))
            case httpx.WriteTimeout():
                return self._bare(ErrorCode.TIMEOUT, limit_s=self._timeouts.write_s, detail=repr(error))
            case httpx.TimeoutException() | TimeoutError():
                return self._bare(ErrorCode.TIMEOUT, limit_s=limit_s, detail=repr(error))
            case httpx.ConnectError() | httpx.ProxyError():
                return self.unreachable(repr(error))
            case httpx.TooManyRedirects() | httpx.DecodingError():
                return self._bare(ErrorCode.BAD_RESPONSE, detail=repr(error))
            case _:
                return self._bare(ErrorCode.SERVER_ERROR, text="it closed the connection without an answer", detail=repr(error))

    def unreachable(self, detail: str = "") -> Failed:
        """Nobody answers at the address."""
        if not self._address.port_given:
            hint = f"Add the port: Ollama listens on 11434, and {self._address.url} is what OLLAMA_HOST means without one."
        elif self._address.is_loopback:
            hint = "Start it with `ollama serve`, or set OLLAMA_HOST to the address it runs at."
        else:
            hint = "Start it there with `OLLAMA_HOST=0.0.0.0 ollama serve`, and check OLLAMA_HOST here."
        return self._bare(ErrorCode.UNREACHABLE, hint=hint, detail=detail)

    def incomplete(self, detail: str = "") -> Failed:
        """The stream ended before its last line."""
        return self._bare(ErrorCode.INCOMPLETE, detail=detail)

    def refused(self, error: Refused) -> Failed | Cancelled:
        """An answer with an error status."""
        said, fields = server_words(error.body)
        status = error.status
        if status == 499:
            return Cancelled()
        if status == 404 and not fields:
            return self._bare(ErrorCode.NOT_FOUND, detail=f"HTTP 404 {plain(error.body)}")
        code = code_of_words(said, text_in(fields, "type")) or code_of_status(status, said, is_page=is_html(error.body))
        text = plain(said) or f"HTTP {status}"
        return self._said(code, text, fields, retry_after_s=seconds(error.retry_after), detail=f"HTTP {status} {text}")

    def line(self, line: Json) -> Failed | Cancelled:
        """A line {"error": ...} in a stream that began well."""
        said, fields = server_words(json.dumps(line))
        if said.strip().lower() == "request canceled":
            return Cancelled()
        code = code_of_words(said, text_in(fields, "type"))
        if code is None:
            code = ErrorCode.AUTH if "signin_url" in fields else ErrorCode.SERVER_ERROR
        return self._said(code, plain(said), fields, detail=f"error line: {plain(said)}")

    def _said(self, code: ErrorCode, text: str, fields: Json, *, retry_after_s: float | None = None, detail: str = "") -> Failed:
        unsupported = _UNSUPPORTED.search(text)
        tokens = _TOKENS.search(text)
        sign_in_url = web_address(text_in(fields, "signin_url"))
        return failure(
            code,
            Situation(
                LABEL,
                host=self._address.url,
                model=self._model or "The model",
                text=text,
                feature=_FEATURES.get(unsupported.group(1), f"do {unsupported.group(1)}") if unsupported else "",
                hint=self._hint(code, text, sign_in_url),
                retry_after_s=retry_after_s,
                used_tokens=count_in(fields, "n_prompt_tokens") or (int(tokens.group(1)) if tokens else None),
                window_tokens=count_in(fields, "n_ctx") or (int(tokens.group(2)) if tokens else None),
                sign_in_url=sign_in_url,
                detail=detail,
            ),
        )

    def _bare(self, code: ErrorCode, *, text: str = "", hint: str = "", limit_s: float | None = None, detail: str = "") -> Failed:
        at = Situation(LABEL, host=self._address.url, model=self._model, text=text, hint=hint, limit_s=limit_s, detail=detail)
        return failure(code, at)

    def _hint(self, code: ErrorCode, text: str, sign_in_url: str | None) -> str:
        """A next step that is Ollama's own; '' where the general one says it."""
        if code is ErrorCode.MODEL_NOT_FOUND and self._model:
            return f"Fetch it with `ollama pull {self._model}`, or choose another model."
        if code is ErrorCode.AUTH and sign_in_url is None and not self._address.is_cloud:
            return "Sign in with `ollama signin` on the machine Ollama runs on, then try again."
        if code is ErrorCode.SERVER_ERROR and _MEMORY.search(text):
            return "The model does not fit into memory: choose a smaller one, or unload others."
        return ""


def server_words(body: str) -> tuple[str, Json]:
    """The server's sentence, and the fields that came with it; {} where the body is not JSON.

    Ollama passes llama-server's own errors on as JSON inside the string, so it is unwrapped until a sentence is left.
    """
    fields: Json = {}
    text = body
    for _ in range(4):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            break
        if not isinstance(value, dict):
            break
        inner = value.get("error", value.get("message", ""))
        if isinstance(inner, dict):
            fields |= {**value, **inner}
            text = text_in(inner, "message") or text_in(inner, "type")
            break
        fields |= value
        text = inner if isinstance(inner, str) else ""
    return text, fields


def code_of_words(said: str, kind: str = "") -> ErrorCode | None:
    """What the server's words, and the type it gives the error, mean whatever status they came with; None where they do not
    decide."""
    if _UNSUPPORTED.search(said):
        return ErrorCode.UNSUPPORTED_FEATURE
    if _CONTEXT.search(f"{kind} {said}"):
        return ErrorCode.CONTEXT_LENGTH
    if _NO_MODEL.search(said):
        return ErrorCode.MODEL_NOT_FOUND
    if "insufficient_quota" in (kind, said):
        return ErrorCode.QUOTA
    if said.strip().lower() == "unauthorized":
        return ErrorCode.AUTH
    if _DIAL.search(said) and not _OWN_RUNNER.search(said):
        return ErrorCode.UPSTREAM_UNREACHABLE
    return None


def code_of_status(status: int, said: str, *, is_page: bool) -> ErrorCode:
    """What an HTTP error status means."""
    named = {
        401: ErrorCode.AUTH,
        402: ErrorCode.QUOTA,
        403: ErrorCode.FORBIDDEN,
        404: ErrorCode.MODEL_NOT_FOUND if "model" in said.lower() else ErrorCode.NOT_FOUND,
        408: ErrorCode.TIMEOUT,
        429: ErrorCode.RATE_LIMITED,
    }
    if status in named:
        return named[status]
    if status == 503:
        return ErrorCode.LOADING if "loading" in said.lower() else ErrorCode.BUSY
    # A page of a proxy says that the server behind it failed; Ollama says in JSON that its own upstream did.
    if status in (502, 504) and not is_page:
        return ErrorCode.UPSTREAM_UNREACHABLE
    return ErrorCode.SERVER_ERROR if status >= 500 else ErrorCode.BAD_REQUEST


def seconds(retry_after: str | None) -> float | None:
    """A Retry-After header in seconds; None where it is missing or a date."""
    return float(retry_after.strip()[:6]) if retry_after and retry_after.strip().isdecimal() else None


def web_address(url: str) -> str | None:
    """The address if a browser may open it, else None: what a server sends becomes a link on our page."""
    return url if _WEB.fullmatch(url) else None
