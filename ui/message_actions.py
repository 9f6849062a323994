"""What one can do with a message: the rows under the thread, editing in its place, and what asks first."""

import uuid
from collections.abc import Mapping
from typing import Literal

import streamlit as st

from chatcore import branches, feedback, revisions
from chatcore import chat as verbs
from chatcore.core import Core
from chatcore.errors import Invalid
from chatcore.history import get_message
from chatcore.parts import MessageInfo, Role, State, Thread, Viewer
from ui import app, composer, window, words
from ui.comparison import Pairs, stands_beside
from ui.messagebar import Bar, message_bars

BARS = "thread.bars"
# The message that is being edited with the key of its sending, and what has become of its text.
EDITING, EDITED = "thread.editing", "thread.edited"
DELETING = "thread.deleting"
# Where the shown branch of a chat ended when it was left, the last one first.
LEFT = "thread.left"
MOST_LEFT = 20


# --- the rows ----------------------------------------------------------------------------------------------------


def show_bars(core: Core, viewer: Viewer, thread: Thread, pairs: Pairs) -> None:
    """Draws the row under each message of the window, and asks whether to delete, if that is asked."""
    busy = thread.chat.running or any(message.status is State.RUNNING for message in thread.messages)
    message_bars(bars(core, viewer, thread, pairs), busy=busy, key=BARS, on_act=lambda: _acted(thread))
    doomed: int | None = st.session_state.pop(DELETING, None)
    if doomed is not None:
        message = get_message(core.db, viewer, doomed)
        ask_to_delete(message, branches.count_below(core.db, viewer, doomed))


def bars(core: Core, viewer: Viewer, thread: Thread, pairs: Pairs) -> list[Bar]:
    """What stands under the messages of a window; nothing under one that is being written or edited, or waits for a vote."""
    messages = [message for message in on_screen(thread, pairs) if message.status is not State.RUNNING and not is_edited(message)]
    beside = branches.siblings(core.db, viewer, [message.id for message in messages])
    rated = feedback.ratings(core.db, viewer, [message.id for message in messages if message.role is Role.ASSISTANT])
    found = []
    for message in messages:
        # What was deleted a moment ago, in another tab, has no siblings any more.
        kin = beside.get(message.id) or branches.Siblings((message.id,), 1)
        pair = pairs.get(message.id)
        if pair is not None and stands_beside(pair, thread) and set(kin.ids) == set(pair.ids):
            # Both are on screen: there is nothing to switch to.
            kin = branches.Siblings((message.id,), 1)
        rating = rated.get(message.id)
        found.append(
            Bar(
                id=message.id,
                role=message.role.value,
                at=kin.at,
                of=len(kin.ids),
                before=kin.before,
                after=kin.after,
                cut_off=revisions.was_cut_off(message),
                rating=rating.rating if rating else 0,
                note=rating.note if rating else None,
            )
        )
    return found


def on_screen(thread: Thread, pairs: Pairs) -> list[MessageInfo]:
    """The messages of a window, with both answers where two stand beside each other; without those that wait for a vote, whose
    row would tell who wrote them or take one of them away."""
    found: list[MessageInfo] = []
    for message in thread.messages:
        pair = pairs.get(message.id)
        if pair is None or not stands_beside(pair, thread):
            found.append(message)
        elif pair.comparison.vote is not None:
            found += [pair.left, pair.right]
    return found


def _acted(thread: Thread) -> None:
    with app.calm_callback():
        action = st.session_state[BARS].act
        if action:
            perform(app.core(), app.viewer(), thread, action)


def perform(core: Core, viewer: Viewer, thread: Thread, action: Mapping[str, object]) -> None:
    """Does what was chosen under a message. Raises what the verbs raise, and Invalid for what no row can ask."""
    message_id = number(action, "id")
    match action.get("do"):
        case "edit":
            begin_editing(get_message(core.db, viewer, message_id))
        case "retry":
            try_again(core, viewer, message_id)
        case "continue":
            go_on(core, viewer, message_id)
        case "switch":
            switch(core, viewer, thread, number(action, "to"))
        case "rate":
            note = action.get("note")
            feedback.rate(
                core.db, viewer, message_id, rating=number(action, "rating") or None, note=str(note) if note else None, now=app.now()
            )
        case "fork":
            app.show_chat(branches.fork(core.db, viewer, message_id, now=app.now()).id)
        case "delete":
            st.session_state[DELETING] = message_id
        case other:
            raise Invalid(f"Nobody knows what {words.shortened(str(other), 40)!r} is.", "Reload the page.")


