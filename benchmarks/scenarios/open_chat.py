"""Opening a very long chat by a click in the sidebar until its last answer can be read, and in its middle by a search."""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from playwright.sync_api import Page

from benchmarks.figures import Figure, of_samples
from benchmarks.filling import MESSAGES, NOW, fill_chat, fill_chats
from benchmarks.scenarios.start import COMPOSER_READY
from benchmarks.sizes import Sizes
from benchmarks.stage import Stage
from chatcore.accounts import local_owner
from chatcore.db import Database, init_db, open_database
from chatcore.history import get_chat
from chatcore.parts import Viewer

BUDGET_MS = 600.0
LONG, FIFTY, SHORT = "The long chat", "The chat of fifty", "The short chat"
ENDS = {
    LONG: "This is where the long chat ends.",
    FIFTY: "This is where the chat of fifty ends.",
    SHORT: "This is where the short chat ends.",
}
# A word that stands in one message only, in the middle of the long chat.
NEEDLE = "zeppelin"
# How long it may take to scroll to an answer that is drawn; if it never comes into the window, that is the figure.
LIMIT_MS = 5_000.0
# The opening is over then: the search is measured by itself.
SETTLE_MS = 500
WATCH = """(() => {
  addEventListener("click", () => { window.__clicked = performance.now(); }, true);
  addEventListener("keydown", event => { if (event.key === "Enter") window.__clicked = performance.now(); }, true);
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


# From the Enter to the first frame in which the message with the word stands in the window.
FOUND = """([word, limit]) => {
  const hit = [...document.querySelectorAll('[data-testid="stChatMessage"]')].find(message => message.textContent.includes(word));
  if (!hit) return null;
  const after = performance.now() - window.__clicked;
  const box = hit.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight || after > limit ? after : null;
}"""


def measure(stage: Stage, sizes: Sizes) -> Sequence[Figure]:
    """A chat of 5,000 messages (3 MB), one of 50 and one of 4 are opened by turns, among 200 others."""
    with stage.databases.url("sqlite") as url:
        db = open_database(url)
        init_db(db)
        viewer = local_owner(db, now=NOW)
        fill_chats(db, viewer, 200, messages=2)
        fill_chat(db, viewer, 4, title=SHORT, last=ENDS[SHORT])
        fill_chat(db, viewer, 50, title=FIFTY, last=ENDS[FIFTY])
        hide(db, viewer, fill_chat(db, viewer, sizes.open_length, title=LONG, last=ENDS[LONG]), sizes.open_length)
        db.close()
        with stage.server(url) as server, stage.visitor() as context:
            context.add_init_script(WATCH)
            page = context.new_page()
            page.goto(server.url)
            page.wait_for_function(COMPOSER_READY)
            drawn: dict[str, list[float]] = {title: [] for title in ENDS}
            seen: dict[str, list[float]] = {title: [] for title in ENDS}
            found: list[float] = []
            for _ in range(sizes.opens + 1):
                for title, end in ENDS.items():
                    first, last = opened(page, title, end)
                    drawn[title].append(first)
                    seen[title].append(last)
            for _ in range(sizes.opens + 1):
                opened(page, LONG, ENDS[LONG])
                found.append(searched(page))
    name = f"open a chat of {sizes.open_length:,} by click"
    hidden = "5 s means: drawn, but never in the window." if max(seen[LONG]) > LIMIT_MS else ""
    return [
        Figure(f"{name}, the first time", seen[LONG][0], "ms"),
        of_samples(f"{name}, p50", seen[LONG][1:], "ms", budget=BUDGET_MS, note=hidden),
        of_samples(f"{name}, slowest", seen[LONG][1:], "ms", percent=100),
        of_samples(f"{name}, until it is drawn, p50", drawn[LONG][1:], "ms"),
        of_samples("open a chat of 50 by click, p50", seen[FIFTY][1:], "ms"),
        of_samples("open a chat of 4 by click, p50", seen[SHORT][1:], "ms"),
        of_samples(f"find a word in a chat of {sizes.open_length:,} and open it there, p50", found[1:], "ms", budget=BUDGET_MS),
    ]


def hide(db: Database, viewer: Viewer, chat_id: uuid.UUID, length: int) -> None:
    """Puts the needle into the message in the middle of the chat."""
    end = get_chat(db, viewer, chat_id).current_message_id
    assert end is not None
    with db.write() as tx:
        middle = MESSAGES.c.id == end - length // 2
        tx.execute(sa.update(MESSAGES).where(middle).values(content=MESSAGES.c.content + f" {NEEDLE}"))


def opened(page: Page, title: str, end: str) -> tuple[float, float]:
    """Milliseconds from the click until the last answer is drawn, and until it stands in the window."""
    page.get_by_test_id("stSidebar").get_by_text(title, exact=True).first.click()
    drawn, seen = page.wait_for_function(READABLE, arg=[end, LIMIT_MS]).json_value()
    return float(drawn), float(seen)


def searched(page: Page) -> float:
    """Milliseconds from the Enter in the search of the open chat until the message with the needle stands in the window."""
    page.wait_for_timeout(SETTLE_MS)
    page.get_by_test_id("chat-find-open").click()
    field = page.get_by_test_id("chat-find-field")
    field.fill(NEEDLE)
    field.press("Enter")
    return float(page.wait_for_function(FOUND, arg=[NEEDLE, LIMIT_MS]).json_value())
