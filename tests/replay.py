"""A model server made of recorded answers: real HTTP on loopback, which can also stall, cut, hang up and make wait.

    with ReplayServer() as server:
        server.play("ollama_chat_basic.ndjson")             # POST /api/chat answers with this transcript
        server.on("/api/tags", json_reply({"models": []}))
        ... Settings(ollama_host=server.url) ...
        server.requests[0].json                               # what was asked

It runs on a thread with a loop of its own, so that tests of any kind can use it. What the transcripts must give stands
beside them in tests/data/transcripts/INDEX.json.
"""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

TRANSCRIPTS = Path(__file__).parent / "data" / "transcripts"
# A busy machine takes seconds to import the client of a server.
WAIT_S = 30.0


class Gate:
    """Something a reply waits for until a test opens it, from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._event = asyncio.Event()

    def open(self) -> None:
        """Lets the reply go on."""
        self._loop.call_soon_threadsafe(self._event.set)

    async def passed(self) -> None:
        """Returns when the gate is open."""
        await self._event.wait()


@dataclass(frozen=True)
class Reply:
    """How one request is answered. Positions count bytes of the body.

    `pieces`: how many bytes are sent at a time. `hold`: a gate before the first byte. `cut_at`: the connection is closed
    there without an end mark (`reset`: with a TCP reset). `stall_at`: nothing more is sent from there until the client
    leaves or the gate `stall` opens. `pause_s`: a pause after each piece. `drop`: the connection is closed without an answer.
    """

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    framing: Literal["chunked", "length", "close"] = "chunked"
    pieces: tuple[int, ...] = ()
    hold: Gate | None = None
    stall: Gate | None = None
    cut_at: int | None = None
    reset: bool = False
    stall_at: int | None = None
    pause_s: float = 0.0
    drop: bool = False

    def parts(self) -> Iterable[bytes]:
        """The body as it is sent: up to the cut, in pieces, and broken at the stall."""
        end = len(self.body) if self.cut_at is None else self.cut_at
        stops = {end, *accumulate(self.pieces), *([] if self.stall_at is None else [self.stall_at])}
        start = 0
        for stop in sorted(stop for stop in stops if 0 < stop <= end):
            yield self.body[start:stop]
            start = stop


@dataclass
class Asked:
    """A request as it came. `client_left` is set when the client closed the connection before the reply was whole."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    client_left: threading.Event = field(default_factory=threading.Event)

    @property
    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value


def json_reply(value: object, status: int = 200) -> Reply:
    """A reply with a JSON body."""
    return Reply(json.dumps(value).encode(), status, framing="length")


def ndjson_reply(*lines: object) -> Reply:
    """A stream with one line for each value, sent a line at a time."""
    encoded = [json.dumps(line).encode() + b"\n" for line in lines]
    return Reply(b"".join(encoded), content_type="application/x-ndjson", pieces=tuple(len(line) for line in encoded))


def sse_reply(*events: object, done: bool = True) -> Reply:
    """A stream of server-sent events, one for each value, sent an event at a time; `done`: with OpenAI's end mark."""
    encoded = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events] + [b"data: [DONE]\n\n"] * done
    return Reply(b"".join(encoded), content_type="text/event-stream", pieces=tuple(len(event) for event in encoded))


def transcript(name: str) -> Reply:
    """A recorded answer, with its status, sent a line at a time."""
    entry = index()[name]
    body = (TRANSCRIPTS / name).read_bytes()
    stream = name.endswith((".ndjson", ".sse"))
    return Reply(
        body,
        status=int(str(entry["status"])),
        content_type=str(entry["content_type"]),
        framing="chunked" if stream else "length",
        pieces=tuple(len(line) + 1 for line in body.split(b"\n")[:-1]) if stream else (),
    )


