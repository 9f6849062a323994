"""The one rule of which words a text has: what it says, and that both databases say the same."""

import sqlite3
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from chatcore.db import Database
from chatcore.migrations.search_index import TOKENIZER
from chatcore.words import INDEXED_CHARACTERS, WORD_CHARACTERS, folded, parts_of_words, signed_name, words_of

# Every character that this Python knows and a database can store: nobody can say what is a capital of those to come.
KNOWN = "".join(chr(code) for code in range(1, sys.maxunicode + 1) if unicodedata.category(chr(code)) not in ("Cn", "Cs"))
TEXTS = st.text(st.characters(exclude_categories=("Cn", "Cs"), exclude_characters="\0"), max_size=80)
# Most texts of any characters have no camelCase, no C++ and no accent in two characters.
TRICKY = st.text("aAbBzZ019+#_-. \tßéÉe\u0301\u0327İıſΣςσ한ᄒ量ガｶﾞﬁ㍿ﷺ👩\u200d\ufe0f\u180e\u00a0\u2028", max_size=40)


# --- words -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n\t ", []),
        ("?!.,;:()[]{}<>|\\/'\"`~^*&%$@=+-#_", []),
        ("Two tides a day.", ["two", "tides", "a", "day"]),
        ("foo_bar foo-bar foo.bar", ["foo", "bar"] * 3),
        ("fooBaz FOO", ["foobaz", "foo"]),
        ("a1 1a 3.14", ["a1", "1a", "3", "14"]),
        ("ada@example.org", ["ada", "example", "org"]),
        ("https://example.org/a/b?c=1#d", ["https", "example", "org", "a", "b", "c", "1", "d"]),
        ("C:\\Users\\ada ~/notes.txt", ["c", "users", "ada", "notes", "txt"]),
        ("don't “quoted” «so» it’s", ["don", "t", "quoted", "so", "it", "s"]),
        ("a\x00b\x01c\x1fd\x7fe", ["a", "b", "c", "d", "e"]),
        ("a\u00a0b\u2028c\u200bd\u3000e\ufefff", ["a", "b", "c", "d", "e", "f"]),
    ],
)
def test_a_word_is_a_run_of_letters_and_digits(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    "spellings",
    [
        ("Über", "über", "ÜBER", "u\u0308ber", "uber"),
        ("résumé", "RÉSUMÉ", "resume", "re\u0301sume\u0301"),
        ("ΟΔΟΣ", "οδος", "οδοσ", "ὀδός"),
        ("İstanbul", "istanbul", "I\u0307STANBUL"),
        ("ﬁne", "fine", "ﬁNE"),
        ("ＡＢＣ１２", "abc12"),
        ("ПРИВЕТ", "привет"),
        ("ÅNGSTRÖM", "Ångström", "angstrom"),
        ("x²", "x2"),
    ],
)
def test_case_accents_and_compatibility_forms_do_not_matter(spellings: tuple[str, ...]) -> None:
    assert len({tuple(words_of(spelling)) for spelling in spellings}) == 1


@pytest.mark.parametrize(("one", "other"), [("ß", "ss"), ("ø", "o"), ("ı", "i"), ("é", "è"), ("й", "и"), ("が", "か")])
def test_letters_of_their_own_stay_apart_and_accents_do_not(one: str, other: str) -> None:
    assert (words_of(one) == words_of(other)) is (one in "éй")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("量子力学", ["量", "子", "力", "学"]),
        ("ひらがなカタカナー", list("ひらがなカタカナー")),
        ("ｶﾞｷﾞ", ["ガ", "ギ"]),
        ("한국어", ["한", "국", "어"]),
        ("\u1112\u1161\u11ab", ["한"]),
        ("สวัสดี", list("สวัสดี")),
        ("使用GPT4模型", ["使", "用", "gpt4", "模", "型"]),
        ("𠀀𠀁", ["𠀀", "𠀁"]),
        ("go🚀🚀now", ["go", "🚀", "🚀", "now"]),
        ("👩\u200d👩\u200d👧\ufe0f", ["👩", "👩", "👧"]),
        ("㍿", ["株", "式", "会", "社"]),
        ("。、「」・", []),
    ],
)
def test_scripts_without_spaces_and_emoji_are_words_of_one_character(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_very_long_words_and_texts_are_cut() -> None:
    assert words_of("x" * (WORD_CHARACTERS + 1) + " y") == ["x" * WORD_CHARACTERS, "y"]
    assert words_of("é" * (WORD_CHARACTERS + 1)) == ["e" * WORD_CHARACTERS]
    assert len(words_of("x " * INDEXED_CHARACTERS)) == INDEXED_CHARACTERS // 2
    assert words_of(" " * INDEXED_CHARACTERS + "late") == []


@given(TEXTS | TRICKY)
@example("İ\u0327x ﷺ㍿")
def test_words_are_folded_and_have_no_signs(text: str) -> None:
    for word in words_of(text):
        assert 0 < len(word) <= WORD_CHARACTERS
        assert not any(sign.isspace() or (sign.isascii() and not sign.isalnum()) for sign in word)
        assert words_of(word) == [word]


@given(TEXTS | TRICKY, TEXTS | TRICKY)
def test_a_space_parts_what_has_nothing_to_do_with_each_other(one: str, other: str) -> None:
    assert words_of(f"{one} {other}") == words_of(one) + words_of(other)


@given(st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=200))
def test_the_short_way_for_ascii_says_what_the_long_one_says(text: str) -> None:
    assert words_of(text + " é") == [*words_of(text), "e"]


