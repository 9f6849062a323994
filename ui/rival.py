"""The second model at the foot of the page: with one chosen, the next prompt goes to both."""

import uuid
from collections.abc import Mapping

import streamlit as st

from ui import words

Choice = tuple[str, str]
# Streamlit takes None for a question that is not answered yet.
NOBODY: Choice = ("", "")
LONGEST_MARK = 22
WIDTH_PX = 320


def key_of(chat_id: uuid.UUID | None) -> str:
    """Each chat has its own choice."""
    return f"composer.rival.{chat_id or 'new'}"


def blind_key(chat_id: uuid.UUID | None) -> str:
    return f"composer.blind.{chat_id or 'new'}"


def chosen(chat_id: uuid.UUID | None) -> Choice | None:
    """The model that the next prompt of this chat goes to as well, None for no comparison."""
    choice: Choice = st.session_state.get(key_of(chat_id), NOBODY)
    return None if choice == NOBODY else choice


def is_blind(chat_id: uuid.UUID | None) -> bool:
    """Whether the names are hidden in the next comparison."""
    return bool(st.session_state.get(blind_key(chat_id), True))


def carry(sent_to: uuid.UUID) -> None:
    """A new chat goes on as its first prompt was sent, and the next new one begins without a comparison."""
    if (rival := chosen(None)) is not None:
        st.session_state[key_of(sent_to)] = rival
        st.session_state[blind_key(sent_to)] = is_blind(None)
    st.session_state.pop(key_of(None), None)


def show_switch(chat_id: uuid.UUID | None, model: Choice, lines: Mapping[Choice, str], compared: Choice | None) -> None:
    """Draws the button and, behind it, the choice. `compared` is who the last prompt of the chat was sent to as well, if that is what
    the chat ends with."""
    key = key_of(chat_id)
    if key not in st.session_state:
        st.session_state[key] = compared or NOBODY
    rival = chosen(chat_id)
    # Set before it is drawn: a toggle takes its first value from here.
    st.session_state[blind_key(chat_id)] = is_blind(chat_id)
    others = [choice for choice in lines if choice != model]
    options = [NOBODY, *others] if rival is None or rival in others else [NOBODY, rival, *others]
    name = words.plain(words.shortened(words.model_name(*rival), LONGEST_MARK)) if rival else ""
    with (
        st.container(key="compare_marked" if rival else "compare_quiet", width="content"),
        st.popover(f"vs {name}" if rival else "Compare", icon=":material/compare:", type="tertiary", key="composer.compare"),
        st.container(width=WIDTH_PX),
    ):
        if len(options) == 1:
            st.markdown("**Compare two models**")
            st.caption("There is only one model here. Connect a model server or install a second model, then compare them.")
            return
        st.selectbox("Compare with", options, key=key, format_func=lambda choice: line(choice, lines))
        st.toggle("Blind: hide which is which until you vote", key=blind_key(chat_id))
        st.caption(
            "The next prompt goes to both models, and their answers come side by side. Tools that change nothing and need no "
            "permission work in both."
        )


def line(choice: Choice, lines: Mapping[Choice, str]) -> str:
    """A line of the choice."""
    if choice == NOBODY:
        return "No comparison"
    return words.picker_line(choice, lines)
