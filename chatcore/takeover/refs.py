"""What became of each row of an older database (`importref`), and the tally of a run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.db import Database
from chatcore.older_rows import Unreadable, read_id, shown_id
from chatcore.takeover.source import Row

REFS = SQLModel.metadata.tables["importref"]
# So many rows that could not be taken are named one by one; all are counted.
NAMED_ROWS = 1000

Ref = sa.Row[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row of the source that could not be taken: what it is (user, chat, message), its id there, and why."""

    kind: str
    external_id: str
    reason: str


@dataclass(slots=True)
class Tally:
    """The report while it grows."""

    imported: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)
    odd_tool_calls: int = 0

    def skip(self, kind: str, row: Row, reason: str) -> None:
        self.reasons[reason] += 1
        if len(self.skipped) < NAMED_ROWS:
            self.skipped.append(Skipped(kind, shown_id(row.get("id")), reason))


@dataclass(frozen=True, slots=True)
class Target:
    """Where the rows go, under which name of the source they are remembered, and whether its chats say whose they are."""

    db: Database
    source: str
    now: datetime
    has_owners: bool


def lock(tx: Session, source: str) -> None:
    """Makes a second run over the same source wait for this transaction; on SQLite every writer waits anyway."""
    if tx.get_bind().dialect.name == "postgresql":
        tx.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:source))"), {"source": source})


def identified(kind: str, column: str, rows: Sequence[Row], tally: Tally) -> dict[str, Row]:
    """The rows by their ids, in the order given; those without a usable id, or with one that came before, are skipped."""
    found: dict[str, Row] = {}
    for row in rows:
        try:
            external_id = read_id(row[column])
            if external_id in found:
                raise Unreadable("its id is there twice")
            found[external_id] = row
        except Unreadable as error:
            tally.skip(kind, row, str(error))
    return found


def references(tx: Session, source: str, kind: str, external_ids: Iterable[str]) -> dict[str, Ref]:
    """What earlier runs made of these ids (user_id, session_id, message_id), by id."""
    statement = sa.select(REFS.c.external_id, REFS.c.user_id, REFS.c.session_id, REFS.c.message_id).where(
        REFS.c.source == source, REFS.c.kind == kind, REFS.c.external_id.in_(set(external_ids))
    )
    return {row.external_id: row for row in tx.execute(statement)}


def reference(kind: str, external_id: str, user_id: str, **row: object) -> dict[str, object]:
    return {"kind": kind, "external_id": external_id, "user_id": user_id, "session_id": None, "message_id": None, **row}


def remember(tx: Session, target: Target, refs: Sequence[dict[str, object]]) -> None:
    tx.execute(sa.insert(REFS), [{"source": target.source, "imported_at": target.now, **ref} for ref in refs])
