"""The prompt library: list, save, change, delete."""

from chatcore.api.calls import Call, Reply, fields, query, text_of
from chatcore.api.values import prompt_json
from chatcore.errors import Invalid
from chatcore.organise.prompts import change_prompt, delete_prompt, list_prompts, save_prompt


def list_all(call: Call) -> Reply:
    """Every prompt, by name."""
    query(call.query, {})
    return Reply({"prompts": [prompt_json(prompt) for prompt in list_prompts(call.core.db, call.viewer)]})


def create(call: Call) -> Reply:
    """A text under a name."""
    sent = fields(call.body, {"name": str, "text": str})
    name, text = text_of(sent, "name"), text_of(sent, "text")
    if name is None or text is None:
        missing = "name" if name is None else "text"
        raise Invalid(f"The field {missing!r} is missing.", "Send 'name' and 'text'.")
    return Reply({"prompt": prompt_json(save_prompt(call.core.db, call.viewer, name=name, text=text, now=call.now))}, 201)


def change(call: Call) -> Reply:
    """Another name, another text, or both at once."""
    prompt_id = call.row_id("prompt_id", "prompt")
    sent = fields(call.body, {"name": str, "text": str})
    prompt = change_prompt(call.core.db, call.viewer, prompt_id, name=text_of(sent, "name"), text=text_of(sent, "text"))
    return Reply({"prompt": prompt_json(prompt)})


def delete(call: Call) -> Reply:
    """Forgotten; what was sent with it stays."""
    query(call.query, {})
    delete_prompt(call.core.db, call.viewer, call.row_id("prompt_id", "prompt"))
    return Reply(status=204)
