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
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.archive import Unpackable
from chatcore.attachments import add_in
from chatcore.bulk import as_driver, execute_each, insert_rows, quickly
from chatcore.columns import new_chat_id
from chatcore.db import Database
from chatcore.documents import Prepared
from chatcore.errors import Invalid
from chatcore.importing.report import Outcome
from chatcore.importing.room import Room
from chatcore.importing_shapes import (
    HELD,
    ChatShape,
    MessageShape,
    Row,
    Written,
    earlier_key,
    file_of,
    hash_of,
    joined_words,
    look_of_title,
    message_key,
)
from chatcore.organise.folders import list_folders, make_folder
from chatcore.organise.names import key_of
from chatcore.organise.tags import clean_tag, tag_chats_in
from chatcore.parts import Viewer
from chatcore.rollup.days import day_of
from chatcore.rows import CHATS, COMPARISONS, GENERATIONS, MESSAGES, new_message_ids, parts_of
from chatcore.search.build import mark_named_days
from chatcore.search.entering import Entry, begin_entering
from chatcore.takeover.refs import lock
from chatcore.texts import snippet

REFS = SQLModel.metadata.tables["importref"]
FEEDBACK = SQLModel.metadata.tables["feedback"]
UNREADABLE_FILE = "files that cannot be read"

MESSAGE_NAMES = ("id", "session_id", "parent_id", "user_id", "created_at", *Written._fields)
# Of an attempt, what a file does not say.
OWN_NAMES = ("user_id", "session_id", "message_id")
REF_NAMES = ("kind", "external_id", "session_id", "message_id", "content_hash", "source", "user_id", "imported_at", "run_id")


