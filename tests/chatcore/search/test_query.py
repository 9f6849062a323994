"""What a search text means."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from chatcore.parts import Shelf
from chatcore.search.query import (
    LONGEST_QUERY,
    MOST_TERMS,
    Query,
    Term,
    Wanted,
    chat_id_of,
    has_filter,
    pieces_of,
    read_query,
    start_of,
    with_filter,
    without_filter,
)
from tests.chatcore.search.corpora import palettes
from tests.chatcore.search.questions import Question, questions
from tests.chatcore.search.reference import World
from tests.conftest import NOW

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
SIGNS_AND_FILTERS = st.lists(
    st.sampled_from(
        [*"\"“”„«»:*-+()[]{}\\/|&!<>~^#@%_'`., \n\t\0\ud800", "OR", "moon", "C++", "量", "is:", "after:", "2026-03", "model:x", "-"]
    ),
    max_size=40,
).map("".join)


def read(text: str) -> Query:
    return read_query(text, now=NOW)


def words(*terms: str) -> tuple[tuple[Term, ...], ...]:
    return tuple((Term((term,)),) for term in terms)


@given(palettes().flatmap(questions))
def test_a_text_of_words_and_filters_means_what_they_mean(question: Question) -> None:
    text, meant = question.text(World((), ()), NOW), question.query(World((), ()), NOW)
    assert replace(read_query(text, now=NOW, zone=question.zone), notices=()) == meant


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("", ()),
        ("moon tide", words("moon", "tide")),
        ("  MOON\t\n tide ", words("moon", "tide")),
        ("foo_bar", ((Term(("foo", "bar")),),)),
        ('"two tides" moon', ((Term(("two", "tides")),), *words("moon"))),
        ("“two tides”", ((Term(("two", "tides")),),)),
        ('"two tid"*', ((Term(("two", "tid"), prefix=True),),)),
        ("moo*", ((Term(("moo",), prefix=True),),)),
        ("moon OR tide sun", ((Term(("moon",)), Term(("tide",))), *words("sun"))),
        ("moon OR tide OR sun", ((Term(("moon",)), Term(("tide",)), Term(("sun",))),)),
        ("moon or tide", words("moon", "or", "tide")),
        ('moon "OR" tide', words("moon", "or", "tide")),
        ("moon OR moon", words("moon")),
        ("C++ c# C", ((Term(("c++",), part=True),), (Term(("c#",), part=True),), *words("c"))),
        ("ada@example.org", ((Term(("ada", "example", "org")),),)),
        ("https://example.org", ((Term(("https", "example", "org")),),)),
        ("std::vector", ((Term(("std", "vector")),),)),
        ("12:30", ((Term(("12", "30")),),)),
        ('moon"tide', words("moon", "tide")),
        ('"moon', words("moon")),
        ("moon“tide", words("moon", "tide")),
        ('"moon «two tides»', (*words("moon"), (Term(("two", "tides")),))),
        ('“5" tide” moon', ((Term(("5", "tide")),), *words("moon"))),
        ("„two tides“ »two tides«*", ((Term(("two", "tides")),), (Term(("two", "tides"), prefix=True),))),
        ("量子", ((Term(("量", "子")),),)),
        ("量*", ((Term(("量",), prefix=True),),)),
    ],
)
def test_words_phrases_and_or(text: str, groups: object) -> None:
    query = read(text)
    assert (query.groups, query.without, query.notices) == (groups, (), ())


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("-moon", (Term(("moon",)),)),
        ('moon -"two tides" -sun', (Term(("two", "tides")), Term(("sun",)))),
        ("--moon", (Term(("moon",)),)),
        ("well-known", ()),
        ("moon - sun", ()),
        ("-C++", (Term(("c++",), part=True),)),
        ("-OR", (Term(("or",)),)),
    ],
)
def test_a_minus_before_a_word_leaves_it_out(text: str, without: tuple[Term, ...]) -> None:
    assert read(text).without == without


def test_filters_are_gathered_by_their_names() -> None:
    query = read('model:qwen3 model:"GPT-5 mini" -model:x provider:ollama role:me has:code -has:file chat:tides tag:"to do" folder:a')
    assert query.models == Wanted(("qwen3", "GPT-5 mini"), ("x",))
    assert query.providers == Wanted(("ollama",))
    assert query.roles == Wanted(("user",))
    assert query.has == Wanted(("code",), ("attachment",))
    assert (query.chats, query.tags, query.folders) == (Wanted(("tides",)), Wanted(("to do",)), Wanted(("a",)))
    assert (query.groups, query.notices, query.asks, query.only_words) == ((), (), True, False)


@pytest.mark.parametrize(
    ("text", "pinned", "shelves"),
    [
        ("moon", None, {Shelf.ACTIVE, Shelf.ARCHIVED}),
        ("is:pinned", True, {Shelf.ACTIVE, Shelf.ARCHIVED}),
        ("-is:pinned", False, {Shelf.ACTIVE, Shelf.ARCHIVED}),
        ("is:archived", None, {Shelf.ARCHIVED}),
        ("-is:archived", None, {Shelf.ACTIVE}),
        ("is:trash", None, {Shelf.TRASH}),
        ("IS:Deleted is:active", None, {Shelf.TRASH, Shelf.ACTIVE}),
        ("-is:trash", None, {Shelf.ACTIVE, Shelf.ARCHIVED}),
        ("is:archived -is:archived", None, set()),
    ],
)
def test_is_says_where_a_chat_lies(text: str, pinned: bool | None, shelves: set[Shelf]) -> None:
    query = read(text)
    assert (query.pinned, query.shelves, query.notices) == (pinned, frozenset(shelves), ())
    assert query.asks


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2026-03-01", date(2026, 3, 1)),
        ("2026-3-1", date(2026, 3, 1)),
        ("2026-03", date(2026, 3, 1)),
        ("2026", date(2026, 1, 1)),
        ("today", date(2026, 3, 14)),
        ("yesterday", date(2026, 3, 13)),
        ("30d", date(2026, 2, 12)),
        ("2w", date(2026, 2, 28)),
        ("0d", date(2026, 3, 14)),
    ],
)
def test_a_day_begins_at_midnight_of_the_zone(value: str, day: date) -> None:
    for hours in (-11, 0, 5.5, 8.5):
        zone = timezone(timedelta(hours=hours))
        assert start_of(value, date(2026, 3, 14), zone) == datetime(day.year, day.month, day.day, tzinfo=zone)
    assert read(f"after:{value}").after == read(f"-before:{value}").after == datetime(day.year, day.month, day.day, tzinfo=UTC)


def test_today_is_the_day_of_the_zone() -> None:
    late = datetime(2026, 3, 14, 23, 30, tzinfo=UTC)
    zone = timezone(timedelta(hours=2))
    assert read_query("after:today", now=late, zone=zone).after == datetime(2026, 3, 15, tzinfo=zone)


@pytest.mark.parametrize(
    "value", ["2026-13", "2026-02-30", "26", "0000", "0000-01-01", "tomorrow", "x", "2026-", "99999d", "9999y", "²", "1e3"]
)
def test_what_is_no_time_is_left_out_and_named(value: str) -> None:
    query = read(f"moon after:{value}")
    assert (query.groups, query.after) == (words("moon"), None)
    assert value in query.notices[0]
    assert "after:2026-03-01" in query.notices[0]


def test_the_narrower_of_two_times_holds() -> None:
    query = read("after:2026-01 after:2026-02 before:2026-05 before:2026-04 -after:2026-06")
    assert (query.after, query.before) == (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour:red", "colour:"),
        ("role:robot", "role:robot"),
        ("has:legs", "has:legs"),
        ("is:green", "is:green"),
        ('model:""', "model:"),
        ("OR moon OR", "OR"),
        ("mo*", "mo*"),
        ("(!)", "(!)"),
        ("x " * LONGEST_QUERY, "500"),
    ],
)
def test_what_means_nothing_is_named(text: str, named: str) -> None:
    assert any(named in notice for notice in read(text).notices)


def test_so_many_words_and_no_more_are_searched_for() -> None:
    query = read(" ".join(f"w{number}" for number in range(MOST_TERMS + 5)))
    assert len(query.groups) == MOST_TERMS
    assert len(query.notices) == 1


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("moo", True),
        ("foo_ba", True),
        ("量", True),
        ("moon ", False),
        ('"moon"', False),
        ("moon role:user", False),
        ("foo -ba", False),
        ("", False),
    ],
)
def test_a_last_word_may_still_be_being_typed(text: str, is_open: bool) -> None:
    assert read(text).open_end is is_open


@given(ANY_TEXT | SIGNS_AND_FILTERS)
@example('-model:"')
@example("after:٣d before:²")
def test_any_text_can_be_read(text: str) -> None:
    query = read(text)
    assert len(query.groups) + len(query.without) <= MOST_TERMS
    assert all(term.words and all(term.words) for term in (*query.terms, *query.without))
    assert query.asks or (not query.terms and not query.without and not query.models)


# --- changing a text ---------------------------------------------------------------------------------------------


KINDS_OF_NAMES = {"model": "models", "provider": "providers", "tag": "tags", "chat": "chats", "folder": "folders"}
NAMES = st.sampled_from(["qwen3:4b", "GPT-5 mini", "a:b", "to do", "-x", "x*", "OR", '5" disk', "“so”", '«a» "b"', '"', "Straße"])
NAMES |= st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]) | st.sampled_from([*'"“”„«»:*-']), min_size=1, max_size=20
)


def wants(query: Query, name: str) -> Wanted[str]:
    wanted: Wanted[str] = getattr(query, KINDS_OF_NAMES[name])
    return wanted


@given(text=ANY_TEXT | SIGNS_AND_FILTERS, name=st.sampled_from(list(KINDS_OF_NAMES)), value=NAMES)
@example(text='5" disk', name="tag", value='5" disk')
@example(text='"two tides', name="folder", value='Plans/5" disk')
@example(text='“two "tides', name="tag", value="“a” «b»")
def test_a_filter_narrows_whatever_the_text_and_taken_out_leaves_what_was_there(text: str, name: str, value: str) -> None:
    assume(not (set('"') & set(value) and set("“”„") & set(value) and set("«»") & set(value)))
    assume(not has_filter(text, name, value))
    before = replace(read(text), open_end=False, notices=())
    narrower = with_filter(text, name, value)
    assert has_filter(narrower, name, value)
    assume(len(narrower) <= LONGEST_QUERY)
    was = wants(before, name)
    narrowed_to: dict[str, Any] = {KINDS_OF_NAMES[name]: Wanted((*was.among, value), was.without), "asks": True}
    assert replace(read(narrower), open_end=False, notices=()) == replace(before, **narrowed_to)
    assert replace(read(without_filter(narrower, name, value)), open_end=False, notices=()) == before


@given(text=SIGNS_AND_FILTERS, name=st.sampled_from(list(KINDS_OF_NAMES)))
def test_all_filters_of_a_name_can_be_taken_out(text: str, name: str) -> None:
    assert not wants(read(without_filter(text, name)), name)


def test_a_name_with_every_kind_of_quotes_is_put_in_without_one_of_them() -> None:
    name = '5" “disk” «b»'
    narrower = with_filter("moon", "tag", name)
    assert read(narrower).tags == Wanted(("5 “disk” «b»",))
    assert has_filter(narrower, "tag", name)
    assert without_filter(narrower, "tag", name) == "moon"


@given(SIGNS_AND_FILTERS)
def test_a_text_put_together_again_means_the_same(text: str) -> None:
    assert replace(read(" ".join(pieces_of(text))), open_end=False, notices=()) == replace(
        read(text[:LONGEST_QUERY]), open_end=False, notices=()
    )


def test_a_filter_is_put_in_once() -> None:
    once = with_filter("moon", "tag", "to do")
    assert once == 'moon tag:"to do"'
    assert with_filter(once, "tag", "to do") == once
    assert with_filter("moon TAG:“To do”", "tag", "to do") == "moon TAG:“To do”"
    assert with_filter('moon -tag:"to do"', "tag", "to do") == 'moon -tag:"to do" tag:"to do"'
    assert with_filter("", "is", "pinned") == "is:pinned"
    assert without_filter("moon -tag:x tag:X", "tag", "x") == "moon -tag:x"
    assert without_filter('moon tag:"to do" tag:x is:pinned', "tag") == "moon is:pinned"
    assert without_filter('moon tag:"to do" tag:x', "tag", "x") == 'moon tag:"to do"'


def test_a_chat_is_named_by_its_id_or_by_words() -> None:
    assert chat_id_of("11111111-2222-4333-8444-555555555555") is not None
    assert chat_id_of("tides") is None
