"""What people attach, made ready to be kept: its kind told from its content, its text taken out, bad files refused with a sentence.

Files that have to be opened (images, PDF, Word) are opened by a process of their own, see `chatcore.documents_reading`.
"""

import codecs
import hashlib
import json
import logging
import os
import re
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from chatcore.documents_reading import MOST_CHARACTERS
from chatcore.errors import Invalid
from chatcore.texts import harmless, storable

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
MB = 1024 * 1024
LARGEST_MB = 20
LARGEST_BYTES = LARGEST_MB * MB
MOST_FILES = 10
LONGEST_NAME = 120
# A PDF of 1,000 pages takes some 15 s here; what takes longer is broken or was made to.
READ_S = 30.0
# So many files are opened at once in this process: each may take a gigabyte.
AT_ONCE = 2
ROOM = threading.BoundedSemaphore(AT_ONCE)

Kind = Literal["image", "pdf", "zip", "text"]
KINDS = "Images (PNG, JPEG, GIF, WebP), PDF, DOCX and text can be attached."
MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF87a", "image"),
    (b"GIF89a", "image"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)
# Found by their first bytes to tell people what they have.
STRANGE = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an older Office file, or one with a password", "Save it as DOCX or PDF without a password."),
    (b"BM", "is a bitmap (BMP)", "Save it as PNG or JPEG."),
    (b"II*\x00", "is a TIFF image", "Save it as PNG or JPEG."),
    (b"MM\x00*", "is a TIFF image", "Save it as PNG or JPEG."),
)
# By the ending of the name, which says no more here than how people call the text in it.
TEXT_TYPES = {".csv": "text/csv", ".tsv": "text/tab-separated-values", ".md": "text/markdown", ".json": "application/json"}
OPENED = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf", ".docx"}
# What a text has beside letters: tab, line feed, form feed, carriage return, and the escape that colours a log.
NOT_TEXT = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f]")
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class BadFile(Invalid):
    """A file that cannot be attached, and which of those that came it is."""

    def __init__(self, upload: "Upload", error: Invalid) -> None:
        super().__init__(error.message, error.hint)
        self.upload = upload


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it comes."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Prepared:
    """A file as it is kept: `text` of a document, or the `picture` that a model is sent in place of an image that is no good to
    send. Made by `prepare`."""

    name: str
    media_type: str
    content: bytes = field(repr=False)
    text: str | None = field(default=None, repr=False)
    is_cut: bool = False
    picture: bytes | None = field(default=None, repr=False)

    @property
    def is_image(self) -> bool:
        """Whether it is looked at, not read."""
        return self.media_type.startswith("image/")

    @cached_property
    def sha256(self) -> str:
        """What finds the same content again, in hex."""
        return hashlib.sha256(self.content).hexdigest()


def prepare_all(uploads: Sequence[Upload]) -> tuple[Prepared, ...]:
    """The files of one prompt, in their order. Raises BadFile for the first that cannot be attached, Invalid for too many."""
    if len(uploads) > MOST_FILES:
        raise Invalid(f"{len(uploads)} files are attached, the most is {MOST_FILES}.", "Send them with several prompts.")
    if len(uploads) < 2:
        return tuple(map(looked_into, uploads))
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="chatcore-reader") as pool:
        return tuple(pool.map(looked_into, uploads))


def looked_into(upload: Upload) -> Prepared:
    """The same as `prepare`, with an error that says which file it was."""
    try:
        return prepare(upload)
    except Invalid as error:
        raise BadFile(upload, error) from error


def prepare(upload: Upload) -> Prepared:
    """One file, looked into. Takes up to 30 s where it has to be opened. Raises Invalid naming the file and what is wrong with it."""
    name, content = clean_file_name(upload.name), upload.content
    check_size(name, len(content))
    kind = kind_of(name, content)
    if kind == "text":
        text = storable(decoded(name, content))
        media_type = TEXT_TYPES.get(Path(name).suffix.lower(), "text/plain")
        return Prepared(name, media_type, content, text[:MOST_CHARACTERS], len(text) > MOST_CHARACTERS)
    found, picture = opened(name, kind, content)
    read = found.get("text")
    text_read = storable(read) if isinstance(read, str) else None
    return Prepared(name, str(found["media_type"]), content, text_read, found.get("is_cut") is True, picture or None)