class Ref(NamedTuple):
    """What an earlier run, or this one, made of an id of the file."""

    external_id: str
    session_id: uuid.UUID | None
    message_id: int | None
    content_hash: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """Where things go: whose they are, under which name of the source and in which run they are remembered, and how many at once."""

    db: Database
    viewer: Viewer
    source: str
    run_id: int
    now: datetime
    folder_id: int | None = None
    tags: tuple[str, ...] = ()
    room: Room = field(default_factory=Room)


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of the messages of a chat, so many that they fit into a transaction with others."""

    chat: ChatShape
    messages: Sequence[MessageShape]
    last: bool

    @property
    def key(self) -> str:
        return self.chat.key


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
    # When messages were made that came since.
    times: dict[int, datetime] = field(default_factory=dict)

    def has_all(self, portion: Sequence[Slice]) -> bool:
        """Whether every message of the portion is here and looks as it did when it came."""
        for piece in portion:
            ref = self.chats.get(piece.key)
            if ref is None and piece.chat.own_id not in self.own:
                return False
            if ref is None or ref.session_id is None:
                continue
            for message in piece.messages:
                found = self.messages.get(message.key)
                if found is None or (found.message_id is not None and found.content_hash != message.look):
                    return False
            if piece.last and ref.content_hash != piece.chat.look:
                return False
        return True

    def learn(self, rows: "Rows") -> None:
        """Takes note of what was written."""
        self.chats |= {ref.external_id: ref for ref in rows.chat_refs}
        self.messages |= {ref.external_id: ref for ref in rows.message_refs}
        self.times |= {entry.message_id: entry.created_at for entry in rows.entries}

    def update(self, since: "Known") -> None:
        """Takes note of what another import has brought since."""
        self.chats |= since.chats
        self.messages |= since.messages
        self.own |= since.own

    def forget(self, rows: "Rows") -> None:
        """Takes back what was learned of rows that were not kept: the next ones get their ids."""
        for known, refs in ((self.chats, rows.chat_refs), (self.messages, rows.message_refs)):
            for ref in refs:
                known.pop(ref.external_id, None)
        for entry in rows.entries:
            self.times.pop(entry.message_id, None)


@dataclass(slots=True)
class Rows:
    """The rows of a portion, table by table, in the order in which they have to be written, attempts by the names of their columns;
    what the index is told of messages, when attempts were begun, and the ids of those messages that were here before and are followed."""

    chats: list[Row] = field(default_factory=list)
    messages: list[tuple[object, ...]] = field(default_factory=list)
    generations: dict[tuple[str, ...], list[tuple[object, ...]]] = field(default_factory=dict)
    files: list[tuple[int, datetime, list[Prepared]]] = field(default_factory=list)
    feedback: list[Row] = field(default_factory=list)
    comparisons: list[Row] = field(default_factory=list)
    chat_refs: list[Ref] = field(default_factory=list)
    message_refs: list[Ref] = field(default_factory=list)
    ends: list[Row] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    begun: set[datetime] = field(default_factory=set)
    older_parents: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Apart:
    """What is made ready before the transaction: the files of messages and how many cannot be read, the words of messages (both by
    the keys of these), and folders by path."""

    files: dict[str, tuple[list[Prepared], int]]
    words: dict[str, tuple[str, str]]
    folders: dict[str, int]


def write_portion(target: Target, portion: Sequence[Slice], known: Known | None = None) -> list[Done]:
    """Writes what is new in a portion, in one transaction; what became of each slice. They are fewer than the portion has if others
    wait to write: the rest is for the next transaction. `known` is what was here a moment ago, and learns what came.

    Raises IntegrityError if a law refuses one of them, or if what is here has changed meanwhile; then nothing is written."""
    looks_again = known is None
    if known is None:
        with target.db.read() as tx:
            known = look_up(tx, target.viewer, target.source, portion)
    if known.has_all(portion):
        return [unchanged(piece, known) for piece in portion]
    apart = make_ready(target, portion, known)
    learned: list[Rows] = []
    done: list[Done] = []
    try:
        with target.db.write() as tx:
            # Begins only here: to wait for others is not to hold them up.
            tx.connection()
            target.room.begin(tx)
            lock(tx, target.source)
            if looks_again:
                # Another import of the same chats may have gone on while this one waited.
                known.update(look_up(tx, target.viewer, target.source, portion))
            ids = new_message_ids(tx, sum(len(piece.messages) for piece in portion))
            free = iter(ids)
            entering = begin_entering(tx, ids[0], ids[-1])
            days: set[int] = set()
            for together in target.room.looks(portion):
                rows = Rows()
                learned.append(rows)
                done += [place(tx, target, piece, known, rows, free, apart) for piece in together]
                days |= days_of(tx, rows, known)
                insert(tx, target, rows)
                known.learn(rows)
                entering.add(rows.entries)
                if target.room.is_over():
                    break
            entering.end()
            if days:
                mark_named_days(tx, target.viewer.user_id, days)
            tag(tx, target, portion[: len(done)], done)
    except BaseException:
        for rows in learned:
            known.forget(rows)
        raise
    return done


def make_ready(target: Target, portion: Sequence[Slice], known: Known) -> Apart:
    """What takes time and needs no transaction: files out of the ZIP, words where nobody has cut them, folders."""
    new = [message for piece in portion for message in piece.messages if message.key not in known.messages]
    return Apart(
        files={message.key: read_files(message) for message in new if message.files},
        words={message.key: joined_words(message.row.content) for message in new if message.words is None},
        folders={} if target.folder_id else folders_named(target, {piece.chat.folder for piece in portion if piece.chat.folder}),
    )


# --- what is here ------------------------------------------------------------------------------------------------


def look_up(tx: Session, viewer: Viewer, source: str, portion: Sequence[Slice]) -> Known:
    """What of a portion is here already: its chats, its messages and those they follow."""
    chats = references(tx, source, "chat", {piece.key for piece in portion})
    here = {key for key, ref in chats.items() if ref.session_id is not None}
    wanted = {
        message_key(piece.key, external_id): earlier_key(piece.key, external_id)
        for piece in portion
        if piece.key in here
        for external_id in wanted_ids(piece)
    }
    own = {piece.chat.own_id for piece in portion if piece.key not in chats and piece.chat.own_id}
    found: set[uuid.UUID] = set()
    if own:
        found = set(tx.execute(sa.select(CHATS.c.id).where(CHATS.c.user_id == viewer.user_id, CHATS.c.id.in_(own))).scalars())
    messages = references(tx, source, "message", wanted)
    missing = {earlier: key for key, earlier in wanted.items() if key not in messages}
    messages |= {missing[earlier]: ref for earlier, ref in references(tx, source, "message", missing).items()}
    return Known(chats, messages, found)


def wanted_ids(piece: Slice) -> set[str]:
    """The ids in the file of all messages that a slice names."""
    ids = {external_id for message in piece.messages for external_id in (message.external_id, message.parent) if external_id is not None}
    if piece.last:
        ids |= {external_id for pair in piece.chat.pairs for external_id in (pair.left, pair.right)}
    return ids | ({piece.chat.current} if piece.last and piece.chat.current is not None else set())


def references(tx: Session, source: str, kind: str, keys: Iterable[str]) -> dict[str, Ref]:
    """What earlier runs made of these ids."""
    columns = (REFS.c.external_id, REFS.c.session_id, REFS.c.message_id, REFS.c.content_hash)
    found: dict[str, Ref] = {}
    for part in batches(sorted(keys)):
        of_these = sa.and_(REFS.c.source == source, REFS.c.kind == kind, REFS.c.external_id.in_(part))
        found |= {row.external_id: Ref(*row) for row in tx.execute(sa.select(*columns).where(of_these))}
    return found


def batches(keys: Sequence[str], size: int = 5000) -> Iterable[Sequence[str]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))


def unchanged(piece: Slice, known: Known) -> Done:
    """A slice that is here already, or was deleted here."""
    ref = known.chats.get(piece.key)
    return Done(Outcome.UNCHANGED, ref.session_id if ref else piece.chat.own_id, unchanged=len(piece.messages))


# --- one slice ---------------------------------------------------------------------------------------------------


def place(tx: Session, target: Target, piece: Slice, known: Known, rows: Rows, ids: Iterator[int], apart: Apart) -> Done:
    """Puts what is new in a slice to the rows, and brings up to date what changed in the file and not here."""
    ref = known.chats.get(piece.key)
    if (ref is None and piece.chat.own_id in known.own) or (ref is not None and ref.session_id is None):
        return unchanged(piece, known)
    chat_id = (ref.session_id if ref is not None else None) or new_chat_id()
    done = Done(Outcome.IMPORTED if ref is None else Outcome.UNCHANGED, chat_id)
    if ref is None:
        folder_id = target.folder_id or apart.folders.get(piece.chat.folder or "")
        rows.chats.append({"id": chat_id, "user_id": target.viewer.user_id, "folder_id": folder_id, **piece.chat.row})
        rows.chat_refs.append(Ref(piece.key, chat_id, None, piece.chat.look))
    placed: dict[str, int | None] = {}
    added: list[MessageShape] = []
    changed: list[tuple[MessageShape, Ref]] = []
    for message in piece.messages:
        found = known.messages.get(message.key)
        if found is not None:
            placed[message.external_id] = found.message_id
            if found.message_id is None or found.content_hash == message.look:
                done.unchanged += 1
            else:
                changed.append((message, found))
            continue
        message_id = placed[message.external_id] = next(ids)
        added.append(message)
        add_message(target, message, (message_id, chat_id, parent_id(message.parent, piece, placed, known)), rows, apart)
        files, unreadable = apart.files.get(message.key, ([], 0))
        done.files += len(files)
        done.unreadable += unreadable
    if piece.last and piece.chat.pairs:
        here = compared_here(tx, target.viewer, chat_id) if ref is not None else set()
        rows.comparisons += comparison_rows(target, piece, chat_id, placed, known, here)
    done.imported = len(added)
    if ref is not None:
        bring_up_to_date(tx, target, piece, ref, changed, done)
    if added or ref is None:
        shown = shown_id(piece, placed, known) or (placed[added[-1].external_id] if added else None)
        rows.ends.append(end_of(tx, piece, chat_id, added, shown, new=ref is None))
    if ref is not None and (added or done.updated):
        done.outcome = Outcome.UPDATED
    return done


def add_message(target: Target, message: MessageShape, ids: tuple[int, uuid.UUID, int | None], rows: Rows, apart: Apart) -> None:
    """The rows of a new message, whose ids are its own, its chat's and that of the message it follows."""
    (message_id, chat_id, parent), user_id = ids, target.viewer.user_id
    if parent is not None and parent < (rows.entries[0].message_id if rows.entries else message_id):
        rows.older_parents.add(parent)
    rows.messages.append((message_id, chat_id, parent, user_id, message.created_at, *message.row))
    words, parts = (message.words, message.parts) if message.words is not None else apart.words[message.key]
    rows.entries.append(Entry(message_id, message.created_at, words, parts))
    rows.message_refs.append(Ref(message.key, chat_id, message_id, message.look))
    for attempt in message.ledger:
        rows.generations.setdefault(attempt.names, []).append((*attempt.values, user_id, chat_id, message_id))
        if attempt.started_at is not None:
            rows.begun.add(attempt.started_at)
    if message.rating is not None:
        rated = {"rating": message.rating, "created_at": message.created_at, "note": message.rating_note}
        rows.feedback.append({"user_id": user_id, "message_id": message_id, **rated})
    if message.files:
        rows.files.append((message_id, message.created_at, apart.files[message.key][0]))


