"""Going on in a new chat when the window of the model is full: its first answer is a summary of the old chat."""

import uuid
from datetime import datetime

import sqlalchemy as sa

from chatcore import parameters
from chatcore.chat import Order, Sent, conversation, sight_for, write_answer, write_job
from chatcore.chat_settings import read_settings, write_settings_in
from chatcore.continued import SHOWN_TITLE, after, asked_for
from chatcore.errors import Invalid
from chatcore.generation import Runner
from chatcore.history import append_in, clean_name, create_chat_in, get_chat, mine
from chatcore.parts import Role, Turn, Viewer
from chatcore.rows import CHATS, MESSAGES
from chatcore.texts import cut


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
    title = cut(get_chat(runner.db, viewer, chat_id).title, SHOWN_TITLE)
    settings = read_settings(runner.db, viewer, chat_id)
    ended_with, turns = conversation(runner.db, viewer, chat_id, sight_for(runner, provider, model_name, settings))
    if not turns:
        raise Invalid("This chat is empty: there is nothing to summarize.", "Write to it, or start a new chat.")
    told = after(turns, (Turn("user", asked_for(title)),), window)
    order = Order(viewer, provider, parameters.request(settings, model_name, told), runner.owner, now)
    with runner.db.write() as tx:
        chat = create_chat_in(tx, viewer, now=now, title=f"{title} (continued)", provider=provider, model_name=model_name)
        still_there = sa.select(MESSAGES.c.id).where(MESSAGES.c.id == ended_with).scalar_subquery()
        tx.execute(sa.update(CHATS).where(mine(viewer, chat.id)).values(continued_from=still_there))
        write_settings_in(tx, viewer, chat.id, settings)
        asked = append_in(tx, viewer, chat.id, role=Role.USER, content=asked_for(title), now=now)
        answer = write_answer(tx, order, chat.id)
        job = write_job(tx, order, answer)
    runner.start(job)
    return Sent(chat.id, asked.id, answer.id)
