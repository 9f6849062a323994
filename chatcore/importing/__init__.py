"""Brings chats of other programs here: looks at a file first, then imports it, says what it did, and can take it back.

One broken chat never stops the others. What a file holds is compared with what earlier imports brought (`importref`): a second
run changes nothing, a newer export brings what is new, what somebody changed or deleted here stays as it is, and an import
that was ended goes on where it stopped. Transactions are short, so that a chat that goes on meanwhile hardly waits.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import DataError, IntegrityError

from chatcore.archive import Opened
from chatcore.db import Database
from chatcore.errors import ChatcoreError
from chatcore.formats import detect, open_file, read
from chatcore.formats.base import LATEST, Broken, Conversation, Format
from chatcore.importing.report import Imported, Options, Outcome, Pace, Preview, Report, Skipped, Tally
from chatcore.importing.room import Room
from chatcore.importing.runs import RunInfo, Undone, begin_run, end_run, fingerprint_of, list_imports, undo_import
from chatcore.importing.turns import short_turns
from chatcore.importing.writing import UNREADABLE_FILE, Done, Known, Slice, Target, look_up, write_portion
from chatcore.importing_ahead import shapes_ahead
from chatcore.importing_shapes import ChatShape, MessageShape, chat_key, chat_shape, source_of, title_of
from chatcore.organise import folders
from chatcore.organise.tags import clean_tag
from chatcore.parts import Role, Viewer
from chatcore.search.entering import allow_pieces
from chatcore.search.merging import merge_step
from chatcore.search.waiting import SortingIn

__all__ = [
    "Imported", "Options", "Outcome", "Pace", "Preview", "Report", "RunInfo", "Skipped", "Undone", "import_file", "list_imports",
    "preview", "undo_import",
]  # fmt: skip

# A chat weighs as much as so many messages.
WEIGHT_OF_CHAT = 1
# Pictures of one transaction.
FILES_A_TRANSACTION = 20
CHATS_A_LOOK = 500
MESSAGES_A_LOOK = 2000
# What is here of so many messages is looked up together.
MESSAGES_A_LOOK_UP = 1000
# Of how many pieces the search index may be before it is put together meanwhile; at the end the upkeep does it.
MOST_PIECES = 250
# A file of so many bytes, some 3,000 messages, is read by a process of its own, whose start takes half a second.
LARGE_BYTES = 4_000_000

OnPace = Callable[[Pace], None]


# --- looking first -----------------------------------------------------------------------------------------------


def preview(db: Database, viewer: Viewer, path: Path) -> Preview:
    """What is in a file and what an import would bring of it; nothing is written. Raises Invalid for a file that is none."""
    with open_file(path) as opened:
        known = detect(opened)
        tally, models = Tally(), Counter[str]()
        messages = chats = new = files = 0
        times: list[datetime] = []
        for portion in in_portions(read(opened, known), tally):
            new += count_new(db, viewer, known, portion)
            for chat in portion:
                chats += 1
                messages += len(chat.messages)
                files += sum(len(message.files) for message in chat.messages)
                models.update(message.model or "unknown" for message in chat.messages if message.role is Role.ASSISTANT)
                tally.notes.update(chat.notes)
                moments = [moment for message in chat.messages if (moment := message.created_at)]
                times = [found for found in (min([*times, *moments], default=None), max([*times, *moments], default=None)) if found]
    return Preview(
        format=known.name,
        label=known.label,
        chats=chats,
        new_chats=new,
        messages=messages,
        files=files,
        first_at=min(times, default=None),
        last_at=max(times, default=None),
        models=dict(models.most_common()),
        notes=dict(tally.notes),
        reasons=dict(tally.reasons),
        skipped=tuple(tally.skipped),
    )


def in_portions(found: Iterator[Conversation | Broken], tally: Tally) -> Iterator[list[Conversation]]:
    """The chats of a file, some at a time; those that are broken, or came before in the file, are counted as skipped."""
    seen: set[str] = set()
    portion: list[Conversation] = []
    size = 0
    for one in found:
        if isinstance(one, Broken):
            tally.skip(one.name, one.reason)
        elif (key := chat_key(one.external_id)) in seen:
            tally.skip(f"“{title_of(one)}”", "the same chat came before in the file")
        else:
            seen.add(key)
            portion.append(one)
            size += len(one.messages)
        if len(portion) >= CHATS_A_LOOK or size >= MESSAGES_A_LOOK:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def count_new(db: Database, viewer: Viewer, known: Format, portion: Sequence[Conversation]) -> int:
    """How many of these chats are not here."""
    with db.read() as tx:
        slices = [Slice(chat_shape(replace(chat, messages=()), now=LATEST), (), last=False) for chat in portion]
        here = look_up(tx, viewer, source_of(viewer, known.name), slices)
    return sum(piece.key not in here.chats for piece in slices) - len(here.own)


# --- importing ---------------------------------------------------------------------------------------------------


def import_file(
    db: Database,
    viewer: Viewer,
    path: Path,
    *,
    now: datetime,
    options: Options | None = None,
    file_name: str | None = None,
    expected: int | None = None,
    on_pace: OnPace | None = None,
) -> Report:
    """Imports a file for the viewer; what it did. `expected` is how many messages a preview has counted, for the time left.

    `on_pace` hears of every transaction; what it raises ends the import, and what was written stays. Raises Invalid for a file
    that is none and for a tag that cannot be one, NotFound for a folder that is not the viewer's, Conflict while the same file
    is being imported.
    """
    options = options or Options()
    tags = tuple(map(clean_tag, options.tags))
    if options.folder_id is not None:
        folders.move_chats(db, viewer, [], folder_id=options.folder_id)
    with open_file(path) as opened:
        known = detect(opened)
        name = file_name or path.name
        run_id = begin_run(db, viewer, format_name=known.name, file_name=name, fingerprint=fingerprint_of(path), now=now)
        target = Target(db, viewer, source_of(viewer, known.name), run_id, now, options.folder_id, tags, Room.of(db))
        tally, pace, state = Tally(), Pace(expected), "stopped"
        try:
            with short_turns(), closing(shapes(opened, known, now=now)) as found, SortingIn(db) as sorting_in:
                take_all(target, found, tally, pace, on_pace, sorting_in)
            state = "complete"
        except ChatcoreError:
            state = "failed"
            raise
        finally:
            report = report_of(target, known, name, tally, pace)
            end_run(db, viewer, run_id, state=state, report=report, now=now)
    return report


def shapes(opened: Opened, known: Format, *, now: datetime) -> Generator[ChatShape | Broken]:
    """The chats of a file as they would be written. A large file is read by a process of its own, while this one writes."""
    if opened.path.stat().st_size >= LARGE_BYTES:
        yield from shapes_ahead(opened, known.name, now=now)
        return
    for one in read(opened, known):
        yield one if isinstance(one, Broken) else chat_shape(one, now=now)


def report_of(target: Target, known: Format, name: str, tally: Tally, pace: Pace) -> Report:
    """What was done so far."""
    return Report(
        run_id=target.run_id,
        format=known.name,
        file_name=name,
        chats=dict(+tally.chats),
        messages=dict(+tally.messages),
        files=tally.files,
        reasons=dict(tally.reasons),
        notes=dict(tally.notes),
        skipped=tuple(tally.skipped),
        imported=tuple(tally.imported),
        duration_s=round(pace.elapsed_s, 3),
    )


def take_all(
    target: Target, found: Iterable[ChatShape | Broken], tally: Tally, pace: Pace, on_pace: OnPace | None, sorting_in: SortingIn
) -> None:
    """Writes every chat of a file, in portions."""
    allow_pieces(target.db)
    parts: dict[str, list[Done]] = {}
    for together in looked_up_together(found, tally):
        with target.db.read() as tx:
            known = look_up(tx, target.viewer, target.source, [Slice(chat, chat.messages, last=True) for chat in together])
        waiting = list(slices(together, target.room))
        while waiting:
            done = write(target, waiting[: fitting_slices(waiting, target.room)], known)
            for piece, one in zip(waiting, done, strict=False):
                parts.setdefault(piece.key, []).append(one)
                pace.done += one.imported + one.updated + one.unchanged + one.kept
                sorting_in.wrote(len_of(piece) if one.imported or one.updated else 0)
                if piece.last:
                    count(tally, piece, parts.pop(piece.key))
            del waiting[: len(done)]
            if on_pace:
                on_pace(pace)
            target.room.let_in()
        while target.db.is_sqlite and merge_step(target.db, most=MOST_PIECES):
            if on_pace:
                on_pace(pace)
            target.room.let_in()


def len_of(piece: Slice) -> int:
    """How many characters the messages of a slice have."""
    return sum(len(message.row.content) for message in piece.messages)


def looked_up_together(found: Iterable[ChatShape | Broken], tally: Tally) -> Iterator[list[ChatShape]]:
    """The chats of a file, some at a time; those that are broken, or came before in the file, are counted as skipped."""
    seen: set[str] = set()
    together: list[ChatShape] = []
    size = 0
    for one in found:
        if isinstance(one, Broken):
            tally.skip(one.name, one.reason)
        elif one.key in seen:
            tally.skip(f"“{one.title}”", "the same chat came before in the file")
        else:
            seen.add(one.key)
            together.append(one)
            size += WEIGHT_OF_CHAT + len(one.messages)
        if size >= MESSAGES_A_LOOK_UP:
            yield together
            together, size = [], 0
    if together:
        yield together


def slices(chats: Iterable[ChatShape], room: Room) -> Iterator[Slice]:
    """The chats in slices, none larger than what is written between two looks at whether others wait."""
    for chat in chats:
        start = 0
        while start < len(chat.messages):
            end = min(start + room.messages_a_look, len(chat.messages))
            end = start + fitting(chat.messages[start:end], FILES_A_TRANSACTION)
            yield Slice(chat, chat.messages[start:end], last=end == len(chat.messages))
            start = end


def fitting_slices(waiting: Sequence[Slice], room: Room) -> int:
    """How many of these slices go into a transaction, at least one."""
    taken = files = 0
    for number, piece in enumerate(waiting):
        taken += WEIGHT_OF_CHAT + len(piece.messages)
        files += sum(len(message.files) for message in piece.messages)
        if taken > room.messages or files > FILES_A_TRANSACTION:
            return max(number, 1)
    return len(waiting)


def fitting(messages: Sequence[MessageShape], files: int) -> int:
    """How many of these messages may be taken with so many files together, at least one."""
    for number, message in enumerate(messages):
        files -= len(message.files)
        if files < 0:
            return max(number, 1)
    return len(messages)


def write(target: Target, portion: list[Slice], known: Known | None) -> list[Done]:
    """Writes a portion; if a law of the database refuses it, each of its slices alone, so that only the odd one is skipped, and
    after another look at what is here by now."""
    try:
        return write_portion(target, portion, known)
    except (IntegrityError, DataError) as error:
        if len(portion) > 1 or known is not None:
            return [done for piece in portion for done in write(target, [piece], None)]
        return [Done(Outcome.SKIPPED, reason=f"the database refuses it ({str(error.orig)[:200]})")]


def count(tally: Tally, piece: Slice, parts: Sequence[Done]) -> None:
    """Puts what became of a chat into the report."""
    for done in parts:
        tally.messages.update({"imported": done.imported, "updated": done.updated, "unchanged": done.unchanged, "kept": done.kept})
        tally.files += done.files
        if done.unreadable:
            tally.notes[UNREADABLE_FILE] += done.unreadable
    refused = next((done.reason for done in parts if done.outcome is Outcome.SKIPPED), None)
    title = piece.chat.title
    if refused is not None:
        tally.skip(f"“{title}”", refused)
        return
    outcomes = {done.outcome for done in parts}
    outcome = next(found for found in (Outcome.IMPORTED, Outcome.UPDATED, Outcome.UNCHANGED) if found in outcomes)
    if outcome is Outcome.IMPORTED:
        tally.notes.update(piece.chat.notes)
    new = sum(done.imported + done.updated for done in parts)
    chat_id = parts[0].chat_id
    tally.take(outcome, Imported(chat_id, title, new, outcome) if chat_id is not None else None)
