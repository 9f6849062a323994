"""What is typed and not yet sent, and what is sent and not yet answered: neither is lost."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import chat_id, composer, live, open_app, send, wait_for_text, wait_until_done
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

# Ten seconds: time enough to write the next prompt on a slow machine.
STREAM = "/stream 500 50"


def prompts(server: Server, chat: str) -> list[str]:
    """What was asked in a chat, as the database has it."""
    with urllib.request.urlopen(f"{server.url}/api/v1/chat/sessions/{chat}/messages") as answer:
        return [message["text"] for message in json.load(answer)["messages"] if message["role"] == "user"]


def write(page: Page, text: str) -> None:
    composer(page).fill(text)
    composer(page).press("Enter")


def test_a_prompt_waits_while_an_answer_streams_and_is_sent_after_it(server: Server, page: Page) -> None:
    open_app(page, server.url)
    send(page, STREAM)
    wait_for_text(page, r"\w{4}")
    write(page, "Where is my data?")
    expect(page.get_by_text("This prompt waits")).to_be_visible()
    expect(live(page)).to_have_count(1)
    assert prompts(server, chat_id(page)) == [STREAM]
    expect(page.get_by_text("This prompt waits")).to_have_count(0, timeout=60_000)
    wait_until_done(page)
    expect(page.get_by_test_id("stChatMessage")).to_have_count(4)
    assert prompts(server, chat_id(page)) == [STREAM, "Where is my data?"]


def test_a_draft_survives_a_reload_and_is_gone_when_it_was_sent(server: Server, page: Page) -> None:
    open_app(page, server.url)
    composer(page).press_sequentially("Where is my")
    page.reload()
    expect(composer(page)).to_have_value("Where is my")
    composer(page).press_sequentially(" data?")
    composer(page).press("Enter")
    expect(page).to_have_url(re.compile(r"c="))
    expect(page.get_by_test_id("stChatMessage")).to_have_count(2)
    wait_until_done(page)
    expect(composer(page)).to_have_value("")
    # Each chat has its own.
    composer(page).press_sequentially("And the")
    page.get_by_role("button", name="New chat").click()
    expect(page).not_to_have_url(re.compile(r"c="))
    expect(composer(page)).to_have_value("")
    page.get_by_test_id("chat-link").first.click()
    expect(composer(page)).to_have_value("And the")
    page.reload()
    expect(composer(page)).to_have_value("And the")


def test_what_is_typed_before_a_slow_page_has_told_its_chat_is_that_chats(server: Server, page: Page) -> None:
    open_app(page, server.url)
    send(page, "Where is my data?")
    wait_until_done(page)
    first = page.url
    composer(page).press_sequentially("And the")
    # A slow browser: what keeps the drafts hears of a chat long after the page shows it.
    page.evaluate("""() => {
        const show = chatcoreDrafts.show.bind(chatcoreDrafts)
        chatcoreDrafts.show = told => { window.told = () => show(told) }
    }""")
    page.get_by_role("button", name="New chat").click()
    expect(page).not_to_have_url(re.compile(r"c="))
    page.wait_for_function("window.told !== undefined")
    composer(page).press_sequentially(" moon?")
    page.evaluate("told()")
    expect(composer(page)).to_have_value(" moon?")
    page.reload()
    expect(composer(page)).to_have_value(" moon?")
    page.goto(first)
    expect(composer(page)).to_have_value("And the")


def test_what_is_typed_while_a_chat_comes_into_being_is_that_chats(server: Server, page: Page) -> None:
    open_app(page, server.url)
    composer(page).press_sequentially("Where is my data?")
    composer(page).press("Enter")
    composer(page).press_sequentially("And the")
    expect(page).to_have_url(re.compile(r"c="))
    wait_until_done(page)
    expect(composer(page)).to_have_value("And the")
    page.get_by_role("button", name="New chat").click()
    expect(page).not_to_have_url(re.compile(r"c="))
    expect(composer(page)).to_have_value("")


def test_keys_start_a_chat_stop_an_answer_and_explain_themselves(server: Server, page: Page) -> None:
    open_app(page, server.url)
    # Filled by what listens for the keys.
    expect(page.get_by_test_id("keys")).to_contain_text("New chat")
    write(page, "/stream 4000 50")
    # At once: nothing of the answer is on the page yet.
    page.keyboard.press("Control+.")
    wait_until_done(page)
    expect(page.get_by_text("You stopped this answer")).to_be_visible()
    composer(page).press_sequentially("n?")
    expect(composer(page)).to_have_value("n?")
    composer(page).fill("")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_have_count(0)
    page.keyboard.press("n")
    expect(page).not_to_have_url(re.compile(r"c="))
    expect(page.locator('[data-testid="chat-link"][aria-current="page"]')).to_have_count(0)
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(r"c="))
    page.keyboard.press("/")
    expect(composer(page)).to_be_focused()
