"""The files of a prompt: shown under it, and kept over the field where a prompt could not be sent."""

import uuid
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import streamlit as st

from chatcore.documents import LARGEST_MB as LARGEST_MB
from chatcore.documents import Upload
from chatcore.parts import AttachmentInfo, MessageInfo
from ui import words

HELD = "composer.files"
KINDS = {"application/pdf": "PDF", "text/csv": "CSV", "text/markdown": "Markdown", "application/json": "JSON"}
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


# --- in the thread -----------------------------------------------------------------------------------------------


def show_files(message: MessageInfo) -> None:
    """Draws the files of a message in one element: images as small pictures that open large, others as chips that are saved."""
    if not message.attachments:
        return
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    base = f"/{path}" if path else ""
    entries = "".join(f"<li>{picture(file, base) if file.is_image else chip(file, base)}</li>" for file in message.attachments)
    st.html(f'<ul class="attached" aria-label="Attached files">{entries}</ul>')


def address(file: AttachmentInfo, base: str) -> str:
    """Where the server gives the file to who may have it."""
    return f"{base}/api/v1/messages/{file.message_id}/attachments/{file.id}"


def picture(file: AttachmentInfo, base: str) -> str:
    """An image, in a frame of fixed height, so that nothing moves when it has come."""
    name, where = escape(file.name), address(file, base)
    return (
        f'<a class="attached-image" href="{where}" target="_blank" rel="noopener" title="{name} · {words.size(file.size_bytes)}">'
        f'<img src="{where}?small=true" alt="{name}" loading="lazy"></a>'
    )


def chip(file: AttachmentInfo, base: str) -> str:
    """A document: its kind, its name, its size, and whether a model is told only the beginning of it."""
    said, told = words.size(file.size_bytes), ""
    if file.is_cut and file.characters:
        said += f" · first {words.short_count(file.characters)} characters"
        told = f": a model is told only the first {words.count(file.characters)} characters"
    return (
        f'<a class="attached-file" href="{address(file, base)}" download="{escape(file.name)}" title="{escape(file.name)}{told}">'
        f"<b>{kind_name(file.name, file.media_type)}</b><span>{escape(file.name)}</span><i>{said}</i></a>"
    )


def kind_name(name: str, media_type: str) -> str:
    """What people call a file of this type: by its ending where it is some text."""
    if media_type == WORD:
        return "Word"
    ending = Path(name).suffix[1:]
    plain = ending.upper() if ending.isascii() and ending.isalnum() and len(ending) <= 5 else "Text"
    return KINDS.get(media_type, plain)


# --- over the field ----------------------------------------------------------------------------------------------


def held(chat_id: uuid.UUID | None) -> tuple[Upload, ...]:
    """The files of a prompt to this chat that is not sent yet."""
    found: tuple[uuid.UUID | None, tuple[Upload, ...]] | None = st.session_state.get(HELD)
    return found[1] if found is not None and found[0] == chat_id else ()


def hold(chat_id: uuid.UUID | None, files: Sequence[Upload]) -> None:
    """Keeps files until the prompt is sent; none lets them go."""
    if files:
        st.session_state[HELD] = (chat_id, tuple(files))
    else:
        st.session_state.pop(HELD, None)


def show_held(chat_id: uuid.UUID | None, *, send: Callable[[], None]) -> None:
    """Draws the files that go with the next prompt, each with a button that leaves it out; `send` sends them without words."""
    files = held(chat_id)
    if not files:
        return
    with st.container(key="composer_files", horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption("Kept for this prompt:", width="content")
        for number, file in enumerate(files):
            st.button(
                f"{words.plain(words.shortened(file.name, 30))} · {words.size(len(file.content))}",
                icon=":material/close:",
                key=f"composer.file.{number}",
                help="Leave this file out",
                on_click=_leave_out,
                args=(chat_id, number),
            )
        st.button("Send without words", icon=":material/send:", type="tertiary", key="composer.send_files", on_click=send)


def _leave_out(chat_id: uuid.UUID | None, number: int) -> None:
    files = held(chat_id)
    hold(chat_id, files[:number] + files[number + 1 :])
