"""Importing, listing, undoing and exporting from the command line."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chatcore.accounts import local_owner
from chatcore.cli import main
from chatcore.db import open_database
from chatcore.history import list_chats
from tests.chatcore.formats import samples
from tests.factories import NOW


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


@pytest.fixture
def url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "data" / "chatcore.db"
    path.parent.mkdir()
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


def titles(url: str) -> list[str]:
    db = open_database(url)
    found = [chat.title for chat in list_chats(db, local_owner(db, now=NOW)).items]
    db.close()
    return sorted(found)


def test_a_dry_run_says_what_is_there_and_imports_nothing(url: str, tmp_path: Path) -> None:
    told = run("import", str(samples.chatgpt(tmp_path)), "--dry-run", "--database-url", url)
    assert told.exit_code == 0
    assert "ChatGPT export: 3 chats (3 are not here yet), 9 messages, 2025-10-09 to 2025-10-09" in told.output
    assert "1: it has no messages: the entry has no mapping" in told.output
    assert "“No mapping” (export/conversations-000.json, entry 1)" in told.output
    assert titles(url) == []


def test_an_import_says_what_it_did_and_is_taken_back(url: str, tmp_path: Path) -> None:
    path, report = samples.claude(tmp_path), tmp_path / "report.json"
    words = ["import", str(path), "--folder", "Old/Claude", "--tag", "old", "--report", str(report), "--database-url", url]
    done = run(*words)
    assert done.exit_code == 0
    assert "Chats     2 imported, 0 updated, 0 unchanged, 1 skipped" in done.output
    assert json.loads(report.read_text())["chats"] == {"imported": 2, "skipped": 1}
    assert titles(url) == ["Hi", "Tides"]
    assert "Chats     0 imported, 0 updated, 2 unchanged, 1 skipped" in run(*words).output
    listed = run("imports", "--database-url", url).output
    assert "claude.zip" in listed
    assert "complete" in listed
    assert "Took away 2 chats and 5 messages." in run("imports", "undo", "1", "--database-url", url).output
    assert titles(url) == []
    again = run("imports", "undo", "1", "--database-url", url)
    assert (again.exit_code, again.output.splitlines()[0]) == (1, "This import was undone already.")


def test_an_import_of_nothing_or_of_no_export_says_what_to_do(url: str, tmp_path: Path) -> None:
    other = tmp_path / "letter.txt"
    other.write_text("Dear Ada")
    for words, says in (
        ([], "Nothing to import is named."),
        ([str(other), "--from", "x"], "A file and --from are named."),
        ([str(other)], "letter.txt is in no format that is known here."),
        ([str(tmp_path / "none")], "There is no file"),
    ):
        failed = run("import", *words, "--database-url", url)
        assert (failed.exit_code, says in failed.output) == (1, True)


def test_an_export_is_a_file_with_the_day_in_its_name(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("import", str(samples.claude(tmp_path)), "--database-url", url)
    monkeypatch.chdir(tmp_path)
    done = run("export", "--form", "markdown", "--search", "paste", "--database-url", url)
    assert done.exit_code == 0
    (written,) = tmp_path.glob("chatcore-*-paste.md")
    assert "a long paste" in written.read_text()
    assert not list(tmp_path.glob("*.part"))
    refused = run("export", "--form", "markdown", "--search", "paste", "--database-url", url)
    assert (refused.exit_code, "is there already" in refused.output) == (1, True)
    assert run("export", "--form", "markdown", "--search", "paste", "--force", "--database-url", url).exit_code == 0
    assert len(json.loads(run("export", "--out", "-", "--database-url", url).output)) == 2
    assert run("export", "--form", "docx", "--database-url", url).exit_code == 1
