"""Which piece of a text a hit shows, and where in it the words are that were searched for. Pure: knows no database."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from chatcore.search.query import Term
from chatcore.search.results import Mark
from chatcore.words import WORD_CHARACTERS, folded

SNIPPET_CHARACTERS = 180
# How much of it stands before the first word that was found.
BEFORE = 50
MOST_MARKS = 40
# Case, accents and compatibility forms are undone character by character, in so much text at the most.
FOLDED_CHARACTERS = 20_000
# A character with the marks that follow it, as decomposed accents, kana and Hangul are written.
CLUSTER = re.compile(r".[\u0300-\u036f\u3099\u309a\uff9e\uff9f\u1160-\u11ff]*", re.DOTALL)


@lru_cache
def pattern_of(terms: tuple[Term, ...]) -> re.Pattern[str] | None:
    """What finds the terms in a text; None where nothing is to be found. Whole words first, then words inside others."""
    if not terms:
        return None
    found = [term_pattern(term) for term in terms if not term.part]
    found += [re.escape(term.words[0]) for term in terms if term.part]
    return re.compile("|".join(dict.fromkeys(found)), re.IGNORECASE)


def term_pattern(term: Term) -> str:
    """The words of a term with any signs between them, not inside a longer word of ASCII."""
    joined = word_pattern(term.words[0])
    for word, following in pairwise(term.words):
        # Words of one character each, as Chinese has them, need nothing between them; others do.
        apart = "+" if word[-1].isascii() and following[0].isascii() else "*"
        joined += rf"[\W_]{apart}{word_pattern(following)}"
    before = r"(?<![a-z0-9])" if term.words[0][0].isascii() else ""
    after = r"(?![a-z0-9])" if term.words[-1][-1].isascii() and not term.prefix else ""
    return f"{before}{joined}{after}"


def word_pattern(word: str) -> str:
    """One word; the index cuts a long one, in a text it goes on."""
    return re.escape(word) + (r"[^\W_]*" if len(word) >= WORD_CHARACTERS else "")


def cut_snippet(text: str, terms: Sequence[Term]) -> tuple[str, tuple[Mark, ...]]:
    """About 180 characters around the first place where a term stands, on one line, and the places of terms in them.

    Without such a place (a word of the title, a part of a word in another case) the start of the text.
    """
    pattern = pattern_of(tuple(terms))
    found = first_place(text, pattern, terms)
    start = 0
    if found:
        start = max(0, found[0] - BEFORE)
        space = text.find(" ", start, found[0])
        start = space + 1 if start and space >= 0 else start
    piece = " ".join(text[start : start + 3 * SNIPPET_CHARACTERS].split())
    cut = piece[:SNIPPET_CHARACTERS].rstrip()
    shown = ("…" if start else "") + cut + ("…" if len(cut) < len(piece) or start + 3 * SNIPPET_CHARACTERS < len(text) else "")
    return shown, marks_in(shown, terms, pattern)


def first_place(text: str, pattern: re.Pattern[str] | None, terms: Sequence[Term]) -> Mark | None:
    """Where the first term stands in the text."""
    if pattern is None:
        return None
    match = pattern.search(text)
    if match:
        return match.span()
    marks = marks_in(text[:FOLDED_CHARACTERS], terms, pattern)
    return marks[0] if marks else None


def marks_in(text: str, terms: Sequence[Term], pattern: re.Pattern[str] | None = None) -> tuple[Mark, ...]:
    """The places of the terms in a text, in their order, none inside another, at most 40."""
    pattern = pattern or pattern_of(tuple(terms))
    if pattern is None:
        return ()
    found = places_of(text, pattern)
    if not found:
        # A part of a word, as `baz` in fooBaz.
        loose = [re.escape(term.words[0]) for term in terms if len(term.words) == 1 and not term.part and len(term.words[0]) > 1]
        found = places_of(text, re.compile("|".join(loose), re.IGNORECASE)) if loose else []
    marks: list[Mark] = []
    for start, end in found:
        if end > start and (not marks or start >= marks[-1][1]):
            marks.append((start, end))
    return tuple(marks[:MOST_MARKS])


def places_of(text: str, pattern: re.Pattern[str]) -> list[Mark]:
    """The places of a pattern in a text, whose case, accents or forms may differ from what was typed."""
    # The sign for what was cut off is no letter in any form.
    if text.replace("…", "").isascii():
        return [match.span() for match in pattern.finditer(text)]
    clusters = [match.span() for match in CLUSTER.finditer(text)]
    folds = [folded_cluster(text[start:end]) for start, end in clusters]
    places = [place for place, fold in enumerate(folds) for _ in fold]
    spans = (match.span() for match in pattern.finditer("".join(folds)))
    return [(clusters[places[start]][0], clusters[places[end - 1]][1]) for start, end in spans if end > start]


@lru_cache(maxsize=10_000)
def folded_cluster(cluster: str) -> str:
    """A character with its marks as `folded` writes them: nothing or several letters for some."""
    return folded(cluster)
