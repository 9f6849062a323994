"""The temporary chat of a browser session: the session holds it, and it is gone with the session."""

import streamlit as st

from chatcore.chat import Draft
from chatcore.core import Core
from chatcore.memory import TemporaryChat
from chatcore.parameters import ChatSettings
from chatcore.parts import MessageInfo, Viewer
from chatcore.temporary import keep_temporary, retry_temporary, send_temporary
from ui import app

CHAT = "temporary.chat"


def held() -> TemporaryChat | None:
    """The temporary chat of this session, on screen or not."""
    chat: TemporaryChat | None = st.session_state.get(CHAT)
    return chat


def opened() -> TemporaryChat | None:
    """The temporary chat, if it is what the chat page shows."""
    return held() if st.session_state.get(app.TEMPORARY) else None


def send(core: Core, viewer: Viewer, chat: TemporaryChat, draft: Draft, settings: ChatSettings) -> None:
    """Puts a prompt into it; its model is asked as the settings on screen say. Raises what `send_temporary` raises."""
    chat.settings = settings
    send_temporary(core.runner, viewer, chat, draft, now=app.now())


def retry(message: MessageInfo, choice: tuple[str, str] | None) -> None:
    """Asks for its last answer once more, from the model that is chosen now."""
    with app.calm_callback():
        chat, core = held(), app.core()
        # The second click of a double click finds another answer there.
        if chat is not None and chat.messages and chat.messages[-1].id == message.id:
            provider, model_name = choice or (message.provider or "", message.model_name or "")
            retry_temporary(core.runner, app.viewer(), chat, provider=provider, model_name=model_name, now=app.now())


def begin() -> None:
    """Shows the temporary chat of this session, a new one if there is none."""
    app.show_chat(None)
    if held() is None:
        st.session_state[CHAT] = app.core().runner.memory.make(app.viewer())
    st.session_state[app.TEMPORARY] = True


def end() -> None:
    """Forgets it, and shows the start."""
    st.session_state.pop(CHAT, None)
    app.show_chat(None)


def keep() -> None:
    """Makes a chat like any other of it, and shows that."""
    with app.calm_callback():
        chat = held()
        if chat is not None:
            made = keep_temporary(app.core().runner, app.viewer(), chat, now=app.now())
            st.session_state.pop(CHAT, None)
            app.show_chat(made.id)


def show_button() -> None:
    """The way into it from the start."""
    with st.container(horizontal=True, horizontal_alignment="center", key="temporary_start"):
        st.button(
            "Temporary chat",
            icon=":material/visibility_off:",
            key="temporary.begin",
            type="tertiary",
            help="A chat that is never saved: in no list, in no search, gone when you close the page",
            on_click=begin,
        )


def show_way_back() -> None:
    """The way back to it from another chat, as long as it is there."""
    chat = held()
    if chat is not None and chat.messages and opened() is None:
        st.button(
            "Temporary chat", icon=":material/visibility_off:", key="temporary.back", type="tertiary", width="stretch", on_click=begin
        )
