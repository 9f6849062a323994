"""The tab that says what tools did: how often they were called, how that ended and why, and how long they took."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from chatcore.analytics import DEFINITIONS, ToolReport, tool_report
from chatcore.analytics.filters import Step, local_days
from chatcore.analytics.ranges import days_text
from chatcore.reports.palette import CALLS_ENDED
from chatcore.reports.series import MAX_TOOLS
from chatcore.reports.tables import CALLED, REASONS, known_columns
from chatcore.reports.tiles import tiles_of
from ui import words
from ui.analytics import behind, tiles, tool_charts, tool_marks
from ui.analytics.cards import Shown, show_footer, show_no_match

number, text = st.column_config.NumberColumn, st.column_config.TextColumn


def show(shown: Shown) -> None:
    """Draws the tab."""
    grain = shown.grain(len(CALLS_ENDED))
    report = shown.ask(tool_report, now=shown.as_of.minute, step=grain)
    if report.tools.empty:
        show_nothing(shown)
        return
    compare = shown.choice.range != "all"
    tiles.show_tiles(tiles_of(report.tiles, compare=compare))
    show_summary(report, shown, compare=compare)
    with st.container(border=True):
        show_over_time(report, shown, grain)
    with st.container(border=True):
        show_tools(report.tools, shown)
    if not report.errors.empty:
        with st.container(border=True):
            show_errors(report.errors, shown)
    with st.container(border=True):
        show_rounds(report.rounds, shown)
    show_table("tool_models", "Each model", report.models, MODEL_COLUMNS, shown)
    if len(report.servers) > 1:
        show_table("tool_servers", "Where the tools come from", report.servers, SERVER_COLUMNS, shown)


def show_nothing(shown: Shown) -> None:
    """What stands here as long as no model has called a tool, and where the filters leave no call."""
    if shown.wanted.is_everything and shown.choice.range == "all":
        with st.container(border=True):
            st.markdown("**No model has called a tool yet**")
            st.markdown(
                "Switch **Tools** on below the field where you write, with a model that can use them. Here you will then see how often "
                "each tool was called, what failed and why, and how long it took."
            )
        return
    show_no_match("no calls of tools")


def show_summary(report: ToolReport, shown: Shown, *, compare: bool) -> None:
    """How many answers used tools, what the changes compare with, and what can be clicked."""
    answers, used = int(report.rounds["answers"].sum()), len(report.tools)
    sentences = [f"{words.plural(answers, 'answer')} called {words.plural(used, 'tool')}."]
    if compare:
        sentences.append(f"Changes are against {days_text(report.previous, shown.wanted.time_zone)}.")
    sentences.append("Click a bar or a line of a table to see the calls behind it.")
    st.caption(" ".join(sentences), help=DEFINITIONS["change"] if compare else None)


def show_over_time(report: ToolReport, shown: Shown, grain: Step) -> None:
    """The calls over time, and the list behind a bar."""
    title = f"Calls of tools per {grain}"
    st.markdown(f"**{title}**")
    days = local_days(shown.wanted.period, shown.wanted.time_zone).to_series()
    clicked = shown.show_chart("tools_over_time", title, lambda: tool_charts.over_time_chart(report.over_time, days, grain))
    shown.show_behind("tools_over_time", tool_marks.in_calls(clicked, shown.wanted, grain))
    show_footer("tools_over_time", report.over_time, shown.stamp)


def show_tools(tools: pd.DataFrame, shown: Shown) -> None:
    """A bar for each of the most called tools and a line for every one, with the calls behind them."""
    st.markdown("**Each tool**")
    if len(tools) > MAX_TOOLS:
        st.caption(f"Drawn are the {MAX_TOOLS} tools called most.")
    clicked = shown.show_chart("tool_bars", "Calls of each tool by how they ended", lambda: tool_charts.tools_chart(tools))
    shown.show_behind("tool_bars", tool_marks.in_tools(clicked, shown.wanted))
    draw_table("tools", "Each tool", tools, TOOL_COLUMNS, shown)


def show_rounds(rounds: pd.DataFrame, shown: Shown) -> None:
    """How often answers stopped for tools, with the calls behind a bar."""
    st.markdown("**Rounds with tools of an answer**")
    told = "How many answers stopped for tools how often"
    clicked = shown.show_chart("tool_rounds", told, lambda: tool_charts.rounds_chart(rounds))
    shown.show_behind("tool_rounds", tool_marks.in_rounds(clicked, shown.wanted))
    show_footer("tool_rounds", rounds, shown.stamp)


def show_table(name: str, title: str, frame: pd.DataFrame, columns: Mapping[str, object], shown: Shown) -> None:
    """A card that is one table."""
    with st.container(border=True):
        st.markdown(f"**{title}**")
        draw_table(name, title, frame, columns, shown)


def draw_table(name: str, told: str, frame: pd.DataFrame, columns: Mapping[str, object], shown: Shown) -> None:
    """A table with the calls behind the cell that was clicked, without columns that nobody knows anything for."""
    known = set(known_columns(name, frame))
    cells = behind.show_table(frame, columns, shown.key(name), told, order=[column for column in columns if column in known])
    shown.show_behind(name, tool_marks.in_tool_table(cells, shown.wanted, frame))
    show_footer(name, frame, shown.stamp)


def show_errors(errors: pd.DataFrame, shown: Shown) -> None:
    """Why calls failed or were declined, with the calls behind a line, which say what the tool said."""
    columns = {
        "tool": text("Tool", pinned=True, width="medium"),
        "state": text("Ended"),
        "reason": text("Why", width="medium"),
        "calls": number("Calls", format="localized"),
        "share": number("Share", format=behind.PERCENT, help="Of all calls of this tool"),
    }
    st.markdown("**What went wrong**")
    named = errors.assign(state=errors["state"].map(CALLED), reason=errors["reason"].map(REASONS))
    cells = behind.show_table(named, columns, shown.key("tool_errors"), "Why calls failed or were declined")
    shown.show_behind("tool_errors", tool_marks.in_errors(cells, shown.wanted, errors))
    show_footer("tool_errors", errors, shown.stamp)


SHARES: dict[str, object] = {
    "failed_share": number("Failed", format=behind.PERCENT, help=DEFINITIONS["tool_failed_share"]),
    "failed_share_low": number("At least", format=behind.PERCENT, help="The true share is between at least and at most, 19 times in 20"),
    "failed_share_high": number("At most", format=behind.PERCENT),
    "declined_share": number("Declined", format=behind.PERCENT, help=DEFINITIONS["tool_declined_share"]),
}
TIMES: dict[str, object] = {
    f"call_duration_s_p{percentile}": number(f"Time, {part}", format="%.3f s")
    for percentile, part in ((50, "half"), (90, "9 of 10"), (95, "19 of 20"), (99, "99 of 100"))
}
CALLS, ANSWERS = number("Calls", format="localized"), number("Answers", format="localized")
TOOL_COLUMNS: dict[str, object] = {
    "tool": text("Tool", pinned=True, width="medium"),
    "calls": CALLS,
    **SHARES,
    **TIMES,
    "answers": ANSWERS,
    "server": text("From", help=DEFINITIONS["tool_servers"]),
}
SERVER_COLUMNS: dict[str, object] = {
    "server": text("From", pinned=True, width="medium"),
    "tools": number("Tools", format="localized"),
    "calls": CALLS,
    **SHARES,
    **TIMES,
    "answers": ANSWERS,
}
MODEL_COLUMNS: dict[str, object] = {
    "model_name": text("Model", pinned=True, width="medium"),
    "calls": CALLS,
    **SHARES,
    "answers": ANSWERS,
    "rounds_p50": number("Rounds, half", format="%.0f", help="How often an answer with calls stopped for tools"),
    "rounds_p90": number("Rounds, 9 of 10", format="%.0f"),
    "most_rounds": number("Most rounds", format="localized"),
    "provider": text("Provider"),
}
