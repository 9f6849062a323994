"""Puts the pieces of SQLite's full-text index together, in small steps: every search looks into each of them.

Whoever writes many messages leaves a piece with each transaction (see `chatcore.search.entering`). Words are found all the same,
0.01 ms a piece later; so this has time until nobody is in a hurry. FTS5 itself only sees to it that the pieces stay few: with all in
one a search takes 0.7 times as long (measured at a million messages), so the upkeep puts all into one when enough has come since.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.bulk import sqlite_driver
from chatcore.db import Database
from chatcore.search.waiting import sort_in

# As many are there in use, since FTS5 itself puts four together at a time.
FEW_PIECES = 24
# All are put into one when those beside the largest hold one page in so many: what is written is then written anew ten times or so.
SHARE = 10
# FTS5 puts so many together of its own accord; more than these are on their way into one, which is gone on with.
AT_A_TIME = 4
# What a step writes: it holds up another writer for some 10 ms. Each also cuts off from every piece what it has taken, some 0.03 ms
# a piece, so that steps of 12 pages took twice the time in all (measured).
PAGES_A_STEP = 32
# After so many the log of SQLite is folded: they are some 16 MB.
STEPS_A_FOLD = 40
# Where FTS5 says what pieces there are (fts5_index.c, "Structure Records"): a cookie of 4 bytes, in newer versions a mark of 4, then
# numbers: of levels, of pieces, of writes; of each level how many pieces are being put together and how many there are; of each
# piece its number, its first and its last page, and in newer versions five more.
STRUCTURE = "SELECT block FROM message_fts_data WHERE id = 10"
MARK = b"\xff\x00\x00\x01"
NEWER_NUMBERS = 5
MERGE = "INSERT INTO message_fts (message_fts, rank) VALUES ('merge', ?)"


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of the index of messages: how many pages each has, and how many at most are being put together."""

    pages: tuple[int, ...]
    merging: int

    @property
    def is_scattered(self) -> bool:
        """Whether it is time to put all into one."""
        return len(self.pages) > AT_A_TIME and (sum(self.pages) - max(self.pages)) * SHARE > sum(self.pages)


def pieces(tx: Session) -> Pieces:
    """Of which pieces the index of messages is."""
    block = bytes(tx.execute(sa.text(STRUCTURE)).scalar() or b"")[4:]
    is_newer = block.startswith(MARK)
    numbers = iter(numbers_in(block.removeprefix(MARK)))
    levels, _, _ = (next(numbers, 0) for _ in range(3))
    pages, merging = [], 0
    for _ in range(levels):
        merging = max(merging, next(numbers))
        for _ in range(next(numbers)):
            _, first, last, *_ = [next(numbers) for _ in range(3 + (NEWER_NUMBERS if is_newer else 0))]
            pages.append(last - first + 1)
    return Pieces(tuple(pages), merging)


def numbers_in(block: bytes) -> list[int]:
    """The numbers that bytes hold, one after the other: 7 bits in each byte, all but the last of a number marked by the eighth."""
    numbers, number = [], 0
    for byte in block:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(number)
            number = 0
    return numbers


def merge_step(db: Database, *, most: int = FEW_PIECES, pages: int = PAGES_A_STEP) -> bool:
    """Goes on to put pieces together if there are more than so many; whether there may be more to do. On PostgreSQL, which has no
    pieces, everything is sorted in that waits."""
    if not db.is_sqlite:
        sort_in(db)
        return False
    with db.read() as tx:
        there = pieces(tx)
    return len(there.pages) > most and write_merged(db, pages)


@dataclass(slots=True)
class Gathering:
    """Puts all pieces into one where these are scattered, for whoever has time: that goes on for a while, in which nobody waits longer
    than for any other step."""

    db: Database
    pages: int = PAGES_A_STEP
    unfolded: int = 0

    def step(self) -> bool:
        """Goes on with it, or sees to it that the pieces are few; whether there may be more to do. On PostgreSQL everything is sorted
        in that waits."""
        if not self.db.is_sqlite:
            return merge_step(self.db)
        with self.db.read() as tx:
            there = pieces(tx)
        if there.merging > AT_A_TIME or not there.is_scattered:
            more = (there.merging > AT_A_TIME or len(there.pages) > FEW_PIECES) and write_merged(self.db, self.pages)
        else:
            # Fewer than none: all of every level (https://www.sqlite.org/fts5.html#the_merge_command).
            more = write_merged(self.db, -self.pages)
        self.unfolded += more
        if self.unfolded >= STEPS_A_FOLD:
            self.db.fold_log()
            self.unfolded = 0
        return more

    def finish(self) -> None:
        """All there is to do, at once."""
        while self.step():
            continue


def write_merged(db: Database, pages: int) -> bool:
    """Writes so many pages of pieces put together; whether there were any."""
    with db.write() as tx:
        driver = sqlite_driver(tx)
        before = driver.total_changes
        driver.execute(MERGE, (pages,))
        # The statement itself counts as one.
        return driver.total_changes - before > 1
