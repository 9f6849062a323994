"""The lossless form: everything of a chat as JSON, as docs/export-format.md describes it and `chatcore.formats.own` reads it."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import datetime

from chatcore.exporting.reading import Chat, Row, Written

VERSION = 1
BytesOf = Callable[[int], bytes]


def pieces(chats: Iterator[Chat], bytes_of: BytesOf) -> Iterator[str]:
    """An array with one chat a line."""
    yield "["
    for number, chat in enumerate(chats):
        yield ("," if number else "") + "\n" + json.dumps(chat_object(chat, bytes_of), ensure_ascii=False, default=plain)
    yield "\n]\n"


def chat_object(chat: Chat, bytes_of: BytesOf) -> dict[str, object]:
    """A chat. Ids are texts: other programs would make numbers of 64 bits imprecise."""
    info = chat.info
    return {
        "chatcore": VERSION,
        "id": str(info.id),
        "title": info.title,
        "provider": info.provider,
        "model": info.model_name,
        "created_at": info.created_at,
        "updated_at": info.updated_at,
        "pinned": info.pinned,
        "archived": info.archived,
        "folder": chat.folder,
        "tags": chat.tags,
        "system_prompt": chat.system_prompt,
        "current_message": str(info.current_message_id) if info.current_message_id is not None else None,
        "messages": [message_object(message, bytes_of) for message in chat.messages],
        "comparisons": [comparison_object(row) for row in chat.comparisons],
    }


def comparison_object(row: Row) -> dict[str, object]:
    """Two answers that were compared, and the vote, null while there is none."""
    ids = {"left": str(row["left_message_id"]), "right": str(row["right_message_id"])}
    return ids | {"blind": row["is_blind"], "vote": row["outcome"], "created_at": row["created_at"], "decided_at": row["decided_at"]}


def message_object(message: Written, bytes_of: BytesOf) -> dict[str, object]:
    """A message with its attempts, files and rating."""
    row = message.row
    found: dict[str, object] = {
        "id": str(row["id"]),
        "parent": str(row["parent_id"]) if row["parent_id"] is not None else None,
        "role": row["role"],
        "status": row["status"],
        "created_at": row["created_at"],
        "provider": row["provider"],
        "model": row["model_name"],
        "content": row["content"],
        "reasoning": row["reasoning"],
        "tool_calls": calls_of(row["tool_calls"]),
        "attempts": message.attempts,
        "files": [file_object(file, bytes_of) for file in message.files],
        "rating": message.rating,
        "note": message.note,
    }
    return found


def calls_of(text: object) -> object:
    """Tool calls as JSON; text that is none stays text, so nothing is lost."""
    if not isinstance(text, str):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    # Only what comes out as it was may go in as a value.
    return found if isinstance(found, list | dict) and json.dumps(found, ensure_ascii=False) == text else text


def file_object(file: dict[str, object], bytes_of: BytesOf) -> dict[str, object]:
    content = base64.b64encode(bytes_of(int(str(file["id"])))).decode()
    return {name: file[name] for name in ("name", "media_type", "size_bytes", "sha256", "created_at")} | {"content_base64": content}


def plain(value: object) -> object:
    """A time in ISO 8601, in UTC."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")
