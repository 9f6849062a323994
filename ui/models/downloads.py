"""Downloads: the field to begin one, and how those under way stand. They go on when nobody looks."""

import streamlit as st

from chatcore.core import Standing
from chatcore.parts import Viewer
from chatcore.pulls import Pull, Stage
from ui import app, words
from ui.models import actions, sentences

# While something comes, and while nothing does: another tab may begin one.
BUSY_S, IDLE_S = 1.0, 5.0
SHOWN_AS_BUSY = "models.busy"


def show(managers: list[Standing], viewer: Viewer) -> None:
    """The card. `managers` are the servers that take downloads."""
    busy = is_busy(viewer)
    st.session_state[SHOWN_AS_BUSY] = busy
    st.fragment(_card, run_every=BUSY_S if busy else IDLE_S)([(standing.provider.name, standing.provider.label) for standing in managers])


def is_busy(viewer: Viewer) -> bool:
    """Whether anything is being downloaded."""
    return any(pull.stage is Stage.RUNNING for pull in app.core().pulls.now(viewer))


def _card(managers: list[tuple[str, str]]) -> None:
    with app.calm():
        viewer = app.viewer()
        # Only the whole script can look more often.
        if actions.wants_script() or (is_busy(viewer) and not st.session_state.get(SHOWN_AS_BUSY)):
            st.rerun()
        pulls = app.core().pulls.now(viewer)
        if not pulls and not (viewer.is_owner and managers):
            return
        with st.container(border=True, key="models_downloads", gap="small"):
            app.show_kept_error("downloads")
            if viewer.is_owner and managers:
                show_field(managers)
            for pull in pulls:
                show_pull(pull, viewer)


def show_field(managers: list[tuple[str, str]]) -> None:
    """The name of a model to get."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="models_get"):
        st.text_input("Get a model", key=actions.NAME, placeholder="A name such as qwen3:8b", max_chars=400)
        names, labels = [name for name, _ in managers], dict(managers)
        provider = names[0]
        if len(names) > 1:
            provider = st.selectbox("On", names, key="models.on", format_func=lambda name: labels[name], width=160)
        st.button(
            "Download",
            icon=":material/download:",
            type="primary",
            key="models.download",
            on_click=actions.download_written,
            args=(provider,),
        )
    st.caption("Names are listed on [ollama.com/library](https://ollama.com/library). A download goes on while you look elsewhere.")


def show_pull(pull: Pull, viewer: Viewer) -> None:
    """One download, with what can be done about it."""
    key, named = f"models.pull.{pull.provider}.{pull.model_name}", (pull.provider, pull.model_name)
    name = f"**{words.plain(pull.model_name)}**"
    with st.container(gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
            match pull.stage:
                case Stage.RUNNING:
                    st.markdown(f"{name} :small[{words.plain(sentences.stage(pull))}]", width="stretch")
                    if viewer.is_owner:
                        st.button("Cancel", icon=":material/close:", key=f"{key}.cancel", on_click=actions.cancel, args=named)
                case Stage.DONE:
                    st.markdown(f"{name} :green-badge[:material/check: Downloaded]", width="stretch")
                    st.button("Chat with it", icon=":material/chat_bubble:", key=f"{key}.chat", on_click=actions.chat_with, args=named)
                case Stage.CANCELLED:
                    st.markdown(f"{name} :gray-badge[Cancelled]  \n:small[{sentences.kept(pull)}]", width="stretch")
                    go_on(key, "Go on", named, viewer)
                case Stage.FAILED:
                    st.markdown(f"{name} :orange-badge[:material/error: Not downloaded]", width="stretch")
                    go_on(key, "Try again", named, viewer)
            if pull.stage is not Stage.RUNNING and viewer.is_owner:
                st.button("Put away", icon=":material/close:", type="tertiary", key=f"{key}.away", on_click=actions.put_away, args=named)
        if pull.stage is Stage.RUNNING:
            show_progress(pull)
        if pull.error is not None:
            app.show_error(pull.error)


def go_on(key: str, label: str, named: tuple[str, str], viewer: Viewer) -> None:
    """The button that begins again where it ended."""
    if viewer.is_owner:
        st.button(label, icon=":material/download:", key=f"{key}.again", on_click=actions.download, args=named)


def show_progress(pull: Pull) -> None:
    """All files together, and each by itself for who wants to know."""
    st.progress(pull.fraction or 0.0, text=words.plain(sentences.progress(pull)))
    if len(pull.layers) > 1:
        with st.expander(words.plural(len(pull.layers), "file"), type="compact"):
            for part in pull.layers:
                st.progress(part.fraction, text=words.plain(sentences.layer(part)))
