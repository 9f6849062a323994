"""The queue of a chat: a prompt that is written while an answer runs is sent when that has ended, whoever looks or leaves.

What waits stands in the database. The process that wrote an answer sends what comes next; after an answer that was stopped,
failed or was interrupted nothing is sent by itself, because who stopped it wants to look first, and a server that is away would
fail again: then it waits until somebody says so.
"""

import logging
import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from chatcore.chat import Draft, Sent, StillAnswering, clean_draft, get_ready, send, send_ready, stop
from chatcore.db import Database
from chatcore.errors import ChatcoreError, Conflict
from chatcore.generation import Job, Runner
from chatcore.models import utc_now
from chatcore.parts import State, Viewer
from chatcore.queued import QUEUED, Queued, get_queued, list_queued, put_queued_in, uploads_of
from chatcore.rows import CHATS, GENERATIONS, RUNNING, no_chat

log = logging.getLogger(__name__)

# Between the look and the write an answer may end or another begin; a third time somebody writes without end.
TRIES = 3


def send_or_queue(runner: Runner, viewer: Viewer, chat_id: uuid.UUID, draft: Draft, *, now: datetime) -> Sent | Queued:
    """Sends a prompt, or has it wait while the chat answers or others wait before it. Raises what `send` raises otherwise, and
    Invalid where too many wait."""
    # Also of what will wait: who attached a file that cannot be sent is still here to hear it.
    ready = get_ready(runner, viewer, chat_id, draft)
    for _ in range(TRIES):
        if not list_queued(runner.db, viewer, chat_id):
            try:
                return send_ready(runner, viewer, chat_id, ready, now=now)
            except StillAnswering:
                pass
        waits = queue_prompt(runner.db, viewer, chat_id, ready.draft, now=now)
        if waits is not None:
            return waits
    raise StillAnswering


def queue_prompt(db: Database, viewer: Viewer, chat_id: uuid.UUID, draft: Draft, *, now: datetime) -> Queued | None:
    """Has a prompt wait; None, and nothing is done, if there is nothing to wait for. Raises NotFound, Invalid, Conflict for a key
    that was used and for a chat in the trash."""
    draft = clean_draft(draft)
    try:
        with db.write() as tx:
            # The end of an answer locks the chat too: it comes before this, or finds the row.
            locked = sa.select(CHATS.c.deleted_at).where(CHATS.c.user_id == viewer.user_id, CHATS.c.id == chat_id)
            chat = tx.execute(locked.with_for_update(key_share=True)).one_or_none()
            if chat is None:
                raise no_chat()
            if chat.deleted_at is not None:
                raise Conflict("This chat is in the trash.", "Restore it, then go on writing.")
            running = sa.select(GENERATIONS.c.id).where(GENERATIONS.c.session_id == chat_id, GENERATIONS.c.state == RUNNING).limit(1)
            waiting = sa.select(QUEUED.c.id).where(QUEUED.c.user_id == viewer.user_id, QUEUED.c.session_id == chat_id).limit(1)
            if tx.execute(running).one_or_none() is None and tx.execute(waiting).one_or_none() is None:
                return None
            return put_queued_in(
                tx,
                viewer,
                chat_id,
                text=draft.text,
                provider=draft.provider,
                model_name=draft.model_name,
                now=now,
                use_tools=draft.use_tools,
                request_key=draft.request_key,
                files=draft.files,
            )
    except IntegrityError as error:
        if "request_key" in str(error.orig):
            raise Conflict("This message was already sent.", "Look below the answer: it waits there.") from error
        raise


def send_queued(runner: Runner, viewer: Viewer, queued_id: int, *, now: datetime) -> Sent:
    """Sends a prompt that waits, and stops what is being answered; those before it go on waiting. Raises NotFound, Conflict."""
    waiting = get_queued(runner.db, viewer, queued_id)
    for running in all_running_in(runner.db, viewer, waiting.chat_id):
        stop(runner, viewer, running, now=now)
    return send(runner, viewer, waiting.chat_id, draft_of(runner.db, viewer, waiting), now=now)


def send_next(runner: Runner, viewer: Viewer, chat_id: uuid.UUID, *, now: datetime) -> Sent | None:
    """Sends what waits longest in a chat; None if nothing waits, or if somebody else was faster. Raises what `send` raises."""
    try:
        waiting = list_queued(runner.db, viewer, chat_id)
        return send(runner, viewer, chat_id, draft_of(runner.db, viewer, waiting[0]), now=now) if waiting else None
    except StillAnswering:
        return None


def draft_of(db: Database, viewer: Viewer, waiting: Queued) -> Draft:
    """A prompt that waits as it is sent: its row and its files go in the same transaction."""
    files = uploads_of(db, viewer, waiting.id) if waiting.files else ()
    return Draft(waiting.text, waiting.provider, waiting.model_name, use_tools=waiting.use_tools, files=files, queued_id=waiting.id)


def running_in(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> int | None:
    """The message of the answer that is being written in a chat of the viewer, None if none is; of two that are compared the first."""
    return next(iter(all_running_in(db, viewer, chat_id)), None)


def all_running_in(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> tuple[int, ...]:
    """The messages of all answers that are being written in a chat of the viewer: more than one in a comparison."""
    found = sa.select(GENERATIONS.c.message_id).where(
        GENERATIONS.c.session_id == chat_id, GENERATIONS.c.user_id == viewer.user_id, GENERATIONS.c.state == RUNNING
    )
    with db.read() as tx:
        return tuple(tx.execute(found.order_by(GENERATIONS.c.id)).scalars())


class Queue:
    """Sends what waits when a Runner's answer has come to its end."""

    def __init__(self, runner: Runner, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._runner = runner
        self._clock = clock
        runner.watch(self)

    def began(self, job: Job) -> None:
        """Nothing is to be done."""

    def ended(self, job: Job, state: State) -> None:
        """What waited for this answer has its turn."""
        if state is State.COMPLETE and job.message_id > 0:
            self._runner.aside(self._send_next(job))

    async def _send_next(self, job: Job) -> None:
        """Tries once: what cannot be sent now goes on waiting, and the page says so."""
        viewer = Viewer(job.user_id, "")
        try:
            await self._runner.work(partial(send_next, self._runner, viewer, job.session_id, now=self._clock()))
        except ChatcoreError as error:
            log.warning("a prompt that waits in chat %s was not sent: %s", job.session_id, error)
        except Exception:
            log.exception("a prompt that waits in chat %s was not sent", job.session_id)
