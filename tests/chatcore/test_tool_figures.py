"""What metrics and traces say of tool calls: which tool, how long, whether it failed; never what was asked or answered."""

from datetime import UTC, datetime

import pytest

from chatcore import analytics
from chatcore.context import cut_answers, filling, window_had
from chatcore.db import Database
from chatcore.generation import Runner
from chatcore.metrics import Metrics
from chatcore.parts import Finished, FinishReason, ModelInfo, Period, TextDelta, ToolCall, Usage
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

ALL = analytics.Filters(Period(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)))
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
    counted = analytics.tools(db, ada, ALL).set_index("tool")
    for tool in ("tide_table", "lost_table"):
        assert counted["calls_with_call_duration_s"][tool] == total(text, f"{TOOLS}_count", gen_ai_tool_name=tool) == 1
    # Both count it as failed, only the analytics know of a call that never ran.
    assert counted["failed"].to_dict() == {"tide_table": 0, "lost_table": 1, "no_table": 1}
    reasons = analytics.tool_errors(db, ada, ALL).set_index("tool")["reason"].to_dict()
    assert reasons == {"lost_table": bad.says["error.type"], "no_table": "unknown_tool"}


def test_the_window_is_measured_by_the_last_prompt_and_known_to_its_server(db: Database) -> None:
    ada, asked = make_viewer(db), ToolCall("1", "tide_table", {"port": "Brest"})
    calls = [asked, Usage(input_tokens=600, output_tokens=10), Finished(FinishReason.TOOL_CALLS)]
    says = [TextDelta("At 14:05."), Usage(input_tokens=900, output_tokens=20), Finished(FinishReason.STOP)]
    less = [TextDelta("At 02:31."), Usage(input_tokens=700, output_tokens=20), Finished(FinishReason.STOP)]
    runner = Runner(db, {"scripted": Talk(calls, says, less)}, toolbox=Toolbox((Probe("tide_table"),)))
    runner.offered = lambda: [ModelInfo("parrot", "scripted", context_length=1000)]
    runner.open()
    try:
        first = ask(runner, ada)
        message, generation = ended(db, ada, first.answer_id)
        assert (generation.input_tokens, generation.context_tokens, generation.context_window) == (1500, 900, 1000)
        assert filling(db, ada, first.chat_id, [message], 1000).tokens == 930
        later, _ = ended(db, ada, ask(runner, ada, first.chat_id).answer_id)
    finally:
        runner.close()
    # The prompt of the second answer must hold that of the first, and the server counted fewer tokens.
    assert cut_answers([message, later]) == {later.id}
    (told,) = analytics.context(db, ada, ALL).to_dict("records")
    assert (told["answers_with_fill"], told["above_80"], told["left_out"]) == (2, 1, 1)
    (cut,) = analytics.fills_behind(db, ada, ALL, meant=analytics.FillsMeant(cut="left_out")).items
    assert (cut.message_id, cut.fill_share) == (later.id, 0.7)


@pytest.mark.parametrize(
    ("model", "loads", "window"),
    [
        (None, True, None),
        (ModelInfo("m", "ollama", context_length=131_072), True, None),
        (ModelInfo("m", "ollama", context_length=131_072, loaded=True, loaded_context=4096), True, 4096),
        (ModelInfo("m", "ollama", context_length=131_072, cloud=True), True, 131_072),
        (ModelInfo("m", "vllm", context_length=32_768), False, 32_768),
    ],
)
def test_a_window_counts_only_where_a_server_says_which(model: ModelInfo | None, loads: bool, window: int | None) -> None:
    assert window_had(model, loads=loads) == window
