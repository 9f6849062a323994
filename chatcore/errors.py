"""The five kinds of error, by what the caller can do about them.

Every error carries a `message` that names what failed and a `hint` that says what to do next; both are
shown to people as they are. The REST API maps each kind to one status code (see `chatcore/api`).
"""


class ChatcoreError(Exception):
    """Parent of the five kinds; never raised itself."""

    kind = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class Invalid(ChatcoreError):
    """The input is wrong: fix it and call again."""

    kind = "invalid"


class NotFound(ChatcoreError):
    """It is not there, or it is not the viewer's: the two are told apart nowhere."""

    kind = "not_found"


class Conflict(ChatcoreError):
    """It cannot be done now: try later."""

    kind = "conflict"


class Denied(ChatcoreError):
    """It is not allowed: ask someone who may."""

    kind = "denied"


class ProviderError(ChatcoreError):
    """A model server failed. `code` is one of the codes in docs/providers.md; `retryable` says whether a retry can help."""

    kind = "provider_error"

    def __init__(self, message: str, hint: str = "", *, code: str, retryable: bool) -> None:
        super().__init__(message, hint)
        self.code = code
        self.retryable = retryable
