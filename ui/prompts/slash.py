"""What is sent for `/name`: the prompt of the library, with its blanks filled in first."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from chatcore.core import Core
from chatcore.errors import Invalid
from chatcore.organise.prompts import Command, command_in, filled_in, list_prompts
from chatcore.parts import Viewer
from ui import app, words

ASKED, MENU, MANAGE = "prompts.asked", "prompts.menu", "prompts.manage"
ALL = "All prompts …"
# What fits on a screen; the page has all of them.
MOST_SHOWN = 12

Send = Callable[[str, uuid.UUID | None, str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A command whose blanks have to be filled in, and what was to be done with it."""

    command: Command
    chat_id: uuid.UUID | None
    request_key: str


def expanded(core: Core, viewer: Viewer, text: str, chat_id: uuid.UUID | None, request_key: str) -> str | None:
    """What is to be sent for this text; None if a blank must be filled in first, which is asked when the page is drawn."""
    command = command_in(core.db, viewer, text) if text.lstrip().startswith("/") else None
    if command is None:
        return text
    if command.missing:
        st.session_state[ASKED] = Asked(command, chat_id, request_key)
        return None
    return filled_in(command, {}, now=app.now().astimezone(app.time_zone()))


def show_menu(core: Core, viewer: Viewer, field: str) -> None:
    """The prompts by name; one that is chosen is put into the field, to be gone on with."""
    if st.session_state.pop(MANAGE, False):
        st.switch_page(app.PROMPTS_PAGE)
    names = [f"/{prompt.name}" for prompt in list_prompts(core.db, viewer)]
    with st.container(key="composer_prompts", width="content"):
        st.menu_button(
            "Prompts",
            [*names[:MOST_SHOWN], ALL],
            key=MENU,
            icon=":material/bookmarks:",
            type="tertiary",
            help="Prompts you keep: choose one, or type its name after a /",
            on_click=_chosen,
            args=(field,),
        )


def _chosen(field: str) -> None:
    name = st.session_state[MENU]
    if name == ALL:
        st.session_state[MANAGE] = True
    else:
        st.session_state[field] = f"{name} "


def show_form(chat_id: uuid.UUID | None, send: Send, field: str) -> bool:
    """Asks for the blanks of the prompt that was called in this chat, if one was; answers whether. What was typed stands in the
    `field` of the page until it is sent."""
    asked: Asked | None = st.session_state.get(ASKED)
    if asked is None or asked.chat_id != chat_id:
        return False
    fill_in(asked, send, field)
    return True


def blank(name: str) -> str:
    """The key of a field of the form."""
    return f"prompts.blank.{name}"


@st.dialog("Fill in the blanks", on_dismiss=lambda: st.session_state.pop(ASKED, None))
def fill_in(asked: Asked, send: Send, field: str) -> None:
    """One field for each blank."""
    if ASKED not in st.session_state:
        st.rerun()
    prompt = asked.command.prompt
    st.caption(f"For /{words.plain(prompt.name)}: {words.plain(words.shortened(prompt.text, 160))}")
    with st.form("prompts.blanks", border=False):
        for name in asked.command.missing:
            st.text_area(name.replace("_", " ").capitalize(), key=blank(name), height="content")
        st.form_submit_button("Send", type="primary", icon=":material/send:", on_click=_filled, args=(asked, send, field))
    app.show_kept_error()


def _filled(asked: Asked, send: Send, field: str) -> None:
    with app.calm_callback():
        values = {name: str(st.session_state.get(blank(name)) or "").strip() for name in asked.command.missing}
        empty = [name for name, value in values.items() if not value]
        if empty:
            raise Invalid(f"Nothing is written for {', '.join(empty)}.", "Fill it in, or close this to write the prompt yourself.")
        st.session_state.pop(ASKED, None)
        st.session_state[field] = ""
        send(filled_in(asked.command, values, now=app.now().astimezone(app.time_zone())), asked.chat_id, asked.request_key)
