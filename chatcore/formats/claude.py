"""Claude's data export: a ZIP with conversations.json, or that file. It names no model and counts no tokens."""

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
    in_a_row,
    known,
    mapping,
    moment,
    named,
    objects,
    read_json,
    said,
    seconds_between,
)
from chatcore.parts import Role

ROOT = "00000000-0000-4000-8000-000000000000"
SEEN_BLOCKS = ("text", "thinking", "tool_use", "tool_result")


class Claude:
    """The export of Claude."""

    name = "claude"
    label = "Claude export"
    hint = "Claude: Settings, Privacy, Export data. Bring the ZIP file as it comes."

    def fits(self, look: Look) -> bool:
        return any(isinstance(item.get("chat_messages"), list) for item in look.items)

    def read(self, opened: Opened) -> Iterator[Read]:
        """Every chat."""
        return read_json(opened, conversation)


def conversation(item: dict[str, object]) -> Conversation:
    """One chat. Raises Unfit."""
    if not isinstance(item.get("chat_messages"), list):
        raise Unfit("it has no messages: the entry has no chat_messages")
    external_id = named(item.get("uuid"))
    if external_id is None:
        raise Unfit("it has no id")
    nodes = objects(item.get("chat_messages"))
    pieces = [piece(node, place) for place, node in enumerate(nodes)]
    # Older exports say nothing of branches: there the order of the list is all.
    if not any(node.get("parent_message_uuid") for node in nodes):
        in_a_row(pieces)
    tree = assemble(pieces, named(item.get("current_leaf_message_uuid")))
    model = known(item.get("model"))
    return Conversation(
        external_id=external_id,
        title=said(item.get("name")),
        messages=tree.messages,
        current=tree.current,
        created_at=moment(item.get("created_at")),
        updated_at=moment(item.get("updated_at")),
        provider="anthropic",
        model=model or "claude (unknown)",
        pinned=item.get("is_starred") is True,
        notes=tree.notes,
    )


def piece(node: dict[str, object], place: int) -> Piece:
    """A message. One of a person that holds only what tools said belongs to the answer before it."""
    parent = named(node.get("parent_message_uuid"))
    node_id = named(node.get("uuid")) or f"message {place}"
    blocks = objects(node.get("content"))
    kinds = {said(block.get("type")) for block in blocks}
    sender = node.get("sender")
    if sender not in ("human", "assistant"):
        return Piece(node_id, parent, None, note="messages of an unknown role")
    of_model = sender == "assistant" or (bool(kinds) and kinds <= {"tool_result"})
    found = Piece(node_id, None if parent == ROOT else parent, Role.ASSISTANT if of_model else Role.USER)
    found.created_at = moment(node.get("created_at"))
    if of_model:
        found.provider, found.model = "anthropic", known(node.get("model")) or "claude (unknown)"
    texts = [read_block(block, found) for block in blocks]
    # `text` repeats the blocks, or says in words that there was a block it cannot show.
    found.text = "\n\n".join(filter(None, texts)) if kinds & set(SEEN_BLOCKS) else said(node.get("text"))
    for attached in objects(node.get("attachments")):
        if pasted := said(attached.get("extracted_content")):
            label = said(attached.get("file_name")) or "Pasted text"
            found.text += ("\n\n" if found.text else "") + f"**{label}**\n\n{pasted}"
    for name in file_names(node):
        found.text += ("\n\n" if found.text else "") + f"*[{name}, not in the export]*"
    return found


def read_block(block: dict[str, object], found: Piece) -> str:
    """The text of a block; reasoning and tools go to their own places."""
    kind = block.get("type")
    if kind == "text":
        return said(block.get("text"))
    if kind == "thinking":
        thought = said(block.get("thinking"))
        found.reasoning += ("\n\n" if found.reasoning and thought else "") + thought
    elif kind == "tool_use":
        took_s = seconds_between(block.get("start_timestamp"), block.get("stop_timestamp"))
        found.calls.append(call(block.get("id"), block.get("name"), mapping(block.get("input")), duration_s=took_s))
    elif kind == "tool_result":
        parts = [said(part.get("text")) for part in objects(block.get("content"))]
        result = "\n".join(filter(None, parts)) or as_text(block.get("content"))
        found.results.append((named(block.get("tool_use_id")), known(block.get("name")), result))
    return ""


def file_names(node: dict[str, object]) -> list[str]:
    """The files whose content the export does not have; `files_v2` repeats `files`."""
    files = objects(node.get("files")) or objects(node.get("files_v2"))
    return [said(file.get("file_name")) or "file" for file in files]
