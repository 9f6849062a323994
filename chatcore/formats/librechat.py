"""LibreChat's export of one chat: a tree in which each answer lies in its prompt, or a list.

The tree is as deep as the chat is long, so it is walked, never recursed into.
"""

from collections.abc import Iterator

from chatcore.archive import Opened
from chatcore.formats.base import (
    Conversation,
    Look,
    Piece,
    Read,
    Unfit,
    assemble,
    call,
    digest,
    in_a_row,
    known,
    mapping,
    moment,
    named,
    objects,
    read_json,
    said,
)
from chatcore.parts import Role, State

ROOT = "00000000-0000-0000-0000-000000000000"
ENDPOINTS = {"openai": "openai", "anthropic": "anthropic", "google": "google", "azureopenai": "azure", "bedrock": "aws"}


class LibreChat:
    """The export of LibreChat."""

    name = "librechat"
    label = "LibreChat export"
    hint = "LibreChat: open a chat, Export, as JSON. Several of them may come in one ZIP file."

    def fits(self, look: Look) -> bool:
        return any(
            isinstance(item.get("messagesTree"), list) or ("conversationId" in item and isinstance(item.get("messages"), list))
            for item in look.items
        )

    def read(self, opened: Opened) -> Iterator[Read]:
        """Every chat."""
        return read_json(opened, conversation)


def conversation(item: dict[str, object]) -> Conversation:
    """One chat. Raises Unfit."""
    nodes = flat(objects(item.get("messagesTree")) or objects(item.get("messages")))
    if not nodes:
        raise Unfit("it has no messages")
    options = mapping(item.get("options"))
    provider = provider_of(item.get("endpoint") or options.get("endpoint"))
    pieces = [piece(node, place, provider, known(options.get("model"))) for place, node in enumerate(nodes)]
    if not any(node.get("parentMessageId") for node in nodes):
        in_a_row(pieces)
    tree = assemble(pieces, None)
    external_id = named(item.get("conversationId")) or named(nodes[0].get("conversationId"))
    answers = [message.model for message in tree.messages if message.model]
    times = sorted(message.created_at for message in tree.messages if message.created_at)
    return Conversation(
        external_id=external_id or digest(*(f"{message.role} {message.text}" for message in tree.messages)),
        title=said(item.get("title")) or said(options.get("title")),
        messages=tree.messages,
        current=tree.current,
        created_at=times[0] if times else None,
        updated_at=times[-1] if times else None,
        provider=provider,
        model=known(options.get("model")) or (answers[-1] if answers else None) or "unknown",
        system_prompt=said(options.get("promptPrefix")) or said(options.get("system")) or None,
        notes=tree.notes,
    )


def provider_of(endpoint: object) -> str:
    """The provider that an endpoint stands for; endpoints of one's own keep their name."""
    name = known(endpoint)
    return ENDPOINTS.get(name.lower(), name) if name else "librechat"


def flat(roots: list[dict[str, object]]) -> list[dict[str, object]]:
    """All messages of a tree, each with the id of the one it lies in, siblings by time."""
    found: list[dict[str, object]] = []
    stack = list(reversed(roots))
    while stack:
        node = stack.pop()
        found.append(node)
        children = sorted(objects(node.get("children")), key=lambda child: said(child.get("createdAt")))
        for child in children:
            child.setdefault("parentMessageId", node.get("messageId"))
        stack.extend(reversed(children))
    return found


def piece(node: dict[str, object], place: int, provider: str, model: str | None) -> Piece:
    """A message. Who wrote it says `isCreatedByUser`; `sender` is a name to show."""
    parent = named(node.get("parentMessageId"))
    by_user = node.get("isCreatedByUser")
    if not isinstance(by_user, bool):
        by_user = said(node.get("sender")).lower() == "user"
    found = Piece(
        named(node.get("messageId")) or f"message {place}", None if parent == ROOT else parent, Role.USER if by_user else Role.ASSISTANT
    )
    found.created_at = moment(node.get("createdAt"))
    texts = [read_part(part, found) for part in objects(node.get("content"))]
    found.text = "\n\n".join(filter(None, texts)) or said(node.get("text"))
    for file in objects(node.get("files")):
        found.text += ("\n\n" if found.text else "") + f"*[{said(file.get('filename')) or 'file'}, not in the export]*"
    if not by_user:
        found.provider = provider_of(node.get("endpoint")) if node.get("endpoint") else provider
        found.model = known(node.get("model")) or model or known(node.get("sender"))
        if node.get("error") is True:
            found.error, found.text = found.text or "An error without a text.", ""
        if node.get("unfinished") is True:
            found.state = State.STOPPED
        rating = mapping(node.get("feedback")).get("rating")
        found.rating = {"thumbsUp": 1, "thumbsDown": -1}.get(said(rating))
    return found


def read_part(part: dict[str, object], found: Piece) -> str:
    """The text of a part; reasoning and tools go to their own places."""
    kind = part.get("type")
    if kind == "text":
        return said(part.get("text")) or said(mapping(part.get("text")).get("value"))
    if kind == "think":
        thought = said(part.get("think")) or said(part.get("text"))
        found.reasoning += ("\n\n" if found.reasoning and thought else "") + thought
    elif kind == "tool_call":
        made = mapping(part.get("tool_call"))
        made = made | mapping(made.get("function"))
        found.calls.append(
            call(made.get("id"), made.get("name"), made.get("args") or made.get("arguments") or {}, result=made.get("output"))
        )
    elif kind == "error":
        found.error = said(part.get("error")) or said(part.get("text")) or "An error without a text."
    elif kind in ("image_file", "image_url"):
        return "*[picture, not in the export]*"
    return ""