def parent_id(parent: str | None, piece: Slice, placed: dict[str, int | None], known: Known) -> int | None:
    """The id here of a message that another follows; None if that was deleted here."""
    return None if parent is None else message_here(parent, piece, placed, known)


def compared_here(tx: Session, viewer: Viewer, chat_id: uuid.UUID) -> set[int]:
    """The answers of a chat that are in a comparison already: the vote that was given here stays."""
    theirs = sa.and_(COMPARISONS.c.session_id == chat_id, COMPARISONS.c.user_id == viewer.user_id)
    rows = tx.execute(sa.select(COMPARISONS.c.left_message_id, COMPARISONS.c.right_message_id).where(theirs))
    return {message_id for row in rows for message_id in row if message_id is not None}


def comparison_rows(
    target: Target, piece: Slice, chat_id: uuid.UUID, placed: dict[str, int | None], known: Known, here: set[int]
) -> Iterator[Row]:
    """The rows of the comparisons of a chat whose two answers are here and in none yet."""
    for pair in piece.chat.pairs:
        ids = [message_here(external_id, piece, placed, known) for external_id in (pair.left, pair.right)]
        if None in ids or here & set(ids) or parent_id(pair.prompt, piece, placed, known) is None:
            continue
        own = {"user_id": target.viewer.user_id, "session_id": chat_id}
        yield pair.row | own | {"left_message_id": ids[0], "right_message_id": ids[1]}


