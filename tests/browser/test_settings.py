"""A backup as a person makes it: a click, it is there, it is downloaded."""

import sqlite3
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server

pytestmark = pytest.mark.browser


def test_a_backup_is_made_seen_and_downloaded(
    migrated_database_url: str, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATCORE_BACKUP_FOLDER", str(tmp_path / "backups"))
    server = Server(migrated_database_url, log=tmp_path / "server.log").start()
    try:
        page.goto(f"{server.url}/settings")
        page.get_by_role("button", name="Back up now").click()
        expect(page.get_by_text("and found it whole.")).to_be_visible()
        expect(page.get_by_text("made by hand", exact=False).first).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
    finally:
        server.stop()
    path = Path(download.value.path())
    if download.value.suggested_filename.endswith(".zip"):
        assert "tables/users.lines" in zipfile.ZipFile(path).namelist()
    else:
        assert sqlite3.connect(path).execute("SELECT count(*) FROM users").fetchone() == (1,)
