"""Looks things up in the manual: the markdown files in docs/, cut into their sections."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

MANUAL = "manual.md"
SECTION_LIMIT = 1800
# A question is asked of the manual first; the pages for developers answer what it leaves open.
MANUAL_WEIGHT = 1.6
TITLE_WEIGHT = 3.0

_HEADING = re.compile(r"^(#{1,4})\s+(.+?)\s*#*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_WORD = re.compile(r"\w+")
_DOUBLED = re.compile(r"([b-df-hj-np-tv-z])\1$")
_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_RELATIVE_LINK = re.compile(r"\[([^\]]+)\]\((?![a-z]+:)[^)]*\)")
# Words that say nothing about what is asked.
COMMON_TEXT = """
a about all am an and any are as at be but by can could do does for from get give had has have help how i if in is it its let me my of
on or our please should show so some tell than that the their them then there these they thing this to too us use was we were what when
where which who why will with would you your
"""
COMMON = frozenset(COMMON_TEXT.split())


@dataclass(frozen=True)
class Section:
    """A piece of the manual under its heading; `weights` says how much each word stands for it."""

    file: str
    title: str
    text: str
    weights: dict[str, float] = field(repr=False)


@dataclass(frozen=True)
class Manual:
    """All sections, and in how many of them each word stands."""

    sections: tuple[Section, ...]
    spread: dict[str, int] = field(repr=False)

    def find(self, question: str, *, limit: int = 3) -> list[Section]:
        """The sections that answer a question best, best first; none where most of its telling words are unknown."""
        said = words(question)
        telling = set(said)
        # Two words that the manual writes as one ("back up") are that one.
        joined = {first + second for first, second in pairwise(said)}
        asked = {word for word in telling | joined if word in self.spread}
        if len(asked) * 3 < len(telling):
            return []
        scored = [(self._score(section, asked), number) for number, section in enumerate(self.sections)]
        best = sorted(((score, number) for score, number in scored if score > 0), key=lambda pair: (-pair[0], pair[1]))
        # What is far behind the best answer is about something else.
        return [self.sections[number] for score, number in best[:limit] if score >= best[0][0] * 0.5]

    def topics(self) -> list[str]:
        """The headings of the manual itself, in order."""
        return [section.title for section in self.sections if section.file == MANUAL and section.title != "Manual"]

    def _score(self, section: Section, asked: Iterable[str]) -> float:
        total = len(self.sections)
        score = sum(math.log(1 + total / self.spread[word]) * section.weights.get(word, 0.0) for word in asked)
        return score * (MANUAL_WEIGHT if section.file == MANUAL else 1.0)


def read_manual(folder: Path) -> Manual:
    """The manual of a folder; empty where the folder or its files cannot be read."""
    sections: list[Section] = []
    for path in sorted(folder.glob("*.md")) if folder.is_dir() else ():
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        sections += cut_sections(path.name, text)
    return Manual(tuple(sections), dict(Counter(word for section in sections for word in section.weights)))


def cut_sections(file: str, text: str) -> list[Section]:
    """A page cut at its headings; what stands above a first subheading belongs to the page's title."""
    found: list[Section] = []
    title, lines, fenced = file.removesuffix(".md").capitalize(), [], False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        found += section_of(file, title, lines)
        title, lines = heading.group(2), []
    return found + section_of(file, title, lines)


def section_of(file: str, title: str, lines: Sequence[str]) -> list[Section]:
    """One section, or none where nothing stands under the heading."""
    text = _RELATIVE_LINK.sub(r"\1", _PICTURE.sub("", "\n".join(lines))).strip()
    if not text:
        return []
    counted = Counter(words(text))
    # A word said often is not said more: the weight of repetition levels off, and long sections do not win by length.
    length = sum(counted.values()) or 1
    weights = {word: times / (times + 0.5 + length / 100) for word, times in counted.items()}
    title_words = words(title)
    for word in title_words:
        # A title that says nothing else than what is asked is meant more than one that mentions it.
        weights[word] = weights.get(word, 0.0) + TITLE_WEIGHT / math.sqrt(len(title_words))
    return [Section(file, title.replace("`", ""), shorten(text), weights)]


def shorten(text: str) -> str:
    """The text up to about 1,800 characters, cut between paragraphs, code blocks closed."""
    if len(text) <= SECTION_LIMIT:
        return text
    cut = text.rfind("\n\n", 0, SECTION_LIMIT)
    head = text[: cut if cut > 0 else SECTION_LIMIT]
    if len(re.findall(r"^\s*```", head, re.MULTILINE)) % 2:
        head += "\n```"
    return head + "\n\n…"


def words(text: str) -> list[str]:
    """The telling words of a text, in one spelling: small letters, without the commonest endings."""
    return [stem(word) for word in _WORD.findall(text.lower()) if word not in COMMON]


def stem(word: str) -> str:
    """A word without its plural, -ed or -ing: chats and chat, connecting and connect, stopped and stop ask the same."""
    for ending in ("ing", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    return _DOUBLED.sub(r"\1", word.rstrip("e") if len(word) > 3 else word)
