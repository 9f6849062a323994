"""What Ollama says of its models, as our values."""

import re
from dataclasses import replace
from datetime import UTC, datetime

from chatcore.parts import ModelInfo
from chatcore.providers.base import ModelDetails, PullProgress, RunningModel
from chatcore.providers.ollama_wire import Json, count_in, object_in, objects_in, text_in
from chatcore.texts import storable

PROVIDER = "ollama"
_NUM_CTX = re.compile(r"^num_ctx\s+(\d{1,12})\s*$", re.MULTILINE)


def name_in(row: Json) -> str:
    """The name a model is asked for by."""
    return storable(text_in(row, "model") or text_in(row, "name"))


def is_cloud(name: str, row: Json) -> bool:
    """Whether the model runs on another machine than the server: a stub that names it, or a name of that kind."""
    return bool(text_in(row, "remote_host") or text_in(row, "remote_model")) or name.endswith((":cloud", "-cloud"))


def capabilities_in(row: Json) -> frozenset[str] | None:
    """What the model can do; None where the server does not say."""
    found = row.get("capabilities")
    return frozenset(storable(item) for item in found if isinstance(item, str)) if isinstance(found, list) else None


def listed_model(row: Json) -> ModelInfo:
    """A model of GET /api/tags."""
    name, details = name_in(row), object_in(row, "details")
    cloud = is_cloud(name, row)
    return ModelInfo(
        id=name,
        provider=PROVIDER,
        capabilities=capabilities_in(row),
        context_length=count_in(details, "context_length") or None,
        # The stub of a cloud model has some hundred bytes, which say nothing of the model.
        size_bytes=None if cloud else count_in(row, "size"),
        parameter_size=storable(text_in(details, "parameter_size")) or None,
        quantization=storable(text_in(details, "quantization_level")) or None,
        cloud=cloud,
    )


def shown_model(name: str, shown: Json) -> ModelInfo:
    """A model of POST /api/show."""
    return replace(listed_model({**shown, "model": name}), context_length=context_length_in(shown), capabilities=capabilities_in(shown))


def details_in(shown: Json) -> ModelDetails:
    """What POST /api/show says beyond that."""
    details = object_in(shown, "details")
    return ModelDetails(
        family=storable(text_in(details, "family")),
        format=storable(text_in(details, "format")),
        parameters=storable(text_in(shown, "parameters")),
        template=storable(text_in(shown, "template")),
        system=storable(text_in(shown, "system")),
        license=storable(text_in(shown, "license")),
        context_length=context_length_in(shown),
    )


def context_length_in(shown: Json) -> int | None:
    """The model's window in tokens: what it was trained for, or less where its Modelfile sets num_ctx."""
    info = object_in(shown, "model_info")
    trained = count_in(info, f"{text_in(info, 'general.architecture')}.context_length") or None
    setting = _NUM_CTX.search(text_in(shown, "parameters"))
    chosen = int(setting.group(1)) if setting else 0
    return min(trained or chosen, chosen) if chosen else trained


def running_models(answer: Json) -> tuple[RunningModel, ...]:
    """The models of GET /api/ps."""
    return tuple(
        RunningModel(
            id=name_in(row),
            size_bytes=count_in(row, "size"),
            vram_bytes=count_in(row, "size_vram"),
            context_length=count_in(row, "context_length") or None,
            expires_at=time_in(row, "expires_at"),
        )
        for row in objects_in(answer, "models")
        if name_in(row)
    )


def same_model(asked: str, name: str) -> bool:
    """Whether a name with or without the tag ':latest' is meant."""
    return full_name(asked) == full_name(name)


def full_name(name: str) -> str:
    """The name with its tag."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def time_in(row: Json, key: str) -> datetime | None:
    """The time under a key in UTC; None where there is none, or Go's zero time."""
    try:
        found = datetime.fromisoformat(text_in(row, key))
        return found.astimezone(UTC) if found.tzinfo and found.year > 1 else None
    except (ValueError, OverflowError):
        return None


def pull_progress(line: Json) -> PullProgress:
    """A line of POST /api/pull. The server leaves out 'completed' while it is 0."""
    total = count_in(line, "total")
    return PullProgress(
        status=storable(text_in(line, "status")),
        digest=text_in(line, "digest") or None,
        completed_bytes=(count_in(line, "completed") or 0) if total else None,
        total_bytes=total or None,
    )