def message_here(external_id: str, piece: Slice, placed: dict[str, int | None], known: Known) -> int | None:
    """The id here of a message of the file; None if it was deleted here."""
    if external_id in placed:
        return placed[external_id]
    ref = known.messages.get(message_key(piece.key, external_id))
    return ref.message_id if ref is not None else None


def read_files(message: MessageShape) -> tuple[list[Prepared], int]:
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


# --- chats that are here -----------------------------------------------------------------------------------------


def bring_up_to_date(tx: Session, target: Target, piece: Slice, ref: Ref, changed: Sequence[tuple[MessageShape, Ref]], done: Done) -> None:
    """Takes over what changed in the file since it was imported, unless it was changed here as well."""
    columns = [MESSAGES.c[name] for name in HELD]
    for message, found in changed:
        row = tx.execute(sa.select(*columns).where(MESSAGES.c.id == found.message_id)).mappings().one_or_none()
        if row is None:
            # Deleted a moment ago.
            done.unchanged += 1
            continue
        if hash_of(dict(row)) != found.content_hash:
            done.kept += 1
            continue
        values = {name: getattr(message.row, name) for name in HELD}
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == found.message_id).values(values))
        remember_look(tx, target.source, "message", found.external_id, message.look)
        done.updated += 1
    if piece.last and ref.content_hash != piece.chat.look:
        title = tx.execute(sa.select(CHATS.c.title).where(CHATS.c.id == ref.session_id)).scalar()
        if title is not None and look_of_title(title) == ref.content_hash:
            tx.execute(sa.update(CHATS).where(CHATS.c.id == ref.session_id).values(title=piece.chat.title))
            done.outcome = Outcome.UPDATED
        remember_look(tx, target.source, "chat", piece.key, piece.chat.look)


def remember_look(tx: Session, source: str, kind: str, key: str, look: str) -> None:
    of_this = sa.and_(REFS.c.source == source, REFS.c.kind == kind, REFS.c.external_id == key)
    tx.execute(sa.update(REFS).where(of_this).values(content_hash=look))


