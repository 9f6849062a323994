"""Imports: look into a file, import it in the background, watch it, read what came, take it back.

A file comes as the body of the call, as it is, and goes to the disk as it comes. The owner may name one that lies on the server.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from chatcore.api.calls import Call, Door, Reply, fields, number_of, query, read_body, text_of, texts_of
from chatcore.api.errors import TooLarge, error_response, json_response, unexpected_response
from chatcore.api.guard import check_origin
from chatcore.api.values import import_json, job_json, preview_json
from chatcore.core import Core
from chatcore.errors import ChatcoreError, Invalid
from chatcore.importing import Options, jobs, list_imports, preview, undo_import
from chatcore.importing.runs import get_run
from chatcore.parts import Viewer

UPLOAD_BYTES = 4 * 2**30
IN_QUERY: dict[str, type] = {"name": str, "folder_id": int, "tags": str}
IN_BODY: dict[str, type] = {"path": str, "folder_id": int, "tags": list}


def list_all(call: Call) -> Reply:
    """The imports so far, the newest first, and the one that is going on or has just ended."""
    query(call.query, {})
    db = call.core.db
    job = jobs.current(db, call.viewer)
    return Reply({"imports": [import_json(run) for run in list_imports(db, call.viewer)], "current": job_json(job) if job else None})


def show(call: Call) -> Reply:
    """An import with its report."""
    query(call.query, {})
    return Reply({"import": import_json(get_run(call.core.db, call.viewer, call.row_id("import_id", "import")))})


def stop(call: Call) -> Reply:
    """Asks the import that is going on to stop after what it is writing."""
    fields(call.body, {})
    job = jobs.current(call.core.db, call.viewer)
    if job is not None:
        job.stop()
    return Reply({"current": job_json(job) if job else None}, 202)


def undo(call: Call) -> Reply:
    """Takes an import back; answers what that took away."""
    query(call.query, {})
    undone = undo_import(call.core.db, call.viewer, call.row_id("import_id", "import"), now=call.now)
    return Reply({"undone": {"chats": undone.chats, "messages": undone.messages, "kept_chats": undone.kept_chats}})


async def look(door: Door, request: Request) -> Response:
    """What is in a file and what an import would bring of it; nothing is written."""

    def told(core: Core, viewer: Viewer, brought: "Brought") -> Reply:
        try:
            return Reply({"preview": preview_json(preview(core.db, viewer, brought.path))})
        finally:
            brought.put_away()

    return await taken(door, request, told)


async def start(door: Door, request: Request) -> Response:
    """Begins to import a file in the background."""

    def begin(core: Core, viewer: Viewer, brought: "Brought") -> Reply:
        try:
            job = jobs.start_file(
                core.db, viewer, brought.path, file_name=brought.name, options=brought.options, now=door.clock(), remove=brought.is_ours
            )
        except ChatcoreError:
            brought.put_away()
            raise
        return Reply({"current": job_json(job)}, 202)

    return await taken(door, request, begin)


# --- the file ----------------------------------------------------------------------------------------------------


class Brought:
    """A file to be imported, and where its chats go. `is_ours`: it came with the call, and goes afterwards."""

    def __init__(self, path: Path, name: str, options: Options, *, is_ours: bool) -> None:
        self.path, self.name, self.options, self.is_ours = path, name, options, is_ours

    def put_away(self) -> None:
        """Deletes a file that came with the call."""
        if self.is_ours:
            jobs.let_go(self.path)


async def taken(door: Door, request: Request, work: Callable[[Core, Viewer, Brought], Reply]) -> Response:
    """The whole call: who calls, the file, what is done with it, JSON."""
    try:
        check_origin(request)
        viewer = await run_in_threadpool(door.viewer, request)
        brought = await brought_by(request, viewer)
        reply = await run_in_threadpool(work, door.core(), viewer, brought)
    except ChatcoreError as error:
        return error_response(error)
    except ClientDisconnect:
        return Response(status_code=400)
    except Exception:  # noqa: BLE001  # the edge: the traceback is logged, the caller gets a sentence
        return unexpected_response()
    return json_response(reply.body, reply.status)


async def brought_by(request: Request, viewer: Viewer) -> Brought:
    """The file that a call names or brings. Raises Invalid, and Denied to who may not read files of the server."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json" and not request.query_params:
        return await run_in_threadpool(on_server, fields(await read_body(request), IN_BODY), viewer)
    asked = query(dict(request.query_params), IN_QUERY)
    name = Path(text_of(asked, "name") or "").name
    if not name:
        raise Invalid(
            "The file has no name.", 'Send its bytes as the body with ?name=export.zip, or {"path"} as JSON if you are the owner.'
        )
    tags = tuple(filter(None, (text_of(asked, "tags") or "").split(",")))
    options = Options(folder_id=number_of(asked, "folder_id", 0) or None, tags=tags)
    return Brought(await kept(request, name), name, options, is_ours=True)


def on_server(sent: Mapping[str, object], viewer: Viewer) -> Brought:
    """A file that lies on the server. Raises what `jobs.on_server` raises."""
    path = text_of(sent, "path")
    if path is None:
        raise Invalid("The field 'path' is missing.", "Name a file on the server, or send the bytes of a file as the body with ?name=.")
    found = jobs.on_server(viewer, path)
    options = Options(folder_id=number_of(sent, "folder_id", 0) or None, tags=texts_of(sent, "tags"))
    return Brought(found, found.name, options, is_ours=False)


async def kept(request: Request, name: str) -> Path:
    """Writes the body to a file among the temporary ones, readable by us alone, as it comes. Raises Invalid for none, and above 4 GB."""
    size_bytes = 0
    path = jobs.place_for(name)
    try:
        with path.open("wb") as stream:
            async for chunk in request.stream():
                size_bytes += len(chunk)
                if size_bytes > UPLOAD_BYTES:
                    raise TooLarge(
                        f"The file has more than {UPLOAD_BYTES >> 30} GB.", "Import it on the server: python -m chatcore import FILE"
                    )
                await run_in_threadpool(stream.write, chunk)
        if not size_bytes:
            raise Invalid("The file is empty.", "Send the bytes of the file as the body of the call.")
    except BaseException:
        jobs.let_go(path)
        raise
    return path
