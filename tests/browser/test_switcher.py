"""The quick switcher lives in the browser: opened, typed into and left by keys alone, on every page."""

import re
import uuid
from datetime import timedelta

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from chatcore.accounts import local_owner
from chatcore.db import open_database
from tests.browser.chat import composer, open_app
from tests.browser.conftest import Server
from tests.factories import NOW, make_chat, make_exchange, make_message

pytestmark = pytest.mark.browser
PAGES = ("New chat", "Sessions", "Prompts", "Analytics", "Models", "Import and export", "Settings")

WICKED = "😀😀 Near the lighthouse <img src=x onerror=\"document.title='owned'\"> it is high."
SWITCH = "**/api/v1/search/switch*"


def fill(server: Server) -> tuple[uuid.UUID, int]:
    """Two chats, Bread the newer one: the chat about tides, and its message about a lighthouse."""
    db = open_database(server.database_url)
    viewer = local_owner(db, now=NOW)
    tides = make_chat(db, viewer, title="😀 Two <b>tides</b> a day")
    _, answer = make_exchange(
        db, viewer, tides.id, answer="😀😀 Near the lighthouse <img src=x onerror=\"document.title='owned'\"> it is high."
    )
    bread = make_chat(db, viewer, title="Bread", now=NOW + timedelta(hours=1))
    make_message(db, viewer, bread.id, "Does sourdough rise?", now=NOW + timedelta(hours=1))
    db.close()
    return tides.id, answer.id


def switcher(page: Page) -> Locator:
    return page.get_by_test_id("switcher")


def field(page: Page) -> Locator:
    return switcher(page).get_by_role("combobox")


def options(page: Page) -> Locator:
    return switcher(page).get_by_role("option")


def chosen(page: Page) -> Locator:
    return switcher(page).get_by_role("option", selected=True)


def call_up(page: Page) -> None:
    """Presses the keys when the page listens for them, and waits until the field is there for what is typed next."""
    expect(switcher(page)).to_contain_text("new tab")
    page.keyboard.press("Control+k")
    expect(field(page)).to_be_focused()


def write(page: Page, text: str) -> None:
    """Types a text, and waits until its answer is shown."""
    page.keyboard.type(text)
    expect(options(page).last).to_have_text(f"Search everything for “{text}”")


def mark_window(page: Page) -> None:
    """What a full load of the page would wipe out."""
    page.evaluate("window.untouched = true")


def assert_not_reloaded(page: Page) -> None:
    assert page.evaluate("window.untouched") is True


def test_the_keys_open_it_on_every_page_and_escape_gives_the_focus_back(server: Server, page: Page) -> None:
    fill(server)
    for path, place in (("/", composer(page)), ("/sessions", page.get_by_placeholder("Search titles and messages"))):
        page.goto(server.url + path)
        place.fill("half a sentence")
        call_up(page)
        expect(switcher(page)).to_have_attribute("aria-modal", "true")
        page.keyboard.type("tides")
        page.keyboard.press("Escape")
        expect(switcher(page)).to_be_hidden()
        expect(place).to_be_focused()
        expect(place).to_have_value("half a sentence")
    page.goto(f"{server.url}/analytics")
    expect(page.get_by_role("heading", name="Analytics").first).to_be_visible()
    call_up(page)
    expect(options(page)).to_have_text([re.compile("Bread"), re.compile("Two <b>tides"), *PAGES])
    page.keyboard.press("Control+k")
    expect(switcher(page)).to_be_hidden()


def test_a_title_is_found_and_opened_without_a_new_load(server: Server, page: Page) -> None:
    tides, _ = fill(server)
    open_app(page, server.url)
    mark_window(page)
    call_up(page)
    write(page, "tid")
    expect(switcher(page).get_by_role("group", name="Chats").get_by_role("option")).to_have_text([re.compile("😀 Two <b>tides</b> a day")])
    expect(chosen(page).locator("mark")).to_have_text(["tid"])
    expect(switcher(page).get_by_role("status")).to_have_text("1 chat, 1 message")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{server.url}/?c={tides}")
    expect(switcher(page)).to_be_hidden()
    expect(page.get_by_test_id("stChatMessage")).to_have_count(2)
    assert_not_reloaded(page)


