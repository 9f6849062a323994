"""Processes that are started, listened to and killed (see tests/chatcore/search/process.py)."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chatcore.db import Database
from tests.answers import LIMIT_S

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def child(task: str, db: Database, *rest: str) -> Iterator[Iterator[dict[str, int]]]:
    """What a process says that works on the same database; it is killed with -9 at the end of the block."""
    url = db.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.chatcore.search.process", task, url, *rest]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield (json.loads(line) for line in process.stdout)
    finally:
        process.kill()
        process.wait(LIMIT_S)
        process.stdout.close()
