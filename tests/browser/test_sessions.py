"""The session page's table lives in the browser: ticking, acting, undo and opening are seen there."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Locator, Page, expect

from chatcore import history
from chatcore.accounts import local_owner
from chatcore.db import open_database
from chatcore.organise.tags import tag_chats
from chatcore.parts import Role
from tests.browser.chat import composer
from tests.browser.conftest import Server
from tests.factories import NOW, make_chat, make_message

pytestmark = pytest.mark.browser


def fill(server: Server, *titles: str) -> None:
    """Chats with these titles, the last one the newest."""
    db = open_database(server.database_url)
    viewer = local_owner(db, now=NOW)
    for title in titles:
        make_chat(db, viewer, title=title, messages=2)
    db.close()


def write(server: Server, title: str, *messages: str, tag: str | None = None) -> None:
    """A chat with these messages, and with a tag if one is named."""
    db = open_database(server.database_url)
    viewer = local_owner(db, now=NOW)
    chat = make_chat(db, viewer, title=title)
    for text in messages:
        make_message(db, viewer, chat.id, text)
    if tag:
        tag_chats(db, viewer, [chat.id], add=[tag])
    db.close()


def search(page: Page, text: str) -> None:
    box = page.get_by_placeholder("Search titles and messages")
    box.fill(text)
    box.press("Enter")


def titles(page: Page) -> Locator:
    return page.get_by_role("table").get_by_role("link")


def tick(page: Page, title: str) -> None:
    page.get_by_role("checkbox", name=f"Tick {title}").check()


def test_ticked_chats_are_deleted_and_brought_back(server: Server, page: Page) -> None:
    fill(server, "Tides", "Bread", "Roses")
    page.goto(f"{server.url}/sessions")
    expect(titles(page)).to_have_count(3)
    tick(page, "Tides")
    tick(page, "Roses")
    page.get_by_role("button", name="Delete").click()
    expect(titles(page)).to_have_text(["Bread"])
    page.get_by_role("button", name="Undo").click()
    expect(titles(page)).to_have_count(3)


def test_a_chat_is_renamed_and_opened_and_the_filters_hold_on_the_way_back(server: Server, page: Page) -> None:
    fill(server, "Tides", "Bread")
    page.goto(f"{server.url}/sessions?sort=title")
    tick(page, "Tides")
    page.get_by_role("button", name="Rename").click()
    box = page.get_by_role("dialog").get_by_role("textbox")
    box.fill("A <b>new</b> *name*")
    box.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(titles(page)).to_have_text(["A <b>new</b> *name*", "Bread"])
    titles(page).first.click()
    expect(composer(page)).to_be_enabled()
    expect(page).to_have_url(re.compile(r"/\?c=[0-9a-f-]{36}$"))
    page.go_back()
    expect(titles(page)).to_have_count(2)
    expect(page).to_have_url(re.compile("sort=title"))


def test_the_list_can_be_read_on_a_phone(server: Server, page: Page) -> None:
    fill(server, "A title that is far too long for the width of a telephone, and goes on", "Bread")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/sessions")
    expect(titles(page)).to_have_count(2)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    expect(page.get_by_role("columnheader")).to_have_count(0)
    tick(page, "Bread")
    expect(page.get_by_role("button", name="Archive")).to_be_in_viewport()


def test_deleting_for_ever_asks_first(server: Server, page: Page) -> None:
    fill(server, "Gone")
    db = open_database(server.database_url)
    viewer = local_owner(db, now=NOW)
    # Now, or the trash would be emptied under the test.
    history.delete_chats(db, viewer, [chat.id for chat in history.list_chats(db, viewer).items], now=datetime.now(UTC))
    db.close()
    page.goto(f"{server.url}/sessions?shelf=trash")
    tick(page, "Gone")
    page.get_by_role("button", name="Delete for ever").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nobody can bring them back")
    dialog.get_by_role("button", name="Delete for ever").click()
    expect(page.get_by_text("The trash is empty")).to_be_visible()


def test_a_search_shows_marked_hits_and_a_click_opens_the_chat_at_the_message(server: Server, page: Page) -> None:
    write(server, "Sea", "Why are there two <b>tides</b> a day?", "What else?")
    write(server, "Bread", "How long must dough rest?")
    page.goto(f"{server.url}/sessions")
    search(page, "tides")
    expect(page.locator("mark")).to_have_text(["tides"])
    hit = page.get_by_role("link", name="two <b>tides</b> a day")
    expect(hit).to_be_visible()
    expect(page.get_by_text("dough")).to_have_count(0)
    hit.click()
    expect(composer(page)).to_be_enabled()
    expect(page).to_have_url(re.compile(r"/\?c=[0-9a-f-]{36}&m=\d+$"))
    page.go_back()
    expect(page.locator("mark")).to_have_text(["tides"])
    expect(page).to_have_url(re.compile(r"[?&]q=tides$"))


def test_hits_are_walked_through_and_opened_with_keys(server: Server, page: Page) -> None:
    write(server, "Sea", "first tides", "second tides")
    page.goto(f"{server.url}/sessions?q=tides")
    page.get_by_role("link", name="Sea").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="second tides")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="first tides")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/\?c=[0-9a-f-]{36}&m=\d+$"))


@pytest.mark.parametrize("width", [1280, 390])
def test_a_facet_narrows_the_search_and_the_address_says_so(server: Server, page: Page, width: int) -> None:
    db = open_database(server.database_url)
    viewer = local_owner(db, now=NOW)
    chat = make_chat(db, viewer, title="Sea")
    make_message(db, viewer, chat.id, "my tides")
    make_message(db, viewer, chat.id, "their tides", role=Role.ASSISTANT)
    db.close()
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{server.url}/sessions?q=tides")
    expect(page.locator("mark")).to_have_count(2)
    if width == 390:
        page.get_by_role("button", name="Narrow down").click()
    page.get_by_role("button", name="You").click()
    expect(page.locator("mark")).to_have_count(1)
    expect(page.get_by_role("link", name="my tides")).to_be_visible()
    expect(page).to_have_url(re.compile(r"q=tides(\+|%20)role(:|%3A)user$"))
    expect(page.get_by_placeholder("Search titles and messages")).to_have_value("tides role:user")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="You").click()
    expect(page.locator("mark")).to_have_count(2)


def test_chats_that_were_found_are_put_away_and_brought_back(server: Server, page: Page) -> None:
    write(server, "Sea", "spring tides")
    write(server, "Moon", "neap tides")
    page.goto(f"{server.url}/sessions?q=tides")
    tick(page, "Moon")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("mark")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("mark")).to_have_count(2)


def test_every_chat_of_a_search_is_tagged_at_once_and_the_tags_are_taken_back(server: Server, page: Page) -> None:
    for number in range(25):
        write(server, f"Chat {number}", "tides")
    write(server, "Bread", "dough", tag="land")
    page.goto(f"{server.url}/sessions?q=tides")
    expect(page.locator("mark")).to_have_count(20)
    page.get_by_role("checkbox", name="Tick every chat on this page").check()
    page.get_by_role("button", name="All chats of this search").click()
    expect(page.get_by_text("All 25 chats chosen")).to_be_visible()
    page.get_by_role("button", name="Tag …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").first.fill("sea")
    dialog.get_by_role("combobox").first.press("Enter")
    # The list is open for the next tag, and nothing that is needed lies under it. What is beside it has no role meanwhile.
    dialog.get_by_role("combobox").first.click()
    expect(page.get_by_role("option", name="land")).to_be_visible()
    page.get_by_test_id("stFormSubmitButton").get_by_text("Save").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("25 chats now tagged “sea”.")).to_be_visible()
    expect(page.get_by_title("Tagged sea")).to_have_count(20)
    search(page, "tag:sea")
    expect(page.get_by_text("1–20 of 25 messages")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Nothing found")).to_be_visible()


def test_a_search_is_saved_and_opened_by_its_name(server: Server, page: Page) -> None:
    write(server, "Sea", "spring tides")
    write(server, "Bread", "dough")
    page.goto(f"{server.url}/sessions?q=tides")
    page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("The sea")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    view = page.get_by_role("radio", name="The sea")
    expect(view).to_be_checked()
    search(page, "")
    expect(titles(page)).to_have_count(2)
    expect(view).not_to_be_checked()
    view.click()
    expect(page.locator("mark")).to_have_text(["tides"])
    expect(page).to_have_url(re.compile(r"[?&]q=tides$"))


def test_a_folder_is_made_and_narrows_the_list(server: Server, page: Page) -> None:
    fill(server, "Tides", "Bread")
    page.goto(f"{server.url}/sessions")
    tick(page, "Tides")
    page.get_by_role("button", name="Move to …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="New folder in it").fill("Sea")
    dialog.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_text("1 chat moved to “Sea”.")).to_be_visible()
    expect(page.get_by_title("In the folder Sea")).to_be_visible()
    page.get_by_role("combobox", name="Folder").click()
    page.get_by_role("option", name="Sea (1)").click()
    expect(titles(page)).to_have_text(["Tides"])
    expect(page).to_have_url(re.compile(r"[?&]folder=\d+$"))
