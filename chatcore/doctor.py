"""Examines a database: is the file whole, do its rows keep the laws, do the counters count right. `repair` corrects the counters.

Every check is a question the database answers by itself, so the memory of this process stays small however many rows
there are. A check takes as long as reading its table: some seconds for a million messages.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session

from chatcore import processes
from chatcore.db import Database
from chatcore.migrations.run import HEAD, schema_revision
from chatcore.models import utc_now
from chatcore.rollup import making, summing
from chatcore.rollup.days import start_of
from chatcore.rows import GENERATIONS, RUNNING
from chatcore.search import check
from chatcore.search.build import indexed_share

EXAMPLES = 5
CHATS_A_TRANSACTION = 200
# A process that runs an answer says so every few seconds; after this many it is taken for dead (see `chatcore.settings`).
SILENT_S = 60


class Level(StrEnum):
    """What a finding asks for: nothing, a look, or a repair."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: its name, how bad it is, a sentence, what to do, and the first few rows it concerns."""

    check: str
    level: Level
    message: str
    hint: str = ""
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        examples = f" First: {', '.join(self.examples)}." if self.examples else ""
        return f"{self.level.value:<8}{self.check}: {self.message}{examples}{f' {self.hint}' if self.hint else ''}"


@dataclass(frozen=True, slots=True)
class Law:
    """A question that finds the rows which break a law: their ids are its first column, and no row is right."""

    check: str
    broken_by: str
    message: str
    hint: str


MESSAGES_OF = "(SELECT count(*) FROM chatmessage m WHERE m.session_id = c.id)"
INPUT_OF = "(SELECT coalesce(sum(g.input_tokens), 0) FROM generation g WHERE g.session_id = c.id)"
OUTPUT_OF = "(SELECT coalesce(sum(g.output_tokens), 0) FROM generation g WHERE g.session_id = c.id)"
WRONG_COUNTERS = f"(c.message_count <> {MESSAGES_OF} OR c.input_tokens <> {INPUT_OF} OR c.output_tokens <> {OUTPUT_OF})"
WRONG_LEAF = "(c.current_message_id IS NULL AND EXISTS (SELECT 1 FROM chatmessage m WHERE m.session_id = c.id))"
RESTORE = "Restore a backup, or report how it came about: the database should have refused it."
REPAIR = "Run: python -m chatcore doctor --repair"
REBUILD = "Run: python -m chatcore doctor --rebuild-search"

LAWS = (
    Law(
        "owners",
        "SELECT m.id FROM chatmessage m LEFT JOIN chatsession c ON c.id = m.session_id WHERE c.id IS NULL OR c.user_id <> m.user_id",
        "messages belong to nobody's chat or to another person's",
        RESTORE,
    ),
    Law(
        "parents",
        "SELECT m.id FROM chatmessage m LEFT JOIN chatmessage p ON p.id = m.parent_id "
        "WHERE m.parent_id IS NOT NULL AND (p.id IS NULL OR p.session_id <> m.session_id OR p.id >= m.id)",
        "messages follow one that is not before them in their chat",
        RESTORE,
    ),
    Law(
        "answers",
        "SELECT g.id FROM generation g LEFT JOIN chatmessage m ON m.id = g.message_id WHERE g.message_id IS NOT NULL AND (m.id IS NULL "
        "OR m.role <> 'assistant' OR m.user_id <> g.user_id OR g.session_id IS NULL OR m.session_id <> g.session_id)",
        "generations answer no assistant message of their chat and person",
        RESTORE,
    ),
    Law(
        "shown messages",
        "SELECT c.id FROM chatsession c LEFT JOIN chatmessage m ON m.id = c.current_message_id "
        f"WHERE (c.current_message_id IS NOT NULL AND (m.id IS NULL OR m.session_id <> c.id)) OR {WRONG_LEAF}",
        "chats show no message of theirs",
        REPAIR,
    ),
    Law(
        "folders",
        "SELECT c.id FROM chatsession c LEFT JOIN folder f ON f.id = c.folder_id "
        "WHERE c.folder_id IS NOT NULL AND (f.id IS NULL OR f.user_id <> c.user_id)",
        "chats lie in nobody's folder or in another person's",
        RESTORE,
    ),
    Law(
        "folder tree",
        "SELECT f.id FROM folder f WHERE f.id NOT IN (WITH RECURSIVE tree (id) AS (SELECT id FROM folder WHERE parent_id IS NULL "
        "UNION SELECT child.id FROM folder child JOIN tree ON child.parent_id = tree.id) SELECT id FROM tree)",
        "folders lie in themselves by a detour, so no list shows them",
        RESTORE,
    ),
    Law("counters", f"SELECT c.id FROM chatsession c WHERE {WRONG_COUNTERS}", "chats count their messages or tokens wrong", REPAIR),
    Law(
        "stuck answers",
        "SELECT m.id FROM chatmessage m WHERE m.status = 'running' "
        "AND NOT EXISTS (SELECT 1 FROM generation g WHERE g.message_id = m.id AND g.state = 'running')",
        "answers are marked running, but nothing writes them",
        REPAIR,
    ),
    Law("searchable messages", check.MISSING_MESSAGES, "messages cannot be found by a search", REBUILD),
    Law("searchable titles", check.MISSING_TITLES, "chats cannot be found by their title", REBUILD),
    Law("search entries", check.LEFT_OVER, "entries of the search stand for no message", REBUILD),
)


