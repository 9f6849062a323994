"""How to connect a model server: its address, its state now, what to type."""

import streamlit as st

from chatcore.core import Core
from chatcore.parts import Health
from ui import app, words

REFRESH_S = 5
# The manual's example: 2 GB, answers on most machines.
SMALL_MODEL = "llama3.2:3b"


def ollama(core: Core) -> tuple[Health | None, int]:
    """How Ollama is, and how many chat models it offers."""
    models = sum(1 for model in core.models() if model.provider == "ollama" and model.can_chat)
    return core.health().get("ollama"), models


def needed(core: Core) -> bool:
    """Whether there is no language model to talk to."""
    health, models = ollama(core)
    return health is not None and (not health.reachable or not models)


def show_panel() -> None:
    """What to do to get a model, with the live state; goes away by itself when one is there."""
    with st.container(border=True, key="connect", gap="small"):
        st.markdown("**Connect a language model**  \nUntil then the built-in guide answers. It knows this app, not the world.")
        _steps()


def show_hint(core: Core) -> None:
    """The same behind a small button, for the foot of the page."""
    if not needed(core):
        return
    with st.popover("Connect a model", icon=":material/cloud_off:", type="tertiary", key="connect_hint"):
        _steps()


@st.fragment(run_every=REFRESH_S)
def _steps() -> None:
    with app.calm():
        core = app.core()
        health, models = ollama(core)
        if health is None:
            return
        if health.reachable and models:
            st.rerun()
        show_state(health)
        pull = f"ollama pull {SMALL_MODEL}"
        st.code(pull if health.reachable else f"ollama serve\n{pull}", language="shell")
        st.caption(
            "Fetches a small model, 2 GB."
            if health.reachable
            else "The first starts [Ollama](https://ollama.com/download), the second fetches a small model, 2 GB. "
            "It runs elsewhere? Set OLLAMA_HOST to its address and start chatcore again."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Try again", icon=":material/refresh:", key="connect.retry", on_click=_look)
            st.page_link(app.MODELS_PAGE, label="Models: what fits this machine, and a click to get it", icon=":material/deployed_code:")


def show_state(health: Health) -> None:
    """One line: the address that was tried, and what it said."""
    host = f"`{health.host}`"
    if health.reachable:
        version = f" {words.plain(health.version)}" if health.version else ""
        st.markdown(f":green-badge[:material/check: Reachable] Ollama{version} at {host}, with no model to chat with yet.")
    else:
        st.markdown(f":orange-badge[:material/cloud_off: Not reachable] Ollama at {host}. Looking again every few seconds.")


def _look() -> None:
    with app.calm_callback():
        app.core().health(fresh=True)
        app.core().models(fresh=True)
