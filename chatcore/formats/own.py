"""Our own export (docs/export-format.md): everything of a chat, as `chatcore.exporting.as_json` writes it."""

import base64
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from chatcore.archive import Opened, Unpackable
from chatcore.formats.base import (
    Attempt,
    ComparedPair,
    Conversation,
    Enclosed,
    Look,
    Message,
    Read,
    Unfit,
    count,
    known,
    listed,
    mapping,
    moment,
    named,
    number,
    objects,
    parents_first,
    parents_of,
    read_json,
    said,
)
from chatcore.parts import ErrorCode, Role, State, Vote

NEWEST_VERSION = 1
FINAL = tuple(state.value for state in State if state is not State.RUNNING)
SOURCES = ("reported", "estimated", "imported")
NAMES = ("provider", "model_name", "response_model", "finish_reason", "error_type", "cost_source")
TEXTS = ("error_message", "error_hint")
COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "context_window", "context_tokens")
FLAGS = ("error_retryable", "left_out")
AMOUNTS = ("duration_s", "time_to_first_chunk_s", "load_s", "prompt_s", "eval_s", "reasoning_s", "cost")


class Own:
    """The lossless export of this app."""

    name = "chatcore"
    label = "chatcore export"
    hint = "Here: Export, as JSON; or python -m chatcore export."

    def fits(self, look: Look) -> bool:
        return look.any_has("chatcore", "messages")

    def read(self, opened: Opened) -> Iterator[Read]:
        """Every chat."""
        return read_json(opened, conversation)


def conversation(item: dict[str, object]) -> Conversation:
    """One chat. Raises Unfit."""
    version = count(item.get("chatcore"))
    if version is None or version > NEWEST_VERSION:
        raise Unfit("it was exported by a newer version of chatcore: update this one first")
    external_id = named(item.get("id"))
    if external_id is None:
        raise Unfit("it has no id")
    notes: Counter[str] = Counter()
    by_id: dict[str, Message] = {}
    for place, row in enumerate(objects(item.get("messages"))):
        message = message_of(row, place)
        if message is None:
            notes["messages of an unknown role"] += 1
        elif message.external_id in by_id:
            notes["messages with an id that came before"] += 1
        else:
            by_id[message.external_id] = message
    messages = in_order(by_id, notes)
    current = named(item.get("current_message"))
    return Conversation(
        external_id=external_id,
        title=said(item.get("title")),
        messages=messages,
        current=current if current in by_id else (messages[-1].external_id if messages else None),
        created_at=moment(item.get("created_at")),
        updated_at=moment(item.get("updated_at")),
        provider=known(item.get("provider")) or "imported",
        model=known(item.get("model")) or "unknown",
        system_prompt=said(item.get("system_prompt")) or None,
        pinned=item.get("pinned") is True,
        archived=item.get("archived") is True,
        tags=tuple(tag for value in listed(item.get("tags")) if (tag := known(value))),
        folder=said(item.get("folder")) or None,
        notes=dict(notes),
        ours=True,
        comparisons=tuple(comparisons_of(item.get("comparisons"), {message.external_id: message for message in messages})),
    )


def comparisons_of(value: object, by_id: Mapping[str, Message]) -> Iterator[ComparedPair]:
    """The comparisons of two answers to one prompt, each answer in one of them; what is none is left out."""
    taken: set[str] = set()
    for row in objects(value):
        left, right = by_id.get(named(row.get("left")) or ""), by_id.get(named(row.get("right")) or "")
        if left is None or right is None or left is right or taken & {left.external_id, right.external_id}:
            continue
        if left.parent is None or left.parent != right.parent or not left.role is right.role is Role.ASSISTANT:
            continue
        taken |= {left.external_id, right.external_id}
        vote = Vote(said(row.get("vote"))) if row.get("vote") in tuple(Vote) else None
        created_at = moment(row.get("created_at")) or left.created_at
        decided_at = (moment(row.get("decided_at")) or created_at) if vote else None
        yield ComparedPair(left.external_id, right.external_id, row.get("blind") is not False, created_at, vote, decided_at)


