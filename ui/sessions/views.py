"""Saved searches on the page: a row of them, saving the one that is shown, and the dialog in which they are kept in order."""

import streamlit as st

from chatcore.organise import views
from chatcore.organise.views import LONGEST_VIEW, ViewInfo
from chatcore.search.query import LONGEST_QUERY
from ui import app, words
from ui.sessions import address, bulk
from ui.sessions.actions import Done
from ui.sessions.filters import Asked, Search

# One row where the window is wide; the others are behind it.
MOST_SHOWN = 8
LONGEST_LABEL = 28
MORE = 0
CHOSEN = "sessions.view_chosen"


def known() -> dict[int, ViewInfo]:
    """The viewer's saved searches in their order, by id."""
    return {view.id: view for view in views.list_views(app.core().db, app.viewer())}


def showing(asked: Asked, found: dict[int, ViewInfo]) -> int | None:
    """The saved search that is on the page."""
    return next((view.id for view in found.values() if isinstance(asked, Search) and view.query == asked.text), None)


def show_row(found: dict[int, ViewInfo], shown: int | None) -> None:
    """The saved searches by their names; a click opens one, or leaves it. Nothing for who has none."""
    if not found:
        return
    ids = list(found)[:MOST_SHOWN]
    if shown is not None and shown not in ids:
        ids[-1] = shown
    if len(found) > len(ids):
        ids.append(MORE)

    def said(view_id: int) -> str:
        return "More …" if view_id == MORE else words.plain(words.shortened(found[view_id].name, LONGEST_LABEL))

    st.session_state["sessions.view"] = shown
    st.pills("Saved searches", ids, format_func=said, key="sessions.view", label_visibility="collapsed", on_change=open_view)


def open_view() -> None:
    """Searches for what was kept under the name; back to the list when the one that is shown is clicked."""
    view_id = st.session_state["sessions.view"]
    if view_id == MORE:
        bulk.ask("views")
        return
    with app.calm_callback():
        address.search_exactly(known()[view_id].query if view_id is not None else "")


def show_save() -> None:
    """The button that keeps the search on the page under a name."""
    st.button(
        "Save", icon=":material/bookmark_add:", key="sessions.save", type="tertiary", help="Keep this search under a name", on_click=ask
    )


def ask() -> None:
    bulk.ask("save")


@st.dialog("Save this search")
def show_save_dialog() -> None:
    """Asks for the name."""
    asked = st.session_state.get(address.LAST)
    text = asked.text if isinstance(asked, Search) else ""
    with st.form("sessions.save_view", border=False):
        st.text_input("Name", value=words.shortened(text, 40), key="sessions.view_new", max_chars=LONGEST_VIEW)
        saved = st.form_submit_button("Save", type="primary", on_click=save, args=(text,))
    st.caption("Opened later, it finds new chats too.")
    bulk.close(saved)


def save(text: str) -> None:
    with app.calm_callback():
        view = views.save_view(app.core().db, app.viewer(), name=st.session_state["sessions.view_new"], query=text, now=app.now())
        bulk.tell(Done(f"Saved as “{view.name}”."))


# --- the dialog --------------------------------------------------------------------------------------------------


@st.dialog("Saved searches", on_dismiss="rerun")
def show_dialog() -> None:
    """Opens, renames, changes, moves and deletes saved searches; what was done is shown on the page when it closes."""
    bulk.show_outcome()
    found = known()
    if not found:
        st.caption("There are none yet. Search for something, then press Save beside the search.")
        return
    if st.session_state.get(CHOSEN) not in found:
        st.session_state[CHOSEN] = next(iter(found))
    chosen = st.selectbox("Saved search", list(found), format_func=lambda chosen: found[chosen].name, key=CHOSEN)
    bulk.close(
        st.button("Open", key="sessions.view_open", icon=":material/search:", on_click=address.search_exactly, args=(found[chosen].query,))
    )
    show_change(found[chosen], list(found))


def show_change(view: ViewInfo, ids: list[int]) -> None:
    """Name, text and place of one saved search, and how to delete it."""
    name, text = f"sessions.view_name.{view.id}", f"sessions.view_text.{view.id}"
    st.session_state.setdefault(name, view.name)
    st.session_state.setdefault(text, view.query)
    with st.form(f"sessions.view_change.{view.id}", border=False):
        st.text_input("Name", key=name, max_chars=LONGEST_VIEW)
        st.text_input("Search", key=text, max_chars=LONGEST_QUERY)
        st.form_submit_button("Save", type="primary", on_click=change, args=(view.id,))
    place = ids.index(view.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        for key, label, icon, step in (("earlier", "Earlier", "arrow_back", -1), ("later", "Later", "arrow_forward", 1)):
            st.button(
                label,
                icon=f":material/{icon}:",
                key=f"sessions.view_{key}",
                disabled=not 0 <= place + step < len(ids),
                on_click=move,
                args=(ids, place, place + step),
            )
        st.caption(f"{place + 1} of {len(ids)}", width="content")
        st.space("stretch")
        st.button("Delete", icon=":material/delete:", key="sessions.view_delete", type="tertiary", on_click=delete, args=(view,))


def change(view_id: int) -> None:
    name, text = (st.session_state[f"sessions.view_{what}.{view_id}"] for what in ("name", "text"))
    with app.calm_callback():
        view = views.change_view(app.core().db, app.viewer(), view_id, name=name, query=text)
        bulk.tell(Done(f"Saved as “{view.name}”."))


def move(ids: list[int], place: int, to: int) -> None:
    order = [*ids]
    order.insert(to, order.pop(place))
    with app.calm_callback():
        views.order_views(app.core().db, app.viewer(), order)


def delete(view: ViewInfo) -> None:
    with app.calm_callback():
        views.delete_view(app.core().db, app.viewer(), view.id)
        bulk.tell(Done(f"The saved search “{view.name}” is deleted."))
