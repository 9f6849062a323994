"""Both engines find what a naive look at everything finds, in the same order, whatever is asked."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import product
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.history import delete_chats, purge_chats
from chatcore.organise.tags import tag_chats
from chatcore.parts import Viewer
from chatcore.rows import MESSAGES, encode_cursor
from chatcore.search import ONLY_NEWEST, count_hits, facets, find_chats, matching_chats, pools, postgresql, quick_switch, search, sqlite
from chatcore.search.ask import resolve
from chatcore.search.query import QUOTES, narrowed, read_query
from chatcore.search.results import Facet, Hit, Order
from tests.chatcore.search.corpora import Corpus, corpora, next_start, palettes, write
from tests.chatcore.search.questions import ZONES, Question, questions
from tests.chatcore.search.reference import Message, still_typed
from tests.conftest import NOW
from tests.factories import make_chat, make_exchange, make_message, make_viewer

SOME = settings(
    max_examples=15,
    deadline=None,
    # Without shrinking, which would ask a database for minutes: the question is in the message.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
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


@pytest.fixture
def viewer(db: Database) -> Viewer:
    return make_viewer(db)


SMALL: dict[ModuleType, dict[str, int]] = {
    postgresql: {
        "LOOKED_AT": 2, "MOST_LOOKED_AT": 6, "MOST_LOOKED_AT_IN_CHATS": 6, "MOST_LOOKED_AT_WIDE": 6, "MOST_FOR_A_HIT": 2, "MANY": 3,
        "FEW_MESSAGES": 0, "FREQUENT": 1, "READ": 2, "MOST_READ": 4, "MOST_ASKED": 4, "MOST_READ_IN_CHATS": 4,
        "FEW_CHATS": 1, "SOME_CHATS": 1, "MOST_NAMED_CHATS": 1, "MOST_NAMED_FOR_POOL": 1,
    },
    sqlite: {
        "FIRST_READ": 2, "JOINED": 3, "MOST_READ": 3, "MOST_ASKED": 3, "MOST_BY_ROLE": 2, "RARE": 3,
        "MOST_NAMED_CHATS": 1, "MOST_NAMED_FOR_POOL": 1,
    },
}  # fmt: skip
# With this any hits are far more than wanted, though a database that never counted its entries knows of none.
FAR_TOO_MANY = -1


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers from which on an engine goes another way, so small that the chats of a test are more than enough."""
    monkeypatch.setattr(pools, "FEWEST", 1000)
    for engine, limits in SMALL.items():
        for name, number in limits.items():
            monkeypatch.setattr(engine, name, number)


# --- the same as by looking at everything ------------------------------------------------------------------------


@SOME
@given(scene=SCENES, limit=st.integers(1, 6))
def test_every_hit_is_found_newest_first_on_pages_of_any_size(db: Database, scene: Scene, limit: int) -> None:
    check_hits(db, scene, limit)


@SOME
@given(
    scene=SCENES,
    limit=st.integers(1, 6),
    most_named=st.sampled_from((1, 100)),
    words=st.sampled_from((0, 1, 100)),
    read=st.sampled_from(
        ({}, {"OFTEN": 1}, {"MOST_READ_IN_CHATS": 1000}, {"MOST_READ_IN_CHATS": 1000, "FEW_FOR_BEST": 0}, {"FAR_MORE": FAR_TOO_MANY})
    ),
)
@pytest.mark.usefixtures("small_limits")
def test_the_same_is_found_where_there_is_too_much_for_the_short_way(
    db: Database, scene: Scene, limit: int, most_named: int, words: int, read: dict[str, int]
) -> None:
    named = dict.fromkeys(("MOST_NAMED_CHATS", "MOST_NAMED_FOR_POOL"), most_named)
    for_a_hit = dict.fromkeys(("MESSAGES_FOR_A_HIT", "MESSAGES_FOR_A_HIT_IN_SET"), (words, words))
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, number in {**named, **for_a_hit, **read}.items():
            monkeypatch.setattr(postgresql, name, number)
        check_hits(db, scene, limit)