def in_order(by_id: dict[str, Message], notes: Counter[str]) -> tuple[Message, ...]:
    """The messages as they are if each follows one before it; else so that they do, circles and missing parents cut."""
    seen: set[str | None] = {None}
    for message in by_id.values():
        if message.parent not in seen:
            break
        seen.add(message.external_id)
    else:
        return tuple(by_id.values())
    parents = parents_of({message.external_id: message.parent for message in by_id.values()}, notes)
    return tuple(replace(by_id[message_id], parent=parents[message_id]) for message_id in parents_first(parents))


def message_of(row: dict[str, object], place: int) -> Message | None:
    """A message; None for one of nobody."""
    role, status = row.get("role"), row.get("status")
    if role not in ("user", "assistant"):
        return None
    calls = row.get("tool_calls")
    rating = row.get("rating")
    return Message(
        external_id=named(row.get("id")) or f"message {place}",
        parent=named(row.get("parent")),
        role=Role(role),
        text=said(row.get("content")),
        created_at=moment(row.get("created_at")),
        reasoning=said(row.get("reasoning")),
        provider=known(row.get("provider")),
        model=known(row.get("model")),
        stored_calls="" if calls is None else calls if isinstance(calls, str) else json.dumps(calls, ensure_ascii=False),
        files=tuple(map(file_of, objects(row.get("files")))),
        state=State(status) if status in FINAL and role == "assistant" else State.INTERRUPTED if status == "running" else State.COMPLETE,
        rating=rating if rating in (1, -1) and isinstance(rating, int) else None,
        rating_note=said(row.get("note")) or None,
        attempts=tuple(attempt_of(attempt) for attempt in objects(row.get("attempts"))),
    )


def file_of(row: dict[str, object]) -> Enclosed:
    """A file with its bytes, which are read when they are needed."""
    text = said(row.get("content_base64"))
    return Enclosed(said(row.get("name")) or "file", said(row.get("media_type")) or "application/octet-stream", partial(decoded, text))


def decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Unpackable("a file is damaged") from error


def attempt_of(row: dict[str, object]) -> Attempt:
    """An entry of the ledger that its laws accept: what contradicts itself is unknown."""
    values: dict[str, object] = {name: known(row.get(name)) for name in NAMES}
    values |= {name: said(row.get(name)) or None for name in TEXTS}
    values |= {name: count(row.get(name)) for name in COUNTS} | {name: number(row.get(name)) for name in AMOUNTS}
    values["provider"], values["model_name"] = values["provider"] or "imported", values["model_name"] or "unknown"
    state = row.get("state")
    values["state"] = state if state in FINAL else State.INTERRUPTED.value
    started_at = moment(row.get("started_at")) or moment(row.get("finished_at")) or moment(1_000_000_000)
    values["started_at"], values["finished_at"] = started_at, moment(row.get("finished_at")) or started_at
    failed = values["state"] == State.FAILED.value
    values["error_type"] = (values["error_type"] or ErrorCode.SERVER_ERROR.value) if failed else None
    values |= {name: row.get(name) if isinstance(row.get(name), bool) else None for name in FLAGS}
    source = row.get("usage_source")
    if values["input_tokens"] is None or values["output_tokens"] is None or source not in SOURCES:
        values |= {"input_tokens": None, "output_tokens": None, "usage_source": None}
    else:
        values["usage_source"] = source
    currency = said(row.get("cost_currency"))
    if values["cost"] is None or values["cost_source"] is None or len(currency) != 3:
        values |= {"cost": None, "cost_source": None, "cost_currency": None}
    else:
        values["cost_currency"] = currency
    values |= {name: cut for name, longest in (("error_type", 40), ("finish_reason", 20)) if (cut := shortened(values[name], longest))}
    return Attempt(mapping(values))


def shortened(value: object, longest: int) -> str | None:
    return value[:longest] if isinstance(value, str) else None
