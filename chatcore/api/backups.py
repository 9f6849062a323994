"""A backup as a file, for the owner: whole databases are too large for a page to hold in memory."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from chatcore.api.calls import Door, query
from chatcore.api.errors import HEADERS, error_response, unexpected_response
from chatcore.errors import ChatcoreError


async def download(door: Door, request: Request) -> Response:
    """The file, in pieces, with ranges for who goes on with a download that broke off."""
    try:
        path, name = await run_in_threadpool(found_file, door, request)
    except ChatcoreError as error:
        return error_response(error)
    except Exception:  # noqa: BLE001  # the edge: the traceback is logged, the caller gets a sentence
        return unexpected_response()
    return FileResponse(path, media_type="application/octet-stream", filename=name, headers=HEADERS)


def found_file(door: Door, request: Request) -> tuple[str, str]:
    """Where the backup lies that the path names. Raises NotFound, and Denied for who is not the owner."""
    # Here, because it loads the driver of PostgreSQL, which most do without.
    from chatcore.backup.service import named

    query(dict(request.query_params), {})
    viewer = door.viewer(request)
    backup = named(door.core().settings, viewer, request.path_params["name"])
    return str(backup.path), backup.name
