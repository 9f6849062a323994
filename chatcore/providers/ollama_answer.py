"""From turns to Ollama's request, and from the lines of its answer to our events."""

import base64
import json
import uuid
from collections.abc import Iterator

from chatcore.parts import ChatRequest, Event, Finished, FinishReason, ReasoningDelta, TextDelta, ToolCall, ToolSpec, Turn, Usage
from chatcore.providers.base_json import Json, arguments_in, count_in, object_in, objects_in, text_in
from chatcore.texts import storable

NS_PER_S = 1_000_000_000
COUNTERS = ("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration")


def request_body(request: ChatRequest, *, think: bool | str | None) -> Json:
    """The body of POST /api/chat."""
    body: Json = {"model": request.model, "messages": [message_of(turn) for turn in request.turns], "stream": True}
    if think is not None:
        body["think"] = think
    if request.options:
        body["options"] = request.options
    if request.keep_alive is not None:
        body["keep_alive"] = request.keep_alive
    if request.tools:
        body["tools"] = [tool_of(tool) for tool in request.tools]
    return body


def tool_of(tool: ToolSpec) -> Json:
    """One tool as Ollama takes it, its schema whole."""
    return {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema}}


def message_of(turn: Turn) -> Json:
    """One message as Ollama takes it: the arguments of tool calls are objects, not strings."""
    message: Json = {"role": turn.role, "content": turn.content}
    if turn.images:
        message["images"] = [base64.b64encode(image.content).decode() for image in turn.images]
    if turn.reasoning:
        message["thinking"] = turn.reasoning
    if turn.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "function": {"index": index, "name": call.name, "arguments": call.arguments or {}}}
            for index, call in enumerate(turn.tool_calls)
        ]
    if turn.tool_name is not None:
        message["tool_name"] = turn.tool_name
    if turn.tool_call_id is not None:
        message["tool_call_id"] = turn.tool_call_id
    return message


class Answer:
    """Reads one answer line by line. Tool calls come in any line: in the last one where the model's own template is used,
    before it where Ollama renders the prompt."""

    def __init__(self) -> None:
        self._calls: set[tuple[str, str, str]] = set()
        self._ids: set[str] = set()

    def events(self, line: Json) -> Iterator[Event]:
        """What a line says; of the last line (done) Usage, if the server counted, and Finished come last."""
        message = object_in(line, "message")
        if reasoning := text_in(message, "thinking"):
            yield ReasoningDelta(storable(reasoning))
        if text := text_in(message, "content"):
            yield TextDelta(storable(text))
        for raw in objects_in(message, "tool_calls"):
            if (call := self._call(raw)) is not None:
                yield call
        if line.get("done") is True:
            if (usage := usage_in(line)) is not None:
                yield usage
            yield Finished(*self._reason(line))

    def _reason(self, line: Json) -> tuple[FinishReason, str | None]:
        """Ollama says 'stop' also when it stops to wait for tools, and older servers say nothing."""
        raw = text_in(line, "done_reason") or None
        reason = FinishReason(raw) if raw in {reason.value for reason in FinishReason} else FinishReason.STOP
        return (FinishReason.TOOL_CALLS if self._ids and reason is FinishReason.STOP else reason), raw

    def _call(self, raw: Json) -> ToolCall | None:
        """A tool call; None for one that was sent before. Older servers send neither id nor index: those never repeat."""
        function = object_in(raw, "function")
        arguments, text, error = arguments_in(function)
        sent_id = storable(text_in(raw, "id"))
        place = sent_id or str(function.get("index", ""))
        key = (place, text_in(function, "name"), json.dumps(arguments, sort_keys=True) if arguments is not None else text)
        if place and key in self._calls:
            return None
        self._calls.add(key)
        call_id = sent_id if sent_id and sent_id not in self._ids else f"call_{uuid.uuid4().hex[:8]}"
        self._ids.add(call_id)
        return ToolCall(call_id, storable(text_in(function, "name")), arguments, raw=text, error=error)


def usage_in(line: Json) -> Usage | None:
    """What the server counted. It leaves out what is 0, so with any counter present the missing ones are 0; with none, None."""
    if all(count_in(line, key) is None for key in COUNTERS):
        return None

    def seconds(key: str) -> float:
        return (count_in(line, key) or 0) / NS_PER_S

    return Usage(
        input_tokens=count_in(line, "prompt_eval_count") or 0,
        output_tokens=count_in(line, "eval_count") or 0,
        load_s=seconds("load_duration"),
        prompt_s=seconds("prompt_eval_duration"),
        eval_s=seconds("eval_duration"),
        response_model=storable(text_in(line, "model")) or None,
    )
