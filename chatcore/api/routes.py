"""The table of routes. A new one is a line here, a case in the isolation test and a section in docs/rest.md."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route, WebSocketRoute
from starlette.types import Scope

from chatcore.api import (
    answers,
    attachments,
    backups,
    chats,
    comparisons,
    exports,
    finding,
    folders,
    imports,
    live,
    messages,
    metrics,
    preferences,
    presets,
    prompts,
    queue,
    searches,
    settings,
    shares,
    state,
    tags,
    tools,
)
from chatcore.api.calls import BODY_BYTES, FILES_BODY_BYTES, Clock, Door, Handler, Identify, answer, utc_now
from chatcore.api.errors import WrongMethod, error_response, no_such_path
from chatcore.core import Core

CHATS = "/api/v1/chat/sessions"
CHAT = "/api/v1/chat/sessions/{chat_id}"
MESSAGE = "/api/v1/messages/{message_id}"
TAGS = "/api/v1/tags"
TAG = "/api/v1/tags/{tag_id}"
FOLDERS = "/api/v1/folders"
FOLDER = "/api/v1/folders/{folder_id}"
SEARCHES = "/api/v1/searches"
SAVED_SEARCH = "/api/v1/searches/{search_id}"
SEARCH = "/api/v1/search"
PRESETS = "/api/v1/presets"
PRESET = "/api/v1/presets/{preset_id}"
PROMPTS = "/api/v1/prompts"
PROMPT = "/api/v1/prompts/{prompt_id}"
TOOLS = "/api/v1/tools"
QUEUED = "/api/v1/queue/{queued_id}"
PREFERENCES = "/api/v1/preferences"
COMPARISON = "/api/v1/comparisons/{comparison_id}"
SHARES = "/api/v1/shares"
SHARE = "/api/v1/shares/{link_id}"
IMPORTS = "/api/v1/imports"
IMPORT = "/api/v1/imports/{import_id}"
EXPORT = "/api/v1/export"
EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a caller can do. `body_bytes`: how large the JSON of it may be."""

    method: str
    path: str
    handler: Handler
    body_bytes: int = BODY_BYTES


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", CHATS, chats.list_all),
    Operation("POST", CHATS, chats.create, FILES_BODY_BYTES),
    Operation("GET", CHAT, chats.show),
    Operation("PATCH", CHAT, chats.change),
    Operation("DELETE", CHAT, chats.delete),
    Operation("GET", f"{CHAT}/messages", messages.list_all),
    Operation("POST", f"{CHAT}/messages", chats.send_message, FILES_BODY_BYTES),
    Operation("GET", MESSAGE, messages.show),
    Operation("GET", f"{MESSAGE}/attachments", attachments.list_all),
    Operation("DELETE", MESSAGE, messages.delete),
    Operation("POST", f"{MESSAGE}/edit", messages.edit, FILES_BODY_BYTES),
    Operation("POST", f"{MESSAGE}/continue", messages.go_on),
    Operation("POST", f"{MESSAGE}/show", messages.switch),
    Operation("POST", f"{MESSAGE}/fork", messages.fork),
    Operation("PUT", f"{MESSAGE}/feedback", messages.rate),
    Operation("DELETE", f"{MESSAGE}/feedback", messages.unrate),
    Operation("POST", f"{MESSAGE}/stop", answers.stop_answer),
    Operation("POST", f"{MESSAGE}/retry", answers.retry_answer),
    Operation("POST", f"{MESSAGE}/calls/{{call_id}}", tools.decide_call),
    Operation("GET", TOOLS, tools.list_all),
    Operation("PATCH", f"{TOOLS}/{{tool}}", tools.change),
    Operation("GET", TAGS, tags.list_all),
    Operation("PATCH", TAG, tags.change),
    Operation("DELETE", TAG, tags.delete),
    Operation("GET", FOLDERS, folders.list_all),
    Operation("POST", FOLDERS, folders.create),
    Operation("PATCH", FOLDER, folders.change),
    Operation("DELETE", FOLDER, folders.delete),
    Operation("GET", SEARCHES, searches.list_all),
    Operation("POST", SEARCHES, searches.create),
    Operation("PUT", SEARCHES, searches.order),
    Operation("PATCH", SAVED_SEARCH, searches.change),
    Operation("DELETE", SAVED_SEARCH, searches.delete),
    Operation("GET", SEARCH, finding.find),
    Operation("GET", f"{SEARCH}/switch", finding.switch),
    Operation("GET", f"{SEARCH}/facets", finding.spread),
    Operation("GET", f"{SEARCH}/count", finding.count),
    Operation("GET", f"{CHAT}/settings", settings.show),
    Operation("PUT", f"{CHAT}/settings", settings.change),
    Operation("GET", PRESETS, presets.list_all),
    Operation("POST", PRESETS, presets.create),
    Operation("PATCH", PRESET, presets.change),
    Operation("DELETE", PRESET, presets.delete),
    Operation("GET", PROMPTS, prompts.list_all),
    Operation("POST", PROMPTS, prompts.create),
    Operation("PATCH", PROMPT, prompts.change),
    Operation("DELETE", PROMPT, prompts.delete),
    Operation("GET", f"{CHAT}/queue", queue.list_all),
    Operation("POST", f"{CHAT}/queue", queue.put, FILES_BODY_BYTES),
    Operation("PATCH", QUEUED, queue.change),
    Operation("DELETE", QUEUED, queue.remove),
    Operation("POST", f"{QUEUED}/send", queue.send_now),
    Operation("GET", f"{CHAT}/comparisons", comparisons.list_all),
    Operation("POST", f"{CHAT}/comparisons", comparisons.start, FILES_BODY_BYTES),
    Operation("GET", COMPARISON, comparisons.show),
    Operation("POST", f"{COMPARISON}/vote", comparisons.vote),
    Operation("GET", SHARES, shares.list_all),
    Operation("GET", f"{CHAT}/shares", shares.list_of_chat),
    Operation("POST", f"{CHAT}/shares", shares.create),
    Operation("POST", f"{SHARE}/update", shares.update),
    Operation("DELETE", SHARE, shares.revoke),
    Operation("GET", PREFERENCES, preferences.show),
    Operation("PUT", PREFERENCES, preferences.change),
    Operation("GET", IMPORTS, imports.list_all),
    Operation("POST", f"{IMPORTS}/stop", imports.stop),
    Operation("GET", IMPORT, imports.show),
    Operation("DELETE", IMPORT, imports.undo),
    Operation("GET", "/api/v1/models", state.list_models),
)
ATTACHMENT = f"{MESSAGE}/attachments/{{attachment_id}}"
BACKUP = "/api/v1/backups/{name}"
EVENTS = f"{MESSAGE}/events"
LIVE = f"{MESSAGE}/ws"
HEALTH = "/healthz"
METRICS = "/metrics"
# The one page that people without an account may open.
SHARED = "/share/{token}"

