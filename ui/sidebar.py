"""The sidebar: where one can go, and the viewer's chats."""

import uuid
from collections.abc import Mapping
from itertools import groupby

import streamlit as st

from chatcore import history
from chatcore.core import Core
from chatcore.parts import ChatInfo, Viewer
from ui import app, temporary, words
from ui.chatlist import Group, Row, Undo, chat_list
from ui.switcher import show_button

PAGE = 30
# Above this the list is no longer the way to find a chat: the sessions page is.
MOST = 300
LIST_KEY = "sidebar.chats"
LIMIT, UNDO, LEAVE = "sidebar.limit", "sidebar.undo", "sidebar.leave"
UNDO_S = 10


def show_navigation(*, on_chat: bool) -> None:
    """Logo, search, the pages, and the way out where somebody is signed in."""
    st.logo(str(app.IMAGES / "wordmark.svg"), icon_image=str(app.IMAGES / "mark.svg"))
    # From another page the way back leads to the chat that was open.
    last = app.named_chat() if on_chat else st.session_state.get(app.LAST)
    with st.sidebar, st.container(gap="xxsmall", key="navigation"):
        show_button()
        st.page_link(app.CHAT_PAGE, label="Chat", icon=":material/chat_bubble:", query_params=last)
        st.page_link(app.SESSIONS_PAGE, label="Sessions", icon=":material/search:")
        st.page_link(app.PROMPTS_PAGE, label="Prompts", icon=":material/bookmarks:")
        st.page_link(app.ANALYTICS_PAGE, label="Analytics", icon=":material/monitoring:")
        st.page_link(app.MODELS_PAGE, label="Models", icon=":material/deployed_code:")
        st.page_link(app.IMPORTS_PAGE, label="Import and export", icon=":material/swap_vert:")
        if app.viewer().is_owner:
            st.page_link(app.SETTINGS_PAGE, label="Settings", icon=":material/settings:")
        if app.sign_in_configured():
            st.button("Sign out", icon=":material/logout:", key="app.sign_out", type="tertiary", on_click=st.logout)


def show_chats(open_id: uuid.UUID | None, title: str | None = None) -> None:
    """New chat and the list of chats, newest first; in a fragment, so that renaming one does not redraw the thread.

    `title` is what the open chat is called above its thread: when that changes, as by a model that names it, all is drawn again.
    """
    with st.sidebar:
        st.button("New chat", icon=":material/edit_square:", key="sidebar.new", width="stretch", on_click=app.show_chat, args=(None,))
        temporary.show_way_back()
        _chats(open_id, title)


def listed(core: Core, viewer: Viewer) -> tuple[tuple[ChatInfo, ...], bool]:
    """The chats of the list, and whether there are older ones to show."""
    limit = min(st.session_state.get(LIMIT, PAGE), MOST)
    page = history.list_chats(core.db, viewer, limit=limit)
    return page.items, page.next_cursor is not None and limit < MOST


@st.fragment
def _chats(open_id: uuid.UUID | None, title: str | None) -> None:
    with app.calm():
        if st.session_state.pop(LEAVE, False):
            st.rerun()
        app.show_kept_error()
        chats, more = listed(app.core(), app.viewer())
        if any(chat.id == open_id and chat.title != title for chat in chats):
            st.rerun()
        chat_list(
            grouped(chats, naming=app.core().titles.pending(app.viewer())),
            open_id=str(open_id) if open_id else None,
            more=more,
            undo=undo_offered(),
            key=LIST_KEY,
            on_act=_acted,
        )


def grouped(chats: tuple[ChatInfo, ...], *, naming: frozenset[uuid.UUID] = frozenset()) -> tuple[Group, ...]:
    """The chats under headings: pinned, then by the day they were last touched, in the viewer's time zone."""
    now, zone = app.now(), app.time_zone()

    def heading(chat: ChatInfo) -> str:
        return "Pinned" if chat.pinned else words.age_group(chat.updated_at, now=now, zone=zone)

    return tuple(
        Group(label, tuple(Row(str(chat.id), chat.title, chat.pinned, chat.running, chat.id in naming) for chat in members))
        for label, members in groupby(chats, key=heading)
    )


def _acted() -> None:
    with app.calm_callback():
        action = st.session_state[LIST_KEY].act
        if action:
            perform(app.core(), app.viewer(), action)


def perform(core: Core, viewer: Viewer, action: Mapping[str, str]) -> None:
    """Does what was chosen in the list. Raises NotFound for a chat that is gone or not the viewer's."""
    what, db = action["do"], core.db
    if what == "more":
        st.session_state[LIMIT] = st.session_state.get(LIMIT, PAGE) + PAGE
    if what in ("more", "refresh"):
        return
    chat_id = uuid.UUID(action["id"])
    match what:
        case "open":
            go_to(chat_id)
        case "rename":
            history.rename_chat(db, viewer, chat_id, title=action["title"])
            st.session_state[LEAVE] = chat_id == app.current_chat_id()
        case "pin" | "unpin":
            history.pin_chats(db, viewer, [chat_id], pinned=what == "pin")
        case "archive" | "delete":
            put_away(core, viewer, chat_id, what)
        case "restore" | "unarchive":
            take_back(core, viewer, chat_id, what)


def put_away(core: Core, viewer: Viewer, chat_id: uuid.UUID, what: str) -> None:
    """Archives or deletes a chat and offers to take it back; leaves it if it is the one on screen."""
    title = words.shortened(history.get_chat(core.db, viewer, chat_id).title, 32)
    if what == "archive":
        history.archive_chats(core.db, viewer, [chat_id], archived=True)
        undo = Undo(uuid.uuid4().hex, f"Archived “{title}”", "unarchive", str(chat_id))
    else:
        history.delete_chats(core.db, viewer, [chat_id], now=app.now())
        undo = Undo(uuid.uuid4().hex, f"Deleted “{title}”", "restore", str(chat_id))
    on_screen = chat_id == app.current_chat_id()
    st.session_state[UNDO] = (undo, app.now(), on_screen)
    if on_screen:
        go_to(None)


def take_back(core: Core, viewer: Viewer, chat_id: uuid.UUID, what: str) -> None:
    """Brings a chat back, also to the screen if it was there."""
    if what == "restore":
        history.restore_chats(core.db, viewer, [chat_id])
    else:
        history.archive_chats(core.db, viewer, [chat_id], archived=False)
    _, _, on_screen = st.session_state.pop(UNDO, (None, None, False))
    if on_screen:
        go_to(chat_id)


def undo_offered() -> Undo | None:
    """What can be taken back now; offered for some seconds, also when the list is drawn anew."""
    undo, since, _ = st.session_state.get(UNDO, (None, None, False))
    return undo if undo and (app.now() - since).total_seconds() < UNDO_S else None


def go_to(chat_id: uuid.UUID | None) -> None:
    """Shows another chat: the list lives in a fragment, so the whole script is asked to run."""
    app.show_chat(chat_id)
    st.session_state[LEAVE] = True
