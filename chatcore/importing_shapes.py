"""What a conversation of a file becomes: the columns of its rows, and the hashes that tell later what was changed.

Everything that does not depend on what is here already, so that a process of its own can make it (`chatcore.importing_ahead`);
that starts faster because nothing here knows the database.
"""

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from chatcore.documents import Prepared, Upload, prepare
from chatcore.errors import Invalid
from chatcore.formats.base import UNKNOWN_MODEL, Call, ComparedPair, Conversation, Enclosed, Message, digest
from chatcore.parts import ErrorCode, Role, State, Viewer
from chatcore.texts import DEFAULT_TITLE, LONGEST_NAME, TITLE_CHARACTERS, cut, snippet, storable
from chatcore.words import parts_of_words, words_of

# Ids that are longer stay unique by their hash: both engines keep them in an index (see `older_rows.LONGEST_ID`).
LONGEST_ID = 200
# A title that is made of a first message.
MADE_TITLE_CHARACTERS = 60
# Of an image that nobody can open: what a model is sent as one has been looked into.
UNKNOWN_TYPE = "application/octet-stream"
HELD = ("content", "reasoning", "tool_calls", "status")

Row = dict[str, object]


class Written(NamedTuple):
    """The columns of a message, but for its id, its chat, what it follows, whose it is and when it was made."""

    role: str
    status: str
    provider: str | None
    model_name: str | None
    tool_calls: str | None
    reasoning: str | None
    content: str


class LedgerShape(NamedTuple):
    """An attempt at an answer: the names of its columns and their values, but for whose it is; when it was begun, if that is known, and
    its tokens. Not a dictionary: attempts of one kind share their names, also on the way from another process."""

    names: tuple[str, ...]
    values: tuple[object, ...]
    started_at: datetime | None
    input_tokens: int
    output_tokens: int


class MessageShape(NamedTuple):
    """A message as it would be written. `key` is its id as `importref` has it, `look` how it looks, `ledger` its attempts; `words` and
    `parts` are those of its text with spaces between them, None where nobody has cut them yet."""

    external_id: str
    parent: str | None
    key: str
    look: str
    created_at: datetime
    row: Written
    ledger: tuple[LedgerShape, ...] = ()
    rating: int | None = None
    rating_note: str | None = None
    files: tuple[Enclosed, ...] = ()
    words: str | None = None
    parts: str = ""


class PairShape(NamedTuple):
    """Two answers that were compared, by their ids in the file, the prompt before them, and the columns of the comparison."""

    left: str
    right: str
    prompt: str | None
    row: Row


class ChatShape(NamedTuple):
    """A chat as it would be written. `own_id` is its id here, if the file is our own export; `row` has the columns of a chat but
    for its id, its folder and whose it is; the rest as in `Conversation`."""

    key: str
    own_id: uuid.UUID | None
    title: str
    look: str
    row: Row
    messages: tuple[MessageShape, ...]
    current: str | None
    updated_at: datetime | None
    tags: tuple[str, ...]
    folder: str | None
    notes: Mapping[str, int]
    pairs: tuple[PairShape, ...]
    snippet: str


def chat_shape(chat: Conversation, *, now: datetime, cut_words: bool = False) -> ChatShape:
    """A conversation as it would be written; `now` is the time of what the file has no time for. With `cut_words` its words are cut."""
    key, title = chat_key(chat.external_id), title_of(chat)
    return ChatShape(
        key=key,
        own_id=own_id(chat),
        title=title,
        look=look_of_title(title),
        row=chat_row(chat, title, now=now),
        messages=tuple(message_shapes(chat, key, now=now, cut_words=cut_words)),
        current=chat.current,
        updated_at=chat.updated_at,
        tags=chat.tags,
        folder=chat.folder,
        notes=chat.notes,
        pairs=pair_shapes(chat, now=now),
        snippet=snippet(chat.messages[-1].text) if chat.messages else "",
    )


def message_shapes(chat: Conversation, key: str, *, now: datetime, cut_words: bool) -> Iterable[MessageShape]:
    """The messages of a conversation, in their order. One without a time was made with the one it follows."""
    start = chat.created_at or chat.updated_at or now
    times: dict[str | None, datetime] = {}
    for message in chat.messages:
        created_at = times[message.external_id] = message.created_at or times.get(message.parent, start)
        row = written(message, chat)
        words, parts = joined_words(row.content) if cut_words else (None, "")
        of_model = message.role is Role.ASSISTANT
        rating = message.rating if of_model and message.rating in (1, -1) else None
        yield MessageShape(
            message.external_id, message.parent, message_key(key, message.external_id), look_of(row), created_at, row,
            ledger_shapes(message, row, created_at) if of_model else (), rating, message.rating_note, message.files, words, parts,
        )  # fmt: skip


def joined_words(text: str) -> tuple[str, str]:
    """The words of a text, and their parts, with spaces between them."""
    words = words_of(text)
    return " ".join(words), " ".join(parts_of_words(text, words))


def own_id(chat: Conversation) -> uuid.UUID | None:
    """The chat's id here, if the file is our own export of this very database."""
    if not chat.ours:
        return None
    try:
        return uuid.UUID(chat.external_id)
    except ValueError:
        return None


def source_of(viewer: Viewer, format_name: str) -> str:
    """Under which name `importref` remembers what this person brought in this format."""
    return f"{format_name}:{viewer.user_id}"


def chat_key(external_id: str) -> str:
    """The id of a chat as `importref` has it."""
    text = storable(external_id)
    return text if len(text) <= LONGEST_ID else digest(text)


