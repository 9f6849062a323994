"""The imports of a person: begun, ended, listed, undone."""

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore import processes
from chatcore.db import Database
from chatcore.errors import Conflict, NotFound
from chatcore.importing.report import Report, dump_report
from chatcore.parts import Viewer
from chatcore.rows import CHATS, COMPARISONS, GENERATIONS, MESSAGES

RUNS = SQLModel.metadata.tables["import_run"]
REFS = SQLModel.metadata.tables["importref"]
# A transaction of so many messages holds up another writer for some 20 ms.
MESSAGES_A_PORTION = 300
CHATS_A_PORTION = 100

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """An import as lists show it. `state` is running, interrupted (the process that ran it is gone), complete, stopped, failed
    or undone; `chats` are those it brought that are still here; `report` is what `Report.as_json` gave, None before its end."""

    id: int
    format: str
    file_name: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    chats: int
    report: dict[str, object] | None


@dataclass(frozen=True, slots=True)
class Undone:
    """What the undoing of an import took away. `kept_chats` are those in which somebody went on writing here."""

    chats: int
    messages: int
    kept_chats: int


def fingerprint_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def begin_run(db: Database, viewer: Viewer, *, format_name: str, file_name: str, fingerprint: str, now: datetime) -> int:
    """The id of a new run, or of one over the same file that was interrupted, which goes on. Raises Conflict if one is going on."""
    same = sa.and_(
        RUNS.c.user_id == viewer.user_id,
        RUNS.c.format == format_name,
        RUNS.c.fingerprint == fingerprint,
        RUNS.c.state.in_(("running", "stopped", "failed")),
    )
    values = {"state": "running", "owner": processes.new_owner(), "finished_at": None, "report": None}
    with db.write() as tx:
        if tx.get_bind().dialect.name == "postgresql":
            tx.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"import {viewer.user_id}"})
        for row in tx.execute(sa.select(RUNS.c.id, RUNS.c.owner, RUNS.c.state).where(same).order_by(RUNS.c.id.desc())).all():
            if row.state == "running" and not processes.is_gone(row.owner or "") and not is_ours_and_ended(row.owner or ""):
                raise Conflict("This file is being imported.", "Wait until that import has ended.")
            tx.execute(sa.update(RUNS).where(RUNS.c.id == row.id).values(values))
            going_on[db.label, row.id] = str(values["owner"])
            return int(row.id)
        new = {"user_id": viewer.user_id, "format": format_name, "file_name": file_name, "fingerprint": fingerprint, "started_at": now}
        run_id = int(tx.execute(sa.insert(RUNS).values(new | values).returning(RUNS.c.id)).scalar_one())
    going_on[db.label, run_id] = str(values["owner"])
    return run_id


# The owners of the runs of this process that have not ended, by database and run: a process that lives may have ended a run without
# saying so, where the database refused even that.
going_on: dict[tuple[str, int], str] = {}


def is_ours_and_ended(owner: str) -> bool:
    """Whether this process began the run and runs it no more."""
    return owner.rsplit(".", 1)[0] == processes.new_owner().rsplit(".", 1)[0] and owner not in going_on.values()


def end_run(db: Database, viewer: Viewer, run_id: int, *, state: str, report: Report | None, now: datetime) -> None:
    """Writes down how a run ended: complete, stopped or failed."""
    mine = sa.and_(RUNS.c.id == run_id, RUNS.c.user_id == viewer.user_id, RUNS.c.state == "running")
    text = dump_report(report) if report is not None else None
    try:
        with db.write() as tx:
            tx.execute(sa.update(RUNS).where(mine).values(state=state, finished_at=now, report=text))
    finally:
        going_on.pop((db.label, run_id), None)


def list_imports(db: Database, viewer: Viewer) -> tuple[RunInfo, ...]:
    """The viewer's imports, the newest first."""
    with db.read() as tx:
        here = (
            sa.select(REFS.c.run_id, sa.func.count().label("chats"))
            .where(REFS.c.user_id == viewer.user_id, REFS.c.kind == "chat", REFS.c.session_id.is_not(None), REFS.c.run_id.is_not(None))
            .group_by(REFS.c.run_id)
            .subquery()
        )
        statement = (
            sa.select(*RUNS.c, sa.func.coalesce(here.c.chats, 0).label("chats"))
            .outerjoin(here, here.c.run_id == RUNS.c.id)
            .where(RUNS.c.user_id == viewer.user_id)
            .order_by(RUNS.c.id.desc())
        )
        return tuple(map(run_info, tx.execute(statement).mappings()))


