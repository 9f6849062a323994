"""Brings chats of other programs here: looks at a file first, then imports it, says what it did, and can take it back.

One broken chat never stops the others. What a file holds is compared with what earlier imports brought (`importref`): a second
run changes nothing, a newer export brings what is new, what somebody changed or deleted here stays as it is, and an import
that was ended goes on where it stopped. Transactions are short, so that a chat that goes on meanwhile hardly waits.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import DataError, IntegrityError

from chatcore.db import Database
from chatcore.errors import ChatcoreError
from chatcore.formats import detect, open_file, read
from chatcore.formats.base import Broken, Conversation, Format
from chatcore.importing.report import Imported, Options, Outcome, Pace, Preview, Report, Skipped, Tally
from chatcore.importing.runs import RunInfo, Undone, begin_run, end_run, fingerprint_of, list_imports, undo_import
from chatcore.importing.shapes import KEEPS_SYSTEM_PROMPT, chat_key, source_of, title_of
from chatcore.importing.writing import UNREADABLE_FILE, Done, Slice, Target, look_up, write_portion
from chatcore.organise import folders
from chatcore.organise.tags import clean_tag
from chatcore.parts import Role, Viewer
from chatcore.search.build import later_step

__all__ = [
    "Imported", "Options", "Outcome", "Pace", "Preview", "Report", "RunInfo", "Skipped", "Undone", "import_file", "list_imports",
    "preview", "undo_import",
]  # fmt: skip

# A message has its row, its reference and, if a model wrote it, its ledger entry. A hundred and fifty messages hold up another
# writer on SQLite for some 20 ms (measured). Their words are put into the index later, many at once, which takes half of the time.
ROWS_A_TRANSACTION = 450
MESSAGES_A_SLICE = 149
ROWS_A_CHAT = 3
ROWS_A_MESSAGE = 3
# So many messages wait at most to be found.
MESSAGES_UNINDEXED = 5000
# Pictures of one transaction.
FILES_A_TRANSACTION = 20
CHATS_A_LOOK = 500
MESSAGES_A_LOOK = 2000

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
        here = look_up(tx, viewer, source_of(viewer, known.name), [Slice(chat, (), last=False) for chat in portion])
    return sum(chat_key(chat.external_id) not in here.chats for chat in portion) - len(here.own)


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
        target = Target(db, viewer, source_of(viewer, known.name), run_id, now, options.folder_id, tags)
        tally, pace, state = Tally(), Pace(expected), "stopped"
        try:
            take_all(target, read(opened, known), tally, pace, on_pace)
            state = "complete"
        except ChatcoreError:
            state = "failed"
            raise
        finally:
            report = report_of(target, known, name, tally, pace)
            end_run(db, viewer, run_id, state=state, report=report, now=now)
    return report


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


def take_all(target: Target, found: Iterator[Conversation | Broken], tally: Tally, pace: Pace, on_pace: OnPace | None) -> None:
    """Writes every chat of a file, in portions, and has the search find them."""
    parts: dict[str, list[Done]] = {}
    unindexed = 0
    for portion in transactions(found, tally):
        for piece, done in zip(portion, write(target, portion), strict=True):
            parts.setdefault(piece.key, []).append(done)
            unindexed += done.imported
            if piece.last:
                count(tally, piece, parts.pop(piece.key))
        pace.done = tally.done
        if on_pace:
            on_pace(pace)
        if unindexed > MESSAGES_UNINDEXED:
            index(target, pace, on_pace)
            unindexed = 0
    index(target, pace, on_pace)


def index(target: Target, pace: Pace, on_pace: OnPace | None) -> None:
    """Has the search find what was written so far. What is left when this is ended, the upkeep does, or the next import."""
    while later_step(target.db) is not None:
        if on_pace:
            on_pace(pace)


def transactions(found: Iterator[Conversation | Broken], tally: Tally) -> Iterator[list[Slice]]:
    """The chats of a file in slices that make a transaction together."""
    seen: set[str] = set()
    portion: list[Slice] = []
    rows = files = 0
    for one in found:
        if isinstance(one, Broken):
            tally.skip(one.name, one.reason)
            continue
        key = chat_key(one.external_id)
        if key in seen:
            tally.skip(f"“{title_of(one)}”", "the same chat came before in the file")
            continue
        seen.add(key)
        for piece in slices(one):
            size = ROWS_A_CHAT + ROWS_A_MESSAGE * len(piece.messages)
            enclosed = sum(len(message.files) for message in piece.messages)
            if portion and (rows + size > ROWS_A_TRANSACTION or files + enclosed > FILES_A_TRANSACTION):
                yield portion
                portion, rows, files = [], 0, 0
            portion.append(piece)
            rows, files = rows + size, files + enclosed
    if portion:
        yield portion


def slices(chat: Conversation) -> Iterator[Slice]:
    """A chat, cut where it is too long for a transaction."""
    for start in range(0, len(chat.messages), MESSAGES_A_SLICE):
        end = start + MESSAGES_A_SLICE
        yield Slice(chat, chat.messages[start:end], last=end >= len(chat.messages))


def write(target: Target, portion: list[Slice]) -> list[Done]:
    """Writes a portion; if a law of the database refuses it, each of its slices alone, so that only the odd one is skipped."""
    try:
        return write_portion(target, portion)
    except (IntegrityError, DataError) as error:
        if len(portion) > 1:
            return [done for piece in portion for done in write(target, [piece])]
        return [Done(Outcome.SKIPPED, reason=f"the database refuses it ({str(error.orig)[:200]})")]


def count(tally: Tally, piece: Slice, parts: Sequence[Done]) -> None:
    """Puts what became of a chat into the report."""
    for done in parts:
        tally.messages.update({"imported": done.imported, "updated": done.updated, "unchanged": done.unchanged, "kept": done.kept})
        tally.files += done.files
        if done.unreadable:
            tally.notes[UNREADABLE_FILE] += done.unreadable
    refused = next((done.reason for done in parts if done.outcome is Outcome.SKIPPED), None)
    title = title_of(piece.chat)
    if refused is not None:
        tally.skip(f"“{title}”", refused)
        return
    outcomes = {done.outcome for done in parts}
    outcome = next(found for found in (Outcome.IMPORTED, Outcome.UPDATED, Outcome.UNCHANGED) if found in outcomes)
    if outcome is Outcome.IMPORTED:
        tally.notes.update(piece.chat.notes)
        if piece.chat.system_prompt and not KEEPS_SYSTEM_PROMPT:
            tally.notes["system prompts"] += 1
    new = sum(done.imported + done.updated for done in parts)
    chat_id = parts[0].chat_id
    tally.take(outcome, Imported(chat_id, title, new, outcome) if chat_id is not None else None)
