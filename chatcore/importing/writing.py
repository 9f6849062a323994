"""Writes a portion of what a file holds, in one transaction, and finds out first what of it is here already.

A portion names everything by the ids of the file, so it can be written again after an error or a crash: what was written is
known by its references and is left alone.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.archive import Unpackable
from chatcore.attachments import add_in
from chatcore.bulk import insert_rows
from chatcore.columns import new_chat_id
from chatcore.db import Database
from chatcore.documents import Prepared
from chatcore.errors import Invalid
from chatcore.formats.base import Conversation, Message
from chatcore.importing.report import Outcome
from chatcore.importing.shapes import (
    Row,
    chat_key,
    chat_row,
    comparison_row,
    file_of,
    generation_rows,
    hash_of,
    message_key,
    message_row,
    title_of,
)
from chatcore.organise.folders import list_folders, make_folder
from chatcore.organise.names import key_of
from chatcore.organise.tags import clean_tag, tag_chats_in
from chatcore.parts import Role, Viewer
from chatcore.rows import CHATS, COMPARISONS, GENERATIONS, MESSAGES, new_message_ids, parts_of
from chatcore.search.build import index_later, mark_days
from chatcore.takeover.refs import lock
from chatcore.texts import snippet

REFS = SQLModel.metadata.tables["importref"]
FEEDBACK = SQLModel.metadata.tables["feedback"]
UNREADABLE_FILE = "files that cannot be read"

Ref = sa.Row[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where things go: whose they are, under which name of the source and in which run they are remembered."""

    db: Database
    viewer: Viewer
    source: str
    run_id: int
    now: datetime
    folder_id: int | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of the messages of a conversation, so many that they fit into a transaction with others."""

    chat: Conversation
    messages: tuple[Message, ...]
    last: bool

    @property
    def key(self) -> str:
        return chat_key(self.chat.external_id)


@dataclass(slots=True)
class Done:
    """What became of a slice. `kept` messages changed in the file and here, so they stay as they are here; `reason` says why one
    was skipped."""

    outcome: Outcome
    chat_id: uuid.UUID | None = None
    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0
    files: int = 0
    unreadable: int = 0
    reason: str | None = None


@dataclass(slots=True)
class Known:
    """What of a portion is here: references of chats and messages by their keys, and chats of the viewer under their own ids."""

    chats: dict[str, Ref]
    messages: dict[str, Ref]
    own: set[uuid.UUID]

    def has_all(self, portion: Sequence[Slice]) -> bool:
        """Whether every message of the portion is here and looks as it did when it came."""
        for piece in portion:
            ref = self.chats.get(piece.key)
            if ref is None and own_id(piece.chat) not in self.own:
                return False
            if ref is None or ref.session_id is None:
                continue
            for message in piece.messages:
                found = self.messages.get(message_key(piece.key, message.external_id))
                if found is None or (found.message_id is not None and found.content_hash != look_of(piece.chat, message)):
                    return False
            if piece.last and ref.content_hash != title_hash(piece.chat):
                return False
        return True


@dataclass(slots=True)
class Rows:
    """The rows of a portion, table by table, in the order in which they have to be written."""

    chats: list[Row] = field(default_factory=list)
    messages: list[Row] = field(default_factory=list)
    generations: list[Row] = field(default_factory=list)
    files: list[tuple[int, datetime, list[Prepared]]] = field(default_factory=list)
    feedback: list[Row] = field(default_factory=list)
    comparisons: list[Row] = field(default_factory=list)
    refs: list[Row] = field(default_factory=list)
    ends: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Apart:
    """What is made ready before the transaction: the files of messages and how many cannot be read, how messages look with the hash
    of that (both by id()), and folders by path."""

    files: dict[int, tuple[list[Prepared], int]]
    looks: dict[int, tuple[Row, str]]
    folders: dict[str, int]


def write_portion(target: Target, portion: Sequence[Slice]) -> list[Done]:
    """Writes what is new in a portion; what became of each slice. Raises IntegrityError if a law refuses one of them, then
    nothing is written."""
    with target.db.read() as tx:
        known = look_up(tx, target.viewer, target.source, portion)
    if known.has_all(portion):
        return [unchanged(piece, known) for piece in portion]
    # Out of the ZIP before others have to wait.
    files = {
        id(message): read_files(message)
        for piece in portion
        for message in piece.messages
        if message.files and message_key(piece.key, message.external_id) not in known.messages
    }
    looks = {id(message): made(message, piece.chat, target.viewer) for piece in portion for message in piece.messages}
    folders = {} if target.folder_id else folders_named(target, {piece.chat.folder for piece in portion if piece.chat.folder})
    with target.db.write() as tx:
        lock(tx, target.source)
        known = look_up(tx, target.viewer, target.source, portion)
        rows = Rows()
        ids = iter(new_message_ids(tx, sum(len(piece.messages) for piece in portion)))
        done = [place(tx, target, piece, known, rows, ids, Apart(files, looks, folders)) for piece in portion]
        insert(tx, target.viewer, rows)
        tag(tx, target, portion, done)
    return done


# --- what is here ------------------------------------------------------------------------------------------------


def look_up(tx: Session, viewer: Viewer, source: str, portion: Sequence[Slice]) -> Known:
    """What of a portion is here already: its chats, its messages and those they follow."""
    chats = references(tx, source, "chat", {piece.key for piece in portion})
    here = {key for key, ref in chats.items() if ref.session_id is not None}
    wanted = {message_key(piece.key, external_id) for piece in portion if piece.key in here for external_id in wanted_ids(piece)}
    own = {chat_id for piece in portion if piece.key not in chats and (chat_id := own_id(piece.chat))}
    found: set[uuid.UUID] = set()
    if own:
        found = set(tx.execute(sa.select(CHATS.c.id).where(CHATS.c.user_id == viewer.user_id, CHATS.c.id.in_(own))).scalars())
    return Known(chats, references(tx, source, "message", wanted), found)


def wanted_ids(piece: Slice) -> set[str]:
    """The ids in the file of all messages that a slice names."""
    ids = {external_id for message in piece.messages for external_id in (message.external_id, message.parent) if external_id is not None}
    if piece.last:
        ids |= {external_id for pair in piece.chat.comparisons for external_id in (pair.left, pair.right)}
    return ids | ({piece.chat.current} if piece.last and piece.chat.current is not None else set())


def references(tx: Session, source: str, kind: str, keys: Iterable[str]) -> dict[str, Ref]:
    """What earlier runs made of these ids."""
    columns = (REFS.c.external_id, REFS.c.session_id, REFS.c.message_id, REFS.c.content_hash)
    found: dict[str, Ref] = {}
    for part in batches(sorted(keys)):
        of_these = sa.and_(REFS.c.source == source, REFS.c.kind == kind, REFS.c.external_id.in_(part))
        found |= {row.external_id: row for row in tx.execute(sa.select(*columns).where(of_these))}
    return found


def batches(keys: Sequence[str], size: int = 5000) -> Iterable[Sequence[str]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))


def own_id(chat: Conversation) -> uuid.UUID | None:
    """The chat's id here, if the file is our own export of this very database."""
    if not chat.ours:
        return None
    try:
        return uuid.UUID(chat.external_id)
    except ValueError:
        return None


