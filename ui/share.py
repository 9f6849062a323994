"""Sharing on the page: the button over a chat, its dialog, and the list of all links. Only where the owner has switched it on."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlsplit

import streamlit as st

from chatcore import sharing
from chatcore.core import Core
from chatcore.parts import ChatInfo, Viewer
from chatcore.sharing import Extras, Link
from ui import app, words

ENDS = "share.ends"
# What can be shown beside the messages: the field of Extras, what the tick says, what it means.
TICKS = (
    ("files", "Attached files", "Images are shown, other files can be saved."),
    ("reasoning", "Thoughts of the model", ""),
    ("tools", "Tool calls", "With their arguments and results, which may hold text of other chats and servers."),
    ("system_prompt", "System prompt", ""),
    ("name", "My name", "Otherwise your prompts are those of a “User”."),
)
SHORT = {"files": "files", "reasoning": "thoughts", "tools": "tool calls", "system_prompt": "system prompt", "name": "your name"}


def is_on(core: Core) -> bool:
    """Whether chats can be shared here."""
    return core.settings.sharing


def show_button(core: Core, chat: ChatInfo) -> None:
    """The button over a chat, if there is anything to share."""
    if not is_on(core) or not chat.message_count:
        return
    if st.button("Share", icon=":material/share:", key="share.button", type="tertiary", help="Show this chat to others by a link"):
        show_dialog(chat.id)


@st.dialog("Share this chat", width="medium")
def show_dialog(chat_id: uuid.UUID) -> None:
    """The links of the chat, and a new one."""
    with app.calm():
        core, viewer = app.core(), app.viewer()
        links = sharing.list_links(core.db, viewer, chat_id=chat_id, now=app.now())
        app.show_kept_error()
        for link in links:
            show_link(link)
        with st.expander("Another link", expanded=False) if links else st.container():
            show_form(viewer, chat_id)


def show_form(viewer: Viewer, chat_id: uuid.UUID) -> None:
    """What a new link shows, and until when."""
    st.markdown(
        "Whoever has the link can read a snapshot of this chat as it is now, without an account. What you write, edit or delete "
        "afterwards is not in it until you update it."
    )
    st.caption("Title, messages, models and times are shown. Also:")
    with st.container(gap="xxsmall"):
        for name, label, meaning in TICKS:
            if name != "name" or sharing.has_name(viewer):
                st.checkbox(label, key=f"share.{name}", help=meaning or None)
    today = app.now().astimezone(app.time_zone()).date()
    st.date_input("Ends after this day", value=None, min_value=today, key=ENDS, help="Leave it empty for a link that you revoke yourself.")
    st.button("Make a link", icon=":material/add_link:", key="share.make", type="primary", on_click=_make, args=(chat_id,))


def show_link(link: Link, *, titled: bool = False) -> None:
    """A link with what can be done with it; `titled`: also which chat it shows."""
    with st.container(border=True, gap="small"):
        if titled:
            st.markdown(f"**{words.plain(words.shortened(link.title, 80))}**")
        st.code(address(link), language=None, wrap_lines=True)
        st.caption(words.plain(facts(link)))
        if link.in_trash:
            st.caption(":material/visibility_off: It does not answer while its chat is in the trash.")
        with st.container(horizontal=True, gap="small"):
            st.link_button("Open", address(link), icon=":material/open_in_new:", type="tertiary", disabled=link.in_trash)
            st.button("Update the snapshot", icon=":material/refresh:", key=f"share.update.{link.id}", type="tertiary",
                      disabled=link.in_trash, help="Shows the chat as it is now, by the same link",
                      on_click=_update, args=(link.id,))  # fmt: skip
            st.button("Revoke", icon=":material/link_off:", key=f"share.revoke.{link.id}", type="tertiary",
                      help="The link answers nobody any more", on_click=_revoke, args=(link.id,))  # fmt: skip


def show_all(core: Core, viewer: Viewer) -> None:
    """Every link of the viewer."""
    links = sharing.list_links(core.db, viewer, now=app.now())
    if not links:
        st.info("No chat is shared. The button Share over a chat makes a link to it.", icon=":material/link_off:")
        return
    st.caption("Whoever has one of these links can read its snapshot of a chat. Deleting a chat for ever takes its links away.")
    for link in links:
        show_link(link, titled=True)


def facts(link: Link) -> str:
    """What a link shows, since when and until when."""
    now, zone = app.now(), app.time_zone()
    shown = [SHORT[name] for name, _, _ in TICKS if getattr(link.extras, name)]
    with_what = f", with {', '.join(shown)}" if shown else ""
    taken = f"{words.plural(link.messages, 'message')} as of {words.within(words.moment(link.taken_at, now=now, zone=zone))}{with_what}"
    return f"{taken} · {until(link)}"


def until(link: Link) -> str:
    """When a link ends, in the reader's days."""
    if link.expires_at is None:
        return "no end"
    local = link.expires_at.astimezone(app.time_zone())
    last = local - timedelta(days=1)
    return f"ends after {last.day} {last:%b %Y}" if local.time() == time() else f"ends {local.day} {local:%b %Y, %H:%M}"


def address(link: Link) -> str:
    """The whole address, as the reader's browser knows this server."""
    here = urlsplit(str(st.context.url or ""))
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    base = f"/{path}" if path else ""
    return f"{here.scheme}://{here.netloc}{base}/share/{link.token}" if here.netloc else f"{base}/share/{link.token}"


def end_of(day: date | None) -> datetime | None:
    """When a day is over where the reader is."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=app.time_zone()).astimezone(UTC) if day else None


def _make(chat_id: uuid.UUID) -> None:
    with app.calm_callback():
        extras = Extras(**{name: bool(st.session_state.get(f"share.{name}")) for name, _, _ in TICKS})
        ends = end_of(st.session_state.get(ENDS))
        sharing.make_link(app.core().db, app.viewer(), chat_id, extras=extras, expires_at=ends, now=app.now())


def _update(link_id: int) -> None:
    with app.calm_callback():
        sharing.update_link(app.core().db, app.viewer(), link_id, now=app.now())


def _revoke(link_id: int) -> None:
    with app.calm_callback():
        sharing.revoke_link(app.core().db, app.viewer(), link_id)
