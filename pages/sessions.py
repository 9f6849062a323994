"""The session page: find any chat among very many, and tidy up. With a search text it shows results, without one the list."""

import streamlit as st

from ui import app, words
from ui.sessions import address, bulk, dialogs, finding, listing, searchbox, views
from ui.sessions.filters import Search


def main() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Sessions", anchor=False, width="content")
        st.space("stretch")
        organise()
        if st.button("New chat", icon=":material/edit_square:", key="sessions.new"):
            app.open_chat(None)
    address.resume()
    browser()


def organise() -> None:
    """What keeps order, behind one button."""
    kinds = {"Folders …": "folders", "Tags …": "tags", "Saved searches …": "views"}
    st.menu_button(
        "Organise",
        list(kinds),
        key="sessions.organise",
        type="tertiary",
        on_click=lambda: bulk.ask(kinds[st.session_state["sessions.organise"]]),
    )


@st.fragment
def browser() -> None:
    """The search, or the filters and the list: runs alone when something is asked, the rest of the page stays as it is."""
    with app.calm():
        app.show_kept_error()
        asked, unknown = address.asked()
        saved = views.known()
        shown = views.showing(asked, saved)
        views.show_row(saved, shown)
        with st.container(horizontal=True, vertical_alignment="center", key="sessions_search"):
            searchbox.show(asked, saved=shown is not None)
        if not isinstance(asked, Search):
            listing.show_filters(asked)
        if unknown:
            st.info(f"Not known here, so left out: {words.plain(', '.join(unknown))}.", icon=":material/filter_alt_off:")
        if isinstance(asked, Search):
            finding.show(asked)
        else:
            listing.show_list(asked)
        bulk.show_done()
        dialogs.show()


main()
