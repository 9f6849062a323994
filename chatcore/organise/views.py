"""Views: searches that have a name. What is kept is the text as it was typed, so a view shows what that search finds today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.organise.names import clean_name, key_of, take_turn
from chatcore.parts import Viewer
from chatcore.texts import storable

SEARCHES = SQLModel.metadata.tables["saved_search"]

LONGEST_VIEW = 80
# As long as a search may be.
LONGEST_QUERY = 500
# The list is shown whole.
MOST_VIEWS = 200


@dataclass(frozen=True, slots=True)
class ViewInfo:
    """A search with a name; `query` is what was typed."""

    id: int
    name: str
    query: str
    created_at: datetime


def list_views(db: Database, viewer: Viewer) -> tuple[ViewInfo, ...]:
    """Every view of the viewer, in the viewer's order; new ones come last."""
    with db.read() as tx:
        return tuple(views_in(tx, viewer).values())


def views_in(tx: Session, viewer: Viewer) -> dict[int, ViewInfo]:
    """The same as `list_views` inside a transaction, by id."""
    columns = (SEARCHES.c.id, SEARCHES.c.name, SEARCHES.c.query, SEARCHES.c.created_at)
    found = sa.select(*columns).where(SEARCHES.c.user_id == viewer.user_id).order_by(SEARCHES.c.position, SEARCHES.c.id)
    return {row.id: ViewInfo(row.id, row.name, row.query, row.created_at) for row in tx.execute(found)}


def save_view(db: Database, viewer: Viewer, *, name: str, query: str, now: datetime) -> ViewInfo:
    """Keeps a search under a name. Raises Invalid for an impossible or taken name and for an empty or too long search."""
    name, query = clean_view(name), clean_query(query)
    with db.write() as tx:
        take_turn(tx, viewer)
        views = views_in(tx, viewer)
        if len(views) >= MOST_VIEWS:
            raise Invalid(f"There are {MOST_VIEWS:,} saved searches already.", "Delete some that you no longer need.")
        check_free(views, name)
        last = sa.select(sa.func.coalesce(sa.func.max(SEARCHES.c.position) + 1, 0)).where(SEARCHES.c.user_id == viewer.user_id)
        values = {"user_id": viewer.user_id, "name": name, "query": query, "created_at": now, "position": last.scalar_subquery()}
        view_id: int = tx.execute(sa.insert(SEARCHES).values(values).returning(SEARCHES.c.id)).scalar_one()
    return ViewInfo(view_id, name, query, now)


def rename_view(db: Database, viewer: Viewer, view_id: int, *, name: str) -> ViewInfo:
    """Gives a view another name. Raises Invalid for an impossible or taken name, NotFound."""
    return change_view(db, viewer, view_id, name=name)


def change_view(db: Database, viewer: Viewer, view_id: int, *, name: str | None = None, query: str | None = None) -> ViewInfo:
    """Gives a view another name, another search, or both at once; None leaves it as it is. Raises Invalid for an impossible
    or taken name and for an empty or too long search, NotFound; then nothing is changed."""
    name = name if name is None else clean_view(name)
    query = query if query is None else clean_query(query)
    with db.write() as tx:
        take_turn(tx, viewer)
        views = views_in(tx, viewer)
        view = of(views, view_id)
        if name is not None:
            check_free(views, name, but=view_id)
        values = {"name": view.name if name is None else name, "query": view.query if query is None else query}
        tx.execute(update(viewer, view_id).values(values))
        return views_in(tx, viewer)[view_id]


def delete_view(db: Database, viewer: Viewer, view_id: int) -> None:
    """Forgets a view. Raises NotFound."""
    with db.write() as tx:
        take_turn(tx, viewer)
        of(views_in(tx, viewer), view_id)
        tx.execute(sa.delete(SEARCHES).where(SEARCHES.c.user_id == viewer.user_id, SEARCHES.c.id == view_id))


def order_views(db: Database, viewer: Viewer, view_ids: Sequence[int]) -> tuple[ViewInfo, ...]:
    """Puts the views into this order, those that are not named behind them as they were; answers all. Raises NotFound, then
    the order stays."""
    with db.write() as tx:
        take_turn(tx, viewer)
        views = views_in(tx, viewer)
        ordered = list(dict.fromkeys([of(views, view_id).id for view_id in view_ids] + list(views)))
        for position, view_id in enumerate(ordered):
            tx.execute(update(viewer, view_id).values(position=position))
        return tuple(views_in(tx, viewer).values())


def check_free(views: dict[int, ViewInfo], name: str, but: int | None = None) -> None:
    """Raises Invalid if another view than `but` has that name, in whatever case."""
    if any(key_of(view.name) == key_of(name) and view.id != but for view in views.values()):
        raise Invalid(f"There is a saved search {name!r} already.", "Choose another name, or change that one.")


def of(views: dict[int, ViewInfo], view_id: int) -> ViewInfo:
    """The view of that id. Raises NotFound."""
    if view_id not in views:
        raise NotFound("This saved search is not there.", "It may have been deleted. Look at the list of saved searches.")
    return views[view_id]


def update(viewer: Viewer, view_id: int) -> sa.Update:
    """A change of one view of the viewer."""
    return sa.update(SEARCHES).where(SEARCHES.c.user_id == viewer.user_id, SEARCHES.c.id == view_id)


def clean_view(name: str) -> str:
    """The name of a view as it is stored. Raises Invalid."""
    return clean_name(name, what="saved search", longest=LONGEST_VIEW)


def clean_query(query: str) -> str:
    """The search as it is stored. Raises Invalid if it is empty or longer than a search may be."""
    query = storable(query).strip()
    if not query:
        raise Invalid("The search is empty.", "Search for something, then save it.")
    if len(query) > LONGEST_QUERY:
        raise Invalid(f"The search is longer than {LONGEST_QUERY} characters.", "Save a shorter one.")
    return query
