"""How far a command is, on one line of a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click


class Progress:
    """How far a command is, on one line of a terminal; silent where nobody looks."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.shows = sys.stderr.isatty()
        self.width = 0

    def __call__(self, done: int, total: int) -> None:
        if self.shows:
            line = f"{self.label} {done:,} of {total:,} ({done * 100 // max(total, 1)}%)"
            click.echo("\r" + line.ljust(self.width), err=True, nl=False)
            self.width = len(line)

    def end(self) -> None:
        """Leaves the line."""
        if self.width:
            click.echo(err=True)


@contextmanager
def progress(label: str) -> Iterator[Progress]:
    """A progress line that is left whatever happens."""
    show = Progress(label)
    try:
        yield show
    finally:
        show.end()
