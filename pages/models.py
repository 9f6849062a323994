"""Models: what every server has, what is in its memory, what fits this machine, and how to get it. Only the owner changes anything."""

import streamlit as st

from chatcore.core import Standing
from ui import app
from ui.models import actions, advice, dialogs, downloads, shelf


def main() -> None:
    actions.go_to_chat()
    # Taken before the parts of the page run: they ask for this script while it waits.
    asked = actions.take_asked()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title("Models", anchor=False, width="content")
        st.button("Look again", icon=":material/refresh:", key="models.refresh", on_click=actions.look)
    viewer = app.viewer()
    managers = [standing for standing in app.core().survey() if standing.can_change]
    if not viewer.is_owner:
        st.caption("The owner of this installation gets, loads and deletes models.")
    downloads.show(managers, viewer)
    first = next((standing for standing in managers if is_empty(standing)), None)
    if first is not None:
        advice.show(first, viewer, first=True)
    shelf.show()
    for standing in managers:
        if standing is not first:
            advice.show(standing, viewer, first=False)
            break
    dialogs.show(asked)


def is_empty(standing: Standing) -> bool:
    """Whether a server answers and has no model yet."""
    return standing.health.reachable and not standing.models


main()
