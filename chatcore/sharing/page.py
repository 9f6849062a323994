"""What a share link shows: one HTML page that runs nothing and loads nothing, and how a browser has to take it."""

import base64
import hashlib
import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from chatcore.exporting import as_text
from chatcore.exporting.reading import Chat, Written
from chatcore.parts import AttachmentInfo, State

# By its hash, so that no other style can come in; by attribute only how the columns of tables are aligned.
STYLE_HASH = base64.b64encode(hashlib.sha256(as_text.STYLE.encode()).digest()).decode()
IN_PAGE = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; style-src-attr 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
# The page lies beside the app: the sandbox takes it out of the app's origin. What a reader saves or opens is theirs to decide.
POLICY = f"{IN_PAGE}; frame-ancestors 'none'; sandbox allow-downloads allow-popups allow-popups-to-escape-sandbox"
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A link that is taken back is gone at once, from every cache too.
    "Cache-Control": "no-store",
}
HEAD = '<meta name="robots" content="noindex, nofollow, noarchive"><meta name="referrer" content="no-referrer">'
NOBODY = "User"
UNFINISHED = {
    State.RUNNING: "not finished when this was taken",
    State.STOPPED: "stopped",
    State.FAILED: "failed",
    State.INTERRUPTED: "interrupted",
}


@dataclass(frozen=True, slots=True)
class Extras:
    """What is shown beside the title and the messages: attached files, the system prompt, what a model thought, tool calls with their
    arguments and results, and the name of who shares."""

    files: bool = False
    system_prompt: bool = False
    reasoning: bool = False
    tools: bool = False
    name: bool = False


NO_EXTRAS = Extras()


def snapshot(
    chat: Chat, extras: Extras, *, author: str, taken_at: datetime, read: Callable[[Written], list[tuple[AttachmentInfo, bytes]]]
) -> Iterator[str]:
    """The chat as it is shown now, piece by piece. `read` gives the files of a message and what they hold."""
    by = f" · by {html.escape(author)}" if extras.name else ""
    yield f'<h1>{html.escape(chat.info.title)}</h1><p class="soft">A snapshot of {taken_at:%Y-%m-%d %H:%M UTC}{by}</p>\n'
    if extras.system_prompt and chat.system_prompt:
        yield f"<article><details><summary>System prompt</summary><pre>{html.escape(chat.system_prompt)}</pre></details></article>\n"
    for message in chat.shown:
        yield as_text.article(
            bare(message, extras),
            you=author if extras.name else NOBODY,
            note=UNFINISHED.get(State(str(message.row["status"])), ""),
            files=[embedded(file, content) for file, content in read(message)] if extras.files else [],
        )


def bare(message: Written, extras: Extras) -> Written:
    """The message without what is not to be shown."""
    shown = {"reasoning": extras.reasoning, "tool_calls": extras.tools}
    return replace(message, row={name: value if shown.get(name, True) else None for name, value in message.row.items()})


def embedded(file: AttachmentInfo, content: bytes) -> str:
    """A file in the page itself: an image is drawn, everything else can only be saved."""
    name, data = html.escape(file.name), base64.b64encode(content).decode()
    if file.is_image:
        return f'<p><img src="data:{file.media_type};base64,{data}" alt="{name}"></p>'
    return f'<p class="soft">File: <a download="{name}" href="data:application/octet-stream;base64,{data}">{name}</a></p>'


def whole(title: str, body: bytes) -> bytes:
    """The page around a snapshot."""
    return as_text.opening(title, policy=IN_PAGE, more=HEAD).encode() + body + as_text.CLOSING.encode()


def nothing_here() -> bytes:
    """What is said for a link that does not answer, whatever the reason."""
    title = "This page is not there"
    said = f"<h1>{title}</h1><p>The link may have been taken back, may have ended, or may not be whole. Ask who gave it to you.</p>\n"
    return whole(title, said.encode())
