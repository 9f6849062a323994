"""How much of an import goes into a transaction, and when it makes room for others.

SQLite has one writer at a time. What a transaction costs besides its rows is pages: each writes all those anew that it has touched,
and a piece of the search index. So one of 250 messages takes half of the time for a message that one of 30 takes (measured), but
nobody should wait until it ends. So the import looks about while it writes, and ends its transaction when somebody in this process
stands in line. Other programs cannot be seen in line, only what they have written: while they do, transactions are short.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.bulk import quickly
from chatcore.db import POLL_S, Database

# With their attempts, references and entries some 1,000 rows. Twice as many are a twentieth faster.
MESSAGES = {"sqlite": 250, "postgresql": 300}
# Some 3 to 5 ms of processor time; with the words that were not yet put into the index and the end of the transaction somebody waits
# for twice that. Of half as many the rows of a message took a sixth longer (measured).
MESSAGES_A_LOOK = 50
# After so many the log of SQLite is folded: they are some 16 MB.
TRANSACTIONS_A_FOLD = 8
# For how long rows are written if nobody is seen; it is only reached where everything is slow.
ALONE_S = 0.1
# For how long while another program writes too; to put their words into the index and to end the transaction takes as long again.
BESIDE_OTHERS_S = 0.007
# So long after another program has written it may write again.
OTHERS_WRITE_S = 30.0


class Portion(Protocol):
    """What is written together."""

    @property
    def messages(self) -> Sequence[object]: ...


P = TypeVar("P", bound=Portion)


@dataclass(slots=True)
class Room:
    """How many messages a transaction takes, and how many it writes between two looks at who waits."""

    messages: int = 100
    messages_a_look: int = 100
    db: Database | None = None
    version: int | None = None
    began: float = 0.0
    others_until: float = 0.0
    unfolded: int = 0

    @classmethod
    def of(cls, db: Database) -> "Room":
        """That of a database. On PostgreSQL nobody waits."""
        messages = MESSAGES[db.dialect]
        return cls(messages, MESSAGES_A_LOOK, db) if db.is_sqlite else cls(messages, messages)

    def begin(self, tx: Session) -> None:
        """Takes note of a transaction that begins, and of whether another program has written since the last one began."""
        self.began = time.monotonic()
        if self.db is None:
            return
        version = quickly(tx, DATA_VERSION, {})[0][0]
        if self.version is not None and version != self.version:
            self.others_until = self.began + OTHERS_WRITE_S
        assert isinstance(version, int)
        self.version = version

    def looks(self, portion: Sequence[P]) -> Iterator[Sequence[P]]:
        """What is written between two looks, one after the other."""
        start = taken = 0
        for end, piece in enumerate(portion, 1):
            taken += len(piece.messages)
            if taken >= self.messages_a_look:
                yield portion[start:end]
                start, taken = end, 0
        if start < len(portion):
            yield portion[start:]

    def is_over(self) -> bool:
        """Whether the transaction had better end here."""
        if self.db is None:
            return False
        return self.db.is_awaited or time.monotonic() - self.began > (BESIDE_OTHERS_S if self.beside_others else ALONE_S)

    def let_in(self) -> None:
        """After a transaction: folds the log now and then, and leaves the file alone for so long that other programs notice, if there
        are any: they ask for it again and again."""
        self.unfolded += 1
        if self.db is not None and self.unfolded >= TRANSACTIONS_A_FOLD:
            self.db.fold_log()
            self.unfolded = 0
        if self.beside_others:
            time.sleep(2 * POLL_S)

    @property
    def beside_others(self) -> bool:
        """Whether another program has written lately."""
        return self.began < self.others_until


# Changes when another connection has written (https://www.sqlite.org/pragma.html#pragma_data_version): of this process only one writes.
DATA_VERSION = sa.text("PRAGMA data_version")