def unchanged(piece: Slice, known: Known) -> Done:
    """A slice that is here already, or was deleted here."""
    ref = known.chats.get(piece.key)
    return Done(Outcome.UNCHANGED, ref.session_id if ref else own_id(piece.chat), unchanged=len(piece.messages))


def look_of(chat: Conversation, message: Message) -> str:
    """The hash of a message of the file as it would be written."""
    return hash_of(message_row(message, NOBODY, chat, created_at=EPOCH))


def made(message: Message, chat: Conversation, viewer: Viewer) -> tuple[Row, str]:
    """A message as it would be written, but for its time, and the hash of how it looks."""
    row = message_row(message, viewer, chat, created_at=EPOCH)
    return row, hash_of(row)


def title_hash(chat: Conversation) -> str:
    return hash_of({"content": title_of(chat), "reasoning": "", "tool_calls": "", "status": ""})


NOBODY = Viewer("", "")
EPOCH = datetime.fromtimestamp(0).astimezone()


# --- one slice ---------------------------------------------------------------------------------------------------


def place(tx: Session, target: Target, piece: Slice, known: Known, rows: Rows, ids: Iterator[int], apart: Apart) -> Done:
    """Puts what is new in a slice to the rows, and brings up to date what changed in the file and not here."""
    ref = known.chats.get(piece.key)
    if (ref is None and own_id(piece.chat) in known.own) or (ref is not None and ref.session_id is None):
        return unchanged(piece, known)
    chat_id = ref.session_id if ref is not None else new_chat_id()
    assert isinstance(chat_id, uuid.UUID)
    done = Done(Outcome.IMPORTED if ref is None else Outcome.UNCHANGED, chat_id)
    if ref is None:
        folder_id = target.folder_id or apart.folders.get(piece.chat.folder or "")
        rows.chats.append(chat_row(piece.chat, target.viewer, chat_id=chat_id, now=target.now, folder_id=folder_id))
        rows.refs.append(reference(target, "chat", piece.key, chat_id, None, title_hash(piece.chat)))
    placed: dict[str, int | None] = {}
    times: dict[str, datetime] = {}
    start = piece.chat.created_at or piece.chat.updated_at or target.now
    added: list[Row] = []
    changed: list[tuple[Message, Ref, str]] = []
    for message in piece.messages:
        key = message_key(piece.key, message.external_id)
        found = known.messages.get(key)
        created_at = message.created_at or times.get(message.parent or "", start)
        times[message.external_id] = created_at
        row, look = apart.looks[id(message)]
        if found is not None:
            placed[message.external_id] = message_id_of(found)
            if found.message_id is None or found.content_hash == look:
                done.unchanged += 1
            else:
                changed.append((message, found, look))
            continue
        row |= {"id": next(ids), "session_id": chat_id, "parent_id": parent_id(message, piece, placed, known), "created_at": created_at}
        message_id = placed[message.external_id] = int(str(row["id"]))
        added.append(row)
        files, unreadable = apart.files.get(id(message), ([], 0))
        rows.files.append((message_id, created_at, files))
        done.files += len(files)
        done.unreadable += unreadable
        add_belongings(target, message, row, rows)
        rows.refs.append(reference(target, "message", key, chat_id, message_id, look))
    rows.messages += added
    if piece.last and piece.chat.comparisons:
        here = compared_here(tx, target.viewer, chat_id) if ref is not None else set()
        rows.comparisons += comparison_rows(target, piece, chat_id, placed, known, here)
    done.imported = len(added)
    if ref is not None:
        bring_up_to_date(tx, target, piece, ref, changed, done)
    if added or ref is None:
        rows.ends.append(end_of(tx, piece, chat_id, added, shown_id(piece, placed, known), new=ref is None))
    if ref is not None and (added or done.updated):
        done.outcome = Outcome.UPDATED
    return done


