"""A tool that changes something waits for a person, who may reload, decides with the keyboard, and sees what came of it."""

import json
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import live, open_app, send, wait_until_done
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

SERVERS = Path(__file__).resolve().parents[1] / "chatcore" / "tools" / "servers.py"


@pytest.fixture
def with_shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real MCP server in the configuration of the app."""
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"mcpServers": {"shelf": {"command": sys.executable, "args": [str(SERVERS), "stdio"]}}}))
    monkeypatch.setenv("CHATCORE_MCP_CONFIG", str(path))


def test_a_call_waits_for_approval_over_a_reload(with_shelf: None, server: Server, page: Page) -> None:
    open_app(page, server.url)
    send(page, "/tool write_note <b>tea</b>")
    allow = page.get_by_role("button", name="Allow once")
    expect(allow).to_be_visible(timeout=30_000)
    page.reload()
    expect(allow).to_be_visible(timeout=30_000)
    expect(live(page)).to_contain_text('"text": "<b>tea</b>"')
    allow.focus()
    page.keyboard.press("Enter")
    wait_until_done(page)
    expect(page.get_by_text("shelf__write_note · done")).to_be_visible()
    expect(page.get_by_text("Noted: <b>tea</b>").last).to_be_visible()
