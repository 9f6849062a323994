"""The tab Tools and the windows on the tab Quality, without a browser: with calls, without any, and with nothing that matches."""

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from tests.chatcore.called_rows import write_called
from tests.pages.frame import Frame, noon_clock
from tests.pages.test_analytics_cost_tab import opened, table, texts

pytestmark = pytest.mark.usefixtures("at_noon")
NOW = noon_clock()


def write(frame: Frame) -> None:
    """Ten days with tools."""
    write_called(frame.core.db, frame.viewer, start=NOW - timedelta(days=10), end=NOW, turns=40, seed=7)


def charts(at: AppTest) -> int:
    return len(at.get("vega_lite_chart"))


def test_calls_have_their_numbers_charts_and_tables(frame: Frame) -> None:
    write(frame)
    at = opened(frame, tab="Tools")
    assert [metric.label for metric in at.metric] == ["Tool calls", "Failed calls", "Declined calls", "Time of a tool"]
    tools = table(at, "tools").set_index("tool")
    assert int(str(at.metric[0].value)) == tools["calls"].sum() > 0
    assert set(tools["server"]) == {"Built in", "Elsewhere", "files", "tracker"}
    assert charts(at) == 3
    assert set(table(at, "tool_errors")["state"]) == {"Failed", "Declined"}
    assert len(table(at, "tool_servers")) == 4
    assert "answers called 6 tools. Changes are against" in texts(at)
    assert "Changes are against" not in texts(opened(frame, tab="Tools", range="all"))


def test_windows_are_a_part_of_the_quality(frame: Frame) -> None:
    write(frame)
    at = opened(frame, tab="Quality")
    assert charts(at) == 2
    assert "The prompt took 80% of the window or more in" in texts(at)
    assert table(at, "context")["answers_with_fill"].sum() > 0
    assert "From 80%" not in texts(at), "that is said by the head of a column"


def test_who_has_chatted_without_tools_is_told_how_to_use_them(frame: Frame) -> None:
    write(frame)
    with frame.core.db.write() as tx:
        tx.connection().exec_driver_sql("UPDATE chatmessage SET tool_calls = NULL")
        tx.connection().exec_driver_sql("UPDATE generation SET context_window = NULL, finish_reason = NULL, left_out = NULL")
        tx.connection().exec_driver_sql("UPDATE generation SET error_type = 'timeout' WHERE error_type IS NOT NULL")
    at = opened(frame, tab="Tools", range="all")
    assert "No model has called a tool yet" in texts(at)
    assert not at.metric
    assert "You have no calls of tools in this period" in texts(opened(frame, tab="Tools"))
    assert "window" not in texts(opened(frame, tab="Quality"))
