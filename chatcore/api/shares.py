"""Share links: list, make, take anew, revoke; and the page that whoever has a link can read."""

from dataclasses import fields as names_of
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from chatcore.api.calls import Call, Door, Reply, fields, flag_of, query, text_of
from chatcore.api.errors import unexpected_response
from chatcore.api.values import link_json
from chatcore.errors import ChatcoreError, Invalid, NotFound
from chatcore.sharing import Extras, list_links, make_link, read_page, revoke_link, update_link
from chatcore.sharing.page import HEADERS, nothing_here

EXTRAS = tuple(extra.name for extra in names_of(Extras))


def list_all(call: Call) -> Reply:
    """Every link of the caller, the newest first."""
    check_on(call)
    query(call.query, {})
    return Reply({"shares": [link_json(link) for link in list_links(call.core.db, call.viewer, now=call.now)]})


def list_of_chat(call: Call) -> Reply:
    """The links of a chat, the newest first."""
    check_on(call)
    query(call.query, {})
    return Reply({"shares": [link_json(link) for link in list_links(call.core.db, call.viewer, chat_id=call.chat_id(), now=call.now)]})


def create(call: Call) -> Reply:
    """A link to the chat as it is shown now."""
    check_on(call)
    sent = fields(call.body, {**dict.fromkeys(EXTRAS, bool), "expires_at": str})
    extras = Extras(**{name: flag_of(sent, name) is True for name in EXTRAS})
    ends = moment_of(text_of(sent, "expires_at"))
    link = make_link(call.core.db, call.viewer, call.chat_id(), extras=extras, expires_at=ends, now=call.now)
    return Reply({"share": link_json(link)}, 201)


def update(call: Call) -> Reply:
    """The same link to the chat as it is shown now."""
    check_on(call)
    fields(call.body, {})
    return Reply({"share": link_json(update_link(call.core.db, call.viewer, call.row_id("link_id", "link"), now=call.now))})


def revoke(call: Call) -> Reply:
    """Gone at once."""
    check_on(call)
    query(call.query, {})
    revoke_link(call.core.db, call.viewer, call.row_id("link_id", "link"))
    return Reply(status=204)


def check_on(call: Call) -> None:
    """Raises NotFound while sharing is switched off."""
    if not call.core.settings.sharing:
        raise NotFound("Sharing is switched off here.", "Set CHATCORE_SHARING=on and start chatcore again; docs/operations.md says more.")


def moment_of(text: str | None) -> datetime | None:
    """The time a text names, None for none. Raises Invalid for text that is no time, or one without its zone."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # told below, like a time without a zone
    raise Invalid("The field 'expires_at' is no time with a zone.", "Write it in ISO 8601, such as 2027-01-31T12:00:00Z.")


async def show(door: Door, request: Request) -> Response:
    """The page of a link, for whoever has it: nobody is asked who they are. All that does not answer looks the same."""
    try:
        page = await run_in_threadpool(found_page, door, request.path_params["token"])
    except ChatcoreError:
        return Response(nothing_here(), 404, HEADERS)
    except Exception:  # noqa: BLE001  # the edge: the traceback is logged, the caller gets a sentence
        return unexpected_response()
    return Response(page, 200, HEADERS)


def found_page(door: Door, token: str) -> bytes:
    """The page of a link. Raises NotFound, also while sharing is switched off."""
    core = door.core()
    if not core.settings.sharing:
        raise NotFound("Sharing is switched off here.")
    return read_page(core.db, token, now=door.clock())
