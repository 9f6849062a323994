"""A long chat, seen by the reader: nothing jumps, a link leads to its message, the bar leads anywhere."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from chatcore.accounts import local_owner
from chatcore.db import open_database
from chatcore.parts import ChatInfo
from tests.browser.chat import composer, open_app, wait_until_done
from tests.browser.conftest import Server
from tests.factories import NOW, make_chat, make_message

pytestmark = pytest.mark.browser

LENGTH = 300
MESSAGES = '.st-key-thread [class*="st-key-message-"]'
# Notes at every frame where a message stands and how many there are.
WATCH = """id => {
  window.seen = [];
  const look = () => {
    const message = document.querySelector(`.st-key-message-${id}`);
    const number = document.querySelectorAll('.st-key-thread [class*="st-key-message-"]').length;
    window.seen.push([number, message ? message.getBoundingClientRect().top : null]);
    requestAnimationFrame(look);
  };
  look();
}"""


def fill(server: Server, length: int = LENGTH) -> ChatInfo:
    """A chat of so many messages, one a second, with a word in every hundredth."""
    db = open_database(server.database_url)
    viewer = local_owner(db, now=NOW)
    chat = make_chat(db, viewer, title="The long chat", messages=length)
    make_message(db, viewer, chat.id, "The zeppelin lands.", now=NOW + timedelta(days=40))
    db.close()
    return chat


def message(page: Page, number: int) -> Locator:
    """The message that says so; its answer and its small print are not looked at."""
    return page.get_by_test_id("stChatMessage").filter(has=page.get_by_text(f"message {number}", exact=True))


def message_id(shown: Locator) -> int:
    """The id of a message on screen."""
    found: int = shown.evaluate("element => Number(element.closest('[class*=st-key-message-]').className.match(/message-([0-9]+)/)[1])")
    return found


def open_long(page: Page, server: Server, chat: ChatInfo, rest: str = "") -> None:
    """Opens the chat and waits until the reader is where they land."""
    page.emulate_media(reduced_motion="reduce")
    open_app(page, f"{server.url}/?c={chat.id}{rest}")
    expect(page.get_by_test_id("chat-go-start")).to_be_visible()


def height_left(page: Page) -> float:
    """How far the reader is from the end of the page."""
    left: float = page.evaluate("""() => {
      const view = document.querySelector('[data-testid="stMain"]');
      return view.scrollHeight - view.scrollTop - view.clientHeight;
    }""")
    return left


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Waits until something is so in the page."""
    for _ in range(400):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never came true")


def go_up_until_the_first(page: Page, pixels_left: int) -> None:
    """Scrolls until so many pixels are left above the messages on screen, then turns the wheel up a little."""
    page.mouse.move(700, 400)
    # Who turns the wheel is no longer held at where they landed.
    page.mouse.wheel(0, -50)
    until(page, lambda: height_left(page) >= 50)
    page.evaluate(
        """pixels => {
          const view = document.querySelector('[data-testid="stMain"]');
          view.scrollTop += document.querySelector('.st-key-thread-earlier').getBoundingClientRect().bottom + pixels;
        }""",
        pixels_left,
    )
    page.mouse.wheel(0, -50)


def test_a_link_to_a_message_opens_the_chat_there_and_marks_it(server: Server, page: Page) -> None:
    chat = fill(server)
    assert chat.current_message_id is not None
    named = chat.current_message_id - 149
    open_long(page, server, chat, f"&m={named}")
    marked = page.locator(f".st-key-message-{named}")
    expect(marked).to_contain_text("message 150")
    expect(marked).to_be_in_viewport()
    assert marked.evaluate("element => getComputedStyle(element).backgroundColor") != "rgba(0, 0, 0, 0)"
    other = page.locator(f".st-key-message-{named + 1}")
    assert other.evaluate("element => getComputedStyle(element).backgroundColor") == "rgba(0, 0, 0, 0)"
    composer(page).fill("And now?")
    composer(page).press("Enter")
    expect(page.get_by_test_id("stChatMessage").filter(has_text="And now?")).to_be_in_viewport()
    wait_until_done(page)
    expect(page).to_have_url(f"{server.url}/?c={chat.id}")