def check_hits(db: Database, scene: Scene, limit: int) -> None:
    """Compares every way to ask for messages with a look at all of them."""
    (corpus, asked), start, someone = scene, next_start(), make_viewer(db)
    world = write(db, someone, corpus, start)
    for question in asked:
        text, zone, meant = question.text(world, start), question.zone, world.hits(question.query(world, start))
        results = search(db, someone, text, limit=1000, zone=zone)
        assert [hit.message_id for hit in results.hits] == [message.id for message in meant], text
        assert (results.next_cursor, results.indexed) == (None, 1.0)
        assert walk(db, someone, text, limit=limit, zone=zone) == [message.id for message in meant], text
        assert sorted(walk(db, someone, text, limit=limit, zone=zone, order=Order.BEST)) == sorted(message.id for message in meant), text
        assert count_hits(db, someone, text, zone=zone) == len(meant), text
        assert count_hits(db, someone, text, zone=zone, cap=limit) == min(limit, len(meant)), text
        for hit, message in zip(results.hits, meant, strict=True):
            assert hit_of(message) == replace(hit, snippet="", marks=())


def hit_of(message: Message) -> Hit:
    """A message as a hit shows it, without the snippet."""
    chat = message.chat
    return Hit(
        message.id, chat.id, chat.title, message.role, message.created_at, message.provider, message.model_name, "", (),
        chat.pinned, chat.archived, chat.in_trash,
    )  # fmt: skip


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
        for facet in (*found.models, *found.roles):
            assert count_hits(db, someone, narrowed(text, facet.filters), zone=zone) == facet.count, narrowed(text, facet.filters)
        for facet in (*found.months, *found.tags):
            if not any(f"{name}:" in text for name, _ in facet.filters):
                assert count_hits(db, someone, narrowed(text, facet.filters), zone=zone) == facet.count, narrowed(text, facet.filters)


def as_counts(found: tuple[Facet, ...]) -> Counter[str]:
    return Counter({facet.label: facet.count for facet in found})


@SOME
@given(scene=SCENES)
def test_whatever_stands_between_two_spaces_finds_its_message(db: Database, scene: Scene) -> None:
    someone = make_viewer(db)
    world = write(db, someone, scene[0], next_start())
    shown = [message for message in world.messages if not message.running]
    for message in shown:
        for piece in dict.fromkeys(message.content.split()):
            quoted = f'"{piece.translate(dict.fromkeys(map(ord, QUOTES), " "))}" is:active is:archived is:trash'
            if search(db, someone, quoted).notices:
                continue
            assert message.id in walk(db, someone, quoted, limit=1000), quoted


# --- order and pages ---------------------------------------------------------------------------------------------


def test_messages_of_one_second_are_each_found_once(db: Database, viewer: Viewer, now: datetime) -> None:
    other = make_viewer(db, "Bob")
    chats = {someone: make_chat(db, someone).id for someone in (viewer, other)}
    made: list[int] = []
    for number in range(120):
        made.append(make_message(db, viewer, chats[viewer], f"moon {number}", now=now + timedelta(milliseconds=number)).id)
        make_message(db, other, chats[other], f"moon {number}", now=now)
    for limit in (1, 7, 50, 1000):
        assert sorted(walk(db, viewer, "moon", limit=limit)) == made
    assert count_hits(db, viewer, "moon") == 120


def test_what_is_written_while_somebody_pages_does_not_move_the_pages(db: Database, viewer: Viewer, now: datetime) -> None:
    chat = make_chat(db, viewer)
    made = [make_message(db, viewer, chat.id, "moon", now=now + timedelta(seconds=2 * number)).id for number in range(6)]
    first = search(db, viewer, "moon", limit=3)
    make_message(db, viewer, chat.id, "moon", now=now + timedelta(seconds=99))
    second = search(db, viewer, "moon", limit=3, cursor=first.next_cursor)
    assert [hit.message_id for hit in (*first.hits, *second.hits)] == made[::-1]


