"""The database of Ollama's desktop app (db.sqlite). It counts no tokens, but it knows how long a model reasoned."""

from collections.abc import Iterator
from functools import partial
from itertools import groupby

from chatcore.archive import Opened, Tables
from chatcore.formats.base import (
    Broken,
    Conversation,
    Enclosed,
    Look,
    Piece,
    Read,
    Unfit,
    assemble,
    call,
    in_a_row,
    known,
    moment,
    named,
    said,
)
from chatcore.parts import Role

MESSAGES = ("id", "chat_id", "role", "content", "thinking", "model_name", "created_at", "updated_at", "tool_result")
CALLS = ("message_id", "type", "function_name", "function_arguments", "function_result")
TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif", "txt": "text/plain",
         "pdf": "application/pdf", "md": "text/markdown", "csv": "text/csv"}  # fmt: skip


class OllamaApp:
    """The database of Ollama's desktop app."""

    name = "ollama-app"
    label = "Ollama desktop app"
    hint = "Ollama's app keeps db.sqlite in %LOCALAPPDATA%\\Ollama, ~/Library/Application Support/Ollama, or ~/.ollama."

    def fits(self, look: Look) -> bool:
        there = look.tables.get("messages", frozenset())
        return "chats" in look.tables and there >= {"chat_id", "role", "content"} and "tool_calls" in look.tables

    def read(self, opened: Opened) -> Iterator[Read]:
        """Every chat."""
        if opened.tables is not None:
            yield from from_tables(opened.tables)


def from_tables(tables: Tables) -> Iterator[Read]:
    """The chats that have messages, and those that have none, which cannot be taken."""
    chats = {row.get("id"): row for row in tables.rows("chats", ("id", "title", "created_at"))}
    rows = tables.rows("messages", MESSAGES, order=("chat_id", "id"))
    for chat_id, found in groupby(rows, key=lambda row: row.get("chat_id")):
        chat = chats.pop(chat_id, {"id": chat_id})
        name = f"chat {said(chat.get('title'))[:80] or chat_id}"
        try:
            yield conversation(chat, list(found), tables)
        except Unfit as error:
            yield Broken(name, str(error))
    for chat in chats.values():
        yield Broken(f"chat {said(chat.get('title'))[:80] or chat.get('id')}", "it has no messages")


def conversation(chat: dict[str, object], rows: list[dict[str, object]], tables: Tables) -> Conversation:
    """One chat. Raises Unfit."""
    external_id = named(chat.get("id"))
    if external_id is None:
        raise Unfit("it has no id")
    pieces = [piece(row, tables) for row in rows]
    tree = assemble(in_a_row(pieces), pieces[-1].id)
    if not tree.messages:
        raise Unfit("it has no messages")
    models = [message.model for message in tree.messages if message.model]
    return Conversation(
        external_id=external_id,
        title=said(chat.get("title")),
        messages=tree.messages,
        current=tree.current,
        created_at=moment(chat.get("created_at")),
        updated_at=moment(rows[-1].get("updated_at")) or moment(rows[-1].get("created_at")),
        provider="ollama",
        model=models[-1] if models else "unknown",
        notes=tree.notes,
    )


def piece(row: dict[str, object], tables: Tables) -> Piece:
    """A message."""
    role, message_id = row.get("role"), row.get("id")
    piece_id = str(message_id)
    if role not in ("user", "assistant", "tool"):
        return Piece(piece_id, None, None, note="system messages" if role == "system" else "messages of an unknown role")
    found = Piece(piece_id, None, Role.USER if role == "user" else Role.ASSISTANT, created_at=moment(row.get("created_at")))
    if role == "tool":
        found.results.append((None, None, said(row.get("content")) or said(row.get("tool_result"))))
        return found
    found.text, found.reasoning = said(row.get("content")), said(row.get("thinking"))
    if role == "assistant":
        found.provider, found.model = "ollama", known(row.get("model_name"))
        calls = tables.rows("tool_calls", CALLS, where={"message_id": message_id})
        found.calls = [
            call("", one.get("function_name"), one.get("function_arguments") or {}, result=one.get("function_result") or None)
            for one in calls
        ]
    for file in tables.rows("attachments", ("filename", "data"), where={"message_id": message_id}):
        data, name = file.get("data"), said(file.get("filename")) or "file"
        content = data if isinstance(data, bytes) else said(data).encode()
        media_type = TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")
        found.files.append(Enclosed(name, media_type, partial(bytes, content)))
    return found
