"""Bytes to and from an Ollama server, through Ollama's own client.

`ollama.AsyncClient` makes the requests. Its parsing is left out, because it loses what we need (tool call ids, sign-in
addresses, the models' capabilities) and breaks on lines that are allowed: httpx splits at U+0085 inside a JSON string.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from enum import Enum
from typing import Literal

import httpx
import ollama

from chatcore.providers.base_json import Json as Json
from chatcore.providers.base_json import Refused as Refused
from chatcore.providers.base_json import count_in as count_in
from chatcore.providers.base_json import object_in as object_in
from chatcore.providers.base_json import objects_in as objects_in
from chatcore.providers.base_json import text_in as text_in
from chatcore.providers.ollama_address import Address as Address
from chatcore.providers.ollama_address import parse_address as parse_address
from chatcore.settings import Timeouts

# One line holds one token, or one answer in one piece: far below this, and nobody can fill the memory with it.
LINE_LIMIT_BYTES = 16 * 1024 * 1024
ERROR_LIMIT_BYTES = 64 * 1024

Method = Literal["GET", "POST", "DELETE"]


class Mark(Enum):
    """What is told beside the lines of a stream."""

    HEADERS = "headers"
    END = "end"


class NotJson(Exception):
    """What came is not a JSON object. `cut` says that it may be the beginning of one."""

    def __init__(self, text: str, *, cut: bool) -> None:
        super().__init__(f"not a JSON object: {text[:80]!r}")
        self.text = text
        self.cut = cut


class Wire(ollama.AsyncClient):
    """Ollama's client, answering with plain JSON objects and whole lines.

    The methods raise Refused, NotJson, httpx.HTTPError and TimeoutError; `ollama_errors` makes sentences of them.
    """

    def __init__(self, address: Address, timeouts: Timeouts, api_key: str | None) -> None:
        # First byte and idle limits differ and httpx knows one read limit only: reading is timed by who reads.
        timeout = httpx.Timeout(None, connect=timeouts.connect_s, write=timeouts.write_s, pool=timeouts.pool_s)
        super().__init__(
            address.url,
            timeout=timeout,
            auth=(address.user, address.password or "") if address.user else None,
            # On this machine no proxy of the environment is asked: it would look for the server on its own machine.
            trust_env=not address.is_loopback,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        )
        # The client sends OLLAMA_API_KEY from the environment to any host, also in clear text.
        self._client.headers.pop("authorization", None)
        if api_key and address.may_see_key:
            self._client.headers["authorization"] = f"Bearer {api_key}"

    async def ask(self, method: Method, path: str, body: Mapping[str, object] | None = None) -> Json:
        """The one JSON object a look-up answers with; {} for an empty body."""
        response = await self._client.request(method, path, content=encoded(body))
        if response.is_error:
            raise Refused(response.status_code, response.text[:ERROR_LIMIT_BYTES], response.headers.get("retry-after"))
        return parsed(response.content) if response.content.strip() else {}

    async def lines(self, path: str, body: Mapping[str, object]) -> AsyncGenerator[Json | Mark, None]:
        """HEADERS when they are here, the JSON object of each line, END.

        What came before a connection broke is given before the error is raised.
        """
        async with self._client.stream("POST", path, content=encoded(body)) as response:
            if response.is_error:
                raise Refused(response.status_code, await self._error_text(response), response.headers.get("retry-after"))
            yield Mark.HEADERS
            async with aclosing(split_lines(response.aiter_bytes())) as lines:
                async for line in lines:
                    yield parsed(line)
        yield Mark.END

    async def _error_text(self, response: httpx.Response) -> str:
        """The start of an error's body, as far as it comes."""
        body = b""
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > ERROR_LIMIT_BYTES:
                break
        return body[:ERROR_LIMIT_BYTES].decode("utf-8", "replace")


async def split_lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The lines of a byte stream, split at newline bytes only, blank ones left out, the last one also without newline.

    If the stream breaks, what is left of it comes first and then the error.
    """
    rest = bytearray()
    broken: httpx.HTTPError | None = None
    try:
        async for chunk in chunks:
            searched = len(rest)
            rest += chunk
            while (end := rest.find(b"\n", searched)) >= 0:
                line = bytes(rest[:end]).strip()
                del rest[: end + 1]
                searched = 0
                if line:
                    yield line
            if len(rest) > LINE_LIMIT_BYTES:
                raise NotJson(f"a line of more than {LINE_LIMIT_BYTES} bytes", cut=False)
    except httpx.HTTPError as error:
        broken = error
    if line := bytes(rest).strip():
        yield line
    if broken is not None:
        raise broken


def encoded(body: Mapping[str, object] | None) -> bytes | None:
    """The JSON of a request. Escaped to ASCII, so that a lone surrogate in it is no error here."""
    return None if body is None else json.dumps(body).encode()


def parsed(line: bytes) -> Json:
    """The JSON object of a line. Raises NotJson."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise NotJson(line[:ERROR_LIMIT_BYTES].decode("utf-8", "replace"), cut=line.startswith(b"{")) from None
    if not isinstance(value, dict):
        raise NotJson(line[:ERROR_LIMIT_BYTES].decode("utf-8", "replace"), cut=False)
    return value
