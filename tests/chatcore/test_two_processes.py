"""Two processes on one database: neither touches what the other writes, and each takes over what a dead one left."""

import asyncio
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from chatcore import chat
from chatcore.db import Database
from chatcore.generation import Runner
from chatcore.history import get_chat, get_message
from chatcore.parts import Offset, State, Viewer
from tests.answers import LIMIT_S, ask, ended, follow_to_end, ledger_row, running, until
from tests.factories import make_viewer
from tests.scripted import Scripted

ROOT = Path(__file__).resolve().parents[2]


class Other:
    """Another process that writes an answer (see tests/chatcore/process.py), and what it has said so far."""

    def __init__(self, db: Database, viewer: Viewer) -> None:
        url = db.url.render_as_string(hide_password=False)
        command = [sys.executable, "-m", "tests.chatcore.process", url, viewer.user_id]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.streamed = 0
        self._said: queue.Queue[dict[str, object]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.answer_id = 0

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            words = json.loads(line)
            if "streamed" in words:
                self.streamed = words["streamed"]
            else:
                self._said.put(words)

    def heard(self, word: str) -> object:
        """What the process said under this word."""
        while True:
            words = self._said.get(timeout=LIMIT_S)
            if word in words:
                return words[word]

    def tell(self, word: str) -> None:
        """Tells it to finish its answer, or to close."""
        assert self.process.stdin is not None
        print(word, file=self.process.stdin, flush=True)

    def kill(self) -> None:
        """kill -9, and everything it said before is read."""
        self.process.kill()
        self.process.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


@contextmanager
def other_process(db: Database, viewer: Viewer) -> Iterator[Other]:
    """An answer that another process writes; the process is killed at the end if it still lives."""
    other = Other(db, viewer)
    try:
        other.answer_id = int(str(other.heard("answer")))
        yield other
    finally:
        other.kill()


def words(count: int) -> str:
    return "".join(f"word{number} " for number in range(count))


def test_each_leaves_the_running_answers_of_the_other_alone(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted()
    with other_process(db, ada) as other, running(db, provider) as runner:
        mine = ask(runner, ada)
        assert runner.recover() == 0
        provider.write("The moon")
        until(lambda: other.streamed > 100)
        assert get_message(db, ada, other.answer_id).status is State.RUNNING
        provider.finish()
        assert ended(db, ada, mine.answer_id)[0].content == "The moon"
        runner.close()
        assert get_message(db, ada, other.answer_id).status is State.RUNNING
        other.tell("finish")
        assert other.heard("end") == "complete"
        message, generation = ended(db, ada, other.answer_id)
    assert message.content == words(len(message.content.split()))
    assert generation.output_tokens == len(message.content.split())


async def test_an_answer_of_another_process_can_be_followed(db: Database) -> None:
    ada, come, states = make_viewer(db), "", []
    with other_process(db, ada) as other, running(db, Scripted()) as runner:
        async with asyncio.timeout(LIMIT_S), aclosing(runner.follow(ada, other.answer_id, Offset(text=4))) as updates:
            async for update in updates:
                come += update.text
                states.append(update.state)
                if len(come) > 100:
                    other.tell("finish")
        message, _ = await asyncio.to_thread(ended, db, ada, other.answer_id)
        again = await asyncio.to_thread(follow_to_end, runner, ada, other.answer_id)
    assert come == message.content[4:]
    assert states.index(State.COMPLETE) == len(states) - 1 > 0
    assert again[-1].text == message.content


def test_an_answer_of_another_process_can_be_stopped(db: Database) -> None:
    ada = make_viewer(db)
    with other_process(db, ada) as other, running(db, Scripted()) as runner:
        until(lambda: other.streamed > 0)
        for _ in range(2):
            chat.stop(runner, ada, other.answer_id, now=datetime.now(UTC))
        assert other.heard("end") == "stopped"
        message, generation = ended(db, ada, other.answer_id)
    assert message.content == words(len(message.content.split()))
    assert (generation.state, generation.usage_source) == (State.STOPPED, "estimated")


def test_a_kill_in_mid_answer_loses_a_second_of_text_at_most(db: Database) -> None:
    ada = make_viewer(db)
    with other_process(db, ada) as other:
        until(lambda: get_message(db, ada, other.answer_id).content)
        seen = other.streamed
        until(lambda: other.streamed > seen + 200)
        other.kill()
        before = get_message(db, ada, other.answer_id)
        assert before.status is State.RUNNING
        runner = Runner(db, {})
        runner.open()
        message, made = get_message(db, ada, other.answer_id), get_chat(db, ada, before.session_id)
        runner.close()
    assert message.generation is not None
    row = ledger_row(db, message.generation.id)
    assert (message.status, message.content) == (State.INTERRUPTED, before.content)
    assert message.content == words(len(message.content.split()))
    # 200 tokens a second of 4 to 8 characters; the second second is for a machine that does other things too.
    assert other.streamed - len(message.content) <= 2 * 200 * 8
    assert (row["state"], row["usage_source"], row["finished_at"] is not None) == ("interrupted", "estimated", True)
    assert (made.running, made.input_tokens, made.output_tokens) == (False, row["input_tokens"], row["output_tokens"])
    assert made.message_count == 2


def test_an_orderly_end_of_a_process_keeps_every_word(db: Database) -> None:
    ada = make_viewer(db)
    with other_process(db, ada) as other:
        until(lambda: other.streamed > 200)
        other.tell("close")
        assert other.process.wait(LIMIT_S) == 0
        other.kill()
        message = get_message(db, ada, other.answer_id)
    assert message.status is State.INTERRUPTED
    # It says how far it is after each word was taken, so the end may come between a word and its saying.
    told = len(message.content[: other.streamed].split())
    assert message.content in (words(told), words(told + 1))
