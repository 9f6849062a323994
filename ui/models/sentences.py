"""What the Models page says of models, servers and downloads. Pure: nothing here draws."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from chatcore.core import Standing
from chatcore.parts import Capability, ModelInfo
from chatcore.providers.base import RunningModel
from chatcore.pulls import Layer, Pull
from ui import words

BADGES = {
    Capability.VISION: "visibility: Vision",
    Capability.TOOLS: "build: Tools",
    Capability.THINKING: "psychology: Thinking",
    Capability.AUDIO: "mic: Audio",
    Capability.IMAGE: "image: Makes images",
    Capability.EMBEDDING: "scatter_plot: Embeddings",
}
SORTS = ("As listed", "Name", "Largest first", "Smallest first", "In memory first")
# The server's words for the stages of a download, by their beginnings.
STAGES = (
    ("pulling manifest", "Looking it up …"),
    ("pulling", "Downloading"),
    ("verifying", "Checking what came …"),
    ("writing", "Writing it down …"),
    ("removing", "Tidying up …"),
    ("success", "Done"),
)


def badges(model: ModelInfo) -> str:
    """Where a model runs and what it can do."""
    found = [":blue-badge[:material/cloud: Cloud]"] if model.cloud else []
    found += [f":gray-badge[:material/{label}]" for capability, label in BADGES.items() if capability in (model.capabilities or ())]
    return " ".join(found)


def facts(model: ModelInfo) -> str:
    """The sizes of a model on one line; what the server does not say is left out."""
    parts = [
        f"{model.parameter_size} parameters" if model.parameter_size else "",
        model.quantization or "",
        f"{words.size(model.size_bytes)} on disk" if model.size_bytes else "",
        f"{words.context_size(model.context_length)} context" if model.context_length else "",
        "runs on the vendor's servers" if model.cloud else "",
    ]
    return words.plain(" · ".join(part for part in parts if part))


def in_memory(running: RunningModel, *, now: datetime, zone: tzinfo) -> str:
    """How much memory a loaded model takes, where, with which window, and until when."""
    size = words.size(running.size_bytes) if running.size_bytes else "size not known"
    parts = [f"In memory: {size}"]
    if running.size_bytes and running.vram_bytes is not None:
        parts.append(on_card(running.size_bytes, running.vram_bytes))
    if running.context_length:
        parts.append(f"window of {words.context_size(running.context_length)} tokens")
    parts.append(until(running.expires_at, now=now, zone=zone))
    return ", ".join(parts)


def on_card(size_bytes: int, vram_bytes: int) -> str:
    """How much of a model is on the graphics card."""
    if vram_bytes <= 0:
        return "none of it on a graphics card"
    if vram_bytes >= size_bytes:
        return "all of it on the graphics card"
    return f"{words.size(vram_bytes)} of it ({vram_bytes * 100 // size_bytes}%) on the graphics card"


def until(expires_at: datetime | None, *, now: datetime, zone: tzinfo) -> str:
    """How long a model stays."""
    # Ollama says a time in centuries for one that stays.
    if expires_at is None or (expires_at - now).days > 3650:
        return "stays until it is taken out"
    if expires_at <= now:
        return "about to leave"
    return f"until {words.moment(expires_at, now=now, zone=zone)}"


def heard(standing: Standing, *, now: datetime, zone: tzinfo) -> str:
    """When a server last answered, and how long that took."""
    if standing.answered_at is None:
        return "It has not answered since this app was started."
    clock = f"{standing.answered_at.astimezone(zone):%H:%M:%S}"
    day = words.moment(standing.answered_at, now=now, zone=zone)
    when = f"at {clock}" if day == clock[:5] else words.within(day)
    if not standing.health.reachable:
        return f"Its last answer came {when}."
    latency_s = standing.health.latency_s
    took = f" in {max(round(latency_s * 1000), 1)} ms" if latency_s is not None else ""
    return f"Answered{took} {when}."


def stage(pull: Pull) -> str:
    """What a download does now."""
    return next((said for beginning, said in STAGES if pull.status.startswith(beginning)), pull.status or "Asking the server …")


def progress(pull: Pull) -> str:
    """How far a download is, how fast, and how long it takes."""
    if not pull.total_bytes:
        return stage(pull)
    parts = [f"{words.size(pull.completed_bytes)} of {words.size(pull.total_bytes)}"]
    if pull.bytes_per_s and pull.completed_bytes < pull.total_bytes:
        parts.append(f"{words.size(int(pull.bytes_per_s))}/s")
        if pull.seconds_left is not None:
            parts.append(f"{words.duration(pull.seconds_left)} left")
    elif pull.completed_bytes >= pull.total_bytes:
        parts.append(stage(pull))
    return " · ".join(parts)


def kept(pull: Pull) -> str:
    """What of a cancelled download is there."""
    if not pull.completed_bytes:
        return "Nothing had come yet."
    return words.plain(f"{words.size(pull.completed_bytes)} of {words.size(pull.total_bytes)} came and are kept.")


def layer(part: Layer) -> str:
    """One file of a download."""
    return f"{part.digest.removeprefix('sha256:')[:12]} · {words.size(part.completed_bytes)} of {words.size(part.total_bytes)}"


def chosen(models: Sequence[ModelInfo], running: set[str], text: str, sort: str) -> list[ModelInfo]:
    """The models whose name or sizes hold every word of the text, sorted."""
    wanted = text.lower().split()
    found = [model for model in models if all(word in searchable(model) for word in wanted)]
    match sort:
        case "Name":
            found.sort(key=lambda model: model.id.lower())
        case "Largest first":
            found.sort(key=lambda model: -(model.size_bytes or 0))
        case "Smallest first":
            found.sort(key=lambda model: (model.size_bytes is None, model.size_bytes or 0))
        case "In memory first":
            found.sort(key=lambda model: model.id not in running)
    return found


def searchable(model: ModelInfo) -> str:
    """All words a model is found by."""
    parts = [
        model.id,
        model.parameter_size or "",
        model.quantization or "",
        "cloud" if model.cloud else "",
        *sorted(model.capabilities or ()),
    ]
    return " ".join(parts).lower()
