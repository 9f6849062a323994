"""A corpus as the loader writes it: portions with the words of their texts cut, made by a process of its own for a large one.

To make the texts and to cut them takes longer than to write them with their index, and Python does one thing at a time: here two
processors work. The portions come on standard output, pickled, as `chatcore.importing_ahead` does it; who reads them is the same
program. If either process is killed the other one ends: a pipe breaks.
"""

import gc
import pickle
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from benchmarks.corpus import VERSION, Batch, Corpus
from benchmarks.machine import ROOT
from chatcore.search.entering import Entry
from chatcore.words import parts_of_words, words_of

# Below that it is made here: a process takes half a second to begin.
MESSAGES_AHEAD = 20_000
# Of the pipe, where the system lets us choose (Linux): some 700 messages, so that neither waits for the other at each portion.
PIPE_BYTES = 1024 * 1024
# Not -m: what is pickled is of the module of this name.
PROGRAM = ("-c", "from benchmarks.portions import main; main()")


@dataclass(frozen=True, slots=True)
class Filling:
    """What a database was filled with. `written` messages of `messages` so far; `planted` as `Corpus.planted` has it."""

    version: int
    seed: int
    messages: int
    written: int
    chats: int
    answers: int
    text_bytes: int
    long_chat: str | None
    planted: dict[str, dict[str, int]]

    @property
    def whole(self) -> bool:
        """Whether nothing is left to be written."""
        return self.written == self.messages


@dataclass(frozen=True, slots=True)
class Portion:
    """Rows with what the search index is made of, and what the database is filled with when they are written."""

    batch: Batch
    entries: list[Entry]
    filling: Filling


def portions_ahead(corpus: Corpus, size: int, *, written: int) -> Generator[Portion]:
    """The portions behind the first messages that were `written`, as `portions` has them."""
    if corpus.wanted < MESSAGES_AHEAD:
        yield from portions(corpus, size, written=written)
        return
    command = [sys.executable, *PROGRAM, *map(str, (corpus.wanted, corpus.seed, size, written))]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pipesize=PIPE_BYTES)
    assert child.stdout is not None
    with closing(child.stdout) as stream:
        try:
            while (portion := pickle.load(stream)) is not None:
                yield portion
        finally:
            child.kill()
            child.wait()


def portions(corpus: Corpus, size: int, *, written: int) -> Iterator[Portion]:
    """All portions of so many messages but those that were `written`, whose messages are made but not cut."""
    for batch in corpus.batches(size):
        if corpus.messages > written:
            yield cut(corpus, batch)


def cut(corpus: Corpus, batch: Batch) -> Portion:
    """The portion that a batch is, which was the last that the corpus handed out."""
    return Portion(batch, [entry(int(str(row[0])), row[6], str(row[10])) for row in batch.messages], filling(corpus))


def entry(message_id: int, created_at: object, content: str) -> Entry:
    """The words of a message and their parts."""
    assert isinstance(created_at, datetime)
    words = words_of(content)
    return Entry(message_id, created_at, " ".join(words), " ".join(parts_of_words(content, words)))


def filling(corpus: Corpus) -> Filling:
    """What was handed out so far."""
    return Filling(
        version=VERSION,
        seed=corpus.seed,
        messages=corpus.wanted,
        written=corpus.messages,
        chats=corpus.chats,
        answers=corpus.answers,
        text_bytes=corpus.text_bytes,
        long_chat=corpus.long_chat_id.hex if corpus.long_chat_id else None,
        planted=corpus.planted,
    )


def main() -> None:
    """The program: MESSAGES SEED SIZE WRITTEN. Makes the portions and answers with them, None at the end."""
    # What is made has no circles, and to look for them takes a tenth of the time.
    gc.set_threshold(100_000)
    messages, seed, size, written = map(int, sys.argv[1:])
    with suppress(BrokenPipeError):
        for portion in chain(portions(Corpus(messages, seed=seed), size, written=written), (None,)):
            pickle.dump(portion, sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)
            sys.stdout.buffer.flush()
