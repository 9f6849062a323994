"""Puts the pieces of SQLite's full-text index together, in small steps: every search looks into each of them.

Whoever writes many messages leaves a piece with each transaction (see `chatcore.search.entering`). Words are found all the same,
0.01 ms a piece later; so this has time until nobody is in a hurry.
"""

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.bulk import sqlite_driver
from chatcore.db import Database
from chatcore.search.waiting import sort_in

# As many are there in use, since FTS5 itself puts four together at a time.
FEW_PIECES = 24
# What a step writes: it holds up another writer for some 10 ms. Each also cuts off from every piece what it has taken, some 0.03 ms
# a piece, so that steps of 12 pages took twice the time in all (measured).
PAGES_A_STEP = 32
# Where FTS5 says what pieces there are: a cookie of 4 bytes, in newer versions a mark of 4, then numbers: of levels, of pieces
# (fts5_index.c, "Structure Records").
STRUCTURE = "SELECT block FROM message_fts_data WHERE id = 10"
MARK = b"\xff\x00\x00\x01"


def count_pieces(tx: Session) -> int:
    """Of how many pieces the index of messages is."""
    block = bytes(tx.execute(sa.text(STRUCTURE)).scalar() or b"")[4:].removeprefix(MARK)
    _, rest = number_at(block)
    return number_at(rest)[0]


def number_at(block: bytes) -> tuple[int, bytes]:
    """The number that bytes begin with, 7 bits in each but the last marked by the eighth, and what follows it."""
    found = 0
    for place, byte in enumerate(block, 1):
        found = found << 7 | byte & 0x7F
        if byte < 0x80:
            return found, block[place:]
    return found, b""


def merge_step(db: Database, *, most: int = FEW_PIECES, pages: int = PAGES_A_STEP) -> bool:
    """Goes on to put pieces together if there are more than so many; whether there may be more to do. On PostgreSQL, which has no
    pieces, everything is sorted in that waits."""
    if not db.is_sqlite:
        sort_in(db)
        return False
    with db.read() as tx:
        if count_pieces(tx) <= most:
            return False
    with db.write() as tx:
        driver = sqlite_driver(tx)
        before = driver.total_changes
        driver.execute("INSERT INTO message_fts (message_fts, rank) VALUES ('merge', ?)", (pages,))
        # The statement itself counts as one.
        return driver.total_changes - before > 1
