"""What people attach is told by its content; what cannot be attached is refused with a sentence."""

import contextlib
import io
import subprocess
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from chatcore import documents
from chatcore.documents import BadFile, Upload, clean_file_name, prepare, prepare_all
from chatcore.documents_reading import DOCX, MOST_CHARACTERS
from chatcore.errors import Invalid
from tests.files import IMAGE, NOTES, REPORT, make_archive, make_image, make_pdf, make_word


@pytest.mark.parametrize(
    ("name", "content", "media_type", "text"),
    [
        ("report.pdf", make_pdf("Two tides a day", "and a moon"), "application/pdf", "Two tides a day\n\nand a moon"),
        ("locked against changes.pdf", make_pdf("Two tides", password="", owner="x"), "application/pdf", "Two tides"),
        ("no ending", make_pdf("Two tides"), "application/pdf", "Two tides"),
        ("essay.docx", make_word("Moon", "Two tides.", table=(("hour", "m"), ("3", "1.2"))), DOCX, "# Moon\nTwo tides.\nhour | m\n3 | 1.2"),
        ("notes.csv", b"a,b\r\n1,2", "text/csv", "a,b\n1,2"),
        ("main.rs", b"fn main() {}", "text/plain", "fn main() {}"),
        ("Makefile", b"all:\n\techo", "text/plain", "all:\n\techo"),
        ("windows.txt", "Grüße".encode("cp1252"), "text/plain", "Grüße"),
        ("marked.txt", "Grüße".encode("utf-8-sig"), "text/plain", "Grüße"),
        ("wide.txt", "Grüße".encode("utf-16"), "text/plain", "Grüße"),
        ("page.svg", b"<svg onload='alert(1)'/>", "text/plain", "<svg onload='alert(1)'/>"),
    ],
)
def test_a_document_is_read_by_its_content(name: str, content: bytes, media_type: str, text: str) -> None:
    file = prepare(Upload(name, content))
    assert (file.name, file.media_type, file.text, file.is_cut) == (name, media_type, text, False)
    assert file.content == content


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"", "a.txt is empty."),
        ("a.txt", b" \n\t ", "only white space"),
        ("a.pdf", make_pdf("Two tides")[:200], "damaged"),
        ("a.pdf", b"%PDF-1.7\n" + b"\xff" * 3000, "damaged"),
        ("a.pdf", make_pdf("Two tides", password="secret"), "protected with a password"),
        ("a.pdf", make_pdf(" "), "no text that can be read"),
        ("a.pdf", b"plain words", "its content is no PDF"),
        ("a.docx", make_word("Moon")[:2000], "damaged"),
        ("a.docx", lambda: make_archive(size_bytes=300 * 1024 * 1024), "would unpack to more than 200 MB"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "older Office file"),
        ("a.xlsx", make_archive("xl/workbook.xml"), "Excel"),
        ("a.pptx", make_archive("ppt/presentation.xml"), "PowerPoint"),
        ("a.zip", make_archive("a.txt"), "archive"),
        ("a.png", b"<html>no picture</html>", "its content is no PNG"),
        ("a.png", make_image(size=(600, 600))[:300], "damaged"),
        ("a.png", lambda: make_image(size=(11_000, 10_000), mode="1"), "110 megapixels"),
        ("a.jpg", b"\0\0\0\x18ftypheic" + bytes(50), "HEIC"),
        ("a.bmp", b"BM" + bytes(60), "bitmap"),
        ("a.txt", bytes(range(256)) * 10, "neither text nor"),
        ("a.exe", b"MZ\x90\0\3\0\0\0", "neither text nor"),
        ("a.bin", lambda: b"x" * (documents.LARGEST_BYTES + 1), "20.0 MB, the most is 20"),
    ],
)
def test_what_cannot_be_attached_is_refused_by_name_with_a_way_on(name: str, content: bytes | Callable[[], bytes], said: str) -> None:
    with pytest.raises(Invalid) as refused:
        # The large ones are made here: each worker collects all tests.
        prepare(Upload(name, content if isinstance(content, bytes) else content()))
    assert refused.value.message.startswith(name)
    assert said in refused.value.message
    assert refused.value.hint


