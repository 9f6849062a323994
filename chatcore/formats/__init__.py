"""How other programs write down chats: one file per format, all named in one tuple: our own first, then the most used.

To add a sibling copy `claude.py`, add it to FORMATS and give it samples in tests/chatcore/formats/samples.py.
"""

from collections.abc import Iterator

from chatcore.archive import UNREADABLE, Opened, Unpackable, open_file
from chatcore.errors import Invalid
from chatcore.formats.base import Broken, Format, Read, look_at
from chatcore.formats.chatgpt import ChatGPT
from chatcore.formats.claude import Claude
from chatcore.formats.librechat import LibreChat
from chatcore.formats.llm_logs import LlmLogs
from chatcore.formats.ollama_app import OllamaApp
from chatcore.formats.openai_rows import OpenAIRows
from chatcore.formats.openwebui import OpenWebUI
from chatcore.formats.own import Own
from chatcore.formats.sharegpt import ShareGPT

__all__ = ["FORMATS", "detect", "format_named", "open_file", "read"]

FORMATS: tuple[Format, ...] = (
    Own(),
    ChatGPT(),
    OpenWebUI(),
    Claude(),
    LibreChat(),
    LlmLogs(),
    OllamaApp(),
    OpenAIRows(),
    ShareGPT(),
)


def detect(opened: Opened) -> Format:
    """The format of a file, by what is in it; its name does not count. Raises Invalid where it is none that is known."""
    try:
        look = look_at(opened)
    except Unpackable as error:
        raise Invalid(f"{opened.path.name} cannot be read: {error}.", "Download it again, then try once more.") from error
    found = next((known for known in FORMATS if known.fits(look)), None)
    if found is None:
        labels = ", ".join(known.label for known in FORMATS)
        unread = f"; an entry of it cannot be read: {look.spoiled}" if look.spoiled else ""
        raise Invalid(f"{opened.path.name} is in no format that is known here{unread}.", f"Known are: {labels}.")
    return found


def format_named(name: str) -> Format:
    """The format of this name. Raises Invalid."""
    found = next((known for known in FORMATS if known.name == name), None)
    if found is None:
        raise Invalid(f"There is no format {name[:40]!r}.", f"Known are: {', '.join(known.name for known in FORMATS)}.")
    return found


def read(opened: Opened, known: Format) -> Iterator[Read]:
    """Every chat of a file, one at a time, and a reason for each that cannot be read. Where the file itself gives out, that is
    the last reason."""
    try:
        yield from known.read(opened)
    except UNREADABLE as error:
        said = str(error) if isinstance(error, Unpackable) else f"the file is damaged ({type(error).__name__}: {str(error)[:100]})"
        yield Broken(opened.path.name, said)
