"""Who looks, with what, and where they are: the few things every page asks first."""

import logging
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import NoReturn

import streamlit as st

from chatcore.accounts import local_owner, signed_in
from chatcore.core import Core, shared
from chatcore.errors import ChatcoreError, NotFound
from chatcore.parts import Viewer
from chatcore.settings import ROOT
from ui import sign_in, words

log = logging.getLogger("chatcore.ui")

CHAT_PAGE = ROOT / "pages" / "chat.py"
SESSIONS_PAGE = ROOT / "pages" / "sessions.py"
ANALYTICS_PAGE = ROOT / "pages" / "analytics.py"
MODELS_PAGE = ROOT / "pages" / "models.py"
PROMPTS_PAGE = ROOT / "pages" / "prompts.py"
IMPORTS_PAGE = ROOT / "pages" / "imports.py"
SETTINGS_PAGE = ROOT / "pages" / "settings.py"
IMAGES = Path(__file__).parent / "images"
STYLE = Path(__file__).parent / "style.css"

# The chat, the message it opens at, and what is looked for in it.
CHAT_PARAM, MESSAGE_PARAM, FIND_PARAM = "c", "m", "q"
# What of the open chat is on screen, see `ui.window`.
VIEW = "thread.view"
LAST = "chat.last"
# So long an error can be read in a place that draws itself anew every second.
ERROR_STAYS_S = 10.0
# The model that the page Models goes to a new chat with, until another page was drawn.
CHAT_WITH = "models.chat"
# Whether the chat page shows the session's temporary chat, see `ui.temporary`.
TEMPORARY = "temporary.open"


def core() -> Core:
    """The one core of this process: settings, database, providers, runner."""
    return shared()


def now() -> datetime:
    """The clock: aware UTC."""
    return datetime.now(UTC)


def time_zone() -> tzinfo:
    """The time zone of the viewer's browser; UTC until it has told."""
    return words.zone(st.context.timezone)


# --- who looks ---------------------------------------------------------------------------------------------------


def sign_in_configured() -> bool:
    """Whether people must sign in; with [auth] in the secrets Streamlit always says whether somebody is."""
    return sign_in.configured() or "is_logged_in" in st.user


def viewer() -> Viewer:
    """The person who looks. With sign-in configured and nobody signed in, shows the sign-in page and stops the script."""
    if not sign_in_configured():
        return remembered("local", {})
    claims = st.user.to_dict()
    if claims.get("is_logged_in") is not True:
        show_sign_in()
    return remembered(f"{claims.get('iss')}\n{claims.get('sub')}", claims)


def remembered(identity: str, claims: Mapping[str, object]) -> Viewer:
    """The account is looked up once per browser session and identity, not at every rerun."""
    known: tuple[str, Viewer] | None = st.session_state.get("app.viewer")
    if known is not None and known[0] == identity:
        return known[1]
    db = core().db
    person = signed_in(db, claims, now=now()) if claims else local_owner(db, now=now())
    st.session_state["app.viewer"] = (identity, person)
    return person


def show_sign_in() -> NoReturn:
    """The page a stranger sees: one button, nothing else."""
    with st.container(horizontal_alignment="center", key="sign_in"):
        st.space("large")
        st.image(str(IMAGES / "mark.svg"), width=56)
        st.title("Sign in to chatcore", text_alignment="center", anchor=False)
        st.caption("Your chats are yours only. Sign in to see them.", text_alignment="center")
        st.button("Sign in", type="primary", icon=":material/login:", key="app.sign_in", on_click=st.login)
    st.stop()


# --- where they are ----------------------------------------------------------------------------------------------


def current_chat_id() -> uuid.UUID | str | None:
    """The chat named in the URL: its id, None for a new chat, or the raw text where that is no id at all."""
    raw = st.query_params.get(CHAT_PARAM)
    if not raw:
        return None
    try:
        return uuid.UUID(raw)
    except ValueError:
        return raw


def as_chat_id(wanted: uuid.UUID | str) -> uuid.UUID:
    """The id of a chat. Raises NotFound for text that is none: nobody can have a chat of that name."""
    if isinstance(wanted, uuid.UUID):
        return wanted
    raise NotFound("This chat is not here.", "Start a new one, or look through your chats.")


