"""From a number to its messages: a bar, a cell and a model are clicked, and the chat opens where it was written."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect

from chatcore.accounts import local_owner
from chatcore.db import open_database
from tests.browser.conftest import Server
from tests.factories import make_chat, make_exchange, make_viewer

pytestmark = pytest.mark.browser
# At noon, so that no clock of the machine puts an exchange of an hour before or after on another day.
YESTERDAY = datetime.now(UTC).replace(hour=12, minute=30, second=0, microsecond=0) - timedelta(days=1)


def fill(server: Server) -> None:
    """Two days with an exchange each, and a model that failed."""
    db = open_database(server.database_url)
    viewer = local_owner(db, now=YESTERDAY)
    tides = make_chat(db, viewer, title="The tides", now=YESTERDAY)
    make_exchange(db, viewer, tides.id, prompt="Why are there two tides?", answer="The moon pulls.", now=YESTERDAY)
    bread = make_chat(db, viewer, title="Bread", now=YESTERDAY - timedelta(days=3))
    make_exchange(
        db, viewer, bread.id, prompt="Why does it rise?", answer="Yeast.", model_name="qwen3:8b", now=YESTERDAY - timedelta(days=3, hours=2)
    )
    db.close()


def mark(page: Page, kind: str, label: str) -> Locator:
    """A mark of a chart, by what it tells to those who do not see it."""
    return page.locator(f'[aria-roledescription="{kind}"][aria-label*="{label}"]').first


def behind(page: Page) -> Locator:
    return page.locator("[data-testid=stPageLink] a").filter(has_text=re.compile("tides|Bread", re.IGNORECASE))


def test_a_bar_leads_to_its_messages_and_a_message_to_its_chat(server: Server, page: Page) -> None:
    fill(server)
    page.goto(f"{server.url}/analytics")
    mark(page, "bar", f"author: Models; When: {YESTERDAY:%A} {YESTERDAY.day} {YESTERDAY:%B %Y}").click()
    expect(page.get_by_text(f"Messages of models, {YESTERDAY:%A} {YESTERDAY.day} {YESTERDAY:%B %Y}")).to_be_visible()
    expect(behind(page)).to_have_count(1)
    expect(behind(page)).to_contain_text("The moon pulls.")
    behind(page).click()
    expect(page.get_by_text("Why are there two tides?")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?c=[0-9a-f-]{36}&m=\d+$"))


def test_a_cell_of_the_busy_hours_lists_its_messages_until_it_is_closed(server: Server, page: Page) -> None:
    fill(server)
    page.goto(f"{server.url}/analytics")
    local = page.evaluate("(at) => new Date(at).getHours()", YESTERDAY.isoformat())
    mark(page, "rect mark", f"When: {YESTERDAY:%A} {local:02}:00").click()
    expect(behind(page)).to_have_count(2)
    expect(behind(page).first).to_contain_text("The moon pulls.")
    expect(behind(page).last).to_contain_text("You")
    page.get_by_role("button", name="Close").click()
    expect(behind(page)).to_have_count(0)
    expect(page.get_by_text("Busiest:")).to_be_visible()


def test_a_day_of_the_calendar_lists_its_messages_and_a_top_chat_opens(server: Server, page: Page) -> None:
    fill(server)
    page.goto(f"{server.url}/analytics?tab=Activity")
    mark(page, "rect mark", f"When: {YESTERDAY:%A} {YESTERDAY.day} {YESTERDAY:%B %Y}").click()
    expect(behind(page)).to_have_count(2)
    page.get_by_role("button", name="Close").click()
    expect(behind(page)).to_have_count(0)
    mark(page, "bar", "Messages: 2; Chats: 2").click()
    expect(page.get_by_text("Chats with 2 messages")).to_be_visible()
    # The table is drawn on a canvas: its first line is the latest of equal chats.
    table = page.locator("[data-testid=stDataFrame]").filter(visible=True).last
    table.scroll_into_view_if_needed()
    table.click(position={"x": 60, "y": 52})
    expect(page.get_by_text("Why are there two tides?")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?c=[0-9a-f-]{36}$"))
    page.go_back()
    expect(page.get_by_role("heading", name="Analytics")).to_be_visible()


def test_a_year_of_days_scrolls_in_its_card_on_a_phone(server: Server, page: Page) -> None:
    fill(server)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{server.url}/analytics?tab=Activity&range=12m")
    day = mark(page, "rect mark", f"When: {YESTERDAY:%A} {YESTERDAY.day} {YESTERDAY:%B %Y}")
    day.scroll_into_view_if_needed()
    place = day.bounding_box()
    assert place
    assert 0 < place["x"] < 390, "the newest days are in sight"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    day.click()
    expect(behind(page)).to_have_count(2)


def test_the_report_is_a_file_that_opens_by_itself(server: Server, page: Page, tmp_path: Path) -> None:
    fill(server)
    page.goto(f"{server.url}/analytics?model=llama3.2:3b")
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="Download report").click()
    file = tmp_path / downloaded.value.suggested_filename
    assert re.fullmatch(r"chatcore-report_\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d\.html", file.name)
    downloaded.value.save_as(file)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    expect(page.get_by_role("heading", name="Messages per day")).to_be_visible()
    expect(page.get_by_role("region", name="Usage, speed and failures of each model").get_by_role("rowheader")).to_have_text("llama3.2:3b")
    expect(page.get_by_text("Only model llama3.2:3b")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert asked == [file.as_uri()]


def day_of(when: datetime) -> str:
    return f"When: {when:%A} {when.day} {when:%B %Y}"


def open_bread(page: Page) -> None:
    """The answer about bread is the only one in the list; a click on it opens its chat."""
    expect(behind(page)).to_have_count(1)
    behind(page).click()
    expect(page.get_by_text("Why does it rise?")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?c=[0-9a-f-]{36}&m=\d+$"))


BREAD = YESTERDAY - timedelta(days=3)
PRICED = (
    "UPDATE generation SET cost = 0.5, cost_currency = 'USD', cost_source = 'estimated', provider = 'openai' WHERE model_name = 'qwen3:8b'"
)


def test_a_point_of_the_speed_leads_to_its_answers_and_their_chat(server: Server, page: Page) -> None:
    fill(server)
    page.goto(f"{server.url}/analytics?tab=Speed")
    mark(page, "point", f"{day_of(BREAD)}; Model: qwen3:8b").click()
    open_bread(page)


def test_back_from_a_chat_the_tab_the_filters_and_the_list_are_as_they_were(server: Server, page: Page) -> None:
    fill(server)
    page.goto(f"{server.url}/analytics?range=7d&model=qwen3:8b")
    page.get_by_role("tab", name="Quality").click()
    mark(page, "bar", day_of(BREAD)).click()
    open_bread(page)
    page.go_back()
    expect(page.get_by_role("tab", name="Quality")).to_have_attribute("aria-selected", "true")
    expect(page).to_have_url(re.compile(r"range=7d&model=qwen3(:|%3A)8b&tab=Quality$"))
    expect(behind(page)).to_have_count(1)
    page.get_by_role("button", name="Close").click()
    expect(behind(page)).to_have_count(0)


def test_a_bar_of_the_cost_leads_to_its_answers(server: Server, page: Page) -> None:
    fill(server)
    db = open_database(server.database_url)
    with db.write() as tx:
        tx.execute(sa.text(PRICED))
    db.close()
    page.goto(f"{server.url}/analytics?tab=Cost")
    mark(page, "bar", f"{day_of(BREAD)}; Model: qwen3:8b").click()
    expect(behind(page)).to_contain_text("$0.50")
    open_bread(page)


def test_a_line_of_a_comparison_leads_to_its_answers(server: Server, page: Page) -> None:
    fill(server)
    days = f"{BREAD:%Y-%m-%d}..{BREAD:%Y-%m-%d}"
    page.goto(f"{server.url}/analytics?tab=Compare&from={YESTERDAY:%Y-%m-%d}&to={YESTERDAY:%Y-%m-%d}&vs={days}")
    # The table is drawn on a canvas.
    table = page.locator("[data-testid=stDataFrame]").filter(visible=True).first
    table.click(position={"x": 60, "y": 52})
    expect(behind(page)).to_contain_text("The moon pulls.")
    expect(behind(page)).to_have_count(1)


def test_nothing_on_the_tab_people_leads_to_what_others_wrote(server: Server, page: Page) -> None:
    fill(server)
    db = open_database(server.database_url)
    bob = make_viewer(db, "Bob")
    theirs = make_chat(db, bob, title="The secret tides", now=YESTERDAY)
    make_exchange(db, bob, theirs.id, prompt="My secret", answer="Kept.", now=YESTERDAY)
    db.close()
    page.goto(f"{server.url}/analytics?tab=People")
    expect(page.get_by_text("2 people with a message")).to_be_visible()
    mark(page, "bar", day_of(YESTERDAY)).click()
    for table in page.locator("[data-testid=stDataFrame]").filter(visible=True).all():
        table.click(position={"x": 60, "y": 52})
    # Another tab and back: whatever a click has set going has been drawn by then.
    page.get_by_role("tab", name="Quality").click()
    expect(page.get_by_text("How answers ended per")).to_be_visible()
    page.get_by_role("tab", name="People").click()
    expect(page.get_by_text("2 people with a message")).to_be_visible()
    expect(behind(page)).to_have_count(0)
    assert "secret" not in page.content().lower()


def test_a_tools_bar_leads_to_its_calls_and_a_call_to_its_answer(server: Server, page: Page) -> None:
    fill(server)
    call = {"id": "1", "name": "calculator", "arguments": {}, "round": 1, "position": 0, "state": "failed", "result": "No bread to count."}
    db = open_database(server.database_url)
    with db.write() as tx:
        tx.execute(sa.text("UPDATE chatmessage SET tool_calls = :calls WHERE model_name = 'qwen3:8b'"), {"calls": json.dumps([call])})
    db.close()
    page.goto(f"{server.url}/analytics?tab=Tools")
    mark(page, "bar", "Tool: calculator; Ended: Failed").click()
    expect(page.get_by_text("Failed calls of calculator")).to_be_visible()
    expect(behind(page)).to_contain_text("No bread to count.")
    open_bread(page)
