"""The guide plays a model that uses tools, so that anybody can see how that goes: `/tool time` asks for one."""

import json
import uuid
from collections.abc import Sequence

from chatcore.parts import ToolCall, ToolSpec, Turn

SWITCHED_OFF = "No tools were offered to me. Switch **Tools** on below the field where you write, then try again."
SHOWN = 2000


def tool_call(text: str, offered: Sequence[ToolSpec]) -> ToolCall | str:
    """The call that a text such as `time Europe/Berlin` or `calculator {"expression": "2+2"}` asks for, else what is wrong with it."""
    if not offered:
        return SWITCHED_OFF
    name, _, rest = text.strip().partition(" ")
    spec = next((spec for spec in offered if spec.name == name), None)
    spec = spec or next((spec for spec in offered if name and name.lower() in spec.name.lower()), None)
    if spec is None:
        listed = "\n".join(f"- `/tool {spec.name}`" for spec in offered)
        return f"{'I was not offered such a tool.' if name else 'Which tool?'} These I was offered:\n\n{listed}"
    arguments, raw, error = arguments_in(rest.strip(), spec)
    return ToolCall(f"call_{uuid.uuid4().hex[:8]}", spec.name, arguments, raw=raw, error=error)


def arguments_in(text: str, spec: ToolSpec) -> tuple[dict[str, object] | None, str, str | None]:
    """What was typed behind the name: a JSON object, or the text of the tool's first argument."""
    if not text:
        return {}, "", None
    if text.startswith("{"):
        try:
            return json.loads(text), "", None
        except (ValueError, RecursionError):
            return None, text, "The arguments are not valid JSON."
    properties = spec.schema.get("properties")
    first = next(iter(properties), None) if isinstance(properties, dict) else None
    return ({first: text}, "", None) if first else ({}, "", None)


def results_text(turns: Sequence[Turn]) -> str:
    """What the guide says to the results it was given."""
    results = []
    for turn in reversed(turns):
        if turn.role != "tool":
            break
        said = turn.content[:SHOWN].replace("```", "'''")
        results.append(f"The tool **{turn.tool_name}** said:\n\n```text\n{said}\n```")
    return "\n\n".join([*reversed(results), "A language model would now answer with this. I only show it."])
