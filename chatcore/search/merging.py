"""Puts the pieces of SQLite's full-text index together, in small steps: every search looks into each of them.

Whoever writes many messages leaves a piece with each transaction (see `chatcore.search.entering`). Words are found all the same,
0.01 ms a piece later; so this has time until nobody is in a hurry. FTS5 itself only sees to it that the pieces stay few: with all in
one a search takes 0.7 times as long (measured at a million messages), so the upkeep puts all into one when enough has come since.
"""

import logging
import sqlite3
from dataclasses import dataclass, replace
from itertools import chain, islice

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.bulk import sqlite_driver
from chatcore.db import Database
from chatcore.search.waiting import sort_in

log = logging.getLogger(__name__)

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
# The largest piece is moved down to this level. FTS5 puts pieces of a level together once there are four, and leaves the new one a
# level below: it never gets to so many while these are less than a tenth of a large index. Where FTS5 itself leaves a piece that all
# were put into, few messages are enough for it to write that anew (after 3,000 in a million, measured), or each time is a level more,
# and in a commit it puts together 64 pages for each level there is: 20 MB and 0.13 s with 62 of them (measured).
DEEPEST = 10
# Where FTS5 says what pieces there are (fts5_index.c, "Structure Records"): a cookie of 4 bytes, in newer versions a mark of 4, then
# numbers: of levels, of pieces, of writes; of each level how many pieces are being put together and how many there are; of each
# piece its number, its first and its last page, and in newer versions five more. The deeper the level, and the earlier there, the
# older the piece.
STRUCTURE = "SELECT block FROM message_fts_data WHERE id = 10"
MARK = b"\xff\x00\x00\x01"
NEWER_NUMBERS = 5
MOST_LEVELS = 64
# What a SQLite says that lets nobody else write FTS5's tables (https://www.sqlite.org/c3ref/c_dbconfig_defensive.html).
FORBIDDEN = "may not be modified"
MERGE = "INSERT INTO message_fts (message_fts, rank) VALUES ('merge', ?)"
WRITE_STRUCTURE = "UPDATE message_fts_data SET block = ? WHERE id = 10"

Piece = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """Pieces of about one size, the oldest first, and how many of them are being put together."""

    merging: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of the index of messages, by levels; `head` and `writes` are FTS5's own."""

    head: bytes
    writes: int
    levels: tuple[Level, ...]

    @property
    def pages(self) -> tuple[int, ...]:
        """How many pages each has."""
        return tuple(last - first + 1 for level in self.levels for _, first, last, *_ in level.pieces)

    @property
    def merging(self) -> int:
        """How many at most are being put together."""
        return max((level.merging for level in self.levels), default=0)

    @property
    def are_apart(self) -> bool:
        """Whether those beside the largest are many enough, together, to be put to it."""
        pages = self.pages
        return (sum(pages) - max(pages, default=0)) * SHARE > sum(pages)

    @property
    def is_scattered(self) -> bool:
        """Whether it is time to put all into one."""
        return len(self.pages) > AT_A_TIME and self.are_apart

    @property
    def is_misplaced(self) -> bool:
        """Whether the largest had better lie at another level."""
        return bool(self.pages) and not self.are_apart and self.moved_down().levels != self.levels

    def moved_down(self) -> "Pieces":
        """The same with the largest, and what is older, at the deepest level, and all others above it. Nothing may be merging."""
        by_age = [(place, piece) for place, level in reversed(list(enumerate(self.levels))) for piece in level.pieces]
        largest = max((last - first for _, (_, first, last, *_) in by_age), default=0)
        levels: list[list[Piece]] = [[] for _ in range(DEEPEST + 1)]
        is_older = True
        for place, piece in by_age:
            levels[DEEPEST if is_older else min(place, DEEPEST - 1)].append(piece)
            is_older = is_older and piece[2] - piece[1] < largest
        return replace(self, levels=tuple(Level(0, tuple(level)) for level in levels))

    def as_bytes(self) -> bytes:
        """As FTS5 writes them down."""
        numbers = [len(self.levels), len(self.pages), self.writes]
        for level in self.levels:
            numbers += [level.merging, len(level.pieces), *chain.from_iterable(level.pieces)]
        return self.head + b"".join(map(bytes_of, numbers))


def pieces(tx: Session) -> Pieces:
    """Of which pieces the index of messages is; none if FTS5 writes that down in a way not known here, and so sees to them alone."""
    block = bytes(tx.execute(sa.text(STRUCTURE)).scalar() or bytes(4))
    is_newer = block.startswith(MARK, 4)
    head = 8 if is_newer else 4
    numbers = iter(numbers_in(block[head:]))
    count, _, writes = (next(numbers, 0) for _ in range(3))
    levels, each = [], 3 + (NEWER_NUMBERS if is_newer else 0)
    for _ in range(min(count, MOST_LEVELS)):
        merging, there = next(numbers, 0), next(numbers, 0)
        levels.append(Level(merging, tuple(tuple(islice(numbers, each)) for _ in range(there))))
    found = Pieces(block[:head], writes, tuple(levels))
    is_known = found.as_bytes() == block and all(len(piece) == each for level in levels for piece in level.pieces)
    return found if is_known else Pieces(b"", 0, ())


def numbers_in(block: bytes) -> list[int]:
    """The numbers that bytes hold, one after the other: 7 bits in each byte, all but the last of a number marked by the eighth."""
    numbers, number = [], 0
    for byte in block:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(number)
            number = 0
    return numbers


def bytes_of(number: int) -> bytes:
    """A number as such bytes."""
    found = [number & 0x7F]
    while number := number >> 7:
        found.append(number & 0x7F | 0x80)
    return bytes(reversed(found))


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
    may_move: bool = True

    def step(self) -> bool:
        """Goes on with it, or sees to it that the pieces are few; whether there may be more to do. On PostgreSQL everything is sorted
        in that waits."""
        if not self.db.is_sqlite:
            return merge_step(self.db)
        with self.db.read() as tx:
            there = pieces(tx)
        is_misplaced = self.may_move and there.is_misplaced
        if there.merging > AT_A_TIME or (is_misplaced and there.merging):
            more = write_merged(self.db, self.pages)
        elif is_misplaced:
            more = self.move_down()
        elif there.is_scattered:
            # Fewer than none: all of every level (https://www.sqlite.org/fts5.html#the_merge_command).
            more = write_merged(self.db, -self.pages)
        else:
            more = len(there.pages) > FEW_PIECES and write_merged(self.db, self.pages)
        self.unfolded += more
        if self.unfolded >= STEPS_A_FOLD:
            self.db.fold_log()
            self.unfolded = 0
        return more

    def move_down(self) -> bool:
        """Moves the largest piece to the deepest level, if this SQLite allows it; whether it did."""
        try:
            return move_down(self.db)
        except sqlite3.OperationalError as error:
            if FORBIDDEN not in str(error):
                raise
        log.info("This build of SQLite lets only FTS5 order its index, which it then writes anew more often.")
        self.may_move = False
        return False

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


def move_down(db: Database) -> bool:
    """Moves the largest piece to the deepest level, which FTS5 has no command for; whether it was to be moved. Nothing of what is
    found depends on levels but the age of pieces, and their order stays."""
    with db.write() as tx:
        driver = sqlite_driver(tx)
        # Goes on with what somebody else may have begun meanwhile, and makes FTS5 forget which pieces it knew.
        driver.execute(MERGE, (1,))
        there = pieces(tx)
        if there.merging or not there.is_misplaced:
            return there.is_misplaced
        driver.execute(WRITE_STRUCTURE, (there.moved_down().as_bytes(),))
    return True
