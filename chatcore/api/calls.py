"""One call from the wire to its handler: who calls, what the path, the query and the body say, each checked by name."""

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from chatcore.accounts import local_owner, signed_in
from chatcore.api.errors import NotSignedIn, TooLarge, WrongType, error_response, json_response, unexpected_response
from chatcore.api.guard import check_origin
from chatcore.core import Core
from chatcore.errors import ChatcoreError, Invalid, NotFound
from chatcore.parts import Viewer

log = logging.getLogger("chatcore.api")

# A prompt may have 1 MB; JSON may need twice that to write it.
BODY_BYTES = 2 * 1024 * 1024
# With files in base64, four characters for three bytes: one file of 20 MB, or several that have about 23 MB together.
FILES_BODY_BYTES = 32 * 1024 * 1024
LARGEST_ID = 2**63 - 1
# It has 55 characters; later versions of W3C Trace Context may add some.
LONGEST_TRACE_PARENT = 200


@dataclass(frozen=True, slots=True)
class LocalOwner:
    """No sign-in is configured: whoever reaches the server is its owner."""


Identify = Callable[[HTTPConnection], Mapping[str, object] | LocalOwner | None]
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock of the edge; everything below is given its `now`."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Door:
    """What every route needs: the core, who calls, the clock, and whether the process is about to end."""

    core: Callable[[], Core]
    identify: Identify
    clock: Clock = utc_now
    leaving: Callable[[], bool] = lambda: False

    def viewer(self, connection: HTTPConnection) -> Viewer:
        """The person who calls. Reads the database; raises Denied (401) if nobody is signed in."""
        claims = self.identify(connection)
        if claims is None:
            raise NotSignedIn
        db = self.core().db
        return local_owner(db, now=self.clock()) if isinstance(claims, LocalOwner) else signed_in(db, claims, now=self.clock())


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler is given. `path` holds what the path named, `query` and `body` what was sent, not yet checked.

    `trace_parent`: where the call stands in the caller's trace, as it came; who reads it leaves out what is malformed.
    """

    core: Core
    viewer: Viewer
    now: datetime
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, object]
    trace_parent: str | None = None

    def chat_id(self) -> uuid.UUID:
        """The chat the path names. Raises NotFound for what is no id."""
        return parse_chat_id(self.path["chat_id"])

    def message_id(self) -> int:
        """The message the path names. Raises NotFound for what is no id."""
        return parse_message_id(self.path["message_id"])

    def row_id(self, name: str, what: str) -> int:
        """The number the path has for a tag, a folder or a saved search. Raises NotFound for what is no id."""
        return parse_row_id(self.path[name], what)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: JSON, or nothing with status 204."""

    body: object = None
    status: int = 200


Handler = Callable[[Call], Reply]


def parse_chat_id(text: str) -> uuid.UUID:
    """A chat id from a path. Raises NotFound: what is no id is nobody's chat."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise NotFound("There is no such chat.", "Check the id; it may have been deleted.") from error


def parse_message_id(text: str) -> int:
    """A message id from a path, below 0 in a temporary chat. Raises NotFound: what is no id is nobody's message."""
    if text.startswith("-"):
        return -parse_row_id(text[1:], "message")
    return parse_row_id(text, "message")


def parse_row_id(text: str, what: str) -> int:
    """A number from a path. Raises NotFound naming what it should have been the id of."""
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_ID:
        return int(text)
    raise NotFound(f"There is no such {what}.", "Check the id; it may have been deleted.")


# --- what was sent -----------------------------------------------------------------------------------------------

SHAPES = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "an object"}


def fields(sent: Mapping[str, object], known: Mapping[str, type]) -> dict[str, object]:
    """The fields that were sent, each known and of its type; null counts as not sent. Raises Invalid naming the field."""
    for name in sent:
        if name not in known:
            raise Invalid(f"The field {name[:60]!r} is not known here.", f"Known are: {', '.join(known) or 'none'}.")
    found = {}
    for name, wanted in known.items():
        value = sent.get(name)
        if value is None:
            continue
        if type(value) is not wanted:
            raise Invalid(f"The field {name!r} is not {SHAPES[wanted]}.", f"Send it as {SHAPES[wanted]}.")
        found[name] = value
    return found


