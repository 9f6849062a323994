"""What a person does on the chat page, in words. The selectors of the product stand here once."""

import re

from playwright.sync_api import Locator, Page, expect

STREAM_S = 60_000


def composer(page: Page) -> Locator:
    """The box at the bottom."""
    return page.get_by_test_id("stChatInput").locator("textarea")


def open_app(page: Page, url: str) -> None:
    """Opens an address and waits until the composer can be used."""
    page.goto(url)
    expect(composer(page)).to_be_enabled()


def send(page: Page, text: str) -> None:
    """Writes a prompt and sends it."""
    composer(page).fill(text)
    composer(page).press("Enter")
    expect(page.get_by_test_id("stChatMessage").filter(has_text=text).first).to_be_visible()


def live(page: Page) -> Locator:
    """The answer that is being written."""
    return page.get_by_test_id("live-answer")


def wait_for_text(page: Page, pattern: str) -> None:
    """Waits until the running answer shows a text."""
    expect(live(page)).to_contain_text(re.compile(pattern))


def last_answer(page: Page) -> Locator:
    """The last message of the thread."""
    return page.get_by_test_id("stChatMessage").last


def wait_until_done(page: Page) -> None:
    """Waits until no answer is being written any more."""
    expect(live(page)).to_have_count(0, timeout=STREAM_S)


def chat_id(page: Page) -> str:
    """The id of the open chat, from the address."""
    expect(page).to_have_url(re.compile(r"[?&]c=[0-9a-f-]{36}"))
    found = re.search(r"[?&]c=([0-9a-f-]{36})", page.url)
    assert found is not None
    return found.group(1)
