"""What tests of running answers share: a Runner over a scripted provider, a prompt, and waiting with a limit."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from chatcore import chat, ledger
from chatcore.db import Database
from chatcore.generation import START, Runner
from chatcore.history import append_in, create_chat_in, get_message
from chatcore.parts import GenerationInfo, MessageInfo, Offset, State, Update, Viewer
from chatcore.rows import GENERATIONS, MESSAGES
from tests.scripted import Scripted

LIMIT_S = 60.0


def until(condition: Callable[[], object], *, limit_s: float = LIMIT_S) -> None:
    """Returns as soon as the condition holds; fails when it does not in time."""
    pause = threading.Event()
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come in time"
        pause.wait(0.01)


@contextmanager
def running(db: Database, provider: Scripted, *, checkpoint_s: float = 0.05, stale_s: float = 15.0) -> Iterator[Runner]:
    """An open Runner with one provider, closed at the end."""
    runner = Runner(db, {provider.name: provider}, checkpoint_s=checkpoint_s, heartbeat_stale_s=stale_s)
    runner.open()
    try:
        yield runner
    finally:
        runner.close()


def ask(runner: Runner, viewer: Viewer, text: str = "Why are there two tides a day?", provider: str = "scripted") -> chat.Sent:
    """Sends a prompt in a new chat, and returns when the provider has it."""
    sent = chat.send(runner, viewer, None, chat.Draft(text, provider, "parrot"), now=datetime.now(UTC))
    known = runner.providers.get(provider)
    if isinstance(known, Scripted):
        assert known.asked.acquire(timeout=LIMIT_S)
    return sent


def follow_to_end(runner: Runner, viewer: Viewer, message_id: int, after: Offset = START) -> list[Update]:
    """All updates of an answer, up to its end. Fails when it does not come in time."""
    found: list[Update] = []
    thread = threading.Thread(target=lambda: found.extend(runner.follow_sync(viewer, message_id, after)), daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    assert not thread.is_alive(), f"no end came after {found[-3:]}"
    return found


def read_until(runner: Runner, viewer: Viewer, message_id: int, text: str) -> None:
    """Follows an answer until so much text has come."""
    come = ""
    for update in runner.follow_sync(viewer, message_id):
        come += update.text
        if come == text:
            return
        assert update.state is State.RUNNING
        assert text.startswith(come)


def ended(db: Database, viewer: Viewer, message_id: int) -> tuple[MessageInfo, GenerationInfo]:
    """The answer once the database has its end."""
    until(lambda: get_message(db, viewer, message_id).status is not State.RUNNING)
    message = get_message(db, viewer, message_id)
    assert message.generation is not None
    return message, message.generation


def ledger_row(db: Database, generation_id: int) -> sa.RowMapping:
    """A row of the ledger, whole."""
    with db.read() as tx:
        return tx.execute(sa.select(GENERATIONS).where(GENERATIONS.c.id == generation_id)).mappings().one()


def leave_running(
    db: Database, viewer: Viewer, text: str, *, owner: str, silent_s: float = 0.0, prompt: str = "Why are there two tides a day?"
) -> MessageInfo:
    """An answer that a process `owner` was writing when it last gave a sign of life, `silent_s` ago."""
    alive = datetime.now(UTC) - timedelta(seconds=silent_s)
    started = alive - timedelta(seconds=2)
    with db.write() as tx:
        made = create_chat_in(tx, viewer, now=started)
        append_in(tx, viewer, made.id, role="user", content=prompt, now=started)
        answer = append_in(
            tx, viewer, made.id, role="assistant", content="", now=started, provider="scripted", model_name="parrot", status=State.RUNNING
        )
        ledger.begin_in(
            tx, viewer, chat_id=made.id, message_id=answer.id, provider="scripted", model_name="parrot", owner=owner, now=started
        )
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == answer.id).values(content=text))
        tx.execute(sa.update(GENERATIONS).where(GENERATIONS.c.message_id == answer.id).values(heartbeat_at=alive))
    return answer


@contextmanager
def table_away(db: Database, name: str) -> Iterator[None]:
    """A database that fails for real: for a while a table of it cannot be found, by anybody."""
    with db.connect() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {name}_away")
        connection.commit()
    try:
        yield
    finally:
        with db.connect() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {name}_away RENAME TO {name}")
            connection.commit()
