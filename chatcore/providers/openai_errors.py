"""What an OpenAI-compatible server means when it fails: status, words and broken connections become one of our error codes.

A key stands in no message and no detail: what a server says of a key is not repeated, and wherever the key itself comes back it
is left out.
"""

import json
import re

from chatcore.endpoints import Endpoint
from chatcore.parts import Cancelled, ErrorCode, Failed
from chatcore.providers.base import Situation, failed, failure, is_html, plain
from chatcore.providers.base_json import Json, count_in, text_in
from chatcore.providers.openai_events import Broken, NotEvents, Refused, Stage, WireError
from chatcore.settings import Timeouts

_CONTEXT = re.compile(
    r"exceed_context_size|context_length_exceeded|maximum context length|exceeds? the (available |maximum |model'?s? )?context"
    r"|(longer|larger) than the (model'?s? )?(maximum )?context|context (window|length)\W* (is )?(exceeded|overflow)|context the overflows"
    r"|prompt is too long",
    re.IGNORECASE,
)
# vLLM and OpenAI name the window first, llama.cpp the prompt.
_WINDOW_FIRST = re.compile(
    r"maximum context length (?:is|of) (\d{1,9}) tokens.*?(?:requested|resulted in|contains at least)\D{0,20}(\d{1,9})", re.DOTALL
)
_PROMPT_FIRST = re.compile(r"\((\d{1,9}) tokens\).*?\((\d{1,9}) tokens\)", re.DOTALL)
_NO_MODEL = re.compile(
    r"\bmodel\b.{0,200}?(not found|does not exist|not exist|not available|no longer available|not loaded)"
    r"|(no|unknown|invalid) (such )?model|is not a valid model|no endpoints found for (?!.*(tool|image|support))",
    re.IGNORECASE | re.DOTALL,
)
_QUOTA = re.compile(
    r"insufficient[_ ](quota|credits?|balance|funds)|exceeded your current quota|requires more credits|billing", re.IGNORECASE
)
_NOT = r"(?:not support|no support|unsupported|requires --|no endpoints found that support)"
_FEATURES = tuple(
    (re.compile(rf"{_NOT}.{{0,60}}\b{words}|\b{words}.{{0,60}}{_NOT}", re.IGNORECASE), feature)
    for words, feature in (
        ("tool", "use tools"),
        ("(?:image|vision|multimodal)", "see images"),
        ("(?:reasoning|thinking)", "think"),
        ("chat", "chat"),
    )
)
_BUSY_STATUSES = (503, 529)