def message_id_of(ref: Ref) -> int | None:
    return int(str(ref.message_id)) if ref.message_id is not None else None


def parent_id(message: Message, piece: Slice, placed: dict[str, int | None], known: Known) -> int | None:
    """The id here of the message that this one follows; None if that was deleted here."""
    return None if message.parent is None else message_here(message.parent, piece, placed, known)


def add_belongings(target: Target, message: Message, row: Row, rows: Rows) -> None:
    """The rows that hang on a message: its entry in the ledger, and what somebody thought of it."""
    if message.role is Role.ASSISTANT:
        rows.generations += generation_rows(message, row)
        if message.rating in (1, -1):
            rows.feedback.append(
                {
                    "user_id": target.viewer.user_id,
                    "message_id": row["id"],
                    "rating": message.rating,
                    "created_at": row["created_at"],
                    "note": message.rating_note,
                }
            )


def compared_here(tx: Session, viewer: Viewer, chat_id: uuid.UUID) -> set[int]:
    """The answers of a chat that are in a comparison already: the vote that was given here stays."""
    theirs = sa.and_(COMPARISONS.c.session_id == chat_id, COMPARISONS.c.user_id == viewer.user_id)
    rows = tx.execute(sa.select(COMPARISONS.c.left_message_id, COMPARISONS.c.right_message_id).where(theirs))
    return {message_id for row in rows for message_id in row if message_id is not None}


def comparison_rows(
    target: Target, piece: Slice, chat_id: uuid.UUID, placed: dict[str, int | None], known: Known, here: set[int]
) -> Iterator[Row]:
    """The rows of the comparisons of a chat whose two answers are here and in none yet."""
    by_id = {message.external_id: message for message in piece.chat.messages}
    for pair in piece.chat.comparisons:
        answers = (by_id[pair.left], by_id[pair.right])
        ids = [message_here(answer.external_id, piece, placed, known) for answer in answers]
        if None in ids or here & set(ids) or parent_id(answers[0], piece, placed, known) is None:
            continue
        row = comparison_row(pair, answers, target.viewer, now=target.now)
        yield row | {"session_id": chat_id, "left_message_id": ids[0], "right_message_id": ids[1]}


