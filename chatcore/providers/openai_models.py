"""What OpenAI-compatible servers say of their models, as our values. Most say only the name; each of the others has words of its own."""

import re

from chatcore.parts import Capability, ModelInfo
from chatcore.providers.base_json import Json, count_in, object_in, objects_in, text_in
from chatcore.texts import storable

# OpenAI lists models for pictures, voices and vectors beside those that chat, and does not say which is which.
_NO_CHAT = re.compile(
    r"(^|[/_-])(text-embedding|embed(ding)?s?|whisper|tts|dall-e|gpt-image|chatgpt-image|sora|omni-moderation|text-moderation|moderation"
    r"|transcribe|realtime|rerank(er)?|babbage-002|davinci-002|bge|nomic-embed)([/_.:-]|$)",
    re.IGNORECASE,
)
_MODALITIES = {"image": Capability.VISION, "audio": Capability.AUDIO}
_PARAMETERS = {"tools": Capability.TOOLS, "reasoning": Capability.THINKING, "reasoning_effort": Capability.THINKING}
# vLLM, OpenRouter, Groq, Mistral; llama.cpp has it in "meta".
_WINDOWS = ("max_model_len", "context_length", "context_window", "max_context_length", "loaded_context_length")


def listed_models(answer: Json, provider: str, *, local: bool) -> tuple[ModelInfo, ...]:
    """The models of GET /models, each once, in the server's order."""
    found = {name: listed_model(row, provider, local=local) for row in objects_in(answer, "data") if (name := text_in(row, "id").strip())}
    return tuple(found.values())


def is_list(answer: Json) -> bool:
    """Whether the answer is one to GET /models."""
    return isinstance(answer.get("data"), list)


def listed_model(row: Json, provider: str, *, local: bool) -> ModelInfo:
    """One model; what a server does not say stays unknown."""
    name, meta = storable(text_in(row, "id").strip()), object_in(row, "meta")
    parameters = count_in(meta, "n_params")
    status = text_in(object_in(row, "status"), "value")
    return ModelInfo(
        id=name,
        provider=provider,
        capabilities=capabilities_in(row, name),
        context_length=next((size for key in _WINDOWS if (size := count_in(row, key))), None) or count_in(meta, "n_ctx") or None,
        size_bytes=count_in(meta, "size") or None,
        parameter_size=in_billions(parameters) if parameters else None,
        quantization=storable(text_in(meta, "ftype")) or None,
        cloud=not local,
        # llama.cpp serves the one model it has loaded, unless it says more; nobody else says what is in memory.
        loaded=status == "loaded" or (not status and text_in(row, "owned_by") == "llamacpp"),
    )


def capabilities_in(row: Json, name: str) -> frozenset[str] | None:
    """What a model can do, only where the server says all of it: half a list would hide what it left out.

    OpenRouter has modalities and parameters, Mistral a table of yes and no. Of a model whose name says that it does not chat, only that.
    """
    modalities = row_list(object_in(row, "architecture"), "input_modalities")
    parameters = row_list(row, "supported_parameters")
    table = object_in(row, "capabilities")
    found: set[str] = set()
    if parameters:
        found = {Capability.COMPLETION.value, *(_PARAMETERS[item].value for item in parameters if item in _PARAMETERS)}
        found |= {_MODALITIES[item].value for item in modalities if item in _MODALITIES}
        outputs = row_list(object_in(row, "architecture"), "output_modalities")
        return frozenset(found if not outputs or "text" in outputs else found - {Capability.COMPLETION.value})
    if "completion_chat" in table:
        named = {"completion_chat": Capability.COMPLETION, "function_calling": Capability.TOOLS, "vision": Capability.VISION,
                 "reasoning": Capability.THINKING}  # fmt: skip
        return frozenset(capability.value for key, capability in named.items() if table.get(key) is True)
    return frozenset({Capability.EMBEDDING.value}) if _NO_CHAT.search(name) else None


def row_list(row: Json, key: str) -> list[str]:
    """The texts of a list under a key."""
    found = row.get(key)
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def in_billions(parameters: int) -> str:
    """A number of parameters as model makers write it: 691K, 350M, 8.0B."""
    for size, unit in ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K")):
        if parameters >= size:
            return f"{parameters / size:.1f}{unit}" if unit == "B" else f"{parameters / size:.0f}{unit}"
    return str(parameters)
