"""The lists of chats: what the sidebar and the session page ask."""

from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.corpus_chats import MODELS
from benchmarks.corpus_people import TAGS, folder_id
from benchmarks.figures import Figure
from benchmarks.scale.ground import MONTH, Ground, half_and_most
from chatcore import browse, history
from chatcore.browse import SORT_TYPES, Browse
from chatcore.parts import Page, Shelf, Viewer

BUDGET_MS = 5.0
SIDEBAR, PAGE = 30, 50
# Pages of 1,000 that are turned to get deep into a list.
DEEPEST_PAGE = 50


def measure(ground: Ground) -> Iterator[Figure]:
    """First page, a page nine tenths down, every order, every filter, and the counts."""
    for who, viewer in ground.people.items():
        for name, budget, ask in questions(ground, viewer):
            yield from half_and_most(f"{name}, {who}", ground.timed([ask]), budget=budget and ground.budget(budget))


def questions(ground: Ground, viewer: Viewer) -> Iterator[tuple[str, float | None, Callable[[], object]]]:
    """Each question with its name and its budget in milliseconds."""
    db = ground.db
    deep = deep_cursor(partial(history.list_chats, db, viewer, limit=1000))
    yield "sidebar, first page", BUDGET_MS, partial(history.list_chats, db, viewer, limit=SIDEBAR)
    yield "sidebar, deep page", BUDGET_MS, partial(history.list_chats, db, viewer, limit=SIDEBAR, cursor=deep)
    page = partial(browse.browse_chats, db, viewer, limit=PAGE)
    for sort in SORT_TYPES:
        for descending in (True, False):
            choice = Browse(sort=sort, descending=descending)
            yield f"session page, by {sort} {'down' if descending else 'up'}", BUDGET_MS, partial(page, browse=choice)
    for sort in SORT_TYPES:
        choice = Browse(sort=sort)
        cursor = deep_cursor(partial(browse.browse_chats, db, viewer, choice, limit=1000))
        yield f"session page, deep page by {sort}", BUDGET_MS, partial(page, browse=choice, cursor=cursor)
    filters = {
        "provider": Browse(providers=(MODELS[0].provider,)),
        "model": Browse(models=(MODELS[0].name,)),
        "month two years ago": Browse(period=MONTH),
        "tag": Browse(tags=(TAGS[0],)),
        "folder": Browse(folders=(folder_id(viewer.user_id, 0),)),
        "archive": Browse(shelf=Shelf.ARCHIVED),
        "trash": Browse(shelf=Shelf.TRASH),
    }
    for name, choice in filters.items():
        yield f"session page, {name}", BUDGET_MS, partial(page, browse=choice)
    yield "count up to 1,001", None, partial(browse.count_chats, db, viewer, Browse())
    yield "models known", None, partial(browse.known_models, db, viewer)


def deep_cursor(page: Callable[..., Page[object]]) -> str | None:
    """The cursor after nine tenths of a list, or of its first 50,000 rows, found page by page."""
    cursors: list[str] = []
    cursor = page(cursor=None).next_cursor
    while cursor is not None and len(cursors) < DEEPEST_PAGE:
        cursors.append(cursor)
        cursor = page(cursor=cursor).next_cursor
    return cursors[len(cursors) * 9 // 10] if cursors else None
