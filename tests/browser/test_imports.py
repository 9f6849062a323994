"""Bringing a history here as a person does it: drop, look, import, read, take back."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.chatcore.formats import samples

pytestmark = pytest.mark.browser


def test_a_history_is_dropped_looked_at_imported_read_and_taken_back(server: Server, page: Page, tmp_path: Path) -> None:
    page.goto(f"{server.url}/imports")
    page.locator('input[type="file"]').set_input_files(samples.chatgpt(tmp_path))
    page.get_by_role("button", name="Import 3 chats").click()
    expect(page.get_by_text("Imported chatgpt.zip.")).to_be_visible()
    page.get_by_role("link", name="Tides").first.click()
    expect(page.get_by_text("gravity")).to_be_visible()
    page.get_by_role("link", name="Import and export").click()
    page.get_by_role("button", name="Import another file").click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("Took away 3 chats and 9 messages.")).to_be_visible()
    expect(page.get_by_text("taken back")).to_be_visible()


def test_everything_is_exported_with_a_click(server: Server, page: Page, tmp_path: Path) -> None:
    page.goto(f"{server.url}/imports")
    page.locator('input[type="file"]').set_input_files(samples.claude(tmp_path))
    page.get_by_role("button", name="Import 2 chats").click()
    expect(page.get_by_text("Imported claude.zip.")).to_be_visible()
    page.get_by_role("tab", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    assert download.value.suggested_filename.endswith("-all.json")
    assert '"chatcore": 1' in Path(download.value.path()).read_text()
