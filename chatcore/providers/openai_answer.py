"""From turns to OpenAI's request, and from the events of its answer to ours."""

import base64
import json
import math
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from chatcore.parts import ChatRequest, Event, Finished, FinishReason, Picture, ReasoningDelta, TextDelta, ToolCall, ToolSpec, Turn, Usage
from chatcore.providers.base_json import Json, arguments_in, count_in, object_in, objects_in, text_in
from chatcore.texts import storable

MS_PER_S = 1000
# What the options of a request are called there; num_predict is Ollama's word, and the others are no options there.
OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "stop": "stop",
    "num_predict": "max_tokens",
    "max_tokens": "max_tokens",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
REASONS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}
# Fields that some servers refuse; the answer comes without them too.
USAGE_FIELD, EFFORT_FIELD = "stream_options", "reasoning_effort"
TOOLS_FIELD = "tools"
LIMIT_FIELD, NEW_LIMIT_FIELD = "max_tokens", "max_completion_tokens"
MOST_CALLS = 1000


def request_body(request: ChatRequest, *, left_out: Collection[str] = ()) -> Json:
    """The body of POST /chat/completions. `left_out` names fields that the server refused; without `max_tokens` its newer name
    `max_completion_tokens` is sent."""
    body: Json = {"model": storable(request.model), "messages": [message_of(turn) for turn in request.turns], "stream": True}
    body[USAGE_FIELD] = {"include_usage": True}
    for option, name in OPTIONS.items():
        value = request.options.get(option)
        # Ollama's -1 and -2 of num_predict mean no limit, which is no number there.
        if value is not None and not (name == LIMIT_FIELD and isinstance(value, int) and value < 1):
            body[name] = value
    if isinstance(request.think, str):
        body[EFFORT_FIELD] = request.think
    if request.tools:
        body[TOOLS_FIELD] = [tool_of(tool) for tool in request.tools]
    if LIMIT_FIELD in left_out and LIMIT_FIELD in body:
        body[NEW_LIMIT_FIELD] = body[LIMIT_FIELD]
    return {name: value for name, value in body.items() if name not in left_out}


def tool_of(tool: ToolSpec) -> Json:
    """One tool as OpenAI takes it, its schema whole."""
    return {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema}}


def message_of(turn: Turn) -> Json:
    """One message as OpenAI takes it: the arguments of tool calls are JSON texts, and an answer of a tool names its call."""
    message: Json = {"role": turn.role, "content": storable(turn.content)}
    if turn.images:
        words = [{"type": "text", "text": storable(turn.content)}] if turn.content else []
        message["content"] = [*words, *({"type": "image_url", "image_url": {"url": data_url(image)}} for image in turn.images)]
    if turn.tool_calls:
        message["content"] = storable(turn.content) or None
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments_text(call)}}
            for call in turn.tool_calls
        ]
    if turn.role == "tool":
        message["tool_call_id"] = turn.tool_call_id or turn.tool_name or ""
    return message


def data_url(image: Picture) -> str:
    """An image as an address that holds it."""
    return f"data:{image.media_type};base64,{base64.b64encode(image.content).decode()}"


def arguments_text(call: ToolCall) -> str:
    """The arguments of a call as it was made, escaped to ASCII; what the model wrote where that was no JSON."""
    return json.dumps(call.arguments) if call.arguments is not None else storable(call.raw)


@dataclass
class Slot:
    """A tool call whose fragments are being joined."""

    id: str = ""
    name: str = ""
    fragments: list[str] = field(default_factory=list)


