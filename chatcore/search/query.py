"""What a person typed into a search, read: words, "phrases", -without, prefix*, OR, and filters such as model:qwen3.

Any text can be read. What has no meaning as a filter or a sign is searched for as text or left out, and `notices` says
so in a sentence each; nothing here raises.
"""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Generic, TypeVar

from chatcore.parts import Role, Shelf
from chatcore.texts import storable
from chatcore.words import signed_name, words_of

# Nobody types more, and each word is one more list of the index to be read.
LONGEST_QUERY = 500
MOST_TERMS = 32
# A shorter beginning would match so many words that the index has to read most of itself (1.5 s for one letter, measured).
SHORTEST_PREFIX = 3

Value = TypeVar("Value")

# Each kind closes its own, so that a phrase in one of them can hold the others: tag:“5" disk”. First the two that are written.
KINDS = ('""', "“”„", "«»")
QUOTES = "".join(KINDS)
PHRASES = ("straight", "curly", "angled")
QUOTED = rf"(?:{'|'.join(f'[{kind}](?P<{name}>[^{kind}]*)[{kind}]' for name, kind in zip(PHRASES, KINDS, strict=True))})(?P<star>\*?)"
FILTERS = ("model", "provider", "role", "after", "before", "has", "chat", "is", "tag", "folder")
EMPTY = rf"(?P<empty>(?i:{'|'.join(FILTERS)})):(?=[\s{QUOTES}]|$)"
BARE = rf"(?P<start>[A-Za-z]+:)?(?P<bare>[^\s{QUOTES}]+)"
PIECE = re.compile(rf"(?P<minus>-?)(?:(?P<field>[A-Za-z]+:)?{QUOTED}|{EMPTY}|{BARE})")
RELATIVE = re.compile(r"(\d{1,4})([dwmy])")
DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


@dataclass(frozen=True, slots=True)
class Term:
    """Words that must stand one after the other; with `prefix` the last may go on. `part`: a name with signs, as `c++`."""

    words: tuple[str, ...]
    prefix: bool = False
    part: bool = False


@dataclass(frozen=True, slots=True)
class Wanted(Generic[Value]):
    """The values of one filter: of `among`, and none of `without`. Of has: and tag: all must be there, of the others one."""

    among: tuple[Value, ...] = ()
    without: tuple[Value, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.among or self.without)


@dataclass(frozen=True, slots=True)
class Query:
    """A search as it was understood.

    `groups`: of each group one term must be there. `after` is included, `before` is not. `shelves` among which the chat
    must lie: all but the trash unless one is named. `chats`, `models`, `providers`, `tags`, `folders` are words as typed, which
    the search looks up; `has` are code, tool, attachment. `asks`: anything in the text had a meaning. `open_end`: it ends in
    a word that may still be being typed.
    """

    groups: tuple[tuple[Term, ...], ...] = ()
    without: tuple[Term, ...] = ()
    roles: Wanted[str] = Wanted()
    models: Wanted[str] = Wanted()
    providers: Wanted[str] = Wanted()
    has: Wanted[str] = Wanted()
    chats: Wanted[str] = Wanted()
    tags: Wanted[str] = Wanted()
    folders: Wanted[str] = Wanted()
    pinned: bool | None = None
    shelves: frozenset[Shelf] = frozenset({Shelf.ACTIVE, Shelf.ARCHIVED})
    after: datetime | None = None
    before: datetime | None = None
    asks: bool = False
    open_end: bool = False
    notices: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[Term, ...]:
        """Every term a result can show: those that are asked for, not those that must not be there."""
        return tuple(term for group in self.groups for term in group)

    @property
    def among_chats(self) -> bool:
        """Whether a filter chooses among the chats, beyond leaving out the trash: what no index of words knows."""
        chosen = self.pinned is not None or self.chats or self.tags or self.folders
        return bool(chosen) or self.shelves != {Shelf.ACTIVE, Shelf.ARCHIVED}

    @property
    def among_few_chats(self) -> bool:
        """Whether it is asked for what few of the chats are, not for what most are."""
        return bool(self.pinned or self.chats.among or self.tags.among or self.folders.among) or self.shelves == {Shelf.TRASH}

    @property
    def only_words(self) -> bool:
        """Whether no filter narrows the search that a title cannot meet: then titles are searched too."""
        return not (self.roles or self.models or self.providers or self.has)


