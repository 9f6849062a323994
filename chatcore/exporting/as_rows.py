"""Forms for training and for tables: OpenAI's and ShareGPT's JSON lines, preference pairs, and messages or attempts as CSV or Parquet."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from json.encoder import encode_basestring as quoted
from typing import BinaryIO

from chatcore.exporting.reading import ATTEMPT, Branch, Chat, Turn, Written
from chatcore.parts import Role, Vote

MESSAGE_NAMES = (
    "chat_id", "chat_title", "message_id", "parent_id", "role", "status", "created_at", "provider", "model_name", "content", "reasoning",
    "tool_calls", "rating",
)  # fmt: skip
ATTEMPT_NAMES = ("chat_id", "chat_title", "message_id", *ATTEMPT)
ROWS_A_GROUP = 5000
# What a spreadsheet would run as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")

Row = dict[str, object]


# --- for training ------------------------------------------------------------------------------------------------


def openai_lines(branches: Iterator[Branch]) -> Iterator[str]:
    """One chat a line: the branch that is shown, down to its last answer; chats without an answer are left out."""
    for branch in branches:
        shown = answered(branch.turns)
        if shown:
            told = [f'{{"role": "system", "content": {quoted(branch.system_prompt)}}}'] if branch.system_prompt else []
            for turn in shown:
                told += openai_messages(turn)
            yield f'{{"messages": [{", ".join(told)}]}}\n'


def answered(turns: Sequence[Turn]) -> Sequence[Turn]:
    """The turns down to the last answer that says something."""
    end = len(turns)
    while end and (turns[end - 1].role != Role.ASSISTANT or not turns[end - 1].text.strip()):
        end -= 1
    return turns[:end]


def openai_messages(turn: Turn) -> Iterator[str]:
    """A message as the turns it was, in JSON: calls of tools with their results, then the text."""
    if turn.role == Role.USER:
        yield f'{{"role": "user", "content": {quoted(turn.text)}}}'
        return
    calls = [call for call in calls_in(turn.tool_calls) if call.get("result") is not None] if turn.tool_calls else []
    start = 0
    for position, group in groupby(sorted(calls, key=place_of), key=place_of):
        asked = list(group)
        made = [
            {"id": str(call.get("id") or f"call_{number}"), "type": "function", "function": {
                "name": str(call.get("name") or "tool"), "arguments": json.dumps(call.get("arguments") or {}, ensure_ascii=False)}}
            for number, call in enumerate(asked)
        ]  # fmt: skip
        yield json.dumps(
            {"role": "assistant", "content": turn.text[start:position].strip() or None, "tool_calls": made}, ensure_ascii=False
        )
        for call, told in zip(asked, made, strict=True):
            yield json.dumps({"role": "tool", "tool_call_id": told["id"], "content": str(call["result"])}, ensure_ascii=False)
        start = position
    if text := turn.text[start:].strip():
        yield f'{{"role": "assistant", "content": {quoted(text)}}}'


def place_of(call: Row) -> int:
    position = call.get("position")
    return position if isinstance(position, int) else 0


def calls_of(message: Written) -> list[Row]:
    """The tool calls of a message."""
    return calls_in(message.row["tool_calls"])


def calls_in(text: object) -> list[Row]:
    """The tool calls that a message stores; none where its text is no list of them."""
    try:
        found = json.loads(str(text or "[]"))
    except (ValueError, RecursionError):
        return []
    return [call for call in found if isinstance(call, dict)] if isinstance(found, list) else []


def sharegpt_lines(branches: Iterator[Branch]) -> Iterator[str]:
    """One chat a line; trainers want human and gpt by turns, so what follows the same side is put together."""
    for branch in branches:
        shown = answered(branch.turns)
        if not shown:
            continue
        told = [f'{{"from": "system", "value": {quoted(branch.system_prompt)}}}'] if branch.system_prompt else []
        for role, alike in groupby(shown, key=lambda turn: turn.role):
            side = "human" if role == Role.USER else "gpt"
            text = "\n\n".join([turn.text for turn in alike])
            told.append(f'{{"from": "{side}", "value": {quoted(text)}}}')
        yield f'{{"id": "{branch.chat_id}", "conversations": [{", ".join(told)}]}}\n'


def preference_lines(chats: Iterator[Chat]) -> Iterator[str]:
    """Pairs of answers to the same prompt of which one was rated up and the other down, or one was preferred in a blind vote; once
    each. What a vote says of a pair counts before what thumbs say."""
    for chat in chats:
        by_id = {message.id: message for message in chat.messages}
        voted = {frozenset(pair): pair for pair in preferred(chat.comparisons)}
        for better, worse in voted.values():
            chosen, rejected = by_id[better], by_id[worse]
            prompt = [{"role": one.role.value, "content": one.text} for one in path_to(chosen.row["parent_id"], by_id)]
            yield pair_line(prompt, chosen, rejected)
        siblings: dict[object, list[Written]] = {}
        for message in chat.messages:
            if message.role is Role.ASSISTANT and message.rating is not None and message.text.strip():
                siblings.setdefault(message.row["parent_id"], []).append(message)
        for parent, answers in siblings.items():
            prompt = [{"role": one.role.value, "content": one.text} for one in path_to(parent, by_id)]
            for chosen in (answer for answer in answers if answer.rating == 1):
                for rejected in (answer for answer in answers if answer.rating == -1):
                    if frozenset((chosen.id, rejected.id)) not in voted:
                        yield pair_line(prompt, chosen, rejected)


def preferred(comparisons: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """The better and the worse answer of each blind vote that preferred one."""
    for row in comparisons:
        sides = (int(str(row["left_message_id"])), int(str(row["right_message_id"])))
        if row["is_blind"] and row["outcome"] in (Vote.LEFT, Vote.RIGHT):
            yield sides if row["outcome"] == Vote.LEFT else sides[::-1]


def pair_line(prompt: list[dict[str, str]], chosen: Written, rejected: Written) -> str:
    return json.dumps({"prompt": prompt, "chosen": said(chosen), "rejected": said(rejected)}, ensure_ascii=False) + "\n"


def said(message: Written) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": message.text}]


def path_to(message_id: object, by_id: dict[int, Written]) -> list[Written]:
    """The messages down to this one, oldest first."""
    path: list[Written] = []
    while isinstance(message_id, int) and message_id in by_id and len(path) <= len(by_id):
        path.append(by_id[message_id])
        message_id = by_id[message_id].row["parent_id"]
    return path[::-1]


# --- tables ------------------------------------------------------------------------------------------------------


def message_rows(chats: Iterator[Chat]) -> Iterator[Row]:
    """Every message of every branch as a row of MESSAGE_NAMES."""
    for chat in chats:
        for message in chat.messages:
            row = message.row
            own = {name: row[name] for name in MESSAGE_NAMES if name in row}
            yield own | {"chat_id": str(chat.info.id), "chat_title": chat.info.title, "message_id": row["id"], "rating": message.rating}


def attempt_rows(chats: Iterator[Chat]) -> Iterator[Row]:
    """Every attempt at an answer as a row of ATTEMPT_NAMES."""
    for chat in chats:
        for message in chat.messages:
            for attempt in message.attempts:
                yield {"chat_id": str(chat.info.id), "chat_title": chat.info.title, "message_id": message.id, **attempt}


def csv_lines(rows: Iterator[Row], names: Sequence[str]) -> Iterator[str]:
    """Rows as CSV (RFC 4180). A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    for row in rows:
        writer.writerow([cell(row.get(name)) for name in names])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def cell(value: object) -> object:
    """A value as a cell."""
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def write_parquet(rows: Iterator[Row], names: Sequence[str], out: BinaryIO) -> None:
    """Rows as Parquet, in groups of 5,000."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, kind_of(name, pa)) for name in names])
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        group: list[Row] = []
        for row in rows:
            group.append(row)
            if len(group) >= ROWS_A_GROUP:
                writer.write_table(pa.Table.from_pylist(group, schema))
                group = []
        writer.write_table(pa.Table.from_pylist(group, schema))


def kind_of(name: str, pa: object) -> object:
    """The type of a column: what its name says (units live in names)."""
    kinds = {"cost": "float64", **dict.fromkeys(("rating", "message_id", "parent_id"), "int64")}
    kinds |= dict.fromkeys(("error_retryable", "left_out"), "bool_")
    if name.endswith("_at"):
        return getattr(pa, "timestamp")("us", tz="UTC")  # noqa: B009  # pyarrow has no types for mypy
    kind = kinds.get(name) or (
        "int64" if name.endswith("_tokens") or name == "context_window" else "float64" if name.endswith("_s") else "string"
    )
    return getattr(pa, kind)()
