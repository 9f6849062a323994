"""Gives chats back in open forms: one chat, what a search finds, or everything. Every form is written as it is read."""

import io
import uuid
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import BinaryIO

from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.exporting import as_json, as_rows, as_text
from chatcore.exporting.reading import Branch, Chat, all_chat_ids, count_messages, file_bytes, read_branches, read_chats
from chatcore.history import get_chats
from chatcore.parts import Viewer
from chatcore.search import matching_chats

OnProgress = Callable[[int, int], None]
MOST_FOUND = 1_000_000


@dataclass(frozen=True, slots=True)
class Form:
    """A form chats can be exported in. `suffix` is that of the file; with several chats, Markdown comes in a ZIP."""

    name: str
    label: str
    suffix: str
    media_type: str
    help: str


FORMS = (
    Form("json", "JSON, everything", ".json", "application/json", "All branches, times, usage and files; can be imported again as it was."),
    Form("markdown", "Markdown", ".md", "text/markdown", "To read and to keep: one file a chat, with what is known of it on top."),
    Form("html", "One HTML page", ".html", "text/html", "To read in any browser, without the app and without a network."),
    Form("openai", "JSONL for fine-tuning", ".jsonl", "application/jsonl", "One chat a line, as OpenAI's fine-tuning takes it."),
    Form("sharegpt", "ShareGPT JSONL", ".jsonl", "application/jsonl", "One chat a line, for other trainers."),
    Form(
        "dpo",
        "Preference pairs",
        ".jsonl",
        "application/jsonl",
        "Answers to one prompt of which one was rated up and one down, or preferred in a blind comparison.",
    ),
    Form("messages-csv", "Messages as CSV", ".csv", "text/csv", "One message a row."),
    Form("messages-parquet", "Messages as Parquet", ".parquet", "application/vnd.apache.parquet", "One message a row."),
    Form("answers-csv", "Answers and usage as CSV", ".csv", "text/csv", "One attempt at an answer a row: model, times, tokens, cost."),
    Form(
        "answers-parquet", "Answers and usage as Parquet", ".parquet", "application/vnd.apache.parquet", "One attempt at an answer a row."
    ),
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is exported: these chats. `words` names the choice in the name of the file."""

    chat_ids: tuple[uuid.UUID, ...]
    words: str


def form_named(name: str) -> Form:
    """The form of this name. Raises Invalid."""
    found = next((form for form in FORMS if form.name == name), None)
    if found is None:
        raise Invalid(f"There is no form {name[:40]!r}.", f"Choose one of {', '.join(form.name for form in FORMS)}.")
    return found


def choose(
    db: Database,
    viewer: Viewer,
    *,
    chat_id: uuid.UUID | None = None,
    text: str = "",
    now: datetime | None = None,
    zone: tzinfo = UTC,
) -> Chosen:
    """One chat, the chats in which a search finds something, or all that are not in the trash. Raises NotFound for a chat that is
    not the viewer's."""
    if chat_id is not None:
        found = get_chats(db, viewer, [chat_id])
        if not found:
            raise NotFound("This chat is not there.", "It may have been deleted. Look in the trash or go back to your chats.")
        return Chosen((chat_id,), found[0].title)
    if text.strip():
        return Chosen(matching_chats(db, viewer, text, cap=MOST_FOUND, now=now, zone=zone), text)
    return Chosen(tuple(all_chat_ids(db, viewer)), "all")


def file_name(form: Form, chosen: Chosen, *, now: datetime) -> str:
    """What the file of an export is called: the day and what was chosen."""
    words = "-".join(as_text.UNSAFE.sub(" ", chosen.words).split())[:50].strip("-").lower() or "search"
    suffix = ".zip" if form.name == "markdown" and len(chosen.chat_ids) != 1 else form.suffix
    kind = f"-{form.name}" if form.name not in ("json", "markdown", "html") else ""
    return f"chatcore-{now:%Y-%m-%d}-{words}{kind}{suffix}"


def export(db: Database, viewer: Viewer, form: Form, chosen: Chosen, out: BinaryIO, *, on_progress: OnProgress | None = None) -> int:
    """Writes chats to `out`, as they are read; how many chats these were. Chats that are gone by now are left out. `on_progress`
    hears messages done and in all."""
    counted = Counted(count_messages(db, viewer, chosen.chat_ids), on_progress)
    chats = counted.through(read_chats(db, viewer, chosen.chat_ids))
    match form.name:
        case "json":
            write_text(as_json.pieces(chats, lambda file_id: file_bytes(db, viewer, file_id)), out)
        case "markdown":
            write_markdown(chats, out, single=len(chosen.chat_ids) == 1)
        case "html":
            title = f"Chats: {chosen.words}" if len(chosen.chat_ids) != 1 else chosen.words
            write_text(as_text.page(chats, title=title, titles=lambda: titles_of(db, viewer, chosen.chat_ids)), out)
        case "openai":
            write_text(as_rows.openai_lines(counted.branches(read_branches(db, viewer, chosen.chat_ids))), out)
        case "sharegpt":
            write_text(as_rows.sharegpt_lines(counted.branches(read_branches(db, viewer, chosen.chat_ids))), out)
        case "dpo":
            write_text(as_rows.preference_lines(chats), out)
        case "messages-csv":
            write_text(as_rows.csv_lines(as_rows.message_rows(chats), as_rows.MESSAGE_NAMES), out)
        case "answers-csv":
            write_text(as_rows.csv_lines(as_rows.attempt_rows(chats), as_rows.ATTEMPT_NAMES), out)
        case "messages-parquet":
            as_rows.write_parquet(as_rows.message_rows(chats), as_rows.MESSAGE_NAMES, out)
        case "answers-parquet":
            as_rows.write_parquet(as_rows.attempt_rows(chats), as_rows.ATTEMPT_NAMES, out)
        case _:
            raise Invalid(f"There is no form {form.name!r}.", "Choose one of the forms.")
    return counted.chats


class Counted:
    """Counts the chats that go through."""

    def __init__(self, total: int, on_progress: OnProgress | None) -> None:
        self.total = total
        self.on_progress = on_progress
        self.chats = 0
        self.messages = 0

    def through(self, chats: Iterator[Chat]) -> Iterator[Chat]:
        """The same chats."""
        for chat in chats:
            yield chat
            self.count(len(chat.messages))

    def branches(self, branches: Iterator[Branch]) -> Iterator[Branch]:
        """The same branches."""
        for branch in branches:
            yield branch
            self.count(branch.messages)

    def count(self, messages: int) -> None:
        """Counts a chat of so many messages."""
        self.chats += 1
        self.messages += messages
        if self.on_progress:
            self.on_progress(self.messages, max(self.total, self.messages))


def titles_of(db: Database, viewer: Viewer, chat_ids: Sequence[uuid.UUID]) -> Iterator[tuple[str, str]]:
    """The ids and titles of chats, in order."""
    for chat in get_chats(db, viewer, chat_ids):
        yield str(chat.id), chat.title


def write_text(pieces: Iterator[str], out: BinaryIO) -> None:
    for piece in pieces:
        out.write(piece.encode())


def write_markdown(chats: Iterator[Chat], out: BinaryIO, *, single: bool) -> None:
    """One chat as it is, several as files in a ZIP."""
    if single:
        write_text((as_text.markdown(chat) for chat in chats), out)
        return
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for chat in chats:
            info = zipfile.ZipInfo(f"{as_text.file_stem(chat)}.md", date_time=chat.info.updated_at.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, as_text.markdown(chat))


def export_bytes(db: Database, viewer: Viewer, form: Form, chosen: Chosen) -> bytes:
    """The same in memory, for what is small."""
    out = io.BytesIO()
    export(db, viewer, form, chosen, out)
    return out.getvalue()
