"""Search: every kind of word, with and without filters, for the person with the most and the one with the fewest messages."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from functools import partial

import sqlalchemy as sa

from benchmarks.corpus_chats import MODELS
from benchmarks.corpus_people import FOLDERS, TAGS
from benchmarks.figures import Figure
from benchmarks.report import markdown, number
from benchmarks.scale.ground import MONTH, Ground, half_and_most
from benchmarks.vocabulary import (
    ABSENT,
    ABSENT_PHRASES,
    CJK,
    COMMON,
    FIVE_PERCENT,
    IDENTIFIERS,
    ONE_PERCENT,
    PER_MILLE,
    PHRASES,
    PREFIX,
    RARE,
)
from chatcore.parts import Viewer
from chatcore.rows import CHATS
from chatcore.search import count_hits, facets, find_chats, quick_switch, search
from chatcore.search.results import Order

BUDGET_NEWEST_MS = {"sqlite": 10.0, "postgresql": 15.0}
BUDGET_BEST_MS = 40.0
BUDGET_SWITCH_MS = 10.0
LIMIT = 20
# The page that is asked for as a later one.
LATER_PAGE = 5
# What is typed into the switcher: the first letters of words as they are typed, then whole words.
LETTERS = (1, 2, 3, 5)

# How often the words of a class are found is said in `benchmarks.vocabulary`; the words of a class are asked by turns.
CLASSES: Mapping[str, Sequence[str]] = {
    "rare (5 messages)": RARE,
    "0.1 %": PER_MILLE,
    "1 %": ONE_PERCENT,
    "5 %": FIVE_PERCENT,
    "common (30 %)": COMMON,
    "phrase": [f'"{phrase}"' for phrase in PHRASES],
    "prefix": [f"{PREFIX}*", f"{PREFIX[:5]}*"],
    "prefix of 3 letters": ["sta*", "pro*", "che*", f"{PREFIX[:3]}*"],
    "absent": ABSENT,
    "absent phrase of common words": [f'"{phrase}"' for phrase in ABSENT_PHRASES],
    "Chinese or Japanese or Korean": tuple(CJK),
    "one Chinese or Japanese sign": ("的", "潮", "灯", "の"),
    "code or path or address": IDENTIFIERS,
    "two words": [f"{COMMON[0]} {word}" for word in (RARE[0], PER_MILLE[0], ONE_PERCENT[0], FIVE_PERCENT[0], COMMON[1])],
    "one of two words": [f"{ONE_PERCENT[0]} OR {ONE_PERCENT[1]}", f"{RARE[0]} OR {COMMON[0]}"],
    "without a word": [f"{COMMON[0]} -{COMMON[1]}", f"{ONE_PERCENT[0]} -{COMMON[0]}"],
}
OTHERS = ("page 5", "count", "facets", "titles")


def filters(chat_id: str) -> dict[str, str]:
    """What is added to a text, by the name of its column in the table; `chat_id` is the longest chat of the person."""
    return {
        "no filter": "",
        "model:": f" model:{MODELS[0].name}",
        "rare model:": f" model:{MODELS[-1].name}",
        "role:": " role:user",
        "one month": f" after:{MONTH.start:%Y-%m} before:{MONTH.end:%Y-%m}",
        "tag:": f" tag:{TAGS[0]}",
        "folder:": f" folder:{FOLDERS[-1]}",
        "chat:": f" chat:{chat_id}",
    }


def measure(ground: Ground) -> Iterator[Figure]:
    """Pages of 20 hits with their snippets, newest and best first; then what stands around them, and the switcher."""
    for who, viewer in ground.people.items():
        narrowed = filters(longest_chat(ground, viewer))
        for kind, texts in CLASSES.items():
            for order in Order:
                for name, added in narrowed.items():
                    yield from pages(ground, viewer, figure_name(order, who, kind, name), [text + added for text in texts], order)
            for other in OTHERS:
                yield from half_and_most(
                    figure_name(other, who, kind), ground.timed([question(ground, viewer, other, text) for text in texts])
                )
        yield from switcher(ground, viewer, who)


def figure_name(*axes: str) -> str:
    """The name of a figure from its places in the table."""
    return ", ".join(axes)


def pages(ground: Ground, viewer: Viewer, name: str, texts: Sequence[str], order: Order) -> Iterator[Figure]:
    budget = BUDGET_NEWEST_MS[ground.db.dialect] if order is Order.NEWEST else BUDGET_BEST_MS
    asks = [partial(search, ground.db, viewer, text, order=order, limit=LIMIT, now=ground.now, zone=UTC) for text in texts]
    yield from half_and_most(name, ground.timed(asks), budget=ground.budget(budget))


def question(ground: Ground, viewer: Viewer, other: str, text: str) -> Callable[[], object]:
    """One of the questions that a page of hits brings with it."""
    if other == "page 5":
        cursor = None
        for _ in range(LATER_PAGE - 1):
            cursor = search(ground.db, viewer, text, limit=LIMIT, cursor=cursor, now=ground.now).next_cursor or cursor
        return partial(search, ground.db, viewer, text, limit=LIMIT, cursor=cursor, now=ground.now)
    questions: dict[str, Callable[..., object]] = {"count": count_hits, "facets": facets, "titles": find_chats}
    return partial(questions[other], ground.db, viewer, text, now=ground.now)


def switcher(ground: Ground, viewer: Viewer, who: str) -> Iterator[Figure]:
    """What is asked while somebody types: nothing yet, the first letters of many words, whole words."""
    words = [word for words in (COMMON, FIVE_PERCENT, ONE_PERCENT, PER_MILLE, RARE, ABSENT) for word in words[:3]]
    typed = {
        "nothing typed": [""],
        **{"1 letter" if letters == 1 else f"{letters} letters": [word[:letters] for word in words] for letters in LETTERS},
        "whole words": words,
    }
    for name, texts in typed.items():
        asks = [partial(quick_switch, ground.db, viewer, text, now=ground.now) for text in texts]
        yield from half_and_most(figure_name("switcher", who, name), ground.timed(asks), budget=ground.budget(BUDGET_SWITCH_MS))


def longest_chat(ground: Ground, viewer: Viewer) -> str:
    """The chat of this person with the most messages; an id that no chat has if there is none."""
    wanted = sa.select(CHATS.c.id).where(CHATS.c.user_id == viewer.user_id, CHATS.c.deleted_at.is_(None))
    with ground.db.read() as tx:
        found = tx.execute(wanted.order_by(CHATS.c.message_count.desc(), CHATS.c.id).limit(1)).scalar()
    return str(found or uuid.UUID(int=0))


def tables(figures: Mapping[str, Figure]) -> Iterator[str]:
    """The figures of `measure` by their names as three tables, p50 / p95 in each place."""
    people = dict.fromkeys(name.split(", ")[1] for name in figures)
    narrowed = list(filters(""))
    classes = [(who, kind) for who in people for kind in CLASSES]
    pages = [[order, who, kind, *(place(figures, order, who, kind, name) for name in narrowed)] for order in Order for who, kind in classes]
    yield markdown(["order", "who", "p50 / p95 in ms", *narrowed], pages)
    around = [[who, kind, *(place(figures, other, who, kind) for other in OTHERS)] for who, kind in classes]
    yield markdown(["who", "p50 / p95 in ms", *OTHERS], around)
    typed = list(dict.fromkeys(name.split(", ")[2] for name in figures if name.startswith("switcher")))
    yield markdown(["switcher", *typed], [[who, *(place(figures, "switcher", who, name) for name in typed)] for who in people])


def place(figures: Mapping[str, Figure], *axes: str) -> str:
    """What stands in a place of a table; a mark where a budget is missed."""
    half, most = (figures.get(f"{figure_name(*axes)}, {percent}") for percent in ("p50", "p95"))
    if half is None or most is None:
        return ""
    return f"{number(half.value)} / {number(most.value)}{' !' if most.kept is False else ''}"
