"""Search texts of every kind, each with what it means: the query is put together beside the text, not read from it."""

import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from hypothesis import strategies as st

from chatcore.parts import Shelf
from chatcore.search.query import LONGEST_QUERY, Query, Term, Wanted
from chatcore.words import parts_of_words, words_of
from tests.chatcore.search.corpora import DAYS
from tests.chatcore.search.reference import SHORTEST_PREFIX, World

ZONES: tuple[tzinfo, ...] = (UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-9)))


@dataclass(frozen=True)
class Piece:
    """A word, phrase or filter of a search text. `{day3}` and `{chat0}` stand for what is only known when it is asked."""

    written: str
    term: Term | None = None
    negated: bool = False
    filter: tuple[str, str] | None = None
    bare: bool = False


@dataclass(frozen=True)
class Question:
    """A search text, and what it means. Pieces inside one tuple are joined by OR."""

    groups: tuple[tuple[Piece, ...], ...]
    zone: tzinfo = UTC

    @property
    def written(self) -> str:
        return " ".join(" OR ".join(piece.written for piece in group) for group in self.groups)

    def text(self, world: World, start: datetime) -> str:
        return filled(self.written, world, start)

    def query(self, world: World, start: datetime) -> Query:
        """What the text asks for, put together without reading it."""
        meaning = Meaning()
        for group in self.groups:
            terms = [piece.term for piece in group if piece.term and not piece.negated]
            if terms:
                meaning.groups.append(tuple(dict.fromkeys(terms)))
            meaning.without += [piece.term for piece in group if piece.term and piece.negated]
            for piece in group:
                if piece.filter:
                    name, value = piece.filter
                    meaning.narrow(name, filled(value, world, start), negated=piece.negated, zone=self.zone)
        last = self.groups[-1][-1] if self.groups else None
        asks = bool(meaning.groups or meaning.without or any(piece.filter for group in self.groups for piece in group))
        return meaning.whole(asks=asks, open_end=last is not None and last.bare and not last.negated)


def filled(text: str, world: World, start: datetime) -> str:
    """The text with days and ids for their names."""
    for day in range(DAYS + 1):
        text = text.replace(f"{{day{day}}}", f"{start + timedelta(days=day):%Y-%m-%d}")
    for place in range(4):
        chat = world.chats[place % len(world.chats)] if world.chats else None
        text = text.replace(f"{{chat{place}}}", str(chat.id if chat else uuid.UUID(int=0)))
    return text.replace("{month}", f"{start:%Y-%m}")


@dataclass
class Meaning:
    """A query while it is put together."""

    groups: list[tuple[Term, ...]] = field(default_factory=list)
    without: list[Term] = field(default_factory=list)
    wanted: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    pinned: bool | None = None
    shelves: set[Shelf] = field(default_factory=set)
    not_shelves: set[Shelf] = field(default_factory=set)
    after: list[datetime] = field(default_factory=list)
    before: list[datetime] = field(default_factory=list)

    def narrow(self, name: str, value: str, *, negated: bool, zone: tzinfo) -> None:
        """One more filter; a negated after: is a before: and the other way round."""
        if name in ("after", "before"):
            year, month, day = (*map(int, value.split("-")), 1)[:3]
            moment = datetime(year, month, day, tzinfo=zone).astimezone(UTC)
            (self.after if (name == "after") != negated else self.before).append(moment)
        elif (name, value) == ("is", "pinned"):
            self.pinned = not negated
        elif name == "is":
            (self.not_shelves if negated else self.shelves).add(Shelf(value))
        else:
            self.wanted.setdefault(name, ([], []))[negated].append(value)

    def whole(self, *, asks: bool, open_end: bool) -> Query:
        """The query as the product says it."""

        def of(name: str) -> Wanted[str]:
            among, without = self.wanted.get(name, ([], []))
            return Wanted(tuple(dict.fromkeys(among)), tuple(dict.fromkeys(without)))

        return Query(
            groups=tuple(self.groups),
            without=tuple(dict.fromkeys(self.without)),
            roles=of("role"),
            models=of("model"),
            providers=of("provider"),
            has=of("has"),
            chats=of("chat"),
            tags=of("tag"),
            folders=of("folder"),
            pinned=self.pinned,
            shelves=frozenset((self.shelves or {Shelf.ACTIVE, Shelf.ARCHIVED}) - self.not_shelves),
            after=max(self.after, default=None),
            before=min(self.before, default=None),
            asks=asks,
            open_end=open_end,
        )


