"""The database of the command line tool `llm` (logs.db), of both generations.

Up to 0.31 a response is a prompt and its answer in one row; from 0.32 on a thread has turns, and messages hang together by
their hashes. A database that was carried over has both, with one space of ids: a turn that is a response too is read once.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

from chatcore.archive import Opened, Tables
from chatcore.formats.base import (
    Broken,
    Call,
    Conversation,
    Look,
    Piece,
    Read,
    Unfit,
    as_text,
    assemble,
    call,
    count,
    in_a_row,
    known,
    mapping,
    moment,
    named,
    number,
    objects,
    said,
)
from chatcore.parts import Role, Usage

RESPONSES = (
    "id", "model", "prompt", "system", "response", "conversation_id", "duration_ms", "datetime_utc", "input_tokens", "output_tokens",
    "resolved_model", "reasoning",
)  # fmt: skip
TURNS = (
    "id", "thread_id", "parent_message_hash", "tip_message_hash", "model", "resolved_model", "input_tokens", "output_tokens",
    "duration_ms", "datetime_utc",
)  # fmt: skip
PARTS = ("message_hash", "position", "type", "tool_name", "text", "payload", "id")
LONGEST_WALK = 10_000


class LlmLogs:
    """The log of `llm`."""

    name = "llm"
    label = "llm (logs.db)"
    hint = "The command `llm logs path` says where the file is."

    def fits(self, look: Look) -> bool:
        return look.tables.get("responses", frozenset()) >= {"prompt", "response"} or look.tables.get("turns", frozenset()) >= {"thread_id"}

    def read(self, opened: Opened) -> Iterator[Read]:
        """Every thread, then every older conversation that is in no thread."""
        if opened.tables is None:
            return
        seen: set[object] = set()
        yield from threads(opened.tables, seen)
        yield from conversations(opened.tables, seen)


# --- from 0.32 on ------------------------------------------------------------------------------------------------


def threads(tables: Tables, seen: set[object]) -> Iterator[Read]:
    """The threads, each with its turns in order; the ids of turns go into `seen`."""
    names = {row.get("id"): row for row in tables.rows("threads", ("id", "name"))}
    rows = tables.rows("turns", TURNS, order=("thread_id", "id"))
    for thread_id, turns in groupby(rows, key=lambda row: row.get("thread_id")):
        found = list(turns)
        seen.update(turn.get("id") for turn in found)
        title = said(mapping(names.get(thread_id)).get("name"))
        yield safely(f"thread {title[:80] or thread_id}", lambda: thread(tables, str(thread_id), title, found))  # noqa: B023  # called at once


def thread(tables: Tables, thread_id: str, title: str, turns: list[dict[str, object]]) -> Conversation:
    """One thread. Raises Unfit."""
    pieces: dict[str, Piece] = {}
    current = None
    system: list[str] = []
    for turn in turns:
        walked = walk(tables, named(turn.get("tip_message_hash")), named(turn.get("parent_message_hash")))
        for message_hash, parent, role in walked:
            if message_hash in pieces:
                continue
            piece = message_piece(tables, message_hash, parent, role, turn, system)
            pieces[message_hash] = piece
        answers = [pieces[message_hash] for message_hash, _, role in walked if role == "assistant"]
        if answers:
            count_usage(answers[-1], turn)
        current = named(turn.get("tip_message_hash")) or current
    return finished(thread_id, title, list(pieces.values()), current, turns, system)


def walk(tables: Tables, tip: str | None, end: str | None) -> list[tuple[str, str | None, str]]:
    """The messages of a turn, oldest first: from its tip up to where it began."""
    found: list[tuple[str, str | None, str]] = []
    seen: set[str] = set()
    while tip and tip != end and tip not in seen and len(found) < LONGEST_WALK:
        seen.add(tip)
        row = next(tables.rows("messages", ("hash", "parent_hash", "role"), where={"hash": tip}), None)
        if row is None:
            break
        parent = named(row.get("parent_hash"))
        found.append((tip, parent, said(row.get("role"))))
        tip = parent
    return found[::-1]


def message_piece(tables: Tables, message_hash: str, parent: str | None, role: str, turn: Mapping[str, object], system: list[str]) -> Piece:
    """A message with its parts; they have no time of their own, so it is the turn's."""
    piece = Piece(message_hash, parent, Role.USER if role == "user" else Role.ASSISTANT, created_at=moment(turn.get("datetime_utc")))
    texts = []
    for part in tables.rows("parts", PARTS, order=("position", "id"), where={"message_hash": message_hash}):
        text, payload = part_text(tables, part)
        kind = part.get("type")
        if kind == "text":
            texts.append(text)
        elif kind == "reasoning":
            piece.reasoning += text
        elif kind == "tool_call":
            arguments = payload.get("arguments") or payload.get("input") or text
            piece.calls.append(
                call(payload.get("tool_call_id") or payload.get("id"), part.get("tool_name") or payload.get("name"), arguments)
            )
        elif kind == "tool_result":
            output = payload.get("output")
            result = text or as_text(output)
            piece.results.append((named(payload.get("tool_call_id")), known(part.get("tool_name")), result))
        elif kind == "attachment":
            texts.append("*[attachment]*")
    piece.text = "\n\n".join(filter(None, texts))
    if role == "system":
        system.append(piece.text)
        return Piece(message_hash, parent, None, note="system messages")
    if piece.results and not piece.text:
        piece.side = Role.ASSISTANT
    if piece.side is Role.ASSISTANT:
        piece.provider, piece.model = "llm", known(turn.get("resolved_model")) or known(turn.get("model"))
    return piece


