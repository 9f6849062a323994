"""The session page's table lives in the browser: ticking, acting, undo and opening are seen there."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from chatcore import history
from chatcore.accounts import local_owner
from chatcore.db import open_database
from tests.browser.chat import composer
from tests.browser.conftest import Server
from tests.factories import NOW, make_chat

pytestmark = pytest.mark.browser


def fill(server: Server, *titles: str) -> None:
    """Chats with these titles, the last one the newest."""
    db = open_database(server.database_url)
    viewer = local_owner(db, now=NOW)
    for title in titles:
        make_chat(db, viewer, title=title, messages=2)
    db.close()


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
    history.delete_chats(db, viewer, [chat.id for chat in history.list_chats(db, viewer).items], now=NOW)
    db.close()
    page.goto(f"{server.url}/sessions?shelf=trash")
    tick(page, "Gone")
    page.get_by_role("button", name="Delete for ever").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nobody can bring them back")
    dialog.get_by_role("button", name="Delete for ever").click()
    expect(page.get_by_text("The trash is empty")).to_be_visible()
