"""Any text at all can be searched for: nothing raises, and both engines still agree with a look at everything."""

import uuid
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from chatcore.db import Database
from chatcore.history import create_chat
from chatcore.parts import Viewer
from chatcore.search import count_hits, facets, find_chats, matching_chats, quick_switch, search
from chatcore.search.inside import hits_in
from chatcore.search.query import FILTERS, read_query
from chatcore.search.results import Order
from tests.chatcore.search.corpora import KNOWN, Corpus, Room, Saying, write
from tests.chatcore.search.reference import World
from tests.conftest import NOW
from tests.factories import make_viewer

PARTS = [
    *'"“”„«»:*-+()[]{}\\/|&!<>~^#@%_\'`.,;?$=0aZé量🚀 \n\t\0\x01\ud800\u0301\u200d\ufeff\U000e0001',
    *(f"{name}:" for name in FILTERS),
    *(" OR ", " AND ", " NOT ", "NEAR(", "words:", "parts : ", "tags:u", "':u", "''", "--", "/*", "\\0", "\\'"),
    *("::tsquery", ":*", "<->", "<2>", "C++", "moon", "moo*", '"moon"', "🚀*", "量子*", "2026-03", "30d", "pinned", "code"),
    *("llama", "trash", "-is:trash"),
]  # fmt: skip
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=60) | st.lists(st.sampled_from(PARTS), max_size=15).map("".join)
SAID = (*KNOWN.split(), *(part for part in PARTS if part.strip().strip("\0\ud800")))
CORPUS = Corpus(
    (
        Room("The moon: 100% «a_b»", tags=frozenset({"work"}), folder="Work/Plans"),
        Room("量子 C++", archived=True),
        Room("moon", in_trash=True),
    ),
    tuple(
        (
            float(number),
            Saying(f"{text} moon", number, model=(None, 0, 1)[number % 3], has_tool=number % 5 == 0, has_attachment=number % 7 == 0),
        )
        for number, text in enumerate(SAID)
    ),
)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))])
MANY = settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@MANY
@given(texts=st.lists(ANYTHING, min_size=1, max_size=3), zone=ZONES)
@example(
    texts=["after:9999-12-31", "before:0001", "after:1", "before:9999 after:0001-01-01", "after:9999d", "is:archived -is:archived"],
    zone=UTC,
)
@example(
    texts=["x" * 5000, "量" * 5000, '"' * 999, "a OR " * 120, "-a " * 200, "(" * 300, "model:" + "x" * 450, "chat:" + "y " * 200], zone=UTC
)
@example(
    texts=["chat:" + str(uuid.UUID(int=0)), f"chat:{{{uuid.UUID(int=1)}}}", "chat:urn:uuid:" + "0" * 32, "chat:\0", "tag:\ud800"], zone=UTC
)
def test_no_text_makes_a_search_fail(db: Database, texts: list[str], zone: timezone) -> None:
    someone = make_viewer(db)
    chat = create_chat(db, someone, now=NOW, title="moon")
    for text in texts:
        for order in Order:
            page = search(db, someone, text, order=order, limit=2, now=NOW, zone=zone)
            assert all(isinstance(notice, str) and "\0" not in notice for notice in page.notices)
            if page.next_cursor:
                search(db, someone, text, order=order, limit=2, cursor=page.next_cursor, now=NOW, zone=zone)
        find_chats(db, someone, text, now=NOW, zone=zone)
        quick_switch(db, someone, text, now=NOW, zone=zone)
        count_hits(db, someone, text, now=NOW, zone=zone)
        facets(db, someone, text, now=NOW, zone=zone)
        matching_chats(db, someone, text, now=NOW, zone=zone)
        hits_in(db, someone, chat.id, text, now=NOW, zone=zone)


@pytest.fixture
def library(db: Database) -> tuple[Viewer, World]:
    """Somebody who has said all of this."""
    viewer = make_viewer(db)
    return viewer, write(db, viewer, CORPUS, NOW)


@MANY
@given(texts=st.lists(ANYTHING | st.lists(st.sampled_from(SAID), min_size=1, max_size=3).map(" ".join), min_size=1, max_size=8), zone=ZONES)
def test_any_text_finds_what_a_look_at_everything_finds(
    db: Database, library: tuple[Viewer, World], texts: list[str], zone: timezone
) -> None:
    viewer, world = library
    for text in texts:
        query = read_query(text, now=NOW, zone=zone)
        if not text.strip():
            continue
        found = [hit.message_id for hit in search(db, viewer, text, limit=1000, now=NOW, zone=zone).hits]
        assert found == [message.id for message in world.hits(query)], text
        assert [hit.chat.id for hit in find_chats(db, viewer, text, now=NOW, zone=zone)] == [chat.id for chat in world.titles(query)], text


def test_an_empty_text_finds_everything_that_is_not_in_the_trash(db: Database, library: tuple[Viewer, World]) -> None:
    viewer, world = library
    kept = [message.id for message in reversed(world.messages) if not message.chat.in_trash]
    for text in ("", "  ", "\n"):
        assert [hit.message_id for hit in search(db, viewer, text, limit=1000).hits] == kept
        assert find_chats(db, viewer, text) == ()
        assert {hit.chat.title for hit in quick_switch(db, viewer, text).chats} == {"The moon: 100% «a_b»"}


def test_a_text_that_means_nothing_finds_nothing_and_says_so(db: Database, library: tuple[Viewer, World]) -> None:
    viewer, _ = library
    for text in ("!", "...", "()", "\0", "\ud800", "*", "-", '""', "is:green", "model:", "OR", "\u200d\ufe0f"):
        page = search(db, viewer, text)
        assert (page.hits, page.next_cursor) == ((), None)
        assert page.notices
        assert all(notice.endswith(".") for notice in page.notices)
        assert quick_switch(db, viewer, text).hits == ()
        assert count_hits(db, viewer, text) == facets(db, viewer, text).of == 0
        assert matching_chats(db, viewer, text) == ()
