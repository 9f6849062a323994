"""What a person says to a tool call that waits for them."""

from chatcore import ledger, processes
from chatcore.errors import Conflict, Invalid
from chatcore.generation import Runner
from chatcore.history import get_message
from chatcore.parts import CallState, Decision, MessageInfo, Policy, State, Viewer
from chatcore.permissions import set_policy
from chatcore.toolcalls import load_calls

CHOICES = (Decision.ONCE, Decision.CHAT, Decision.ALWAYS, Decision.DECLINED, Decision.NEVER)


def decide(runner: Runner, viewer: Viewer, message_id: int, call_id: str, decision: Decision) -> None:
    """Lets a call run (once, in this chat from now on, or always) or declines it (once or for ever), and remembers what is meant
    to last. Where another process writes the answer, that one hears of it at its next checkpoint. Raises NotFound, Invalid for what
    nobody can choose, Conflict if the call does not wait (any more)."""
    if decision not in CHOICES:
        raise Invalid(f"The decision cannot be {decision.value!r}.", f"Say one of {', '.join(CHOICES)}.")
    message = get_message(runner.db, viewer, message_id)
    here = runner.writes(viewer, message_id)
    tool = runner.asks(viewer, message_id).get(call_id) if here else asked_elsewhere(message, call_id)
    if tool is None:
        raise Conflict("This call does not wait for a decision.", "Somebody decided already, or the answer has ended. Reload the chat.")
    if decision is Decision.CHAT:
        set_policy(runner.db, viewer, tool, Policy.ALLOW, chat_id=message.session_id)
    elif decision in (Decision.ALWAYS, Decision.NEVER):
        set_policy(runner.db, viewer, tool, Policy.ALLOW if decision is Decision.ALWAYS else Policy.NEVER)
    said = (viewer, message_id, call_id, decision)
    if not (runner.decide(*said) if here else tell_elsewhere(runner, *said)):
        raise Conflict("The answer ended in the same moment.", "What you chose for later is kept.")


def asked_elsewhere(message: MessageInfo, call_id: str) -> str | None:
    """The tool of a call that waits in an answer which another process writes, None if it does not."""
    if message.status is not State.RUNNING:
        return None
    waiting = (call for call in load_calls(message.tool_calls) if call.state is CallState.WAITING)
    return next((call.name for call in waiting if call.id == call_id), None)


def tell_elsewhere(runner: Runner, viewer: Viewer, message_id: int, call_id: str, decision: Decision) -> bool:
    """Leaves a decision for the process that writes the answer; False if none does, or if it died: then the answer is marked."""
    owner = ledger.request_decision(runner.db, viewer, message_id, call_id, decision)
    if owner is not None and processes.is_gone(owner):
        runner.recover(by_heartbeat=False)
        return False
    return owner is not None
