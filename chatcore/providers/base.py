"""What every provider does, and the sentences for what can go wrong with one."""

from collections.abc import AsyncIterator
from typing import Protocol

from chatcore.parts import ChatRequest, ErrorCode, Event, Failed, Health, ModelInfo


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
        """The events of one answer. Cancel the task to stop it: the connection is closed, so the server stops too."""

    async def close(self) -> None:
        """Closes its connections."""


RETRYABLE = frozenset({
    ErrorCode.UNREACHABLE, ErrorCode.TIMEOUT, ErrorCode.RATE_LIMITED, ErrorCode.BUSY, ErrorCode.LOADING,
    ErrorCode.UPSTREAM_UNREACHABLE, ErrorCode.SERVER_ERROR, ErrorCode.INCOMPLETE, ErrorCode.INTERNAL,
})  # fmt: skip


def failed(
    code: ErrorCode, message: str, hint: str = "", *, retry_after_s: float | None = None, sign_in_url: str | None = None, detail: str = ""
) -> Failed:
    """A Failed event; whether a retry can help follows from the code, the message is cut to 300 characters."""
    return Failed(
        code=code,
        message=message[:300],
        hint=hint,
        retryable=code in RETRYABLE,
        retry_after_s=retry_after_s,
        sign_in_url=sign_in_url,
        detail=detail,
    )
