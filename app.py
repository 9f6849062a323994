"""The front door: one ASGI app = Streamlit pages + REST routes + the start and stop of chatcore.

`python -m chatcore serve`, `streamlit run app.py`, `python app.py` and `uvicorn app:app` all start this same app.
"""

import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from streamlit.auth_util import get_origin_from_redirect_uri
from streamlit.errors import StreamlitSecretNotFoundError
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME
from streamlit.web.server.starlette.starlette_websocket import _get_signed_cookie_with_chunks, _parse_decoded_user_cookie

from chatcore.api import HostGuard, LocalOwner, routes
from chatcore.core import close_shared, shared
from chatcore.errors import ChatcoreError, Denied, Invalid
from ui import sign_in

ROOT = Path(__file__).resolve().parent
# Without it Streamlit does not see edits in ui/ where it is told to watch, and keeps running the old code.
os.environ.setdefault("PYTHONPATH", str(ROOT))


def identify(connection: HTTPConnection) -> Mapping[str, object] | LocalOwner | None:
    """Who calls: the local owner without sign-in, else the claims in the signed cookie that Streamlit's sign-in set, None without one.

    The cookie is read with Streamlit's own functions, so that what signs a person in to the pages signs them in here.
    """
    if not sign_in.configured():
        return LocalOwner()
    cookie = _get_signed_cookie_with_chunks(connection.cookies, USER_COOKIE_NAME)
    if cookie is None:
        return None
    claims: dict[str, object] = _parse_decoded_user_cookie(cookie, get_origin_from_redirect_uri() or "")
    return claims if claims.get("is_logged_in") is True else None


def check_secrets() -> None:
    """Raises Invalid for a secrets file that cannot be read: Streamlit only logs it, and a sign-in that stands in it would be off."""
    try:
        secrets_singleton._parse()
    except StreamlitSecretNotFoundError as error:
        if error.error_id != "no-secrets-found":
            raise Invalid(
                f"The secrets file cannot be read: {error}", "Correct .streamlit/secrets.toml; without it nobody would have to sign in."
            ) from error
    if sign_in.configured() and not get_origin_from_redirect_uri():
        raise Denied("The sign-in in .streamlit/secrets.toml has no redirect_uri.", "Add it to [auth]; docs/operations.md shows how.")


leaving = threading.Event()


@contextmanager
def told_to_leave() -> Iterator[None]:
    """Sets `leaving` when the process is asked to end. The server waits for open event streams before it tells the lifespan,
    and a stream lasts as long as its answer."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if threading.current_thread() is not threading.main_thread() or not all(callable(handler) for handler in before.values()):
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        leaving.set()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in before:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def open_log() -> None:
    """What chatcore logs from INFO on goes to the terminal, unless whoever started the process has arranged it otherwise."""
    log = logging.getLogger("chatcore")
    if not log.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)


def answer_at_once() -> None:
    """Lets the connections of this process send small pieces without waiting for the last one to be confirmed.

    Streamlit opens its port in a way in which asyncio does not see that it is TCP, and leaves Nagle's algorithm on: every answer
    on an open connection, which goes out as a head and a body, then waits 40 ms (measured). A connection takes the option from the
    socket it came in by. Where open files cannot be listed (Windows) nothing is changed.
    """
    for name in os.listdir("/dev/fd") if os.path.isdir("/dev/fd") else ():
        try:
            with socket.socket(fileno=os.dup(int(name))) as port:
                if port.family in (socket.AF_INET, socket.AF_INET6) and port.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    port.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            continue  # no socket, or closed meanwhile


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Opens chatcore before the first request, which may take a migration, and closes it after the last."""
    open_log()
    answer_at_once()
    try:
        check_secrets()
        await run_in_threadpool(shared)
    except ChatcoreError as error:
        print(f"chatcore cannot start. {error.message}\n{error.hint}", file=sys.stderr, flush=True)  # noqa: T201  # for the person at the terminal
        # The servers below answer an exception here with a traceback and status 3, each in its own words.
        os._exit(1)
    # What is loaded by now stays. To look through it for garbage, as Python does now and then, took 0.07 s in which nothing else went
    # on, no answer either (measured).
    gc.freeze()
    with told_to_leave():
        try:
            yield
        finally:
            await run_in_threadpool(close_shared)


app = st.App(
    ROOT / "pages" / "_frame.py",
    routes=routes(shared, identify, leaving=leaving.is_set),
    middleware=[Middleware(HostGuard, sign_in=sign_in.configured)],
    lifespan=lifespan,
)

if __name__ == "__main__":
    app.run()
