"""What a button over ticked chats does: some act at once and can be taken back, others ask first."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import streamlit as st

from chatcore.errors import Conflict
from chatcore.search import count_hits, matching_chats
from ui import app, data, words
from ui.sessions import actions, component
from ui.sessions.actions import Done

DIALOG = "sessions.dialog"
DONE = "sessions.done"
EVERYTHING = "sessions.everything"
ASK_FIRST = ("rename", "purge", "tag", "move")
# So many of the newest messages that match are looked through for their chats.
MOST_MESSAGES = 10_000
# Who comes back to the page later has forgotten what the notice speaks of.
NOTICE_LASTS = timedelta(minutes=2)
# Long enough for the dialog to be drawn again, too short to be taken for what was done before it opened.
OUTCOME_LASTS = timedelta(seconds=3)
NOTICE_STYLE = """
<style>
[data-testid="stLayoutWrapper"]:has(> .st-key-sessions_done) { position: sticky; bottom: 1rem; z-index: 10; }
.st-key-sessions_done {
  width: max-content; max-width: 100%; margin: 0 auto; padding: 0.35rem 0.5rem 0.35rem 1rem; border-radius: 0.75rem;
  background: light-dark(#2a2a26, #f2f2ec); box-shadow: 0 4px 18px rgb(0 0 0 / 0.25);
}
.st-key-sessions_done :is(p, button, span) { color: light-dark(#fafaf6, #1f1f1c) !important; }
</style>
"""


@dataclass(frozen=True, slots=True)
class Everything:
    """All chats of a search, as they were when they were chosen: nobody acts on what came later. `capped`: only those of the
    newest messages."""

    text: str
    chat_ids: tuple[uuid.UUID, ...]
    capped: bool
    token: str

    @property
    def sentence(self) -> str:
        """How many chats these are."""
        chats = words.plural(len(self.chat_ids), "chat")
        if self.capped:
            return f"{chats} of the newest {words.count(MOST_MESSAGES)} messages chosen"
        return f"All {chats} chosen" if len(self.chat_ids) > 1 else f"{chats} chosen"


def choose_everything(text: str) -> None:
    """Chooses all chats of a search, also those on other pages."""
    db, viewer, now, zone = app.core().db, app.viewer(), app.now(), app.time_zone()
    with app.calm_callback():
        chat_ids = matching_chats(db, viewer, text, cap=MOST_MESSAGES, now=now, zone=zone)
        capped = count_hits(db, viewer, text, cap=MOST_MESSAGES + 1, now=now, zone=zone) > MOST_MESSAGES
        st.session_state[EVERYTHING] = Everything(text, chat_ids, capped, uuid.uuid4().hex)


def everything_in(text: str) -> Everything | None:
    """All chats of this search, if they are chosen."""
    chosen = st.session_state.get(EVERYTHING)
    if isinstance(chosen, Everything) and chosen.text == text:
        return chosen
    st.session_state.pop(EVERYTHING, None)
    return None


def chosen_in(event: Mapping[str, object]) -> tuple[uuid.UUID, ...]:
    """The chats that a button acts on. Raises Invalid for what is no chat, Conflict where all were chosen in another search."""
    token = event.get("everything")
    if token is None:
        return actions.chat_ids_of(event.get("ids"))
    chosen = st.session_state.get(EVERYTHING)
    if not isinstance(chosen, Everything) or chosen.token != token:
        raise Conflict("These chats are no longer chosen.", "Choose them again.")
    return chosen.chat_ids


def act(key: str) -> None:
    """A button of the bar of this element was pressed."""
    event = component.sent(key, "act")
    if not event:
        return
    verb = str(event.get("verb"))
    with app.calm_callback():
        chat_ids = chosen_in(event)
        if verb in ASK_FIRST:
            ask(verb, chat_ids)
        else:
            tell(actions.carry_out(app.core().db, app.viewer(), verb, chat_ids, now=app.now()))


def open_sent(key: str) -> None:
    """Opens the chat that was clicked in this element, at the message if it was one."""
    event = component.sent(key, "open")
    if event:
        (chat_id,) = actions.chat_ids_of([event.get("chat")])
        message = event.get("message")
        app.open_chat(chat_id, message if isinstance(message, int) else None)


def ask(dialog: str, chat_ids: tuple[uuid.UUID, ...] = ()) -> None:
    """Has a dialog opened when the script runs next."""
    st.session_state[DIALOG] = (dialog, chat_ids)


def undo() -> None:
    """Takes back exactly what the last action changed."""
    done, _ = st.session_state.pop(DONE, (None, None))
    if done is None:
        return  # a second click in the same breath
    with app.calm_callback():
        actions.take_back(app.core().db, app.viewer(), done, now=app.now())
        tell(Done("Taken back."))


def tell(done: Done) -> None:
    """Keeps what was done for the notice; what was chosen or counted before it no longer holds."""
    st.session_state.pop(EVERYTHING, None)
    data.forget(app.core().db, app.viewer())
    st.session_state[DONE] = (done, app.now())


def show_outcome() -> None:
    """In a dialog that stays open: what the last press of a button did, or why it did not."""
    if "app.error" in st.session_state:
        app.show_kept_error()
        return
    done, since = st.session_state.get(DONE, (None, None))
    if done is not None and app.now() - since < OUTCOME_LASTS:
        st.caption(f":material/check: {words.plain(done.sentence)}")


def close(confirmed: bool) -> None:
    """Closes the dialog if what was confirmed went well, else says in it what went wrong."""
    if "app.error" in st.session_state:
        app.show_kept_error()
    elif confirmed:
        st.rerun()


def dismiss() -> None:
    """Closes the notice."""
    st.session_state.pop(DONE, None)


def show_done() -> None:
    """What was done, with its undo, at the foot of the window: the list does not move under the pointer, and at its end
    the notice has a place of its own."""
    done, since = st.session_state.get(DONE, (None, None))
    if done is None or app.now() - since > NOTICE_LASTS:
        return
    st.html(NOTICE_STYLE)
    with st.container(horizontal=True, vertical_alignment="center", key="sessions_done"):
        st.markdown(words.plain(done.sentence), width="content")
        if done.undo:
            st.button("Undo", key="sessions.undo", on_click=undo, type="tertiary", icon=":material/undo:")
        st.button("Close", key="sessions.close", on_click=dismiss, type="tertiary", icon=":material/close:")