def test_two_keys_lead_to_the_chat_before(server: Server, page: Page) -> None:
    tides, _ = fill(server)
    open_app(page, f"{server.url}/?c={tides}")
    call_up(page)
    expect(options(page)).to_have_text([re.compile("Bread"), *PAGES])
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stChatMessage")).to_have_text([re.compile("Does sourdough rise?")])
    call_up(page)
    expect(chosen(page)).to_have_text(re.compile("tides"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{server.url}/?c={tides}")


def test_a_message_is_found_and_opened_from_another_page(server: Server, page: Page) -> None:
    tides, answer = fill(server)
    page.goto(f"{server.url}/sessions?sort=title")
    expect(page.get_by_role("table")).to_be_visible()
    mark_window(page)
    call_up(page)
    write(page, "lighthouse")
    expect(chosen(page)).to_have_text(re.compile("Near the lighthouse <img src=x"))
    expect(chosen(page).locator("mark")).to_have_text(["lighthouse"])
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{server.url}/?c={tides}&m={answer}")
    expect(page.get_by_test_id("stChatMessage")).to_have_count(2)
    assert_not_reloaded(page)
    assert page.title() != "owned"
    page.go_back()
    expect(page).to_have_url(re.compile("/sessions"))


def test_enter_before_the_answer_opens_what_the_text_finds(server: Server, page: Page) -> None:
    tides, answer = fill(server)
    open_app(page, server.url)
    call_up(page)
    expect(options(page).first).to_have_text(re.compile("Bread"))
    held: list[Route] = []
    page.route(SWITCH, lambda route: held.append(route))
    page.keyboard.insert_text("lighthouse")
    page.keyboard.press("Enter")
    expect(switcher(page)).to_be_visible()
    for route in held:
        route.continue_()
    expect(page).to_have_url(f"{server.url}/?c={tides}&m={answer}")


def test_arrows_home_end_and_tab_stay_inside(server: Server, page: Page) -> None:
    fill(server)
    open_app(page, server.url)
    call_up(page)
    expect(options(page)).to_have_count(2 + len(PAGES))
    for key, text in (("ArrowDown", "tides"), ("End", PAGES[-1]), ("ArrowDown", "Bread"), ("ArrowUp", PAGES[-1]), ("Home", "Bread")):
        page.keyboard.press(key)
        expect(chosen(page)).to_have_text(re.compile(text))
        expect(field(page)).to_have_attribute("aria-activedescendant", str(chosen(page).get_attribute("id")))
    page.keyboard.press("Tab")
    expect(switcher(page).get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Tab")
    expect(field(page)).to_be_focused()
    # Streamlit would clear its cache and run anew at these letters, if it heard of them.
    page.keyboard.type("cr")
    expect(field(page)).to_have_value("cr")
    expect(page.get_by_test_id("stDialog")).to_have_count(0)


def test_pages_are_found_by_their_names_and_everything_else_on_the_session_page(server: Server, page: Page) -> None:
    fill(server)
    open_app(page, server.url)
    mark_window(page)
    call_up(page)
    write(page, "anal")
    expect(chosen(page)).to_have_text("Analytics")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Analytics").first).to_be_visible()
    call_up(page)
    write(page, "two & sour?")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/sessions\?q=two"))
    expect(page.get_by_placeholder("Search titles and messages")).to_have_value("two & sour?")
    call_up(page)
    write(page, "new")
    page.keyboard.press("Enter")
    expect(composer(page)).to_be_enabled()
    expect(page).to_have_url(re.compile(rf"^{server.url}/\??$"))
    assert_not_reloaded(page)


def test_with_control_a_hit_opens_in_a_new_tab(server: Server, page: Page, context: BrowserContext) -> None:
    tides, answer = fill(server)
    open_app(page, server.url)
    call_up(page)
    write(page, "lighthouse")
    with context.expect_page() as opened:
        page.keyboard.press("Control+Enter")
    expect(opened.value).to_have_url(f"{server.url}/?c={tides}&m={answer}")
    expect(switcher(page)).to_be_visible()


def test_what_goes_wrong_is_said_and_passes(server: Server, page: Page) -> None:
    fill(server)
    open_app(page, server.url)
    call_up(page)
    write(page, "nosuchword")
    expect(switcher(page)).to_contain_text("Nothing found for “nosuchword”.")
    page.route(SWITCH, lambda route: route.abort())
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("lighthouse")
    expect(switcher(page)).to_contain_text("The server does not answer.")
    expect(options(page)).to_have_count(0)
    page.unroute(SWITCH)
    expect(chosen(page)).to_have_text(re.compile("Near the lighthouse"))
    expect(switcher(page)).not_to_contain_text("The server does not answer.")
    page.route(SWITCH, signed_out)
    page.keyboard.type("s")
    expect(switcher(page)).to_contain_text("You are signed out. Reload the page and sign in again.")
    page.unroute(SWITCH)
    page.route(SWITCH, half_indexed)
    page.keyboard.press("Backspace")
    expect(switcher(page)).to_contain_text("57% of your messages can be found so far.")


def signed_out(route: Route) -> None:
    error = {"kind": "denied", "message": "Nobody is signed in.", "hint": "Sign in on the page of this installation, then call again."}
    route.fulfill(status=401, json={"error": error})


def half_indexed(route: Route) -> None:
    response = route.fetch()
    route.fulfill(response=response, json=response.json() | {"indexed": 0.5799})


def test_it_opens_without_a_keyboard_as_a_sheet_on_a_phone(server: Server, page: Page) -> None:
    tides, _ = fill(server)
    page.set_viewport_size({"width": 390, "height": 844})
    open_app(page, server.url)
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("button", name="Search", exact=True).click()
    expect(field(page)).to_be_focused()
    box = switcher(page).bounding_box()
    assert box is not None
    assert (box["x"], box["y"], box["width"]) == (0, 0, 390)
    write(page, "tides")
    options(page).first.click()
    expect(page).to_have_url(re.compile(str(tides)))
    expect(page.get_by_test_id("stChatMessage").first).to_be_in_viewport()
