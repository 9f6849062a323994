"""What every provider does, and the sentences for what can go wrong with one."""

import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, assert_never, runtime_checkable

from chatcore.errors import ProviderError
from chatcore.parts import ChatRequest, ErrorCode, Event, Failed, Health, ModelInfo
from chatcore.texts import storable


class Provider(Protocol):
    """One model server (or the built-in guide). It lives on the Runner's event loop.

    It knows values only, never the database. Only `chat` never raises for what a server does: whatever happens, text
    sent so far stays valid and exactly one of Finished, Failed or Cancelled is the last event. The look-ups raise
    ProviderError; `health` reports instead of raising.
    """

    @property
    def name(self) -> str:
        """The key in the registry and in the database: 'guide', 'ollama'."""

    @property
    def label(self) -> str:
        """The name for people: 'Built-in guide', 'Ollama'."""

    async def health(self) -> Health:
        """Whether the server answers now."""

    async def models(self) -> tuple[ModelInfo, ...]:
        """What it offers, in the server's order. Raises ProviderError."""

    async def model(self, model_id: str) -> ModelInfo:
        """Everything known of one model. Raises ProviderError (code model_not_found)."""

    def chat(self, request: ChatRequest) -> AsyncIterator[Event]:
        """The events of one answer. Cancel the task to stop it: the connection is closed, so the server stops too.

        Who leaves the loop early closes the iterator (`contextlib.aclosing`), else the connection stays open for a while.
        """

    async def close(self) -> None:
        """Closes its connections."""


@dataclass(frozen=True, slots=True)
class PullProgress:
    """Where a download stands. Bytes are those of the layer `digest` names; None while the server does not say."""

    status: str
    digest: str | None = None
    completed_bytes: int | None = None
    total_bytes: int | None = None

    @property
    def fraction(self) -> float | None:
        """How much of the layer is here, 0 to 1; None where there is nothing to measure."""
        if not self.total_bytes:
            return None
        return min((self.completed_bytes or 0) / self.total_bytes, 1.0)


@dataclass(frozen=True, slots=True)
class RunningModel:
    """A model in the server's memory. `context_length` is the window really allocated, in tokens; `expires_at` is UTC,
    None for a model that stays."""

    id: str
    size_bytes: int | None = None
    vram_bytes: int | None = None
    context_length: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """What a server says of a model beyond ModelInfo; '' and None where it says nothing. `parameters` is text, a setting a line."""

    family: str = ""
    format: str = ""
    parameters: str = ""
    template: str = ""
    system: str = ""
    license: str = ""
    context_length: int | None = None


@runtime_checkable
class Describer(Protocol):
    """A provider that can say more of a model than the list does."""

    async def details(self, model_id: str) -> ModelDetails:
        """Family, template and so on. Raises ProviderError."""


@runtime_checkable
class ModelManager(Protocol):
    """A provider whose models can be fetched, removed, loaded and unloaded. All raise ProviderError."""

    def pull(self, model_id: str) -> AsyncIterator[PullProgress]:
        """Downloads a model; the last status is 'success'. Closing the iterator stops it, a new pull goes on from there."""

    async def delete(self, model_id: str) -> None:
        """Removes a model from the server's disk."""

    async def running(self) -> tuple[RunningModel, ...]:
        """The models in memory now."""

    async def load(self, model_id: str, *, keep_alive: str | float | None = None) -> None:
        """Brings a model into memory; `keep_alive` is Ollama's ('5m', seconds, -1 for ever)."""

    async def unload(self, model_id: str) -> None:
        """Takes a model out of memory."""


@runtime_checkable
class Continuing(Protocol):
    """A provider that says whether its models go on with an assistant's turn that stands last, instead of answering it."""

    @property
    def continues(self) -> bool:
        """Whether they do."""


# --- errors ------------------------------------------------------------------------------------------------------

MESSAGE_LIMIT = 300

