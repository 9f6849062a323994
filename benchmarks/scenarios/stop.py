"""Stopping an answer: how long until it has really ended and what was written is saved."""

import time
from collections.abc import Sequence

from benchmarks.figures import Figure, of_samples
from benchmarks.sizes import Sizes
from benchmarks.stage import Stage
from chatcore.errors import Conflict

BUDGET_MS = 100.0
WRITE_S = 0.6
LIMIT_S = 10.0


def measure(stage: Stage, sizes: Sizes) -> Sequence[Figure]:
    """POST .../stop until the API tells a final state; the answer runs at 200 tokens a second meanwhile."""
    samples = []
    with stage.databases.url("sqlite") as url, stage.server(url) as server:
        for _ in range(sizes.stops + 1):
            _, message_id = server.send(f"/stream {sizes.stream_tokens} {sizes.stream_rate}")
            time.sleep(WRITE_S)
            started = time.perf_counter()
            server.call("POST", f"/api/v1/messages/{message_id}/stop", {})
            while server.message(message_id)["state"] == "running":
                if time.perf_counter() - started > LIMIT_S:
                    raise Conflict("An answer did not stop.", "Look into the server's log.")
            samples.append((time.perf_counter() - started) * 1000)
            kept = server.message(message_id)
            if kept["state"] != "stopped" or not kept["text"]:
                raise Conflict(f"A stopped answer is {kept['state']} with {len(str(kept['text']))} characters.", "This is a fault.")
    return [
        of_samples("stop an answer until it is saved, p50", samples[1:], "ms", budget=BUDGET_MS),
        of_samples("stop an answer until it is saved, slowest", samples[1:], "ms", percent=100),
    ]