def word(text: str, *, star: bool = False, negated: bool = False) -> Piece:
    """What stands between two spaces: one word, a phrase of several (foo_bar), or a name with signs (C++)."""
    name, plus, rest = text.partition("+") if "+" in text else text.partition("#")
    signed = bool(name) and name.isascii() and name.isalnum() and plus + rest in ("++", "#") and not star
    term = Term((text.lower(),), part=True) if signed else phrase_of(text, star=star)
    return Piece(f"{'-' * negated}{text}{'*' * star}", term, negated, bare=True)


def phrase(text: str, *, star: bool = False, negated: bool = False) -> Piece:
    return Piece(f'{"-" * negated}"{text}"{"*" * star}', phrase_of(text, star=star), negated)


def phrase_of(text: str, *, star: bool) -> Term | None:
    """The words of a text in their order; a star holds for the last one, if it is not too short for that."""
    words = tuple(words_of(text))
    if not words:
        return None
    return Term(words, prefix=star and (len(words[-1]) >= SHORTEST_PREFIX or not words[-1].isascii()))


def filtered(name: str, value: str, *, quoted: bool = False, negated: bool = False, means: str | None = None) -> Piece:
    shown = f'"{value}"' if quoted or " " in value else value
    return Piece(f"{'-' * negated}{name}:{shown}", None, negated, (name, value if means is None else means))


FILTERS = (
    *(("role", name, means) for name, means in (("user", "user"), ("assistant", "assistant"), ("Me", "user"), ("model", "assistant"))),
    *(("has", name, means) for name, means in (("code", "code"), ("tool", "tool"), ("FILE", "attachment"), ("attachment", "attachment"))),
    *(("model", name, name) for name in ("llama", "llama3.2:3b", "LLAMA3.2:70B", "gpt-5 mini", "guide", "zzz")),
    *(("provider", name, name) for name in ("ollama", "OpenAI", "open", "guide", "zzz")),
    *(("chat", name, name) for name in ("{chat0}", "{chat1}", "moon", "m", "moon the", "ÜBER", "qux", "C++", "%", "zzz")),
    *(("tag", name, name) for name in ("work", "to do", "MÜDE", "zzz")),
    *(("folder", name, name) for name in ("work", "Plans", "work/plans", "HOME", "zzz")),
    *(("is", name, name) for name in ("pinned", "archived", "trash", "active")),
    *(("after", name, name) for name in ("{day0}", "{day1}", "{day2}", "{day3}", "{month}")),
    *(("before", name, name) for name in ("{day3}", "{day4}", "{day5}", "{day6}", "{month}")),
)


def can_stand_alone(text: str) -> bool:
    """Whether a text between two spaces is one piece of a search, and no filter, sign or OR."""
    return not re.search(r'[\s"“”„«»:\0]', text) and text[:1] not in "-*" and text[-1:] != "*" and text != "OR" and len(text) < 130


def related(palette: list[str]) -> list[str]:
    """Words that have to do with those of a palette: they themselves, in another case, their beginnings, their parts."""
    found = [other for text in palette for other in (text, text.upper(), text.lower(), text[:3], text[: len(text) // 2])]
    found += [word for text in palette for word in (*words_of(text), *parts_of_words(text))]
    return [text for text in dict.fromkeys(found) if can_stand_alone(text) and words_of(text)] or ["moon"]


def questions(palette: list[str]) -> st.SearchStrategy[Question]:
    """Search texts of every kind for what has to do with a palette."""
    known = st.sampled_from(related(palette))
    words = st.builds(word, known, star=st.booleans())
    phrases = st.builds(phrase, st.lists(known, min_size=1, max_size=2).map(" ".join), star=st.booleans())
    refused = st.builds(word, known, negated=st.just(True)) | st.builds(phrase, known, negated=st.just(True))
    filters = st.builds(
        lambda found, negated, quoted: filtered(found[0], found[1], means=found[2], negated=negated, quoted=quoted),
        st.sampled_from(FILTERS),
        st.integers(0, 3).map(lambda number: number == 3),
        st.booleans(),
    )
    one = st.tuples(words | phrases)
    group = one | st.tuples(words, words | phrases) | st.tuples(refused)
    groups = st.tuples(one) | st.tuples(one, group) | st.tuples(one, st.tuples(filters)) | st.tuples(st.tuples(filters), st.tuples(filters))
    whole = groups | st.lists(group | st.tuples(filters), min_size=1, max_size=4).map(tuple)
    # What is longer is cut, which has a test of its own; a chat's id takes 36 characters.
    return st.builds(Question, whole, st.sampled_from(ZONES)).filter(lambda question: len(question.written) <= LONGEST_QUERY - 100)