def number(action: Mapping[str, object], name: str) -> int:
    """A number that the browser sent. Raises Invalid for anything else."""
    value = action.get(name)
    if not isinstance(value, (int, float)) or value != int(value):
        raise Invalid("The page sent something that makes no sense.", "Reload the page.")
    return int(value)


# --- attempts ----------------------------------------------------------------------------------------------------


def model_for(message: MessageInfo) -> tuple[str | None, str | None]:
    """The (provider, model) that answers next: the one chosen below, else the one of the message."""
    return composer.chosen(message.session_id) or (message.provider, message.model_name)


def try_again(core: Core, viewer: Viewer, message_id: int) -> None:
    """Asks for an answer once more, from the model that is chosen now."""
    message = get_message(core.db, viewer, message_id)
    if message.status is State.RUNNING:
        return  # the second click of a double click
    provider, model_name = model_for(message)
    leave(core, viewer, message.session_id)
    use_tools = composer.uses_tools(message.session_id)
    verbs.retry(core.runner, viewer, message_id, now=app.now(), provider=provider, model_name=model_name, use_tools=use_tools)
    window.to_end(message.session_id)


def go_on(core: Core, viewer: Viewer, message_id: int) -> None:
    """Has an answer that was cut off go on, by the model that is chosen now."""
    message = get_message(core.db, viewer, message_id)
    provider, model_name = model_for(message)
    leave(core, viewer, message.session_id)
    revisions.continue_answer(core.runner, viewer, message_id, now=app.now(), provider=provider, model_name=model_name)
    window.to_end(message.session_id)


def switch(core: Core, viewer: Viewer, thread: Thread, message_id: int) -> None:
    """Shows another attempt, as it was when it was left, with the reader at it."""
    left: list[int] = st.session_state.get(LEFT, {}).get(thread.chat.id, [])
    branches.switch_branch(core.db, viewer, message_id, preferred=left)
    leave(core, viewer, thread.chat.id, leaf_id=thread.chat.current_message_id)
    window.to_message(thread.chat.id, message_id)


def leave(core: Core, viewer: Viewer, chat_id: uuid.UUID, *, leaf_id: int | None = None) -> None:
    """Remembers where the shown branch ends, for the way back."""
    if leaf_id is None:
        leaf_id, _ = verbs.conversation(core.db, viewer, chat_id)
    if leaf_id is not None:
        left: dict[uuid.UUID, list[int]] = st.session_state.setdefault(LEFT, {})
        left[chat_id] = [leaf_id, *(other for other in left.get(chat_id, []) if other != leaf_id)][:MOST_LEFT]


# --- editing -----------------------------------------------------------------------------------------------------


def is_edited(message: MessageInfo) -> bool:
    """Whether a message is being edited now."""
    editing: tuple[int, str] | None = st.session_state.get(EDITING)
    return editing is not None and editing[0] == message.id


def begin_editing(message: MessageInfo) -> None:
    """Puts a text area into the place of a prompt; what was being edited before is left as it was sent."""
    if message.role is not Role.USER:
        raise Invalid("Only what you wrote can be edited.", "Edit the prompt before this answer, or try the answer again.")
    st.session_state[EDITING] = (message.id, uuid.uuid4().hex)
    st.session_state[EDITED] = message.content


def end_editing() -> None:
    for name in (EDITING, EDITED):
        st.session_state.pop(name, None)


def show_editor(message: MessageInfo) -> None:
    """Draws the text area in the place of a prompt."""
    _, request_key = st.session_state[EDITING]
    key = f"thread.edit.{request_key}"
    if key not in st.session_state:
        # Streamlit forgets the text of a field that is off the page; this one is still there after a look at another page.
        st.session_state[key] = st.session_state.get(EDITED, message.content)
    with st.container(key="message_editor"):
        st.text_area("Your prompt in other words", key=key, height="content", label_visibility="collapsed", on_change=_kept, args=(key,))
        with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="small"):
            st.caption("The old one stays beside it.", width="stretch")
            st.button("Cancel", key="thread.edit_cancel", type="tertiary", on_click=end_editing)
            st.button("Save and send", key="thread.edit_send", type="primary", on_click=_resend, args=(message.id, key, request_key))


