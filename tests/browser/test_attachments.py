"""Files are attached, sent to a model that sees, and shown: a real browser, a real connection."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from chatcore.providers.base_json import objects_in
from tests.browser.chat import composer, open_app, wait_until_done
from tests.browser.conftest import Server
from tests.files import IMAGE, REPORT
from tests.replay import ReplayServer, json_reply

pytestmark = pytest.mark.browser
SEEING = {"name": "gemma3:4b", "model": "gemma3:4b", "size": 3_000_000_000, "capabilities": ["completion", "vision"]}
BLIND = {"name": "phi:2.7b", "model": "phi:2.7b", "size": 1_600_000_000, "capabilities": ["completion"]}
# What a browser does when a picture is pasted.
PASTE = """([data, name]) => {
  const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, {type: "image/png"}));
  const field = document.querySelector('[data-testid="stChatInput"] textarea');
  field.focus();
  field.dispatchEvent(new ClipboardEvent("paste", {clipboardData: files, bubbles: true, cancelable: true}));
}"""
# What a browser does while a file is dragged over the page, beside the field, and when it is dropped there.
DRAG = """([data, name, type, kind]) => {
  const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, {type}));
  const page = document.querySelector('[data-testid="stMain"]');
  page.dispatchEvent(new DragEvent(kind, {dataTransfer: files, bubbles: true, cancelable: true}));
}"""


@pytest.fixture
def ollama() -> Iterator[ReplayServer]:
    with ReplayServer() as running:
        running.on("/api/tags", json_reply({"models": [SEEING, BLIND]}))
        running.play("ollama_chat_basic.ndjson")
        yield running


@pytest.fixture
def with_ollama(ollama: ReplayServer, migrated_database_url: str, tmp_path: Path) -> Iterator[Server]:
    """The app on an empty database, with a model that sees and one that does not."""
    server = Server(migrated_database_url, ollama_host=ollama.url, log=tmp_path / "server.log").start()
    yield server
    server.stop()


def test_an_image_and_a_pdf_reach_a_model_that_sees(with_ollama: Server, ollama: ReplayServer, page: Page) -> None:
    open_app(page, with_ollama.url)
    expect(page.get_by_test_id("stSelectbox").locator("input")).to_have_value("gemma3:4b")
    page.evaluate(PASTE, [base64.b64encode(IMAGE.content).decode(), IMAGE.name])
    dragged = [base64.b64encode(REPORT.content).decode(), REPORT.name, "application/pdf"]
    page.evaluate(DRAG, [*dragged, "dragover"])
    expect(page.get_by_text("Drag and drop files here")).to_be_visible()
    page.evaluate(DRAG, [*dragged, "drop"])
    expect(page.get_by_text("Drag and drop files here")).to_have_count(0)
    expect(page.get_by_test_id("stChatInput")).to_contain_text(REPORT.name)
    composer(page).fill("What do these say?")
    composer(page).press("Enter")
    (message,) = objects_in(ollama.wait_for("/api/chat").json, "messages")
    assert message["images"] == [base64.b64encode(IMAGE.content).decode()]
    assert "Two tides a day" in str(message["content"])
    assert str(message["content"]).endswith("What do these say?")
    wait_until_done(page)
    image = page.locator(".attached-image img")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 64
    with page.context.expect_page() as opened:
        image.click()
    large = opened.value
    large.wait_for_load_state()
    assert large.locator("img").evaluate("image => image.naturalWidth") == 64
    large.close()
    with page.expect_download() as saved:
        page.locator(".attached-file").click()
    assert saved.value.suggested_filename == REPORT.name
    assert Path(saved.value.path()).read_bytes() == REPORT.content


def test_a_file_that_cannot_go_is_said_and_nothing_typed_is_lost(
    with_ollama: Server, ollama: ReplayServer, page: Page, tmp_path: Path
) -> None:
    open_app(page, with_ollama.url)
    page.get_by_test_id("stSelectbox").locator("input").click()
    page.get_by_role("option", name="phi:2.7b").click()
    large = tmp_path / "large.pdf"
    large.write_bytes(bytes(21 * 1024 * 1024))
    page.get_by_test_id("stChatInput").locator("input[type=file]").set_input_files(large)
    expect(page.get_by_test_id("stFileChip")).to_have_attribute("aria-invalid", "true")
    composer(page).fill("What is this?")
    composer(page).press("Enter")
    expect(page.get_by_role("alert").filter(has_text="large.pdf is larger than 20.0MB, so nothing was sent.")).to_be_visible()
    expect(composer(page)).to_have_value("What is this?")
    page.get_by_role("button", name="Remove large.pdf").click()
    expect(page.get_by_test_id("file-refused")).to_have_count(0)
    page.get_by_test_id("stChatInput").locator("input[type=file]").set_input_files(
        {"name": IMAGE.name, "mimeType": "image/png", "buffer": IMAGE.content}
    )
    composer(page).fill("What is this?")
    # Only once the file is uploaded.
    expect(page.get_by_role("button", name="Send message")).to_be_enabled()
    expect(page.get_by_test_id("stChatInput")).to_contain_text(IMAGE.name)
    composer(page).press("Enter")
    expect(page.get_by_text("phi:2.7b cannot see images.")).to_be_visible()
    expect(page.get_by_text("Choose a model that can: gemma3:4b.")).to_be_visible()
    expect(composer(page)).to_have_value("What is this?")
    expect(page.get_by_role("button", name="moon.png")).to_be_visible()
    page.get_by_test_id("stSelectbox").locator("input").click()
    page.get_by_role("option", name="gemma3:4b").click()
    composer(page).press("Enter")
    asked = ollama.wait_for("/api/chat").json
    assert asked["model"] == "gemma3:4b"
    assert objects_in(asked, "messages")[0]["images"] == [base64.b64encode(IMAGE.content).decode()]
    expect(page.get_by_role("button", name="moon.png")).to_have_count(0)
