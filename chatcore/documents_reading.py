"""The program that opens files of strangers: its file on standard input, what it found on standard output.

    python -m chatcore.documents_reading pdf < report.pdf

A process of its own, because a file can be made to take all memory or to never end, and then only a process can be ended. It
answers one line of JSON, and after it the bytes of the picture that is sent to a model, if there is one.
"""

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

# What a model is told of one document: some 50,000 tokens, more than most windows hold.
MOST_CHARACTERS = 200_000
MEMORY_BYTES = 1024 * 1024 * 1024
# A Word file of 20 MB unpacks to some 60 MB; a bomb to gigabytes.
UNPACKED_BYTES, MOST_MEMBERS = 200 * 1024 * 1024, 5000
MOST_PIXELS = 100_000_000
# Longer sides are made smaller by every model that is known to us, and larger files refused by some servers.
LONGEST_SIDE, LARGEST_PICTURE_BYTES = 2048, 4 * 1024 * 1024
FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
ORIENTATION = 0x0112
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# What other Office files have in them, and what they are called.
OTHERS = (
    ("xl/", "an Excel file", "Save it as CSV"),
    ("ppt/", "a PowerPoint file", "Save it as PDF"),
    ("content.xml", "an OpenDocument file", "Save it as DOCX or PDF"),
)


class Unreadable(Exception):
    """Why a file cannot be read, to go on after its name, and what to do."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Found:
    """What is in a file: its text, cut or whole, or the picture that is sent in its place."""

    media_type: str
    text: str | None = None
    is_cut: bool = False
    picture: bytes | None = None


def read(kind: str, content: bytes) -> Found:
    """What is in a file of this kind (image, pdf, zip). Raises Unreadable."""
    try:
        match kind:
            case "image":
                return read_image(content)
            case "pdf":
                return joined("application/pdf", pages_of(content), "It may be a scan: attach its pages as images to a model that sees.")
            case _:
                return joined(DOCX, blocks_of(content), "Attach a document with text, or its pictures as images.")
    except Unreadable:
        raise
    except (MemoryError, RecursionError):
        raise Unreadable("needs more memory than a file may take", "Attach a smaller part of it.") from None
    except Exception as error:  # noqa: BLE001  # the edge: whatever the three libraries raise means the same
        print(repr(error)[:500], file=sys.stderr)  # noqa: T201  # for the log of who called
        raise Unreadable("is damaged and cannot be read", "Open and save it again in the program it comes from, then attach it.") from None


def joined(media_type: str, parts: Iterator[str], hint: str) -> Found:
    """The parts of a document as one text, up to the limit; what comes after is not looked at. Raises Unreadable if there is none."""
    text, seen = io.StringIO(), False
    for part in parts:
        seen = seen or bool(part.strip())
        text.write(part)
        if text.tell() > MOST_CHARACTERS:
            break
    if not seen:
        raise Unreadable("has no text that can be read", hint)
    whole = text.getvalue().strip()
    return Found(media_type, whole[:MOST_CHARACTERS], len(whole) > MOST_CHARACTERS)


def pages_of(content: bytes) -> Iterator[str]:
    """The text of a PDF, page by page."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    # Many are locked only against changes: their password is empty.
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("is protected with a password", "Save it without one, then attach it.")
    for page in reader.pages:
        text = page.extract_text().strip()
        yield f"{text}\n\n" if text else ""


def blocks_of(content: bytes) -> Iterator[str]:
    """The text of a Word file: paragraphs and tables in their order."""
    check_archive(content)
    import docx
    from docx.table import Table

    for block in docx.Document(io.BytesIO(content)).iter_inner_content():
        if isinstance(block, Table):
            for row in block.rows:
                # A cell that spans columns comes once for each.
                cells = dict.fromkeys(cell._tc for cell in row.cells)
                yield " | ".join(" ".join(part.text or "" for part in cell.iter() if part.tag.endswith("}t")) for cell in cells) + "\n"
            yield "\n"
        else:
            style = block.style.name if block.style is not None else ""
            mark = "# " if block.text.strip() and str(style).startswith(("Heading", "Title")) else ""
            yield f"{mark}{block.text}\n"


def check_archive(content: bytes) -> None:
    """Raises Unreadable for an archive that is no Word file, and for one that would unpack to more than a document has."""
    try:
        members = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except zipfile.BadZipFile:
        raise Unreadable("is damaged and cannot be read", "Open and save it again in the program it comes from, then attach it.") from None
    names = {member.filename for member in members}
    # Python reads no more of a member than its entry says, so an entry that lies makes it damaged, not larger.
    if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > UNPACKED_BYTES:
        raise Unreadable(f"would unpack to more than {UNPACKED_BYTES // 1024**2} MB, which no document does", "Attach another file.")
    if "word/document.xml" in names:
        return
    for start, what, hint in OTHERS:
        if any(name.startswith(start) for name in names):
            raise Unreadable(f"is {what}, which cannot be read here", f"{hint}, then attach that.")
    raise Unreadable("is an archive, which cannot be read here", "Unpack it, and attach the files you mean.")


def read_image(content: bytes) -> Found:
    """Checks an image by decoding all of it, and makes the picture for a model where the file itself is none to send."""
    from PIL import Image, ImageOps

    # Our own limit is checked first; theirs would warn.
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        pixels = image.width * image.height
        if pixels > MOST_PIXELS:
            raise Unreadable(f"has {pixels // 1_000_000} megapixels, the most is {MOST_PIXELS // 1_000_000}", "Make it smaller.")
        form, media_type = image.format or "", Image.MIME[image.format or ""]
        turned = image.getexif().get(ORIENTATION, 1) != 1
        large = max(image.size) > LONGEST_SIDE or len(content) > LARGEST_PICTURE_BYTES
        if form == "JPEG" and large:
            # It is decoded at a fraction of its size, as near as JPEG has one.
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        image.load()
        if form in ("PNG", "JPEG") and not turned and not large:
            return Found(media_type)
        # Models know nothing of the mark that says how a camera was held.
        shown = ImageOps.exif_transpose(image)
        shown.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        return Found(media_type, picture=encoded(shown))


def encoded(image: "Image.Image") -> bytes:
    """An image as PNG where it has transparent parts and is small enough, else as JPEG on white."""
    from PIL import Image

    target = io.BytesIO()
    if "A" in image.getbands() or "transparency" in image.info:
        clear = image.convert("RGBA")
        clear.save(target, "PNG")
        if target.tell() <= LARGEST_PICTURE_BYTES:
            return target.getvalue()
        image = Image.new("RGB", clear.size, "white")
        image.paste(clear, mask=clear.getchannel("A"))
        target = io.BytesIO()
    image.convert("RGB").save(target, "JPEG", quality=88)
    return target.getvalue()


def limit_memory() -> None:
    """Keeps a file from taking the memory of the machine; where the system has no such limit (Windows) there is none."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def main() -> None:
    """Reads the file and answers."""
    limit_memory()
    try:
        found = read(sys.argv[1], sys.stdin.buffer.read())
        answer: dict[str, object] = {"media_type": found.media_type, "text": found.text, "is_cut": found.is_cut}
        picture = found.picture or b""
    except Unreadable as error:
        answer, picture = {"reason": error.reason, "hint": error.hint}, b""
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + picture)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
