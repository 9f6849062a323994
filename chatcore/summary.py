"""Going on in a new chat when the window of the model is full: its first answer is a summary of the old chat."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from chatcore import parameters
from chatcore.chat import Order, Sent, conversation, sight_for, write_answer, write_job
from chatcore.chat_settings import read_settings, write_settings_in
from chatcore.errors import Invalid
from chatcore.generation import Runner
from chatcore.history import append_in, clean_name, create_chat_in, get_chat
from chatcore.ledger import CHARACTERS_A_TOKEN
from chatcore.parts import Role, Turn, Viewer
from chatcore.texts import cut

# Of the window, for what is summarized: the rest is for the instructions and the summary.
SHARE = 0.6
SHOWN_TITLE = 80
INSTRUCTION = (
    "Summarize our conversation so far, so that we can go on in a new chat that knows only this summary. Write in the language of the "
    "conversation. Keep what was asked and decided, facts, names, numbers and code that are still needed, and what is open. "
    "Leave out greetings and detours. Begin with the summary itself."
)


def continue_in_new_chat(
    runner: Runner, viewer: Viewer, chat_id: uuid.UUID, *, provider: str, model_name: str, window: int | None, now: datetime
) -> Sent:
    """Makes a chat that goes on from this one: the model is asked for a summary, which is written there like any answer.

    The old chat stays as it is. Of one that is longer than the `window` (tokens) the newest part is summarized. Raises NotFound,
    and Invalid for a chat without messages and for the guide, which cannot summarize.
    """
    if provider == "guide":
        raise Invalid("The built-in guide cannot summarize a chat.", "Choose a language model, then try again.")
    provider, model_name = clean_name(provider, "provider"), clean_name(model_name, "model")
    title = get_chat(runner.db, viewer, chat_id).title
    settings = read_settings(runner.db, viewer, chat_id)
    _, turns = conversation(runner.db, viewer, chat_id, sight_for(runner, provider, model_name, settings))
    if not turns:
        raise Invalid("This chat is empty: there is nothing to summarize.", "Write to it, or start a new chat.")
    told = (*newest(turns, window), Turn("user", INSTRUCTION))
    order = Order(viewer, provider, parameters.request(settings, model_name, told), runner.owner, now)
    with runner.db.write() as tx:
        chat = create_chat_in(tx, viewer, now=now, title=f"{cut(title, SHOWN_TITLE)} (continued)", provider=provider, model_name=model_name)
        write_settings_in(tx, viewer, chat.id, settings)
        text = f"Let us go on from the chat “{cut(title, SHOWN_TITLE)}”. Summarize it first."
        asked = append_in(tx, viewer, chat.id, role=Role.USER, content=text, now=now)
        answer = write_answer(tx, order, chat.id)
        job = write_job(tx, order, answer)
    runner.start(job)
    return Sent(chat.id, asked.id, answer.id)


def newest(turns: Sequence[Turn], window: int | None) -> tuple[Turn, ...]:
    """The newest turns that fit into the window with room for a summary, at least one; all where the window is not known."""
    if window is None:
        return tuple(turns)
    room = int(window * SHARE) * CHARACTERS_A_TOKEN
    kept: list[Turn] = []
    for turn in reversed(turns):
        room -= len(turn.content)
        if room < 0 and kept:
            break
        kept.insert(0, turn)
    return tuple(kept)
