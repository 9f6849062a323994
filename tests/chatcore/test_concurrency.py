"""Many write at once, and nobody is refused, lost or kept waiting.

The promise in milliseconds is kept by the benchmarks on a quiet machine. Here the machine may be busy with other work, so
the limit grows with what a single write takes at the same time; that nobody is refused and nobody is overtaken is strict.
"""

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa

from chatcore.accounts import local_owner
from chatcore.db import Database, open_database
from chatcore.history import append, create_chat, list_chats
from chatcore.parts import Viewer
from chatcore.thread import open_thread
from tests.conftest import NOW

ROOT = Path(__file__).resolve().parents[2]
WRITERS = 16
SECONDS = 3.0
PROMISE_S = 0.1
LIMIT_S = 60
TEXT = "x" * 570


@dataclass
class Log:
    """How long each write took, from the call to its commit, and what went wrong."""

    waits_s: list[float] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    def time(self, write: Callable[[], object]) -> None:
        start = time.monotonic()
        try:
            write()
        except Exception as error:  # noqa: BLE001  # whatever a writer meets is what the test is about
            self.errors.append(error)
        self.waits_s.append(time.monotonic() - start)


@pytest.fixture
def file_db(tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    """An open, migrated SQLite database."""
    path = tmp_path / "chatcore.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = open_database(f"sqlite:///{path}")
    yield database
    database.close()


def write_for(db: Database, viewer: Viewer, seconds: float, writers: int) -> Log:
    """So many threads append to chats of their own, one message after the other."""
    log = Log()
    end = time.monotonic() + seconds

    def work(chat_id: uuid.UUID) -> None:
        while time.monotonic() < end:
            log.time(lambda: append(db, viewer, chat_id, role="user", content=TEXT, now=NOW))

    threads = [threading.Thread(target=work, args=(create_chat(db, viewer, now=NOW).id,)) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    return log


def slow_single_write_s(db: Database, viewer: Viewer) -> float:
    """What one of the slowest writes of a single writer takes on this machine at this moment (the 99th of 100)."""
    waits_s = sorted(write_for(db, viewer, 0.5, writers=1).waits_s)
    return waits_s[len(waits_s) * 99 // 100]


def test_sixteen_threads_write_and_nobody_is_refused_or_kept_waiting(file_db: Database) -> None:
    viewer = local_owner(file_db, now=NOW)
    longest_s = allowed_s = 0.0
    for _ in range(3):
        before_s = slow_single_write_s(file_db, viewer)
        log = write_for(file_db, viewer, SECONDS, WRITERS)
        assert log.errors == []
        allowed_s = max(PROMISE_S, WRITERS * max(before_s, slow_single_write_s(file_db, viewer)))
        longest_s = max(log.waits_s)
        if longest_s <= allowed_s:
            break
    assert longest_s <= allowed_s
    chats = list_chats(file_db, viewer, limit=1000).items
    with file_db.read() as tx:
        written = tx.execute(sa.text("SELECT count(*) FROM chatmessage")).scalar_one()
    assert sum(chat.message_count for chat in chats) == written >= len(log.waits_s)


def test_nobody_is_overtaken_more_than_once_by_each_other_writer(file_db: Database) -> None:
    """In turn a writer waits for those who came before, each once; an unfair lock lets some pass dozens of times."""
    order: list[int] = []
    waiting_since: dict[int, int] = {}
    overtaken = []
    guard = threading.Lock()

    def work(writer: int) -> None:
        for _ in range(50):
            with guard:
                waiting_since[writer] = len(order)
            with file_db.write() as tx:
                tx.execute(sa.text("SELECT 1"))
                with guard:
                    overtaken.append(len(order) - waiting_since[writer])
                    order.append(writer)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    assert len(order) == WRITERS * 50
    # One more for each writer that passes between the note and the queue.
    assert max(overtaken) <= 2 * WRITERS


def test_readers_see_a_whole_state_and_hold_nobody_up(file_db: Database) -> None:
    viewer = local_owner(file_db, now=NOW)
    chat = create_chat(file_db, viewer, now=NOW)
    torn: list[tuple[int, int]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            thread = open_thread(file_db, viewer, chat.id, limit=1000)
            if thread.chat.message_count != len(thread.messages):
                torn.append((thread.chat.message_count, len(thread.messages)))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    with file_db.read() as tx:
        # A reader that stays: the writers go on beside it.
        tx.execute(sa.text("SELECT count(*) FROM chatmessage"))
        for number in range(100):
            append(file_db, viewer, chat.id, role="user", content=f"m{number}", now=NOW)
        assert tx.execute(sa.text("SELECT count(*) FROM chatmessage")).scalar_one() == 0
    done.set()
    for reader in readers:
        reader.join(LIMIT_S)
    assert torn == []
    assert open_thread(file_db, viewer, chat.id, limit=1000).chat.message_count == 100


OTHER_PROGRAM = """
import sys, uuid
from datetime import UTC, datetime
from chatcore.accounts import local_owner
from chatcore.db import open_database
from chatcore.history import append
now = datetime(2026, 3, 14, tzinfo=UTC)
db = open_database(sys.argv[1])
viewer = local_owner(db, now=now)
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    append(db, viewer, uuid.UUID(sys.argv[2]), role="user", content=f"m{number}", now=now)
db.close()
"""


def test_two_programs_write_to_one_chat_at_once_and_nothing_is_lost(db: Database) -> None:
    viewer = local_owner(db, now=NOW)
    chat = create_chat(db, viewer, now=NOW)
    url = db.url.render_as_string(hide_password=False)
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROGRAM, url, str(chat.id), "200"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    assert other.stdin is not None
    other.stdin.write("go\n")
    other.stdin.flush()
    log = Log()

    def work() -> None:
        for _ in range(25):
            log.time(lambda: append(db, viewer, chat.id, role="user", content="here", now=NOW))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    _, said = other.communicate(timeout=LIMIT_S)
    assert (other.returncode, said, log.errors) == (0, "", [])
    thread_shown = open_thread(db, viewer, chat.id, limit=1000)
    # One unbroken line: every message follows the one before, whoever wrote it.
    assert thread_shown.chat.message_count == len(thread_shown.messages) == 400


def test_a_program_that_is_killed_in_mid_write_leaves_no_lock_and_half_a_write(db: Database) -> None:
    viewer = local_owner(db, now=NOW)
    program = (
        "import sys; import sqlalchemy as sa; from chatcore.db import open_database\n"
        "with open_database(sys.argv[1]).write() as tx:\n"
        "    tx.execute(sa.text(\"INSERT INTO tag (user_id, name) VALUES ('local', 'half')\"))\n"
        "    print('in', flush=True); sys.stdin.readline()"
    )
    url = db.url.render_as_string(hide_password=False)
    other = subprocess.Popen([sys.executable, "-c", program, url], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "in\n"
    other.kill()
    other.communicate(timeout=LIMIT_S)
    create_chat(db, viewer, now=NOW)
    with db.read() as tx:
        assert tx.execute(sa.text("SELECT count(*) FROM tag")).scalar_one() == 0
