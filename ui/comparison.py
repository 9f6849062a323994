"""Two answers to one prompt side by side: who wrote which is not on the page until there is a vote."""

from collections.abc import Callable, Mapping

import streamlit as st

from chatcore import branches
from chatcore import chat as verbs
from chatcore.comparisons import Comparison, Pair, cast_vote, pairs_on
from chatcore.core import Core
from chatcore.history import get_message
from chatcore.parts import MessageInfo, State, Thread, Viewer, Vote
from ui import app, composer, window, words

Choice = tuple[str, str]
Pairs = Mapping[int, Pair]

# On a phone they lie below each other, where left and right mean nothing.
LEFT, RIGHT = "Answer A", "Answer B"
BUTTONS = (
    (Vote.LEFT, "A is better", ":material/arrow_back:"),
    (Vote.BOTH_GOOD, "Both good", ":material/thumb_up:"),
    (Vote.BOTH_BAD, "Both bad", ":material/thumb_down:"),
    (Vote.RIGHT, "B is better", ":material/arrow_forward:"),
)


def pairs_of(core: Core, viewer: Viewer, thread: Thread) -> dict[int, Pair]:
    """The comparisons on screen and the one the chat ends with, by the ids of both their answers."""
    ids = [message.id for message in thread.messages]
    leaf_id = thread.chat.current_message_id
    return pairs_on(core.db, viewer, thread.chat.id, ids if leaf_id is None else [*ids, leaf_id])


def last_asked(thread: Thread, pairs: Pairs) -> tuple[Choice, Choice] | None:
    """The two models of the comparison the chat ends with, the one that goes on first; None if it ends with none. While the names are
    hidden they come by the alphabet, so the order says nothing."""
    pair = pairs.get(thread.chat.current_message_id or 0)
    if pair is None:
        return None
    models = (pair.comparison.left, pair.comparison.right)
    if pair.comparison.hides_names:
        return min(models), max(models)
    return models if thread.chat.current_message_id == pair.left.id else (models[1], models[0])


def stands_beside(pair: Pair, thread: Thread) -> bool:
    """Whether both answers are drawn: at the end of the chat, and wherever a vote is still to be given."""
    return pair.comparison.vote is None or thread.chat.current_message_id in pair.ids


# --- the pair ----------------------------------------------------------------------------------------------------


def show_pair(pair: Pair, thread: Thread, draw: Callable[[MessageInfo, bool], None]) -> None:
    """Draws both answers and what can be done with them. `draw` draws one of them, whose names may be shown or not."""
    comparison, ends = pair.comparison, thread.chat.current_message_id in pair.ids
    with st.container(key=f"pair-{comparison.id}"):
        for column, message, title, model in zip(
            st.columns(2, gap="medium"), (pair.left, pair.right), (LEFT, RIGHT), (comparison.left, comparison.right), strict=True
        ):
            with column:
                with st.container(key=f"message-{message.id}"):
                    st.markdown(head(title, None if comparison.hides_names else model, preferred=comparison.preferred_id == message.id))
                    draw(message, not comparison.hides_names)
                    show_way_on(pair, message)
                if comparison.vote is not None and ends:
                    show_choice(thread, message)
        if comparison.vote is None:
            show_vote(pair, goes_on=ends and not pair.running)
        else:
            st.caption(f":material/how_to_vote: {told(comparison)}", text_alignment="center")


def head(title: str, model: Choice | None, *, preferred: bool) -> str:
    """What stands over an answer."""
    name = f"**{title}**" if model is None else f"**{words.plain(words.model_name(*model))}** :small[:gray[{title}]]"
    return f"{name} :green-badge[:material/check: Better]" if preferred else name


def show_vote(pair: Pair, *, goes_on: bool) -> None:
    """The buttons for a vote, and what is said while there can be none."""
    comparison = pair.comparison
    said = ""
    if pair.running:
        said = "Vote when both answers are there."
    elif not pair.can_be_voted_on:
        said = "One of the answers has no text, so there is nothing to vote on. Try it again, or look at the names."
    elif goes_on:
        said = "You can also write on without a vote: the chat then goes on from answer A."
    with st.container(horizontal=True, horizontal_alignment="center", gap="small", key=f"vote-{comparison.id}"):
        for vote, label, icon in BUTTONS:
            st.button(
                label,
                icon=icon,
                key=f"vote.{comparison.id}.{vote.value}",
                disabled=not pair.can_be_voted_on,
                on_click=_vote,
                args=(comparison, vote),
            )
        label = "Skip and show the names" if comparison.is_blind else "Skip the vote"
        st.button(label, key=f"vote.{comparison.id}.skipped", type="tertiary", on_click=_vote, args=(comparison, Vote.SKIPPED))
    if said:
        st.caption(said, text_alignment="center")


def show_way_on(pair: Pair, message: MessageInfo) -> None:
    """The button that asks the same model again, under an answer that left nothing."""
    if message.content.strip() or message.status is State.RUNNING or pair.comparison.vote is not None:
        return
    st.button("Try again", icon=":material/refresh:", key=f"compared.retry.{message.id}", disabled=pair.running,
              help="Ask the same model once more", on_click=_try_again, args=(message.id,))  # fmt: skip


def show_choice(thread: Thread, message: MessageInfo) -> None:
    """From which answer the chat goes on, and the button that makes it the other one."""
    if thread.chat.current_message_id == message.id:
        st.caption(":material/subdirectory_arrow_right: The chat goes on from here.")
        return
    st.button("Go on from this one", icon=":material/alt_route:", key=f"compared.take.{message.id}", type="tertiary",
              help="The other answer stays beside it", on_click=_take, args=(thread, message.id))  # fmt: skip


def told(comparison: Comparison) -> str:
    """A sentence that says how a comparison went."""
    left, right = (words.plain(words.model_name(*model)) for model in (comparison.left, comparison.right))
    how = "without knowing which was which" if comparison.is_blind else "with the names in sight"
    match comparison.vote:
        case Vote.LEFT:
            return f"You preferred {left} to {right}, {how}."
        case Vote.RIGHT:
            return f"You preferred {right} to {left}, {how}."
        case Vote.BOTH_GOOD:
            return f"You found {left} and {right} equally good, {how}."
        case Vote.BOTH_BAD:
            return f"You found neither {left} nor {right} good, {how}."
        case _:
            return f"{left} and {right} were compared, without a vote."


def show_told(pair: Pair) -> None:
    """What is said under the one answer of an earlier pair with which the chat went on."""
    st.caption(f":material/how_to_vote: {told(pair.comparison)}")


# --- what is clicked ---------------------------------------------------------------------------------------------


def _vote(comparison: Comparison, vote: Vote) -> None:
    with app.calm_callback():
        cast_vote(app.core().db, app.viewer(), comparison.id, vote, now=app.now())


def _try_again(message_id: int) -> None:
    with app.calm_callback():
        message = get_message(app.core().db, app.viewer(), message_id)
        if message.status is not State.RUNNING:
            use_tools = composer.compares_with_tools(message.session_id)
            verbs.retry(app.core().runner, app.viewer(), message_id, now=app.now(), use_tools=use_tools, reads_only=True)


def _take(thread: Thread, message_id: int) -> None:
    with app.calm_callback():
        branches.switch_branch(app.core().db, app.viewer(), message_id)
        window.to_end(thread.chat.id)
