"""Open WebUI: the JSON that "Export all chats" writes, or its database webui.db.

A chat is a tree in `chat.history.messages`; answers of several models side by side are siblings. Usage is there for many
answers, so real speeds come with them.
"""

import base64
import html
import json
import re
from collections.abc import Iterator
from functools import partial

from chatcore.archive import Opened, Tables, Unpackable
from chatcore.formats.base import (
    Broken,
    Conversation,
    Enclosed,
    Look,
    Piece,
    Read,
    Unfit,
    as_text,
    assemble,
    call,
    converted,
    count,
    digest_of,
    in_a_row,
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
from chatcore.parts import Role, State, Usage

DETAILS = re.compile(
    r'<details\s+type="(?P<kind>reasoning|tool_calls|code_interpreter)"(?P<rest>[^>]*)>(?P<body>.*?)</details>\s*', re.DOTALL
)
ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
SUMMARY = re.compile(r"<summary>.*?</summary>", re.DOTALL)
PICTURE = re.compile(r"!\[([^\]\n]{0,200})\]\(data:(image/[\w.+-]{1,40});base64,([A-Za-z0-9+/=\s]+)\)")
DATA = re.compile(r"data:([\w.+-]{1,40}/[\w.+-]{1,80});base64,(.+)", re.DOTALL)
NANOSECONDS = 1e9
CHAT_COLUMNS = ("id", "title", "chat", "created_at", "updated_at", "archived", "pinned", "meta")
MESSAGE_COLUMNS = ("id", "role", "parent_id", "content", "output", "model_id", "done", "error", "usage", "created_at")


class OpenWebUI:
    """The export and the database of Open WebUI."""

    name = "openwebui"
    label = "Open WebUI"
    hint = "Open WebUI: Settings, Data controls, Export chats; or the file webui.db of the server."

    def fits(self, look: Look) -> bool:
        in_database = look.tables.get("chat", frozenset()) >= {"id", "chat"}
        return in_database or any("history" in mapping(item.get("chat")) or is_legacy(item) for item in look.items)

    def read(self, opened: Opened) -> Iterator[Read]:
        """Every chat, whoever's it is in the database."""
        return read_json(opened, conversation) if opened.tables is None else from_tables(opened.tables)


def is_legacy(item: dict[str, object]) -> bool:
    """Whether an entry is the chat itself, as older exports have it."""
    return isinstance(mapping(item.get("history")).get("messages"), dict) and "mapping" not in item


def from_tables(tables: Tables) -> Iterator[Read]:
    """The chats of webui.db."""
    for row in tables.rows("chat", CHAT_COLUMNS, order=("created_at", "id")):
        name = f"chat {row.get('id')}"
        try:
            item: dict[str, object] = row | {key: loaded(row.get(key)) for key in ("chat", "meta")}
        except (ValueError, RecursionError):
            yield Broken(name, "its JSON cannot be read")
            continue
        chat = mapping(item["chat"])
        if not mapping(chat.get("history")).get("messages") and not chat.get("messages") and tables.has("chat_message", "chat_id"):
            rows = tables.rows("chat_message", MESSAGE_COLUMNS, order=("created_at", "id"), where={"chat_id": row.get("id")})
            messages = {str(found["id"]).removeprefix(f"{row.get('id')}-"): message_of(found) for found in rows}
            item["chat"] = chat | {"history": {"messages": messages, "currentId": mapping(chat.get("history")).get("currentId")}}
        yield converted(item, name, conversation)


def loaded(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


def message_of(row: dict[str, object]) -> dict[str, object]:
    """A row of chat_message as the export writes it."""
    content = row.get("content")
    try:
        found = {key: loaded(row.get(key)) for key in ("output", "usage", "error")}
    except (ValueError, RecursionError):
        found = {}
    if isinstance(content, str) and content[:1] in '["':
        try:
            content = json.loads(content)
        except (ValueError, RecursionError):
            content = row.get("content")
    return found | {
        "role": row.get("role"), "parentId": row.get("parent_id"), "content": content, "model": row.get("model_id"),
        "done": bool(row.get("done", True)), "timestamp": row.get("created_at"),
    }  # fmt: skip


def conversation(item: dict[str, object]) -> Conversation:
    """One chat. Raises Unfit."""
    chat = mapping(item.get("chat")) or item
    history = mapping(chat.get("history"))
    nodes = mapping(history.get("messages"))
    if nodes:
        pieces = [piece(str(node_id), mapping(node)) for node_id, node in nodes.items()]
    else:
        flat = objects(chat.get("messages"))
        if not flat:
            raise Unfit("it has no messages")
        pieces = list(in_a_row([piece(named(node.get("id")) or str(place), node) for place, node in enumerate(flat)]))
    tree = assemble(pieces, named(history.get("currentId")))
    models = [found for value in listed(chat.get("models")) if (found := known(value))]
    tags = [
        known(tag) if isinstance(tag, str) else known(mapping(tag).get("name")) for tag in listed(mapping(item.get("meta")).get("tags"))
    ]
    answers = [message for message in tree.messages if message.model]
    return Conversation(
        external_id=named(item.get("id")) or named(chat.get("id")) or digest_of(chat),
        title=said(item.get("title")) or said(chat.get("title")),
        messages=tree.messages,
        current=tree.current,
        created_at=moment(item.get("created_at")) or moment(chat.get("timestamp")),
        updated_at=moment(item.get("updated_at")),
        provider=(answers[-1].provider if answers else None) or "open-webui",
        model=(models[0] if models else None) or (answers[-1].model if answers else None) or "unknown",
        system_prompt=said(mapping(chat.get("params")).get("system")) or said(chat.get("system")) or None,
        archived=item.get("archived") in (True, 1),
        pinned=item.get("pinned") in (True, 1),
        tags=tuple(tag for tag in tags if tag),
        notes=tree.notes,
    )


def piece(node_id: str, node: dict[str, object]) -> Piece:
    """A message."""
    role = node.get("role")
    parent = named(node.get("parentId"))
    if role not in ("user", "assistant"):
        return Piece(node_id, parent, None, note="system messages" if role == "system" else "messages of an unknown role")
    found = Piece(node_id, parent, Role(role), created_at=moment(node.get("timestamp")))
    found.text = content_of(node.get("content"), found)
    for attached in objects(node.get("files")):
        enclose(found, said(attached.get("name")) or "file", said(attached.get("url")) or said(attached.get("data")))
    if role == "assistant":
        fill_answer(found, node)
    return found


def fill_answer(found: Piece, node: dict[str, object]) -> None:
    """What only an answer has: model, reasoning, tools, usage, rating, how it ended."""
    found.model = known(node.get("model")) or known(node.get("modelName"))
    lift_details(found)
    if outputs := objects(node.get("output")):
        read_output(found, outputs)
    found.usage, found.duration_s = usage_of(mapping(node.get("usage")) or mapping(node.get("info")))
    # It does not say who ran a model: Ollama's own times or a name with a tag (qwen3:4b) do.
    tagged = ":" in (found.model or "") and "/" not in (found.model or "")
    found.provider = "ollama" if found.usage.eval_s is not None or tagged else "open-webui"
    error = node.get("error")
    if error:
        found.error = said(error) or said(mapping(error).get("content")) or "An error without a text."
    if node.get("done") is False:
        found.state = State.INTERRUPTED
    rating = mapping(node.get("annotation")).get("rating")
    found.rating = int(rating) if rating in (1, -1, "1", "-1") and isinstance(rating, str | int) else None


def content_of(content: object, found: Piece) -> str:
    """The text of a message, which may be a list of parts; embedded pictures become files."""
    if isinstance(content, str):
        return take_pictures(content, found)
    texts = []
    for part in objects(content):
        if part.get("type") == "image_url":
            enclose(found, "picture", said(mapping(part.get("image_url")).get("url")))
        else:
            texts.append(said(part.get("text")))
    return "\n\n".join(filter(None, texts))


def take_pictures(text: str, found: Piece) -> str:
    """Takes pictures out that stand in the text itself, so that megabytes of letters are not its words."""
    if ";base64," not in text:
        return text
    for match in PICTURE.finditer(text):
        enclose(found, match[1] or "picture", f"data:{match[2]};base64,{match[3]}")
    return PICTURE.sub("", text)


def enclose(found: Piece, name: str, url: str) -> None:
    """Puts a file that is written out in the export to a message; one that lies on the server is named as missing."""
    match = DATA.match(url)
    if match:
        media_type, text = match[1], match[2]
        found.files.append(Enclosed(name, media_type, partial(decoded, text)))
    elif url or name != "file":
        found.text += f"\n\n*[{name}, not in the export]*"


def decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise Unpackable("a picture is damaged") from error


def lift_details(found: Piece) -> None:
    """Reasoning and tools that older versions wrote into the text as <details> go to their own places."""
    if "<details" not in found.text:
        return
    for match in DETAILS.finditer(found.text):
        attributes = {name: html.unescape(value) for name, value in ATTRIBUTE.findall(match["rest"])}
        body = html.unescape(SUMMARY.sub("", match["body"])).strip()
        if match["kind"] == "reasoning":
            thought = "\n".join(line.removeprefix("> ").removeprefix(">") for line in body.splitlines())
            found.reasoning += ("\n\n" if found.reasoning else "") + thought
        else:
            arguments = attributes.get("arguments", "")
            made = call(
                attributes.get("id"), attributes.get("name") or match["kind"], unquoted(arguments), result=attributes.get("result") or body
            )
            found.calls.append(made)
    found.text = DETAILS.sub("", found.text).strip("\n")


def unquoted(text: str) -> str:
    """Arguments are sometimes JSON in a JSON text."""
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return inner if isinstance(inner, str) else text


def read_output(found: Piece, outputs: list[dict[str, object]]) -> None:
    """The newer list of what the model did, in order; it holds the text too, where the message has none."""
    texts, thoughts = [], []
    for output in outputs:
        kind = output.get("type")
        parts = [said(part.get("text")) for part in objects(output.get("content"))]
        if kind == "reasoning":
            summary = [said(part.get("text")) for part in objects(output.get("summary"))]
            thoughts.append("\n".join(filter(None, parts or summary)))
        elif kind == "function_call":
            found.calls.append(call(output.get("call_id"), output.get("name"), output.get("arguments") or {}))
        elif kind == "function_call_output":
            said_parts = [said(part.get("text")) for part in objects(output.get("output"))]
            found.results.append((named(output.get("call_id")), None, "\n".join(filter(None, said_parts)) or as_text(output.get("output"))))
        elif kind == "message":
            texts.append("".join(parts))
    if not found.text.strip():
        found.text = "\n\n".join(filter(None, texts))
    if not found.reasoning:
        found.reasoning = "\n\n".join(filter(None, thoughts))


def usage_of(usage: dict[str, object]) -> tuple[Usage, float | None]:
    """What the server counted, in the words of Ollama (nanoseconds), of OpenAI, or normalised; and how long it took."""
    usage = mapping(usage.get("usage")) or usage
    tokens_in = next((count(usage[key]) for key in ("prompt_eval_count", "prompt_tokens", "input_tokens") if key in usage), None)
    tokens_out = next((count(usage[key]) for key in ("eval_count", "completion_tokens", "output_tokens") if key in usage), None)
    spans = [number(usage.get(key)) for key in ("load_duration", "prompt_eval_duration", "eval_duration", "total_duration")]
    load_s, prompt_s, eval_s, total_s = (span / NANOSECONDS if span is not None else None for span in spans)
    return Usage(input_tokens=tokens_in, output_tokens=tokens_out, load_s=load_s, prompt_s=prompt_s, eval_s=eval_s), total_s