def show_chat(chat_id: uuid.UUID | None) -> None:
    """Puts a chat (None: a new one) into the URL of the chat page; the script shows it, at its end, when it runs next."""
    forget_view()
    for name in (CHAT_PARAM, MESSAGE_PARAM, FIND_PARAM):
        st.query_params.pop(name, None)
    if chat_id is not None:
        st.query_params[CHAT_PARAM] = str(chat_id)


def open_chat(chat_id: uuid.UUID | None, message_id: int | None = None) -> NoReturn:
    """Goes to the chat page and shows this chat, at this message if one is named, from any page; None opens a new one."""
    forget_view()
    params = {CHAT_PARAM: str(chat_id)} if chat_id else {}
    st.switch_page(CHAT_PAGE, query_params=params | ({MESSAGE_PARAM: str(message_id)} if chat_id and message_id else {}))


def forget_view() -> None:
    """Whatever the URL names is opened anew, also where it is open already."""
    st.session_state.pop(VIEW, None)
    st.session_state.pop(TEMPORARY, None)


def current_message_id() -> int | None:
    """The message the URL names, None for none. Raises NotFound for text that is no id."""
    raw = st.query_params.get(MESSAGE_PARAM)
    if not raw:
        return None
    if not raw.isascii() or not raw.isdigit():
        raise NotFound("This is no message.", "Open the chat without it.")
    # More digits than any id has: none of that name, and Python refuses to read very many.
    return int(raw[:30])


def name_message(message_id: int) -> None:
    """Puts a message into the URL: the chat is shown at it, and it is marked."""
    st.query_params[MESSAGE_PARAM] = str(message_id)


def forget_message() -> None:
    """Takes the message out of the URL: the reader went elsewhere."""
    st.query_params.pop(MESSAGE_PARAM, None)


def named_chat() -> dict[str, str]:
    """What the URL of the chat page names: the chat, the message, what is looked for."""
    return {name: st.query_params[name] for name in (CHAT_PARAM, MESSAGE_PARAM, FIND_PARAM) if name in st.query_params}


def remember_chat() -> None:
    """Keeps what the URL names, for the way back from another page."""
    st.session_state[LAST] = named_chat()


def forget_chat() -> None:
    """The way back leads to a new chat."""
    st.session_state.pop(LAST, None)


# --- what went wrong ---------------------------------------------------------------------------------------------


def show_error(error: ChatcoreError) -> None:
    """A calm box: what failed, and what to do next."""
    body = words.with_code(error.message)
    st.warning(f"**{body}**  \n{words.with_code(error.hint)}" if error.hint else body, icon=":material/info:")


def show_unexpected() -> None:
    """What is said when we ourselves failed; the traceback is in the log."""
    st.warning(
        "**Something went wrong on this page.**  \nNothing was lost. Reload the page; if it happens again, the server's log says why.",
        icon=":material/info:",
    )


@contextmanager
def calm() -> Iterator[None]:
    """Shows an error of the block as a calm box instead of a traceback. Wrap pages and fragments in it."""
    try:
        yield
    except ChatcoreError as error:
        log.warning("%s", error)
        show_error(error)
    except Exception:
        log.exception("a page failed")
        show_unexpected()


@contextmanager
def calm_callback() -> Iterator[None]:
    """For callbacks, which run before anything is drawn: keeps the error, `show_kept_error` draws it."""
    st.session_state.pop("app.error.stays", None)
    try:
        yield
    except ChatcoreError as error:
        log.warning("%s", error)
        keep_error(error)


def keep_error(error: ChatcoreError) -> None:
    """Has the error drawn where the page shows kept ones."""
    st.session_state["app.error"] = error


def show_kept_error(stays_in: str = "") -> None:
    """Draws the error a callback left, once. A place that draws itself anew every second gives its name, and keeps the error for
    a while, or until the next callback."""
    error: ChatcoreError | None = st.session_state.pop("app.error", None)
    if error is not None:
        st.session_state["app.error.stays"] = (stays_in, error, time.monotonic())
    else:
        place, kept, since = st.session_state.get("app.error.stays", ("", None, 0.0))
        if stays_in and place == stays_in and time.monotonic() - since < ERROR_STAYS_S:
            error = kept
    if error is not None:
        show_error(error)