def _kept(key: str) -> None:
    st.session_state[EDITED] = st.session_state[key]


def _resend(message_id: int, key: str, request_key: str) -> None:
    with app.calm_callback():
        _kept(key)
        core, viewer = app.core(), app.viewer()
        message = get_message(core.db, viewer, message_id)
        provider, model_name = composer.chosen(message.session_id) or verbs.first_model(core.db, viewer, core.models())
        use_tools = composer.uses_tools(message.session_id)
        draft = verbs.Draft(st.session_state[EDITED], provider, model_name, request_key, use_tools=use_tools)
        sent = composer.last_sent()
        # Not at the second click of a double click.
        if not sent.has(request_key, draft.text):
            leave(core, viewer, message.session_id)
            revisions.edit_and_resend(core.runner, viewer, message_id, draft, now=app.now())
            sent.note(request_key, draft.text, message.session_id)
        end_editing()
        window.to_end(message.session_id)


# --- deleting ----------------------------------------------------------------------------------------------------


def what_goes(message: MessageInfo, below: int) -> str:
    """A sentence that says what is deleted with a message that so many follow."""
    what = "This prompt" if message.role is Role.USER else "This answer"
    if not below:
        return f"{what} will be gone. Nobody can bring it back."
    after = "the message after it" if below == 1 else f"the {words.count(below)} messages after it, in all attempts,"
    return f"{what} and {after} will be gone. Nobody can bring them back."


@st.dialog("Delete this message?")
def ask_to_delete(message: MessageInfo, below: int) -> None:
    """Asks before a message goes."""
    start = " ".join(message.content[:200].split())
    if start:
        st.caption(words.plain(words.shortened(start, 120)))
    st.markdown(what_goes(message, below))
    st.caption("What was used stays in the figures.")
    if st.button(
        "Delete", key="thread.delete", type="primary", icon=":material/delete:", on_click=_delete, args=(message.session_id, message.id)
    ):
        st.rerun()


def _delete(chat_id: uuid.UUID, message_id: int) -> None:
    with app.calm_callback():
        branches.delete_message(app.core().db, app.viewer(), message_id)
        window.to_end(chat_id)


# --- what the last answer offers ---------------------------------------------------------------------------------


def show_ways_on(message: MessageInfo) -> None:
    """The buttons under the last answer that did not end well: once more, or on from where it is."""
    can_go_on = revisions.was_cut_off(message)
    kind: Literal["tertiary", "secondary"] = "tertiary" if message.status in (State.STOPPED, State.COMPLETE) else "secondary"
    if message.status is State.COMPLETE and not can_go_on:
        return
    with st.container(horizontal=True, gap="small"):
        if can_go_on:
            st.button("Continue", icon=":material/resume:", key="thread.continue", type=kind, on_click=_go_on, args=(message.id,),
                      help="Go on from where it was cut off, by the model chosen below.")  # fmt: skip
        st.button("Try again", icon=":material/refresh:", key="thread.retry", type=kind, on_click=_try_again, args=(message.id,),
                  help="Ask for this answer once more, from the model chosen below.")  # fmt: skip


def _go_on(message_id: int) -> None:
    with app.calm_callback():
        go_on(app.core(), app.viewer(), message_id)


def _try_again(message_id: int) -> None:
    with app.calm_callback():
        try_again(app.core(), app.viewer(), message_id)


def show_this_branch(thread: Thread) -> None:
    """The button that goes on from the end of a branch that is not the shown one."""
    st.button("Go on from here", icon=":material/alt_route:", key="thread.take", type="tertiary",
              help="Show this attempt from now on.", on_click=_take, args=(thread, thread.messages[-1].id))  # fmt: skip


def _take(thread: Thread, message_id: int) -> None:
    with app.calm_callback():
        switch(app.core(), app.viewer(), thread, message_id)
        window.to_end(thread.chat.id)
