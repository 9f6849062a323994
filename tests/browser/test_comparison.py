"""Two models answer side by side, nobody knows who is who, and after the vote the chat goes on from the better answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import composer, live, open_app, send, wait_until_done
from tests.browser.conftest import Server
from tests.replay import Gate, ReplayServer, transcript

pytestmark = pytest.mark.browser
# Of the transcripts; the other model is the guide.
TINY = "tinychat"


@dataclass(frozen=True)
class Model:
    """A model server whose answer comes to its end when the test says so."""

    server: ReplayServer
    rest: Gate


@pytest.fixture
def model() -> Iterator[Model]:
    with ReplayServer() as made:
        made.on("/api/tags", transcript("ollama_tags.json"))
        rest, whole = made.gate(), transcript("ollama_chat_basic.ndjson")
        made.on("/api/chat", replace(whole, stall_at=whole.pieces[0], stall=rest))
        yield Model(made, rest)


@pytest.fixture
def two_models(migrated_database_url: str, tmp_path: Path, model: Model) -> Iterator[Server]:
    """The app with a model of Ollama beside the guide."""
    server = Server(migrated_database_url, ollama_host=model.server.url, log=tmp_path / "server.log").start()
    yield server
    server.stop()


def test_a_blind_comparison_streams_both_is_voted_on_and_goes_on(two_models: Server, model: Model, page: Page) -> None:
    open_app(page, two_models.url)
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("combobox", name="Compare with").click()
    page.get_by_role("option", name=re.compile("guide")).click()
    page.keyboard.press("Escape")
    send(page, "/stream 100 5")
    expect(live(page)).to_have_count(2)
    expect(page.get_by_test_id("live-stop")).to_have_count(2)
    boxes = [answer.bounding_box() for answer in live(page).all()]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert abs(boxes[0]["y"] - boxes[1]["y"]) < 5, "side by side"
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"], "and not over each other"
    # A reload in mid-answer shows both again.
    page.reload()
    expect(page.get_by_text("Answer B")).to_be_visible()
    expect(live(page).first).to_be_visible()
    model.rest.open()
    wait_until_done(page)
    better = page.get_by_role("button", name="B is better")
    expect(better).to_be_enabled()
    thread = page.locator(".st-key-thread")
    expect(thread).not_to_contain_text(TINY)
    expect(thread).not_to_contain_text(re.compile("built-in guide", re.IGNORECASE))
    assert TINY not in page.url
    better.click()
    expect(page.get_by_text("You preferred")).to_be_visible()
    expect(thread).to_contain_text(TINY)
    expect(page.get_by_text("The chat goes on from here.")).to_be_visible()
    # What is sent next goes to both again, and of the first pair only the better answer is shown.
    composer(page).fill("/stream 20 100")
    composer(page).press("Enter")
    expect(page.get_by_text("/stream 20 100")).to_be_visible()
    wait_until_done(page)
    expect(page.get_by_role("button", name="B is better")).to_be_enabled()
    expect(page.get_by_test_id("stChatMessage")).to_have_count(5)
