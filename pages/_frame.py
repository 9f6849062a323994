"""The main script: runs before every page, holds sign-in, navigation and the last net for errors."""

import streamlit as st

from ui import app, sidebar
from ui.switcher import show_switcher

CHAT, SESSIONS, PROMPTS, ANALYTICS, MODELS, IMPORTS, SETTINGS = "", "sessions", "prompts", "analytics", "models", "imports", "settings"


def main() -> None:
    """Everything a page stands in."""
    page = st.navigation(
        [
            st.Page(app.CHAT_PAGE, title="Chat", default=True),
            st.Page(app.SESSIONS_PAGE, title="Sessions", url_path=SESSIONS),
            st.Page(app.PROMPTS_PAGE, title="Prompts", url_path=PROMPTS),
            st.Page(app.ANALYTICS_PAGE, title="Analytics", url_path=ANALYTICS),
            st.Page(app.MODELS_PAGE, title="Models", url_path=MODELS),
            st.Page(app.IMPORTS_PAGE, title="Import and export", url_path=IMPORTS),
            st.Page(app.SETTINGS_PAGE, title="Settings", url_path=SETTINGS),
        ],
        position="hidden",
    )
    on_chat = page.url_path == CHAT
    icon = str(app.IMAGES / "mark.svg")
    st.set_page_config(page_title=f"{page.title} · chatcore", page_icon=icon, layout="centered" if on_chat else "wide")
    st.html(app.STYLE)
    with app.calm():
        app.viewer()
        show_switcher(page.url_path)
        sidebar.show_navigation(on_chat=on_chat)
        if not on_chat:
            app.show_kept_error()
        page.run()
        if page.url_path != MODELS:
            # Only now: a timed look of the page Models may come between it and this one, and begin it anew.
            st.session_state.pop(app.CHAT_WITH, None)


main()
