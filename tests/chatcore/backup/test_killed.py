"""kill -9 in the middle of a backup, a copy or a restore: nothing half is left that could be taken for a whole."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from chatcore.backup.copying import copy_database
from chatcore.backup.folder import Made, list_folder
from chatcore.backup.making import make_backup
from chatcore.backup.placing import look_at
from chatcore.db import Database
from tests.chatcore.backup.worlds import contents
from tests.factories import NOW, make_chat, make_viewer

ROOT = Path(__file__).resolve().parents[3]


def killed(what: str, source: str, target: str, stage: str) -> None:
    """Runs one until it is at a stage, and kills it there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chatcore.backup.child", what, source, target, stage],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "there\n"
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()


def test_a_copy_that_is_killed_leaves_an_empty_target_and_can_be_started_again(
    db: Database, migrated_database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    make_chat(db, make_viewer(db), messages=10)
    target = request.getfixturevalue("empty_postgres_url") if db.is_sqlite else f"sqlite:///{tmp_path / 'copy.db'}"
    killed("copy", migrated_database_url, target, "Indexing for the search")
    assert look_at(make_url(target)).rows == {}
    assert not (tmp_path / "copy.db").exists()
    copy_database(db.url, make_url(target), now=NOW)
    assert contents(make_url(target)) == contents(db.url)
    assert not list(tmp_path.glob("*part*"))


def test_a_backup_that_is_killed_is_none_and_the_next_one_is_made(db: Database, migrated_database_url: str, tmp_path: Path) -> None:
    make_chat(db, make_viewer(db), messages=10)
    folder = tmp_path / "backups"
    killed("backup", migrated_database_url, str(folder), "Sealing")
    assert list_folder(folder) == ()
    made = make_backup(db.url, folder, Made.BY_HAND, now=NOW)
    assert list_folder(folder) == (made,)
    assert sorted(path.name for path in folder.iterdir()) == [made.name, f"{made.name}.json"]