def part_text(tables: Tables, part: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """The text of a part, fragments put in where it only refers to them, and its payload."""
    payload: dict[str, object] = {}
    if raw := said(part.get("payload")):
        try:
            payload = mapping(json.loads(raw))
        except (ValueError, RecursionError):
            payload = {}
    text = said(part.get("text"))
    if not text and (refs := objects(payload.get("text_ref"))):
        pieces = [said(ref.get("literal")) or fragment(tables, ref.get("fragment")) for ref in refs]
        text = "".join(pieces)
    return text, payload


def fragment(tables: Tables, fragment_id: object) -> str:
    row = next(tables.rows("fragments", ("content",), where={"id": fragment_id}), None)
    return said(row.get("content")) if row else ""


# --- up to 0.31 --------------------------------------------------------------------------------------------------


def conversations(tables: Tables, seen: set[object]) -> Iterator[Read]:
    """The older conversations; a prompt that belongs to none is one of its own."""
    names = {row.get("id"): said(row.get("name")) for row in tables.rows("conversations", ("id", "name"))}
    rows = tables.rows("responses", RESPONSES, order=("conversation_id", "id"))
    fresh = (row for row in rows if row.get("id") not in seen)
    for conversation_id, responses in groupby(fresh, key=lambda row: row.get("conversation_id") or ("one-off", row.get("id"))):
        found = list(responses)
        external_id = named(conversation_id) or f"response {found[0].get('id')}"
        title = names.get(conversation_id, "")
        yield safely(f"conversation {title[:80] or external_id}", lambda: older(tables, external_id, title, found))  # noqa: B023  # called at once


def older(tables: Tables, external_id: str, title: str, responses: list[dict[str, object]]) -> Conversation:
    """One older conversation. Raises Unfit."""
    pieces: list[Piece] = []
    system: list[str] = []
    for row in responses:
        response_id, at = str(row.get("id")), moment(row.get("datetime_utc"))
        if (told := said(row.get("system"))) and told not in system:
            system.append(told)
        prompt = "\n\n".join(filter(None, [*fragments_of(tables, "prompt_fragments", row.get("id")), said(row.get("prompt"))]))
        results = [
            result_of(found)
            for found in tables.rows("tool_results", ("tool_call_id", "name", "output", "exception"), where={"response_id": row.get("id")})
        ]
        if results:
            pieces.append(Piece(f"{response_id} tools", None, Role.ASSISTANT, results=results, created_at=at))
        pieces.append(Piece(f"{response_id} prompt", None, Role.USER, prompt, created_at=at))
        answer = Piece(f"{response_id} answer", None, Role.ASSISTANT, said(row.get("response")), created_at=at)
        answer.reasoning, answer.provider = said(row.get("reasoning")), "llm"
        answer.model = known(row.get("resolved_model")) or known(row.get("model"))
        answer.calls = [
            calls_of(found)
            for found in tables.rows("tool_calls", ("tool_call_id", "name", "arguments"), where={"response_id": row.get("id")})
        ]
        count_usage(answer, row)
        pieces.append(answer)
    in_a_row(pieces)
    return finished(external_id, title, pieces, pieces[-1].id, responses, system)


def fragments_of(tables: Tables, table: str, response_id: object) -> list[str]:
    links = tables.rows(table, ("fragment_id", "order"), order=("order",), where={"response_id": response_id})
    return [fragment(tables, link.get("fragment_id")) for link in links]


def result_of(row: Mapping[str, object]) -> tuple[str | None, str | None, str]:
    return named(row.get("tool_call_id")), known(row.get("name")), said(row.get("output")) or said(row.get("exception"))


def calls_of(row: Mapping[str, object]) -> Call:
    return call(row.get("tool_call_id"), row.get("name"), row.get("arguments") or {})


# --- shared ------------------------------------------------------------------------------------------------------


def count_usage(piece: Piece, row: Mapping[str, object]) -> None:
    """Puts tokens and time of a turn to its answer."""
    piece.usage = Usage(input_tokens=count(row.get("input_tokens")), output_tokens=count(row.get("output_tokens")))
    milliseconds = number(row.get("duration_ms"))
    piece.duration_s = milliseconds / 1000 if milliseconds is not None else None


def finished(
    external_id: str, title: str, pieces: list[Piece], current: str | None, turns: list[dict[str, object]], system: list[str]
) -> Conversation:
    """The conversation that these pieces make. Raises Unfit."""
    tree = assemble(pieces, current)
    if not tree.messages:
        raise Unfit("it has no messages")
    times = [at for turn in turns if (at := moment(turn.get("datetime_utc")))]
    models = [message.model for message in tree.messages if message.model]
    return Conversation(
        external_id=external_id,
        title=title,
        messages=tree.messages,
        current=tree.current,
        created_at=min(times, default=None),
        updated_at=max(times, default=None),
        provider="llm",
        model=models[-1] if models else "unknown",
        system_prompt="\n\n".join(filter(None, system)) or None,
        notes=tree.notes,
    )


def safely(name: str, make: Callable[[], Conversation]) -> Read:
    """The conversation, or the reason why there is none."""
    try:
        return make()
    except Unfit as error:
        return Broken(name, str(error))
