"""What metrics and traces say of tool calls: which tool, how long, whether it failed; never what was asked or answered."""

import pytest

from chatcore.db import Database
from chatcore.generation import Runner
from chatcore.metrics import Metrics
from chatcore.parts import Finished, FinishReason, TextDelta, ToolCall
from chatcore.toolcalls import load_calls
from chatcore.tools.base import Json, ToolFailed
from chatcore.tools.toolbox import Toolbox
from chatcore.traces import Traces
from tests.answers import ended, until
from tests.chatcore.figures import total
from tests.chatcore.spans import collecting, endpoint, spans
from tests.chatcore.test_rounds import ask
from tests.factories import make_viewer
from tests.tools import Probe, Talk

TOOLS = "gen_ai_execute_tool_duration_seconds"


def lost(arguments: Json) -> str:
    raise ToolFailed(f"The table of {arguments['port']} is lost.")


def test_each_call_that_ran_is_a_figure_and_a_span_below_its_answer(db: Database) -> None:
    ada = make_viewer(db)
    asked = [ToolCall(name, name, {"port": "Brest"}) for name in ("tide_table", "lost_table", "no_table")]
    talk = Talk([*asked, Finished(FinishReason.TOOL_CALLS)], [TextDelta("At 14:05."), Finished(FinishReason.STOP)])
    runner = Runner(db, {"scripted": talk}, toolbox=Toolbox((Probe("tide_table"), Probe("lost_table", work=lost))))
    metrics = Metrics(runner.providers, runner.load)
    runner.report_to(metrics.observe)
    with collecting() as server:
        traces = Traces(endpoint(server), delay_s=0.05)
        runner.report_to(traces.observe)
        runner.open()
        try:
            message, _ = ended(db, ada, ask(runner, ada).answer_id)
            until(lambda: total(metrics.page("")[0].decode(), f"{TOOLS}_count"))
        finally:
            runner.close()
            traces.close()
        found = {seen.span.name: seen for seen in spans(server)}
    text = metrics.page("")[0].decode()
    assert total(text, f"{TOOLS}_count") == 2
    assert total(text, f"{TOOLS}_count", gen_ai_tool_name="tide_table", error_type="") == 1
    assert total(text, f"{TOOLS}_count", gen_ai_tool_name="lost_table", error_type="tool_failed") == 1
    assert set(found) == {"chat parrot", "execute_tool tide_table", "execute_tool lost_table"}
    answer, good, bad = found["chat parrot"].span, found["execute_tool tide_table"], found["execute_tool lost_table"]
    assert good.span.parent_span_id == bad.span.parent_span_id == answer.span_id
    assert good.says == {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "tide_table", "gen_ai.tool.type": "function"}
    assert bad.says["error.type"] == "tool_failed"
    took_s = (good.span.end_time_unix_nano - good.span.start_time_unix_nano) / 1e9
    assert took_s == pytest.approx(load_calls(message.tool_calls)[0].duration_s, abs=1e-6)
    assert "Brest" not in text + str(good.says) + str(bad.says)
