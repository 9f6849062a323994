"""The program that reads a large file for an import, while the process that began it writes: the rows it makes on standard output.

    python -m chatcore.importing_ahead PATH NAME_OF_FORMAT TIME

To read the file, to make rows of it and to cut their words takes as long as to write them, and Python does one thing at a time. In a
process of its own it uses another processor, and a chat that goes on meanwhile in this one is not held up by it.

It answers values of `chatcore.importing_shapes`, pickled, some chats at a time, and at the end one that says that this was all. Who
reads them is the same program, so nobody else's pickles are loaded. If either process is killed the other one ends: a pipe breaks.
"""

import copyreg
import gc
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from datetime import datetime
from pathlib import Path
from typing import IO, BinaryIO

from chatcore.archive import Opened, open_file
from chatcore.errors import Conflict
from chatcore.formats import format_named, read
from chatcore.formats.base import Broken
from chatcore.importing_shapes import ChatShape, chat_shape

ROOT = Path(__file__).resolve().parent.parent
# What goes through the pipe at once.
MESSAGES_A_FRAME = 200
# Of the pipe, where the system lets us choose (Linux): some 700 messages, so that neither waits for the other at each frame.
PIPE_BYTES = 1024 * 1024
# Stands for the file itself in what is pickled: pictures are read out of it by who writes.
THE_FILE = "the_file"

COMMAND = ("-m", "chatcore.importing_ahead")

Shape = ChatShape | Broken


def shapes_ahead(opened: Opened, format_name: str, *, now: datetime) -> Generator[Shape]:
    """The chats of an open file as they would be written, read by a process of its own, which ends with this. Raises Conflict if it
    ends too early."""
    # Nothing of this process goes along: not its keys, not its addresses.
    told = {key: os.environ[key] for key in ("PATH", "SYSTEMROOT", "TMPDIR") if key in os.environ}
    command = [sys.executable, *COMMAND, str(opened.path.resolve()), format_name, now.isoformat()]
    child = subprocess.Popen(command, cwd=ROOT, env=told, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pipesize=PIPE_BYTES)
    assert child.stdout is not None
    try:
        while (frame := next_frame(child.stdout, opened)) is not None:
            yield from frame
    except (EOFError, pickle.UnpicklingError) as error:
        raise Conflict("The process that reads the file ended too early.", "Import it again: that goes on where this stopped.") from error
    finally:
        child.kill()
        child.stdout.close()
        child.wait()


def next_frame(stream: IO[bytes], opened: Opened) -> list[Shape] | None:
    """What comes next; None at the end. Raises EOFError if there is no end."""
    frame: list[Shape] | None = Frame(stream, opened).load()
    return frame


class Frame(pickle.Unpickler):
    """Reads a frame, in which the file stands for the one that is open here."""

    def __init__(self, stream: IO[bytes], opened: Opened) -> None:
        super().__init__(stream)
        self.opened = opened

    def find_class(self, module: str, name: str) -> object:
        """The class or function of this name."""
        if name == THE_FILE:
            return lambda: self.opened
        return super().find_class(module, name)


def the_file() -> Opened:
    """What is written in the place of the file; never called."""
    raise AssertionError


def in_its_place(_: Opened) -> tuple[Callable[[], Opened], tuple[()]]:
    return the_file, ()


def put_frame(stream: BinaryIO, frame: list[Shape] | None) -> None:
    """Writes a frame."""
    pickle.dump(frame, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def main() -> None:
    """Reads the file and answers."""
    if sys.platform != "win32":
        # If nobody reads any more it ends at once, without a word: Python would raise an error at the pipe.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # What is read makes no circles, and to look for them takes a tenth of the time.
    gc.set_threshold(100_000)
    path, format_name, now = Path(sys.argv[1]), sys.argv[2], datetime.fromisoformat(sys.argv[3])
    copyreg.pickle(Opened, in_its_place)
    frame: list[Shape] = []
    size = 0
    with open_file(path) as opened:
        for one in read(opened, format_named(format_name)):
            frame.append(one if isinstance(one, Broken) else chat_shape(one, now=now, cut_words=True))
            size += 1 if isinstance(one, Broken) else 1 + len(one.messages)
            if size >= MESSAGES_A_FRAME:
                put_frame(sys.stdout.buffer, frame)
                frame, size = [], 0
    put_frame(sys.stdout.buffer, frame)
    put_frame(sys.stdout.buffer, None)


if __name__ == "__main__":
    main()
