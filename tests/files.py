"""Files to attach, made here: good ones of each kind, and bad ones."""

import io
import zipfile

import docx
from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from chatcore.attachments import add_in, list_attachments
from chatcore.db import Database
from chatcore.documents import Upload, prepare_all
from chatcore.parts import AttachmentInfo, Viewer
from tests.factories import NOW


def make_image(form: str = "PNG", *, size: tuple[int, int] = (64, 48), mode: str = "RGB", turned: bool = False) -> bytes:
    """An image with some colours; `turned` as a camera marks one that was held upright."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    exif = Image.Exif()
    if turned:
        exif[0x0112] = 6
    target = io.BytesIO()
    image.save(target, form, exif=exif)
    return target.getvalue()


def make_pdf(*pages: str, password: str | None = None, owner: str | None = None) -> bytes:
    """A PDF with a line of text on each page."""
    writer = PdfWriter()
    for text in pages:
        page = writer.add_blank_page(300, 300)
        names = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
        font = writer._add_object(DictionaryObject({NameObject(key): NameObject(value) for key, value in names.items()}))
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})})
        drawn = DecodedStreamObject()
        drawn.set_data(f"BT /F1 24 Tf 20 200 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(drawn)
    if password is not None:
        writer.encrypt(password, owner)
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def make_word(*paragraphs: str, table: tuple[tuple[str, ...], ...] = ()) -> bytes:
    """A Word file: a heading, paragraphs, a table."""
    document = docx.Document()
    document.add_heading(paragraphs[0], 1)
    for text in paragraphs[1:]:
        document.add_paragraph(text)
    if table:
        made = document.add_table(len(table), len(table[0]))
        for row, texts in zip(made.rows, table, strict=True):
            for cell, text in zip(row.cells, texts, strict=True):
                cell.text = text
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def make_archive(name: str = "word/document.xml", size_bytes: int = 10) -> bytes:
    """An archive with one member of zeros, which packs to almost nothing."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(size_bytes))
    return target.getvalue()


IMAGE = Upload("moon.png", make_image())
REPORT = Upload("report.pdf", make_pdf("Two tides a day"))
NOTES = Upload("notes.csv", b"hour,height\n3,1.2\n9,4.8\n")


def attach(db: Database, viewer: Viewer, message_id: int, *uploads: Upload) -> tuple[AttachmentInfo, ...]:
    """Puts files on a message, without sending it; all files of it."""
    with db.write() as tx:
        add_in(tx, viewer, message_id, prepare_all(uploads), now=NOW)
    return list_attachments(db, viewer, [message_id])[message_id]