def shown_id(piece: Slice, placed: dict[str, int | None], known: Known) -> int | None:
    """The id here of the message that the chat shows last in the file; None while it has not come."""
    current = piece.chat.current
    if current is None or not piece.last:
        return None
    ref = known.messages.get(message_key(piece.key, current))
    return placed.get(current) or (ref.message_id if ref is not None else None)


def end_of(tx: Session, piece: Slice, chat_id: uuid.UUID, added: Sequence[MessageShape], shown: int | None, *, new: bool) -> Row:
    """What a chat says of its messages, after these were added: counters, the last words, the message it shows.

    Somebody who went on in the chat here keeps their place.
    """
    last_at = max((message.created_at for message in added), default=None)
    if not new and shown is not None and not follows_import(tx, chat_id):
        shown = None
    last = next((cut for message in reversed(added) if (cut := snippet_of(message, piece.chat))), None)
    attempts = [attempt for message in added for attempt in message.ledger]
    return {
        "chat_id": chat_id, "added": len(added), "shown": shown, "last_at": last_at, "last": last,
        "went_on_at": piece.chat.updated_at or last_at,
        "tokens_in": sum(attempt.input_tokens for attempt in attempts), "tokens_out": sum(attempt.output_tokens for attempt in attempts),
    }  # fmt: skip


def snippet_of(message: MessageShape, chat: ChatShape) -> str:
    return chat.snippet if message is chat.messages[-1] else snippet(message.row.content)


def follows_import(tx: Session, chat_id: uuid.UUID) -> bool:
    """Whether the message that a chat shows last came from an import, or none is shown."""
    return bool(quickly(tx, FOLLOWS_IMPORT, {"chat_id": as_driver(tx, CHATS.c.id, chat_id)})[0][0])


FOLLOWS_IMPORT = sa.text(
    "SELECT c.current_message_id IS NULL OR EXISTS (SELECT 1 FROM importref r WHERE r.message_id = c.current_message_id) "
    "FROM chatsession c WHERE c.id = :chat_id"
)


# --- the rows of a portion ---------------------------------------------------------------------------------------


def insert(tx: Session, target: Target, rows: Rows) -> None:
    """Writes all rows, and what the chats say of their messages."""
    insert_alike(tx, CHATS, rows.chats)
    insert_rows(tx, MESSAGES, MESSAGE_NAMES, rows.messages)
    for names, attempts in rows.generations.items():
        insert_rows(tx, GENERATIONS, (*names, *OWN_NAMES), attempts)
    for table, values in ((FEEDBACK, rows.feedback), (COMPARISONS, rows.comparisons)):
        insert_alike(tx, table, values)
    common = (target.source, target.viewer.user_id, target.now, target.run_id)
    refs = [("chat", *ref, *common) for ref in rows.chat_refs]
    refs += [("message", *ref, *common) for ref in rows.message_refs]
    insert_rows(tx, REFS, REF_NAMES, refs)
    for message_id, at, files in rows.files:
        add_in(tx, target.viewer, message_id, files, now=at)
    if rows.ends:
        execute_each(tx, COUNT, rows.ends)


def insert_alike(tx: Session, table: sa.Table, values: Sequence[Row]) -> None:
    """Writes rows of a table, those of the same columns together."""
    for names, alike in groupby(sorted(values, key=len), key=tuple):
        insert_rows(tx, table, names, (tuple(row.values()) for row in alike))


def days_of(tx: Session, rows: Rows, known: Known) -> set[int]:
    """The days since 1970 on which something counts that is written: of messages, of attempts, and of the prompts that got answers."""
    times = rows.begun | {entry.created_at for entry in rows.entries}
    times |= {known.times[parent] for parent in rows.older_parents if parent in known.times}
    for part in parts_of(rows.older_parents - known.times.keys()):
        times |= set(tx.execute(MADE_AT, {"ids": part}).scalars())
    return set(map(day_of, times))


MADE_AT = sa.select(MESSAGES.c.created_at).where(MESSAGES.c.id.in_(sa.bindparam("ids", expanding=True)))


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
