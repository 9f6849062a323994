"""The prompt library as a page: every prompt with its text, and the dialogs that write, change and delete one."""

import streamlit as st

from chatcore.organise.prompts import (
    LONGEST_PROMPT,
    LONGEST_PROMPT_NAME,
    PromptInfo,
    change_prompt,
    delete_prompt,
    list_prompts,
    save_prompt,
)
from ui import app, words

DIALOG = "prompts.dialog"
NAME, TEXT = "prompts.name", "prompts.text"
SHOWN_CHARACTERS = 280
EXAMPLE = "Translate into {{language}}, and keep the tone:\n\n{{input}}"


def show() -> None:
    """Everything on the page below its title."""
    st.caption(
        "Texts you send often. Type a / and the name in a chat: what you write behind it goes to {{input}}, "
        "other {{blanks}} are asked for, {{date}} and {{time}} fill themselves."
    )
    prompts = list_prompts(app.core().db, app.viewer())
    if not prompts:
        with st.container(border=True, key="prompts_empty", gap="small"):
            st.markdown("**No prompts yet**  \nWrite the first one, for example a /translate that says:")
            st.code(EXAMPLE, language=None, wrap_lines=True)
    with st.container(key="prompts_list", gap="small"):
        for prompt in prompts:
            show_prompt(prompt)
    show_dialog(prompts)


def show_prompt(prompt: PromptInfo) -> None:
    """One prompt: its name, its blanks, the start of its text, and what can be done with it."""
    with st.container(border=True, key=f"prompt-{prompt.id}", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            badges = " ".join(f":gray-badge[{words.plain(name)}]" for name in prompt.variables)
            st.markdown(f"**/{words.plain(prompt.name)}** {badges}", width="stretch")
            st.button("Edit", icon=":material/edit:", key=f"prompts.edit.{prompt.id}", type="tertiary", on_click=ask, args=(prompt,))
            st.button(
                "Delete", icon=":material/delete:", key=f"prompts.delete.{prompt.id}", type="tertiary", on_click=ask, args=(prompt.id,)
            )
        st.caption(words.plain(words.shortened(prompt.text, SHOWN_CHARACTERS)))


def ask(about: PromptInfo | int | None) -> None:
    """Has the dialog opened: to write a new prompt, to change this one, or to delete the one of this id."""
    st.session_state[DIALOG] = about
    if not isinstance(about, int):
        st.session_state[NAME], st.session_state[TEXT] = (about.name, about.text) if about else ("", "")


def show_dialog(prompts: tuple[PromptInfo, ...]) -> None:
    """The dialog that was asked for."""
    if DIALOG not in st.session_state:
        return
    about: PromptInfo | int | None = st.session_state[DIALOG]
    if not isinstance(about, int):
        write_dialog(about)
        return
    found = next((prompt for prompt in prompts if prompt.id == about), None)
    if found is not None:
        delete_dialog(found)


def dismissed() -> None:
    st.session_state.pop(DIALOG, None)


def close() -> None:
    """Closes the dialog if what was asked is done, else says in it what went wrong."""
    if DIALOG not in st.session_state:
        st.rerun()
    app.show_kept_error()


@st.dialog("Prompt", width="medium", on_dismiss=dismissed)
def write_dialog(prompt: PromptInfo | None) -> None:
    """Name and text of a prompt."""
    with st.form("prompts.write", border=False):
        st.text_input("Name", key=NAME, max_chars=LONGEST_PROMPT_NAME + 1, placeholder="translate")
        st.text_area("Text", key=TEXT, max_chars=LONGEST_PROMPT, height=220, placeholder=EXAMPLE)
        st.caption("{{input}} is what you write behind the name; other {{blanks}} are asked for before it is sent.")
        st.form_submit_button("Save", type="primary", on_click=save, args=(prompt.id if prompt else None,))
    close()


@st.dialog("Delete this prompt?", on_dismiss=dismissed)
def delete_dialog(prompt: PromptInfo) -> None:
    st.markdown(f"/{words.plain(prompt.name)} will be gone. What you sent with it stays in your chats.")
    st.button("Delete", type="primary", icon=":material/delete:", key="prompts.delete", on_click=delete, args=(prompt.id,))
    close()


def save(prompt_id: int | None) -> None:
    with app.calm_callback():
        db, viewer, name, text = app.core().db, app.viewer(), str(st.session_state[NAME]), str(st.session_state[TEXT])
        if prompt_id is None:
            save_prompt(db, viewer, name=name, text=text, now=app.now())
        else:
            change_prompt(db, viewer, prompt_id, name=name, text=text)
        dismissed()


def delete(prompt_id: int) -> None:
    with app.calm_callback():
        delete_prompt(app.core().db, app.viewer(), prompt_id)
        dismissed()
