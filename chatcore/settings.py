"""What can be set from outside, read once when the core is opened. docs/operations.md lists every variable."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from chatcore.endpoints import Endpoint, read_endpoints
from chatcore.errors import Invalid

ROOT = Path(__file__).resolve().parent.parent
# The database file that is used where none is set.
USUAL_FILE = "chatcore.db"
# How long a chat stays in the trash: time enough to miss it.
TRASH_DAYS = 30
# Automatic backups that are kept: a week of days.
BACKUPS_KEPT = 7
UNITS_S = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
# More often a large database would be copied all day.
SHORTEST_S, LONGEST_COUNT = 600.0, 4
# Digits of a number of days: 99,999 are 273 years, and a calendar can still go back as far.
LONGEST_DAYS = 5
DEFAULT_OLLAMA_HOST = "http://127.0.0.1:11434"
ON, OFF = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a model server may take, in seconds; None = no limit.

    A server sends nothing while it loads a model or waits in its queue, so the first byte has no limit by default: the
    person can stop. Values: measured against Ollama 0.33 and llama.cpp b11434.
    """

    connect_s: float = 5.0
    write_s: float = 60.0
    pool_s: float = 5.0
    first_byte_s: float | None = None
    idle_s: float = 300.0
    lookup_s: float = 5.0
    pull_idle_s: float = 120.0
    delete_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the core needs to start. `trash_days`: how long a chat stays in the trash, 0 for ever. `metrics`: whether
    /metrics answers, to everybody or only to who sends `metrics_token`. `reference_model` (seller/model): whose prices make the
    equivalent of local models. `watts`: what this machine takes while a local model answers, for the estimate of energy.
    `traces_endpoint`: where traces go, None for nowhere. `endpoints`: the servers that speak OpenAI's interface. `fetch_allow`: the
    hosts that the tool fetch_url may read, none without. `mcp_config`: the file that names MCP servers. `sharing`: whether chats can be
    shown to others by a link. `backup_every_s`: how often a backup is made by itself, None for never; the newest `backup_keep` of these
    stay, in `backup_folder` (see `backups_at`)."""

    database_url: str
    ollama_host: str = DEFAULT_OLLAMA_HOST
    ollama_api_key: str | None = field(default=None, repr=False)
    endpoints: tuple[Endpoint, ...] = ()
    timeouts: Timeouts = Timeouts()
    checkpoint_s: float = 0.9
    heartbeat_stale_s: float = 15.0
    trash_days: int = TRASH_DAYS
    metrics: bool = False
    metrics_token: str | None = field(default=None, repr=False)
    reference_model: str | None = None
    watts: float | None = None
    traces_endpoint: str | None = field(default=None, repr=False)
    fetch_allow: str = ""
    mcp_config: str | None = None
    sharing: bool = False
    backup_every_s: float | None = None
    backup_keep: int = BACKUPS_KEPT
    backup_folder: str = ""

    @property
    def backups_at(self) -> Path:
        """The folder of backups: as set, else one beside the SQLite file, or under ./data. Each database has its own, since the oldest
        there are deleted, and the next start restores what is planned there."""
        if self.backup_folder:
            return Path(self.backup_folder).expanduser().resolve()
        if not self.database_url.startswith("sqlite:///"):
            return ROOT / "data" / f"backups-of-{Path(urlsplit(self.database_url).path).name}"
        file = Path(self.database_url.removeprefix("sqlite:///").partition("?")[0]).resolve()
        return file.parent / ("backups" if file.name == USUAL_FILE else f"backups-of-{file.name}")

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The endpoints that are not on this network, by their names."""
        return tuple(endpoint.name for endpoint in self.endpoints if not endpoint.is_local)

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        """Settings from environment variables; raises Invalid where one cannot be used."""
        return cls(
            database_url=database_url(env.get("DATABASE_URL", "")),
            ollama_host=env.get("OLLAMA_HOST", "").strip() or DEFAULT_OLLAMA_HOST,
            ollama_api_key=env.get("OLLAMA_API_KEY", "").strip() or None,
            endpoints=read_endpoints(env),
            timeouts=Timeouts(first_byte_s=positive_seconds(env, "CHATCORE_FIRST_BYTE_TIMEOUT_S")),
            trash_days=whole_days(env, "CHATCORE_TRASH_DAYS", TRASH_DAYS),
            metrics=switched_on(env, "CHATCORE_METRICS"),
            metrics_token=env.get("CHATCORE_METRICS_TOKEN", "").strip() or None,
            reference_model=env.get("CHATCORE_REFERENCE_MODEL", "").strip() or None,
            watts=positive_watts(env, "CHATCORE_WATTS"),
            traces_endpoint=traces_endpoint(env),
            fetch_allow=env.get("CHATCORE_FETCH_ALLOW", "").strip(),
            mcp_config=env.get("CHATCORE_MCP_CONFIG", "").strip() or None,
            sharing=switched_on(env, "CHATCORE_SHARING"),
            backup_every_s=stretch_of_time(env, "CHATCORE_BACKUP_EVERY"),
            backup_keep=kept_number(env, "CHATCORE_BACKUP_KEEP", BACKUPS_KEPT),
            backup_folder=env.get("CHATCORE_BACKUP_FOLDER", "").strip(),
        )


