"""Tools on the chat page: the switch, what each may do, and calls in answers that have ended or wait."""

from datetime import UTC, datetime

import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from chatcore import chat
from chatcore.history import get_message
from chatcore.parts import CallRecord, CallState, Decision, Policy, State
from chatcore.permissions import policies_of
from chatcore.rows import MESSAGES
from chatcore.toolcalls import dump_calls, load_calls
from chatcore.tools.toolbox import Toolbox
from tests.factories import make_chat, make_exchange
from tests.pages.frame import Frame, until
from tests.tools import Probe

NASTY = "**bold** <b>tag</b> [link](https://evil.example) :red[x] ![p](https://evil.example/p.png)"


def texts(at: AppTest) -> str:
    return "\n".join(str(element.value) for element in [*at.markdown, *at.caption])


def test_a_prompt_may_use_tools_unless_they_are_switched_off(frame: Frame) -> None:
    at = frame.run()
    at.chat_input[0].set_value("/tool time").run()
    until(lambda: not frame.core.runner.load().active)
    at.run()
    assert any(expander.label.startswith("current\\_time · done") for expander in at.expander)
    assert "The tool **current" in texts(at)
    at.toggle[0].set_value(False).run()
    at.chat_input[0].set_value("/tool calculator 2+2").run()
    until(lambda: not frame.core.runner.load().active)
    at.run()
    assert "No tools were offered to me." in texts(at)
    assert len(at.expander) == 1


def test_what_a_tool_says_is_never_drawn_as_markdown(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer)
    _, answer = make_exchange(frame.core.db, frame.viewer, made.id, answer="Let me look.\n\nThere.")
    call = CallRecord(
        "c1", NASTY, {"text": NASTY}, position=12, state=CallState.DONE, decision=Decision.POLICY, result=NASTY, duration_s=0.5
    )
    with frame.core.db.write() as tx:
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == answer.id).values(tool_calls=dump_calls((call,))))
    at = frame.run(c=str(made.id))
    assert NASTY not in texts(at)
    assert NASTY not in at.expander[0].label
    assert "\\*\\*bold" in at.expander[0].label
    assert NASTY in [code.value for code in at.code]
    said = [str(element.value) for element in at.markdown]
    assert said.index("Let me look.") < said.index("There.")


def test_calls_that_never_ended_are_said_to_be_stopped(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer)
    _, answer = make_exchange(frame.core.db, frame.viewer, made.id, state=State.INTERRUPTED)
    with frame.core.db.write() as tx:
        calls = dump_calls((CallRecord("c1", "write_note", {}, state=CallState.WAITING),))
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == answer.id).values(tool_calls=calls))
    at = frame.run(c=str(made.id))
    assert at.expander[0].label == "write\\_note · stopped"


def test_a_call_can_be_allowed_where_the_script_follows_the_answer(frame: Frame) -> None:
    tool = Probe("write_note", read_only=False)
    frame.core.runner.toolbox = Toolbox((tool,))
    draft = chat.Draft("/tool write_note Brest", "guide", "guide", use_tools=True)
    sent = chat.send(frame.core.runner, frame.viewer, None, draft, now=datetime.now(UTC))
    until(lambda: bool(frame.core.runner.asks(frame.viewer, sent.answer_id)))
    at = AppTest.from_function(questions, args=(sent.answer_id,)).run()
    assert [button.label for button in at.button] == ["Allow once", "For this chat", "Always", "Decline", "Never"]
    at.button[0].click().run()
    until(lambda: not frame.core.runner.load().active)
    (call,) = load_calls(get_message(frame.core.db, frame.viewer, sent.answer_id).tool_calls)
    assert (call.state, call.decision) == (CallState.DONE, Decision.ONCE)
    assert tool.ran == [{"port": "Brest"}]


def questions(message_id: int) -> None:
    from chatcore.parts import Offset
    from ui import app, tool_calls

    update = next(app.core().runner.follow_sync(app.viewer(), message_id, Offset()))
    tool_calls.show_questions(message_id, update.calls or (), 0)


def test_each_tool_is_listed_with_what_it_may_do(frame: Frame) -> None:
    at = AppTest.from_function(panel)
    at.run()
    assert not at.exception
    assert [box.value for box in at.selectbox] == [Policy.ALLOW, Policy.ALLOW, Policy.ALLOW]
    at.selectbox[1].select(Policy.NEVER).run()
    assert policies_of(frame.core.db, frame.viewer, None) == {"calculator": Policy.NEVER}
    assert at.run().selectbox[1].value is Policy.NEVER


def panel() -> None:
    from ui import app, tool_calls

    tool_calls.show_list(app.core(), app.viewer(), None)