def test_best_match_comes_first_and_the_newest_of_equals(db: Database, viewer: Viewer, now: datetime) -> None:
    chat = make_chat(db, viewer)
    texts = ("moon tide", "moon " + "and a lot of other words " * 20, "moon tide", "the sun " * 30 + "moon")
    made = [make_message(db, viewer, chat.id, text, now=now + timedelta(seconds=number)).id for number, text in enumerate(texts)]
    found = [hit.message_id for hit in search(db, viewer, "moon", order=Order.BEST).hits]
    assert sorted(found) == made
    assert found[:2] == [made[2], made[0]]
    # Nothing to compare by: the newest first.
    assert [hit.message_id for hit in search(db, viewer, "role:user", order=Order.BEST).hits] == made[::-1]


def test_best_match_looks_at_the_newest_only(db: Database, viewer: Viewer, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatcore.search.POOL", 4)
    chat = make_chat(db, viewer)
    made = [make_message(db, viewer, chat.id, "moon", now=now + timedelta(seconds=number)).id for number in range(6)]
    for limit in (1, 3, 4, 5):
        assert walk(db, viewer, "moon", limit=limit, order=Order.BEST) == made[:1:-1]
    found = facets(db, viewer, "moon")
    assert (found.of, found.complete, found.roles[0].count) == (4, False, 4)


@pytest.mark.parametrize("text", ["moon tag:work", "moo* tag:work", "moo*"])
def test_best_match_says_that_it_did_not_look_at_everything(
    db: Database, viewer: Viewer, now: datetime, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(pools, "FEWEST", 3)
    for_both = {"MOST_NAMED_FOR_POOL": 1, "MOST_READ": 4, "MOST_ASKED": 4}
    for engine, limits in ((postgresql, {"LOOKED_AT": 2, "MOST_READ_IN_CHATS": 4}), (sqlite, {"FIRST_READ": 2, "RARE": 2})):
        for name, number in (for_both | limits).items():
            monkeypatch.setattr(engine, name, number)
    chats = [make_chat(db, viewer) for _ in range(2)]
    made = [make_message(db, viewer, chats[number % 2].id, "moon", now=now + timedelta(seconds=number)).id for number in range(6)]
    tag_chats(db, viewer, [chat.id for chat in chats], add=["work"])
    page = search(db, viewer, text, order=Order.BEST)
    assert [hit.message_id for hit in page.hits] == made[:1:-1]
    found = facets(db, viewer, text)
    assert (found.of, found.complete, ONLY_NEWEST in page.notices) == (4, False, True)
    # Not before enough was found, however far back.
    monkeypatch.setattr(pools, "FEWEST", 6)
    page = search(db, viewer, text, order=Order.BEST)
    assert [hit.message_id for hit in page.hits] == made[::-1]


# SQLite asks the first hits of all chats.
@pytest.mark.parametrize("migrated_database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("few", [0, 1000])
@pytest.mark.parametrize("text", ["moon tag:work", "moo* tag:work", "moon tag:work -tide"])
def test_best_match_looks_at_all_that_is_in_the_chats_where_it_is_soon_read(
    db: Database, viewer: Viewer, now: datetime, monkeypatch: pytest.MonkeyPatch, text: str, few: int
) -> None:
    for name, number in {"MOST_NAMED_FOR_POOL": 1, "LOOKED_AT": 2, "MOST_READ": 4, "MOST_ASKED": 4, "FEW_FOR_BEST": few, "MANY": 3}.items():
        monkeypatch.setattr(postgresql, name, number)
    work, other = ([make_chat(db, viewer) for _ in range(2)] for _ in range(2))
    tag_chats(db, viewer, [chat.id for chat in work], add=["work"])
    made: dict[bool, list[int]] = {True: [], False: []}
    for number in range(24):
        chat = (*work, *other)[number % 4]
        made[chat in work].append(make_message(db, viewer, chat.id, "moon", now=now + timedelta(days=20 * number)).id)
    page = search(db, viewer, text, order=Order.BEST)
    assert [hit.message_id for hit in page.hits] == made[True][::-1]
    assert not page.notices
    assert (facets(db, viewer, text).of, facets(db, viewer, text).complete) == (12, True)


@pytest.mark.parametrize("migrated_database_url", ["postgresql"], indirect=True)
def test_hits_that_are_asked_for_their_chat_are_not_looked_for_by_chats(
    db: Database, viewer: Viewer, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without chats to lead, that is all entries of everybody.
    limits = {"MOST_NAMED_FOR_POOL": 1, "LOOKED_AT": 2, "MOST_READ": 4, "MOST_ASKED": 4, "MOST_LOOKED_AT_WIDE": 2, "MOST_READ_IN_CHATS": 4}
    for name, number in (limits | {"MOST_FOR_A_HIT": 0}).items():
        monkeypatch.setattr(postgresql, name, number)
    chats = [make_chat(db, viewer) for _ in range(2)]
    for number in range(12):
        make_message(db, viewer, chats[number % 2].id, "moon", now=now + timedelta(seconds=number))
    tag_chats(db, viewer, [chat.id for chat in chats], add=["work"])
    read_at, by_chats = postgresql.read_at, []

    def read(*args: Any, **options: Any) -> object:
        by_chats.append(options.get("by_chats", False))
        return read_at(*args, **options)

    monkeypatch.setattr(postgresql, "read_at", read)
    assert search(db, viewer, "moo* tag:work", order=Order.BEST).hits
    assert not any(by_chats)


# The index of PostgreSQL knows beginnings.
@pytest.mark.parametrize("migrated_database_url", ["sqlite"], indirect=True)
def test_newest_messages_unlike_the_others_do_not_make_the_beginning_of_a_word_rare(
    db: Database, viewer: Viewer, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, number in {"FIRST_READ": 2, "JOINED": 6}.items():
        monkeypatch.setattr(sqlite, name, number)
    chat = make_chat(db, viewer)
    made = [make_message(db, viewer, chat.id, "moon", now=now + timedelta(seconds=number)).id for number in range(12)]
    for number in range(12, 15):
        make_message(db, viewer, chat.id, "tide", now=now + timedelta(seconds=number))
    with db.read() as tx:
        frequent, rare = (resolve(tx, viewer, read_query(text, now=now), sqlite.titled, 100) for text in ("moo*", "sun*"))
        looked = sqlite.by_reading(tx, frequent, limit=1, after=None)
        assert looked is not None
        assert [message_id for message_id, _ in looked.found] == made[-1:]
        assert sqlite.by_reading(tx, rare, limit=1, after=None) is None


def test_a_cursor_serves_only_its_own_order(db: Database, viewer: Viewer) -> None:
    make_chat(db, viewer, messages=4)
    cursors = {order: search(db, viewer, "message", limit=1, order=order).next_cursor for order in Order}
    for order, other in ((Order.NEWEST, Order.BEST), (Order.BEST, Order.NEWEST)):
        for wrong in (cursors[other], "", "garbage", "\ud800", encode_cursor("best", [-1]), encode_cursor("hits", ["x"])):
            with pytest.raises(Invalid):
                search(db, viewer, "message", cursor=wrong, order=order)


def test_a_page_has_1_to_1000_hits(db: Database, viewer: Viewer) -> None:
    ways: tuple[Callable[..., object], ...] = (search, find_chats, quick_switch)
    for ask_for, text, limit in product(ways, ("moon", "moon tide", "(!)", ""), (-1, 0, 1001)):
        with pytest.raises(Invalid):
            ask_for(db, viewer, text, limit=limit)


def test_a_count_stops_at_its_cap(db: Database, viewer: Viewer) -> None:
    make_chat(db, viewer, messages=3)
    for text in ("message", "mess*", "message role:user role:assistant"):
        assert [count_hits(db, viewer, text, cap=cap) for cap in (-1, 0, 2, 3, 4)] == [0, 0, 2, 3, 3]


def test_of_many_titles_those_with_the_newest_activity_among_the_newest_are_shown(db: Database, viewer: Viewer, now: datetime) -> None:
    chats = [make_chat(db, viewer, title=f"moon {number}", now=now + timedelta(minutes=number)) for number in range(70)]
    make_message(db, viewer, chats[20].id, now=now + timedelta(days=1))
    make_message(db, viewer, chats[0].id, now=now + timedelta(days=2))
    shown = [hit.chat.title for hit in find_chats(db, viewer, "moon", limit=3)]
    assert shown == ["moon 20", "moon 69", "moon 68"]
    assert len(find_chats(db, viewer, "moon", limit=1000)) == 70
    assert set(matching_chats(db, viewer, "moon")) == {chat.id for chat in chats}


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_a_day_begins_with_its_midnight_and_ends_before_the_next(db: Database, viewer: Viewer, zone: tzinfo) -> None:
    chat = make_chat(db, viewer, title="moon", now=datetime(2026, 3, 2, tzinfo=zone))
    moments = {
        "last year": datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=zone),
        "the day before": datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=zone),
        "midnight": datetime(2026, 3, 2, tzinfo=zone),
        "noon": datetime(2026, 3, 2, 12, tzinfo=zone),
        "late": datetime(2026, 3, 2, 23, 59, 59, 999999, tzinfo=zone),
        "next midnight": datetime(2026, 3, 3, tzinfo=zone),
        "next month": datetime(2026, 4, 1, tzinfo=zone),
    }
    for name, moment in moments.items():
        make_message(db, viewer, chat.id, name, now=moment)
    for text, found in {
        "after:2026-03-02 before:2026-03-03": ["late", "noon", "midnight"],
        "-before:2026-03-02 -after:2026-03-03": ["late", "noon", "midnight"],
        "before:2026-03-02": ["the day before", "last year"],
        "after:2026-03-03": ["next month", "next midnight"],
        "after:2026-03 before:2026-04": ["next midnight", "late", "noon", "midnight", "the day before"],
        "before:2026": ["last year"],
        "after:2026-04": ["next month"],
        "after:2026-03-03 before:2026-03-03": [],
    }.items():
        assert [hit.snippet for hit in search(db, viewer, text, zone=zone).hits] == found, text
    # The time of a title is that of the last activity.
    assert [len(find_chats(db, viewer, f"moon {text}", zone=zone)) for text in ("after:2026-04-01", "before:2026-04-01")] == [1, 0]


# --- what is found -----------------------------------------------------------------------------------------------


WRITTEN_AND_ASKED = (
    ("Look at `foo_bar(x)`.", "foo_bar"),
    ("const fooBaz = 1", "baz fooBaz foo FOOBAZ"),
    ("I prefer C++ to C#", 'C++ c# C "prefer c"'),
    ("for (i++; loopCount++;)", "i++ loopCount++ loop count"),
    ("write to ada.l@example.org!", "ada.l@example.org example.org ada example"),
    ("see https://example.org/a?b=1#c", "https://example.org/a?b=1#c example.org/a b=1 https"),
    ("open C:\\Users\\ada or ~/.config/app.toml", "C:\\Users\\ada users\\ada ~/.config app.toml .config/app"),
    ("he said “don’t”", "don’t don't \"said don't\" “said don’t”"),
    ("量子力学を学ぶ", "量子力学 子力 学を学ぶ 量 を"),
    ("머신러닝 한국어", "머신 러닝 국어 한국어"),
    ("Crème brûlée, ŠKODA", "creme brulee BRÛLÉE skoda"),
    ("deploy 🚀 now", "🚀 deploy🚀now"),
    ("version 3.14.1", "3.14 3.14.1 14.1"),
    ("it is " + "x" * 300, "x" * 300),
    ("```python\nprint('moon')\n```", "has:code print moon"),
    ("\ufeffBOM at the start", "bom"),
    ("a moonlit night", "moon* moonl* moonlit*"),
)
NOT_ASKED = ("moo", "oon", '"tide moon"', "moon tide sun", "-moon", "C++", "moon C", '"the moon" has:code', "foon*")


def test_what_people_write_is_found_as_they_write_it(db: Database, viewer: Viewer) -> None:
    chat = make_chat(db, viewer)
    other = make_message(db, viewer, chat.id, "Nothing of the kind.")
    for text, asked in WRITTEN_AND_ASKED:
        made = make_message(db, viewer, chat.id, text)
        for query in (asked, *(piece for piece in asked.split(" ") if '"' not in piece)):
            found = walk(db, viewer, query, limit=1000)
            assert made.id in found, query
            assert other.id not in found, query


def test_what_was_not_written_is_not_found(db: Database, viewer: Viewer) -> None:
    make_message(db, viewer, make_chat(db, viewer).id, "The moon makes the tide; cplusplus, csharp.")
    for asked in NOT_ASKED:
        assert walk(db, viewer, asked, limit=10) == [], asked


# A tsvector keeps 256 places of a word, and none above 16,383.
LONG = {
    "one word very often": ("the x " * 300 + "the moon rises", '"the moon rises"', '"the moon ris"*', "rises the moon", '"rises the"'),
    "very many words": ("x y z w " * 5000 + "the moon rises", '"the moon rises"', '"moon ris"*', "rises the moon", '"rises the"'),
    "both": ("the moon x " * 9000 + "and the moon rises", "the-moon-rises", '"moon rise"*', "rises the moon", "rises_the"),
    "chinese": ("的x" * 400 + "的方法好", "的方法", "的方*", "法方的", "方的"),
}


@pytest.mark.parametrize("kind", LONG)
def test_phrases_are_found_anywhere_in_long_messages(db: Database, viewer: Viewer, now: datetime, kind: str) -> None:
    text, phrase, start, other_text, other = LONG[kind]
    chat = make_chat(db, viewer)
    short = make_message(db, viewer, chat.id, other_text, now=now).id
    long = make_message(db, viewer, chat.id, text, now=now + timedelta(seconds=9)).id
    for asked in (phrase, start, f"{phrase} {start}", f"{phrase} OR zzz", f"zzz OR {start}", f"-{other}", f"{phrase} -{other}"):
        assert walk(db, viewer, asked, limit=10) == [long], asked
    for asked in (other, f"-{phrase}", f"{other} -{phrase}"):
        assert walk(db, viewer, asked, limit=10) == [short], asked
    assert walk(db, viewer, f"{phrase} OR {other}", limit=1) == [long, short]
    assert walk(db, viewer, f"{phrase} {other}", limit=10) == []


HEAVY = (
    "\ufdfa" * 60_000,
    "㍿" * 100_000,
    "".join(chr(0x20000 + number) for number in range(100_000)),
    "aB" * 60_000,
    "aBc+d#" * 40_000,
    "x" * 1_000_000,
    " ".join(f"wordNumber{number}++" for number in range(20_000)),
    "🚀" * 200_000,
    "\n" * 999_990,
)


def test_no_text_is_refused_by_the_index(db: Database, viewer: Viewer) -> None:
    chat = make_chat(db, viewer)
    for number, text in enumerate(HEAVY):
        made = make_message(db, viewer, chat.id, f"moon{number} {text}")
        hits = search(db, viewer, f"moon{number} -has:code is:active").hits
        assert [hit.message_id for hit in hits] == [made.id]
        assert hits[0].marks == ((0, 5),)


def test_names_of_any_length_are_found(db: Database, viewer: Viewer) -> None:
    chat = make_chat(db, viewer)
    made = {}
    for name in ("m" * 600, "m" * 1500, "量" * 900):
        values = {"session_id": chat.id, "user_id": viewer.user_id, "role": "assistant", "content": "moon", "created_at": chat.created_at}
        with db.write() as tx:
            statement = sa.insert(MESSAGES).values(values | {"model_name": name, "provider": name}).returning(MESSAGES.c.id)
            made[name] = tx.execute(statement).scalar_one()
    assert sorted(walk(db, viewer, "moon", limit=10)) == sorted(made.values())
    assert walk(db, viewer, f"model:{'量' * 100}", limit=10) == [made["量" * 900]]
    assert made["m" * 600] in walk(db, viewer, f"provider:{'m' * 100}", limit=10)


def test_a_model_whose_messages_are_gone_still_means_itself(db: Database, viewer: Viewer) -> None:
    gone, kept = make_chat(db, viewer), make_chat(db, viewer)
    make_exchange(db, viewer, gone.id, model_name="llama")
    _, answered = make_exchange(db, viewer, kept.id, model_name="llama3.2:3b")
    delete_chats(db, viewer, [gone.id], now=NOW)
    purge_chats(db, viewer, [gone.id])
    assert walk(db, viewer, "model:llama", limit=9) == []
    assert walk(db, viewer, "model:llama3", limit=9) == [answered.id]