def message_here(external_id: str, piece: Slice, placed: dict[str, int | None], known: Known) -> int | None:
    """The id here of a message of the file; None if it was deleted here."""
    if external_id in placed:
        return placed[external_id]
    ref = known.messages.get(message_key(piece.key, external_id))
    return message_id_of(ref) if ref is not None else None


def read_files(message: Message) -> tuple[list[Prepared], int]:
    """The files of a message, and how many of them cannot be read."""
    found, unreadable = [], 0
    for file in message.files:
        try:
            found.append(file_of(file.read(), name=file.name, media_type=file.media_type))
        except Unpackable:
            unreadable += 1
    return found, unreadable


def folders_named(target: Target, paths: set[str]) -> dict[str, int]:
    """The viewer's folders of these paths, made where they are missing; a path that cannot be one is left out."""
    found: dict[str, int] = {}
    for path in sorted(paths):
        with suppress(Invalid):
            found[path] = ensure_folder(target.db, target.viewer, path)
    return found


def ensure_folder(db: Database, viewer: Viewer, path: str) -> int:
    """The viewer's folder of this path such as Work/Plans, made where it is missing. Raises Invalid for one that cannot be."""
    place: int | None = None
    there = {(folder.parent_id, key_of(folder.name)): folder.id for folder in list_folders(db, viewer)}
    for name in path.split("/"):
        known = there.get((place, key_of(name)))
        place = known if known is not None else make_folder(db, viewer, name=name, parent_id=place).id
    assert place is not None
    return place


def reference(target: Target, kind: str, key: str, chat_id: uuid.UUID, message_id: int | None, content_hash: str) -> Row:
    return {
        "source": target.source, "kind": kind, "external_id": key, "user_id": target.viewer.user_id, "session_id": chat_id,
        "message_id": message_id, "imported_at": target.now, "run_id": target.run_id, "content_hash": content_hash,
    }  # fmt: skip


# --- chats that are here -----------------------------------------------------------------------------------------


def bring_up_to_date(tx: Session, target: Target, piece: Slice, ref: Ref, changed: Sequence[tuple[Message, Ref, str]], done: Done) -> None:
    """Takes over what changed in the file since it was imported, unless it was changed here as well."""
    columns = [MESSAGES.c[name] for name in ("content", "reasoning", "tool_calls", "status")]
    for message, found, look in changed:
        row = tx.execute(sa.select(*columns).where(MESSAGES.c.id == found.message_id)).mappings().one()
        if hash_of(dict(row)) != found.content_hash:
            done.kept += 1
            continue
        written = message_row(message, target.viewer, piece.chat, created_at=EPOCH)
        values = {name: written[name] for name in ("content", "reasoning", "tool_calls", "status")}
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == found.message_id).values(values))
        remember_look(tx, target.source, "message", str(found.external_id), look)
        done.updated += 1
    if piece.last and ref.content_hash != title_hash(piece.chat):
        title = tx.execute(sa.select(CHATS.c.title).where(CHATS.c.id == ref.session_id)).scalar_one()
        if hash_of({"content": title, "reasoning": "", "tool_calls": "", "status": ""}) == ref.content_hash:
            tx.execute(sa.update(CHATS).where(CHATS.c.id == ref.session_id).values(title=title_of(piece.chat)))
            done.outcome = Outcome.UPDATED
        remember_look(tx, target.source, "chat", piece.key, title_hash(piece.chat))


def remember_look(tx: Session, source: str, kind: str, key: str, look: str) -> None:
    of_this = sa.and_(REFS.c.source == source, REFS.c.kind == kind, REFS.c.external_id == key)
    tx.execute(sa.update(REFS).where(of_this).values(content_hash=look))


def shown_id(piece: Slice, placed: dict[str, int | None], known: Known) -> int | None:
    """The id here of the message that the chat shows last in the file; None while it has not come."""
    current = piece.chat.current
    if current is None or not piece.last:
        return None
    ref = known.messages.get(message_key(piece.key, current))
    return placed.get(current) or (message_id_of(ref) if ref is not None else None)


def end_of(tx: Session, piece: Slice, chat_id: uuid.UUID, added: Sequence[Row], current: int | None, *, new: bool) -> Row:
    """What a chat says of its messages, after these were added: counters, the last words, the message it shows.

    Somebody who went on in the chat here keeps their place.
    """
    times = [row["created_at"] for row in added if isinstance(row["created_at"], datetime)]
    shown = current or (int(str(added[-1]["id"])) if added else None)
    if not new and shown is not None and not follows_import(tx, chat_id):
        shown = None
    last = next((cut for row in reversed(added) if (cut := snippet(str(row["content"])))), None)
    return {
        "chat_id": chat_id, "added": len(added), "shown": shown, "last_at": max(times, default=None), "last": last,
        "went_on_at": piece.chat.updated_at or max(times, default=None),
    }  # fmt: skip