def query(sent: Mapping[str, str], known: Mapping[str, type]) -> dict[str, object]:
    """The same for the words after the question mark, which are all text at first."""
    parsed: dict[str, object] = dict(sent)
    for name, wanted in known.items():
        text = sent.get(name)
        if text is None or wanted is str:
            continue
        if wanted is bool and text in ("true", "false"):
            parsed[name] = text == "true"
        elif wanted is int and text.isascii() and text.isdigit() and len(text) < 19:
            parsed[name] = int(text)
    return fields(parsed, known)


def text_of(found: Mapping[str, object], name: str) -> str | None:
    """A field that `fields` has checked to be text, None if it was not sent."""
    value = found.get(name)
    return value if isinstance(value, str) else None


def number_of(found: Mapping[str, object], name: str, default: int) -> int:
    """A field that `fields` has checked to be a number."""
    value = found.get(name)
    return value if isinstance(value, int) else default


def texts_of(found: Mapping[str, object], name: str) -> tuple[str, ...]:
    """A field that `fields` has checked to be a list, nothing if it was not sent. Raises Invalid if it holds anything but text."""
    values = list_of(found, name)
    texts = tuple(value for value in values if isinstance(value, str))
    if len(texts) != len(values):
        raise Invalid(f"The field {name!r} holds something else than texts.", 'Send a list of texts, such as ["work", "tea"].')
    return texts


def numbers_of(found: Mapping[str, object], name: str) -> tuple[int, ...]:
    """A field that `fields` has checked to be a list. Raises Invalid if it holds anything but whole numbers."""
    values = list_of(found, name)
    numbers = tuple(value for value in values if isinstance(value, int) and not isinstance(value, bool))
    if len(numbers) != len(values):
        raise Invalid(f"The field {name!r} holds something else than whole numbers.", "Send a list of ids, such as [3, 1, 2].")
    return numbers


def list_of(found: Mapping[str, object], name: str) -> list[object]:
    """A field that `fields` has checked to be a list, an empty one if it was not sent."""
    values = found.get(name)
    return values if isinstance(values, list) else []


def flag_of(found: Mapping[str, object], name: str) -> bool | None:
    """A field that `fields` has checked to be true or false, None if it was not sent."""
    value = found.get(name)
    return value if isinstance(value, bool) else None


async def read_body(request: Request, limit_bytes: int = BODY_BYTES) -> dict[str, object]:
    """The JSON object that was sent; nothing counts as an empty one. Raises Invalid for anything else and above the limit."""
    too_large = TooLarge(
        f"The body has more than {limit_bytes // 1024**2} MB.",
        "A message may have 1 MB and a file 20 MB; send them in parts."
        if limit_bytes > BODY_BYTES
        else "A message may have 1 MB; send it in parts.",
    )
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit_bytes:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise too_large
    if not body:
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise WrongType("The body is not sent as JSON.", "Send it with the header Content-Type: application/json.")
    try:
        # A large body takes a tenth of a second, which the loop has not.
        found = json.loads(body) if len(body) <= BODY_BYTES else await run_in_threadpool(json.loads, body)
    except (ValueError, RecursionError) as error:
        raise Invalid("The body is not JSON.", "Send one JSON object in UTF-8.") from error
    if not isinstance(found, dict):
        raise Invalid("The body is JSON, but no object.", 'Send an object, such as {"title": "Plans"}.')
    return found


# --- the way through ---------------------------------------------------------------------------------------------


async def answer(door: Door, request: Request, handler: Handler, limit_bytes: int = BODY_BYTES) -> Response:
    """The whole call: checks, viewer, handler, JSON. Everything that touches the database runs in a thread."""
    try:
        check_origin(request)
        body = await read_body(request, limit_bytes)
        reply = await run_in_threadpool(handle, door, request, handler, body)
    except ChatcoreError as error:
        return error_response(error)
    except ClientDisconnect:
        return Response(status_code=400)
    except Exception:  # noqa: BLE001  # the edge: the traceback is logged, the caller gets a sentence
        return unexpected_response()
    return Response(status_code=204) if reply.status == 204 else json_response(reply.body, reply.status)


def handle(door: Door, request: Request, handler: Handler, body: Mapping[str, object]) -> Reply:
    """Runs the handler for the person who calls."""
    viewer = door.viewer(request)
    call = Call(
        core=door.core(),
        viewer=viewer,
        now=door.clock(),
        path=request.path_params,
        query=dict(request.query_params),
        body=body,
        trace_parent=request.headers.get("traceparent", "")[:LONGEST_TRACE_PARENT] or None,
    )
    return handler(call)
