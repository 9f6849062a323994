"""The best match first: told from the texts alone."""

from chatcore.search.query import read_query
from chatcore.search.rank import sorted_by_match
from tests.conftest import NOW


def ranked(query: str, *texts: str) -> list[str]:
    order = sorted_by_match(list(enumerate(texts)), read_query(query, now=NOW).terms)
    return [texts[place] for place in order]


def test_a_word_that_stands_more_often_counts_more() -> None:
    once, thrice = "the moon and some other words here", "the moon, the moon, the moon again"
    assert ranked("moon", once, thrice) == [thrice, once]


def test_a_short_text_counts_more_than_a_long_one_with_the_word_as_often() -> None:
    long, short = "the moon " + "and many other words " * 20, "the moon and a few"
    assert ranked("moon", long, short) == [short, long]


def test_words_side_by_side_as_typed_count_more_than_words_apart() -> None:
    apart, together = "tides are there and so is the moon", "there the moon tides are and so is"
    assert ranked("moon tides", apart, together) == [together, apart]


def test_of_equal_ones_the_order_given_stays() -> None:
    assert ranked("moon", "moon b", "moon a") == ["moon b", "moon a"]


def test_nothing_and_texts_that_write_the_word_in_another_way_can_be_sorted() -> None:
    assert ranked("moon") == []
    assert ranked("naive", "Naïve and a few more words", "naïve") == ["naïve", "Naïve and a few more words"]
