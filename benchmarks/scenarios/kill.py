"""kill -9 in the middle of an answer: how much of what was streamed is gone, and does the message say so."""

import http.client
import json
import threading
import time
from collections.abc import Sequence

from benchmarks.figures import Figure, of_samples
from benchmarks.scenarios.stream import CHARACTERS_A_TOKEN
from benchmarks.sizes import Sizes
from benchmarks.stage import Server, Stage

BUDGET_S = 1.0
LIMIT_S = 30.0


def measure(stage: Stage, sizes: Sizes) -> Sequence[Figure]:
    """A reader follows the events of an answer; the server is killed; after a new start the stored text is compared with what
    the reader had. Lost text is given in seconds of writing at the known speed."""
    lost, unmarked, restart = [], 0, []
    with stage.databases.url("sqlite") as url:
        for number in range(sizes.kills):
            server = Server(url, stage.folder / "server.log")
            try:
                _, message_id = server.send(f"/stream {sizes.stream_tokens} {sizes.stream_rate}")
                reader = Reader(server, message_id)
                # Killed at different points between two checkpoints.
                time.sleep(sizes.kill_after_s + number * 0.23)
            finally:
                server.kill()
            received = reader.finish()
            with stage.server(url) as again:
                restart.append(again.up_s)
                message = ended(again, message_id)
            stored = len(str(message["text"]))
            lost.append(max(0, received - stored) / CHARACTERS_A_TOKEN / sizes.stream_rate)
            unmarked += message["state"] != "interrupted"
    return [
        of_samples("text lost at kill -9, worst", lost, "s of text", percent=100, budget=BUDGET_S),
        of_samples("text lost at kill -9, p50", lost, "s of text"),
        Figure("answers not marked interrupted after kill -9", unmarked, "answers", 0),
        of_samples("server up again after kill -9", restart, "s"),
    ]


def ended(server: Server, message_id: int) -> dict[str, object]:
    """The message when it runs no more, or as it is after a while: another start may have to wait for a dead heartbeat."""
    deadline = time.perf_counter() + LIMIT_S
    while (message := server.message(message_id))["state"] == "running" and time.perf_counter() < deadline:
        time.sleep(0.1)
    return message


class Reader:
    """Counts the characters of an answer that reached somebody, over Server-Sent Events."""

    def __init__(self, server: Server, message_id: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self._connection.request("GET", f"/api/v1/messages/{message_id}/events")
        self._answer = self._connection.getresponse()
        self._received = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while line := self._answer.readline():
                if line.startswith(b"data: "):
                    self._received = int(json.loads(line[6:])["next"]["text"])
        except (OSError, http.client.HTTPException, ValueError):
            # The server was killed, in the middle of a line perhaps.
            return

    def finish(self) -> int:
        """The characters received until the connection broke."""
        self._thread.join(10)
        self._connection.close()
        return self._received
