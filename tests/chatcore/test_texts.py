"""What may be stored, and how titles and snippets are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.errors import Invalid
from chatcore.texts import MESSAGE_BYTES, clean_text, clean_title, cut, snippet, storable

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=300)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain words", "plain words"),
        ("# Title\n\ntext", "Title text"),
        ("**bold** and _slanted_ and `code`", "bold and slanted and code"),
        ("snake_case and 2 * 3 and a*b", "snake_case and 2 * 3 and a*b"),
        ("- one\n- two\n1. three", "one two three"),
        ("> said\n> - so", "said so"),
        ("```python\nprint(1)\n```\nafter", "print(1) after"),
        ("see [the docs](https://example.org/a_b) ![logo](x.png)", "see the docs logo"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "| a | b | | 1 | 2 |"),
        ("a\n\n---\n\nb", "a b"),
        ("tabs\tand\r\nlines\x07", "tabs and lines"),
        ("   \n```\n```\n", ""),
        ("", ""),
        ("<b>kept</b>", "<b>kept</b>"),
    ],
)
def test_a_snippet_is_one_line_without_markdown_signs(written: str, shown: str) -> None:
    assert snippet(written) == shown


@given(ANY_TEXT)
def test_a_snippet_of_anything_is_short_and_storable(text: str) -> None:
    shown = snippet(text * 20)
    assert len(shown) <= 140
    assert "\n" not in shown
    shown.encode()


@pytest.mark.parametrize("sign", ["[", "![", "](", "*", "_", "`", "> ", "- ", "#", "|", "~~", "1.", "[a](", "\n", " \n"])
def test_a_snippet_of_many_signs_ends(sign: str) -> None:
    assert len(snippet(sign * 1_000_000)) <= 140


def test_a_long_text_is_cut_at_a_word_and_a_long_word_anywhere() -> None:
    assert cut("word " * 60, 140) == "word " * 27 + "word…"
    assert cut("x" * 141, 140) == "x" * 139 + "…"
    assert cut("x" * 140, 140) == "x" * 140


@given(ANY_TEXT)
def test_storable_text_can_be_encoded_and_stays_as_it_is(text: str) -> None:
    stored = storable(text)
    stored.encode()
    assert "\0" not in stored
    assert storable(stored) == stored


def test_two_surrogates_that_form_a_pair_become_their_character() -> None:
    assert storable("a\ud83d\ude00\udc00\0") == "a😀\ufffd\ufffd"


@pytest.mark.parametrize("text", ["", " ", "\n\t\r\n", "\u00a0\u2003"])
def test_an_empty_message_is_invalid(text: str) -> None:
    with pytest.raises(Invalid) as error:
        clean_text(text)
    assert error.value.hint


@pytest.mark.parametrize("character", ["a", "é", "漢", "😀"])
def test_a_message_may_have_one_megabyte_and_not_a_byte_more(character: str) -> None:
    size = len(character.encode())
    whole = character * (MESSAGE_BYTES // size)
    whole += "a" * (MESSAGE_BYTES - len(whole.encode()))
    assert clean_text(whole) == whole
    with pytest.raises(Invalid) as error:
        clean_text(whole + "a")
    assert "1,048,577" in error.value.message


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  Tides \n and\tthe\x00 moon\x1f ", "Tides and the moon"),
        ("a\u2028b\u0085c", "a b c"),
        ("مد وجزر", "مد وجزر"),
        ("\ud800 lone", "\ufffd lone"),
        ("word " * 60, "word " * 39 + "word…"),
        ("x" * 250, "x" * 199 + "…"),
    ],
)
def test_a_title_is_one_line_of_at_most_200_characters(written: str, kept: str) -> None:
    assert clean_title(written) == kept


@pytest.mark.parametrize("title", ["", "  \n", "\u200b\u200d", "\x07\x1b", "\u2028"])
def test_a_title_without_anything_to_see_is_invalid(title: str) -> None:
    with pytest.raises(Invalid):
        clean_title(title)