def test_a_long_text_is_cut_and_says_so() -> None:
    text = prepare(Upload("long.txt", b"moon " * MOST_CHARACTERS))
    pages = prepare(Upload("long.pdf", make_pdf(*["moon " * 2000] * 21)))
    for file in (text, pages):
        assert file.is_cut
        assert len(file.text or "") == MOST_CHARACTERS


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_an_image_that_servers_take_is_sent_as_it_is(form: str) -> None:
    file = prepare(Upload("moon.png", make_image(form)))
    assert file.media_type == f"image/{form.lower()}"
    assert file.is_image
    assert (file.picture, file.text) == (None, None)


@pytest.mark.parametrize(
    ("make", "form", "size"),
    [
        (partial(make_image, "WEBP"), "JPEG", (64, 48)),
        (partial(make_image, "GIF", mode="P"), "JPEG", (64, 48)),
        (partial(make_image, "PNG", size=(4096, 1024)), "JPEG", (2048, 512)),
        (partial(make_image, "JPEG", size=(1000, 3000)), "JPEG", (683, 2048)),
        (partial(make_image, "PNG", size=(3000, 30), mode="RGBA"), "PNG", (2048, 20)),
        (partial(make_image, "JPEG", turned=True), "JPEG", (48, 64)),
    ],
)
def test_other_images_are_made_ready_for_a_model(make: Callable[[], bytes], form: str, size: tuple[int, int]) -> None:
    content = make()
    file = prepare(Upload("moon", content))
    assert file.content == content
    with Image.open(io.BytesIO(file.picture or b"")) as picture:
        assert (picture.format, picture.size) == (form, size)


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/pass\x00wd\x1b[31m.txt", "pass_wd_[31m.txt"),
        ("C:\\Users\\ada\\moon.png", "moon.png"),
        ("gpj.\u202eexe.txt", "gpj.exe.txt"),
        ("  . ", "file"),
        ("", "file"),
        ("m" * 300 + ".pdf", "m" * 115 + "….pdf"),
    ],
)
def test_a_name_is_made_harmless(name: str, clean: str) -> None:
    assert clean_file_name(name) == clean


@given(st.text())
def test_any_name_can_be_kept(name: str) -> None:
    clean = clean_file_name(name)
    assert 0 < len(clean) <= documents.LONGEST_NAME
    assert clean.isprintable() or not clean.isascii()
    assert clean_file_name(clean) == clean
    clean.encode()


@given(st.binary(max_size=300))
def test_any_bytes_become_text_or_a_sentence(content: bytes) -> None:
    text = "refused"
    with contextlib.suppress(Invalid):
        kind = documents.kind_of("a", content)
        text = documents.decoded("a", content) if kind == "text" else "opened"
    assert text.strip()
    assert "\0" not in text


def test_files_keep_their_order_and_a_bad_one_is_named() -> None:
    assert [file.name for file in prepare_all([REPORT, NOTES, IMAGE])] == ["report.pdf", "notes.csv", "moon.png"]
    bad = Upload("b.txt", b"")
    with pytest.raises(BadFile) as refused:
        prepare_all([NOTES, bad, IMAGE])
    assert refused.value.upload is bad


def test_eleven_files_are_too_many() -> None:
    with pytest.raises(Invalid, match="11 files are attached, the most is 10"):
        prepare_all([NOTES] * 11)


def test_a_file_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "READ_S", 0.001)
    with pytest.raises(Invalid, match=r"report\.pdf could not be read in 0\.001 s"):
        prepare(REPORT)
    assert documents.ROOM.acquire(blocking=False)
    documents.ROOM.release()


def test_what_opens_files_knows_nothing_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("PYTHONSTARTUP", "x")
    environments = []
    run = subprocess.run

    def watched(*args: object, env: dict[str, str], **named: object) -> object:
        environments.append(env)
        return run(*args, env=env, **named)  # type: ignore[call-overload]  # passed on as it came

    monkeypatch.setattr(subprocess, "run", watched)
    assert prepare(REPORT).text == "Two tides a day"
    assert [set(env) <= {"PATH", "SYSTEMROOT", "TMPDIR"} for env in environments] == [True]
