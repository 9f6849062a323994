"""The quick switcher over very many chats, by keys alone: open it, type letter by letter, open what is found."""

from collections.abc import Sequence

from playwright.sync_api import Page

from benchmarks.figures import Figure, of_samples
from benchmarks.filling import NOW, fill_chats
from benchmarks.scenarios.start import COMPOSER_READY
from benchmarks.sizes import Sizes
from benchmarks.stage import Stage
from chatcore.accounts import local_owner
from chatcore.db import init_db, open_database

# What the issue of search promises in the browser.
FOUND_MS, OPENED_MS = 300.0, 600.0
WORDS = ("sourdough", "guitar", "train", "tides", "ship")
WATCH = """(() => {
  addEventListener("keydown", () => { window.__acted = performance.now(); }, true);
  window.__switcher = () => {
    for (const host of document.querySelectorAll("div")) {
      const dialog = host.shadowRoot?.getElementById("switcher");
      if (dialog) return dialog;
    }
    return null;
  };
  window.__options = () => {
    const dialog = window.__switcher();
    return dialog?.open ? [...dialog.querySelectorAll("[role=option]")].map(option => option.textContent) : [];
  };
})()"""
# Its script writes what the keys do, and listens from then on.
LISTENS = "() => !!window.__switcher()?.querySelector('kbd')"
# From the key to the first frame that shows it: the recent chats, what a text finds, another chat's last message.
LISTED = "() => window.__options().length > 3 ? performance.now() - window.__acted : null"
FOUND = "text => window.__options().at(-1) === `Search everything for “${text}”` ? performance.now() - window.__acted : null"
LAST_MESSAGE = """() => [...document.querySelectorAll('[data-testid="stChatMessage"]')].at(-1)?.textContent ?? null"""
OPENED = f"""before => {{
  const now = ({LAST_MESSAGE})();
  return now !== null && now !== before ? performance.now() - window.__acted : null;
}}"""


def measure(stage: Stage, sizes: Sizes) -> Sequence[Figure]:
    """Each word is typed from the chat that the word before opened; the last turn starts on the session page."""
    with stage.databases.url("sqlite") as url:
        db = open_database(url)
        init_db(db)
        fill_chats(db, local_owner(db, now=NOW), sizes.chats, messages=2)
        db.close()
        with stage.server(url) as server, stage.visitor() as context:
            context.add_init_script(WATCH)
            page = context.new_page()
            page.goto(server.url)
            page.wait_for_function(COMPOSER_READY)
            return figures(page, server.url, sizes.clicks, f"{sizes.chats:,} chats")


def figures(page: Page, url: str, turns: int, of: str) -> Sequence[Figure]:
    """All that is measured on a page that stands open."""
    listed, letters, opened, elsewhere = [], [], [], []
    for turn in range(turns + 1):
        listed.append(called_up(page))
        letters += typed(page, WORDS[turn % len(WORDS)])
        opened.append(entered(page, hits_down=turn))
    for turn in range(turns):
        page.goto(f"{url}/sessions")
        page.get_by_role("table").wait_for()
        called_up(page)
        typed(page, WORDS[turn % len(WORDS)])
        elsewhere.append(entered(page, hits_down=turn))
    return [
        of_samples(f"quick switcher over {of}, opened with recent chats, p50", listed[1:], "ms"),
        of_samples(f"quick switcher over {of}, a letter typed to what it finds, p50", letters, "ms", budget=FOUND_MS),
        of_samples(f"quick switcher over {of}, a letter typed to what it finds, p95", letters, "ms", percent=95, budget=FOUND_MS),
        of_samples(f"quick switcher over {of}, Enter to the chat, p50", opened[1:], "ms", budget=OPENED_MS),
        of_samples(f"quick switcher over {of}, Enter to the chat, slowest", opened[1:], "ms", percent=100, budget=OPENED_MS),
        of_samples(f"quick switcher over {of}, Enter to the chat from another page, p50", elsewhere, "ms", budget=OPENED_MS),
    ]


def called_up(page: Page) -> float:
    """Milliseconds from the keys to the recent chats."""
    page.wait_for_function(LISTENS)
    page.keyboard.press("Control+k")
    return float(page.wait_for_function(LISTED).json_value())


def typed(page: Page, word: str) -> list[float]:
    """Milliseconds from each letter of a word to the first frame with what the text finds."""
    return [one_typed(page, word[: end + 1]) for end in range(len(word))]


def one_typed(page: Page, text: str) -> float:
    page.keyboard.press(text[-1])
    return float(page.wait_for_function(FOUND, arg=text).json_value())


def entered(page: Page, hits_down: int) -> float:
    """Milliseconds from Enter to the first frame with another chat's last message, so many rows down."""
    for _ in range(hits_down):
        page.keyboard.press("ArrowDown")
    before = page.evaluate(LAST_MESSAGE)
    page.keyboard.press("Enter")
    return float(page.wait_for_function(OPENED, arg=before).json_value())
