"""From nothing to a page one can type in, and what the server weighs then."""

import time
from collections.abc import Sequence

from benchmarks.figures import Figure, of_samples
from benchmarks.sizes import Sizes
from benchmarks.stage import Stage

BUDGET_UP_S = 3.0
BUDGET_VISIT_S = 3.0
BUDGET_MEMORY_MB = 200.0
IDLE_S = 3.0
# Answers with the time since the navigation began as soon as the composer can be typed in.
COMPOSER_READY = """() => {
  const box = document.querySelector('[data-testid="stChatInput"] textarea');
  return box && !box.disabled && box.getClientRects().length ? performance.now() : null;
}"""


def measure(stage: Stage, sizes: Sizes) -> Sequence[Figure]:
    """Each time a new server and a browser without a cache. The first start also makes the database; it is told apart."""
    up, visit, again, memory = [], [], [], []
    with stage.databases.url("sqlite") as url:
        for _ in range(sizes.starts + 1):
            with stage.server(url) as server, stage.visitor() as context:
                up.append(server.up_s)
                page = context.new_page()
                page.goto(server.url, wait_until="commit")
                visit.append(float(page.wait_for_function(COMPOSER_READY).json_value()) / 1000)
                time.sleep(IDLE_S)
                memory.append(server.memory_mb())
                page.goto(server.url, wait_until="commit")
                again.append(float(page.wait_for_function(COMPOSER_READY).json_value()) / 1000)
    return [
        Figure("server up, first start ever", up[0], "s", BUDGET_UP_S, note="Includes making the database."),
        of_samples("server up", up[1:], "s", budget=BUDGET_UP_S),
        of_samples("first visit until one can type", visit, "s", budget=BUDGET_VISIT_S, note="Empty browser cache, new server."),
        of_samples("first visit, the slowest", visit, "s", percent=100),
        of_samples("second visit", again, "s", note="Warm server and browser cache."),
        of_samples("memory of the idle server", memory, "MB", budget=BUDGET_MEMORY_MB, note="Resident, process tree, after one visit."),
    ]
