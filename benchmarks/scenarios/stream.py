"""A streaming answer with one browser watching: what it costs the server, and how late a token is on the screen.

The guide's `/stream N R` sends token n exactly n / R seconds after the first. When the first was sent is in the ledger
(start of the generation + time to first chunk), on the clock of the same machine. A script in the page notes for each
frame of the live connection how much text it brings and when the page had painted the change it made. So for every token
we know when it left the provider and when it could be read.
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from playwright.sync_api import Page

from benchmarks.figures import Figure, of_samples
from benchmarks.scenarios.start import COMPOSER_READY
from benchmarks.sizes import Sizes
from benchmarks.stage import Server, Stage
from chatcore.providers.guide_stream import paced, sample_markdown, tokens
from tests.browser.chat import chat_id, composer, wait_until_done

BUDGET_DELAY_MS = 100.0
BUDGET_CPU_S = 0.3
CHARACTERS_A_TOKEN = 4
IDLE_S = 5.0
# Frames are matched to the first change of the page after their arrival; the stamp is taken in a task of its own, which
# the browser runs after it has drawn that change.
WATCH = """(() => {
  const seen = (window.__frames = []);
  let waiting = [];
  const stamp = new MessageChannel();
  let drawn = [];
  stamp.port1.onmessage = () => {
    const now = performance.timeOrigin + performance.now();
    for (const frame of drawn.splice(0)) frame.painted = now;
  };
  const changes = new MutationObserver(() => {
    if (!waiting.length) return;
    drawn.push(...waiting);
    waiting = [];
    stamp.port2.postMessage(0);
  });
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) {
    const root = attach.call(this, options);
    changes.observe(root, { subtree: true, childList: true, characterData: true });
    return root;
  };
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      if (!String(given[0]).includes("/api/v1/messages/")) return;
      this.addEventListener("message", event => {
        const frame = { text: JSON.parse(event.data).next?.text ?? 0, size: event.data.length, painted: null };
        frame.arrived = performance.timeOrigin + performance.now();
        seen.push(frame);
        waiting.push(frame);
      });
    }
  };
})()"""


def measure(stage: Stage, sizes: Sizes) -> Sequence[Figure]:
    """Answers one after the other in one browser; processor time is counted from before the prompt until after the end."""
    cpu, delays, arrivals, frames = [], [], [], []
    with stage.databases.url("sqlite") as url, stage.server(url) as server, stage.visitor() as context:
        context.add_init_script(WATCH)
        page = context.new_page()
        # The first answer compiles what the first answer compiles.
        open_new(server, page)
        answer(server, page, f"/stream 200 {sizes.stream_rate}")
        for _ in range(sizes.streams):
            open_new(server, page)
            before = server.cpu_s()
            generation, seen = answer(server, page, f"/stream {sizes.stream_tokens} {sizes.stream_rate}")
            cpu.append((server.cpu_s() - before) / sizes.stream_tokens * 1000)
            delays += lateness(generation, seen, "painted", sizes)
            arrivals += lateness(generation, seen, "arrived", sizes)
            frames.append(float(len(seen)))
        before = server.cpu_s()
        time.sleep(IDLE_S)
        idle = (server.cpu_s() - before) / IDLE_S * 100
    rate = f"{sizes.stream_rate}/s"
    return [
        of_samples(f"delay of a token in the browser at {rate}, p50", delays, "ms", budget=BUDGET_DELAY_MS, note="Sent until painted."),
        of_samples(f"delay of a token in the browser at {rate}, p95", delays, "ms", percent=95),
        of_samples("of it until the browser had the frame, p50", arrivals, "ms"),
        of_samples(f"server CPU per 1,000 tokens at {rate}", cpu, "s", budget=BUDGET_CPU_S, note="The whole process, prompt to end."),
        Figure("of it the guide, which stands in for the model", guide_cpu_s(sizes), "s", note="The same stream alone in this process."),
        of_samples("frames an answer", frames, "frames"),
        Figure("server CPU with an open page and nothing to do", idle, "% of a core"),
    ]


def guide_cpu_s(sizes: Sizes) -> float:
    """Processor time in seconds for 1,000 tokens that the guide needs to make and pace them with nobody listening."""

    async def alone() -> None:
        async for _ in paced(list(tokens(sample_markdown(sizes.stream_tokens))), sizes.stream_rate):
            pass

    def run() -> float:
        before = time.thread_time()
        asyncio.run(alone())
        return time.thread_time() - before

    # In a thread of its own: the browser's library has an event loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result() / sizes.stream_tokens * 1000


def open_new(server: Server, page: Page) -> None:
    """Opens a new chat and waits until the server has nothing more to do for it."""
    page.goto(server.url)
    page.wait_for_function(COMPOSER_READY)
    time.sleep(1)


def answer(server: Server, page: Page, prompt: str) -> tuple[dict[str, object], list[dict[str, float]]]:
    """Sends a prompt and waits for its end: the generation as the API tells it, and the frames the page got."""
    composer(page).fill(prompt)
    composer(page).press("Enter")
    page.wait_for_function("() => window.__frames.length > 0")
    wait_until_done(page)
    messages = server.call("GET", f"/api/v1/chat/sessions/{chat_id(page)}/messages")["messages"]
    assert isinstance(messages, list)
    return messages[-1]["generation"], page.evaluate("() => window.__frames")


def lateness(generation: dict[str, object], seen: Sequence[dict[str, float]], moment: str, sizes: Sizes) -> list[float]:
    """How long after its sending each token was there ('arrived', 'painted'), in milliseconds."""
    started = datetime.fromisoformat(str(generation["started_at"])).timestamp()
    first_ms = (started + float(str(generation["time_to_first_chunk_s"]))) * 1000
    found, token = [], 0
    for frame in seen:
        while token < sizes.stream_tokens and (token + 1) * CHARACTERS_A_TOKEN <= frame["text"]:
            if frame[moment] is not None:
                found.append(frame[moment] - (first_ms + token / sizes.stream_rate * 1000))
            token += 1
    return found
