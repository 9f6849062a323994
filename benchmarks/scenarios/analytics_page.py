"""The analytics page over very many messages, as a person meets it: opened, narrowed, another tab, and from a bar to its messages."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from playwright.sync_api import Page

from benchmarks.corpus import Corpus
from benchmarks.figures import Figure, of_samples
from benchmarks.filling import NOW
from benchmarks.loading import load
from benchmarks.sizes import Sizes
from benchmarks.stage import Stage
from chatcore.db import init_db, open_database

# What issue 4 promises at a million messages.
FIRST_MS, CHANGE_MS = 1_500.0, 500.0
TABS = {
    "Activity": "Calendar",
    "Speed": "Speed of each model",
    "Quality": "How answers ended",
    "Cost": "Kinds of tokens",
    "Compare": "What changed",
}
# The overview is there: its tiles, and a mark in each of its three charts; nothing is left of the choice before.
WHOLE = """() => {
  const seen = (name) => [...document.querySelectorAll(`[data-testid=${name}]`)].filter((one) => one.getClientRects().length);
  const drawn = "[aria-roledescription=bar], [aria-roledescription='rect mark']";
  const charts = seen("stVegaLiteChart").filter((chart) => chart.querySelector(drawn));
  return seen("stMetric").length === 8 && charts.length === 3 && !document.querySelector("[data-stale=true]") ? performance.now() : null;
}"""
FIRST_TILE = "() => document.querySelector('[data-testid=stMetricValue]').textContent"
NARROWED = f"""before => {{
  const shown = ({WHOLE})();
  return shown !== null && ({FIRST_TILE})() !== before ? shown - window.__acted : null;
}}"""
TITLED = """title => {
  const there = [...document.querySelectorAll("strong")].some((one) => one.textContent === title && one.getClientRects().length);
  return there && !document.querySelector("[data-stale=true]") ? performance.now() - window.__acted : null;
}"""
LISTED = """() => document.querySelector("[class*=behind] [data-testid=stPageLink]") ? performance.now() - window.__acted : null"""
WATCH = """(() => {
  addEventListener("mousedown", () => { window.__acted = performance.now(); }, true);
})()"""


def measure(stage: Stage, sizes: Sizes) -> Sequence[Figure]:
    """From the start of the navigation, or the click, to the first frame in which what was asked for is whole."""
    with stage.databases.corpus_url("sqlite", sizes.corpus) as url:
        db = open_database(url)
        init_db(db)
        load(db, Corpus(sizes.corpus))
        db.close()
        with stage.server(url) as server, stage.visitor() as context:
            context.add_init_script(WATCH)
            page = context.new_page()
            first = loaded(page, server.url, 30)
            # Other days each time, so that no answer is one that was kept.
            months, years = ([loaded(page, server.url, days + turn) for turn in range(sizes.clicks)] for days in (31, 700))
            loaded(page, server.url, 30)
            narrowed = [acted(page, partial(choose_model, page), NARROWED, page.evaluate(FIRST_TILE)) for _ in range(sizes.clicks)]
            tabs: list[float] = []
            bars: list[float] = []
            for turn in range(sizes.clicks):
                loaded(page, server.url, 50 + turn)
                bars.append(acted(page, page.locator("[aria-roledescription=bar]").nth(turn).click, LISTED))
                tabs += [acted(page, page.get_by_role("tab", name=name).click, TITLED, title) for name, title in TABS.items()]
    what = f"analytics page of {sizes.corpus:,} messages"
    return [
        Figure(f"{what}, 30 days, first load", first, "ms", note="Empty browser cache, a server that was asked nothing yet."),
        of_samples(f"{what}, 30 days, p50", months, "ms", budget=FIRST_MS),
        of_samples(f"{what}, 2 years, p50", years, "ms", budget=FIRST_MS),
        of_samples(f"{what}, another filter, p50", narrowed, "ms", budget=CHANGE_MS),
        of_samples(f"{what}, another tab, p50", tabs, "ms", budget=CHANGE_MS),
        of_samples(f"{what}, a bar to its list, p50", bars, "ms", budget=CHANGE_MS),
    ]


def loaded(page: Page, url: str, days: int) -> float:
    """Milliseconds from the start of the navigation to the whole overview of so many days before the end of the corpus."""
    page.goto(f"{url}/analytics?from={NOW.date() - timedelta(days=days)}&to={NOW.date()}", wait_until="commit")
    return float(page.wait_for_function(WHOLE).json_value())


def acted(page: Page, act: Callable[[], None], until: str, argument: object = None) -> float:
    """Milliseconds from what a person did last until that holds."""
    act()
    return float(page.wait_for_function(until, arg=argument).json_value())


def choose_model(page: Page) -> None:
    """One more model in the filter; the last click of it is the one that chooses."""
    page.get_by_role("combobox", name="Models").click()
    # The first one chooses all of them.
    page.get_by_role("option").last.click()
    page.keyboard.press("Escape")
