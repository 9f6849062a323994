"""Who may call from where: protection against web pages of others that use a person's browser.

Without sign-in whoever reaches the port is the owner, so two doors must stay shut for foreign web pages: their requests
to our address (checked by origin and by a header they cannot send) and their own name pointed at our address (DNS
rebinding, checked by the Host header).
"""

import ipaddress
import os
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from chatcore.errors import Denied

CUSTOM_HEADER = "X-Chatcore"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def check_origin(connection: HTTPConnection) -> None:
    """Raises Denied for a change or a WebSocket that another web page asks for.

    Programs send neither Origin nor Sec-Fetch-Site and pass. A browser sends at least one of them; its WebSockets must
    come from our own origin, its changes must also carry the header X-Chatcore: 1, which no page of another origin can
    send without our permission, and we give none.
    """
    changes = connection.scope["type"] == "http" and connection.scope["method"] not in SAFE_METHODS
    if not changes and connection.scope["type"] != "websocket":
        return
    origin = connection.headers.get("origin")
    if origin is not None and not same_origin(origin, connection.headers.get("host", "")):
        raise Denied("This call comes from another web page.", "Call from a page of this installation, or from a program.")
    from_browser = origin is not None or "sec-fetch-site" in connection.headers
    if changes and from_browser and connection.headers.get(CUSTOM_HEADER) != "1":
        raise Denied("This call comes from a browser without the header X-Chatcore: 1.", "Send the header with the call.")


def same_origin(origin: str, host: str) -> bool:
    """Whether the Origin header names the host that was called; "null" (a sandboxed page, a file) never does."""
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def allowed_hosts(env: Mapping[str, str] = os.environ) -> frozenset[str]:
    """The host names in CHATCORE_ALLOWED_HOSTS (comma separated), in lower case; "*" allows all."""
    return frozenset(name.strip().lower().rstrip(".") for name in env.get("CHATCORE_ALLOWED_HOSTS", "").split(",") if name.strip())


def host_allowed(header: str, further: frozenset[str]) -> bool:
    """Whether a Host header is one that no stranger can have pointed at us.

    Addresses cannot be rebound, names without a dot and under .localhost are not sold to anybody; every other name has to
    be in `further`.
    """
    try:
        name = (urlsplit(f"//{header}").hostname or "").lower().rstrip(".")
    except ValueError:
        return False
    if not name:
        return False
    if "." not in name and ":" not in name:
        return True
    if name.endswith(".localhost") or name in further or "*" in further:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class HostGuard:
    """Middleware around pages and routes: refuses host names that are not ours while nobody has to sign in.

    With sign-in a foreign name is harmless, since the browser keeps the sign-in cookie from it.
    """

    def __init__(self, app: ASGIApp, sign_in: Callable[[], bool], further: frozenset[str] | None = None) -> None:
        self.app = app
        self.sign_in = sign_in
        self.further = allowed_hosts() if further is None else further

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            host = HTTPConnection(scope).headers.get("host", "")
            if not host_allowed(host, self.further) and not self.sign_in():
                await self.refuse(host, scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def refuse(self, host: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Says what to do, to a person in front of a browser."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "This host name is not allowed."})
            return
        sentence = (
            f"chatcore does not answer under the name {host[:100]!r}.\n\n"
            "If it is yours, set CHATCORE_ALLOWED_HOSTS to it and start chatcore again, or configure sign-in (docs/operations.md).\n"
            "Until then use an address or localhost: without sign-in any name would let foreign web pages read your chats.\n"
        )
        await PlainTextResponse(sentence, 403)(scope, receive, send)
