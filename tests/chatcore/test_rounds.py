"""An answer with tools: the model asks, they run or are refused, it is told, and goes on. Nothing hangs and nothing is lost."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
import sqlalchemy as sa

from chatcore import chat
from chatcore.approvals import decide
from chatcore.attempt import NOT_OFFERED
from chatcore.chat import Draft
from chatcore.db import Database
from chatcore.errors import Conflict, Invalid, NotFound
from chatcore.generation import Runner
from chatcore.history import get_message
from chatcore.parts import (
    CallRecord,
    CallState,
    ChatRequest,
    Decision,
    Finished,
    FinishReason,
    Offset,
    Policy,
    ReasoningDelta,
    State,
    TextDelta,
    ToolCall,
    Usage,
    Viewer,
)
from chatcore.permissions import policies_of, set_policy
from chatcore.rounds import BROKEN, DECLINED, NEVER, Bounds
from chatcore.rows import DECISIONS, MESSAGES
from chatcore.toolcalls import dump_calls, load_calls
from chatcore.tools.base import LONGEST_RESULT, Context, Json, Tool, ToolFailed
from chatcore.tools.toolbox import Toolbox
from tests.answers import LIMIT_S, ended, follow_to_end, leave_running, ledger_row, until
from tests.chatcore.test_ledger import DEAD, ELSEWHERE
from tests.factories import make_viewer
from tests.scripted import Scripted
from tests.tools import Probe, Talk

DONE = Finished(FinishReason.STOP)
CALLS = Finished(FinishReason.TOOL_CALLS)
USUAL = Bounds()


def call(name: str = "tide_table", call_id: str = "c1", **arguments: object) -> ToolCall:
    return ToolCall(call_id, name, arguments or {"port": "Brest"})


@contextmanager
def running(db: Database, provider: Scripted, *tools: Tool, bounds: Bounds = USUAL) -> Iterator[Runner]:
    runner = Runner(db, {provider.name: provider}, checkpoint_s=0.05, toolbox=Toolbox(tools), bounds=bounds)
    runner.open()
    try:
        yield runner
    finally:
        runner.close()


def ask(runner: Runner, viewer: Viewer, chat_id: UUID | None = None, *, use_tools: bool = True) -> chat.Sent:
    draft = Draft("When is high water in Brest?", "scripted", "parrot", use_tools=use_tools)
    return chat.send(runner, viewer, chat_id, draft, now=datetime.now(UTC))


def calls_of(db: Database, viewer: Viewer, message_id: int) -> tuple[CallRecord, ...]:
    return load_calls(get_message(db, viewer, message_id).tool_calls)


# --- the loop ----------------------------------------------------------------------------------------------------


def test_the_result_of_a_tool_goes_back_to_the_model_which_then_answers(db: Database) -> None:
    ada, tool = make_viewer(db), Probe()
    talk = Talk(
        [ReasoningDelta("hm"), TextDelta("Let me look."), call(), Usage(10, 5, eval_s=0.5), CALLS],
        [TextDelta("At "), TextDelta("14:05."), Usage(30, 7, eval_s=0.25), DONE],
    )
    with running(db, talk, tool) as runner:
        sent = ask(runner, ada)
        updates = follow_to_end(runner, ada, sent.answer_id)
        message, generation = ended(db, ada, sent.answer_id)
    assert message.content == "Let me look.\n\nAt 14:05."
    (record,) = load_calls(message.tool_calls)
    assert (record.name, record.arguments, record.result) == ("tide_table", {"port": "Brest"}, "High water at Brest: 14:05")
    assert (record.state, record.decision, record.round, record.position) == (CallState.DONE, Decision.POLICY, 1, len("Let me look."))
    assert record.started_at is not None
    assert record.duration_s is not None
    first, second = talk.requests
    assert [tool.name for tool in first.tools] == ["tide_table"]
    said, told = second.turns[-2:]
    assert (said.role, said.content, said.reasoning, said.tool_calls) == ("assistant", "Let me look.", "hm", (call(),))
    assert (told.role, told.content, told.tool_name, told.tool_call_id) == ("tool", "High water at Brest: 14:05", "tide_table", "c1")
    # One generation: its usage is that of all rounds, the first chunk that of the first.
    row = ledger_row(db, generation.id)
    assert (row["input_tokens"], row["output_tokens"], row["eval_s"], row["usage_source"]) == (40, 12, 0.75, "reported")
    assert generation.time_to_first_chunk_s is not None
    assert [update.calls for update in updates if update.calls][-1] == (record,)


def test_the_next_prompt_tells_the_model_what_was_called_before(db: Database) -> None:
    ada = make_viewer(db)
    talk = Talk(
        [TextDelta("Let me look."), call(), call(call_id="c2", port="Dover"), CALLS],
        [TextDelta("At 14:05."), DONE],
        [TextDelta("Yes."), DONE],
    )
    with running(db, talk, Probe()) as runner:
        sent = ask(runner, ada)
        ended(db, ada, sent.answer_id)
        until(lambda: not runner.writes(ada, sent.answer_id))
        again = ask(runner, ada, sent.chat_id, use_tools=False)
        ended(db, ada, again.answer_id)
    turns = talk.requests[-1].turns
    assert [(turn.role, turn.content, turn.tool_call_id) for turn in turns] == [
        ("user", "When is high water in Brest?", None),
        ("assistant", "Let me look.", None),
        ("tool", "High water at Brest: 14:05", "c1"),
        ("tool", "High water at Dover: 14:05", "c2"),
        ("assistant", "At 14:05.", None),
        ("user", "When is high water in Brest?", None),
    ]
    assert turns[1].tool_calls == (call(), call(call_id="c2", port="Dover"))
    assert talk.requests[-1].tools == ()


def test_without_the_switch_no_tool_is_offered_and_none_runs(db: Database) -> None:
    ada, tool = make_viewer(db), Probe()
    with running(db, Talk([TextDelta("x"), call(), CALLS]), tool) as runner:
        sent = ask(runner, ada, use_tools=False)
        message, _ = ended(db, ada, sent.answer_id)
    assert message.status is State.COMPLETE
    assert tool.ran == []
    assert [record.result for record in load_calls(message.tool_calls)] == [NOT_OFFERED]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            ToolCall("c1", "tide_table", None, raw="{port", error="The arguments are not valid JSON."),
            "The arguments are not valid JSON. Send one",
        ),
        (ToolCall("c1", "tide_table", {"port": 3}), "The arguments do not fit at port: 3 is not of type 'string'"),
        (ToolCall("c1", "tide_tabel", {}), "There is no tool called 'tide_tabel'. There are: tide_table."),
    ],
)
def test_a_wrong_call_is_told_and_the_model_may_do_better(db: Database, asked: ToolCall, told: str) -> None:
    ada, tool = make_viewer(db), Probe()
    talk = Talk([asked, CALLS], [call(call_id="c2"), CALLS], [TextDelta("At 14:05."), DONE])
    with running(db, talk, tool) as runner:
        sent = ask(runner, ada)
        message, _ = ended(db, ada, sent.answer_id)
    assert message.content == "At 14:05."
    assert talk.requests[1].turns[-1].content.startswith(told)
    assert [record.state for record in load_calls(message.tool_calls)] == [CallState.FAILED, CallState.DONE]
    assert len(tool.ran) == 1


def test_a_tool_that_fails_breaks_or_floods_is_told_and_the_answer_goes_on(db: Database) -> None:
    def refuse(arguments: Json) -> str:
        raise ToolFailed("The table of Brest is lost.")

    def break_down(arguments: Json) -> str:
        raise RuntimeError("a bug")

    ada = make_viewer(db)
    tools = (
        Probe("fails", work=refuse),
        Probe("breaks", work=break_down),
        Probe("floods", work=lambda _: "x" * 3_000_000),
    )
    asked = [call(name, call_id=name) for name in ("fails", "breaks", "floods")]
    with running(db, Talk([*asked, CALLS], [TextDelta("Sorry."), DONE]), *tools) as runner:
        sent = ask(runner, ada)
        message, _ = ended(db, ada, sent.answer_id)
    fails, breaks, floods = load_calls(message.tool_calls)
    assert message.content == "Sorry."
    assert (fails.state, fails.result) == (CallState.FAILED, "The table of Brest is lost.")
    assert (breaks.state, breaks.result) == (CallState.FAILED, BROKEN)
    assert floods.state is CallState.DONE
    assert LONGEST_RESULT < len(floods.result or "") < LONGEST_RESULT + 200


def test_a_tool_that_hangs_is_given_up_and_the_answer_goes_on(db: Database) -> None:
    ada, talk = make_viewer(db), Talk([call("hangs"), CALLS], [TextDelta("Sorry."), DONE])
    with running(db, talk, Probe("hangs", slow=True), bounds=Bounds(call_s=0.2)) as runner:
        sent = ask(runner, ada)
        message, _ = ended(db, ada, sent.answer_id)
    (hangs,) = load_calls(message.tool_calls)
    assert (message.content, hangs.state, hangs.result) == ("Sorry.", CallState.FAILED, "The tool did not answer in 0.2 s.")


def test_tools_that_only_look_run_at_once_and_others_one_after_the_other(db: Database) -> None:
    ada = make_viewer(db)
    together: list[int] = []

    class Counting(Probe):
        active = 0

        async def run(self, arguments: Json, context: Context) -> str:
            Counting.active += 1
            together.append(Counting.active)
            await asyncio.sleep(0)
            Counting.active -= 1
            return "ok"

    three = [call("counts", call_id=f"c{number}") for number in range(3)]
    for read_only, most in ((True, 3), (False, 1)):
        together.clear()
        with running(db, Talk([*three, CALLS], [DONE]), Counting("counts", read_only=read_only)) as runner:
            set_policy(db, ada, "counts", Policy.ALLOW)
            sent = ask(runner, ada)
            ended(db, ada, sent.answer_id)
        assert max(together) == most


def test_a_model_that_asks_for_ever_is_told_the_limit_and_has_to_answer(db: Database) -> None:
    ada, tool = make_viewer(db), Probe()

    class Stubborn(Scripted):
        async def chat(self, request: ChatRequest):  # type: ignore[no-untyped-def]  # the same as its parent's
            self.play = (call(), CALLS) if request.tools else (TextDelta("I give up."), DONE)
            async for event in super().chat(request):
                yield event

    model = Stubborn()
    with running(db, model, tool, bounds=Bounds(rounds=3)) as runner:
        sent = ask(runner, ada)
        message, _ = ended(db, ada, sent.answer_id)
    records = load_calls(message.tool_calls)
    assert message.content == "I give up."
    assert [record.id for record in records] == ["c1", "c1_2", "c1_3", "c1_4"]
    assert len(tool.ran) == 3
    assert records[-1].state is CallState.DECLINED
    assert records[-1].result == "Not run: an answer may use tools 3 times in a row, and has. Answer now with what you know."
    assert model.requests[-1].turns[-1].content == records[-1].result


def test_too_many_calls_are_not_run(db: Database) -> None:
    ada, tool = make_viewer(db), Probe()
    many = [call(call_id=f"c{number}") for number in range(4)]
    with running(db, Talk([*many, CALLS], [TextDelta("Well."), DONE]), tool, bounds=Bounds(calls=3)) as runner:
        sent = ask(runner, ada)
        message, _ = ended(db, ada, sent.answer_id)
    assert (message.content, tool.ran) == ("Well.", [])
    assert "may make 3 calls" in str(load_calls(message.tool_calls)[0].result)


# --- stopping and dying ------------------------------------------------------------------------------------------


def test_stop_works_while_a_tool_runs_and_keeps_what_was_called(db: Database) -> None:
    ada, tool = make_viewer(db), Probe(slow=True)
    with running(db, Talk([TextDelta("Let me look."), call(), CALLS]), tool) as runner:
        sent = ask(runner, ada)
        assert tool.begun.acquire(timeout=LIMIT_S)
        chat.stop(runner, ada, sent.answer_id, now=datetime.now(UTC))
        message, _ = ended(db, ada, sent.answer_id)
        assert tool.left.wait(LIMIT_S)
    assert (message.status, message.content) == (State.STOPPED, "Let me look.")
    assert [record.state for record in load_calls(message.tool_calls)] == [CallState.STOPPED]


def test_calls_are_saved_on_the_way_so_that_a_killed_process_keeps_them(db: Database) -> None:
    ada, quick, slow = make_viewer(db), Probe(), Probe("hangs", slow=True)
    with running(db, Talk([call(), CALLS], [call("hangs", call_id="c2"), CALLS]), quick, slow) as runner:
        sent = ask(runner, ada)
        assert slow.begun.acquire(timeout=LIMIT_S)
        until(lambda: len(calls_of(db, ada, sent.answer_id)) == 2)
        # As another process sees it while this one lives, or after it was killed.
        done, open_ = calls_of(db, ada, sent.answer_id)
        assert (done.state, done.result) == (CallState.DONE, "High water at Brest: 14:05")
        assert open_.state is CallState.RUNNING
        onlooker = Runner(db, {})
        update = next(onlooker.follow_sync(ada, sent.answer_id))
        assert update.calls == (done, open_)
        assert next(onlooker.follow_sync(ada, sent.answer_id, update.next, idle_s=0.0)).calls is None


# --- approval ----------------------------------------------------------------------------------------------------


@contextmanager
def asking(
    db: Database, viewer: Viewer, tool: Probe, *turns: Sequence[object], bounds: Bounds = USUAL
) -> Iterator[tuple[Runner, chat.Sent]]:
    """An answer that waits for what a person says."""
    talk = Talk(*(turns or ([call(tool.name), CALLS], [TextDelta("Done."), DONE])))
    with running(db, talk, tool, bounds=bounds) as runner:
        sent = ask(runner, viewer)
        until(lambda: runner.asks(viewer, sent.answer_id))
        yield runner, sent


def test_a_tool_that_changes_something_waits_for_a_person(db: Database) -> None:
    ada, tool = make_viewer(db), Probe("write_note", read_only=False)
    with asking(db, ada, tool) as (runner, sent):
        assert tool.ran == []
        # Whoever follows sees the question, and so does who reloads.
        (waiting,) = next(runner.follow_sync(ada, sent.answer_id)).calls or ()
        assert waiting.state is CallState.WAITING
        until(lambda: [record.state for record in calls_of(db, ada, sent.answer_id)] == [CallState.WAITING])
        decide(runner, ada, sent.answer_id, "c1", Decision.ONCE)
        message, _ = ended(db, ada, sent.answer_id)
    (record,) = load_calls(message.tool_calls)
    assert (record.state, record.decision, message.content) == (CallState.DONE, Decision.ONCE, "Done.")
    assert len(tool.ran) == 1
    assert policies_of(db, ada, sent.chat_id) == {}


def test_a_declined_call_is_told_to_the_model_and_not_run(db: Database) -> None:
    ada, tool = make_viewer(db), Probe("write_note", read_only=False)
    with asking(db, ada, tool) as (runner, sent):
        decide(runner, ada, sent.answer_id, "c1", Decision.DECLINED)
        message, _ = ended(db, ada, sent.answer_id)
        assert runner.providers["scripted"].requests[-1].turns[-1].content == DECLINED  # type: ignore[attr-defined]  # Scripted
    (record,) = load_calls(message.tool_calls)
    assert (record.state, record.decision, record.result, tool.ran) == (CallState.DECLINED, Decision.DECLINED, DECLINED, [])
    assert message.content == "Done."


def test_nobody_who_decides_is_a_no_after_some_time(db: Database) -> None:
    ada, tool = make_viewer(db), Probe("write_note", read_only=False)
    talk = Talk([call("write_note"), CALLS], [TextDelta("Then not."), DONE])
    with running(db, talk, tool, bounds=Bounds(approval_s=0.05)) as runner:
        sent = ask(runner, ada)
        message, _ = ended(db, ada, sent.answer_id)
    (record,) = load_calls(message.tool_calls)
    assert (record.state, record.decision, tool.ran) == (CallState.DECLINED, Decision.TIMEOUT, [])
    assert "did not answer within" in str(record.result)


@pytest.mark.parametrize(
    ("decision", "here", "elsewhere"),
    [(Decision.CHAT, Policy.ALLOW, None), (Decision.ALWAYS, Policy.ALLOW, Policy.ALLOW), (Decision.NEVER, Policy.NEVER, Policy.NEVER)],
)
def test_what_is_meant_to_last_is_kept_and_answers_the_same_question_at_once(
    db: Database, decision: Decision, here: Policy, elsewhere: Policy | None
) -> None:
    ada, tool = make_viewer(db), Probe("write_note", read_only=False)
    two = [call("write_note"), call("write_note", call_id="c2"), CALLS]
    with asking(db, ada, tool, two, [call("write_note", call_id="c3"), CALLS], [DONE]) as (runner, sent):
        until(lambda: len(runner.asks(ada, sent.answer_id)) == 2)
        decide(runner, ada, sent.answer_id, "c1", decision)
        message, _ = ended(db, ada, sent.answer_id)
    ran = 0 if decision is Decision.NEVER else 3
    assert len(tool.ran) == ran
    assert {record.state for record in load_calls(message.tool_calls)} == {CallState.DONE if ran else CallState.DECLINED}
    assert policies_of(db, ada, sent.chat_id).get("write_note") is here
    assert policies_of(db, ada, None).get("write_note") is elsewhere


def test_a_forbidden_tool_is_not_offered_and_not_run(db: Database) -> None:
    ada, tool = make_viewer(db), Probe()
    set_policy(db, ada, "tide_table", Policy.NEVER)
    talk = Talk([TextDelta("I cannot."), DONE])
    with running(db, talk, tool, Probe("other")) as runner:
        sent = ask(runner, ada)
        ended(db, ada, sent.answer_id)
        assert [offered.name for offered in talk.requests[0].tools] == ["other"]
        talk.turns = ([call(), CALLS], [DONE])
        talk.requests.clear()
        until(lambda: not runner.writes(ada, sent.answer_id))
        again = ask(runner, ada, sent.chat_id)
        message, _ = ended(db, ada, again.answer_id)
    assert [record.result for record in load_calls(message.tool_calls)] == [NEVER]
    assert tool.ran == []


def test_stop_works_while_a_question_waits(db: Database) -> None:
    ada, tool = make_viewer(db), Probe("write_note", read_only=False)
    with asking(db, ada, tool) as (runner, sent):
        chat.stop(runner, ada, sent.answer_id, now=datetime.now(UTC))
        message, _ = ended(db, ada, sent.answer_id)
        until(lambda: not runner.writes(ada, sent.answer_id))
        with pytest.raises(Conflict, match="does not wait for a decision"):
            decide(runner, ada, sent.answer_id, "c1", Decision.ONCE)
    assert message.status is State.STOPPED
    assert [record.state for record in load_calls(message.tool_calls)] == [CallState.STOPPED]
    assert tool.ran == []


def test_only_the_person_it_belongs_to_decides(db: Database) -> None:
    ada, bob, tool = make_viewer(db), make_viewer(db, "Bob"), Probe("write_note", read_only=False)
    with asking(db, ada, tool) as (runner, sent):
        with pytest.raises(NotFound):
            decide(runner, bob, sent.answer_id, "c1", Decision.ALWAYS)
        with pytest.raises(NotFound):
            runner.asks(bob, sent.answer_id)
        with pytest.raises(Invalid):
            decide(runner, ada, sent.answer_id, "c1", Decision.POLICY)
        with pytest.raises(Conflict):
            decide(runner, ada, sent.answer_id, "c9", Decision.ONCE)
        assert tool.ran == []
        assert policies_of(db, bob, sent.chat_id) == {}


def test_a_decision_reaches_the_process_that_writes_the_answer(db: Database) -> None:
    ada, bob, tool, elsewhere = make_viewer(db), make_viewer(db, "Bob"), Probe("write_note", read_only=False), Runner(db, {})
    with asking(db, ada, tool, [call("write_note"), CALLS], [call("write_note", call_id="c2"), CALLS], [DONE]) as (_, sent):
        until(lambda: [record.state for record in calls_of(db, ada, sent.answer_id)] == [CallState.WAITING])
        with pytest.raises(NotFound):
            decide(elsewhere, bob, sent.answer_id, "c1", Decision.ONCE)
        with pytest.raises(Conflict, match="does not wait"):
            decide(elsewhere, ada, sent.answer_id, "c9", Decision.ONCE)
        decide(elsewhere, ada, sent.answer_id, "c1", Decision.CHAT)
        message, _ = ended(db, ada, sent.answer_id)
        with pytest.raises(Conflict, match="does not wait"):
            decide(elsewhere, ada, sent.answer_id, "c1", Decision.DECLINED)
    assert [(record.state, record.decision) for record in load_calls(message.tool_calls)] == [
        (CallState.DONE, Decision.CHAT), (CallState.DONE, Decision.POLICY),
    ]  # fmt: skip
    assert policies_of(db, ada, sent.chat_id) == {"write_note": Policy.ALLOW}
    with db.read() as tx:
        assert tx.execute(sa.select(DECISIONS)).all() == []


def test_the_first_decision_counts_and_one_for_a_dead_process_is_refused(db: Database) -> None:
    ada, elsewhere = make_viewer(db), Runner(db, {})
    record = CallRecord("c1", "write_note", {}, round=1, position=0, state=CallState.WAITING)
    alive = leave_running(db, ada, "", owner=ELSEWHERE)
    dead = leave_running(db, ada, "", owner=DEAD)
    with db.write() as tx:
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id.in_([alive.id, dead.id])).values(tool_calls=dump_calls([record])))
    decide(elsewhere, ada, alive.id, "c1", Decision.DECLINED)
    with pytest.raises(Conflict, match="does not wait"):
        decide(elsewhere, ada, alive.id, "c1", Decision.ONCE)
    with pytest.raises(Conflict, match="ended in the same moment"):
        decide(elsewhere, ada, dead.id, "c1", Decision.ONCE)
    assert get_message(db, ada, dead.id).status is State.INTERRUPTED


def test_a_policy_of_the_chat_goes_before_one_for_all(db: Database) -> None:
    ada, bob = make_viewer(db), make_viewer(db, "Bob")
    with running(db, Talk([DONE])) as runner:
        sent = ask(runner, ada)
        ended(db, ada, sent.answer_id)
    set_policy(db, ada, "write_note", Policy.NEVER)
    set_policy(db, ada, "write_note", Policy.ASK)
    set_policy(db, ada, "write_note", Policy.ALLOW, chat_id=sent.chat_id)
    assert policies_of(db, ada, sent.chat_id) == {"write_note": Policy.ALLOW}
    assert policies_of(db, ada, None) == {"write_note": Policy.ASK}
    assert policies_of(db, bob, sent.chat_id) == {}
    set_policy(db, ada, "write_note", None, chat_id=sent.chat_id)
    assert policies_of(db, ada, sent.chat_id) == {"write_note": Policy.ASK}
    with pytest.raises(NotFound):
        set_policy(db, bob, "write_note", Policy.ALLOW, chat_id=sent.chat_id)
    with pytest.raises(Invalid):
        set_policy(db, ada, "x" * 65, Policy.ALLOW)


def test_a_follower_is_sent_calls_only_when_they_are_new(db: Database) -> None:
    ada, tool = make_viewer(db), Probe("write_note", read_only=False)
    with asking(db, ada, tool) as (runner, sent):
        follower = runner.follow_sync(ada, sent.answer_id)
        first = next(follower)
        assert first.calls is not None
        again = next(runner.follow_sync(ada, sent.answer_id, first.next))
        assert again.calls is None
        assert again.next == first.next == Offset(0, 0, first.next.calls)
        follower.close()


def test_calls_that_other_programs_wrote_are_none_of_ours() -> None:
    assert load_calls('[{"name": "add_task", "arguments": {"title": "tea"}}]') == ()
    assert load_calls("not json") == load_calls("5") == load_calls("[3]") == load_calls(None) == ()
