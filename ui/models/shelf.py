"""Every provider: how it is, what it has, what is in its memory now."""

import streamlit as st

from chatcore.core import Standing
from chatcore.installed import Load
from chatcore.parts import ModelInfo, Viewer
from chatcore.providers.base import RunningModel
from ui import app, words
from ui.models import actions, sentences

REFRESH_S = 5.0
# From so many models on they can be searched and sorted; more than so many rows are shown on demand.
MANY, PAGE = 7, 25


@st.fragment(run_every=REFRESH_S)
def show() -> None:
    """The cards, looked at anew every few seconds without touching the rest of the page."""
    with app.calm():
        if actions.wants_script():
            st.rerun()
        app.show_kept_error("shelf")
        # The guide is always there: nobody comes for it.
        for standing in sorted(app.core().survey(), key=lambda standing: standing.provider.name == "guide"):
            show_provider(standing, app.viewer())


def show_provider(standing: Standing, viewer: Viewer) -> None:
    """One card."""
    name = standing.provider.name
    with st.container(border=True, key=f"models_of_{name}", gap="small"):
        if name == "guide":
            st.markdown(f"**{words.plain(standing.provider.label)}**  \n:small[:gray[Answers from the manual; not a language model]]")
            return
        show_health(standing)
        if not standing.models:
            if standing.health.reachable:
                st.markdown("Nothing is installed here yet." if standing.can_change else "It offers no models.")
            return
        running = {model.id: model for model in standing.running}
        text, sort = "", sentences.SORTS[0]
        if len(standing.models) >= MANY:
            with st.container(horizontal=True, key=f"models_filters_{name}"):
                text = st.text_input(
                    "Find", key=f"models.find.{name}", placeholder="Name, size, tools, vision …", label_visibility="collapsed",
                    icon=":material/search:",
                ) or ""  # fmt: skip
                sort = st.selectbox("Order", sentences.SORTS, key=f"models.sort.{name}", label_visibility="collapsed", width=180)
        found = sentences.chosen(standing.models, set(running), text, sort)
        if not found:
            st.markdown("No model matches.")
        everything = st.session_state.get(f"models.all.{name}", False)
        loads = app.core().loads.now(viewer)
        for model in found if everything else found[:PAGE]:
            show_model(standing, model, running.get(model.id), loads.get((name, model.id)), viewer)
        if len(found) > PAGE and not everything:
            st.button(f"Show all {len(found)}", key=f"models.more.{name}", on_click=show_all, args=(name,))


def show_all(name: str) -> None:
    """Shows more than the first page."""
    st.session_state[f"models.all.{name}"] = True


def show_health(standing: Standing) -> None:
    """One line with the state, one with address, version and time."""
    health, now, zone = standing.health, app.now(), app.time_zone()
    badge = ":green-badge[:material/check: Reachable]" if health.reachable else ":orange-badge[:material/cloud_off: Not reachable]"
    st.markdown(f"**{words.plain(standing.provider.label)}** {badge}")
    if not health.reachable:
        st.markdown(words.with_code(" ".join(part for part in (health.error, health.hint) if part)))
    # A server that is away is named with its address in the sentence above.
    at = f"`{health.host}`" if health.host and health.reachable else ""
    version = f"version {words.plain(health.version)}" if health.version else ""
    count = words.plural(len(standing.models), "model") if standing.models else ""
    facts = " · ".join(part for part in (at, version, count) if part)
    st.caption(f"{facts}{'  ' if facts else ''}\n{sentences.heard(standing, now=now, zone=zone)}")


def show_model(standing: Standing, model: ModelInfo, running: RunningModel | None, load: Load | None, viewer: Viewer) -> None:
    """One row: what it is, what it can do, whether it is in memory, and its menu."""
    provider = standing.provider.name
    lines = [f"**{words.plain(words.model_name(provider, model.id))}** {sentences.badges(model)}".rstrip()]
    if facts := sentences.facts(model):
        lines.append(f":small[:gray[{facts}]]")
    if running is not None:
        lines.append(f":small[:green[{words.plain(sentences.in_memory(running, now=app.now(), zone=app.time_zone()))}]]")
    elif load is not None and load.error is None:
        lines.append(":small[:orange[Being loaded into memory …]]")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"models-row-{provider}-{model.id}"):
        st.markdown("  \n".join(lines), width="stretch")
        key = f"models.menu.{provider}.{model.id}"
        # The label is for who does not see the sign.
        st.menu_button(
            f"Actions for {words.plain(model.id)}", possible(standing, model, running, viewer), key=key, icon=":material/more_horiz:",
            type="tertiary", on_click=actions.choose, args=(key, provider, model.id),
        )  # fmt: skip
    if load is not None and load.error is not None:
        app.show_error(load.error)
        if viewer.is_owner:
            away = f"models.load.{provider}.{model.id}.away"
            named = (provider, model.id)
            st.button("Put away", key=away, type="tertiary", icon=":material/close:", on_click=actions.put_load_away, args=named)


def possible(standing: Standing, model: ModelInfo, running: RunningModel | None, viewer: Viewer) -> list[str]:
    """What the menu of a model offers this person."""
    found = [actions.CHAT_WITH] if model.can_chat else []
    found.append(actions.DETAILS)
    if viewer.is_owner and standing.can_change:
        if running is not None:
            found.append(actions.UNLOAD)
        elif model.can_chat and not model.cloud:
            found.append(actions.LOAD)
        found.append(actions.DELETE)
    return found
