"""What a person says to a tool call that waits for them."""

from chatcore.errors import Conflict, Invalid
from chatcore.generation import Runner
from chatcore.history import get_message
from chatcore.parts import CallState, Decision, Policy, State, Viewer
from chatcore.permissions import set_policy
from chatcore.toolcalls import load_calls

CHOICES = (Decision.ONCE, Decision.CHAT, Decision.ALWAYS, Decision.DECLINED, Decision.NEVER)


def decide(runner: Runner, viewer: Viewer, message_id: int, call_id: str, decision: Decision) -> None:
    """Lets a call run (once, in this chat from now on, or always) or declines it (once or for ever), and remembers what is meant
    to last. Raises NotFound, Invalid for what nobody can choose, Conflict if the call does not wait here (any more)."""
    if decision not in CHOICES:
        raise Invalid(f"The decision cannot be {decision.value!r}.", f"Say one of {', '.join(CHOICES)}.")
    message = get_message(runner.db, viewer, message_id)
    tool = runner.asks(viewer, message_id).get(call_id)
    if tool is None:
        stored = [call for call in load_calls(message.tool_calls) if call.id == call_id]
        elsewhere = message.status is State.RUNNING and not runner.writes(viewer, message_id)
        if elsewhere and any(call.state is CallState.WAITING for call in stored):
            raise Conflict("Another process of this installation writes this answer.", "Decide where the answer was asked for, or stop it.")
        raise Conflict("This call does not wait for a decision.", "Somebody decided already, or the answer has ended. Reload the chat.")
    if decision is Decision.CHAT:
        set_policy(runner.db, viewer, tool, Policy.ALLOW, chat_id=message.session_id)
    elif decision in (Decision.ALWAYS, Decision.NEVER):
        set_policy(runner.db, viewer, tool, Policy.ALLOW if decision is Decision.ALWAYS else Policy.NEVER)
    if not runner.decide(viewer, message_id, call_id, decision):
        raise Conflict("The answer ended in the same moment.", "What you chose for later is kept.")
