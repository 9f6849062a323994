"""The session page over very many chats, as a person meets it: open it, narrow it, turn the page, search."""

from collections.abc import Callable, Sequence
from functools import partial

from playwright.sync_api import Page

from benchmarks.figures import Figure, of_samples
from benchmarks.filling import NOW, fill_chats
from benchmarks.sizes import Sizes
from benchmarks.stage import Stage
from chatcore.accounts import local_owner
from chatcore.db import init_db, open_database

# What design.md promises for the search page.
BUDGET_MS = 300.0
SHELVES = ("Archived", "Trash", "Chats")
WORDS = ("sourdough", "guitar", "train", "tides", "ship")
# The text of all rows, of the list or of the results; both live in a shadow root.
ROWS = """() => {
  for (const host of document.querySelectorAll("div")) {
    const rows = host.shadowRoot?.querySelector(".chats :is(tbody, .list)");
    if (rows) return rows.textContent;
  }
  return null;
}"""
CHANGED = f"""before => {{
  const now = ({ROWS})();
  return now !== null && now !== before ? performance.now() - (window.__acted ?? 0) : null;
}}"""
WATCH = """(() => {
  for (const kind of ["click", "keydown"]) addEventListener(kind, () => { window.__acted = performance.now(); }, true);
})()"""


def measure(stage: Stage, sizes: Sizes) -> Sequence[Figure]:
    """From the click or the key to the first frame with other rows on the page."""
    with stage.databases.url("sqlite") as url:
        db = open_database(url)
        init_db(db)
        fill_chats(db, local_owner(db, now=NOW), sizes.chats, messages=2)
        db.close()
        with stage.server(url) as server, stage.visitor() as context:
            context.add_init_script(WATCH)
            page = context.new_page()
            first = loaded(page, server.url)
            loads = [loaded(page, server.url) for _ in range(sizes.clicks)]
            onward = [acted(page, partial(press_next, page)) for _ in range(sizes.clicks)]
            loaded(page, server.url)
            shelves = [acted(page, partial(choose_shelf, page, SHELVES[turn % 3])) for turn in range(sizes.clicks)]
            loaded(page, server.url)
            searches = [acted(page, partial(search, page, WORDS[turn % 5])) for turn in range(sizes.clicks)]
            hits = [acted(page, partial(press_next, page)) for _ in range(sizes.clicks)]
    chats = f"{sizes.chats:,} chats"
    return [
        Figure(f"session page of {chats}, first load", first, "ms", note="Empty browser cache."),
        of_samples(f"session page of {chats}, load again, p50", loads, "ms"),
        of_samples(f"session page of {chats}, next page, p50", onward, "ms", budget=BUDGET_MS),
        of_samples(f"session page of {chats}, other shelf, p50", shelves, "ms", budget=BUDGET_MS),
        of_samples(f"session page of {chats}, search a word, p50", searches, "ms", budget=BUDGET_MS),
        of_samples(f"session page of {chats}, next page of hits, p50", hits, "ms", budget=BUDGET_MS),
    ]


def loaded(page: Page, url: str) -> float:
    """Milliseconds from the start of the navigation to the rows."""
    page.goto(f"{url}/sessions", wait_until="commit")
    return float(page.wait_for_function(f"() => ({ROWS})() ? performance.now() : null").json_value())


def acted(page: Page, act: Callable[[], None]) -> float:
    """Milliseconds from what a person did last to other rows on the page."""
    before = page.evaluate(ROWS)
    act()
    return float(page.wait_for_function(CHANGED, arg=before).json_value())


def press_next(page: Page) -> None:
    page.get_by_role("button", name="Next").click()


def choose_shelf(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name).click(force=True)


def search(page: Page, word: str) -> None:
    box = page.get_by_placeholder("Search titles and messages")
    box.fill(word)
    box.press("Enter")
