"""The figures of this process for Prometheus, where they are switched on."""

import hmac

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from chatcore.api.calls import Door
from chatcore.api.errors import HEADERS, error_response, unexpected_response
from chatcore.errors import ChatcoreError, Denied, NotFound


class NoToken(Denied):
    """The call has not the token of the metrics (status 401)."""

    status = 401

    def __init__(self) -> None:
        super().__init__("The metrics need their token.", "Send the header Authorization: Bearer and the value of CHATCORE_METRICS_TOKEN.")


async def scrape(door: Door, request: Request) -> Response:
    """The figures as text; 404 while they are switched off, 401 without the token if there is one. Asks neither person nor database."""
    try:
        headers = request.headers
        content, content_type = await run_in_threadpool(figures, door, headers.get("authorization", ""), headers.get("accept", ""))
    except NoToken as error:
        return error_response(error, {"WWW-Authenticate": "Bearer"})
    except ChatcoreError as error:
        return error_response(error)
    except Exception:  # noqa: BLE001  # the edge: the traceback is logged, the caller gets a sentence
        return unexpected_response()
    return Response(content, headers=HEADERS | {"Content-Type": content_type})


def figures(door: Door, authorization: str, accept: str) -> tuple[bytes, str]:
    """The figures and their content type. Raises NotFound while they are off, NoToken."""
    core = door.core()
    if core.metrics is None:
        raise NotFound("Metrics are switched off here.", "Set CHATCORE_METRICS=1 and start chatcore again; docs/operations.md says more.")
    token = core.settings.metrics_token
    if token is not None and not has_token(authorization, token):
        raise NoToken
    return core.metrics.page(accept)


def has_token(authorization: str, token: str) -> bool:
    """Whether the header carries the token; takes as long for a wrong one as for the right one."""
    scheme, _, given = authorization.partition(" ")
    # Headers come as Latin-1, whatever was sent.
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1"), token.encode())