@given(TEXTS | TRICKY)
def test_folding_again_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


# --- parts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("plain words", []),
        ("fooBaz", ["baz", "foo"]),
        ("fooBaz foo", ["baz"]),
        ("parseHTMLPage", ["htmlpage", "parse"]),
        ("v2Beta", ["beta", "v2"]),
        ("FooBar", ["bar", "foo"]),
        ("HTML", []),
        ("snake_case", []),
        ("", []),
    ],
)
def test_parts_of_camel_case_are_found_beside_the_words(text: str, parts: list[str]) -> None:
    assert parts_of_words(text) == parts


@pytest.mark.parametrize("name", ["C++", "c++", "C#", "F#", "g++", "notepad++", "A1#"])
def test_a_name_with_signs_is_among_the_parts_of_its_text(name: str) -> None:
    found = signed_name(name)
    assert found is not None
    for text in (name, f"I like {name}.", f"({name})", f"{name}/Rust", f"{name}17 {name},"):
        assert found in parts_of_words(text)


@pytest.mark.parametrize("text", ["", "C", "+", "++", "#", "C+", "C++ ", "C++17", "C##", "C+++", "a b++", "é++", "#1"])
def test_other_texts_are_no_name_with_signs(text: str) -> None:
    assert signed_name(text) is None


# --- both databases ----------------------------------------------------------------------------------------------


@contextmanager
def asking(db: Database) -> Iterator[sa.Connection]:
    with db.read() as tx:
        yield tx.connection()


def cut_by(connection: sa.Connection, function: str, texts: list[str]) -> list[list[str]]:
    """What a function of the database makes of each text."""
    if connection.dialect.name == "sqlite":
        return [str(connection.execute(sa.text(f"SELECT {function}(:text)"), {"text": text}).scalar()).split() for text in texts]
    found = connection.execute(sa.text(f"SELECT {function}(text) FROM unnest(CAST(:texts AS text[])) AS text"), {"texts": texts})
    return [row or [] for row in found.scalars()]


def known_to(connection: sa.Connection, text: str) -> bool:
    """Whether the database has heard of every character: an older server than this Python does not know its newest capitals."""
    if connection.dialect.name == "sqlite":
        return True
    if connection.execute(sa.text("SELECT current_setting('server_version_num')::int")).scalar_one() >= 170_000:
        return bool(connection.execute(sa.text("SELECT unicode_assigned(:text)"), {"text": text}).scalar())
    return all(unicodedata.ucd_3_2_0.category(character) != "Cn" for character in text)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS | TRICKY, min_size=1, max_size=8))
@example(texts=["x" * (WORD_CHARACTERS + 1) + "É" * (WORD_CHARACTERS + 1), " " * INDEXED_CHARACTERS + "late", "aB" * INDEXED_CHARACTERS])
def test_both_databases_have_the_words_and_parts_that_python_has(db: Database, texts: list[str]) -> None:
    with asking(db) as connection:
        assume(known_to(connection, "".join(texts)))
        assert cut_by(connection, "search_words", texts) == [words_of(text) for text in texts]
        assert [sorted(parts) for parts in cut_by(connection, "search_parts", texts)] == [parts_of_words(text) for text in texts]


def test_both_databases_fold_every_character_as_python_does(db: Database) -> None:
    with asking(db) as connection:
        known = KNOWN if known_to(connection, KNOWN) else "".join(one for one in KNOWN if known_to(connection, one))
        texts = [" ".join(f"x{one}Y {one}" for one in known[start : start + 250]) for start in range(0, len(known), 250)]
        for text, found in zip(texts, cut_by(connection, "search_words", texts), strict=True):
            assert found == words_of(text)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=8))
def test_characters_of_tomorrow_break_nothing(db: Database, texts: list[str]) -> None:
    with asking(db) as connection:
        for function in ("search_words", "search_parts"):
            assert len(cut_by(connection, function, texts)) == len(texts)


def test_the_tokenizer_of_sqlite_takes_every_word_as_it_is() -> None:
    words = sorted({word for one in KNOWN for word in words_of(f"x{one}y")})
    index = sqlite3.connect(":memory:")
    index.execute(f"CREATE VIRTUAL TABLE fts USING fts5(words, tokenize='{TOKENIZER}')")
    index.execute("CREATE VIRTUAL TABLE tokens USING fts5vocab(fts, instance)")
    index.executemany("INSERT INTO fts (rowid, words) VALUES (?, ?)", enumerate(words))
    found = index.execute("SELECT doc, term FROM tokens ORDER BY doc, offset").fetchall()
    index.close()
    assert found == list(enumerate(words))
