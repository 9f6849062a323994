"""The sidebar: where one can go, and the viewer's chats."""

import streamlit as st

from ui import app


def show_navigation() -> None:
    """Logo, new chat, the pages, and the way out where somebody is signed in."""
    st.logo(str(app.IMAGES / "wordmark.svg"), icon_image=str(app.IMAGES / "mark.svg"))
    last = st.session_state.get("chat.last")
    with st.sidebar:
        st.page_link(app.CHAT_PAGE, label="Chat", icon=":material/chat_bubble:", query_params={app.CHAT_PARAM: last} if last else None)
        st.page_link(app.SESSIONS_PAGE, label="Sessions", icon=":material/search:")
        st.page_link(app.ANALYTICS_PAGE, label="Analytics", icon=":material/monitoring:")
        if app.sign_in_configured():
            st.button("Sign out", icon=":material/logout:", key="app.sign_out", type="tertiary", on_click=st.logout)
