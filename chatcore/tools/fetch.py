"""Reads a page of the web, from hosts that whoever runs this installation has allowed."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from chatcore.errors import Invalid
from chatcore.tools.base import BUILT_IN, Context, Json, ToolFailed

LONGEST_URL = 2000
LARGEST_PAGE_BYTES = 2_000_000
LIMIT_S = 20.0
MOST_REDIRECTS = 5
TEXTS = re.compile(r"text/|application/(json|xml|xhtml\+xml|[\w.+-]+\+(json|xml)|javascript|yaml)", re.IGNORECASE)
HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class AllowList:
    """The hosts that may be read: names, `*.name` for all below a name, addresses and networks.

    A name that leads to a private address is refused, unless that address is listed as well: else whoever owns the name
    could have us read what stands behind our firewall.
    """

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def has_name(self, host: str) -> bool:
        """Whether a host is named."""
        return host in self.names or any(f"*.{host[place + 1 :]}" in self.names for place, sign in enumerate(host) if sign == ".")

    def has_address(self, address: Address) -> bool:
        """Whether an address is listed, alone or in a network."""
        return any(address in network for network in self.networks)


def parse_allowed(raw: str) -> AllowList:
    """The list that CHATCORE_FETCH_ALLOW writes down, with commas or spaces between. Raises Invalid."""
    names, networks = set(), []
    for entry in re.split(r"[\s,]+", raw.strip().lower()):
        if not entry:
            continue
        try:
            networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
        except ValueError:
            if not HOST.fullmatch(entry):
                raise Invalid(
                    f"CHATCORE_FETCH_ALLOW names {entry[:60]!r}, which is no host.",
                    "Write host names, *.example.org for all below one, addresses or networks, with commas between.",
                ) from None
            names.add(entry)
    return AllowList(frozenset(names), tuple(networks))


class Fetch:
    """Fetches a page and gives its text. No page off the list, no other port than the URL's own, no credentials."""

    name = "fetch_url"
    read_only = True
    source = BUILT_IN
    schema: Json = {
        "type": "object",
        "properties": {
            "url": {"type": "string", "maxLength": LONGEST_URL, "description": "An address that starts with https:// or http://"}
        },
        "required": ["url"],
        "additionalProperties": False,
    }

    def __init__(self, allowed: AllowList) -> None:
        self._allowed = allowed
        hosts = ", ".join([*sorted(allowed.names), *map(str, allowed.networks)])
        self.description = f"Reads a web page and gives its text. Only these hosts can be read: {hosts}."

    async def run(self, arguments: Json, context: Context) -> str:
        """The text of the page, after at most five redirects within the list."""
        url = str(arguments["url"]).strip()
        try:
            async with asyncio.timeout(LIMIT_S):
                for _ in range(MOST_REDIRECTS + 1):
                    page = await self._get(url)
                    if isinstance(page, Page):
                        # In a thread: a large page takes a second to read, and the loop serves every answer.
                        return await asyncio.to_thread(page.text)
                    url = page
        except TimeoutError as error:
            raise ToolFailed(f"{url} did not answer in {LIMIT_S:g} s.") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise ToolFailed(f"{url} could not be read: {error or type(error).__name__}.") from error
        raise ToolFailed(f"The page leads on more than {MOST_REDIRECTS} times.")

    async def _get(self, url: str) -> "Page | str":
        """The page at an address, or the address it leads on to."""
        host, port, scheme = self._target(url)
        address = await self._resolved(host, port)
        # The address that was checked is the one that is asked: a name may mean another one a moment later.
        target = httpx.URL(url).copy_with(host=str(address), fragment=None)
        headers = {"Host": httpx.URL(url).netloc.decode(), "User-Agent": "chatcore", "Accept": "text/html, text/*, application/json;q=0.9"}
        async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S, follow_redirects=False) as client:
            extensions = {"sni_hostname": host} if scheme == "https" else {}
            async with client.stream("GET", target, headers=headers, extensions=extensions) as response:
                if response.is_redirect and response.headers.get("location"):
                    return urljoin(url, str(response.headers["location"]))
                if response.is_error:
                    raise ToolFailed(f"{url} answered with HTTP {response.status_code}.")
                kind = str(response.headers.get("content-type", ""))
                if kind and not TEXTS.match(kind):
                    return Page(url, kind, b"", cut=False)
                body = bytearray()
                async for chunk in response.aiter_bytes(65536):
                    body += chunk
                    if len(body) > LARGEST_PAGE_BYTES:
                        break
                return Page(url, kind, bytes(body[:LARGEST_PAGE_BYTES]), cut=len(body) > LARGEST_PAGE_BYTES)

    def _target(self, url: str) -> tuple[str, int, str]:
        """Host, port and scheme of an address that may be asked. Raises ToolFailed."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
            host = host.encode("idna").decode() if host and not host.isascii() else host
        except (ValueError, UnicodeError) as error:
            raise ToolFailed(f"{url[:200]!r} is not a web address.") from error
        if parts.scheme not in ("http", "https") or not host or parts.username is not None:
            raise ToolFailed(f"{url[:200]!r} is not a web address that can be read: it needs http or https, a host, and no password.")
        literal = as_address(host)
        if not (self._allowed.has_address(literal) if literal else self._allowed.has_name(host)):
            raise ToolFailed(f"{host} is not on the list of hosts that may be read. {self.description}")
        return host, port or (443 if parts.scheme == "https" else 80), parts.scheme

    async def _resolved(self, host: str, port: int) -> Address:
        """The address to ask. Raises ToolFailed if the name leads to a place that is not public and not listed."""
        if literal := as_address(host):
            return literal
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise ToolFailed(f"There is no host called {host}.") from error
        addresses = [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in found]
        for address in addresses:
            mapped = getattr(address, "ipv4_mapped", None) or address
            if not (mapped.is_global and not mapped.is_multicast) and not self._allowed.has_address(mapped):
                raise ToolFailed(f"{host} leads to the private address {address}, which is not on the list of hosts that may be read.")
        return addresses[0]


@dataclass(frozen=True, slots=True)
class Page:
    """What came from an address; of what is not text only its kind."""

    url: str
    kind: str
    body: bytes
    cut: bool

    def text(self) -> str:
        """The page as text, HTML without its tags."""
        if self.kind and not TEXTS.match(self.kind):
            return f"[{self.kind[:80]}: not a text, so it is not shown]"
        charset = re.search(r"charset=[\"']?([\w-]+)", self.kind)
        try:
            text = self.body.decode(charset.group(1) if charset else "utf-8", "replace")
        except LookupError:
            text = self.body.decode("utf-8", "replace")
        if "html" in self.kind or text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
            text = without_tags(text)
        return text + (f"\n[Cut here: the page has more than {LARGEST_PAGE_BYTES:,} bytes.]" if self.cut else "")


def as_address(host: str) -> Address | None:
    """The IP address that a host is written as; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


class Reader(HTMLParser):
    """Takes the text out of HTML: scripts and styles left out, a line for each block."""

    HIDDEN = frozenset({"script", "style", "template", "noscript", "svg", "head"})
    BLOCKS = frozenset({
        "p", "div", "br", "li", "ul", "ol", "tr", "table", "section", "article", "header", "footer", "nav", "main", "pre", "blockquote",
        "h1", "h2", "h3", "h4", "h5", "h6", "dt", "dd", "hr", "form", "figure",
    })  # fmt: skip

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._parts: list[str] = []
        self._hidden: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self._in_title = tag == "title" and not self.title
        if tag in self.HIDDEN:
            self._hidden.append(tag)
        elif tag == "body":
            self._hidden.clear()
        elif tag in self.BLOCKS:
            self._parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        elif tag in self.BLOCKS:
            self._parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._hidden:
            self._parts.append(data)

    def text(self) -> str:
        """The title and the lines, white space joined."""
        lines = (" ".join(line.split()) for line in "".join(self._parts).split("\n"))
        body = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
        return "\n\n".join(part for part in (" ".join(self.title.split()), body) if part)


def without_tags(text: str) -> str:
    """The words of an HTML page."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader.text()
