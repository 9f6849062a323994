"""Many write at once, and nobody is refused or lost.

How long one waits is measured by the benchmarks, on a quiet machine; that writers are served in the order they came is told in
tests/chatcore/test_db.py.
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from chatcore.accounts import local_owner
from chatcore.db import Database, open_database
from chatcore.history import append, create_chat, list_chats
from chatcore.thread import open_thread
from tests.conftest import NOW

ROOT = Path(__file__).resolve().parents[2]
WRITERS = 16
LIMIT_S = 60
TEXT = "x" * 570


@pytest.fixture
def file_db(tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    """An open, migrated SQLite database."""
    path = tmp_path / "chatcore.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = open_database(f"sqlite:///{path}")
    yield database
    database.close()


def write_at_once(writers: int, write: Callable[[int], object], *, times: int) -> list[Exception]:
    """What goes wrong where so many threads write at once, each so many times."""
    errors: list[Exception] = []

    def work(number: int) -> None:
        for _ in range(times):
            try:
                write(number)
            except Exception as error:  # noqa: BLE001  # whatever a writer meets is what the test is about
                errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    return errors


def test_sixteen_threads_write_and_nobody_is_refused(file_db: Database) -> None:
    viewer = local_owner(file_db, now=NOW)
    ids = [create_chat(file_db, viewer, now=NOW).id for _ in range(WRITERS)]
    assert write_at_once(WRITERS, lambda number: append(file_db, viewer, ids[number], role="user", content=TEXT, now=NOW), times=40) == []
    chats = list_chats(file_db, viewer, limit=1000).items
    with file_db.read() as tx:
        written = tx.execute(sa.text("SELECT count(*) FROM chatmessage")).scalar_one()
    assert sum(chat.message_count for chat in chats) == written == WRITERS * 40


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
    errors = write_at_once(8, lambda _: append(db, viewer, chat.id, role="user", content="here", now=NOW), times=25)
    _, said = other.communicate(timeout=LIMIT_S)
    assert (other.returncode, said, errors) == (0, "", [])
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
