"""A text that is read has the words that the index says it has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.db import Database
from chatcore.search import search
from chatcore.search.beginnings import has_all
from chatcore.search.query import Query, Term, read_query
from chatcore.words import parts_of_words, words_of
from tests.chatcore.search.corpora import PIECES, texts
from tests.chatcore.search.reference import says
from tests.conftest import NOW
from tests.factories import make_chat, make_exchange, make_viewer

Groups = tuple[tuple[Term, ...], ...]


def groups(palette: list[str]) -> st.SearchStrategy[Groups]:
    """What may be asked of texts of these words: groups of words of theirs, of parts of words, and of two words."""
    words = st.sampled_from(sorted({word for piece in palette for word in (*words_of(piece), *parts_of_words(piece))}))
    one = st.builds(lambda word, is_open: Term((word,), prefix=is_open), words, st.booleans())
    term = one | st.tuples(words, words).map(Term)
    return st.lists(st.lists(term, min_size=1, max_size=2).map(tuple), min_size=1, max_size=2).map(tuple)


SPOKEN = [piece for piece in PIECES if words_of(piece)]
PALETTES = st.lists(st.sampled_from(SPOKEN), min_size=1, max_size=3, unique=True)


@given(asked=PALETTES.flatmap(lambda palette: st.tuples(texts(palette), groups(palette))))
def test_a_text_has_what_a_look_at_all_its_words_finds(asked: tuple[str, Groups]) -> None:
    text, wanted = asked
    assert has_all(wanted)(text) == says(text, Query(wanted))


@pytest.mark.parametrize(
    ("text", "word"), [("fooBaz", "foo"), ("fooBaz", "baz"), ("aFooBaz", "foo"), ("v2Beta", "v2"), ("x" * 300, "x" * 128)]
)
def test_a_part_of_a_word_is_in_the_text_wherever_it_stands(text: str, word: str) -> None:
    (group,) = read_query(word, now=NOW).groups
    assert has_all([group])(text)
    assert has_all([(*group, Term(("tide",), prefix=True))])(text)


def test_the_first_part_of_a_word_is_found_where_texts_are_read(db: Database) -> None:
    viewer = make_viewer(db)
    _, answer = make_exchange(db, viewer, make_chat(db, viewer).id, answer="fooBaz in the moonlight", model_name="llama")
    for text in ("foo moonlight model:llama", "tide* OR foo model:llama"):
        assert [hit.message_id for hit in search(db, viewer, text, now=NOW).hits] == [answer.id], text