def follows_import(tx: Session, chat_id: uuid.UUID) -> bool:
    """Whether the message that a chat shows last came from an import, or none is shown."""
    shown = sa.select(CHATS.c.current_message_id).where(CHATS.c.id == chat_id).scalar_subquery()
    current = tx.execute(sa.select(shown)).scalar()
    return current is None or tx.execute(sa.select(REFS.c.message_id).where(REFS.c.message_id == current)).first() is not None


# --- the rows of a portion ---------------------------------------------------------------------------------------


def insert(tx: Session, viewer: Viewer, rows: Rows) -> None:
    """Writes all rows, and then what the chats say of their messages. Whoever calls sees to it that they are indexed afterwards."""
    connection = tx.connection()
    ids = sorted(int(str(row["id"])) for row in rows.messages)
    index_later(tx, ids)
    tables = (
        (CHATS, rows.chats), (MESSAGES, rows.messages), (GENERATIONS, rows.generations),
        (FEEDBACK, rows.feedback), (COMPARISONS, rows.comparisons), (REFS, rows.refs),
    )  # fmt: skip
    for table, values in tables:
        # Answers of our own export say more of themselves than those of others.
        for names, alike in groupby(sorted(values, key=len), key=tuple):
            insert_rows(tx, table, names, (tuple(row.values()) for row in alike))
    mark_days(tx, ids)
    for message_id, at, files in rows.files:
        add_in(tx, viewer, message_id, files, now=at)
    if rows.ends:
        connection.execute(COUNT, with_tokens(rows))


def later(column: sa.Column[datetime], name: str) -> sa.ColumnElement[datetime]:
    """The later one of what a chat says and a new time, which may be none."""
    new = sa.bindparam(name, type_=column.type)
    return sa.case((sa.or_(column.is_(None), column < new), new), else_=column)


COUNT = (
    sa.update(CHATS)
    .where(CHATS.c.id == sa.bindparam("chat_id"))
    .values(
        message_count=CHATS.c.message_count + sa.bindparam("added"),
        input_tokens=CHATS.c.input_tokens + sa.bindparam("tokens_in"),
        output_tokens=CHATS.c.output_tokens + sa.bindparam("tokens_out"),
        current_message_id=sa.func.coalesce(sa.bindparam("shown", type_=MESSAGES.c.id.type), CHATS.c.current_message_id),
        last_message_at=later(CHATS.c.last_message_at, "last_at"),
        last_snippet=sa.func.coalesce(sa.bindparam("last", type_=sa.Text()), CHATS.c.last_snippet),
        updated_at=later(CHATS.c.updated_at, "went_on_at"),
    )
)


def with_tokens(rows: Rows) -> list[Row]:
    """The ends of the chats with the tokens of the answers that were added."""
    used: dict[object, list[int]] = {}
    for row in rows.generations:
        sums = used.setdefault(row["session_id"], [0, 0])
        for place, name in enumerate(("input_tokens", "output_tokens")):
            count = row[name]
            sums[place] += count if isinstance(count, int) else 0
    ends = []
    for end in rows.ends:
        tokens_in, tokens_out = used.pop(end["chat_id"], [0, 0])
        ends.append(end | {"tokens_in": tokens_in, "tokens_out": tokens_out})
    return ends


def tag(tx: Session, target: Target, portion: Sequence[Slice], done: Sequence[Done]) -> None:
    """Puts the tags of the import and of the file on the chats that are new; a tag that is impossible here is left out."""
    by_tags: dict[tuple[str, ...], list[uuid.UUID]] = {}
    for piece, result in zip(portion, done, strict=True):
        if result.outcome is Outcome.IMPORTED and result.chat_id is not None:
            by_tags.setdefault((*target.tags, *piece.chat.tags), []).append(result.chat_id)
    for tags, chat_ids in by_tags.items():
        if names := list(filter(None, map(possible_tag, tags))):
            for part in parts_of(chat_ids):
                tag_chats_in(tx, target.viewer, part, add=names)


def possible_tag(name: str) -> str | None:
    try:
        return clean_tag(name)
    except Invalid:
        return None
