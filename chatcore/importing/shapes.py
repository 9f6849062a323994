"""What a conversation of a file becomes: the columns of its rows, and the hashes that tell later what was changed."""

import json
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from chatcore.documents import Prepared, Upload, prepare
from chatcore.errors import Invalid
from chatcore.formats.base import UNKNOWN_MODEL, Call, ComparedPair, Conversation, Message, digest
from chatcore.history import LONGEST_NAME
from chatcore.models import DEFAULT_TITLE
from chatcore.parts import ErrorCode, Role, State, Viewer
from chatcore.rows import CHATS, GENERATIONS
from chatcore.texts import TITLE_CHARACTERS, cut, snippet, storable

# Ids that are longer stay unique by their hash: both engines keep them in an index (see `older_rows.LONGEST_ID`).
LONGEST_ID = 200
# A title that is made of a first message.
MADE_TITLE_CHARACTERS = 60
# Of an image that nobody can open: what a model is sent as one has been looked into.
UNKNOWN_TYPE = "application/octet-stream"
HELD = ("content", "reasoning", "tool_calls", "status")

# A schema without a place for it says so in the report.
KEEPS_SYSTEM_PROMPT = "system_prompt" in CHATS.c

Row = dict[str, object]


def source_of(viewer: Viewer, format_name: str) -> str:
    """Under which name `importref` remembers what this person brought in this format."""
    return f"{format_name}:{viewer.user_id}"


def chat_key(external_id: str) -> str:
    """The id of a chat as `importref` has it."""
    text = storable(external_id)
    return text if len(text) <= LONGEST_ID else digest(text)


def message_key(chat: str, external_id: str) -> str:
    """The id of a message as `importref` has it: some programs use one id in several chats."""
    return digest(chat, external_id)


def hash_of(row: Row) -> str:
    """How a message looks: the same for the row that is written and for the row that is read."""
    return digest(*(str(row[name] or "") for name in HELD))


def title_of(conversation: Conversation) -> str:
    """The title, or one made of the first prompt."""
    title = " ".join(storable(conversation.title).split())
    if title:
        return cut(title, TITLE_CHARACTERS)
    first = next((snippet(message.text) for message in conversation.messages if message.role is Role.USER and message.text.strip()), "")
    return cut(first, MADE_TITLE_CHARACTERS) or DEFAULT_TITLE


def name_of(value: str | None, otherwise: str) -> str:
    """A provider or model as it is stored."""
    return cut(storable(value or "").strip(), LONGEST_NAME) or otherwise


def chat_row(conversation: Conversation, viewer: Viewer, *, chat_id: uuid.UUID, now: datetime, folder_id: int | None) -> Row:
    """The columns of a chat; what counts its messages comes with them."""
    times = [message.created_at for message in conversation.messages if message.created_at]
    created_at = conversation.created_at or min(times, default=None) or conversation.updated_at or now
    updated_at = conversation.updated_at or max(times, default=None) or created_at
    return {
        "id": chat_id, "user_id": viewer.user_id, "title": title_of(conversation), "provider": name_of(conversation.provider, "imported"),
        "model_name": name_of(conversation.model, UNKNOWN_MODEL), "created_at": created_at, "updated_at": max(updated_at, created_at),
        "pinned": conversation.pinned, "archived": conversation.archived, "folder_id": folder_id,
        **({"system_prompt": storable(conversation.system_prompt or "") or None} if KEEPS_SYSTEM_PROMPT else {}),
    }  # fmt: skip


def message_row(message: Message, viewer: Viewer, chat: Conversation, *, created_at: datetime) -> Row:
    """The columns of a message, but for its id, its chat and its parent."""
    of_model = message.role is Role.ASSISTANT
    provider = name_of(message.provider or chat.provider, "imported") if of_model else None
    model_name = name_of(message.model, UNKNOWN_MODEL) if of_model else None
    if chat.ours:
        provider, model_name = message.provider, message.model
    return {
        "user_id": viewer.user_id,
        "role": message.role.value,
        "status": message.state.value if of_model and message.state is not State.RUNNING else State.COMPLETE.value,
        "created_at": created_at,
        "provider": provider,
        "model_name": model_name,
        "tool_calls": dump_calls(message.calls) if message.stored_calls is None else storable(message.stored_calls) or None,
        "reasoning": storable(message.reasoning) or None,
        "content": storable(message.text),
    }