class Answer:
    """Reads one answer event by event. `ending` gives what can only be said when the stream is over: calls, usage, the reason."""

    def __init__(self) -> None:
        self._slots: list[Slot] = []
        self._at: dict[object, Slot] = {}
        self._usage: Json = {}
        self._timings: Json = {}
        self._model = ""
        self.reason: str | None = None

    def events(self, chunk: Json) -> Iterator[Event]:
        """The text and reasoning of an event; all else of it is kept for the end."""
        # Running totals are sent with each event by some (vLLM's continuous_usage_stats): the last ones count.
        self._usage = object_in(chunk, "usage") or self._usage
        self._timings = object_in(chunk, "timings") or self._timings
        self._model = text_in(chunk, "model") or self._model
        for choice in objects_in(chunk, "choices")[:1]:
            # A server that does not stream sends the message whole.
            delta = object_in(choice, "delta") or object_in(choice, "message")
            if reasoning := reasoning_in(delta):
                yield ReasoningDelta(storable(reasoning))
            if text := content_in(delta) or text_in(delta, "refusal"):
                yield TextDelta(storable(text))
            for fragment in objects_in(delta, "tool_calls"):
                self._join(fragment)
            self.reason = text_in(choice, "finish_reason") or self.reason

    def ending(self) -> Iterator[Event]:
        """The tool calls, what the server counted, and why the model stopped."""
        used: set[str] = set()
        for slot in self._slots:
            arguments, raw, error = arguments_in({"arguments": "".join(slot.fragments)})
            call_id = storable(slot.id)
            if not call_id or call_id in used:
                call_id = f"call_{uuid.uuid4().hex[:8]}"
            used.add(call_id)
            yield ToolCall(call_id, storable(slot.name), arguments, raw=raw, error=error)
        yield from self.counted()
        reason = REASONS.get(self.reason or "", FinishReason.STOP)
        yield Finished(
            FinishReason.TOOL_CALLS if self._slots and reason is FinishReason.STOP else reason, storable(self.reason or "") or None
        )

    def counted(self) -> Iterator[Usage]:
        """What the server counted so far; nothing if it did not."""
        if (usage := usage_in(self._usage, self._timings, self._model)) is not None:
            yield usage

    def _join(self, fragment: Json) -> None:
        """Adds a fragment to its call: that of its index, else of its id, else the last one.

        Some servers give every call the index 0: a name with another id begins a new call.
        """
        function = object_in(fragment, "function")
        call_id, name, index = text_in(fragment, "id"), text_in(function, "name"), fragment.get("index")
        key: object = index if isinstance(index, int) else call_id or None
        slot = self._at.get(key) if key is not None else (self._slots[-1] if self._slots and not name else None)
        if slot is None or (name and call_id and slot.id and call_id != slot.id):
            if len(self._slots) >= MOST_CALLS:
                return
            slot = Slot()
            self._slots.append(slot)
        if key is not None:
            self._at[key] = slot
        slot.id = slot.id or call_id
        slot.name = slot.name or name
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            slot.fragments.append(arguments)
        elif arguments is not None:
            slot.fragments.append(json.dumps(arguments))


def reasoning_in(delta: Json) -> str:
    """The reasoning of a delta, under either of its names; a server that sends both means one text."""
    said = text_in(delta, "reasoning_content") or text_in(delta, "reasoning")
    content = delta.get("content")
    if said or not isinstance(content, list):
        return said
    # Mistral: content is a list, in which {"type": "thinking"} has a list of its own.
    return "".join(
        content_in({"content": part.get("thinking")}) for part in content if isinstance(part, dict) and part.get("type") == "thinking"
    )


def content_in(delta: Json) -> str:
    """The text of a delta, also where it comes as a list of parts."""
    content = delta.get("content")
    if isinstance(content, list):
        return "".join(text_in(part, "text") for part in content if isinstance(part, dict) and part.get("type") == "text")
    return content if isinstance(content, str) else ""


def usage_in(usage: Json, timings: Json, model: str) -> Usage | None:
    """What was counted: the standard counts, else llama.cpp's, which also has times; None where there is nothing."""
    prompt, predicted = count_in(timings, "prompt_n"), count_in(timings, "predicted_n")
    cached = count_in(timings, "cache_n")
    input_tokens, output_tokens = count_in(usage, "prompt_tokens"), count_in(usage, "completion_tokens")
    if input_tokens is None and prompt is not None:
        input_tokens = prompt + (cached or 0)
    if output_tokens is None:
        output_tokens = predicted
    if input_tokens is None and output_tokens is None:
        return None
    said = count_in(object_in(usage, "prompt_tokens_details"), "cached_tokens")
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        # DeepSeek has a name of its own for it.
        cached_tokens=next((n for n in (said, count_in(usage, "prompt_cache_hit_tokens"), cached) if n is not None), None),
        reasoning_tokens=count_in(object_in(usage, "completion_tokens_details"), "reasoning_tokens"),
        prompt_s=ms_in(timings, "prompt_ms"),
        eval_s=ms_in(timings, "predicted_ms"),
        response_model=storable(model) or None,
        cost_usd=number_in(usage, "cost"),
    )


def ms_in(value: Json, key: str) -> float | None:
    """Milliseconds under a key, in seconds."""
    found = number_in(value, key)
    return None if found is None else found / MS_PER_S


def number_in(value: Json, key: str) -> float | None:
    """The number under a key; None where there is none, or one that cannot be (negative, endless)."""
    found = value.get(key)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < math.inf else None
