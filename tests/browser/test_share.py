"""A link is made on the page, opened in a browser that knows nothing of the app, and gone when it is revoked."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chat import composer, open_app
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def sharing(migrated_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The app on an empty database, with sharing on."""
    monkeypatch.setenv("CHATCORE_SHARING", "on")
    server = Server(migrated_database_url, log=tmp_path / "server.log").start()
    yield server
    server.stop()


@pytest.mark.parametrize("migrated_database_url", ["sqlite"], indirect=True)
def test_a_stranger_reads_a_link_until_it_is_revoked(sharing: Server, browser: Browser, page: Page) -> None:
    open_app(page, sharing.url)
    composer(page).fill("Where is my data? <script>document.title = 'run'</script> ![home](https://evil.example/p.png)")
    composer(page).press("Enter")
    expect(page.locator(".message-bar")).to_have_count(2)
    page.get_by_role("button", name="Share", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Make a link").click()
    expect(dialog.get_by_test_id("stCode")).to_contain_text(re.compile(r"/share/[\w-]{32}"))
    address = dialog.get_by_test_id("stCode").inner_text().strip()

    stranger = browser.new_context()
    reader = stranger.new_page()
    asked, complaints = [], []
    reader.on("request", lambda request: asked.append(request.url))
    reader.on("console", lambda message: complaints.append(message.text))
    reader.goto(address)
    expect(reader.get_by_role("heading", level=1)).to_contain_text("Where is my data?")
    expect(reader.locator("article.assistant")).to_contain_text("DATABASE_URL")
    assert reader.title() != "run"
    # Nothing else was asked for, nothing was set, and the policy had nothing to refuse.
    assert asked == [address]
    assert stranger.cookies() == []
    assert complaints == []
    assert reader.evaluate("getComputedStyle(document.querySelector('article')).borderRadius") != "0px"

    dialog.get_by_role("button", name="Revoke").click()
    expect(dialog.get_by_test_id("stCode")).to_have_count(0)
    answer = reader.reload()
    assert answer is not None
    assert answer.status == 404
    expect(reader.get_by_role("heading", level=1)).to_have_text("This page is not there")
    stranger.close()
