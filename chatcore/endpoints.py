"""Model servers that speak OpenAI's interface, as a person named them: which there are, where, and with what key.

Their names are written into the database with every answer, so a name keeps what it means there: that of a seller of tokens puts
the seller's prices on its answers, and is refused for a server on this network.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from chatcore.errors import Invalid
from chatcore.prices import SELLERS

LIST_VARIABLE = "CHATCORE_OPENAI_ENDPOINTS"
KEY_PREFIX = "CHATCORE_OPENAI_KEY_"
OPENAI_URL = "https://api.openai.com/v1"
# What the usual pair of variables names: OpenAI itself, else a server that only speaks like it.
OWN, COMPATIBLE = "openai", "openai-compatible"
# The column in the database has room for more; a name is read in lists.
LONGEST_NAME = 40
LONGEST_URL = 500
TAKEN = ("guide", "ollama")
EXAMPLE = "Write name=address, such as lab=http://192.168.1.20:8000/v1, with commas or line breaks between several."

LABELS = {
    "openai": "OpenAI", "openai-compatible": "OpenAI-compatible server", "openrouter": "OpenRouter", "vllm": "vLLM",
    "llamacpp": "llama.cpp", "llama-cpp": "llama.cpp", "lmstudio": "LM Studio", "lm-studio": "LM Studio", "litellm": "LiteLLM",
    "localai": "LocalAI", "groq": "Groq", "mistral": "Mistral", "deepseek": "DeepSeek", "together": "Together AI",
    "fireworks": "Fireworks AI", "azure": "Azure", "x-ai": "xAI", "google": "Google", "anthropic": "Anthropic",
    "perplexity": "Perplexity", "cerebras": "Cerebras", "moonshotai": "Moonshot AI", "zai": "Z.ai",
}  # fmt: skip
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# Names of machines on a private network have no dot, or lie in a zone that is never sold (RFC 2606, 6762, 8375; "internal": ICANN 2024).
_PRIVATE_ZONES = (".local", ".localhost", ".localdomain", ".lan", ".home", ".internal", ".intranet", ".home.arpa", ".test")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server: its name in the database, its address (which holds no secrets and can be shown), its key, and where the key is set."""

    name: str
    url: str
    key: str | None = field(default=None, repr=False)
    key_variable: str = ""
    address_variable: str = LIST_VARIABLE

    @property
    def label(self) -> str:
        """The name for people."""
        return LABELS.get(self.name, self.name)

    @property
    def host(self) -> str:
        """The host without port and brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine or its network, as far as the address tells: its tokens are not sold."""
        return is_private(self.host)


