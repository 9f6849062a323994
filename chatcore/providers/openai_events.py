"""Server-sent events out of bytes (https://html.spec.whatwg.org/multipage/server-sent-events.html), and what breaks a stream.

Nothing here needs the openai package, which takes 0.9 s of processor time to load.
"""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum, StrEnum

from chatcore.providers.base_json import Json
from chatcore.providers.base_json import Refused as Refused

# One event holds one token, or one answer in one piece: far below this, and nobody can fill the memory with it.
EVENT_LIMIT_BYTES = 16 * 1024 * 1024
ERROR_LIMIT_BYTES = 64 * 1024
DONE = "[DONE]"
_FIELD = re.compile(rb"(data|event|id|retry)(:|$)")


class Mark(Enum):
    """What is told beside the events of a stream: headers are here, the server sent a comment (it lives), its last event, its end."""

    HEADERS = "headers"
    PING = "ping"
    DONE = "done"
    END = "end"


class Stage(StrEnum):
    """How far a request came before it broke."""

    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect timeout"
    WRITE_TIMEOUT = "write timeout"
    TIMEOUT = "timeout"
    READ = "read"
    DECODE = "decode"


class Broken(Exception):
    """The connection did not come, or went. The words are the network's, never of a request."""

    def __init__(self, stage: Stage, words: str) -> None:
        super().__init__(f"{stage}: {words}")
        self.stage = stage


class NotEvents(Exception):
    """What came is no event. `cut` says that it may be the beginning of one."""

    def __init__(self, text: str, *, cut: bool) -> None:
        super().__init__(f"not an event: {text[:80]!r}")
        self.text = text
        self.cut = cut


WireError = Refused | Broken | NotEvents | TimeoutError
WIRE_ERRORS = (Refused, Broken, NotEvents, TimeoutError)


@dataclass(frozen=True, slots=True)
class Chunk:
    """The JSON object of an event, and its name where it has one ('error')."""

    json: Json
    name: str = ""


async def split_events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Chunk | Mark, None]:
    """The events of a byte stream, PING for each comment, DONE for the event that says so. Raises NotEvents.

    If the stream breaks, what is left of it comes first and then the error. An event at the end counts also without its empty line.
    """
    broken: Broken | None = None
    data: list[bytes] = []
    name, size, any_field = "", 0, False
    async with aclosing(split_lines(chunks)) as lines:
        try:
            async for line in lines:
                if not line:
                    if data:
                        yield event_of(data, name, cut=False)
                    data, name, size = [], "", 0
                elif line.startswith(b":"):
                    yield Mark.PING
                elif _FIELD.match(line):
                    any_field = True
                    field, _, value = line.partition(b":")
                    value = value.removeprefix(b" ")
                    size += len(value)
                    if size > EVENT_LIMIT_BYTES:
                        raise NotEvents(f"an event of more than {EVENT_LIMIT_BYTES} bytes", cut=False)
                    if field == b"data":
                        data.append(value)
                    elif field == b"event":
                        name = value.decode("utf-8", "replace")
                elif not any_field:
                    raise NotEvents(line[:ERROR_LIMIT_BYTES].decode("utf-8", "replace"), cut=b"data:".startswith(line))
        except Broken as error:
            broken = error
    if data:
        yield event_of(data, name, cut=True)
    if broken is not None:
        raise broken


def event_of(data: list[bytes], name: str, *, cut: bool) -> Chunk | Mark:
    """The event of some data lines. Raises NotEvents; `cut`: the stream ended there, so it may be half of one."""
    body = b"\n".join(data)
    if body.strip() == DONE.encode():
        return Mark.DONE
    return Chunk(parsed(body, cut=cut), name)


def parsed(body: bytes, *, cut: bool = False) -> Json:
    """The JSON object of a body. Raises NotEvents."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise NotEvents(body[:ERROR_LIMIT_BYTES].decode("utf-8", "replace"), cut=cut) from None
    if not isinstance(value, dict):
        raise NotEvents(body[:ERROR_LIMIT_BYTES].decode("utf-8", "replace"), cut=cut)
    return value


async def split_lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The lines of a byte stream without their ends (LF, CR LF), blank ones included, the last one also without an end.

    If the stream breaks, what is left of it comes first and then Broken.
    """
    rest = bytearray()
    broken: Broken | None = None
    try:
        async for chunk in chunks:
            searched = len(rest)
            rest += chunk
            start = 0
            while (end := rest.find(b"\n", max(start, searched))) >= 0:
                yield bytes(rest[start:end]).removesuffix(b"\r")
                start = end + 1
            del rest[:start]
            if len(rest) > EVENT_LIMIT_BYTES:
                raise NotEvents(f"a line of more than {EVENT_LIMIT_BYTES} bytes", cut=False)
    except Broken as error:
        broken = error
    if rest:
        yield bytes(rest).removesuffix(b"\r")
    if broken is not None:
        raise broken