def examine(db: Database, *, now: datetime | None = None, thorough: bool = False) -> tuple[Finding, ...]:
    """Every check with what it found, in a fixed order; nothing is changed. `now` is for the age of running answers.

    `thorough` compares every word of the search index, in which time others cannot write to a SQLite file. A database that
    was not migrated gets the checks that need no table of ours. Raises Conflict or Denied if it does not answer.
    """
    with db.read_at_length() as tx:
        findings = [*file_findings(tx)] if db.is_sqlite else []
        schema = check_schema(tx)
        findings.append(schema)
        if schema.level is Level.OK:
            findings.extend(check_law(tx, law) for law in LAWS)
            findings.append(check_running(tx, now or utc_now()))
            findings.append(check_unmigrated(tx))
            findings.append(check_search(tx))
            findings.append(check_rollup(tx))
            findings.append(check_sums(tx))
    if thorough and schema.level is Level.OK:
        findings.append(check_every_word(db))
    return tuple(findings)


def file_findings(tx: Session) -> Sequence[Finding]:
    """What SQLite itself says of its file (https://www.sqlite.org/pragma.html#pragma_integrity_check)."""
    restore = "Stop chatcore, keep a copy of the file, and restore a backup."
    said = tuple(str(row[0]) for row in tx.execute(sa.text(f"PRAGMA integrity_check({EXAMPLES})")))
    whole = said == ("ok",)
    integrity = (
        Finding("integrity", Level.OK, "the file is whole")
        if whole
        else Finding("integrity", Level.PROBLEM, "the file is damaged or breaks a law of its tables", restore, said)
    )
    broken = tx.execute(sa.text("PRAGMA foreign_key_check")).fetchmany(EXAMPLES)
    places = tuple(f"{table} row {row} -> {parent}" for table, row, parent, _ in broken)
    keys = (
        Finding("foreign keys", Level.PROBLEM, "rows point to rows that are not there", restore, places)
        if places
        else Finding("foreign keys", Level.OK, "every row points to a row that is there")
    )
    return integrity, keys


def check_schema(tx: Session) -> Finding:
    """Whether every migration has been run."""
    found = schema_revision(tx.connection())
    if found == HEAD:
        return Finding("schema", Level.OK, f"the newest, {HEAD}")
    return Finding("schema", Level.PROBLEM, f"{found or 'none'} instead of {HEAD}", "Run: python -m chatcore migrate")


def check_law(tx: Session, law: Law) -> Finding:
    """How many rows break a law, and which are the first."""
    count = tx.execute(sa.text(f"SELECT count(*) FROM ({law.broken_by}) AS broken")).scalar_one()
    if not count:
        return Finding(law.check, Level.OK, "as they should be")
    examples = tuple(shown(row[0]) for row in tx.execute(sa.text(f"{law.broken_by} LIMIT {EXAMPLES}")))
    return Finding(law.check, Level.PROBLEM, f"{count:,} {law.message}.", law.hint, examples)


def shown(row_id: object) -> str:
    """An id for people; that of a chat is bytes on SQLite."""
    return str(uuid.UUID(bytes=row_id)) if isinstance(row_id, bytes) else str(row_id)


def check_running(tx: Session, now: datetime) -> Finding:
    """Whether every running answer has a process that writes it."""
    columns = (GENERATIONS.c.id, GENERATIONS.c.owner, GENERATIONS.c.heartbeat_at)
    running = tx.execute(sa.select(*columns).where(GENERATIONS.c.state == RUNNING)).all()
    orphans = [
        str(row.id)
        for row in running
        if row.owner is None
        or row.heartbeat_at is None
        or now - row.heartbeat_at > timedelta(seconds=SILENT_S)
        or processes.is_gone(row.owner)
    ]
    if not orphans:
        return Finding("running answers", Level.OK, f"{len(running):,}, each with a process that writes it")
    hint = "They become interrupted, with the text they have, when chatcore starts."
    return Finding("running answers", Level.PROBLEM, f"{len(orphans):,} have no process that writes them.", hint, tuple(orphans[:EXAMPLES]))


