"""Backing up, restoring, copying and checking from the command line."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chatcore.accounts import local_owner
from chatcore.cli import main
from chatcore.db import open_database
from chatcore.history import list_chats
from tests.factories import NOW, make_chat


def run(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, list(words), input=typed, catch_exceptions=False)


@pytest.fixture
def url(sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("CHATCORE_BACKUP_FOLDER", raising=False)
    path = tmp_path / "data" / "chatcore.db"
    path.parent.mkdir()
    path.write_bytes(sqlite_template.read_bytes())
    add(f"sqlite:///{path}", "kept")
    return f"sqlite:///{path}"


def add(url: str, title: str) -> None:
    db = open_database(url)
    make_chat(db, local_owner(db, now=NOW), title=title, messages=2)
    db.close()


def titles(url: str) -> set[str]:
    db = open_database(url)
    found = {chat.title for chat in list_chats(db, local_owner(db, now=NOW)).items}
    db.close()
    return found


def test_a_backup_is_made_listed_checked_and_restored_after_a_written_word(url: str, tmp_path: Path) -> None:
    made = run("backup", "--database-url", url)
    assert made.exit_code == 0
    (path,) = (tmp_path / "data" / "backups").glob("*.db")
    assert f"Made {path}" in made.output
    assert "2 messages in 1 chats, and found it whole." in made.output
    assert path.name in run("backups", "--database-url", url).output
    assert "ok      backup: whole: 2 messages" in run("doctor", "--backup", path.name, "--database-url", url).output
    add(url, "since")
    refused = run("restore", path.name, "--database-url", url, typed="yes\n")
    assert refused.exit_code == 1
    assert "has 2 chats with 4 messages. It is kept aside" in refused.output
    assert titles(url) == {"kept", "since"}
    done = run("restore", str(path), "--database-url", url, typed="restore\n")
    assert done.exit_code == 0
    assert titles(url) == {"kept"}
    (aside,) = (tmp_path / "data").glob("chatcore.db.before-restore-*")
    assert str(aside) in done.output
    assert titles(f"sqlite:///{aside}") == {"kept", "since"}


def test_the_doctor_says_what_is_wrong_with_a_backup(url: str, tmp_path: Path) -> None:
    run("backup", "--database-url", url)
    (path,) = (tmp_path / "data" / "backups").glob("*.db")
    path.write_bytes(path.read_bytes()[:-100])
    found = run("doctor", "--backup", str(path), "--database-url", url)
    assert found.exit_code == 1
    assert "problem backup:" in found.output
    assert "It is damaged" in found.output
    assert run("restore", str(path), "--yes", "--database-url", url).exit_code == 1
    assert titles(url) == {"kept"}


def test_a_copy_says_what_it_compared(url: str, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path / 'copy.db'}"
    copied = run("copy", "--from", url, "--to", target)
    assert copied.exit_code == 0
    assert "chatmessage" in copied.output
    assert "2 rows, equal" in copied.output
    assert titles(target) == {"kept"}
    again = run("copy", "--from", url, "--to", target)
    assert again.exit_code == 1
    assert "is not empty: it has 1 chat with 2 messages" in again.output


@pytest.mark.parametrize("words", [("copy", "--from", "x", "--to", "y"), ("restore", "nowhere.db"), ("doctor", "--backup", "nowhere.db")])
def test_what_is_not_there_is_said_in_a_sentence(words: tuple[str, ...], tmp_path: Path) -> None:
    refused = run(*words, *(() if words[0] == "copy" else ("--database-url", f"sqlite:///{tmp_path / 'new.db'}")))
    assert refused.exit_code == 1
    assert "Traceback" not in refused.output
    assert len(refused.output.strip().splitlines()) == 2