ROLES = {"user": Role.USER, "me": Role.USER, "you": Role.USER, "assistant": Role.ASSISTANT, "model": Role.ASSISTANT, "ai": Role.ASSISTANT}
HAS = {"code": "code", "tool": "tool", "tools": "tool", "attachment": "attachment", "attachments": "attachment", "file": "attachment"}
SHELVES = {"active": Shelf.ACTIVE, "archived": Shelf.ARCHIVED, "trash": Shelf.TRASH, "deleted": Shelf.TRASH}


@dataclass
class _Reader:
    """What has been read so far."""

    today: date
    zone: tzinfo
    groups: list[list[Term]] = field(default_factory=list)
    without: list[Term] = field(default_factory=list)
    values: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    shelves: set[Shelf] = field(default_factory=set)
    not_shelves: set[Shelf] = field(default_factory=set)
    pinned: bool | None = None
    after: datetime | None = None
    before: datetime | None = None
    joins: bool = False
    asks: bool = False
    open_end: bool = False
    notices: dict[str, None] = field(default_factory=dict)

    def say(self, notice: str) -> None:
        self.notices[notice] = None

    def value(self, name: str, value: str, *, negated: bool) -> None:
        """One more value of a filter."""
        self.asks = True
        self.values.setdefault(name, ([], []))[negated].append(value)

    def wanted(self, name: str) -> Wanted[str]:
        among, without = self.values.get(name, ([], []))
        return Wanted(tuple(dict.fromkeys(among)), tuple(dict.fromkeys(without)))

    def term(self, term: Term, *, negated: bool) -> None:
        """One more term: not to be there, or an alternative to the one before, or one more that must be there."""
        if len(self.groups) + len(self.without) >= MOST_TERMS:
            self.say(f"Only the first {MOST_TERMS} words were searched for.")
            return
        self.asks = True
        if negated:
            self.without.append(term)
        elif self.joins and self.groups:
            self.groups[-1].append(term)
        else:
            self.groups.append([term])
        self.joins = False


def read_query(text: str, *, now: datetime, zone: tzinfo = UTC) -> Query:
    """What a search text asks for. `now` and `zone` say what today is, for dates; any text can be read."""
    reader = _Reader(now.astimezone(zone).date(), zone)
    text = storable(text)
    if len(text) > LONGEST_QUERY:
        text = text[:LONGEST_QUERY]
        reader.say(f"Only the first {LONGEST_QUERY} characters were searched for.")
    for piece in PIECE.finditer(text):
        read_piece(reader, piece)
    if reader.joins:
        reader.say("OR needs a word on both sides; searched for without it.")
    return Query(
        groups=tuple(tuple(dict.fromkeys(group)) for group in reader.groups),
        without=tuple(dict.fromkeys(reader.without)),
        roles=reader.wanted("role"),
        models=reader.wanted("model"),
        providers=reader.wanted("provider"),
        has=reader.wanted("has"),
        chats=reader.wanted("chat"),
        tags=reader.wanted("tag"),
        folders=reader.wanted("folder"),
        pinned=reader.pinned,
        shelves=frozenset((reader.shelves or {Shelf.ACTIVE, Shelf.ARCHIVED}) - reader.not_shelves),
        after=reader.after,
        before=reader.before,
        asks=reader.asks,
        open_end=reader.open_end and not text[-1:].isspace(),
        notices=tuple(reader.notices),
    )