Endpoint = Callable[[Request], Awaitable[Response]]


def routes(
    core: Callable[[], Core], identify: Identify, *, clock: Clock = utc_now, leaving: Callable[[], bool] = lambda: False
) -> list[BaseRoute]:
    """Every route, the last one being the answer for paths under /api that are not there.

    `core` is called at each request, `identify` says who calls (see `chatcore.api.calls`), `leaving` whether the process
    is about to end, which open event streams must not hold up.
    """
    door = Door(core, identify, clock, leaving)

    table: list[BaseRoute] = [
        *(Route(operation.path, endpoint(door, operation), methods=[operation.method]) for operation in OPERATIONS),
        Route(ATTACHMENT, partial(attachments.download, door), methods=["GET"]),
        Route(BACKUP, partial(backups.download, door), methods=["GET"]),
        Route(EVENTS, partial(answers.events, door), methods=["GET"]),
        Route(f"{IMPORTS}/preview", partial(imports.look, door), methods=["POST"]),
        Route(IMPORTS, partial(imports.start, door), methods=["POST"]),
        Route(EXPORT, partial(exports.download, door), methods=["GET"]),
        WebSocketRoute(LIVE, partial(live.follow, door)),
        Route(HEALTH, partial(state.health, door), methods=["GET"]),
        Route(METRICS, partial(metrics.scrape, door), methods=["GET"]),
        Route(SHARED, partial(shares.show, door), methods=["GET"]),
    ]
    return [*table, Route("/api/{rest:path}", nothing_there(tuple(table)), methods=EVERY_METHOD)]


def endpoint(door: Door, operation: Operation) -> Endpoint:
    """The handler as Starlette calls it."""

    async def call(request: Request) -> Response:
        return await answer(door, request, operation.handler, operation.body_bytes)

    return call


def nothing_there(table: tuple[BaseRoute, ...]) -> Endpoint:
    """Answers for a path or a method that no route has, in JSON as everything under /api."""

    async def refuse(request: Request) -> Response:
        allowed = sorted(method for method in EVERY_METHOD if any(matches(route, request.scope, method) for route in table))
        if not allowed:
            return error_response(no_such_path(request.url.path))
        error = WrongMethod(f"{request.method} is not possible here.", f"Use {', '.join(allowed)}.")
        return error_response(error, {"Allow": ", ".join(allowed)})

    return refuse


def matches(route: BaseRoute, scope: Scope, method: str) -> bool:
    """Whether a route answers this method at the path of the request."""
    return route.matches({**scope, "method": method})[0] is Match.FULL