class Explain:
    """Makes our events out of what went wrong with one request. `model` is the one that was asked for, '' for none."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts, model: str = "") -> None:
        self._endpoint = endpoint
        self._timeouts = timeouts
        self._model = model

    def of(self, error: WireError, *, limit_s: float | None = None) -> Failed | Cancelled:
        """The event for whatever `Wire` raised; `limit_s` is the time limit that passed."""
        match error:
            case Refused():
                return self.refused(error)
            case NotEvents():
                return self._page() if is_html(error.text) else self._bare(ErrorCode.BAD_RESPONSE, detail=str(error))
            case Broken():
                return self.broken(error, limit_s)
            case TimeoutError():
                return self._bare(ErrorCode.TIMEOUT, limit_s=limit_s, detail=repr(error))

    def broken(self, error: Broken, limit_s: float | None) -> Failed:
        """A connection that did not come to an answer."""
        match error.stage:
            case Stage.CONNECT:
                return self.unreachable(str(error))
            case Stage.CONNECT_TIMEOUT:
                return self._bare(ErrorCode.TIMEOUT, limit_s=self._timeouts.connect_s, detail=str(error))
            case Stage.WRITE_TIMEOUT:
                return self._bare(ErrorCode.TIMEOUT, limit_s=self._timeouts.write_s, detail=str(error))
            case Stage.TIMEOUT:
                return self._bare(ErrorCode.TIMEOUT, limit_s=limit_s, detail=str(error))
            case Stage.DECODE:
                return self._bare(ErrorCode.BAD_RESPONSE, detail=str(error))
            case Stage.READ:
                return self._bare(ErrorCode.SERVER_ERROR, text="it closed the connection without an answer", detail=str(error))

    def unreachable(self, detail: str = "") -> Failed:
        """Nobody answers at the address."""
        if self._endpoint.is_local:
            hint = f"Start it, or correct its address in `{self._endpoint.address_variable}` and start chatcore again."
        else:
            hint = f"Check the internet connection, and the address in `{self._endpoint.address_variable}`."
        return self._bare(ErrorCode.UNREACHABLE, hint=hint, detail=detail)

    def incomplete(self, detail: str = "") -> Failed:
        """The stream ended before the model said why it stopped."""
        return self._bare(ErrorCode.INCOMPLETE, detail=detail)

    def refused(self, error: Refused) -> Failed | Cancelled:
        """An answer with an error status."""
        said, fields = server_words(error.body)
        if error.status == 499:
            return Cancelled()
        if error.status == 404 and not fields:
            hint = f"The address in `{self._endpoint.address_variable}` usually ends in /v1."
            return self._bare(ErrorCode.NOT_FOUND, hint=hint, detail=f"HTTP 404 {plain(error.body)}")
        code = code_of_status(error.status, said, is_page=is_html(error.body))
        meant = code_of_words(said, fields) if error.status not in (401, 403) else None
        # "The model is not available" with a 503 says that it will be.
        if meant is not None and not (meant is ErrorCode.MODEL_NOT_FOUND and error.status >= 500):
            code = meant
        return self._said(code, said or f"HTTP {error.status}", fields, f"HTTP {error.status}", seconds(error.retry_after))

    def chunk(self, event: Json) -> Failed | Cancelled:
        """An error in a stream that began well: {"error": {...}}, {"error": "text"}, or the bare data of `event: error`."""
        said, fields = server_words(json.dumps(event))
        status = count_in(fields, "code") or count_in(fields, "status") or 0
        code = code_of_words(said, fields) or (code_of_status(status, said) if 400 <= status < 600 else ErrorCode.SERVER_ERROR)
        return self._said(code, said, fields, "error in the stream")

    def _said(self, code: ErrorCode, said: str, fields: Json, where: str, retry_after_s: float | None = None) -> Failed:
        if code is ErrorCode.AUTH:
            # Servers repeat a part of the key in their words.
            return self._auth(where)
        text = self._safe(plain(said))
        used, window = token_counts(said, fields)
        return failure(
            code,
            Situation(
                self._endpoint.label,
                host=self._endpoint.url,
                model=self._model or "The model",
                text=text,
                feature=feature_in(said),
                retry_after_s=retry_after_s,
                used_tokens=used,
                window_tokens=window,
                detail=f"{where}: {text}",
            ),
        )

    def _auth(self, detail: str) -> Failed:
        if self._endpoint.key:
            message, hint = f"{self._endpoint.label} does not accept the API key.", "Check the key in `{}` and start chatcore again."
        else:
            message, hint = f"{self._endpoint.label} asks for an API key.", "Set `{}` to the key and start chatcore again."
        return failed(ErrorCode.AUTH, message, hint.format(self._endpoint.key_variable), detail=detail)

    def _page(self) -> Failed:
        hint = f"A web page answers at {self._endpoint.url}: check the address, or sign in to the network."
        return self._bare(ErrorCode.BAD_RESPONSE, hint=hint, detail="a web page with status 200")

    def _bare(self, code: ErrorCode, *, text: str = "", hint: str = "", limit_s: float | None = None, detail: str = "") -> Failed:
        at = Situation(
            self._endpoint.label,
            host=self._endpoint.url,
            model=self._model,
            text=text,
            hint=hint,
            limit_s=limit_s,
            detail=self._safe(detail),
        )
        return failure(code, at)

    def _safe(self, text: str) -> str:
        """The text without the key."""
        return text.replace(self._endpoint.key, "...") if self._endpoint.key else text


def server_words(body: str) -> tuple[str, Json]:
    """The server's sentence, and the fields that came with it; {} where the body is not JSON.

    The forms: {"error": {"message": ...}} of most, {"error": "text"}, {"message": ...} of older vLLM, {"detail": ...} of FastAPI.
    OpenRouter has the words of the server behind it in metadata.raw.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body, {}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]
    if not isinstance(value, dict):
        return body, {}
    inner = value.get("error")
    if isinstance(inner, str) and inner:
        return inner, value
    fields = {**value, **inner} if isinstance(inner, dict) else dict(value)
    detail = fields.get("detail")
    said = text_in(fields, "message") or (detail if isinstance(detail, str) else json.dumps(detail) if detail else "")
    metadata = fields.get("metadata")
    raw = text_in(metadata, "raw") if isinstance(metadata, dict) else ""
    if raw and raw != body:
        behind, _ = server_words(raw)
        said = f"{said}: {behind}" if said else behind
    return said or text_in(fields, "type") or text_in(fields, "code"), fields