def run_info(row: sa.RowMapping) -> RunInfo:
    """A row of a run as a value."""
    owner = row["owner"] or ""
    gone = row["state"] == "running" and (processes.is_gone(owner) or is_ours_and_ended(owner))
    return RunInfo(
        id=row["id"],
        format=row["format"],
        file_name=row["file_name"],
        state="interrupted" if gone else row["state"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        chats=row["chats"],
        report=json.loads(row["report"]) if row["report"] else None,
    )


# --- undo --------------------------------------------------------------------------------------------------------


def undo_import(db: Database, viewer: Viewer, run_id: int, *, now: datetime, on_progress: OnProgress | None = None) -> Undone:
    """Takes away what an import brought, with its usage, so that it can be imported again; in portions, so it may be ended at any
    time and begun again. A chat in which somebody went on writing here stays as it is, and so does text that a later import
    brought up to date. Raises NotFound, Conflict for an import that is going on or was undone."""
    run = get_run(db, viewer, run_id)
    if run.state in ("running", "undone"):
        word = "is going on" if run.state == "running" else "was undone already"
        raise Conflict(f"This import {word}.", "Look at the list of your imports.")
    removed = messages = 0
    while portion := chats_of(db, viewer, run_id):
        for chat_id in portion:
            messages += remove_chat(db, viewer, chat_id)
        removed += len(portion)
        if on_progress:
            on_progress(removed, removed + run.chats)
    added, kept_messages = remove_added(db, viewer, run_id)
    with db.write() as tx:
        kept = tx.execute(sa.select(sa.func.count()).where(of_run(viewer, run_id), REFS.c.kind == "chat", REFS.c.session_id.is_not(None)))
        kept_chats = int(kept.scalar_one())
        gone = sa.and_(of_run(viewer, run_id), REFS.c.session_id.is_(None))
        tx.execute(sa.delete(REFS).where(gone))
        tx.execute(sa.update(RUNS).where(RUNS.c.id == run_id, RUNS.c.user_id == viewer.user_id).values(state="undone", finished_at=now))
    return Undone(removed, messages + added, kept_chats + kept_messages)


def get_run(db: Database, viewer: Viewer, run_id: int) -> RunInfo:
    """An import of the viewer. Raises NotFound."""
    found = next((run for run in list_imports(db, viewer) if run.id == run_id), None)
    if found is None:
        raise NotFound("This import is not there.", "Look at the list of your imports.")
    return found


def of_run(viewer: Viewer, run_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(REFS.c.run_id == run_id, REFS.c.user_id == viewer.user_id)


def chats_of(db: Database, viewer: Viewer, run_id: int) -> list[uuid.UUID]:
    """The next chats that the run brought and in which every message came from an import."""
    written_here = (
        sa.select(MESSAGES.c.id)
        .where(MESSAGES.c.session_id == REFS.c.session_id)
        .where(~sa.exists().where(OTHER.c.message_id == MESSAGES.c.id))
        .exists()
    )
    statement = (
        sa.select(REFS.c.session_id)
        .where(of_run(viewer, run_id), REFS.c.kind == "chat", REFS.c.session_id.is_not(None), ~written_here)
        .limit(CHATS_A_PORTION)
    )
    with db.read() as tx:
        return list(tx.execute(statement).scalars())


OTHER = REFS.alias("other")


def remove_chat(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> int:
    """Deletes a chat with its messages, its usage and what is remembered of it; answers how many messages these were. A long one
    goes from its end, so that no transaction is long."""
    removed = 0
    while True:
        with db.write() as tx:
            ids = newest_of(tx, viewer, chat_id)
            removed += len(ids)
            delete_messages(tx, ids)
            if len(ids) == MESSAGES_A_PORTION:
                continue
            tx.execute(sa.delete(REFS).where(REFS.c.user_id == viewer.user_id, REFS.c.session_id == chat_id))
            tx.execute(sa.delete(CHATS).where(CHATS.c.id == chat_id, CHATS.c.user_id == viewer.user_id))
            return removed


def newest_of(tx: Session, viewer: Viewer, chat_id: uuid.UUID) -> list[int]:
    """The newest messages of a chat: none of those that stay follows one of these."""
    statement = (
        sa.select(MESSAGES.c.id)
        .where(MESSAGES.c.session_id == chat_id, MESSAGES.c.user_id == viewer.user_id)
        .order_by(MESSAGES.c.id.desc())
        .limit(MESSAGES_A_PORTION)
    )
    return list(tx.execute(statement).scalars())


def delete_messages(tx: Session, ids: list[int]) -> None:
    """Deletes messages with their usage, votes on them and what is remembered of them."""
    if ids:
        tx.execute(sa.delete(GENERATIONS).where(GENERATIONS.c.message_id.in_(ids)))
        either = sa.or_(COMPARISONS.c.left_message_id.in_(ids), COMPARISONS.c.right_message_id.in_(ids))
        tx.execute(sa.delete(COMPARISONS).where(either))
        tx.execute(sa.delete(REFS).where(REFS.c.message_id.in_(ids)))
        tx.execute(sa.delete(MESSAGES).where(MESSAGES.c.id.in_(ids)))


def remove_added(db: Database, viewer: Viewer, run_id: int) -> tuple[int, int]:
    """Deletes the messages that the run added to chats of earlier imports, from the end of each branch; how many, and how many
    chats keep theirs because somebody went on from there."""
    removed = 0
    while True:
        child = MESSAGES.alias("child")
        leaf = ~sa.exists().where(child.c.parent_id == MESSAGES.c.id, child.c.session_id == MESSAGES.c.session_id)
        of_earlier = ~sa.exists().where(OTHER.c.session_id == REFS.c.session_id, OTHER.c.kind == "chat", OTHER.c.run_id == run_id)
        statement = (
            sa.select(MESSAGES.c.id, MESSAGES.c.session_id, MESSAGES.c.parent_id)
            .join(REFS, REFS.c.message_id == MESSAGES.c.id)
            .where(of_run(viewer, run_id), REFS.c.kind == "message", leaf, of_earlier)
            .limit(MESSAGES_A_PORTION)
        )
        with db.write() as tx:
            rows = tx.execute(statement).all()
            if not rows:
                left = sa.select(sa.func.count(sa.distinct(REFS.c.session_id))).where(
                    of_run(viewer, run_id), REFS.c.kind == "message", REFS.c.message_id.is_not(None), of_earlier
                )
                return removed, int(tx.execute(left).scalar_one())
            for row in rows:
                shown = sa.and_(CHATS.c.id == row.session_id, CHATS.c.current_message_id == row.id)
                tx.execute(sa.update(CHATS).where(shown).values(current_message_id=row.parent_id))
                tx.execute(sa.update(CHATS).where(CHATS.c.id == row.session_id).values(message_count=CHATS.c.message_count - 1))
            delete_messages(tx, [row.id for row in rows])
            removed += len(rows)
