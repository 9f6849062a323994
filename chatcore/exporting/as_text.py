"""Forms for reading: Markdown with front matter, and one HTML page that needs neither the app nor a network."""

import html
import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache

from chatcore.exporting.as_rows import calls_of
from chatcore.exporting.reading import Chat, Written
from chatcore.markdown import BoundedMarkdown
from chatcore.parts import Role

# There is nothing to load or to run; this makes sure of it whatever a message holds.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; --paper: #fcfbf8; --card: #fffefb; --ink: #24221e; --soft: #615d54; --edge: #dfdacf; --mine: #eef3ee; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #1a1b19; --card: #20221f; --ink: #e9e7e0; --soft: #b3b4ac;
  --edge: #3b3e39; --mine: #26302a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 48rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1, h2 { font-family: Georgia, "Times New Roman", serif; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .25rem; font-size: 1.4rem; }
.soft { color: var(--soft); font-size: .9rem; }
nav li { overflow-wrap: anywhere; }
a { color: inherit; }
article { border: 1px solid var(--edge); border-radius: .6rem; background: var(--card); padding: .6rem 1rem; margin: .75rem 0;
  overflow-wrap: anywhere; }
article.user { background: var(--mine); }
pre { overflow-x: auto; padding: .6rem; border: 1px solid var(--edge); border-radius: .4rem; }
code { font-size: .9em; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border: 1px solid var(--edge); padding: .2rem .5rem; }
img { max-width: 100%; height: auto; }
"""
CLOSING = "</main></body></html>\n"
UNSAFE = re.compile(r"[^\w\- ]+")


# --- Markdown ----------------------------------------------------------------------------------------------------


def markdown(chat: Chat) -> str:
    """A chat as Markdown: what is known of it on top, then the branch that is shown."""
    info = chat.info
    head = {
        "title": info.title, "id": str(info.id), "created_at": info.created_at.isoformat(), "updated_at": info.updated_at.isoformat(),
        "provider": info.provider, "model": info.model_name, "folder": chat.folder, "tags": list(chat.tags),
    }  # fmt: skip
    # JSON values are YAML values too.
    front = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in head.items() if value not in (None, []))
    shown = chat.shown
    parts = [f"---\n{front}\n---\n", f"# {info.title}\n"]
    if chat.system_prompt:
        parts.append(f"## System prompt\n\n{chat.system_prompt.strip()}\n")
    parts += [markdown_message(message) for message in shown]
    if len(shown) < len(chat.messages):
        parts.append(f"*{len(chat.messages) - len(shown):,} messages of other branches are not shown here.*\n")
    return "\n".join(parts)


def markdown_message(message: Written) -> str:
    """A message under a heading that says whose it is and when it was written."""
    text = [f"## {who(message)}\n\n*{at(message)}*\n"]
    if reasoning := message.row["reasoning"]:
        text.append(quoted(f"**Reasoning**\n\n{reasoning}"))
    for call in calls_of(message):
        arguments = json.dumps(call.get("arguments"), ensure_ascii=False)
        fence = fence_for(arguments + str(call.get("result") or ""))
        text.append(f"**Tool:** {call.get('name')}\n\n{fence}json\n{arguments}\n{fence}\n\n{fence}\n{call.get('result') or ''}\n{fence}\n")
    text.append(message.text.strip() + "\n")
    text += [f"*File: {file['name']}*\n" for file in message.files]
    return "\n".join(text)


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines()) + "\n"


def fence_for(text: str) -> str:
    """A fence longer than any in the text."""
    return "`" * max(3, max((len(found) for found in re.findall(r"`+", text)), default=0) + 1)


def who(message: Written) -> str:
    return "You" if message.role is Role.USER else str(message.row["model_name"] or "Assistant")


def at(message: Written) -> str:
    created_at = message.row["created_at"]
    return created_at.strftime("%Y-%m-%d %H:%M UTC") if isinstance(created_at, datetime) else ""


def file_stem(chat: Chat) -> str:
    """A name for the file of a chat, which every system can store: its day, its title, and what tells it from others."""
    title = "-".join(UNSAFE.sub(" ", chat.info.title).split())[:60].strip("-") or "chat"
    return f"{chat.info.created_at:%Y-%m-%d}-{title}-{chat.info.id.hex[-8:]}"


# --- HTML --------------------------------------------------------------------------------------------------------


def page(chats: Iterator[Chat], *, title: str, titles: Callable[[], Iterator[tuple[str, str]]]) -> Iterator[str]:
    """All chats on one page. `titles` gives the id and the title of each chat, for the list on top."""
    yield opening(title) + f"<h1>{html.escape(title)}</h1>\n"
    entries = list(titles())
    if len(entries) > 1:
        yield (
            "<nav><ol>"
            + "".join(f'<li><a href="#c{html.escape(key)}">{html.escape(name)}</a></li>' for key, name in entries)
            + "</ol></nav>\n"
        )
    for chat in chats:
        yield section(chat)
    yield CLOSING


def opening(title: str, *, policy: str = POLICY, more: str = "") -> str:
    """How a page begins; `more` goes into its head as it is."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">{more}'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><main>"
    )


def section(chat: Chat) -> str:
    """A chat: its title, what is known of it, its messages as they are shown."""
    info, shown = chat.info, chat.shown
    facts = [f"{info.created_at:%Y-%m-%d %H:%M UTC}", info.model_name, *([chat.folder] if chat.folder else []), *chat.tags]
    others = len(chat.messages) - len(shown)
    left = f'<p class="soft">{others:,} messages of other branches are not shown here.</p>' if others else ""
    body = "".join(article(message) for message in shown)
    head = f'<h2>{html.escape(info.title)}</h2><p class="soft">{html.escape(" · ".join(facts))}</p>'
    return f'<section id="c{info.id}">{head}{body}{left}</section>\n'


def article(message: Written, *, you: str = "You", note: str = "", files: Sequence[str] | None = None) -> str:
    """A message; what could run or load is written out instead. `you` is who wrote the prompts, `note` stands behind the time,
    `files` is the HTML of its files, without it they are named."""
    name = you if message.role is Role.USER else who(message)
    inner = [f'<p class="soft">{html.escape(" · ".join(filter(None, (name, at(message), note))))}</p>']
    if reasoning := message.row["reasoning"]:
        inner.append(f"<details><summary>Reasoning</summary>{renderer().render_text(str(reasoning))}</details>")
    for call in calls_of(message):
        told = f"{json.dumps(call.get('arguments'), ensure_ascii=False)}\n\n{call.get('result') or ''}"
        inner.append(f"<details><summary>Tool: {html.escape(str(call.get('name')))}</summary><pre>{html.escape(told)}</pre></details>")
    inner.append(renderer().render_text(message.text))
    inner += [f'<p class="soft">File: {html.escape(str(file["name"]))}</p>' for file in message.files] if files is None else files
    return f'<article class="{message.role.value}">{"".join(inner)}</article>'


@cache
def renderer() -> BoundedMarkdown:
    """Without pictures too, which would load something."""
    made = BoundedMarkdown()
    made.disable("image")
    return made
