"""The verbs of a temporary chat, which is never written: send, retry, and keep it after all.

What it used is in the ledger like any usage.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from chatcore import ledger, parameters
from chatcore.attachments import add_in
from chatcore.chat import Draft, Sent, StillAnswering, check_files, clean_draft, sight_for, title_from, window_of
from chatcore.chat_settings import write_settings_in
from chatcore.documents import Prepared, prepare_all
from chatcore.errors import Conflict, Invalid
from chatcore.generation import Job, Runner
from chatcore.history import append_in, clean_name, count_answer_in, create_chat_in, no_chat
from chatcore.memory import TemporaryChat
from chatcore.parts import ChatInfo, MessageInfo, Role, Viewer
from chatcore.rows import GENERATIONS, MESSAGES


def send_temporary(runner: Runner, viewer: Viewer, chat: TemporaryChat, draft: Draft, *, now: datetime) -> Sent:
    """Puts a prompt with its files into a temporary chat and starts the answer. The ledger gets its row, which names no chat and no
    message.

    Raises Invalid, NotFound for a chat of somebody else, Conflict while it answers and for a request key that was used.
    """
    own(viewer, chat)
    draft = clean_draft(draft)
    if draft.request_key is not None and draft.request_key in chat.request_keys:
        raise Conflict("This message was already sent.", "Look at the chat: it is there.")
    if chat.running:
        raise StillAnswering
    files = prepare_all(draft.files)
    check_files(runner, sight_for(runner, draft.provider, draft.model_name, chat.settings), draft.model_name, files)
    before = chat.messages
    asked = runner.memory.ask(chat, text=draft.text, files=files, now=now)
    answer = begin(runner, viewer, chat, before, draft, now=now)
    if draft.request_key is not None:
        chat.request_keys.add(draft.request_key)
    return Sent(chat.id, asked.id, answer.id)


def retry_temporary(runner: Runner, viewer: Viewer, chat: TemporaryChat, *, provider: str, model_name: str, now: datetime) -> Sent:
    """Asks for the last answer once more. It takes the place of the one that is there: a temporary chat has no branches.

    Raises Invalid for a chat without an answer and for files that the model cannot take, NotFound, Conflict while it answers.
    """
    own(viewer, chat)
    provider, model_name = clean_name(provider, "provider"), clean_name(model_name, "model")
    if chat.running:
        raise StillAnswering
    if not chat.messages or chat.messages[-1].role is not Role.ASSISTANT:
        raise Invalid("There is no answer to try again.", "Write a prompt.")
    asked = chat.messages[-2]
    check_files(runner, sight_for(runner, provider, model_name, chat.settings), model_name, asked.attachments)
    answer = begin(runner, viewer, chat, chat.messages, Draft(asked.content, provider, model_name), now=now)
    return Sent(chat.id, asked.id, answer.id)


def begin(
    runner: Runner, viewer: Viewer, chat: TemporaryChat, before: tuple[MessageInfo, ...], draft: Draft, *, now: datetime
) -> MessageInfo:
    """Starts the answer to the last prompt; if that fails the chat has the messages `before`."""
    provider, model_name = draft.provider, draft.model_name
    answer = runner.memory.answer(chat, provider=provider, model_name=model_name, now=now)
    try:
        request = parameters.request(chat.settings, model_name, chat.turns(sight_for(runner, provider, model_name, chat.settings)))
        with runner.db.write() as tx:
            generation_id = ledger.begin_in(
                tx,
                viewer,
                chat_id=None,
                message_id=None,
                provider=provider,
                model_name=model_name,
                owner=runner.owner,
                now=now,
                context_window=window_of(request),
            )
    except BaseException:
        runner.memory.take_back(chat, before)
        raise
    runner.memory.began(answer.id, generation_id, now)
    runner.start(Job(generation_id, answer.id, chat.id, viewer.user_id, provider, request, draft.trace_parent))
    return answer


def keep_temporary(runner: Runner, viewer: Viewer, chat: TemporaryChat, *, now: datetime) -> ChatInfo:
    """Makes a chat like any other of a temporary one: its messages are written, and the ledger's rows name them from now on.

    Raises NotFound for a chat of somebody else, Invalid for one without messages, Conflict while it answers.
    """
    own(viewer, chat)
    if not chat.messages:
        raise Invalid("This chat is empty: there is nothing to keep.", "Write to it first.")
    if chat.running:
        raise Conflict("This chat is still answering.", "Stop the answer, or wait until it is there, then keep the chat.")
    first, last = chat.messages[0], chat.messages[-1]
    with runner.db.write() as tx:
        made = create_chat_in(
            tx,
            viewer,
            now=now,
            title=title_from(first.content or first.attachments[0].name),
            provider=last.provider or "",
            model_name=last.model_name or "",
        )
        if not chat.settings.is_plain:
            write_settings_in(tx, viewer, made.id, chat.settings)
        for message in chat.messages:
            write_message(tx, viewer, made, message, chat.files.get(message.id, ()))
    return made


def write_message(tx: Session, viewer: Viewer, made: ChatInfo, message: MessageInfo, files: Sequence[Prepared]) -> None:
    """Writes one message of a temporary chat with its files. An answer in which nothing came is left out."""
    if not message.content.strip() and not files:
        return
    written = append_in(
        tx,
        viewer,
        made.id,
        role=message.role,
        content=message.content,
        now=message.created_at,
        provider=message.provider,
        model_name=message.model_name,
        status=message.status,
        attached=bool(files),
    )
    if message.role is Role.USER:
        add_in(tx, viewer, written.id, files, now=message.created_at)
        return
    if message.reasoning:
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == written.id).values(reasoning=message.reasoning))
    info = message.generation
    if info is not None:
        theirs = sa.and_(GENERATIONS.c.id == info.id, GENERATIONS.c.user_id == viewer.user_id)
        tx.execute(sa.update(GENERATIONS).where(theirs).values(session_id=made.id, message_id=written.id))
    count_answer_in(
        tx,
        viewer.user_id,
        made.id,
        content=message.content,
        now=info.finished_at if info and info.finished_at else message.created_at,
        input_tokens=(info.input_tokens if info else None) or 0,
        output_tokens=(info.output_tokens if info else None) or 0,
    )


def own(viewer: Viewer, chat: TemporaryChat) -> None:
    """Raises NotFound for a chat of somebody else."""
    if chat.user_id != viewer.user_id:
        raise no_chat()