RETRYABLE = frozenset({
    ErrorCode.UNREACHABLE, ErrorCode.TIMEOUT, ErrorCode.RATE_LIMITED, ErrorCode.BUSY, ErrorCode.LOADING,
    ErrorCode.UPSTREAM_UNREACHABLE, ErrorCode.SERVER_ERROR, ErrorCode.INCOMPLETE, ErrorCode.INTERNAL,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a failure: it fills the blanks of the sentences for people.

    `text` is the server's own words, `feature` what the model cannot do ('use tools'), `hint` a next step that says more
    than the general one. `detail` is technical and for the log only.
    """

    label: str
    host: str = ""
    model: str = ""
    text: str = ""
    feature: str = ""
    hint: str = ""
    limit_s: float | None = None
    retry_after_s: float | None = None
    used_tokens: int | None = None
    window_tokens: int | None = None
    sign_in_url: str | None = None
    detail: str = ""


def failure(code: ErrorCode, at: Situation) -> Failed:
    """The Failed event of a code, with its sentences filled in."""
    hint = at.hint or next_step(code, at)
    return failed(code, sentence(code, at), hint, retry_after_s=at.retry_after_s, sign_in_url=at.sign_in_url, detail=at.detail)


def failed(
    code: ErrorCode, message: str, hint: str = "", *, retry_after_s: float | None = None, sign_in_url: str | None = None, detail: str = ""
) -> Failed:
    """A Failed event; whether a retry can help follows from the code, its texts are cut to 300 characters."""
    return Failed(
        code=code,
        message=shortened(message),
        hint=shortened(hint),
        retryable=code in RETRYABLE,
        retry_after_s=retry_after_s,
        sign_in_url=sign_in_url,
        detail=detail,
    )


def raised(event: Failed) -> ProviderError:
    """The same failure for a look-up, which raises."""
    return ProviderError(event.message, event.hint, code=event.code, retryable=event.retryable)


def sentence(code: ErrorCode, at: Situation) -> str:
    """What failed, for people. docs/providers.md lists all of them."""
    match code:
        case ErrorCode.UNREACHABLE:
            return f"Cannot reach {at.label} at {at.host}. Is the server running?"
        case ErrorCode.TIMEOUT:
            return f"{at.label} did not answer in {f'{at.limit_s:g} s' if at.limit_s else 'time'}."
        case ErrorCode.AUTH:
            return "Sign in needed."
        case ErrorCode.FORBIDDEN:
            return f"{at.label} does not allow it: {ended(at.text or 'access denied')}"
        case ErrorCode.MODEL_NOT_FOUND:
            return f"Model {at.model} is not on this server."
        case ErrorCode.NOT_FOUND:
            return f"{at.host} does not look like {at.label}."
        case ErrorCode.UNSUPPORTED_FEATURE:
            return f"{at.model} cannot {at.feature or 'do this'}."
        case ErrorCode.CONTEXT_LENGTH:
            size = f" ({at.used_tokens:,} > {at.window_tokens:,} tokens)" if at.used_tokens and at.window_tokens else ""
            return f"The chat is longer than the model's window{size}."
        case ErrorCode.BAD_REQUEST:
            return f"The server refused the request: {ended(at.text or 'no reason given')}"
        case ErrorCode.RATE_LIMITED:
            if at.retry_after_s:
                return f"Too many requests, try again in {at.retry_after_s:g} s."
            return f"Too many requests: {ended(at.text)}" if at.text else "Too many requests."
        case ErrorCode.QUOTA:
            return "The account has no credit left."
        case ErrorCode.BUSY:
            return "The server is busy."
        case ErrorCode.LOADING:
            return "The server is loading the model."
        case ErrorCode.UPSTREAM_UNREACHABLE:
            return f"{at.label} cannot reach its upstream."
        case ErrorCode.SERVER_ERROR:
            return f"The model server failed: {ended(at.text or 'no reason given')}"
        case ErrorCode.BAD_RESPONSE:
            return "The answer is not from a model server (a login page or proxy?)."
        case ErrorCode.INCOMPLETE:
            return "The answer was cut off."
        case ErrorCode.CANCELLED:
            return "Stopped."
        case ErrorCode.INTERNAL:
            return "Something went wrong inside this application."
    assert_never(code)


def next_step(code: ErrorCode, at: Situation) -> str:
    """What the person can do about it."""
    match code:
        case ErrorCode.UNREACHABLE:
            return "Start the server, or correct its address."
        case ErrorCode.TIMEOUT:
            return "Try again; if the machine is slow, choose a smaller model."
        case ErrorCode.AUTH:
            return f"Open {at.sign_in_url} to sign in, then try again." if at.sign_in_url else "Check the API key."
        case ErrorCode.FORBIDDEN:
            return f"Ask whoever runs {at.label}, or choose another model."
        case ErrorCode.MODEL_NOT_FOUND:
            return "Choose another model."
        case ErrorCode.NOT_FOUND | ErrorCode.BAD_RESPONSE:
            return "Check the address: something else may answer there."
        case ErrorCode.UNSUPPORTED_FEATURE:
            return "Choose another model, or switch this off."
        case ErrorCode.CONTEXT_LENGTH:
            return "Start a new chat, or choose a model with a larger window."
        case ErrorCode.BAD_REQUEST:
            return "Change the request, or choose another model."
        case ErrorCode.RATE_LIMITED:
            return "Wait a moment, then try again."
        case ErrorCode.QUOTA:
            return "Add credit to the account, or choose another model."
        case ErrorCode.BUSY | ErrorCode.LOADING:
            return "Try again in a moment."
        case ErrorCode.UPSTREAM_UNREACHABLE:
            return f"Check the internet connection of the machine {at.label} runs on, or choose a local model."
        case ErrorCode.SERVER_ERROR:
            return "Try again; the log of the model server says more."
        case ErrorCode.INCOMPLETE:
            return "What came is kept. Try again."
        case ErrorCode.CANCELLED:
            return "What came is kept."
        case ErrorCode.INTERNAL:
            return "Try again; the log of this application says more."
    assert_never(code)


# --- text --------------------------------------------------------------------------------------------------------

_PAGE = re.compile(r"^\s*<(!doctype|html|head|body|\?xml)", re.IGNORECASE)
_TITLE = re.compile(r"<(title|h1)[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]*>", re.DOTALL)


def is_html(text: str) -> bool:
    """Whether a web page came instead of an answer."""
    return _PAGE.match(text) is not None


def plain(text: str) -> str:
    """A server's words as one line without HTML; of a web page its title."""
    if is_html(text):
        title = _TITLE.search(text)
        text = title.group(2) if title else ""
    return shortened(" ".join(html.unescape(_TAG.sub(" ", storable(text))).split()))


def shortened(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """The text, cut with an ellipsis where it is longer than the limit in characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def ended(text: str) -> str:
    """The text with a full stop."""
    return text if text.endswith((".", "!", "?", "…")) else text + "."
