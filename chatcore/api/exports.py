"""Exports: chats in an open form, sent as they are read."""

import io
import queue
import threading
from collections.abc import AsyncIterator
from typing import cast
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from chatcore.api.calls import Door, parse_chat_id, query, text_of
from chatcore.api.errors import HEADERS, error_response, log, unexpected_response
from chatcore.core import Core
from chatcore.errors import ChatcoreError
from chatcore.exporting import Chosen, Form, choose, export, file_name, form_named
from chatcore.parts import Viewer

# So much is sent at a time, and so many of these wait at most for a caller that reads slowly.
PIECE_BYTES = 256 * 1024
PIECES = 8
# How often one who writes looks whether the caller is still there.
LOOK_S = 0.5


async def download(door: Door, request: Request) -> Response:
    """One chat, the chats in which a search finds something, or all of the caller's, in the form that is named."""
    try:
        core, viewer, form, chosen = await run_in_threadpool(asked, door, request)
    except ChatcoreError as error:
        return error_response(error)
    except Exception:  # noqa: BLE001  # the edge: the traceback is logged, the caller gets a sentence
        return unexpected_response()
    name = file_name(form, chosen, now=door.clock())
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    headers = HEADERS | {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}
    media_type = "application/zip" if name.endswith(".zip") else form.media_type
    return StreamingResponse(pieces(core, viewer, form, chosen), headers=headers, media_type=media_type)


def asked(door: Door, request: Request) -> tuple[Core, Viewer, Form, Chosen]:
    """What is to be exported. Raises Invalid, NotFound, Denied."""
    viewer, core = door.viewer(request), door.core()
    words = query(dict(request.query_params), {"form": str, "chat_id": str, "q": str})
    form = form_named(text_of(words, "form") or "json")
    chat = text_of(words, "chat_id")
    chat_id = parse_chat_id(chat) if chat is not None else None
    return core, viewer, form, choose(core.db, viewer, chat_id=chat_id, text=text_of(words, "q") or "", now=door.clock())


async def pieces(core: Core, viewer: Viewer, form: Form, chosen: Chosen) -> AsyncIterator[bytes]:
    """The file, piece by piece. An error in the middle cuts the connection: half a file must not look like a whole one."""
    outlet = Outlet()
    broke: list[BaseException] = []

    def write() -> None:
        try:
            with io.BufferedWriter(cast(io.RawIOBase, outlet), PIECE_BYTES) as out:
                export(core.db, viewer, form, chosen, out)
        except Gone:
            pass
        except Exception as error:  # noqa: BLE001  # the edge: it is logged, and raised to whoever sends
            log.exception("an export broke")
            broke.append(error)
        finally:
            outlet.end()

    threading.Thread(target=write, name="export", daemon=True).start()
    try:
        while piece := await run_in_threadpool(outlet.pieces.get):
            yield piece
    finally:
        outlet.left.set()
    if broke:
        raise broke[0]


class Gone(Exception):
    """Nobody reads any more."""


class Outlet(io.RawIOBase):
    """A file to write to, whose pieces somebody else takes. An empty piece is the end."""

    def __init__(self) -> None:
        self.pieces: queue.Queue[bytes] = queue.Queue(PIECES)
        self.left = threading.Event()
        self.size_bytes = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size_bytes

    def write(self, piece: bytes | memoryview) -> int:  # type: ignore[override]  # the name of all that is like bytes came with 3.12
        """Hands a piece over; waits while too many wait. Raises Gone."""
        content = bytes(piece)
        self.put(content)
        self.size_bytes += len(content)
        return len(content)

    def put(self, content: bytes) -> None:
        while not self.left.is_set():
            try:
                self.pieces.put(content, timeout=LOOK_S)
                return
            except queue.Full:
                continue
        raise Gone

    def end(self) -> None:
        """Says that nothing more comes."""
        try:
            self.put(b"")
        except Gone:
            return
