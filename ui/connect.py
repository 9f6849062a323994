"""How to connect a model server: its address, its state now, what to type."""

from dataclasses import dataclass

import streamlit as st

from chatcore.core import Core
from chatcore.parts import Health
from ui import app, words

REFRESH_S = 5
# The manual's example: 2 GB, answers on most machines.
SMALL_MODEL = "llama3.2:3b"


@dataclass(frozen=True, slots=True)
class Server:
    """A model server now: how it is, how many chat models it offers, and whether somebody set it up here (Ollama is looked for anyway)."""

    name: str
    label: str
    health: Health
    models: int
    chosen: bool = False

    @property
    def answers(self) -> bool:
        """Whether there is a model to talk to."""
        return self.health.reachable and self.models > 0

    @property
    def is_away(self) -> bool:
        """Whether it was asked and cannot be reached; who was not asked yet has no address."""
        return not self.health.reachable and bool(self.health.host)


def servers(core: Core) -> list[Server]:
    """The model servers, in the order of the model list."""
    models = [model.provider for model in core.models() if model.can_chat]
    chosen = {endpoint.name for endpoint in core.settings.endpoints}
    return [
        Server(name, core.providers[name].label, health, models.count(name), name in chosen)
        for name, health in core.health().items()
        if name != "guide"
    ]


def needed(core: Core) -> bool:
    """Whether there is no language model to talk to."""
    found = servers(core)
    return bool(found) and not any(server.answers for server in found)


def show_panel() -> None:
    """What to do to get a model, with the live state; goes away by itself when one is there."""
    with st.container(border=True, key="connect", gap="small"):
        st.markdown("**Connect a language model**  \nUntil then the built-in guide answers. It knows this app, not the world.")
        _steps()


def show_hint(core: Core, *, on_start: bool) -> None:
    """The same behind a small button, for the foot of the page, unless the page itself says it (`on_start`); or which of the
    servers that somebody set up is away."""
    found = servers(core)
    if found and not any(server.answers for server in found):
        if on_start:
            return
        with st.popover("Connect a model", icon=":material/cloud_off:", type="tertiary", key="connect_hint"):
            _steps()
    elif away := [server for server in found if server.chosen and server.is_away]:
        label = f"{words.shortened(away[0].label, 24)} is away" if len(away) == 1 else f"{len(away)} servers are away"
        with st.popover(words.plain(label), icon=":material/cloud_off:", type="tertiary", key="connect_away"):
            for server in away:
                show_state(server)
            st.button("Look again", icon=":material/refresh:", key="connect.look", on_click=_look)


@st.fragment(run_every=REFRESH_S)
def _steps() -> None:
    with app.calm():
        core = app.core()
        found = servers(core)
        if any(server.answers for server in found):
            st.rerun()
        for server in found:
            show_state(server)
        ollama = next((server for server in found if server.name == "ollama"), None)
        if ollama is not None:
            show_commands(is_running=ollama.health.reachable)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Try again", icon=":material/refresh:", key="connect.retry", on_click=_look)
            if ollama is not None:
                st.page_link(
                    app.MODELS_PAGE, label="Models: what fits this machine, and a click to get it", icon=":material/deployed_code:"
                )


def show_commands(*, is_running: bool) -> None:
    """What to type to get a model from Ollama, and how else to get one."""
    pull = f"ollama pull {SMALL_MODEL}"
    st.code(pull if is_running else f"ollama serve\n{pull}", language="shell")
    st.caption(
        "Fetches a small model, 2 GB."
        if is_running
        else "The first starts [Ollama](https://ollama.com/download), the second fetches a small model, 2 GB. "
        "It runs elsewhere? Set OLLAMA_HOST to its address and start chatcore again."
    )
    st.caption(
        "Another server, such as vLLM, llama.cpp, LM Studio, OpenRouter or OpenAI? Name it in CHATCORE_OPENAI_ENDPOINTS, "
        "as in `lab=http://192.168.1.20:8000/v1`, and start chatcore again."
    )


def show_state(server: Server) -> None:
    """What a server said: reachable or not, where, and if there is a next step, which."""
    health, label = server.health, words.plain(server.label)
    if health.reachable:
        version = f" {words.plain(health.version)}" if health.version else ""
        st.markdown(f":green-badge[:material/check: Reachable] {label}{version} at `{health.host}`, with no model to chat with yet.")
    elif not health.host:
        st.markdown(f":gray-badge[:material/hourglass: Asking] {label} has not answered yet.")
    elif server.chosen:
        # As code, or the page makes a link of an address at which there is nothing to see.
        said = (health.error or server.label).replace(health.host, f"`{health.host}`")
        st.markdown(f":orange-badge[:material/cloud_off: Not available] {words.with_code(said)}")
        st.caption(words.with_code(health.hint or ""))
    else:
        st.markdown(f":orange-badge[:material/cloud_off: Not reachable] {label} at `{health.host}`. Looking again every few seconds.")


def _look() -> None:
    with app.calm_callback():
        app.core().health(fresh=True)
        app.core().models(fresh=True)
