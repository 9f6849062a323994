"""The temporary chat on the screen: what it is, its messages, and how to keep it."""

import streamlit as st

from chatcore.memory import TITLE, TemporaryChat
from chatcore.parts import MessageInfo, Role, State
from ui import attachments, composer, temporary, thread


def show_chat(chat: TemporaryChat) -> thread.Pending | None:
    """Draws it; answers what `thread.follow_here` must follow when the rest of the page is drawn."""
    show_head(chat)
    with st.container(key="thread"):
        pending = [show_message(message) for message in chat.messages]
        if chat.messages and not chat.running:
            show_retry(chat.messages[-1])
    return next(filter(None, pending), None)


def last_used(chat: TemporaryChat) -> composer.Choice | None:
    """(provider, model) of its last answer."""
    used = ((message.provider, message.model_name) for message in reversed(chat.messages) if message.role is Role.ASSISTANT)
    return next(((provider, model) for provider, model in used if provider and model), None)


def show_head(chat: TemporaryChat) -> None:
    """Its name, what is special about it, and what can be done with it."""
    with st.container(key="temporary_head", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container(key="chat_title"):
                st.title(TITLE, anchor=False)
            if chat.messages:
                st.button("Keep this chat", icon=":material/bookmark_add:", key="temporary.keep", on_click=temporary.keep,
                          disabled=chat.running, help="Saves it with all of its messages")  # fmt: skip
            st.button("End", icon=":material/close:", key="temporary.end", type="tertiary", on_click=temporary.end,
                      help="Forgets this chat")  # fmt: skip
        st.info(
            "**Not saved.** This chat is in no list and in no search, and gone when you end it, reload or close the page. "
            "The model server sees it like any other; only the figures of its use are counted.",
            icon=":material/visibility_off:",
        )


def show_retry(answer: MessageInfo) -> None:
    """The way to another answer. Only the last one can be asked for again: there are no branches to go back to."""
    st.button("Try again", icon=":material/refresh:", key="thread.retry", type="tertiary", on_click=_retry, args=(answer,),
              help="Ask for this answer once more, from the model chosen below. It takes the place of this one.")  # fmt: skip


def _retry(answer: MessageInfo) -> None:
    temporary.retry(answer, composer.chosen(None))


def show_message(message: MessageInfo) -> thread.Pending | None:
    """Draws one message."""
    with st.container(key=f"message-{message.id}"), st.chat_message(message.role.value):
        if message.role is Role.USER:
            thread.show_text(message)
            attachments.show_files(message)
        elif message.status is State.RUNNING:
            return thread.show_running(message)
        else:
            thread.show_answer(message)
    return None
