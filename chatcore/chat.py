"""The verbs of a chat: send, retry, stop. Each is one transaction; writing the answer is the Runner's."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from chatcore import context, continued, ledger, parameters, processes
from chatcore.attachments import Sight, add_in, check_sight, enclosed, enclosed_in, sight_of, turn_with
from chatcore.chat_settings import read_settings, read_settings_in, write_settings_in
from chatcore.db import Database
from chatcore.documents import Prepared, Upload, prepare_all
from chatcore.errors import Conflict, Invalid
from chatcore.generation import Job, Runner
from chatcore.history import append_in, clean_name, clean_text, create_chat_in, get_message, leaf_of, mine, no_chat
from chatcore.models import DEFAULT_TITLE
from chatcore.parameters import PLAIN, ChatSettings
from chatcore.parts import AttachmentInfo, ChatRequest, MessageInfo, ModelInfo, Role, State, Turn, Viewer
from chatcore.queued import take_queued_in
from chatcore.rows import CHATS, GENERATIONS, MESSAGES, RUNNING, attachments_of
from chatcore.texts import cut, snippet
from chatcore.thread import path_to
from chatcore.toolcalls import load_calls, turns_of

Written = TypeVar("Written")

TITLE_CHARACTERS = 60
LONGEST_KEY = 80
# A model's window ends long before; it only keeps a broken chain of parents from running on.
LONGEST_PATH = 100_000
# How long `stop` waits until the end is saved; it takes some milliseconds, a database that hangs takes longer.
STOP_WAIT_S = 0.5
# Who does not say what a model can take is told the words only: nothing large is read for nothing.
WORDS = Sight(0)
# A second try comes only where somebody writes to one chat from two places at once, or where an orphan was in the way.
TRIES = 3


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person sends: the text, and who shall answer. A `request_key` makes a double send meet a Conflict.

    `trace_parent`: the place in a trace of the program that sends it, see `ledger.Job`. `settings` are those a new chat begins
    with; a chat that is there has its own. `use_tools`: the model may ask for tools. With `files` the text may be empty. `queued_id`
    is the prompt of the queue that this is, which is taken out of it.
    """

    text: str
    provider: str
    model_name: str
    request_key: str | None = None
    trace_parent: str | None = None
    settings: ChatSettings = PLAIN
    use_tools: bool = False
    files: tuple[Upload, ...] = ()
    queued_id: int | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """A draft that was looked at: what holds in its chat, what its model can see, and its files as they are stored."""

    draft: Draft
    settings: ChatSettings
    sight: Sight
    files: tuple[Prepared, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """Where it went: follow `answer_id` to see the answer come."""

    chat_id: uuid.UUID
    user_message_id: int
    answer_id: int


@dataclass(frozen=True, slots=True)
class Order:
    """An answer as it is ordered: who asks whom for what, when, and which Runner will write it. `text` and `files` are the prompt
    as it is stored, where it is a new one. `use_tools`, `reads_only`: see `ledger.Job`."""

    viewer: Viewer
    provider: str
    request: ChatRequest
    owner: str
    now: datetime
    request_key: str | None = None
    trace_parent: str | None = None
    use_tools: bool = False
    text: str = ""
    files: tuple[Prepared, ...] = ()
    reads_only: bool = False


class Moved(Exception):
    """The chat went on between the look and the write: look again."""


class StillAnswering(Conflict):
    """An answer is being written in the chat."""

    def __init__(self) -> None:
        super().__init__("This chat is still answering.", "Stop the answer, or wait until it is there, then send again.")


def send(runner: Runner, viewer: Viewer, chat_id: uuid.UUID | None, draft: Draft, *, now: datetime) -> Sent:
    """Stores the prompt with an empty answer and starts the answer; without `chat_id` in a new chat, titled after the prompt.

    Raises Invalid (text, names, key, a file, images for a model that cannot see), NotFound, Conflict: the chat still answers, lies
    in the trash, or the key was used. Then nothing is stored. With files it takes as long as these take to be read.
    """
    return send_ready(runner, viewer, chat_id, get_ready(runner, viewer, chat_id, draft), now=now)


def get_ready(runner: Runner, viewer: Viewer, chat_id: uuid.UUID | None, draft: Draft) -> Ready:
    """All of a prompt that can be said before it has its turn, its files read, which may take seconds. Raises Invalid, NotFound."""
    draft = clean_draft(draft)
    settings = read_settings(runner.db, viewer, chat_id) if chat_id else draft.settings
    sight = sight_for(runner, draft.provider, draft.model_name, settings)
    files = prepare_all(draft.files)
    check_files(runner, sight, draft.model_name, files)
    return Ready(draft, settings, sight, files)


def send_ready(runner: Runner, viewer: Viewer, chat_id: uuid.UUID | None, ready: Ready, *, now: datetime) -> Sent:
    """Sends a prompt that is ready. Raises what `send` raises."""
    draft, settings, sight, files = ready.draft, ready.settings, ready.sight, ready.files
    seen = sum(file.is_image for file in files)

    def attempt() -> tuple[Sent, Job]:
        """Writes the prompt and the empty answer after a look at the chat."""
        earlier = replace(sight, images=max(sight.images - seen, 0))
        leaf_id, turns = conversation(runner.db, viewer, chat_id, earlier) if chat_id else (None, ())
        request = parameters.request(settings, draft.model_name, (*turns, turn_with(draft.text, [enclosed(file) for file in files])))
        order = ordered(runner, viewer, draft, request, files, now=now)
        with runner.db.write() as tx, sent_once():
            asked = write_prompt(tx, order, chat_id, leaf_id)
            if draft.queued_id is not None:
                take_queued_in(tx, viewer, draft.queued_id)
            if chat_id is None and not settings.is_plain:
                write_settings_in(tx, viewer, asked.session_id, settings)
            answer = write_answer(tx, order, asked.session_id)
            return Sent(asked.session_id, asked.id, answer.id), write_job(tx, order, answer)

    sent, job = in_turn(runner, attempt)
    runner.start(job)
    return sent


def in_turn(runner: Runner, attempt: Callable[[], Written]) -> Written:
    """What an attempt to write a prompt brings. It is made again where the chat went on since it looked (Moved), and where an orphan
    seemed to answer. Raises what it raises, and Conflict where somebody else is always faster."""
    for last_try in (False,) * (TRIES - 1) + (True,):
        try:
            return attempt()
        except Moved:
            continue
        except StillAnswering:
            if last_try or not runner.recover(by_heartbeat=False):
                raise
    raise Conflict("Somebody else writes to this chat at the same moment.", "Look at what came, then send again.")


def ordered(runner: Runner, viewer: Viewer, draft: Draft, request: ChatRequest, files: tuple[Prepared, ...], *, now: datetime) -> Order:
    """The order of a new prompt."""
    return Order(
        viewer,
        draft.provider,
        request,
        runner.owner,
        now,
        draft.request_key,
        draft.trace_parent,
        draft.use_tools,
        text=draft.text,
        files=files,
    )


def retry(
    runner: Runner,
    viewer: Viewer,
    message_id: int,
    *,
    now: datetime,
    provider: str | None = None,
    model_name: str | None = None,
    trace_parent: str | None = None,
    use_tools: bool = False,
    reads_only: bool = False,
) -> Sent:
    """Starts a new attempt at an answer: in its place if it is empty, else beside it as a branch that is shown from now on.

    By default the same model is asked. Raises NotFound, Invalid for what is no answer, Conflict while the chat answers.
    """
    answer = get_message(runner.db, viewer, message_id)
    if answer.role is not Role.ASSISTANT or answer.parent_id is None:
        raise Invalid("Only an answer can be tried again.", "Choose the answer to the prompt, not the prompt itself.")
    provider, model_name = asked_of(answer, provider, model_name)
    with runner.db.read() as tx:
        settings = read_settings_in(tx, viewer, answer.session_id)
        sight = sight_for(runner, provider, model_name, settings)
        check_files(runner, sight, model_name, attachments_of(tx, [answer.parent_id]).get(answer.parent_id, ()))
        window = window_for(runner, provider, model_name, settings)
        turns = turns_from(tx, viewer, answer.parent_id, turns_to(tx, answer.parent_id, sight), sight, window)
        request = parameters.request(settings, model_name, turns)
    order = Order(viewer, provider, request, runner.owner, now, trace_parent=trace_parent, use_tools=use_tools, reads_only=reads_only)
    with turn_in(runner, viewer, answer.session_id) as tx:
        target = write_retry(tx, order, answer)
        job = write_job(tx, order, target)
    runner.start(job)
    return Sent(answer.session_id, answer.parent_id, target.id)


def stop(runner: Runner, viewer: Viewer, message_id: int, *, now: datetime) -> None:
    """Ends an answer and keeps its text, whichever process writes it; nothing happens to a finished one. Raises NotFound.

    Here it takes milliseconds, in another process up to its next checkpoint. If that process died, the answer is
    marked interrupted.
    """
    if runner.writes(viewer, message_id):
        runner.stop(message_id)
        runner.settled(message_id, STOP_WAIT_S)
        return
    if message_id < 0:
        runner.memory.message(viewer, message_id)
        return
    owner = ledger.request_stop(runner.db, viewer, message_id, now=now)
    if owner is not None and processes.is_gone(owner):
        runner.recover(by_heartbeat=False)


def title_from(text: str) -> str:
    """The title a prompt gives its chat: its first line that says something, without markdown, at most 60 characters."""
    for line in text.splitlines():
        if shown := snippet(line):
            return cut(shown, TITLE_CHARACTERS)
    return DEFAULT_TITLE


def first_model(db: Database, viewer: Viewer, models: Sequence[ModelInfo]) -> tuple[str, str]:
    """(provider, model) for a new chat: the model the viewer used last if it is offered, else an installed one, else the guide.

    The guide is never the one used last: who asked it how to connect a model wants that model next.
    """
    used = (
        sa.select(GENERATIONS.c.provider, GENERATIONS.c.model_name)
        .where(GENERATIONS.c.user_id == viewer.user_id, GENERATIONS.c.provider != "guide")
        .order_by(GENERATIONS.c.started_at.desc(), GENERATIONS.c.id.desc())
        .limit(1)
    )
    with db.read() as tx:
        last = tx.execute(used).one_or_none()
    offered = [model for model in models if model.can_chat]
    if last is not None and any((model.provider, model.id) == (last.provider, last.model_name) for model in offered):
        return last.provider, last.model_name
    installed = [model for model in offered if model.provider != "guide"]
    # A model on this network answers without a sign-in and costs nothing, one in the cloud may not.
    for model in sorted(installed, key=lambda model: model.cloud):
        return model.provider, model.id
    return "guide", "guide"


# --- what is read ------------------------------------------------------------------------------------------------


def conversation(db: Database, viewer: Viewer, chat_id: uuid.UUID, sight: Sight = WORDS) -> tuple[int | None, tuple[Turn, ...]]:
    """The leaf of the branch a chat shows, and what a model is told of it. Raises NotFound."""
    with db.read() as tx:
        chat = tx.execute(sa.select(CHATS.c.current_message_id).where(mine(viewer, chat_id))).one_or_none()
        if chat is None:
            raise no_chat()
        leaf_id = leaf_of(tx, chat_id, chat.current_message_id)
        return leaf_id, turns_to(tx, leaf_id, sight) if leaf_id is not None else ()


def turns_to(tx: Session, message_id: int, sight: Sight = WORDS) -> tuple[Turn, ...]:
    """The turns from the root to a message, oldest first, with the files a model can take. An answer that broke off is kept, an
    empty one is left out; one that used tools comes with its calls and their results."""
    rows = path_to(tx, message_id, LONGEST_PATH)[::-1]
    files = enclosed_in(tx, [row["id"] for row in rows if row["role"] == Role.USER], sight, asked_id=message_id)
    turns: list[Turn] = []
    for row in rows:
        if row["role"] == Role.USER:
            asked = turn_with(row["content"], files.get(row["id"], ()))
            turns += [asked] if asked.content.strip() or asked.images else []
        else:
            turns += turns_of(row["content"], load_calls(row["tool_calls"]))
    return tuple(turns)


def turns_from(tx: Session, viewer: Viewer, prompt_id: int, turns: tuple[Turn, ...], sight: Sight, window: int | None) -> tuple[Turn, ...]:
    """The turns that answer a prompt, after those of the old chat where the prompt is the first of a chat that goes on from one."""
    ended_with = continued.end_before(tx, viewer, prompt_id)
    return turns if ended_with is None else continued.after(turns_to(tx, ended_with, sight), turns, window)


def window_for(runner: Runner, provider: str, model_name: str, settings: ChatSettings) -> int | None:
    """The window of the next request in tokens, as far as the model's server has said."""
    return context.window_of(settings, offered(runner, provider, model_name))


def offered(runner: Runner, provider: str, model_name: str) -> ModelInfo | None:
    """What is known of a model, without asking its server."""
    return next((model for model in runner.offered() if (model.provider, model.id) == (provider, model_name)), None)


def sight_for(runner: Runner, provider: str, model_name: str, settings: ChatSettings) -> Sight:
    """What a model is told of attachments, as far as its server has said what it can."""
    model = offered(runner, provider, model_name)
    return sight_of(model, provider, settings.window or (model.context_length if model else None))


def check_files(runner: Runner, sight: Sight, model_name: str, files: Sequence[AttachmentInfo | Prepared]) -> None:
    """Raises Invalid if a model cannot take the files of the prompt it is to answer."""
    if files:
        check_sight(sight, model_name, runner.offered(), images=any(file.is_image for file in files))


def asked_of(answer: MessageInfo, provider: str | None, model_name: str | None) -> tuple[str, str]:
    """Who is asked for an answer again: the provider and model that are named, else those that wrote it. Raises Invalid."""
    return clean_name(provider or answer.provider or "", "provider"), clean_name(model_name or answer.model_name or "", "model")


def clean_draft(draft: Draft, *, attached: bool = False) -> Draft:
    """The draft as it is stored; its text may be empty if it has files, or files are `attached` to it otherwise. Raises Invalid."""
    if draft.request_key is not None and not 0 < len(draft.request_key) <= LONGEST_KEY:
        raise Invalid(f"The request key is empty or longer than {LONGEST_KEY} characters.", "Send a new UUID with each prompt.")
    return replace(
        draft,
        text=clean_text(draft.text) if draft.text.strip() or not (draft.files or attached) else "",
        provider=clean_name(draft.provider, "provider"),
        model_name=clean_name(draft.model_name, "model"),
    )


# --- what is written, inside one transaction ---------------------------------------------------------------------


def claim(tx: Session, viewer: Viewer, chat_id: uuid.UUID) -> sa.RowMapping:
    """Locks a chat in which nothing is being answered. Raises NotFound, StillAnswering, Conflict for one in the trash."""
    columns = (CHATS.c.current_message_id, CHATS.c.title, CHATS.c.message_count, CHATS.c.deleted_at)
    chat = tx.execute(sa.select(*columns).where(mine(viewer, chat_id)).with_for_update(key_share=True)).mappings().one_or_none()
    if chat is None:
        raise no_chat()
    if chat["deleted_at"] is not None:
        raise Conflict("This chat is in the trash.", "Restore it, then go on writing.")
    running = sa.select(GENERATIONS.c.id).where(GENERATIONS.c.session_id == chat_id, GENERATIONS.c.state == RUNNING).limit(1)
    if tx.execute(running).one_or_none() is not None:
        raise StillAnswering
    return chat


def write_prompt(tx: Session, order: Order, chat_id: uuid.UUID | None, leaf_id: int | None) -> MessageInfo:
    """The user message, at the end of its chat or in a new one. Raises Moved if the chat does not end with `leaf_id`."""
    text, model_name = order.text, order.request.model
    # A prompt without words is called after its first file.
    title = title_from(text or order.files[0].name)
    if chat_id is None:
        chat_id = create_chat_in(tx, order.viewer, now=order.now, title=title, provider=order.provider, model_name=model_name).id
    else:
        chat = claim(tx, order.viewer, chat_id)
        if leaf_of(tx, chat_id, chat["current_message_id"]) != leaf_id:
            raise Moved
        if chat["message_count"] == 0:
            title = title if chat["title"] == DEFAULT_TITLE else chat["title"]
            values = {"title": title, "provider": order.provider, "model_name": model_name}
            tx.execute(sa.update(CHATS).where(mine(order.viewer, chat_id)).values(values))
    asked = append_in(tx, order.viewer, chat_id, role=Role.USER, content=text, now=order.now, attached=bool(order.files))
    add_in(tx, order.viewer, asked.id, order.files, now=order.now)
    return asked


def write_answer(tx: Session, order: Order, chat_id: uuid.UUID, sibling_of: int | None = None) -> MessageInfo:
    """The empty answer, at the end of the chat or beside another answer."""
    return append_in(
        tx,
        order.viewer,
        chat_id,
        role=Role.ASSISTANT,
        content="",
        now=order.now,
        provider=order.provider,
        model_name=order.request.model,
        status=State.RUNNING,
        sibling_of=sibling_of,
    )


def write_retry(tx: Session, order: Order, answer: MessageInfo) -> MessageInfo:
    """The message that takes the next attempt: the answer itself while it is empty, else a new one beside it."""
    empty = sa.and_(
        MESSAGES.c.id == answer.id,
        MESSAGES.c.user_id == order.viewer.user_id,
        MESSAGES.c.status != State.RUNNING.value,
        MESSAGES.c.content == "",
        MESSAGES.c.reasoning.is_(None),
        MESSAGES.c.tool_calls.is_(None),
    )
    values = {"status": State.RUNNING.value, "provider": order.provider, "model_name": order.request.model}
    if tx.execute(sa.update(MESSAGES).where(empty).values(values).returning(MESSAGES.c.id)).one_or_none() is not None:
        return answer
    return write_answer(tx, order, answer.session_id, sibling_of=answer.id)


def write_job(tx: Session, order: Order, answer: MessageInfo) -> Job:
    """The running generation of an answer, as the job for the Runner."""
    generation_id = ledger.begin_in(
        tx,
        order.viewer,
        chat_id=answer.session_id,
        message_id=answer.id,
        provider=order.provider,
        model_name=order.request.model,
        owner=order.owner,
        now=order.now,
        request_key=order.request_key,
        context_window=window_of(order.request),
    )
    return Job(
        generation_id,
        answer.id,
        answer.session_id,
        order.viewer.user_id,
        order.provider,
        order.request,
        order.trace_parent,
        use_tools=order.use_tools,
        viewer=order.viewer,
        reads_only=order.reads_only,
    )


def window_of(request: ChatRequest) -> int | None:
    """The context window a request asks for, None where that is left to the server."""
    found = request.options.get("num_ctx")
    return found if isinstance(found, int) else None


@contextmanager
def turn_in(runner: Runner, viewer: Viewer, chat_id: uuid.UUID) -> Iterator[Session]:
    """The transaction of an answer that begins in a chat, in which nothing else is being answered. Raises what `claim` raises."""
    runner.recover(by_heartbeat=False)
    with runner.db.write() as tx, sent_once():
        claim(tx, viewer, chat_id)
        yield tx


@contextmanager
def sent_once() -> Iterator[None]:
    """Gives the two ways in which the database refuses a double click their names."""
    try:
        yield
    except IntegrityError as error:
        said = str(error.orig)
        if "request_key" in said:
            raise Conflict("This message was already sent.", "Reload the chat: it is there.") from error
        if "uq_generation_running_message" in said or "generation.message_id" in said:
            raise StillAnswering from error
        raise
