"""Giving chats away: everything or what a search finds, in a form of one's choice."""

import streamlit as st

from chatcore.exporting import FORMS, Form, choose, export_bytes, file_name
from chatcore.exporting.reading import count_messages
from ui import app, words

EVERYTHING, FOUND = "Everything", "What a search finds"


def show() -> None:
    """What, in which form, and the button that makes the file when it is clicked."""
    what = st.segmented_control("What", [EVERYTHING, FOUND], default=EVERYTHING, required=True, key="exports.what")
    text = ""
    if what == FOUND:
        text = st.text_input("Search", key="exports.text", placeholder="Words, “phrases”, model:name, tag:name, after:2026-03")
        if not text.strip():
            st.caption("All chats in which the search finds something are exported whole.")
            return
    form: Form = st.selectbox("Form", FORMS, format_func=lambda form: form.label, key="exports.form")
    st.caption(words.plain(form.help))
    db, viewer, now = app.core().db, app.viewer(), app.now()
    chosen = choose(db, viewer, text=text, now=now, zone=app.time_zone())
    if not chosen.chat_ids:
        st.info("There is nothing to export." if what == EVERYTHING else "The search finds nothing.", icon=":material/search_off:")
        return
    counts = f"{words.plural(len(chosen.chat_ids), 'chat')}, {words.plural(count_messages(db, viewer, chosen.chat_ids), 'message')}"
    st.markdown(f"{counts}. Chats in the trash are left out.")
    st.download_button(
        "Export",
        lambda: export_bytes(db, viewer, form, chosen),
        file_name(form, chosen, now=now),
        form.media_type,
        key="exports.download",
        on_click="ignore",
        type="primary",
        icon=":material/upload:",
    )
    st.caption("For very much, `python -m chatcore export` writes a file without holding it in memory.")
