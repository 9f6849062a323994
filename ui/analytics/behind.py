"""The list behind a number: each message or answer with its chat, a click away from where it was written."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import pandas as pd
import streamlit as st

from chatcore import analytics
from chatcore.analytics import AnswerBehind, CallBehind, MessageBehind
from chatcore.db import Database
from chatcore.parts import Role, State, Viewer
from chatcore.prices import CURRENCY
from chatcore.reports.tables import CALLED, REASONS
from chatcore.reports.tiles import UNKNOWN, value_text
from ui import app, words
from ui.analytics import charts
from ui.analytics.charts import Spec
from ui.analytics.marks import Marked, Selected
from ui.sessions.clock import Clock

AT_FIRST, MORE = 10, 20
# How a share stands in a table; Streamlit's own "percent" gives one of them two decimals and the next none.
PERCENT = "%.1f%%"
MOST = 200
TEXT_CHARACTERS = 100
GONE = "deleted chat"
OUTCOMES = {
    State.RUNNING: "being written",
    State.STOPPED: "stopped",
    State.FAILED: "failed",
    State.INTERRUPTED: "interrupted",
    State.COMPLETE: "",
}


def show_chart(spec: Spec, key: str, told: str, *, width: Literal["stretch", "content"] = "stretch") -> Selected:
    """Draws a chart that can be clicked; the mark that was, or nothing. `told`: what it shows, for who does not see it."""
    event = st.vega_lite_chart(spec=spec, width=width, key=key, on_select="rerun", alt=told)
    selected: Selected = event.selection.get(charts.MARK, [])
    return selected


def show_table(
    frame: pd.DataFrame, columns: Mapping[str, Any], key: str, told: str, *, order: Sequence[str] | None = None
) -> list[tuple[int, str]]:
    """Draws a table that can be clicked, with these columns in this order, or in `order`; the cell that was, (row, column), or none.

    Shares, which are parts of 1 in every frame, are drawn in PERCENT.
    """
    shares = {name: frame[name] * 100 for name in columns if columns[name]["type_config"].get("format") == PERCENT}
    event = st.dataframe(
        frame.assign(**shares),
        hide_index=True,
        column_order=list(order or columns),
        column_config=dict(columns),
        placeholder=UNKNOWN,
        alt=told,
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
    )
    return list(event.selection.cells)


def show(db: Database, viewer: Viewer, marked: Marked, clock: Clock, *, key: str, close: Callable[[], None]) -> None:
    """Draws the list under the chart it was chosen in. `close` is called when it is to go away."""
    # A link to a message that is open already moves to it again.
    app.forget_view()
    wanted = min(int(st.session_state.get(f"{key}.shown", AT_FIRST)), MOST)
    with st.container(key=f"{key}.behind", gap="xsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**{words.plain(marked.title)}**", width="content")
            st.button("Close", icon=":material/close:", type="tertiary", key=f"{key}.close", on_click=close)
        if marked.calls is not None:
            calls = analytics.calls_behind(db, viewer, marked.filters, meant=marked.calls, limit=wanted)
            for call in calls.items:
                show_call(call, clock)
            shown, more = len(calls.items), calls.next_cursor is not None
        elif marked.fills is not None:
            filled = analytics.fills_behind(db, viewer, marked.filters, meant=marked.fills, limit=wanted)
            for answer in filled.items:
                show_answer(answer, clock)
            shown, more = len(filled.items), filled.next_cursor is not None
        elif marked.answers:
            answers = analytics.answers_behind(
                db, viewer, marked.filters, state=marked.state, error_type=marked.error_type, priced=marked.priced, limit=wanted
            )
            for answer in answers.items:
                show_answer(answer, clock)
            shown, more = len(answers.items), answers.next_cursor is not None
        else:
            messages = analytics.messages_behind(
                db,
                viewer,
                marked.filters,
                role=marked.role,
                hour_of_week=marked.hour_of_week,
                rating=marked.rating,
                games=marked.games,
                limit=wanted,
            )
            for message in messages.items:
                show_message(message, clock)
            shown, more = len(messages.items), messages.next_cursor is not None
        if not shown:
            st.caption("There is nothing any more behind this number: it was deleted a moment ago.")
        elif more and wanted < MOST:
            st.button("Show more", key=f"{key}.more", on_click=show_more, args=(key, wanted))
        elif more:
            st.caption(f"These are the newest {MOST}. Choose a shorter period, or look for the others on the Sessions page.")


def show_more(key: str, wanted: int) -> None:
    """So many are shown from now on."""
    st.session_state[f"{key}.shown"] = wanted + MORE


def show_message(message: MessageBehind, clock: Clock) -> None:
    """A message as a link to it."""
    who = "You" if message.role is Role.USER else words.model_name(None, message.model_name)
    facts = [clock.short(message.created_at), who, "in the trash" if message.in_trash else ""]
    link(message.chat_title, message.snippet, facts, {app.CHAT_PARAM: str(message.chat_id), app.MESSAGE_PARAM: str(message.message_id)})


def show_answer(answer: AnswerBehind, clock: Clock) -> None:
    """An attempt with what it used; a link, as long as its message is there."""
    known = answer.output_tokens is not None and answer.input_tokens is not None
    facts = [
        clock.short(answer.started_at),
        words.model_name(answer.provider, answer.model_name),
        OUTCOMES[answer.state],
        f"{words.count(answer.input_tokens or 0)} tokens in, {words.count(answer.output_tokens or 0)} out" if known else "tokens unknown",
        f"window {answer.fill_share:.0%} full" if answer.fill_share is not None else "",
        cost_text(answer),
        f"first chunk {answer.time_to_first_chunk_s:.2f} s" if answer.time_to_first_chunk_s is not None else "",
        "in the trash" if answer.in_trash else "",
    ]
    if answer.chat_id is None or answer.message_id is None:
        st.markdown(f"**{GONE.capitalize()}**  \n{words.plain(' · '.join(filter(None, facts)))}")
        return
    target = {app.CHAT_PARAM: str(answer.chat_id), app.MESSAGE_PARAM: str(answer.message_id)}
    link(answer.chat_title or "", answer.snippet, facts, target)


def show_call(call: CallBehind, clock: Clock) -> None:
    """A call as a link to the answer that made it, with what the tool said."""
    why = REASONS.get(call.reason or "", "").lower()
    facts = [
        call.tool,
        f"{CALLED.get(call.state.value, 'running').lower()}{f': {why}' if why else ''}",
        value_text("s", call.duration_s) if call.duration_s is not None else "",
        clock.short(call.created_at),
        words.model_name(call.provider, call.model_name),
        "in the trash" if call.in_trash else "",
    ]
    link(call.chat_title, call.snippet, facts, {app.CHAT_PARAM: str(call.chat_id), app.MESSAGE_PARAM: str(call.message_id)})


def cost_text(answer: AnswerBehind) -> str:
    """What an answer cost; empty where nobody knows. Only dollars are dollars: whoever writes to the ledger may have another currency."""
    if answer.cost is None:
        return ""
    return words.money(answer.cost) if answer.cost_currency == CURRENCY else f"{answer.cost:.4f} {answer.cost_currency}"


def link(title: str, text: str, facts: list[str], target: dict[str, str]) -> None:
    """A line that opens a chat at a message."""
    label = f"**{words.plain(words.shortened(title, 60))}** · {words.plain(' · '.join(filter(None, facts)))}"
    if text:
        label += f" — {words.plain(words.shortened(text, TEXT_CHARACTERS))}"
    st.page_link(app.CHAT_PAGE, label=label, query_params=target, width="stretch")