def read_piece(reader: _Reader, piece: re.Match[str]) -> None:
    """A word, a phrase or a filter, with the minus before it."""
    negated = bool(piece["minus"])
    phrase = phrase_of(piece)
    quoted, value = phrase is not None, piece["bare"] or "" if phrase is None else phrase
    name = field_of(piece).rstrip(":").lower()
    reader.open_end = False
    if piece["empty"]:
        reader.say(f"“{piece['empty'].lower()}:” has nothing after it and was left out.")
        return
    if name in FILTERS:
        read_filter(reader, name, value.strip(), negated=negated)
        return
    if name:
        # An address (https://), a time, C::x or a word with a colon: text, as it stands.
        if not value.startswith(("//", ":", "\\")):
            reader.say(f"There is no filter “{name}:”; it was searched for as text.")
        value = field_of(piece) + value
    if not quoted and value == "OR" and not negated:
        reader.joins = bool(reader.groups)
        return
    read_words(reader, value, negated=negated, quoted=quoted, starred=bool(piece["star"]))
    reader.open_end = not quoted and not negated


def field_of(piece: re.Match[str]) -> str:
    """What stands before the colon, with it, where the piece looks like a filter."""
    return piece["field"] or piece["start"] or ""


def phrase_of(piece: re.Match[str]) -> str | None:
    """What stands between the quotes; None where there are none."""
    return next((piece[name] for name in PHRASES if piece[name] is not None), None)


def read_words(reader: _Reader, value: str, *, negated: bool, quoted: bool, starred: bool) -> None:
    """Text to be searched for: a phrase of the words in it, which is one for most of what stands between two spaces."""
    name = None if quoted else signed_name(value)
    if name:
        reader.term(Term((name,), part=True), negated=negated)
        return
    words = tuple(words_of(value))
    prefix = starred or (not quoted and value.endswith("*"))
    if not words:
        if value.strip("*-+ "):
            reader.say(f"“{value[:40]}” has no letter or digit that could be searched for.")
        return
    if prefix and len(words[-1]) < SHORTEST_PREFIX and words[-1].isascii():
        reader.say(f"“{words[-1]}*” is too short: write at least {SHORTEST_PREFIX} characters before the *.")
        prefix = False
    reader.term(Term(words, prefix=prefix), negated=negated)


# --- filters -----------------------------------------------------------------------------------------------------


def read_filter(reader: _Reader, name: str, value: str, *, negated: bool) -> None:
    """One filter; a value that means nothing is left out and named."""
    if not value:
        reader.say(f"“{name}:” has nothing after it and was left out.")
        return
    match name:
        case "role":
            read_choice(reader, name, ROLES, value, negated=negated)
        case "has":
            read_choice(reader, name, HAS, value, negated=negated)
        case "is":
            read_is(reader, value.lower(), negated=negated)
        case "after" | "before":
            read_time(reader, name, value.lower(), negated=negated)
        case _:
            reader.value(name, value, negated=negated)


def read_choice(reader: _Reader, name: str, choices: dict[str, str] | dict[str, Role], value: str, *, negated: bool) -> None:
    """A filter with a few words to choose from."""
    if value.lower() in choices:
        reader.value(name, str(choices[value.lower()]), negated=negated)
    else:
        known = ", ".join(f"{name}:{choice}" for choice in dict.fromkeys(map(str, choices.values())))
        reader.say(f"“{name}:{value[:40]}” means nothing here and was left out. Write {known}.")


def read_is(reader: _Reader, value: str, *, negated: bool) -> None:
    """Where the chat lies: pinned, archived, in the trash."""
    if value == "pinned":
        reader.pinned = not negated
        reader.asks = True
    elif value in SHELVES:
        reader.asks = True
        (reader.not_shelves if negated else reader.shelves).add(SHELVES[value])
    else:
        reader.say(f"“is:{value[:40]}” means nothing here and was left out. Write is:pinned, is:archived or is:trash.")


