"""What is written once more: a prompt in other words, and the rest of an answer that was cut off.

Both make a branch beside what was there, which stays; the new one is shown from now on. Each is one transaction.
"""

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from chatcore import parameters
from chatcore.attachments import add_in, copy_attachments, enclosed, enclosed_in, turn_with
from chatcore.chat import (
    Draft,
    Order,
    Sent,
    asked_of,
    check_files,
    clean_draft,
    ordered,
    sight_for,
    turn_in,
    turns_from,
    turns_to,
    window_for,
    write_answer,
    write_job,
)
from chatcore.chat_settings import read_settings_in
from chatcore.documents import prepare_all
from chatcore.errors import Invalid
from chatcore.generation import Job, Runner
from chatcore.history import append_in, get_message
from chatcore.live import Snapshot
from chatcore.parts import FinishReason, MessageInfo, Role, State, Turn, Viewer
from chatcore.providers.base import Continuing
from chatcore.rows import MESSAGES

# For models that answer what stands last instead of going on with it.
GO_ON = (
    "Your last message was cut off. Go on with it exactly where it ends, in the same language and format. "
    "Repeat nothing, and say nothing about going on."
)


def edit_and_resend(runner: Runner, viewer: Viewer, message_id: int, draft: Draft, *, now: datetime) -> Sent:
    """Sends a prompt in other words: a new message beside the old one, with its files and those of the draft, and with an answer of
    its own. The old ones stay.

    Raises Invalid (text, a file, names, key, an answer instead of a prompt), NotFound, Conflict: the chat still answers, lies in the
    trash, or the key was used.
    """
    asked = get_message(runner.db, viewer, message_id)
    draft = clean_draft(draft, attached=bool(asked.attachments))
    if asked.role is not Role.USER:
        raise Invalid("Only what you wrote can be edited.", "Edit the prompt before this answer, or try the answer again.")
    files = prepare_all(draft.files)
    with runner.db.read() as tx:
        settings = read_settings_in(tx, viewer, asked.session_id)
        sight = sight_for(runner, draft.provider, draft.model_name, settings)
        check_files(runner, sight, draft.model_name, (*asked.attachments, *files))
        before = () if asked.parent_id is None else turns_to(tx, asked.parent_id, sight)
        kept = enclosed_in(tx, [asked.id], sight, asked_id=asked.id).get(asked.id, ())
        again_asked = turn_with(draft.text, (*kept, *map(enclosed, files)))
        window = window_for(runner, draft.provider, draft.model_name, settings)
        turns = turns_from(tx, viewer, asked.id, (*before, again_asked), sight, window)
    request = parameters.request(settings, draft.model_name, turns)
    order = ordered(runner, viewer, draft, request, files, now=now)
    with turn_in(runner, viewer, asked.session_id) as tx:
        attached = bool(files or asked.attachments)
        again = append_in(tx, viewer, asked.session_id, role=Role.USER, content=draft.text, now=now, sibling_of=asked.id, attached=attached)
        copy_attachments(tx, viewer, asked.id, again.id)
        add_in(tx, viewer, again.id, files, now=now)
        answer = write_answer(tx, order, asked.session_id)
        job = write_job(tx, order, answer)
    runner.start(job)
    return Sent(asked.session_id, again.id, answer.id)


def continue_answer(
    runner: Runner,
    viewer: Viewer,
    message_id: int,
    *,
    now: datetime,
    provider: str | None = None,
    model_name: str | None = None,
    trace_parent: str | None = None,
) -> Sent:
    """Goes on with an answer that was cut off: a new attempt beside it that begins with its text. The old one stays.

    By default the same model goes on. It is given its text as the last turn; one that would not go on from there is asked to
    in words. Raises NotFound, Invalid for what was not cut off, Conflict while the chat answers.
    """
    answer = get_message(runner.db, viewer, message_id)
    check_cut_off(answer)
    assert answer.parent_id is not None
    provider, model_name = asked_of(answer, provider, model_name)
    with runner.db.read() as tx:
        settings = read_settings_in(tx, viewer, answer.session_id)
        sight, window = sight_for(runner, provider, model_name, settings), window_for(runner, provider, model_name, settings)
        turns = turns_from(tx, viewer, answer.parent_id, turns_to(tx, answer.id, sight), sight, window)
    if not goes_on(runner, provider):
        turns = (*turns, Turn("user", GO_ON))
    request = parameters.request(settings, model_name, turns)
    order = Order(viewer, provider, request, runner.owner, now, trace_parent=trace_parent)
    with turn_in(runner, viewer, answer.session_id) as tx:
        job = write_rest(tx, order, answer)
    runner.start(job)
    return Sent(answer.session_id, answer.parent_id, job.message_id)


def was_cut_off(message: MessageInfo) -> bool:
    """Whether there is more to come of an answer: it has text, and did not end by itself. What calls tools goes on by itself."""
    if message.role is not Role.ASSISTANT or message.parent_id is None or not message.content.strip() or message.tool_calls:
        return False
    if message.status is State.COMPLETE:
        return message.generation is not None and message.generation.finish_reason == FinishReason.LENGTH
    return message.status is not State.RUNNING


def check_cut_off(message: MessageInfo) -> None:
    """Raises Invalid for a message that nobody can go on with, saying why."""
    if message.role is not Role.ASSISTANT or message.parent_id is None:
        raise Invalid("Only an answer can be continued.", "Choose the answer to the prompt, not the prompt itself.")
    if message.status is State.RUNNING:
        raise Invalid("This answer is still being written.", "Wait until it is there, or stop it.")
    if not message.content.strip() or message.tool_calls:
        raise Invalid("This answer has no text to go on from.", "Try it again instead.")
    if not was_cut_off(message):
        raise Invalid("This answer is whole.", "Ask for more in a new prompt, or try it again.")


def goes_on(runner: Runner, provider: str) -> bool:
    """Whether the models of a provider go on with an answer that stands last."""
    known = runner.providers.get(provider)
    return isinstance(known, Continuing) and known.continues


def write_rest(tx: Session, order: Order, answer: MessageInfo) -> Job:
    """The answer that begins with the text of another one, and the job that writes the rest of it."""
    begun = Snapshot(answer.content, f"{answer.reasoning}\n\n" if answer.reasoning else "")
    rest = write_answer(tx, order, answer.session_id, sibling_of=answer.id)
    values = {"content": begun.text, "reasoning": begun.reasoning or None}
    tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == rest.id, MESSAGES.c.user_id == order.viewer.user_id).values(values))
    return replace(write_job(tx, order, rest), begun=begun)
