"""Which model fits this machine, and one click to get it."""

import streamlit as st

from chatcore.advice import Advice, Fit, advise, gb
from chatcore.core import Standing
from chatcore.library import AS_OF
from chatcore.machine import Machine, is_here
from chatcore.parts import Viewer
from chatcore.pulls import full_name
from ui import app, words
from ui.models import actions

FITS = {
    Fit.COMFORTABLE: ":green-badge[:material/check: Fits comfortably]",
    Fit.TIGHT: ":orange-badge[:material/compress: Tight]",
    Fit.TOO_LARGE: ":red-badge[:material/block: Too large]",
}


def show(standing: Standing, viewer: Viewer, *, first: bool) -> None:
    """The list: in full for who has no model yet, else folded. `standing` is the server that takes downloads."""
    if first:
        with st.container(border=True, key="models_advice", gap="small"):
            st.markdown("**Which model to begin with**")
            show_list(standing, viewer)
        return
    with st.expander("Which models fit this machine?", icon=":material/memory:", key="models_advice_more"):
        show_list(standing, viewer)


def show_list(standing: Standing, viewer: Viewer) -> None:
    """What the machine has, then a line for each model."""
    machine = app.core().machine() if is_here(standing.health.host) else None
    st.markdown(of_machine(machine, standing))
    here = {full_name(model.id) for model in standing.models}
    coming = {pull.key for pull in app.core().pulls.now(viewer) if pull.stage == "running"}
    in_use = sum(model.size_bytes or 0 for model in standing.running)
    for advice in advise(machine, in_use_bytes=in_use):
        key = (standing.provider.name, full_name(advice.model.name))
        state = "Installed" if key[1] in here else "On its way" if key in coming else ""
        show_line(advice, standing, viewer, state)
    st.caption(
        f"Sizes are approximate, gathered in {AS_OF} from lists that quote Ollama's library. "
        "The need is an estimate with a window of 8,000 tokens; a longer one takes more."
    )


def of_machine(machine: Machine | None, standing: Standing) -> str:
    """What there is for a model to fit into."""
    if machine is None:
        host = standing.health.host
        where = f"{words.plain(standing.provider.label)} runs on another machine (`{host}`)"
        return f"{where}: how much memory that has is not known here. Compare it with what each model needs."
    if machine.memory is None and machine.gpu is None:
        return "This system does not tell how much memory it has. Compare it with what each model needs."
    parts = []
    if machine.memory is not None:
        free = f", {gb(machine.memory.free_bytes)} of it free" if machine.memory.free_bytes is not None else ""
        parts.append(f"{gb(machine.memory.total_bytes)} of memory{free}")
    if machine.gpu is not None:
        free = f", {gb(machine.gpu.free_bytes)} of it free" if machine.gpu.free_bytes is not None else ""
        parts.append(f"{gb(machine.gpu.total_bytes)} on the graphics card{free}")
    note = "" if machine.gpu is not None else " No NVIDIA graphics card was found, so small models are the quick ones."
    return f"This machine has {', and '.join(parts)}.{note}"


def show_line(advice: Advice, standing: Standing, viewer: Viewer, state: str) -> None:
    """A model, how it fits with the arithmetic behind the question mark, and the button."""
    model, provider = advice.model, standing.provider.name
    best = " :green-badge[:material/star: Begin with this one]" if advice.best and not state else ""
    fit = FITS.get(advice.fit, f":gray-badge[Needs about {gb(advice.needed_bytes)}]")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"models-advice-{model.name}"):
        st.markdown(
            f"**{words.plain(model.name)}** {fit}{best}  \n"
            f":small[:gray[{words.plain(f'{model.good_for} · {model.maker} · {words.size(model.size_bytes)} to download')}]]",
            help=words.plain(advice.reason), width="stretch",
        )  # fmt: skip
        if state:
            st.markdown(f":gray-badge[{state}]", width="content")
        elif viewer.is_owner:
            st.button(
                "Download", icon=":material/download:", key=f"models.advice.{model.name}", type="primary" if advice.best else "secondary",
                disabled=not standing.health.reachable, on_click=actions.download, args=(provider, model.name),
            )  # fmt: skip