def read_time(reader: _Reader, name: str, value: str, *, negated: bool) -> None:
    """`after` begins with the day, month or year named; `before` ends where it begins. The narrower of two holds."""
    start = start_of(value, reader.today, reader.zone)
    if start is None:
        known = ", ".join(f"{name}:{example}" for example in ("2026-03-01", "2026-03", "2026", "30d"))
        reader.say(f"“{name}:{value[:40]}” is no time and was left out. Write {known}.")
        return
    reader.asks = True
    if (name == "after") != negated:
        reader.after = max(reader.after or start, start)
    else:
        reader.before = min(reader.before or start, start)


def start_of(value: str, today: date, zone: tzinfo) -> datetime | None:
    """When the day, month or year that is named begins in this zone: 2026-03-01, 2026-03, 2026, today, yesterday, 30d ago."""
    try:
        day = day_of(value, today)
        return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC) if day else None
    except (ValueError, OverflowError):
        return None


def day_of(value: str, today: date) -> date | None:
    """The first day of what is named. Raises ValueError and OverflowError for days that no calendar has."""
    if value in ("today", "yesterday"):
        return today - timedelta(days=value == "yesterday")
    if ago := RELATIVE.fullmatch(value):
        return today - timedelta(days=int(ago[1]) * DAYS[ago[2]])
    if found := DAY.fullmatch(value):
        return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    return None


def chat_id_of(value: str) -> uuid.UUID | None:
    """The id that a `chat:` filter names; None if it names a title."""
    try:
        return uuid.UUID(value)
    except ValueError:
        return None


# --- writing -----------------------------------------------------------------------------------------------------


def with_filter(text: str, name: str, value: str) -> str:
    """The search text with one more filter, quoted where it has to be; for facets and links that narrow a search.

    A quote that no other closes is left out: it would take the quotes of the filter for its own.
    """
    return " ".join((*pieces_of(text), *(() if has_filter(text, name, value) else (f"{name}:{in_quotes(value)}",))))


def in_quotes(value: str) -> str:
    """A value as it can be written: in quotes that it has none of, where it needs them."""
    if value and not re.search(rf"[\s{QUOTES}]", value):
        return value
    value = writable(value)
    kind = next(kind for kind in KINDS if not set(kind) & set(value))
    return kind[0] + value + kind[1]


def writable(value: str) -> str:
    """The value, but where it has quotes of every kind without those of the first: no text can say it."""
    return value.replace('"', "") if all(set(kind) & set(value) for kind in KINDS) else value


def has_filter(text: str, name: str, value: str) -> bool:
    """Whether the search text asks for this value, in any case and in any quotes."""
    return any(found == (name, writable(value).casefold()) for _, found in asked_for(text))


def narrowed(text: str, filters: tuple[tuple[str, str], ...]) -> str:
    """The search text narrowed by filters, as a facet means it: a model, a provider and a role instead of another, since a
    message has only one; the rest in addition."""
    for name, _ in filters:
        if name in ("model", "provider", "role"):
            text = " ".join(piece for piece, (found, _) in asked_for(text) if found != name)
    for name, value in filters:
        text = with_filter(text, name, value)
    return text


def without_filter(text: str, name: str, value: str | None = None) -> str:
    """The search text without the filters of that name, or without those that ask for this value."""
    if value is None:
        return " ".join(piece for piece, found, _ in split(text) if found != name)
    return " ".join(piece for piece, found in asked_for(text) if found != (name, writable(value).casefold()))


def asked_for(text: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each piece as it was typed, and the filter and the value it asks for without its case; ('', '') for text and for a
    filter turned round."""
    for piece, name, value in split(text):
        yield piece, (name, value.strip().casefold()) if name and not piece.startswith("-") else ("", "")


def pieces_of(text: str) -> tuple[str, ...]:
    """The words, phrases and filters of a text, each as it was typed."""
    return tuple(piece for piece, _, _ in split(text))


def split(text: str) -> Iterator[tuple[str, str, str]]:
    """Each piece as it was typed, the filter it is ('' for text), and the filter's value."""
    for piece in PIECE.finditer(text):
        name = field_of(piece).rstrip(":").lower()
        phrase = phrase_of(piece)
        yield piece[0], name if name in FILTERS else "", piece["bare"] or "" if phrase is None else phrase
