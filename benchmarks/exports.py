"""Files as other programs export them, of any size, to measure how they are imported."""

import json
import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from benchmarks.corpus_chats import EPOCH, SECOND, Author, Chat, Plan
from benchmarks.filling import NOW

MESSAGES_A_CHAT = 16
# From one chat to the next, so that a million messages are two years.
GAP_S = 1_000
SOMEBODY = "somebody"


def write_chatgpt(path: Path, messages: int, *, seed: int = 1) -> int:
    """Writes an export of ChatGPT with about so many messages, the newest chat first as there; how many it has."""
    written = 0
    with path.open("w", encoding="utf-8") as out:
        out.write("[")
        for number, chat in enumerate(some_chats(messages, seed)):
            out.write(",\n" if number else "\n")
            json.dump(chatgpt_chat(chat, number), out, ensure_ascii=False)
            written += len(chat.drafts)
        out.write("\n]\n")
    return written


def some_chats(messages: int, seed: int, *, now: datetime = NOW) -> Iterator[Chat]:
    """Chats of the corpus with so many messages together, the newest first."""
    rng = random.Random(f"exports/{seed}")
    end = (now - EPOCH).total_seconds()
    author = Author(seed, begin=0, end=int(end * SECOND), measured=())
    left = messages
    while left > 0:
        end -= GAP_S
        length = min(2 * max(1, int(rng.expovariate(2 / MESSAGES_A_CHAT))), 80, left + left % 2)
        yield author.chat(Plan(int((end - 86_400) * SECOND), SOMEBODY, length))
        left -= length


def chatgpt_chat(chat: Chat, number: int) -> dict[str, object]:
    """A chat as ChatGPT writes it down: a tree of nodes under a root that says nothing."""
    ids = [f"{chat.id}-{place}" for place in range(len(chat.drafts))]
    nodes: dict[str, object] = {"root": {"id": "root", "parent": None, "message": None, "children": ids[:1]}}
    for place, draft in enumerate(chat.drafts):
        model = {"model_slug": chat.model.name} if draft.role == "assistant" else {}
        message = {
            "id": ids[place], "author": {"role": draft.role, "name": None, "metadata": {}}, "create_time": draft.at / SECOND,
            "update_time": None, "content": {"content_type": "text", "parts": [draft.content or "…"]}, "status": "finished_successfully",
            "end_turn": True, "weight": 1.0, "metadata": {"timestamp_": "absolute", **model}, "recipient": "all",
        }  # fmt: skip
        parent = ids[place - 1] if place else "root"
        nodes[ids[place]] = {"id": ids[place], "message": message, "parent": parent, "children": ids[place + 1 : place + 2]}
    return {
        "id": str(chat.id), "conversation_id": str(chat.id), "title": f"Chat {number}: {chat.drafts[0].content[:40]}",
        "create_time": chat.drafts[0].at / SECOND, "update_time": chat.drafts[-1].end / SECOND, "mapping": nodes,
        "current_node": ids[-1], "default_model_slug": chat.model.name, "is_archived": False, "is_starred": None,
    }  # fmt: skip
