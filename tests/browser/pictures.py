"""Takes the pictures of docs/images anew: `python -m tests.browser.pictures`, or only those named behind it.

The chats are those of `chatcore demo`, the model server replays, and no setting is made: what a picture shows, everybody can see.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from chatcore.accounts import local_owner
from chatcore.browse import Browse, browse_chats
from chatcore.db import init_db, open_database
from chatcore.demo import fill
from chatcore.history import archive_chats, list_chats
from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.browser.conftest import ROOT, Server
from tests.replay import ReplayServer, json_reply

IMAGES = ROOT / "docs" / "images"
MESSAGES = 5000
# A picture takes a third of the room with so many colours, and nobody sees it.
COLOURS = 256
LIMIT_MS = 60_000
WIDE, NARROW = (1280, 800), (390, 844)
# The tabs that docs/analytics.md shows.
TABS = ("Activity", "Speed", "Quality", "Tools", "Compare", "Cost")
WORDS = "slow query"
# Those of the made-up chats that run on one's own machine; the first is the one of the picture.
MODELS = ("llama3.2:3b", "qwen3:8b", "mistral-small:24b", "gemma3:12b")
ROWS = [{"name": name, "model": name, "size": 2_000_000_000, "capabilities": ["completion", "tools"]} for name in MODELS]


@dataclass(frozen=True)
class Shot:
    """One picture of a page."""

    scheme: Literal["light", "dark"]
    size: tuple[int, int]

    @property
    def suffix(self) -> str:
        return f"{self.scheme}-{self.size[0]}" if self.size == NARROW else self.scheme


LIGHT = Shot("light", WIDE)


def settle_list(page: Page) -> None:
    """A list of chats, or of what a search found."""
    expect(page.get_by_placeholder("Search titles and messages")).to_be_visible()
    expect(
        page.get_by_role("link").filter(has=page.locator("mark")).or_(page.get_by_role("table").get_by_role("link")).first
    ).to_be_visible()


def settle_chat(page: Page) -> None:
    """The end of the chat, with the buttons under its messages."""
    expect(page.locator(".message-bar").last).to_be_visible()


def open_switcher(page: Page) -> None:
    """The quick switcher with what it finds."""
    settle_chat(page)
    page.keyboard.press("Control+k")
    page.keyboard.type(WORDS)
    expect(page.get_by_role("option").first).to_be_visible()


def settle_charts(page: Page) -> None:
    """A tab of the analytics: its charts, or the table of a comparison."""
    expect(page.locator(".vega-embed svg, [data-testid=stDataFrame] canvas, [data-testid=stTable]").first).to_be_visible()


@dataclass(frozen=True)
class View:
    """A page to take: its address below the server's (`{chat}` is a long chat), what is done first, and how it is taken."""

    path: str
    prepare: Callable[[Page], None]
    shots: tuple[Shot, ...] = (LIGHT, Shot("dark", WIDE), Shot("light", NARROW), Shot("dark", NARROW))


VIEWS = {
    "chat": View("/?c={chat}", settle_chat),
    "switcher": View("/?c={chat}", open_switcher),
    "sessions": View("/sessions", settle_list),
    "sessions-search": View(f"/sessions?q={WORDS.replace(' ', '+')}", settle_list),
    "analytics": View("/analytics", settle_charts),
    **{f"analytics-{tab.lower()}": View(f"/analytics?tab={tab}", settle_charts, (LIGHT,)) for tab in TABS},
}


def make_chats(url: str) -> str:
    """Fills a database with made-up chats; the id of the longest."""
    db = open_database(url)
    init_db(db)
    now = datetime.now(UTC)
    fill(db, messages=MESSAGES, seed=1, now=now)
    viewer = local_owner(db, now=now)
    # The machine that takes the pictures may have no font for Chinese and Japanese.
    newest = list_chats(db, viewer, limit=200).items
    archive_chats(db, viewer, [chat.id for chat in newest if max(chat.title) > "\u2fff"], archived=True)
    longest = browse_chats(db, viewer, Browse(models=(MODELS[0],), sort="messages"), limit=1).items[0]
    db.close()
    return str(longest.id)


def take(browser: Browser, url: str, name: str) -> None:
    """Takes every picture of a view."""
    for shot in VIEWS[name].shots:
        width, height = shot.size
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=shot.scheme, reduced_motion="reduce")
        context.set_default_timeout(LIMIT_MS)
        page = context.new_page()
        page.goto(url)
        expect(page.get_by_test_id("stAppViewContainer")).to_be_visible()
        VIEWS[name].prepare(page)
        # What the page still loads and moves comes to rest.
        page.wait_for_timeout(2500)
        picture = Image.open(BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS)
        picture.save(IMAGES / f"{name}-{shot.suffix}.png", optimize=True)
        context.close()


def main(names: list[str]) -> None:
    """Takes these pictures, all without names."""
    with tempfile.TemporaryDirectory() as folder, ReplayServer() as ollama, sync_playwright() as playwright:
        ollama.on("/api/tags", json_reply({"models": ROWS}))
        database_url = f"sqlite:///{Path(folder) / 'demo.db'}"
        chat_id = make_chats(database_url)
        server = Server(database_url, ollama_host=ollama.url).start()
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        expect.set_options(timeout=LIMIT_MS)
        try:
            for name in names or VIEWS:
                take(browser, server.url + VIEWS[name].path.format(chat=chat_id), name)
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
