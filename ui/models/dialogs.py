"""What asks first, and what says more."""

import streamlit as st

from chatcore import installed
from chatcore.core import Standing
from chatcore.parts import ModelInfo
from ui import app, words
from ui.models import actions, sentences

LICENSE_CHARACTERS, TEXT_CHARACTERS = 400, 4000


def show(asked: actions.Asked | None) -> None:
    """Opens the dialog that was asked for; it lives on by itself from then on."""
    if asked is None:
        return
    found = find(asked[1], asked[2])
    if found is None:
        return
    if asked[0] == "details":
        details_dialog(*found)
    else:
        delete_dialog(*found)


def find(provider: str, model_name: str) -> tuple[Standing, ModelInfo] | None:
    """The model, None if it is gone by now."""
    for standing in app.core().survey():
        for model in standing.models:
            if (model.provider, model.id) == (provider, model_name) and standing.provider.name == provider:
                return standing, model
    return None


@st.dialog("Delete this model?")
def delete_dialog(standing: Standing, model: ModelInfo) -> None:
    """Says what becomes free and what stays."""
    name, label = f"**{words.plain(model.id)}**", words.plain(standing.provider.label)
    if model.cloud or not model.size_bytes:
        st.markdown(f"{name} is taken off the list of {label}. It runs elsewhere, so no room becomes free.")
    else:
        freed = words.size(model.size_bytes)
        st.markdown(f"{name} leaves the disk of {label}: {freed} become free, less where another model shares its files.")
    st.markdown("Chats with it stay as they are. To use it again it has to be downloaded again.")
    if (model.provider, model.id) in app.core().runner.writing():
        st.markdown(":orange-badge[:material/edit: It is writing an answer now, which would break off.]")
    with st.container(horizontal=True):
        deleted = st.button(
            "Delete",
            key="models.delete",
            type="primary",
            icon=":material/delete:",
            on_click=actions.delete,
            args=(model.provider, model.id),
        )
        kept = st.button("Keep it", key="models.keep")
    if "app.error" in st.session_state:
        app.show_kept_error()
    elif deleted or kept:
        st.rerun()


@st.dialog("Details", width="medium")
def details_dialog(standing: Standing, model: ModelInfo) -> None:
    """All that the server says of a model."""
    with app.calm():
        st.markdown(f"**{words.plain(words.model_name(model.provider, model.id))}** {sentences.badges(model)}  \n{sentences.facts(model)}")
        more = installed.details(app.core().runner, app.viewer(), model.provider, model.id)
        facts = {
            "Provider": standing.provider.label,
            "Family": more.family,
            "Format": more.format,
            "Window it is used with": f"{more.context_length:,} tokens" if more.context_length else "",
            "Can": ", ".join(sorted(model.capabilities or ())),
        }
        st.markdown("\n".join(f"- {label}: {words.plain(value)}" for label, value in facts.items() if value))
        for label, text, limit in (
            ("Parameters", more.parameters, TEXT_CHARACTERS),
            ("System prompt", more.system, TEXT_CHARACTERS),
            ("Template", more.template, TEXT_CHARACTERS),
            ("Licence", more.license, LICENSE_CHARACTERS),
        ):
            if text.strip():
                with st.expander(label, expanded=label == "Parameters"):
                    st.code(cut(text.strip(), limit), language=None, wrap_lines=True)


def cut(text: str, limit: int) -> str:
    """The beginning of a long text; lines are kept."""
    return text if len(text) <= limit else f"{text[:limit].rstrip()}…"
