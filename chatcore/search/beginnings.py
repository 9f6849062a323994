"""Words whose end is open, looked for in a text: the index of SQLite knows no beginnings. Pure: knows no database."""

import re
from collections.abc import Callable, Sequence

from chatcore.search.query import Term
from chatcore.words import WORD_CHARACTERS, folded, parts_of_words, words_of

Test = Callable[[str], bool]


def has_all(groups: Sequence[Sequence[Term]]) -> Test:
    """Tells whether a text has one term of each group."""
    tests = [has_one(group) for group in groups]
    return tests[0] if len(tests) == 1 else lambda text: all(is_in(text) for is_in in tests)


def has_one(group: Sequence[Term]) -> Test:
    """Tells whether a text has one of the terms. What is not there at all, in most texts, is not cut into words."""
    plain = plain_words(group)

    def is_in(text: str) -> bool:
        is_ascii = text.isascii()
        low = text.lower() if is_ascii else folded(text)
        likely = [term for term in group if all(word in low for word in term.words)]
        if not likely:
            return False
        if is_ascii and plain:
            found = plain.search(low)
            if found or not any(may_be_part(text, low, word) for term in likely for word in term.words):
                return bool(found)
        words, parts = words_of(text), parts_of_words(text)
        return any(has_term(words, parts, term) for term in likely)

    return is_in


def is_plain(term: Term) -> bool:
    """Whether a term is one word of letters and digits of ASCII, and none that may stand for a longer one."""
    word = term.words[0]
    return len(term.words) == 1 and word.isalnum() and word.isascii() and len(word) < WORD_CHARACTERS


def plain_words(group: Sequence[Term]) -> re.Pattern[str] | None:
    """Finds a word of the group in an ASCII text in small letters, as it stands between signs; None for a group of other terms too."""
    if not all(map(is_plain, group)):
        return None
    # The word comes first, which makes it several times faster to find that there is none.
    words = [f"{word}(?<![a-z0-9]{word}){'' if term.prefix else '(?![a-z0-9])'}" for term in group for word in term.words]
    return re.compile("|".join(words))


def may_be_part(text: str, low: str, word: str) -> bool:
    """Whether this word may begin or end inside a word of an ASCII text, as `Baz` and `foo` in fooBaz; `low` is the text in small
    letters. An expression that looks for this tries every place: 40 µs a text (measured)."""
    place = low.find(word)
    while place >= 0:
        if is_seam(text, place) or is_seam(text, place + len(word)):
            return True
        place = low.find(word, place + 1)
    return False


def is_seam(text: str, place: int) -> bool:
    """Whether a part ends at this place of a text and another one begins."""
    before = text[place - 1 : place]
    return text[place : place + 1].isupper() and (before.islower() or before.isdigit())


def has_term(words: Sequence[str], parts: Sequence[str], term: Term) -> bool:
    """Whether a term is among the words of a text, or its one word among their parts."""
    size = len(term.words)
    if size == 1:
        found = parts if term.part else (*words, *parts)
        return any(word.startswith(term.words[0]) if term.prefix else word == term.words[0] for word in found)
    places = (tuple(words[start : start + size]) for start in range(len(words) - size + 1))
    ends = (place for place in places if place[:-1] == term.words[:-1])
    return any(place[-1].startswith(term.words[-1]) if term.prefix else place[-1] == term.words[-1] for place in ends)