def generation_rows(message: Message, row: Row) -> list[Row]:
    """The ledger's rows for an answer: all of them if the file has the ledger, else one made of what it says."""
    if not message.attempts:
        return [generation_row(message, row)] if message.stored_calls is None else []
    ids = {"user_id": row["user_id"], "session_id": row["session_id"], "message_id": row["id"]}
    return [{name: value for name, value in attempt.values.items() if name in GENERATIONS.c} | ids for attempt in message.attempts]


def generation_row(message: Message, row: Row) -> Row:
    """The ledger's row for an answer: what the file knows of it, and nothing made up. Tokens count only where both are known."""
    usage, created_at = message.usage, row["created_at"]
    assert isinstance(created_at, datetime)
    counted = usage.input_tokens is not None and usage.output_tokens is not None
    failed = row["status"] == State.FAILED.value
    return {
        "user_id": row["user_id"], "session_id": row["session_id"], "message_id": row["id"], "provider": row["provider"],
        "model_name": row["model_name"], "state": row["status"], "started_at": created_at,
        "finished_at": created_at + timedelta(seconds=min(message.duration_s or 0.0, 1e7)), "duration_s": message.duration_s,
        "time_to_first_chunk_s": message.time_to_first_chunk_s, "load_s": usage.load_s, "prompt_s": usage.prompt_s, "eval_s": usage.eval_s,
        "input_tokens": usage.input_tokens if counted else None, "output_tokens": usage.output_tokens if counted else None,
        "cached_tokens": usage.cached_tokens, "reasoning_tokens": usage.reasoning_tokens, "usage_source": "imported" if counted else None,
        "finish_reason": message.finish_reason, "error_type": ErrorCode.SERVER_ERROR.value if failed else None,
        "error_message": storable(message.error or "The answer failed.") if failed else None,
    }  # fmt: skip


def comparison_row(pair: ComparedPair, answers: tuple[Message, Message], viewer: Viewer, *, now: datetime) -> Row:
    """The columns of a comparison, but for its chat and its two messages."""
    created_at = pair.created_at or now
    names = {
        f"{side}_{name}": name_of(value, otherwise)
        for side, answer in zip(("left", "right"), answers, strict=True)
        for name, value, otherwise in (("provider", answer.provider, "imported"), ("model_name", answer.model, UNKNOWN_MODEL))
    }
    return names | {
        "user_id": viewer.user_id,
        "is_blind": pair.is_blind,
        "outcome": pair.vote.value if pair.vote else None,
        "created_at": created_at,
        "decided_at": (pair.decided_at or created_at) if pair.vote else None,
    }


def dump_calls(calls: Iterable[Call]) -> str | None:
    """The JSON text of tool calls as a message stores them; None for none."""
    rows = [
        {
            "id": one.id or f"call_{number}", "name": one.name, "arguments": one.arguments, "raw": one.raw, "error": one.error,
            "round": one.round, "position": one.position, "state": "failed" if one.error else "done", "decision": None,
            "result": one.result, "started_at": None, "duration_s": one.duration_s,
        }
        for number, one in enumerate(calls, 1)
    ]  # fmt: skip
    return storable(json.dumps(rows, ensure_ascii=False)) if rows else None


def file_of(content: bytes, *, name: str, media_type: str) -> Prepared:
    """A file as it is kept. One that could not be attached here, since it is too large or broken, is kept as it came, and no model
    is told what it holds."""
    try:
        return prepare(Upload(name, content))
    except Invalid:
        kind = UNKNOWN_TYPE if media_type.startswith("image/") else cut(storable(media_type), LONGEST_NAME)
        return Prepared(cut(storable(name), LONGEST_NAME) or "file", kind, content)
