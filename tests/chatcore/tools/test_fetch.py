"""Fetching: only what is on the list, never a private place by a detour, HTML as text, and bounds on all of it."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chatcore.errors import Invalid
from chatcore.parts import Viewer
from chatcore.tools.base import Context, ToolFailed
from chatcore.tools.fetch import LARGEST_PAGE_BYTES, Fetch, parse_allowed, without_tags
from tests.replay import ReplayServer, Reply

HERE = Context(Viewer("ada", "Ada"), uuid.UUID(int=1), datetime(2026, 3, 14, tzinfo=UTC))


@pytest.fixture
def web() -> Iterator[ReplayServer]:
    with ReplayServer() as server:
        yield server


async def fetched(url: str, allowed: str = "127.0.0.1") -> str:
    return await Fetch(parse_allowed(allowed)).run({"url": url}, HERE)


async def test_a_page_comes_as_text(web: ReplayServer) -> None:
    page = b"<!doctype html><title>Tides</title><script>alert(1)</script><h1>High &amp; low</h1><p>Twice a <b>day</b>."
    web.on("/tides", Reply(page, content_type="text/html; charset=utf-8"))
    assert await fetched(f"{web.url}/tides") == "Tides\n\nHigh & low\n\nTwice a day."


async def test_other_texts_come_as_they_are_and_files_not_at_all(web: ReplayServer) -> None:
    web.on("/data", Reply(b'{"a": 1}'))
    web.on("/picture", Reply(b"\x89PNG", content_type="image/png"))
    assert await fetched(f"{web.url}/data") == '{"a": 1}'
    assert await fetched(f"{web.url}/picture") == "[image/png: not a text, so it is not shown]"


async def test_a_page_that_is_too_large_is_cut(web: ReplayServer) -> None:
    web.on("/book", Reply(b"x" * (LARGEST_PAGE_BYTES + 10), content_type="text/plain"))
    text = await fetched(f"{web.url}/book")
    assert text.endswith("[Cut here: the page has more than 2,000,000 bytes.]")
    assert text.count("x") <= LARGEST_PAGE_BYTES + 10


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "http://127.0.0.2/",
        "http://127.0.0.1.example.org/",
        "http://127.0.0.1@example.org/",
        "http://user:secret@127.0.0.1/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "//127.0.0.1/",
        "http://",
        "http://[::1/",
        "http://2130706433/",
    ],
)
async def test_what_is_not_on_the_list_is_not_asked(url: str) -> None:
    with pytest.raises(ToolFailed):
        await fetched(url)


async def test_a_name_that_leads_to_a_private_place_is_refused_unless_that_is_listed(web: ReplayServer) -> None:
    web.on("/", Reply(b"hello", content_type="text/plain"))
    port = web.url.rpartition(":")[2]
    with pytest.raises(ToolFailed, match="leads to the private address"):
        await fetched(f"http://localhost:{port}/", "localhost")
    assert await fetched(f"http://localhost:{port}/", "localhost, 127.0.0.0/8, ::1") == "hello"
    assert web.requests[-1].headers["host"] == f"localhost:{port}"


async def test_a_redirect_stays_on_the_list(web: ReplayServer) -> None:
    web.on("/old", Reply(b"", status=302, headers=(("Location", "/new"),)))
    web.on("/new", Reply(b"moved here", content_type="text/plain"))
    web.on("/away", Reply(b"", status=302, headers=(("Location", "http://example.org/"),)))
    web.on("/round", Reply(b"", status=302, headers=(("Location", "/round"),)))
    assert await fetched(f"{web.url}/old") == "moved here"
    with pytest.raises(ToolFailed, match=r"example\.org is not on the list"):
        await fetched(f"{web.url}/away")
    with pytest.raises(ToolFailed, match="more than 5 times"):
        await fetched(f"{web.url}/round")


async def test_a_host_that_fails_is_told(web: ReplayServer) -> None:
    web.on("/broken", Reply(b"no", status=500))
    web.on("/gone", Reply(drop=True))
    with pytest.raises(ToolFailed, match="HTTP 500"):
        await fetched(f"{web.url}/broken")
    with pytest.raises(ToolFailed, match="could not be read"):
        await fetched(f"{web.url}/gone")


def test_the_list_knows_names_wildcards_addresses_and_networks() -> None:
    allowed = parse_allowed("docs.python.org, *.wikipedia.org 10.0.0.0/8")
    assert allowed.has_name("docs.python.org")
    assert allowed.has_name("de.wikipedia.org")
    assert not allowed.has_name("wikipedia.org")
    assert not allowed.has_name("evilwikipedia.org")
    assert not allowed.has_name("python.org")
    with pytest.raises(Invalid, match="is no host"):
        parse_allowed("https://example.org/")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<html><head><title>T</title><style>a{}</style></head><body>a<br>b</body></html>", "T\n\na\nb"),
        ("<head><title>T<body><p>text without ends", "T\n\ntext without ends"),
        ("<svg><text>no</text></svg>yes", "yes"),
        ("a < b &lt; c", "a < b < c"),
    ],
)
def test_html_becomes_words(html: str, text: str) -> None:
    assert without_tags(html) == text
