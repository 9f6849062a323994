"""A model is downloaded, cancelled and downloaded to its end, and the chat goes on with it: a real browser, a real connection."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.replay import ReplayServer, json_reply, ndjson_reply

pytestmark = pytest.mark.browser
WEIGHTS, SMALL = "sha256:dde5aa3fc5ff", "sha256:966de95ca8a6"
ROW = {"name": "llama3.2:3b", "model": "llama3.2:3b", "size": 2_000_000_000, "capabilities": ["completion", "tools"]}


@pytest.fixture
def ollama() -> Iterator[ReplayServer]:
    with ReplayServer() as running:
        yield running


@pytest.fixture
def with_ollama(ollama: ReplayServer, migrated_database_url: str, tmp_path: Path) -> Iterator[Server]:
    """The app on an empty database, with a model server that has no model yet."""
    server = Server(migrated_database_url, ollama_host=ollama.url, log=tmp_path / "server.log").start()
    yield server
    server.stop()


def layer(digest: str, completed: int, total: int) -> dict[str, object]:
    return {"status": f"pulling {digest[7:]}", "digest": digest, "total": total, "completed": completed}


def test_a_download_shows_progress_is_cancelled_and_comes_to_its_end(with_ollama: Server, ollama: ReplayServer, page: Page) -> None:
    steps = [layer(WEIGHTS, n * 100_000_000, 2_000_000_000) for n in range(11)]
    first = ndjson_reply({"status": "pulling manifest"}, layer(SMALL, 1_429, 1_429), *steps)
    gate = ollama.gate()
    rest = ndjson_reply(*[layer(WEIGHTS, n * 100_000_000, 2_000_000_000) for n in range(10, 21)], {"status": "success"})
    ollama.on("/api/pull", replace(first, pause_s=0.1, stall_at=len(first.body)), replace(rest, hold=gate))
    page.goto(f"{with_ollama.url}/models")
    expect(page.get_by_text("Which model to begin with")).to_be_visible()
    field = page.get_by_label("Get a model")
    field.fill("llama3.2:3b")
    page.get_by_role("button", name="Download").first.click()
    expect(page.get_by_text("1.0 GB of 2.0 GB").first).to_be_visible()
    page.get_by_text("2 files").click()
    expect(page.get_by_text("dde5aa3fc5ff · 1.0 GB of 2.0 GB")).to_be_visible()
    # It goes on while one looks elsewhere, and another tab sees it.
    page.get_by_role("link", name="Analytics").click()
    expect(page.get_by_role("heading", name="Analytics")).to_be_visible()
    page.get_by_role("link", name="Models").click()
    expect(page.get_by_text("1.0 GB of 2.0 GB").first).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("1.0 GB of 2.0 GB came and are kept.")).to_be_visible()
    assert ollama.wait_for("/api/pull").client_left.wait(10)
    page.get_by_role("button", name="Go on").click()
    ollama.wait_for("/api/pull", 2)
    ollama.on("/api/tags", json_reply({"models": [ROW]}))
    gate.open()
    expect(page.get_by_text("Downloaded")).to_be_visible()
    expect(page.get_by_text("2.0 GB on disk")).to_be_visible()
    page.get_by_role("button", name="Chat with it").click()
    expect(page.get_by_test_id("stSelectbox").locator("input")).to_have_value("llama3.2:3b")


def test_a_model_is_deleted_only_after_it_was_asked(with_ollama: Server, ollama: ReplayServer, page: Page) -> None:
    ollama.on("/api/tags", json_reply({"models": [ROW]}))
    ollama.on("/api/delete", replace(json_reply({}), body=b""))
    page.goto(f"{with_ollama.url}/models")
    row = page.locator("[class*='st-key-models-row-ollama']")
    expect(row).to_contain_text("2.0 GB on disk")
    for answer in ("Keep it", "Delete"):
        row.get_by_role("button", name="Actions for llama3.2:3b").click()
        page.get_by_text("Delete …").click()
        expect(page.get_by_role("dialog")).to_contain_text("2.0 GB become free")
        # The page looks again by itself meanwhile; the question stays.
        page.wait_for_timeout(6000)
        if answer == "Delete":
            ollama.on("/api/tags", json_reply({"models": []}))
        page.get_by_role("dialog").get_by_role("button", name=answer, exact=True).click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert bool(ollama.asked("/api/delete")) == (answer == "Delete")
    expect(page.get_by_text("Nothing is installed here yet.")).to_be_visible()
