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
# How long it may take to scroll to an answer that is drawn; if it never comes into the window, that is the figure.
LIMIT_MS = 5_000.0
WATCH = """(() => {
  addEventListener("click", () => { window.__clicked = performance.now(); }, true);
})()"""
# From the click itself to the first frame with the last answer in it (drawn), and in which it stands inside the window (seen).
READABLE = """([end, limit]) => {
  const messages = document.querySelectorAll('[data-testid="stChatMessage"]');
  const last = messages[messages.length - 1];
  if (!last || !last.textContent.includes(end)) return null;
  const after = performance.now() - window.__clicked;
  if (window.__drawn?.end !== end) window.__drawn = { end, after };
  const box = last.getBoundingClientRect();
  const inside = box.bottom > 0 && box.top < innerHeight;
  return inside || after > limit ? [window.__drawn.after, after] : null;
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
            drawn: dict[str, list[float]] = {LONG: [], SHORT: []}
            seen: dict[str, list[float]] = {LONG: [], SHORT: []}
            for _ in range(sizes.opens + 1):
                for title, end in ((LONG, LONG_END), (SHORT, SHORT_END)):
                    first, last = opened(page, title, end)
                    drawn[title].append(first)
                    seen[title].append(last)
    name = f"open a chat of {sizes.open_length:,} by click"
    hidden = "5 s means: drawn, but never in the window." if max(seen[LONG]) > LIMIT_MS else ""
    return [
        Figure(f"{name}, the first time", seen[LONG][0], "ms"),
        of_samples(f"{name}, p50", seen[LONG][1:], "ms", budget=BUDGET_MS, note=hidden),
        of_samples(f"{name}, slowest", seen[LONG][1:], "ms", percent=100),
        of_samples(f"{name}, until it is drawn, p50", drawn[LONG][1:], "ms"),
        of_samples("open a chat of 4 by click, p50", seen[SHORT][1:], "ms"),
    ]


def opened(page: Page, title: str, end: str) -> tuple[float, float]:
    """Milliseconds from the click until the last answer is drawn, and until it stands in the window."""
    page.get_by_test_id("stSidebar").get_by_text(title, exact=True).first.click()
    drawn, seen = page.wait_for_function(READABLE, arg=[end, LIMIT_MS]).json_value()
    return float(drawn), float(seen)