def test_earlier_messages_load_by_themselves_and_do_not_move_the_reader(server: Server, page: Page) -> None:
    chat = fill(server)
    open_long(page, server, chat)
    expect(message(page, LENGTH - 1)).to_be_in_viewport()
    shown = page.locator(MESSAGES)
    expect(shown).to_have_count(40)
    page.evaluate(WATCH, message_id(message(page, LENGTH + 1 - 40)))
    go_up_until_the_first(page, 520)
    expect(shown).to_have_count(80)
    # One load for one way up, however long one stays there.
    page.wait_for_timeout(1500)
    expect(shown).to_have_count(80)
    seen = page.evaluate("window.seen")
    came = next(frame for frame, (number, _) in enumerate(seen) if number > 40)
    tops = [top for _, top in seen[came - 1 :]]
    assert seen[came - 1][0] == 40
    assert max(tops) - min(tops) <= 2, tops


def test_the_bar_leads_to_the_start_and_back_and_from_prompt_to_prompt(server: Server, page: Page) -> None:
    chat = fill(server)
    open_long(page, server, chat)
    page.get_by_role("button", name="Jump to the start").click()
    expect(message(page, 0)).to_be_in_viewport()
    expect(page.get_by_role("button", name="Show earlier messages")).to_have_count(0)
    # Message 40 is the first prompt behind what was loaded.
    for number in range(2, 42, 2):
        page.keyboard.press("Alt+ArrowDown")
        expect(message(page, number)).to_be_in_viewport()
        until(page, lambda number=number: bool(message(page, number).evaluate("element => element.getBoundingClientRect().top < 200")))  # type: ignore[misc]
    page.keyboard.press("Alt+ArrowUp")
    until(page, lambda: bool(message(page, 38).evaluate("element => element.getBoundingClientRect().top > 0")))
    page.get_by_role("button", name="Jump to the newest messages").click()
    expect(message(page, LENGTH - 1)).to_be_in_viewport()
    until(page, lambda: height_left(page) < 2)


def test_a_date_leads_to_its_first_message(server: Server, page: Page) -> None:
    chat = fill(server)
    open_long(page, server, chat)
    page.get_by_role("button", name="Jump to the start").click()
    expect(message(page, 0)).to_be_in_viewport()
    page.get_by_role("button", name="Go to a date").click()
    day = page.get_by_test_id("chat-day-field")
    assert day.get_attribute("min") == "2026-03-14"
    assert day.get_attribute("max") == "2026-04-23"
    day.fill("2026-03-15")
    day.press("Enter")
    expect(page.get_by_text("The zeppelin lands.")).to_be_in_viewport()


def test_words_are_found_and_marked_in_the_open_chat(server: Server, page: Page) -> None:
    chat = fill(server)
    open_long(page, server, chat)
    page.get_by_role("button", name="Search in this chat").click()
    field = page.get_by_test_id("chat-find-field")
    expect(field).to_be_focused()
    field.fill("message")
    field.press("Enter")
    count = page.get_by_test_id("chat-find-count")
    expect(count).to_have_text(f"{LENGTH} of {LENGTH}")
    until(page, lambda: page.evaluate("CSS.highlights.get('chatcore-found')?.size ?? 0") == 39)
    page.get_by_role("button", name="Previous hit").click()
    expect(count).to_have_text(f"{LENGTH - 1} of {LENGTH}")
    field.fill("zeppelin")
    field.press("Enter")
    expect(count).to_have_text("1 of 1")
    expect(page.get_by_text("The zeppelin lands.")).to_be_in_viewport()
    field.fill("dirigible")
    field.press("Enter")
    expect(count).to_have_text("No hits")
    field.press("Escape")
    expect(page.get_by_test_id("chat-find")).to_be_hidden()
    expect(page.get_by_role("button", name="Search in this chat")).to_be_focused()
    until(page, lambda: page.evaluate("CSS.highlights.has('chatcore-found')") is False)


def test_a_short_chat_has_only_the_search_in_its_bar(server: Server, page: Page) -> None:
    chat = fill(server, length=3)
    open_app(page, f"{server.url}/?c={chat.id}")
    expect(page.get_by_role("button", name="Search in this chat")).to_be_visible()
    expect(page.get_by_role("button", name="Jump to the start")).to_have_count(0)