def code_of_words(said: str, fields: Json) -> ErrorCode | None:
    """What the server's words, and the type and code it gives the error, mean whatever status they came with; None where they do
    not decide."""
    kinds = f"{text_in(fields, 'type')} {text_in(fields, 'code')}"
    if _CONTEXT.search(f"{kinds} {said}"):
        return ErrorCode.CONTEXT_LENGTH
    if _QUOTA.search(f"{kinds} {said}"):
        return ErrorCode.QUOTA
    if "invalid_api_key" in kinds or "authentication_error" in kinds:
        return ErrorCode.AUTH
    if "rate_limit" in kinds:
        return ErrorCode.RATE_LIMITED
    if "overloaded" in kinds:
        return ErrorCode.BUSY
    if feature_in(said):
        return ErrorCode.UNSUPPORTED_FEATURE
    if "model_not_found" in kinds or _NO_MODEL.search(said):
        return ErrorCode.MODEL_NOT_FOUND
    return None


def code_of_status(status: int, said: str, *, is_page: bool = False) -> ErrorCode:
    """What an HTTP error status means."""
    named = {
        401: ErrorCode.AUTH,
        402: ErrorCode.QUOTA,
        403: ErrorCode.FORBIDDEN,
        404: ErrorCode.MODEL_NOT_FOUND if "model" in said.lower() else ErrorCode.NOT_FOUND,
        408: ErrorCode.TIMEOUT,
        413: ErrorCode.CONTEXT_LENGTH if "token" in said.lower() else ErrorCode.BAD_REQUEST,
        429: ErrorCode.RATE_LIMITED,
    }
    if status in named:
        return named[status]
    if status in _BUSY_STATUSES:
        return ErrorCode.LOADING if "loading" in said.lower() else ErrorCode.BUSY
    # A page of a proxy says that the server behind it failed; a gateway says in JSON that its own upstream did.
    if status in (502, 504) and not is_page:
        return ErrorCode.UPSTREAM_UNREACHABLE
    return ErrorCode.SERVER_ERROR if status >= 500 else ErrorCode.BAD_REQUEST


def feature_in(said: str) -> str:
    """What the model cannot do, '' where the words say nothing of it."""
    return next((feature for pattern, feature in _FEATURES if pattern.search(said[:2000])), "")


def token_counts(said: str, fields: Json) -> tuple[int | None, int | None]:
    """The tokens of the prompt and of the window, None where the server does not say."""
    used, window = count_in(fields, "n_prompt_tokens"), count_in(fields, "n_ctx")
    if found := _WINDOW_FIRST.search(said[:2000]):
        return used or int(found.group(2)), window or int(found.group(1))
    if found := _PROMPT_FIRST.search(said[:2000]):
        return used or int(found.group(1)), window or int(found.group(2))
    return used, window


def seconds(retry_after: str | None) -> float | None:
    """A Retry-After header in seconds; None where it is missing or a date."""
    found = re.fullmatch(r"\s*(\d{1,6}(\.\d{1,6})?)\s*", retry_after or "", re.ASCII)
    return float(found.group(1)) if found else None
