"""Tool calls in an answer that has ended, and what may run: nothing of a tool's words is ever drawn as markdown or HTML."""

import json
import uuid
from collections.abc import Sequence

import streamlit as st

from chatcore.approvals import decide
from chatcore.core import Core
from chatcore.parts import CallRecord, CallState, Capability, Decision, MessageInfo, ModelInfo, Policy, Viewer
from chatcore.permissions import policies_of, set_policy
from chatcore.toolcalls import load_calls, settled
from chatcore.tools.toolbox import ToolInfo
from ui import app, words

STATES = {
    CallState.DONE: (":material/check_circle:", "done"),
    CallState.FAILED: (":material/error:", "failed"),
    CallState.DECLINED: (":material/block:", "declined"),
    CallState.STOPPED: (":material/stop_circle:", "stopped"),
    CallState.WAITING: (":material/help:", "waits for you"),
    CallState.RUNNING: (":material/pending:", "is running"),
}
CHOICES = {
    Decision.ONCE: "Allow once",
    Decision.CHAT: "For this chat",
    Decision.ALWAYS: "Always",
    Decision.DECLINED: "Decline",
    Decision.NEVER: "Never",
}
POLICIES = {Policy.ALLOW: "Allow", Policy.ASK: "Ask", Policy.NEVER: "Never"}


def calls_of(message: MessageInfo) -> tuple[CallRecord, ...]:
    """The calls of an answer that has ended."""
    return settled(load_calls(message.tool_calls))


def show_call(call: CallRecord) -> None:
    """Draws a call folded: its tool, how it went and how long it took, and inside its arguments and its result."""
    icon, said = STATES[call.state]
    if call.decision is Decision.TIMEOUT:
        said = "declined: nobody answered"
    took = f" in {words.time_taken(call.duration_s)}" if call.duration_s is not None else ""
    with st.expander(f"{words.plain(call.name)} · {said}{took}", icon=icon, type="compact"):
        st.caption("Arguments")
        if call.arguments is None:
            st.code(call.raw or "none", language=None, wrap_lines=True)
        else:
            st.code(json.dumps(call.arguments, ensure_ascii=False, indent=2), language="json", wrap_lines=True)
        st.caption("Result")
        st.code(call.result or "There is none.", language=None, wrap_lines=True)


def show_questions(message_id: int, calls: Sequence[CallRecord], drawn: int) -> None:
    """The questions of a running answer, where the script follows it; `drawn` counts, since a key stands once in a run."""
    for call in calls:
        if call.state is CallState.WAITING:
            show_call(call)
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown("**May this run?**")
                for decision, label in CHOICES.items():
                    st.button(
                        label, key=f"thread.call.{drawn}.{call.id}.{decision}", on_click=_decide, args=(message_id, call.id, decision)
                    )


def _decide(message_id: int, call_id: str, decision: Decision) -> None:
    with app.calm_callback():
        decide(app.core().runner, app.viewer(), message_id, call_id, decision)


# --- at the foot of the page -------------------------------------------------------------------------------------


def switch_key(chat_id: uuid.UUID | None, *, says_so: bool) -> str:
    """Each chat has its own switch; another one for models that do not say whether they can use tools."""
    return f"composer.tools.{chat_id or 'new'}.{'on' if says_so else 'off'}"


def are_on(chat_id: uuid.UUID | None, model: ModelInfo | None) -> bool:
    """Whether the next prompt may use tools: as it was switched in this chat, else if the model says it can."""
    if model is None or not may_use(model):
        return False
    key = switch_key(chat_id, says_so=says_it_can(model))
    on: bool = st.session_state.get(key, st.session_state.get(f"{key}.first", says_it_can(model)))
    return on


def carry(chat_id: uuid.UUID | None, sent_to: uuid.UUID) -> None:
    """A new chat goes on as its first prompt was switched."""
    for says_so in (True, False):
        said = st.session_state.get(switch_key(chat_id, says_so=says_so))
        if chat_id is None and said is not None:
            # Not the widget's own value: a switch that is set before it is drawn may be shown as it was not set.
            st.session_state[f"{switch_key(sent_to, says_so=says_so)}.first"] = said


def says_it_can(model: ModelInfo) -> bool:
    """Whether a model says that it can use tools."""
    return model.capabilities is not None and Capability.TOOLS in model.capabilities


def may_use(model: ModelInfo) -> bool:
    """Whether a model can use tools as far as anybody knows."""
    return model.capabilities is None or says_it_can(model)


def show_tools(core: Core, viewer: Viewer, chat_id: uuid.UUID | None, model: ModelInfo | None, *, reads_only: bool = False) -> None:
    """Draws the switch, and in it what there is and what each may do; `reads_only`: the next prompt goes to two models."""
    if model is None or not may_use(model):
        return
    key, on = switch_key(chat_id, says_so=says_it_can(model)), are_on(chat_id, model)
    first: bool = st.session_state.get(f"{key}.first", says_it_can(model))
    panel = st.popover("Tools" if on else "Tools off", icon=":material/build:" if on else ":material/build_circle:", type="tertiary",
                       key="composer.tools_panel", on_change="rerun")  # fmt: skip
    with panel:
        st.toggle("Let the model use tools in this chat", value=first, key=key)
        if reads_only:
            st.caption(
                "In a comparison both models may use the tools that change nothing and stand on Allow. They are not told of the others."
            )
        # Many tools are many widgets: drawn only for who looks.
        if panel.open:
            show_list(core, viewer, chat_id)


def show_list(core: Core, viewer: Viewer, chat_id: uuid.UUID | None) -> None:
    """Draws each tool with its policy, and servers that cannot be reached."""
    tools = core.tools()
    policies = policies_of(core.db, viewer, chat_id)
    for tool in tools:
        show_tool(tool, policies.get(tool.name, tool.policy), chat_id)
    for server in core.tool_servers():
        if not server.connected:
            st.caption(
                f":material/link_off: {words.plain(server.name)}: {words.with_code(server.error or 'connecting; look again in a moment.')}"
            )
    st.caption("Allow: runs by itself. Ask: you are asked each time. Never: the model is not told of it. This holds for all your chats.")


def show_tool(tool: ToolInfo, policy: Policy, chat_id: uuid.UUID | None) -> None:
    """One line of the list."""
    key = f"composer.tool.{tool.name}"
    st.session_state[key] = policy
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{words.plain(tool.name)}** :small[:gray[{words.plain(tool.source)}]]", help=words.plain(tool.description))
        st.selectbox("What it may do", list(Policy), key=key, format_func=POLICIES.__getitem__, label_visibility="collapsed", width=110,
                     on_change=_set_policy, args=(tool.name, chat_id))  # fmt: skip


def _set_policy(tool: str, chat_id: uuid.UUID | None) -> None:
    with app.calm_callback():
        policy: Policy | None = st.session_state.get(f"composer.tool.{tool}")
        if policy is None:
            return
        core, viewer = app.core(), app.viewer()
        if chat_id is not None:
            # What was said for this chat alone gives way.
            set_policy(core.db, viewer, tool, None, chat_id=chat_id)
        set_policy(core.db, viewer, tool, policy)
