"""Which piece of a message a hit shows, and what is marked in it."""

from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from chatcore.search.query import Query, read_query
from chatcore.search.snippets import BEFORE, MOST_MARKS, SNIPPET_CHARACTERS, cut_snippet, marks_in
from chatcore.words import WORD_CHARACTERS, folded
from tests.chatcore.search.corpora import palettes, texts
from tests.chatcore.search.questions import Question, questions
from tests.chatcore.search.reference import World, has_term
from tests.conftest import NOW

# A word of which the index knows the beginning only.
LONG = "x" * (WORD_CHARACTERS + 12)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


def read(text: str) -> Query:
    return read_query(text, now=NOW)


def marked(text: str, asked: str) -> list[str]:
    """What is marked in a text of at most a snippet's length."""
    return [text[start:end] for start, end in marks_in(text, read(asked).terms)]


def check_marks(text: str, marks: tuple[tuple[int, int], ...]) -> None:
    assert len(marks) <= MOST_MARKS
    assert all(0 <= start < end <= len(text) for start, end in marks)
    assert all(one[1] <= other[0] for one, other in pairwise(marks))


@pytest.mark.parametrize(
    ("text", "asked", "marks"),
    [
        ("The moon and the Moon.", "moon", ["moon", "Moon"]),
        ("moonlight moon", "moon", ["moon"]),
        ("moonlight moon", "moo*", ["moo", "moo"]),
        ("two tides, two\n tides, tides two", '"two tides"', ["two tides", "two\n tides"]),
        ("foo_bar foo-bar foo.bar foobar", "foo_bar", ["foo_bar", "foo-bar", "foo.bar"]),
        ("fooBaz", "baz", ["Baz"]),
        ("C++ and C#, not C", "C++ c#", ["C++", "C#"]),
        ("loopCount++", "loopcount++", ["loopCount++"]),
        ("Crème brûlée", "creme BRULEE", ["Crème", "brûlée"]),
        ("cafe\u0301 résumé resume", "café resume", ["cafe\u0301", "résumé", "resume"]),
        ("量子力学と量子", "量子", ["量子", "量子"]),
        ("ｶﾞガ", "ガ", ["ｶﾞ", "ガ"]),
        ("한국어 한국", "한국", ["한국", "한국"]),
        ("deploy🚀🚀now", "🚀 now", ["🚀", "🚀", "now"]),
        ("㍿", "株 社", ["㍿"]),
        ("ada@example.org", "example.org ada", ["ada", "example.org"]),
        ("https://example.org/a", "https://example.org", ["https://example.org"]),
        ("ПРИВЕТ İstanbul ΟΔΟΣ", "привет istanbul οδος", ["ПРИВЕТ", "İstanbul", "ΟΔΟΣ"]),
        ("moon", "-moon role:user", []),
        ("moon", "", []),
        ("moon tide sun", "moon OR sun", ["moon", "sun"]),
        ("The moon moon moon", '"moon moon" moon', ["moon moon", "moon"]),
        (f"{LONG} tide", f'"{LONG} tide"', [f"{LONG} tide"]),
    ],
)
def test_what_was_searched_for_is_marked(text: str, asked: str, marks: list[str]) -> None:
    assert marked(text, asked) == marks


def test_a_snippet_shows_what_was_found_and_some_of_what_stands_before() -> None:
    text = "word " * 1000 + "the moon rises " + "word " * 1000
    shown, marks = cut_snippet(text, read("moon").terms)
    ((start, end),) = marks
    assert shown[start:end] == "moon"
    assert BEFORE // 2 < start <= BEFORE + 1
    assert shown.startswith("…word")
    assert shown.endswith("…")


def test_a_short_message_is_shown_whole_on_one_line() -> None:
    assert cut_snippet("The\tmoon\n\n rises. ", read("moon").terms) == ("The moon rises.", ((4, 8),))
    assert cut_snippet("The moon", ()) == ("The moon", ())
    assert cut_snippet("", read("moon").terms) == ("", ())


def test_a_message_in_which_nothing_is_found_is_shown_from_its_start() -> None:
    text = "word " * 1000
    shown, marks = cut_snippet(text, read("moon").terms)
    assert (text.startswith(shown[:-1]), shown[-1], marks) == (True, "…", ())


@given(text=ANY_TEXT, asked=ANY_TEXT, times=st.sampled_from([1, 2, 100]))
@example(text="㍿ﷺ", asked="株 社 式", times=100)
@example(text="\u0301\u0301", asked="\u0301", times=1)
@example(text="ßſ", asked="ss s ß", times=1)
def test_marks_of_anything_lie_apart_and_inside(text: str, asked: str, times: int) -> None:
    terms = read(asked).terms
    shown, marks = cut_snippet(text * times, terms)
    assert len(shown) <= SNIPPET_CHARACTERS + 2
    assert shown == " ".join(shown.split())
    check_marks(shown, marks)
    check_marks(text, marks_in(text, terms))


@given(palettes().flatmap(lambda palette: st.tuples(texts(palette), questions(palette))), st.sampled_from(["", "word " * 100]))
def test_a_message_that_is_found_has_something_marked_that_was_searched_for(scene: tuple[str, Question], before: str) -> None:
    said, question = scene
    # A letter may stand for a hump of one letter inside a word, which nobody wants to see marked everywhere.
    terms = [term for term in question.query(World((), ()), NOW).terms if has_term(said, term) and len("".join(term.words)) > 1]
    assume(terms)
    shown, marks = cut_snippet(before + said, terms)
    assert marks
    words = {word for term in terms for word in term.words}
    for start, end in marks:
        piece = folded(shown[start:end])
        assert any(word in piece for word in words), (piece, words)
