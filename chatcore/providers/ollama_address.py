"""Where an Ollama server is, as a person wrote it. Apart from the client, which reads OLLAMA_HOST when it is imported and
breaks there on one that is no address."""

import ipaddress
import urllib.parse
from dataclasses import dataclass, field

import httpx

from chatcore.errors import Invalid

DEFAULT_PORT = 11434
CLOUD_HOST = "ollama.com"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is. `url` holds no credentials and can be shown; `port_given` is False where http or https chose it."""

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    port_given: bool = True

    @property
    def host(self) -> str:
        """The host without port and brackets."""
        return urllib.parse.urlsplit(self.url).hostname or ""

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_cloud(self) -> bool:
        """Whether this is the vendor's own hosted server."""
        return self.host == CLOUD_HOST or self.host.endswith(f".{CLOUD_HOST}")

    @property
    def may_see_key(self) -> bool:
        """Whether the API key may be sent: to the configured address only, and never in clear text."""
        return self.url.startswith("https://")


def parse_address(raw: str) -> Address:
    """The address a person wrote, by Ollama's rules: port 11434 without a scheme, else the scheme's own. Raises Invalid.

    An address to listen on (0.0.0.0, ::) becomes the loopback address to connect to; an IPv6 address needs no brackets.
    """
    scheme, separator, rest = raw.strip().partition("://")
    if not separator:
        scheme, rest = "http", raw.strip()
    scheme = scheme.lower()
    if scheme not in ("http", "https"):
        raise Invalid(f"OLLAMA_HOST starts with {scheme[:20]!r}.", "Write http:// or https:// and the host.")
    bare = rest.rpartition("@")[2].split("/")[0]
    if bare.count(":") > 1 and "[" not in bare:
        rest = rest.replace(bare, f"[{bare}]", 1)
    try:
        split = urllib.parse.urlsplit(f"{scheme}://{rest}")
        host, port = split.hostname or "127.0.0.1", split.port
    except ValueError as error:
        raise Invalid(f"OLLAMA_HOST is not an address: {error}.", "Write for example http://127.0.0.1:11434.") from error
    if any(character.isspace() or not character.isprintable() for character in host):
        raise Invalid("OLLAMA_HOST is not an address: there is a space in it.", "Write for example http://127.0.0.1:11434.")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    chosen = port or (DEFAULT_PORT if not separator else 443 if scheme == "https" else 80)
    path = split.path.strip("/")
    url = f"{scheme}://{shown}:{chosen}" + (f"/{path}" if path else "")
    try:
        httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Invalid(f"OLLAMA_HOST is not an address: {error}.", "Write for example http://127.0.0.1:11434.") from error
    return Address(
        url=url,
        user=urllib.parse.unquote(split.username) if split.username else None,
        password=urllib.parse.unquote(split.password) if split.password else None,
        port_given=port is not None or not separator,
    )