def index() -> dict[str, dict[str, object]]:
    """What is known of each transcript: status, source, and what must come of it."""
    found = json.loads((TRANSCRIPTS / "INDEX.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


class ReplayServer:
    """Serves scripted replies, a list for each path, until the context ends; the last reply of a list repeats."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self.requests: list[Asked] = []
        self._replies: dict[str, list[Reply]] = {}
        self._news = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.on("/api/version", json_reply({"version": "0.33.0"}))
        self.on("/api/ps", json_reply({"models": []}))
        self.on("/api/tags", json_reply({"models": []}))
        self.on("/v1/models", json_reply({"object": "list", "data": []}))

    # --- what tests call -----------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The address a client is given."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def on(self, path: str, *replies: Reply) -> None:
        """Scripts the replies to a path, one after the other; the last one repeats."""
        with self._news:
            self._replies[path] = list(replies)

    def play(self, *names: str, path: str = "/api/chat", change: Callable[[Reply], Reply] = lambda reply: reply) -> None:
        """Scripts transcripts as the replies to a path, each changed by `change`."""
        self.on(path, *(change(transcript(name)) for name in names))

    def gate(self) -> Gate:
        """A gate for the `hold` or `stall` of a reply."""
        return Gate(self._loop)

    def asked(self, path: str) -> list[Asked]:
        """The requests to a path, in order."""
        with self._news:
            return [request for request in self.requests if request.path == path]

    def wait_for(self, path: str, count: int = 1) -> Asked:
        """The request number `count` to a path; waits for it up to 30 s. Blocks: use `asyncio.to_thread` on a loop."""
        with self._news:
            arrived = self._news.wait_for(lambda: len([r for r in self.requests if r.path == path]) >= count, WAIT_S)
        assert arrived, f"request {count} to {path} did not come within {WAIT_S:g} s"
        return self.asked(path)[count - 1]

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(WAIT_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)

    # --- the server ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, self.host, self.port))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._end(server))
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _end(self, server: asyncio.Server) -> None:
        """Ends every connection, also one that has come and that nobody has looked at yet: left open, it would be a warning in
        whichever test comes next."""
        # As many turns of the loop as it takes from a connection that is accepted to the task that serves it, and some more.
        for _ in range(10):
            await asyncio.sleep(0)
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client is gone, or the server ends
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection until one reply ends it."""
        first = await reader.read(1)
        while first:
            asked = await self._read_request(first, reader)
            with self._news:
                self.requests.append(asked)
                replies = self._replies.get(asked.path, [Reply(b"404 page not found", 404, "text/plain")])
                reply = replies.pop(0) if len(replies) > 1 else replies[0]
                self._news.notify_all()
            sending = asyncio.ensure_future(self._send(reply, writer))
            leaving = asyncio.ensure_future(reader.read(1))
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if not sending.done():
                    asked.client_left.set()
                    return
                if not sending.result():
                    return
                first = await leaving
            finally:
                sending.cancel()
                leaving.cancel()
                await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _read_request(self, first: bytes, reader: asyncio.StreamReader) -> Asked:
        head = first + await reader.readuntil(b"\r\n\r\n")
        request, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = request.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Asked(method, target.partition("?")[0], headers, body)

    async def _send(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        """Sends a reply; whether the connection can serve another one."""
        if reply.hold is not None:
            await reply.hold.passed()
        if reply.drop:
            return False
        writer.write(self._head(reply))
        await writer.drain()
        sent = 0
        for part in reply.parts():
            await self._stalled(reply, sent)
            writer.write(b"%x\r\n%b\r\n" % (len(part), part) if reply.framing == "chunked" else part)
            await writer.drain()
            sent += len(part)
            # Sent as one piece each, so that a client that reads at once sees the pieces apart.
            await asyncio.sleep(reply.pause_s)
        await self._stalled(reply, sent)
        if reply.cut_at is not None:
            if reply.reset:
                # A linger of 0 s makes closing send RST.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if reply.framing == "chunked":
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return reply.framing != "close"

    async def _stalled(self, reply: Reply, sent: int) -> None:
        if reply.stall_at == sent:
            await (reply.stall or self.gate()).passed()

    def _head(self, reply: Reply) -> bytes:
        headers = [("Content-Type", reply.content_type), *reply.headers]
        if reply.framing == "chunked":
            headers.append(("Transfer-Encoding", "chunked"))
        elif reply.framing == "length":
            headers.append(("Content-Length", str(len(reply.body))))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        return f"HTTP/1.1 {reply.status} Scripted\r\n{lines}\r\n".encode("latin-1")


def in_pieces(reply: Reply, *sizes: int) -> Reply:
    """The same reply, sent so many bytes at a time; the rest comes at once."""
    return replace(reply, pieces=tuple(sizes))
