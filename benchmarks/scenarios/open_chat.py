"""Opening a long chat by a click in the sidebar, until its last answer can be read."""

from collections.abc import Sequence

from playwright.sync_api import Page

from benchmarks.figures import Figure, of_samples
from benchmarks.filling import NOW, fill_chat, fill_chats
from benchmarks.scenarios.start import COMPOSER_READY
from benchmarks.sizes import Sizes
from benchmarks.stage import Stage
from chatcore.accounts import local_owner
from chatcore.db import init_db, open_database

BUDGET_MS = 600.0
LONG, SHORT = "The long chat", "The short chat"
LONG_END, SHORT_END = "This is where the long chat ends.", "This is where the short chat ends."
# From the click itself to the first frame in which the last answer stands inside the window.
WATCH = """(() => {
  addEventListener("click", () => { window.__clicked = performance.now(); }, true);
})()"""
READABLE = """end => {
  const messages = document.querySelectorAll('[data-testid="stChatMessage"]');
  const last = messages[messages.length - 1];
  if (!last || !last.textContent.includes(end)) return null;
  const box = last.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight ? performance.now() - window.__clicked : null;
}"""


def measure(stage: Stage, sizes: Sizes) -> Sequence[Figure]:
    """A chat of 1,000 messages (600 kB) and one of 4 are opened by turns, among 200 others."""
    with stage.databases.url("sqlite") as url:
        db = open_database(url)
        init_db(db)
        viewer = local_owner(db, now=NOW)
        fill_chats(db, viewer, 200, messages=2)
        fill_chat(db, viewer, 4, title=SHORT, last=SHORT_END)
        fill_chat(db, viewer, sizes.open_length, title=LONG, last=LONG_END)
        db.close()
        with stage.server(url) as server, stage.visitor() as context:
            context.add_init_script(WATCH)
            page = context.new_page()
            page.goto(server.url)
            page.wait_for_function(COMPOSER_READY)
            samples: dict[str, list[float]] = {LONG: [], SHORT: []}
            for _ in range(sizes.opens + 1):
                samples[LONG].append(opened(page, LONG, LONG_END))
                samples[SHORT].append(opened(page, SHORT, SHORT_END))
    return [
        Figure(f"open a chat of {sizes.open_length:,} by click, the first time", samples[LONG][0], "ms"),
        of_samples(f"open a chat of {sizes.open_length:,} by click, p50", samples[LONG][1:], "ms", budget=BUDGET_MS),
        of_samples(f"open a chat of {sizes.open_length:,} by click, slowest", samples[LONG][1:], "ms", percent=100),
        of_samples("open a chat of 4 by click, p50", samples[SHORT][1:], "ms"),
    ]


def opened(page: Page, title: str, end: str) -> float:
    """Milliseconds from the click to the last answer in the window."""
    page.get_by_test_id("stSidebar").get_by_text(title, exact=True).first.click()
    return float(page.wait_for_function(READABLE, arg=end).json_value())
