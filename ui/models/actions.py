"""What is done with models from the page. Called by callbacks: what fails is kept and drawn at the next run."""

import streamlit as st

from chatcore import installed
from ui import app, composer, words

# What the script does next: a dialog to open (what, provider, model), a start at the top of the script. And `app.CHAT_WITH`.
DIALOG, AGAIN = "models.dialog", "models.again"
NAME = "models.name"
Asked = tuple[str, str, str]
CHAT_WITH, DETAILS, LOAD, UNLOAD, DELETE = "Chat with it", "Details …", "Load into memory", "Take out of memory", "Delete …"


def choose(key: str, provider: str, model_name: str) -> None:
    """Does what was chosen in the menu of a model."""
    match st.session_state.get(key):
        case label if label == CHAT_WITH:
            st.session_state[app.CHAT_WITH] = (provider, model_name)
        case label if label == DETAILS:
            st.session_state[DIALOG] = ("details", provider, model_name)
        case label if label == DELETE:
            st.session_state[DIALOG] = ("delete", provider, model_name)
        case label if label == LOAD:
            with app.calm_callback():
                app.core().loads.start(app.viewer(), provider, model_name)
        case label if label == UNLOAD:
            with app.calm_callback():
                installed.unload(app.core().runner, app.viewer(), provider, model_name)
                app.core().look_again()


def chat_with(provider: str, model_name: str) -> None:
    """Asks for a new chat with this model."""
    st.session_state[app.CHAT_WITH] = (provider, model_name)


def go_to_chat() -> None:
    """Opens a new chat with the model that was asked for, if one was."""
    choice: composer.Choice | None = st.session_state.get(app.CHAT_WITH)
    if choice is not None:
        st.session_state[composer.picker_key(None)] = choice
        st.session_state.pop(composer.GUIDE_ONLY, None)
        app.open_chat(None)


def take_asked() -> Asked | None:
    """The dialog that was asked for, once; nothing waits for the script after that."""
    st.session_state.pop(AGAIN, None)
    asked: Asked | None = st.session_state.pop(DIALOG, None)
    return asked


def wants_script() -> bool:
    """Whether something waits that only the whole script does, not a part of the page."""
    return any(key in st.session_state for key in (DIALOG, app.CHAT_WITH, AGAIN))


def download(provider: str, model_name: str) -> None:
    """Begins a download, and shows its progress from now on."""
    with app.calm_callback():
        app.core().pulls.start(app.viewer(), provider, model_name)
        st.session_state[AGAIN] = True


def download_written(provider: str) -> None:
    """Begins to download what stands in the field, which is empty then; a name that is none stays in it."""
    written = str(st.session_state.get(NAME) or "")
    with app.calm_callback():
        app.core().pulls.start(app.viewer(), provider, written)
        st.session_state[NAME] = ""
        st.session_state[AGAIN] = True


def cancel(provider: str, model_name: str) -> None:
    """Ends a download."""
    with app.calm_callback():
        app.core().pulls.cancel(app.viewer(), provider, model_name)


def put_away(provider: str, model_name: str) -> None:
    """Shows an ended download no more."""
    with app.calm_callback():
        app.core().pulls.put_away(app.viewer(), provider, model_name)


def put_load_away(provider: str, model_name: str) -> None:
    """Shows a failed load no more."""
    with app.calm_callback():
        app.core().loads.put_away(app.viewer(), provider, model_name)


def delete(provider: str, model_name: str) -> None:
    """Deletes a model and says so."""
    with app.calm_callback():
        installed.delete(app.core().runner, app.viewer(), provider, model_name)
        app.core().look_again()
        st.toast(f"Deleted {words.plain(model_name)}.", icon=":material/delete:")


def look() -> None:
    """Asks every server anew and waits for it a moment."""
    with app.calm_callback():
        app.core().survey(fresh=True)
