"""A backup while somebody chats, and a whole database copied to the other engine."""

import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy.engine import make_url

from benchmarks.figures import Figure, of_samples
from benchmarks.filling import NOW, fill_chats
from benchmarks.sizes import Sizes
from chatcore import history
from chatcore.accounts import local_owner
from chatcore.backup.copying import copy_database
from chatcore.backup.folder import Made
from chatcore.backup.making import make_backup
from chatcore.db import Database
from chatcore.parts import Role

TEXT = "Every wave that reaches the shore has crossed the whole sea to get there, and leaves again at once. " * 6
MESSAGES_A_CHAT = 20
BUDGET_WAIT_MS = 20.0
# Seconds for each message, as a million may take 30 s and 5 minutes.
BACKUP_S, COPY_S = 30 / 1e6, 300 / 1e6
# What takes as long however little there is: the schema of a new database, and reading what was written.
FIXED_S = 5.0
# Between two messages of the chat that goes on.
PAUSE_S = 0.02


def measure(db: Database, sizes: Sizes) -> Sequence[Figure]:
    """A wait is one whole `history.append` while the backup is made and checked; the copy goes to a new SQLite file."""
    viewer = local_owner(db, now=NOW)
    fill_chats(db, viewer, max(1, sizes.kept // MESSAGES_A_CHAT), messages=MESSAGES_A_CHAT)
    chat = history.create_chat(db, viewer, now=NOW, title="It goes on")
    before: list[float] = []
    during: list[float] = []
    waits, ended = before, threading.Event()

    def write() -> None:
        number = 0
        while not ended.wait(PAUSE_S):
            begun = time.perf_counter()
            role = Role.ASSISTANT if number % 2 else Role.USER
            history.append(db, viewer, chat.id, role=role, content=TEXT, now=NOW + timedelta(seconds=number))
            waits.append((time.perf_counter() - begun) * 1000)
            number += 1

    writer = threading.Thread(target=write)
    with tempfile.TemporaryDirectory(prefix="chatcore-bench-backup-") as name:
        writer.start()
        try:
            while len(before) < sizes.appends // 4 + 1:
                time.sleep(PAUSE_S)
            waits = during
            begun = time.perf_counter()
            make_backup(db.url, Path(name) / "backups", Made.BY_HAND, now=NOW)
            backup_s = time.perf_counter() - begun
        finally:
            ended.set()
            writer.join()
        begun = time.perf_counter()
        copied = copy_database(db.url, make_url(f"sqlite:///{Path(name) / 'copy.db'}"), now=NOW)
        copy_s = time.perf_counter() - begun
    messages = copied.tables["chatmessage"].rows
    size = f"{sizes.kept:,} messages"
    return [
        Figure(f"backup of {size}, checked", backup_s, "s", FIXED_S + BACKUP_S * messages),
        of_samples(f"backup of {size}: an append before it, p95", before, "ms", percent=95),
        of_samples(f"backup of {size}: an append meanwhile, p95", during or before, "ms", percent=95, budget=BUDGET_WAIT_MS),
        Figure(f"copy of {size} to SQLite, compared and indexed", copy_s, "s", FIXED_S + COPY_S * messages),
    ]
