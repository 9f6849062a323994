"""Tools: which there are, what each may do for the caller, and what a person says to a call that waits."""

import uuid

from chatcore.api.calls import Call, Reply, fields, flag_of, parse_chat_id, query, text_of
from chatcore.api.values import message_json, tool_json, tool_server_json
from chatcore.approvals import CHOICES, decide
from chatcore.errors import Invalid, NotFound
from chatcore.history import get_chat, get_message
from chatcore.parts import Decision, Policy
from chatcore.permissions import policies_of, set_policy

DEFAULT = "default"


def list_all(call: Call) -> Reply:
    """The tools with their policy, in one chat if it is named, and the servers that some of them come from."""
    asked = query(call.query, {"chat_id": str, "fresh": bool})
    chat_id = chat_of(call, text_of(asked, "chat_id"))
    tools = call.core.tools(fresh=bool(flag_of(asked, "fresh")))
    policies = policies_of(call.core.db, call.viewer, chat_id)
    servers = [tool_server_json(state) for state in call.core.tool_servers()]
    return Reply({"tools": [tool_json(tool, policies.get(tool.name, tool.policy)) for tool in tools], "servers": servers})


def change(call: Call) -> Reply:
    """Another policy for a tool, in all chats or in one; "default" forgets what was said."""
    sent = fields(call.body, {"policy": str, "chat_id": str})
    said, chat_id, name = text_of(sent, "policy"), chat_of(call, text_of(sent, "chat_id")), call.path["tool"]
    if said != DEFAULT and said not in tuple(Policy):
        raise Invalid(f"The field 'policy' is {str(said)[:60]!r}.", f"Send one of {', '.join(Policy)}, {DEFAULT}.")
    tool = next((tool for tool in call.core.tools() if tool.name == name), None)
    if tool is None:
        raise NotFound(f"There is no tool called {name[:64]!r}.", "GET /api/v1/tools lists them.")
    set_policy(call.core.db, call.viewer, name, None if said == DEFAULT else Policy(str(said)), chat_id=chat_id)
    policies = policies_of(call.core.db, call.viewer, chat_id)
    return Reply({"tool": tool_json(tool, policies.get(name, tool.policy))})


def decide_call(call: Call) -> Reply:
    """What the person says to a call that waits."""
    sent = fields(call.body, {"decision": str})
    said = text_of(sent, "decision")
    if said not in CHOICES:
        raise Invalid(f"The field 'decision' is {str(said)[:60]!r}.", f"Send one of {', '.join(CHOICES)}.")
    message_id = call.message_id()
    decide(call.core.runner, call.viewer, message_id, call.path["call_id"], Decision(str(said)))
    return Reply({"message": message_json(get_message(call.core.db, call.viewer, message_id))}, 202)


def chat_of(call: Call, chat_id: str | None) -> uuid.UUID | None:
    """A chat that was named, if it is the caller's. Raises NotFound."""
    return None if chat_id is None else get_chat(call.core.db, call.viewer, parse_chat_id(chat_id)).id
