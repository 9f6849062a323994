"""The files of messages: listed, and given back as they came."""

from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from chatcore.api.answers import found_message
from chatcore.api.calls import Call, Door, Reply, flag_of, parse_row_id, query
from chatcore.api.errors import HEADERS, error_response, unexpected_response
from chatcore.api.values import attachment_json
from chatcore.attachments import read_attachment
from chatcore.errors import ChatcoreError
from chatcore.history import get_message
from chatcore.parts import AttachmentInfo

# What a browser may draw by itself. Whatever else somebody attached is only saved, or shown as plain text.
DRAWN = ("image/png", "image/jpeg", "image/gif", "image/webp")
# A page that a file turns out to be gets no script, no form, no origin of ours.
POLICY = "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"
# It cannot change; but it is one person's own.
CACHE = "private, max-age=3600"


def list_all(call: Call) -> Reply:
    """The files of a message, without what they hold."""
    query(call.query, {})
    message = get_message(call.core.db, call.viewer, call.message_id())
    return Reply({"attachments": [attachment_json(file) for file in message.attachments]})


async def download(door: Door, request: Request) -> Response:
    """A file as it came; with ?small=true, of a large image the smaller picture that models are sent."""
    try:
        info, content = await run_in_threadpool(found_file, door, request)
    except ChatcoreError as error:
        return error_response(error)
    except Exception:  # noqa: BLE001  # the edge: the traceback is logged, the caller gets a sentence
        return unexpected_response()
    return Response(content, headers=headers_of(info))


def found_file(door: Door, request: Request) -> tuple[AttachmentInfo, bytes]:
    """The file the path names, if it is the caller's. Raises NotFound, Denied, Invalid."""
    core, viewer, message = found_message(door, request)
    asked = query(dict(request.query_params), {"small": bool})
    attachment_id = parse_row_id(request.path_params["attachment_id"], "file")
    small = flag_of(asked, "small") is True
    if message.id < 0:
        return core.runner.memory.file(viewer, message.id, attachment_id, small=small)
    return read_attachment(core.db, viewer, message.id, attachment_id, small=small)


def headers_of(info: AttachmentInfo) -> dict[str, str]:
    """How a browser has to take a file: images are drawn, everything else is saved under its name."""
    drawn = info.media_type in DRAWN
    plain = "".join(letter if letter.isascii() and letter.isprintable() and letter not in '"\\%' else "_" for letter in info.name)
    named = f"filename=\"{plain}\"; filename*=UTF-8''{quote(info.name, safe='')}"
    media_type = f"{info.media_type}; charset=utf-8" if info.media_type.startswith("text/") else info.media_type
    return HEADERS | {
        "Cache-Control": CACHE,
        "Content-Type": media_type,
        "Content-Disposition": f"{'inline' if drawn else 'attachment'}; {named}",
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
    }
