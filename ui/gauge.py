"""How full the model's window is: a quiet figure beside the picker, and a way on when it is full."""

import uuid

import streamlit as st

from chatcore import context
from chatcore.context import Filling
from chatcore.core import Core
from chatcore.parameters import ChatSettings
from chatcore.parts import ModelInfo, Thread, Viewer
from chatcore.summary import continue_in_new_chat
from chatcore.thread import open_thread
from ui import app, window, words

# An exchange and the one before it, with attempts that failed in between.
LOOKED_AT = 6


def measured(core: Core, viewer: Viewer, thread: Thread | None, settings: ChatSettings, model: ModelInfo | None) -> Filling | None:
    """How full the window is; None where there is no chat yet, or nothing to measure against."""
    size = context.window_of(settings, model)
    if thread is None or size is None:
        return None
    messages = thread.messages
    if not window.is_at_end(thread):
        messages = open_thread(core.db, viewer, thread.chat.id, limit=LOOKED_AT).messages
    return context.filling(core.db, viewer, thread.chat.id, messages, size) if messages else None


def show_gauge(filling: Filling) -> None:
    """The figure, with what it means behind it."""
    about = "about " if filling.estimated else ""
    share, size = filling.share or 0.0, filling.window or 0
    text = f"{'≈ ' if filling.estimated else ''}{min(share, 9.99):.0%} of {words.context_size(size)}"
    colour = "orange" if filling.nearly_full else "gray"
    counted = (
        "No server has counted: 4 characters are taken for a token."
        if filling.estimated
        else "As the model server counted at the last answer."
    )
    with st.container(key="context_gauge", width="content"):
        st.markdown(
            f":small[:{colour}[{text}]]",
            help=f"This chat takes {about}{words.count(filling.tokens)} of {words.count(size)} tokens, which the model sees at once. "
            f"{counted}",
        )


def show_way_on(filling: Filling | None, chat_id: uuid.UUID, choice: tuple[str, str]) -> None:
    """Says above the field that the window is nearly full, and offers a new chat that begins with a summary."""
    if filling is None or not filling.nearly_full or choice[0] == "guide":
        return
    full = (filling.share or 0.0) >= 1
    sentence = "The model’s window is full: the oldest messages are cut." if full else (
        f"The model’s window is {filling.share:.0%} full: the oldest messages will be cut soon."
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", key="context_full", gap="small"):
        st.caption(f":material/data_usage: {sentence}", width="stretch")
        st.button(
            "Continue in a new chat",
            icon=":material/summarize:",
            key="context.continue",
            type="tertiary",
            help="The model summarizes this chat, and a new one begins with the summary. This chat stays as it is.",
            on_click=_continue,
            args=(chat_id, choice, filling.window),
        )


def _continue(chat_id: uuid.UUID, choice: tuple[str, str], size: int | None) -> None:
    with app.calm_callback():
        provider, model_name = choice
        sent = continue_in_new_chat(
            app.core().runner, app.viewer(), chat_id, provider=provider, model_name=model_name, window=size, now=app.now()
        )
        app.show_chat(sent.chat_id)


def show_cut() -> None:
    """What is said under an answer whose server looked at less than it was sent."""
    st.caption(
        ":material/content_cut: The model server seems to have left out the oldest messages: it counted fewer tokens than it was sent. "
        "A larger context window in the chat settings helps, or a new chat that begins with a summary."
    )