def is_private(host: str) -> bool:
    """Whether a host is not on the open internet, by its address or its name; nothing is looked up."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_ZONES)


def read_endpoints(env: Mapping[str, str]) -> tuple[Endpoint, ...]:
    """The endpoints the environment names: the usual pair of OpenAI first, then the list. Raises Invalid, never with a key in it."""
    listed = dict(listed_endpoints(env.get(LIST_VARIABLE, "")))
    keys = {name: key_in(env, name) for name in env if name.startswith(KEY_PREFIX) and env[name].strip()}
    endpoints = [endpoint for endpoint in usual_pair(env) if endpoint.name not in listed]
    for name, url in listed.items():
        variable = key_variable(name)
        # Who lists OpenAI itself need not write its key a second time.
        other = "OPENAI_API_KEY" if url == OPENAI_URL and not env.get("OPENAI_BASE_URL", "").strip() else ""
        if variable not in keys and other and (key := key_in(env, other)):
            endpoints.append(Endpoint(name, url, key, other))
        else:
            endpoints.append(Endpoint(name, url, keys.pop(variable, None), variable))
    if keys:
        left = sorted(keys)[0]
        name = left.removeprefix(KEY_PREFIX).lower().replace("_", "-")
        raise Invalid(
            f"{left} is a key for an endpoint that is not in {LIST_VARIABLE}.", f"Add the endpoint {name!r} there, or unset the key."
        )
    return tuple(endpoints)


def usual_pair(env: Mapping[str, str]) -> Iterator[Endpoint]:
    """The endpoint of OPENAI_API_KEY and OPENAI_BASE_URL, which many programs read; none where neither is set. Raises Invalid."""
    raw, key = env.get("OPENAI_BASE_URL", "").strip(), key_in(env, "OPENAI_API_KEY")
    if not (raw or key):
        return
    url = read_url(raw, "OPENAI_BASE_URL") if raw else OPENAI_URL
    host = urlsplit(url).hostname or ""
    name = OWN if host == "openai.com" or host.endswith(".openai.com") else COMPATIBLE
    yield Endpoint(name, url, key, "OPENAI_API_KEY", "OPENAI_BASE_URL")


def listed_endpoints(raw: str) -> Iterator[tuple[str, str]]:
    """Name and address of each entry of the list. Raises Invalid."""
    seen = set()
    for entry in re.split(r"[,\n]", raw):
        if not entry.strip():
            continue
        name, equals, address = (part.strip() for part in entry.partition("="))
        if not equals or "://" in name:
            raise Invalid(f"{LIST_VARIABLE} has an entry without a name.", EXAMPLE)
        check_name(name)
        if name in seen:
            raise Invalid(f"{LIST_VARIABLE} names {name!r} twice.", "Give each endpoint a name of its own.")
        seen.add(name)
        url = read_url(address, f"The address of {name!r} in {LIST_VARIABLE}")
        if name in SELLERS and is_private(urlsplit(url).hostname or ""):
            raise Invalid(
                f"{LIST_VARIABLE} names a server on this network {name!r}: its answers would get the prices of {LABELS.get(name, name)}.",
                f"Choose another name, such as {f'{name}-local'!r}.",
            )
        yield name, url


def check_name(name: str) -> None:
    """Raises Invalid for a name that cannot stand in the database and in addresses."""
    if name in TAKEN:
        raise Invalid(f"{LIST_VARIABLE} names an endpoint {name!r}, which is built in.", "Choose another name, such as 'lab'.")
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise Invalid(
            f"{LIST_VARIABLE} has a name that cannot be used: {name[:LONGEST_NAME]!r}.",
            f"Use lower-case letters, digits and dashes between them, at most {LONGEST_NAME} characters.",
        )


def read_url(raw: str, what: str) -> str:
    """The address that requests go below. Raises Invalid, which does not repeat the address: it may hold a password.

    Without a path it gets /v1, where these servers listen; the path of a single call is cut off.
    """
    try:
        parts = urlsplit(raw)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = SplitResult("", "", "", "", ""), "", None
    if parts.scheme not in ("http", "https") or port == 0 or not re.fullmatch(r"[\w.:%-]+", host) or len(raw) > LONGEST_URL:
        raise Invalid(
            f"{what} is not an address.", "Write http:// or https://, the host, and where the server listens: http://127.0.0.1:8000/v1."
        )
    if parts.username is not None or parts.password is not None:
        raise Invalid(f"{what} has a user name or a password in it.", f"Put the key into {KEY_PREFIX}NAME, where it is never shown.")
    if parts.query or parts.fragment:
        raise Invalid(f"{what} has a ? or a # in it.", "Write the address only up to the path, such as https://llm.example.org/v1.")
    if re.search(r"[\s\x00-\x1f\x7f]", parts.path):
        raise Invalid(f"{what} has a space in it.", "Write it without, such as https://llm.example.org/v1.")
    path = re.sub(r"/(chat/completions|completions|models)$", "", parts.path.rstrip("/")) or "/v1"
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"


def key_variable(name: str) -> str:
    """The variable that holds the key of an endpoint."""
    return KEY_PREFIX + name.upper().replace("-", "_")


def key_in(env: Mapping[str, str], variable: str) -> str | None:
    """The key in a variable, None where it is empty. Raises Invalid for one that no request can carry; the key is not repeated."""
    key = env.get(variable, "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", key):
        raise Invalid(f"{variable} holds something that is no key.", "A key is letters, digits and signs without spaces: copy it again.")
    return key or None