def message_key(chat: str, external_id: str) -> str:
    """The id of a message as `importref` has it: some programs use one id in several chats. Those of a chat begin alike, so that
    they lie beside each other in the index, of which a transaction else changes as many pages as it has messages."""
    return digest(chat)[:16] + digest(chat, external_id)[:16]


def earlier_key(chat: str, external_id: str) -> str:
    """The same as imports wrote it before."""
    return digest(chat, external_id)


def hash_of(row: Mapping[str, object]) -> str:
    """How a message looks: the same for the row that is written and for the row that is read."""
    return digest(*(str(row[name] or "") for name in HELD))


def look_of(row: Written) -> str:
    """The same for a message of a file."""
    return digest(row.content, row.reasoning or "", row.tool_calls or "", row.status)


def look_of_title(title: str) -> str:
    """How a chat looks: its title."""
    return digest(title, "", "", "")


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


def chat_row(chat: Conversation, title: str, *, now: datetime) -> Row:
    """The columns of a chat, but for its id, its folder and whose it is; what counts its messages comes with them."""
    times = [message.created_at for message in chat.messages if message.created_at]
    created_at = chat.created_at or min(times, default=None) or chat.updated_at or now
    updated_at = chat.updated_at or max(times, default=None) or created_at
    return {
        "title": title, "provider": name_of(chat.provider, "imported"), "model_name": name_of(chat.model, UNKNOWN_MODEL),
        "created_at": created_at, "updated_at": max(updated_at, created_at), "pinned": chat.pinned, "archived": chat.archived,
        "system_prompt": storable(chat.system_prompt or "") or None,
    }  # fmt: skip


def written(message: Message, chat: Conversation) -> Written:
    """The columns of a message."""
    of_model = message.role is Role.ASSISTANT
    if chat.ours:
        provider, model_name = message.provider, message.model
    elif of_model:
        provider, model_name = name_of(message.provider or chat.provider, "imported"), name_of(message.model, UNKNOWN_MODEL)
    else:
        provider = model_name = None
    return Written(
        role=message.role.value,
        status=message.state.value if of_model and message.state is not State.RUNNING else State.COMPLETE.value,
        provider=provider,
        model_name=model_name,
        tool_calls=dump_calls(message.calls) if message.stored_calls is None else storable(message.stored_calls) or None,
        reasoning=storable(message.reasoning) or None,
        content=storable(message.text),
    )


def ledger_shapes(message: Message, row: Written, created_at: datetime) -> tuple[LedgerShape, ...]:
    """What the ledger says of an answer: all attempts if the file has the ledger, else one made of what it says."""
    if message.attempts:
        return tuple(ledger_shape(attempt.values) for attempt in message.attempts)
    return (ledger_shape(ledger_row(message, row, created_at)),) if message.stored_calls is None else ()


def ledger_shape(row: Mapping[str, object]) -> LedgerShape:
    """A row of the ledger as a value."""
    started_at = row.get("started_at")
    tokens = [count if isinstance(count := row.get(name), int) else 0 for name in ("input_tokens", "output_tokens")]
    return LedgerShape(shared(tuple(row)), tuple(row.values()), started_at if isinstance(started_at, datetime) else None, *tokens)


@lru_cache(maxsize=100)
def shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """The same tuple for the same names: a pickle holds it once."""
    return names


def ledger_row(message: Message, row: Written, created_at: datetime) -> Row:
    """The ledger's columns for an answer: what the file knows of it, and nothing made up. Tokens count only where both are known."""
    usage = message.usage
    counted = usage.input_tokens is not None and usage.output_tokens is not None
    failed = row.status == State.FAILED.value
    return {
        "provider": row.provider, "model_name": row.model_name, "state": row.status, "started_at": created_at,
        "finished_at": created_at + timedelta(seconds=min(message.duration_s or 0.0, 1e7)), "duration_s": message.duration_s,
        "time_to_first_chunk_s": message.time_to_first_chunk_s, "load_s": usage.load_s, "prompt_s": usage.prompt_s, "eval_s": usage.eval_s,
        "input_tokens": usage.input_tokens if counted else None, "output_tokens": usage.output_tokens if counted else None,
        "cached_tokens": usage.cached_tokens, "reasoning_tokens": usage.reasoning_tokens, "usage_source": "imported" if counted else None,
        "finish_reason": message.finish_reason, "error_type": ErrorCode.SERVER_ERROR.value if failed else None,
        "error_message": storable(message.error or "The answer failed.") if failed else None,
    }  # fmt: skip


def pair_shapes(chat: Conversation, *, now: datetime) -> tuple[PairShape, ...]:
    """The comparisons of a conversation."""
    if not chat.comparisons:
        return ()
    by_id = {message.external_id: message for message in chat.messages}
    pairs = [(pair, (by_id[pair.left], by_id[pair.right])) for pair in chat.comparisons]
    return tuple(PairShape(pair.left, pair.right, both[0].parent, comparison_row(pair, both, now=now)) for pair, both in pairs)


def comparison_row(pair: ComparedPair, answers: tuple[Message, Message], *, now: datetime) -> Row:
    """The columns of a comparison, but for its chat, its two messages and whose it is."""
    created_at = pair.created_at or now
    names = {
        f"{side}_{name}": name_of(value, otherwise)
        for side, answer in zip(("left", "right"), answers, strict=True)
        for name, value, otherwise in (("provider", answer.provider, "imported"), ("model_name", answer.model, UNKNOWN_MODEL))
    }
    return names | {
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