def check_unmigrated(tx: Session) -> Finding:
    """Whether a migration left rows out."""
    rows = tx.execute(sa.text("SELECT reason, count(*) FROM unmigrated_row GROUP BY reason ORDER BY 2 DESC, 1")).all()
    if not rows:
        return Finding("migrated rows", Level.OK, "every row of an older schema has its place")
    total = sum(number for _, number in rows)
    reasons = tuple(f"{number:,} x {reason}" for reason, number in rows[:EXAMPLES])
    return Finding("migrated rows", Level.NOTE, f"{total:,} had no place here.", "They are kept in the table unmigrated_row.", reasons)


def check_search(tx: Session) -> Finding:
    """Whether a search finds messages by their words, and whether all of them are indexed."""
    number, wrong = check.unfindable(tx)
    if wrong:
        return Finding(
            "search", Level.PROBLEM, f"{len(wrong):,} of {number:,} messages are not found by their words.", REBUILD,
            tuple(map(str, wrong[:EXAMPLES])),
        )  # fmt: skip
    share = indexed_share(tx)
    if share < 1:
        return Finding("search", Level.NOTE, f"{share:.0%} of the messages are indexed.", "The rest follows while chatcore runs.")
    return Finding("search", Level.OK, f"{number:,} messages looked up by their words, all found")


def check_rollup(tx: Session) -> Finding:
    """Whether the pages of the rollup say what the tables say."""
    wrong = tuple(f"{user_id} {start_of(day):%Y-%m-%d}" for user_id, day in making.wrong_days(tx))
    if wrong:
        hint = "Run: python -m chatcore doctor --repair"
        return Finding("rollup", Level.PROBLEM, f"{len(wrong):,} days are counted wrong for the analytics.", hint, wrong[:EXAMPLES])
    waiting = making.waiting_days(tx)
    if waiting:
        return Finding("rollup", Level.OK, f"counted as the tables say; {waiting:,} days are counted anew while chatcore runs")
    return Finding("rollup", Level.OK, "counted as the tables say")


def check_sums(tx: Session) -> Finding:
    """Whether the sums of everybody's days say what the pages of the rollup say."""
    wrong = tuple(f"{zone} {start_of(day):%Y-%m-%d}" for zone, day in summing.wrong_sums(tx))
    if wrong:
        return Finding("sums", Level.PROBLEM, f"{len(wrong):,} days of everybody are summed up wrong.", REPAIR, wrong[:EXAMPLES])
    waiting = summing.waiting_sums(tx)
    if waiting:
        return Finding("sums", Level.OK, f"as the pages say; {waiting:,} days are summed up anew while chatcore runs")
    return Finding("sums", Level.OK, "as the pages say")


def check_every_word(db: Database) -> Finding:
    """Whether the index holds exactly the words of the messages."""
    wrong = check.compare_all(db)
    if wrong:
        return Finding("search index", Level.PROBLEM, f"{wrong}.", REBUILD)
    return Finding("search index", Level.OK, "it has the words of all messages and titles, and no others")


# --- repair ------------------------------------------------------------------------------------------------------

Progress = Callable[[int], None]

WRONG_CHATS = f"SELECT c.id FROM chatsession c WHERE ({WRONG_COUNTERS} OR {WRONG_LEAF}) ORDER BY c.id LIMIT {CHATS_A_TRANSACTION}"
RECOUNT = (
    "UPDATE chatsession SET "
    + ", ".join(
        f"{column} = {counted.replace('c.id', 'chatsession.id')}"
        for column, counted in (("message_count", MESSAGES_OF), ("input_tokens", INPUT_OF), ("output_tokens", OUTPUT_OF))
    )
    + ", current_message_id = coalesce(current_message_id, (SELECT max(m.id) FROM chatmessage m WHERE m.session_id = chatsession.id))"
    " WHERE id = :id"
)
RELEASE = (
    "UPDATE chatmessage SET status = 'interrupted' WHERE status = 'running' "
    "AND NOT EXISTS (SELECT 1 FROM generation g WHERE g.message_id = chatmessage.id AND g.state = 'running')"
)


def repair(db: Database, *, on_progress: Progress | None = None) -> int:
    """Corrects the counters of chats, the message they show, answers that are stuck, pages and sums of the rollup; answers how many rows.

    A chat that is right is not touched; 200 are corrected in one transaction, so others can write meanwhile.
    `on_progress` hears how many were corrected so far. The rest of what `examine` finds needs a person.
    """
    corrected = 0
    while True:
        with db.read_at_length() as tx:
            ids = tx.execute(sa.text(WRONG_CHATS)).scalars().all()
        if not ids:
            break
        with db.write() as tx:
            tx.connection().execute(sa.text(RECOUNT), [{"id": chat_id} for chat_id in ids])
        corrected += len(ids)
        if on_progress:
            on_progress(corrected)
    with db.write() as tx:
        released = tx.connection().execute(sa.text(RELEASE)).rowcount
    return corrected + released + making.remake_wrong(db) + summing.remake_wrong_sums(db)