def clean_file_name(name: str) -> str:
    """The name without folders, control characters and what turns the direction of writing; at most 120 characters, its ending kept."""
    name = re.split(r"[/\\]", storable(name))[-1]
    name = "".join(letter for letter in harmless(name) if unicodedata.category(letter) != "Cf").replace("\ufffd", "_").strip(" .")
    if len(name) > LONGEST_NAME:
        ending = Path(name).suffix[:20]
        name = name[: LONGEST_NAME - len(ending) - 1].rstrip() + "…" + ending
    return name or "file"


def check_size(name: str, size_bytes: int) -> None:
    """Raises Invalid for an empty file and for one above 20 MB."""
    if size_bytes == 0:
        raise Invalid(f"{name} is empty.", "Attach a file that has something in it.")
    if size_bytes > LARGEST_BYTES:
        raise Invalid(f"{name} has {size_bytes / MB:,.1f} MB, the most is {LARGEST_MB}.", "Make it smaller, or attach a part of it.")


def kind_of(name: str, content: bytes) -> Kind:
    """What a file is by its content, whatever its name says. Raises Invalid for what is known and cannot be read here, and for
    text that calls itself something else."""
    for start, kind in MAGIC:
        if content.startswith(start):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image"
    # Some programs write a few lines before it.
    if b"%PDF-" in content[:1024]:
        return "pdf"
    if content[4:8] == b"ftyp" and content[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"avif"):
        raise Invalid(f"{name} is an image in the format HEIC or AVIF, which cannot be read here.", "Save it as JPEG or PNG.")
    for start, what, hint in STRANGE:
        if content.startswith(start) and NOT_TEXT.search(content[:1024].decode("latin-1")):
            raise Invalid(f"{name} {what}, which cannot be read here.", hint)
    ending = Path(name).suffix.lower()
    if ending in OPENED:
        raise Invalid(f"{name} is not what its name says: its content is no {ending[1:].upper()}.", "Attach the right file, or rename it.")
    return "text"


def decoded(name: str, content: bytes) -> str:
    """The text of a text file: Unicode, else as Windows writes Western languages. Raises Invalid for what is no text."""
    encodings = [encoding for mark, encoding in BOMS if content.startswith(mark)] or ["utf-8", "cp1252"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not NOT_TEXT.search(text):
            if not text.strip():
                raise Invalid(f"{name} is empty: there is only white space in it.", "Attach a file that has something in it.")
            return text.replace("\r\n", "\n")
    raise Invalid(f"{name} is neither text nor a file that can be read here.", KINDS)


def opened(name: str, kind: Kind, content: bytes) -> tuple[dict[str, object], bytes]:
    """What the process that opens files says of one, and the picture it made. Raises Invalid."""
    # Nothing of this process goes along: not its keys, not its addresses.
    told = {key: os.environ[key] for key in ("PATH", "SYSTEMROOT", "TMPDIR") if key in os.environ}
    command = [sys.executable, "-m", "chatcore.documents_reading", kind]
    with ROOM:
        try:
            done = subprocess.run(command, input=content, capture_output=True, timeout=READ_S, cwd=ROOT, env=told, check=False)
        except subprocess.TimeoutExpired:
            raise Invalid(f"{name} could not be read in {READ_S:g} s.", "Attach a part of it, or save it anew and try again.") from None
    if said := done.stderr.decode("utf-8", "replace").strip():
        log.info("reading a file of kind %s: %s", kind, harmless(said[-500:]))
    line, _, picture = done.stdout.partition(b"\n")
    try:
        found = json.loads(line)
    except ValueError:
        log.warning("the process that reads files ended with %s", done.returncode)
        raise Invalid(f"{name} cannot be read.", "It is damaged, or needs too much memory. Save it anew and try again.") from None
    if "reason" in found:
        raise Invalid(f"{name} {found['reason']}.", str(found["hint"]))
    return found, picture