def database_url(raw: str) -> str:
    """The SQLAlchemy URL for what a person wrote; without anything, a SQLite file under ./data. Raises Invalid."""
    raw = raw.strip()
    if not raw:
        return f"sqlite:///{ROOT / 'data' / USUAL_FILE}"
    for prefix in ("postgres://", "postgresql://"):
        if raw.startswith(prefix):
            return "postgresql+psycopg://" + raw.removeprefix(prefix)
    if raw.startswith("postgresql+psycopg://"):
        return raw
    if raw.startswith("sqlite:///") and ":memory:" not in raw and raw != "sqlite:///":
        return raw
    raise Invalid(
        f"DATABASE_URL is not one chatcore can use: it starts with {raw.split('//')[0][:20]!r}.",
        "Write sqlite:///path/to/file.db or postgresql://user:password@host:5432/name, or leave it unset for ./data/chatcore.db.",
    )


def traces_endpoint(env: Mapping[str, str]) -> str | None:
    """Where OpenTelemetry's own variables send traces, None where they switch them off. Raises Invalid.

    Rules: OpenTelemetry specification, protocol/exporter.md. What the others say (headers, time limit, certificates, compression,
    sampler, names) only its library reads. Without an address none is looked at: they may be meant for other programs.
    """
    own, common = (env.get(f"OTEL_EXPORTER_OTLP_{kind}ENDPOINT", "").strip() for kind in ("TRACES_", ""))
    if not (own or common) or switched_on(env, "OTEL_SDK_DISABLED"):
        return None
    exporter = env.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter == "none":
        return None
    if exporter not in ("", "otlp"):
        raise Invalid(
            f"OTEL_TRACES_EXPORTER={exporter!r} is not an exporter chatcore has.", "Write otlp, or none for no traces, or leave it unset."
        )
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        protocol = env.get(name, "").strip().lower()
        if protocol == "http/protobuf":
            break
        if protocol:
            raise Invalid(
                f"{name}={protocol!r} is not a protocol chatcore speaks.",
                "Write http/protobuf or leave it unset, and name a port that takes OTLP over HTTP: collectors have 4318 for it.",
            )
    name, address = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", own) if own else ("OTEL_EXPORTER_OTLP_ENDPOINT", common)
    if not is_web_address(address):
        raise Invalid(f"{name} is not an address traces can be sent to.", "Write one such as http://127.0.0.1:4318, or leave it unset.")
    return own or f"{common.rstrip('/')}/v1/traces"


def is_web_address(raw: str) -> bool:
    """Whether this is http or https, a host and, if there is one, a port."""
    try:
        parts = urlsplit(raw)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def positive_seconds(env: Mapping[str, str], name: str) -> float | None:
    """The number of seconds in a variable, None if unset. Raises Invalid."""
    raw = env.get(name, "").strip()
    if not raw:
        return None
    try:
        seconds = float(raw)
    except ValueError:
        seconds = -1.0
    if not seconds > 0:
        raise Invalid(f"{name}={raw!r} is not a number of seconds.", "Write a number above 0, or leave it unset.")
    return seconds


def positive_watts(env: Mapping[str, str], name: str) -> float | None:
    """The watts in a variable, None if unset. Raises Invalid."""
    raw = env.get(name, "").strip()
    if not raw:
        return None
    try:
        watts = float(raw)
    except ValueError:
        watts = -1.0
    if not 0 < watts < math.inf:
        raise Invalid(f"{name}={raw!r} is not a number of watts.", "Write a number above 0, such as 150, or leave it unset.")
    return watts


def whole_days(env: Mapping[str, str], name: str, default: int) -> int:
    """The number of days in a variable. Raises Invalid."""
    raw = env.get(name, "").strip()
    if not raw:
        return default
    if not (raw.isascii() and raw.isdigit() and len(raw) <= LONGEST_DAYS):
        raise Invalid(f"{name}={raw!r} is not a number of days.", f"Write a whole number such as {default}, 0 for ever, or leave it unset.")
    return int(raw)


def stretch_of_time(env: Mapping[str, str], name: str) -> float | None:
    """The seconds that a variable such as 12h, 1d or 2w means; None if it is unset or off. Raises Invalid."""
    raw = env.get(name, "").strip().lower()
    if raw in OFF:
        return None
    number, unit = raw[:-1].strip(), raw[-1]
    seconds = (
        int(number) * UNITS_S[unit] if number.isascii() and number.isdigit() and len(number) <= LONGEST_COUNT and unit in UNITS_S else 0
    )
    if seconds < SHORTEST_S:
        raise Invalid(f"{name}={raw!r} is not how often.", "Write 30m, 12h, 1d or 1w, at least 10m, or leave it unset for never.")
    return seconds


def kept_number(env: Mapping[str, str], name: str, default: int) -> int:
    """How many are kept, as a variable says. Raises Invalid."""
    raw = env.get(name, "").strip()
    if not raw:
        return default
    if not (raw.isascii() and raw.isdigit() and len(raw) <= LONGEST_COUNT and int(raw)):
        raise Invalid(f"{name}={raw!r} is not how many to keep.", f"Write a number from 1 on such as {default}, or leave it unset.")
    return int(raw)


def switched_on(env: Mapping[str, str], name: str) -> bool:
    """Whether a variable switches something on; unset is off. Raises Invalid."""
    raw = env.get(name, "").strip().lower()
    if raw not in ON + OFF:
        raise Invalid(f"{name}={raw!r} is neither on nor off.", "Write 1 to switch it on, or leave it unset.")
    return raw in ON
