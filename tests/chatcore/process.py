"""A process of its own that writes an answer: started by test_two_processes, told what to do by its standard input.

python -m tests.chatcore.process DATABASE_URL USER_ID: sends a prompt, then prints one JSON line for each thing that
happens: {"answer": id}, {"streamed": characters} after each token, {"end": state}. The line "finish" ends the answer, "close"
the process.
"""

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from chatcore import chat
from chatcore.db import open_database
from chatcore.generation import Runner
from chatcore.parts import ChatRequest, Event, Finished, FinishReason, TextDelta, Viewer
from tests.scripted import Scripted

TOKENS_PER_S = 200
SPEAKING = threading.Lock()


class Pen(Scripted):
    """Writes numbered words at an even pace, and says how far it is, until it is told to finish."""

    def __init__(self) -> None:
        super().__init__()
        self.enough = threading.Event()

    async def chat(self, request: ChatRequest) -> AsyncIterator[Event]:
        characters = number = 0
        while not self.enough.is_set():
            word = f"word{number} "
            yield TextDelta(word)
            number += 1
            characters += len(word)
            say(streamed=characters)
            await asyncio.sleep(1 / TOKENS_PER_S)
        yield Finished(FinishReason.STOP)


def say(**words: object) -> None:
    """Prints one line, whole: several threads speak."""
    with SPEAKING:
        print(json.dumps(words), flush=True)


def main(url: str, user_id: str) -> None:
    db, pen = open_database(url), Pen()
    runner = Runner(db, {pen.name: pen})
    runner.open()
    viewer = Viewer(user_id, user_id)
    sent = chat.send(runner, viewer, None, chat.Draft("Write.", pen.name, "pen"), now=datetime.now(UTC))
    say(answer=sent.answer_id)

    def watch() -> None:
        for update in runner.follow_sync(viewer, sent.answer_id):
            if update.state != "running":
                say(end=update.state)

    threading.Thread(target=watch, daemon=True).start()
    for line in sys.stdin:
        if line.strip() == "finish":
            pen.enough.set()
        if line.strip() == "close":
            break
    runner.close()
    db.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
