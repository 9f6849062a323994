"""ChatGPT's data export: a ZIP with conversations.json, since 2026 in parts (conversations-000.json ...), or one such file.

A chat is a tree of nodes (`mapping`); what a person sees follows the parents up from `current_node`. One answer is several
nodes: its thoughts, its calls of tools, what these said, and the text.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

from chatcore.archive import Opened
from chatcore.formats.base import (
    Call,
    Conversation,
    Enclosed,
    Look,
    Message,
    Piece,
    Read,
    Unfit,
    assemble,
    call,
    known,
    listed,
    mapping,
    moment,
    named,
    number,
    objects,
    read_json,
    said,
)
from chatcore.parts import Role

# Private signs around what the app draws otherwise: citations, entities, pictures of products.
MARKS = re.compile("\ue200[^\ue201]{0,2000}\ue201|[\ue200-\ue206]|【\\d+[:†][^】]{0,200}】")
POINTER = re.compile(r"^(?:file-service|sediment)://(?P<file>[\w-]+)")
PICTURE_MISSING = "*[picture, not in the export]*"
SOUND_MISSING = "*[recording, not in the export]*"
TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif",
         ".pdf": "application/pdf", ".txt": "text/plain", ".csv": "text/csv", ".wav": "audio/wav"}  # fmt: skip


class ChatGPT:
    """The export of ChatGPT."""

    name = "chatgpt"
    label = "ChatGPT export"
    hint = "ChatGPT: Settings, Data controls, Export data. Bring the ZIP file as it comes."

    def fits(self, look: Look) -> bool:
        return any(isinstance(item.get("mapping"), dict) for item in look.items)

    def read(self, opened: Opened) -> Iterator[Read]:
        """Every chat; pictures and files come from beside the chats."""
        assets: dict[str, str] = {}
        for name in opened.assets:
            if found := re.match(r"(?:file[-_][\w]+)", name):
                assets.setdefault(found[0], name)
        return read_json(opened, lambda item: conversation(item, opened, assets))


def conversation(item: dict[str, object], opened: Opened, assets: dict[str, str]) -> Conversation:
    """One chat. Raises Unfit."""
    nodes = item.get("mapping")
    if not isinstance(nodes, dict):
        raise Unfit("it has no messages: the entry has no mapping")
    pieces = [piece(str(node_id), mapping(node), opened, assets) for node_id, node in nodes.items()]
    tree = assemble(pieces, named(item.get("current_node")))
    external_id = named(item.get("conversation_id")) or named(item.get("id"))
    if external_id is None:
        raise Unfit("it has no id")
    model = known(item.get("default_model_slug"))
    # Messages without metadata do not name theirs.
    messages = tuple(replace(message, model=model) if is_nameless(message) else message for message in tree.messages)
    return Conversation(
        external_id=external_id,
        title=said(item.get("title")),
        messages=messages,
        current=tree.current,
        created_at=moment(item.get("create_time")),
        updated_at=moment(item.get("update_time")),
        provider="openai",
        model=model or next((message.model for message in reversed(tree.messages) if message.model), None) or "unknown",
        archived=item.get("is_archived") is True,
        pinned=item.get("is_starred") is True,
        notes=tree.notes,
    )


def is_nameless(message: Message) -> bool:
    return message.role is Role.ASSISTANT and message.model is None


def piece(node_id: str, node: dict[str, object], opened: Opened, assets: dict[str, str]) -> Piece:
    """A node of the tree."""
    parent = named(node.get("parent"))
    message = node.get("message")
    if not isinstance(message, dict):
        return Piece(node_id, parent, None, note="")
    author, metadata, content = mapping(message.get("author")), mapping(message.get("metadata")), mapping(message.get("content"))
    role, kind = author.get("role"), said(content.get("content_type"))
    hidden = metadata.get("is_visually_hidden_from_conversation") is True or message.get("weight") == 0
    if role not in ("user", "assistant", "tool") or hidden or kind in ("user_editable_context", "model_editable_context"):
        return Piece(node_id, parent, None)
    found = Piece(node_id, parent, Role.USER if role == "user" else Role.ASSISTANT, created_at=moment(message.get("create_time")))
    if role != "user":
        found.model, found.provider = known(metadata.get("model_slug")), "openai"
    fill(found, message, kind, opened, assets)
    return found


def fill(found: Piece, message: dict[str, object], kind: str, opened: Opened, assets: dict[str, str]) -> None:
    """Puts what a message says into its piece, each kind of content in its own way."""
    author, metadata, content = mapping(message.get("author")), mapping(message.get("metadata")), mapping(message.get("content"))
    recipient = said(message.get("recipient")) or "all"
    if kind == "thoughts":
        thoughts = objects(content.get("thoughts"))
        found.reasoning = "\n\n".join(filter(None, (said(thought.get("content")) or said(thought.get("summary")) for thought in thoughts)))
        return
    if kind == "reasoning_recap":
        found.side, found.note = None, "remarks on how long the model reasoned"
        return
    text = text_of(content, kind, found, opened, assets)
    if kind == "system_error":
        found.error = text or "An error without a text."
    elif author.get("role") == "tool":
        if not found.files or text.strip() not in ("", PICTURE_MISSING):
            found.results.append((None, known(author.get("name")), text))
    elif author.get("role") == "assistant" and recipient != "all":
        found.calls.append(tool_call(found.id, recipient, text, metadata))
    else:
        found.text = text
    if author.get("role") == "user":
        for attached in objects(metadata.get("attachments")):
            enclose(found, named(attached.get("id")) or "", known(attached.get("name")), known(attached.get("mime_type")), opened, assets)


def tool_call(piece_id: str, recipient: str, text: str, metadata: dict[str, object]) -> Call:
    """What the model sent to a tool: JSON for some, code for others."""
    made = call(piece_id, recipient, text if text.lstrip().startswith("{") else {"input": text})
    duration_s = number(metadata.get("finished_duration_sec"))
    return Call(made.id, made.name, made.arguments, made.raw, None, made.error, duration_s=duration_s)


def text_of(content: dict[str, object], kind: str, found: Piece, opened: Opened, assets: dict[str, str]) -> str:
    """The text of a content; pictures go to the files of the piece, or are named as missing."""
    if kind in ("code", "execution_output", "system_error"):
        return clean(said(content.get("text")))
    if kind in ("tether_quote", "tether_browsing_display"):
        parts = [said(content.get(key)) for key in ("title", "url", "summary", "result", "text")]
        return clean("\n".join(filter(None, parts)))
    texts = []
    for part in listed(content.get("parts")):
        if isinstance(part, str):
            texts.append(clean(part))
        elif isinstance(part, dict):
            texts.append(other_part(part, found, opened, assets))
    if not texts:
        texts = [clean(said(content.get(key))) for key in ("text", "result", "content")]
    return "\n\n".join(filter(None, texts))


def other_part(part: dict[str, object], found: Piece, opened: Opened, assets: dict[str, str]) -> str:
    """A part that is no text: the words of a recording, or a picture."""
    kind = said(part.get("content_type"))
    if kind == "audio_transcription" or "text" in part:
        return clean(said(part.get("text")))
    if kind in ("image_asset_pointer", "audio_asset_pointer", "real_time_user_audio_video_asset_pointer"):
        sound = kind != "image_asset_pointer"
        pointer = POINTER.match(said(part.get("asset_pointer")))
        if pointer and enclose(found, pointer["file"], None, None, opened, assets):
            return ""
        return SOUND_MISSING if sound else PICTURE_MISSING
    return ""


def enclose(found: Piece, file_id: str, name: str | None, media_type: str | None, opened: Opened, assets: dict[str, str]) -> bool:
    """Puts a file that lies beside the chats to a piece; whether it is there."""
    member = assets.get(file_id)
    if member is None:
        return False
    kind = media_type or TYPES.get(PurePosixPath(member).suffix.lower(), "application/octet-stream")
    shown = name or member
    if all(enclosed.name not in (shown, member) for enclosed in found.files):
        found.files.append(Enclosed(shown, kind, partial(opened.asset, member)))
    return True


def clean(text: str) -> str:
    """The text without the private signs."""
    return text if text.isascii() else MARKS.sub("", text)
