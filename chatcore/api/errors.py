"""Errors as JSON: {"error": {"kind", "message", "hint"}}, each of the five kinds with its status."""

import json
import logging

from starlette.responses import Response

from chatcore.errors import ChatcoreError, Denied, Invalid, NotFound

log = logging.getLogger("chatcore.api")

STATUS = {"invalid": 400, "not_found": 404, "conflict": 409, "denied": 403, "provider_error": 502}
# An answer is one person's own: no cache may keep it, no browser may guess another type for it.
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class NotSignedIn(Denied):
    """Nobody is signed in (status 401)."""

    status = 401

    def __init__(self) -> None:
        super().__init__("Nobody is signed in.", "Sign in on the page of this installation, then call again.")


class TooLarge(Invalid):
    """The body is larger than any call needs (status 413)."""

    status = 413


class WrongType(Invalid):
    """The body is not JSON by its own word (status 415)."""

    status = 415


class WrongMethod(Invalid):
    """The path is there, but not for this method (status 405)."""

    status = 405


def json_response(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer; text is sent as it is, in UTF-8."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")
    return Response(content, status, HEADERS | (headers or {}), "application/json")


def error_response(error: ChatcoreError, headers: dict[str, str] | None = None) -> Response:
    """The answer for one of the five kinds."""
    status = getattr(error, "status", STATUS[error.kind])
    return json_response({"error": {"kind": error.kind, "message": error.message, "hint": error.hint}}, status, headers)


def unexpected_response() -> Response:
    """The answer when we ourselves failed; call it where the exception is handled, it logs the traceback."""
    log.exception("a call failed")
    sentence = {"kind": "internal", "message": "Something went wrong in chatcore.", "hint": "Call again; the server's log says why."}
    return json_response({"error": sentence}, 500)


def no_such_path(path: str) -> NotFound:
    """What is said for a path that no route has."""
    return NotFound(f"There is nothing at {path[:200]}.", "docs/rest.md lists every path.")
