"""Both engines find what a naive look at everything finds, in the same order, whatever is asked."""

from collections import Counter
from datetime import UTC, tzinfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatcore.db import Database
from chatcore.parts import Viewer
from chatcore.search import count_hits, facets, find_chats, matching_chats, quick_switch, search
from chatcore.search.query import with_filter
from chatcore.search.results import Facet, Order
from tests.chatcore.search.corpora import Corpus, corpora, next_start, palettes, write
from tests.chatcore.search.questions import Question, questions
from tests.chatcore.search.reference import still_typed
from tests.factories import make_viewer

SOME = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
Scene = tuple[Corpus, list[Question]]
SCENES = palettes().flatmap(lambda palette: st.tuples(corpora(palette), st.lists(questions(palette), min_size=4, max_size=10)))


def walk(db: Database, viewer: Viewer, text: str, *, limit: int, zone: tzinfo = UTC, order: Order = Order.NEWEST) -> list[int]:
    """The ids of all hits, page by page."""
    found: list[int] = []
    cursor = None
    while True:
        page = search(db, viewer, text, limit=limit, cursor=cursor, zone=zone, order=order)
        assert len(page.hits) <= limit
        assert page.hits or not cursor, "a cursor led to nothing"
        found += [hit.message_id for hit in page.hits]
        cursor = page.next_cursor
        if cursor is None:
            return found


def hits_of(db: Database, viewer: Viewer, text: str) -> list[str]:
    """The words of the messages that are found, newest first."""
    return [hit.snippet for hit in search(db, viewer, text, limit=1000).hits]


@pytest.fixture
def viewer(db: Database) -> Viewer:
    return make_viewer(db)


# --- the same as by looking at everything ------------------------------------------------------------------------


@SOME
@given(scene=SCENES, limit=st.integers(1, 6))
def test_every_hit_is_found_newest_first_on_pages_of_any_size(db: Database, scene: Scene, limit: int) -> None:
    (corpus, asked), start, someone = scene, next_start(), make_viewer(db)
    world = write(db, someone, corpus, start)
    for question in asked:
        text, meant = question.text(world, start), world.hits(question.query(world, start))
        results = search(db, someone, text, limit=1000, zone=question.zone)
        assert [hit.message_id for hit in results.hits] == [message.id for message in meant], text
        assert (results.next_cursor, results.indexed) == (None, 1.0)
        assert walk(db, someone, text, limit=limit, zone=question.zone) == [message.id for message in meant], text
        assert count_hits(db, someone, text, zone=question.zone) == len(meant), text
        assert count_hits(db, someone, text, zone=question.zone, cap=limit) == min(limit, len(meant)), text
        assert sorted(walk(db, someone, text, limit=limit, zone=question.zone, order=Order.BEST)) == sorted(one.id for one in meant), text
        for hit, message in zip(results.hits, meant, strict=True):
            chat = message.chat
            assert (hit.chat_id, hit.chat_title, hit.role, hit.created_at) == (chat.id, chat.title, message.role, message.created_at)
            assert (hit.provider, hit.model_name) == (message.provider, message.model_name)
            assert (hit.pinned, hit.archived, hit.in_trash) == (chat.pinned, chat.archived, chat.in_trash)


@SOME
@given(scene=SCENES)
def test_titles_are_found_those_with_the_newest_activity_first(db: Database, scene: Scene) -> None:
    (corpus, asked), start, someone = scene, next_start(), make_viewer(db)
    world = write(db, someone, corpus, start)
    for question in asked:
        text, query = question.text(world, start), question.query(world, start)
        found = find_chats(db, someone, text, zone=question.zone)
        assert [hit.chat.id for hit in found] == [chat.id for chat in world.titles(query)], text
        assert len(find_chats(db, someone, text, zone=question.zone, limit=1)) == min(1, len(found))
        edited = matching_chats(db, someone, text, zone=question.zone)
        assert len(edited) == len(set(edited))
        assert set(edited) == {chat.id for chat in world.titles(query)} | {message.chat.id for message in world.hits(query)}, text


@SOME
@given(scene=SCENES)
def test_the_switcher_finds_what_the_last_word_may_become(db: Database, scene: Scene) -> None:
    (corpus, asked), start, someone = scene, next_start(), make_viewer(db)
    world = write(db, someone, corpus, start)
    for question in asked:
        text, query = question.text(world, start), still_typed(question.query(world, start))
        switch = quick_switch(db, someone, text, limit=3, zone=question.zone)
        assert [hit.chat.id for hit in switch.chats] == [chat.id for chat in world.titles(query)][:3], text
        assert [hit.message_id for hit in switch.hits] == [message.id for message in world.hits(query)][:3], text


@SOME
@given(scene=SCENES)
def test_facets_count_the_hits_and_their_filters_narrow_to_them(db: Database, scene: Scene) -> None:
    (corpus, asked), start, someone = scene, next_start(), make_viewer(db)
    world = write(db, someone, corpus, start)
    for question in asked:
        text, query, zone = question.text(world, start), question.query(world, start), question.zone
        hits, found = world.hits(query), facets(db, someone, text, zone=zone)
        assert (found.of, found.complete) == (len(hits), True), text
        assert as_counts(found.models) == Counter(hit.model_name for hit in hits if hit.model_name)
        assert as_counts(found.roles) == Counter(hit.role.value for hit in hits)
        assert as_counts(found.tags) == Counter(tag for hit in hits for tag in hit.chat.tags)
        assert as_counts(found.months) == Counter(world.months(query, zone))
        assert [facet.label for facet in found.months] == sorted({facet.label for facet in found.months}, reverse=True)
        for kind in (found.models, found.roles, found.tags):
            assert [facet.count for facet in kind] == sorted((facet.count for facet in kind), reverse=True)
        for facet in (*found.models, *found.roles, *found.months):
            # A second filter of the same name would mean either of both.
            if not any(f"{name}:" in text for name, _ in facet.filters):
                assert count_hits(db, someone, narrowed(text, facet), zone=zone) == facet.count, narrowed(text, facet)


def as_counts(found: tuple[Facet, ...]) -> Counter[str]:
    return Counter({facet.label: facet.count for facet in found})


def narrowed(text: str, facet: Facet) -> str:
    for name, value in facet.filters:
        text = with_filter(text, name, value)
    return text


@SOME
@given(scene=SCENES)
def test_whatever_stands_between_two_spaces_finds_its_message(db: Database, scene: Scene) -> None:
    someone = make_viewer(db)
    world = write(db, someone, scene[0], next_start())
    shown = [message for message in world.messages if not message.running]
    for message in shown:
        for piece in dict.fromkeys(message.content.split()):
            quoted = '"' + piece.replace('"', " ") + '" is:active is:archived is:trash'
            if search(db, someone, quoted).notices:
                continue
            assert message.id in walk(db, someone, quoted, limit=1000), quoted
