"""JSON lines in the form of OpenAI's fine-tuning: {"messages": [{"role", "content", "tool_calls" ...}]}.

A row has no id and no time: the same row is the same chat.
"""

from collections.abc import Iterator

from chatcore.archive import Opened
from chatcore.formats.base import (
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
    moment,
    named,
    objects,
    read_json,
    said,
)
from chatcore.parts import Role


class OpenAIRows:
    """Chats as OpenAI's fine-tuning takes them."""

    name = "openai-jsonl"
    label = "OpenAI chat JSONL"
    hint = "A file with one chat a line, as fine-tuning takes it."

    def fits(self, look: Look) -> bool:
        return any(
            "conversationId" not in item and any("role" in message for message in objects(item.get("messages"))) for item in look.items
        )

    def read(self, opened: Opened) -> Iterator[Read]:
        """Every row."""
        return read_json(opened, conversation)


def conversation(item: dict[str, object]) -> Conversation:
    """One row as a chat. Raises Unfit."""
    rows = objects(item.get("messages"))
    if not rows:
        raise Unfit("it has no messages")
    pieces = [piece(row, place) for place, row in enumerate(rows)]
    tree = assemble(in_a_row(pieces), pieces[-1].id)
    system = [content_of(row.get("content")) for row in rows if row.get("role") in ("system", "developer")]
    return Conversation(
        external_id=digest_of(item),
        title=said(item.get("title")),
        messages=tree.messages,
        current=tree.current,
        created_at=moment(item.get("created_at")),
        model=known(item.get("model")) or "unknown",
        system_prompt="\n\n".join(filter(None, system)) or None,
        notes=tree.notes,
    )


def piece(row: dict[str, object], place: int) -> Piece:
    """A message of a row."""
    role, text = row.get("role"), content_of(row.get("content"))
    if role in ("system", "developer"):
        return Piece(str(place), None, None, note="system messages")
    if role == "user":
        return Piece(str(place), None, Role.USER, text)
    if role in ("tool", "function"):
        return Piece(str(place), None, Role.ASSISTANT, results=[(named(row.get("tool_call_id")), known(row.get("name")), text)])
    if role != "assistant":
        return Piece(str(place), None, None, note="messages of an unknown role")
    found = Piece(str(place), None, Role.ASSISTANT, text or said(row.get("refusal")), reasoning=said(row.get("reasoning_content")))
    for made in objects(row.get("tool_calls")):
        function = mapping(made.get("function"))
        found.calls.append(call(made.get("id"), function.get("name"), function.get("arguments") or {}))
    if function := mapping(row.get("function_call")):
        found.calls.append(call("", function.get("name"), function.get("arguments") or {}))
    return found


def content_of(content: object) -> str:
    """The text of a message, which may be a list of parts."""
    if isinstance(content, list):
        parts = [said(part.get("text")) or ("*[picture]*" if part.get("type") == "image_url" else "") for part in objects(content)]
        return "\n\n".join(filter(None, parts))
    return as_text(content)
