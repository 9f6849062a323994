"""Branches in a real browser: edit, regenerate, switch, copy, delete; and all of it is still there after a reload."""

import re

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.chat import last_answer, open_app, send, wait_until_done
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

SHORT, OTHER = "/stream 30 400", "/stream 60 400"


def bars(page: Page) -> Locator:
    """The rows under the messages."""
    return page.locator(".message-bar")


def attempt(page: Page, number: int) -> Locator:
    """Which attempt is shown at a message, counted from 0 at the top."""
    return bars(page).nth(number).locator(".message-at")


def settled(page: Page, messages: int = 2) -> None:
    """No answer is being written, and every message has its row."""
    wait_until_done(page)
    expect(bars(page)).to_have_count(messages)


def test_edit_regenerate_and_switch_are_still_there_after_a_reload(server: Server, context: BrowserContext, page: Page) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_app(page, server.url)
    send(page, SHORT)
    settled(page)

    bars(page).nth(0).get_by_test_id("message-edit").click()
    editor = page.get_by_label("Your prompt in other words")
    expect(editor).to_have_value(SHORT)
    editor.fill(OTHER)
    page.get_by_role("button", name="Save and send").click()
    expect(editor).to_have_count(0)
    settled(page)
    expect(page.get_by_test_id("stChatMessage").first).to_contain_text(OTHER)
    expect(attempt(page, 0)).to_have_text("2/2")

    bars(page).nth(1).get_by_test_id("message-retry").click()
    expect(attempt(page, 1)).to_have_text("2/2")
    settled(page)

    bars(page).nth(0).get_by_test_id("message-before").click()
    expect(page.get_by_test_id("stChatMessage").first).to_contain_text(SHORT)
    expect(attempt(page, 0)).to_have_text("1/2")
    expect(attempt(page, 1)).to_have_count(0)
    bars(page).nth(0).get_by_test_id("message-after").click()
    expect(attempt(page, 0)).to_have_text("2/2")
    # The attempt that was shown when it was left, not just any.
    expect(attempt(page, 1)).to_have_text("2/2")
    bars(page).nth(1).get_by_test_id("message-before").click()
    expect(attempt(page, 1)).to_have_text("1/2")

    bars(page).nth(1).get_by_test_id("message-up").click()
    expect(bars(page).nth(1).get_by_test_id("message-up")).to_have_attribute("aria-pressed", "true")
    page.reload()
    settled(page)
    expect(attempt(page, 0)).to_have_text("2/2")
    expect(attempt(page, 1)).to_have_text("1/2")
    expect(bars(page).nth(1).get_by_test_id("message-up")).to_have_attribute("aria-pressed", "true")

    bars(page).nth(0).get_by_test_id("message-copy").click()
    expect(bars(page).nth(0).get_by_test_id("message-copy")).to_have_attribute("aria-label", "Copied")
    assert page.evaluate("navigator.clipboard.readText()") == OTHER

    bars(page).nth(1).get_by_test_id("message-delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This answer will be gone")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog).to_have_count(0)
    expect(attempt(page, 1)).to_have_count(0)
    expect(bars(page)).to_have_count(2)
    expect(last_answer(page)).to_contain_text(re.compile(r"\w{4}"))
