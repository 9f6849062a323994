"""ShareGPT's form, in which many data sets are: {"conversations": [{"from": "human", "value": ...}]}, as lines or as an array."""

import json
from collections.abc import Iterator

from chatcore.archive import Opened
from chatcore.formats.base import (
    Call,
    Conversation,
    Look,
    Piece,
    Read,
    Unfit,
    as_text,
    assemble,
    call,
    digest_of,
    in_a_row,
    known,
    mapping,
    named,
    objects,
    read_json,
    said,
)
from chatcore.parts import Role

USERS = ("human", "user")
MODELS = ("gpt", "chatgpt", "assistant", "bing", "bard", "model")


class ShareGPT:
    """Chats in ShareGPT's form."""

    name = "sharegpt"
    label = "ShareGPT JSONL"
    hint = "A file with one chat a line, or an array of chats."

    def fits(self, look: Look) -> bool:
        return any(any("from" in turn and "value" in turn for turn in objects(item.get("conversations"))) for item in look.items)

    def read(self, opened: Opened) -> Iterator[Read]:
        """Every row."""
        return read_json(opened, conversation)


def conversation(item: dict[str, object]) -> Conversation:
    """One row as a chat. Raises Unfit."""
    rows = objects(item.get("conversations"))
    if not rows:
        raise Unfit("it has no messages")
    pieces = [piece(row, place) for place, row in enumerate(rows)]
    tree = assemble(in_a_row(pieces), pieces[-1].id)
    system = [as_text(row.get("value")) for row in rows if row.get("from") == "system"]
    return Conversation(
        external_id=named(item.get("id")) or digest_of(item),
        title=said(item.get("title")),
        messages=tree.messages,
        current=tree.current,
        model=known(item.get("model")) or "unknown",
        system_prompt="\n\n".join(filter(None, [*system, said(item.get("system"))])) or None,
        notes=tree.notes,
    )


def piece(row: dict[str, object], place: int) -> Piece:
    """A turn of a row."""
    sender, text = row.get("from"), as_text(row.get("value"))
    if sender in USERS:
        return Piece(str(place), None, Role.USER, text)
    if sender in MODELS:
        return Piece(str(place), None, Role.ASSISTANT, text)
    if sender == "function_call":
        return Piece(str(place), None, Role.ASSISTANT, calls=[called(text)])
    if sender in ("observation", "tool", "function"):
        return Piece(str(place), None, Role.ASSISTANT, results=[(None, None, text)])
    return Piece(str(place), None, None, note="system messages" if sender == "system" else "messages of an unknown role")


def called(text: str) -> Call:
    """A call that is written as JSON with a name and arguments."""
    try:
        made = mapping(json.loads(text))
    except (ValueError, RecursionError):
        made = {}
    return call("", made.get("name"), made.get("arguments") if made else text)
