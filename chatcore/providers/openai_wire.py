"""Bytes to and from an OpenAI-compatible server, through OpenAI's own client. The only module that loads the openai package.

`openai.AsyncOpenAI` makes the requests. Its parsing is left out, because it takes a login page for an empty answer, does not
notice a stream that ends early, passes over `event: error`, and loses the words of `{"error": "text"}`.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Protocol, cast

import httpx2
import openai

from chatcore import __version__
from chatcore.endpoints import OWN, Endpoint
from chatcore.providers.base_json import Json
from chatcore.providers.openai_events import (
    ERROR_LIMIT_BYTES,
    EVENT_LIMIT_BYTES,
    Broken,
    Chunk,
    Mark,
    NotEvents,
    Refused,
    Stage,
    parsed,
    split_events,
)
from chatcore.settings import Timeouts

# All a server other than OpenAI's is told: the client would also send it organisation and project, and whatever headers
# OPENAI_CUSTOM_HEADERS names. X-Conversation-Id, with which llama.cpp goes on writing when nobody listens, is not among them.
TOLD = ("accept", "content-type", "user-agent", "authorization")


class Stream(Protocol):
    """The response of a streaming request, as far as it is used here."""

    http_response: httpx2.Response

    def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """The body as it comes."""


class Client(openai.AsyncOpenAI):
    """OpenAI's client, which tells a server no more than it is asked with."""

    told_all = False

    @property
    def default_headers(self) -> dict[str, str | openai.Omit]:
        """The headers of every request."""
        found = super().default_headers
        return found if self.told_all else {name: value for name, value in found.items() if name.lower() in TOLD}


class Wire:
    """The requests of one endpoint. They raise Refused, Broken, NotEvents and TimeoutError; `openai_errors` makes sentences of them."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts) -> None:
        # First byte and idle limits differ and the client knows one read limit only: reading is timed by who reads.
        timeout = httpx2.Timeout(None, connect=timeouts.connect_s, write=timeouts.write_s, pool=timeouts.pool_s)
        # Said with every request, or the client takes what the environment has for it.
        authorization = f"Bearer {endpoint.key}" if endpoint.key else openai.omit
        self._headers: Mapping[str, str | openai.Omit] = {"Authorization": authorization, "User-Agent": f"chatcore/{__version__}"}
        self._client = Client(
            # It must not be empty, or the client looks for one in the environment.
            api_key=endpoint.key or "none",
            base_url=endpoint.url,
            max_retries=0,
            timeout=timeout,
            http_client=httpx2.AsyncClient(
                timeout=timeout,
                follow_redirects=True,
                # On this machine no proxy of the environment is asked: it would look for the server on its own machine.
                trust_env=not endpoint.is_loopback,
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
            ),
        )
        self._client.told_all = endpoint.name == OWN

    async def models(self) -> Json:
        """The answer to GET /models."""
        with told_plainly():
            response = await self._client.models.with_raw_response.list(extra_headers=self._headers)
            return parsed(response.content)

    async def chat(self, body: Json) -> AsyncGenerator[Chunk | Mark, None]:
        """HEADERS when they are here, the events, END. A server that does not stream gives its answer as one event.

        What came before a connection broke is given before the error is raised.
        """
        create = self._client.chat.completions.with_streaming_response.create
        with told_plainly():
            async with create(**body, extra_headers=self._headers) as opened:  # type: ignore[call-overload]  # its many overloads know no dictionary
                response = cast(Stream, opened)
                yield Mark.HEADERS
                kind = response.http_response.headers.get("content-type", "").partition(";")[0].strip().lower()
                if kind in ("application/json", "application/problem+json"):
                    yield Chunk(parsed(await whole(plainly(response.iter_bytes())), cut=True))
                else:
                    async with aclosing(split_events(plainly(response.iter_bytes()))) as events:
                        async for event in events:
                            yield event
        yield Mark.END

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()


async def whole(chunks: AsyncIterator[bytes]) -> bytes:
    """A body in one piece. Raises NotEvents for one that would fill the memory."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > EVENT_LIMIT_BYTES:
            raise NotEvents(f"an answer of more than {EVENT_LIMIT_BYTES} bytes", cut=False)
    return bytes(body)


async def plainly(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The bytes, with our words for what breaks them."""
    with told_plainly():
        async for chunk in chunks:
            yield chunk


@contextmanager
def told_plainly() -> Iterator[None]:
    """Raises our errors instead of the client's and its network library's."""
    try:
        yield
    except openai.APIStatusError as error:
        body = error.response.content[:ERROR_LIMIT_BYTES].decode("utf-8", "replace")
        raise Refused(error.status_code, body, error.response.headers.get("retry-after")) from None
    except openai.APIConnectionError as error:
        # All its errors say "Connection error."; what happened is behind it.
        raise broken(error.__cause__ or error) from None
    except (httpx2.HTTPError, httpx2.StreamError) as error:
        raise broken(error) from None


def broken(error: BaseException) -> Broken:
    """How far a request came. Not the error's repr: with some of them the request comes along."""
    words = f"{type(error).__name__}: {error}"[:300]
    match error:
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            return Broken(Stage.CONNECT_TIMEOUT, words)
        case httpx2.WriteTimeout():
            return Broken(Stage.WRITE_TIMEOUT, words)
        case httpx2.TimeoutException():
            return Broken(Stage.TIMEOUT, words)
        case httpx2.ConnectError() | httpx2.ProxyError() | httpx2.UnsupportedProtocol():
            return Broken(Stage.CONNECT, words)
        case httpx2.TooManyRedirects() | httpx2.DecodingError():
            return Broken(Stage.DECODE, words)
        case _:
            return Broken(Stage.READ, words)
