"""Saved searches."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.organise import views
from chatcore.organise.views import ViewInfo, change_view, delete_view, list_views, order_views, rename_view, save_view
from chatcore.parts import Viewer
from tests.conftest import NOW
from tests.factories import make_viewer


@pytest.fixture
def viewer(db: Database) -> Viewer:
    return make_viewer(db)


def save(db: Database, viewer: Viewer, *names: str) -> list[int]:
    return [save_view(db, viewer, name=name, query=f"tag:{name}", now=NOW).id for name in names]


def names(found: tuple[ViewInfo, ...]) -> list[str]:
    return [view.name for view in found]


def test_a_search_is_kept_as_it_was_typed(db: Database, viewer: Viewer) -> None:
    kept = save_view(db, viewer, name=" My\ncode ", query='  has:code "Ünicode  two"  -x* ', now=NOW)
    assert kept == ViewInfo(kept.id, "My code", 'has:code "Ünicode  two"  -x*', NOW)
    assert list_views(db, viewer) == (kept,)


def test_views_come_in_the_order_chosen_and_new_ones_last(db: Database, viewer: Viewer) -> None:
    a, b, c = save(db, viewer, "a", "b", "c")
    assert names(list_views(db, viewer)) == ["a", "b", "c"]
    assert names(order_views(db, viewer, [c, a, c])) == ["c", "a", "b"]
    save(db, viewer, "d")
    assert names(list_views(db, viewer)) == ["c", "a", "b", "d"]
    delete_view(db, viewer, a)
    assert names(order_views(db, viewer, [b])) == ["b", "c", "d"]
    with pytest.raises(NotFound):
        order_views(db, viewer, [c, a])
    assert names(list_views(db, viewer)) == ["b", "c", "d"]


def test_a_view_gets_another_name_or_another_search(db: Database, viewer: Viewer) -> None:
    kept = save_view(db, viewer, name="code", query="has:code", now=NOW - timedelta(days=1))
    assert rename_view(db, viewer, kept.id, name="Code").name == "Code"
    changed = change_view(db, viewer, kept.id, query="has:code tag:work")
    assert changed == ViewInfo(kept.id, "Code", "has:code tag:work", kept.created_at)
    assert list_views(db, viewer) == (changed,)


def test_a_name_and_a_search_are_changed_together_or_not_at_all(db: Database, viewer: Viewer) -> None:
    a, _ = save(db, viewer, "a", "b")
    changed = change_view(db, viewer, a, name="c", query="x")
    assert (changed.name, changed.query) == ("c", "x")
    with pytest.raises(Invalid):
        change_view(db, viewer, a, name="b", query="y")
    with pytest.raises(Invalid):
        change_view(db, viewer, a, name="d", query="")
    assert change_view(db, viewer, a) == changed


def test_a_name_is_taken_in_any_case(db: Database, viewer: Viewer) -> None:
    a, _ = save(db, viewer, "a", "b")
    with pytest.raises(Invalid, match="already"):
        save_view(db, viewer, name="A", query="x", now=NOW)
    with pytest.raises(Invalid, match="already"):
        rename_view(db, viewer, a, name="B")
    assert names(list_views(db, viewer)) == ["a", "b"]


@pytest.mark.parametrize(("name", "query"), [("", "x"), ("\u200b", "x"), ("x" * 81, "x"), ("a", ""), ("a", " \n"), ("a", "x" * 501)])
def test_an_impossible_name_or_search_is_invalid(db: Database, viewer: Viewer, name: str, query: str) -> None:
    with pytest.raises(Invalid) as refused:
        save_view(db, viewer, name=name, query=query, now=NOW)
    assert refused.value.hint
    assert list_views(db, viewer) == ()


@pytest.mark.parametrize("wrong", [0, 2**80])
def test_a_view_that_is_not_there_is_not_found(db: Database, viewer: Viewer, wrong: int) -> None:
    calls: list[Callable[[], object]] = [
        lambda: rename_view(db, viewer, wrong, name="x"),
        lambda: change_view(db, viewer, wrong, query="x"),
        lambda: delete_view(db, viewer, wrong),
        lambda: order_views(db, viewer, [wrong]),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()


def test_there_is_an_end_to_new_views(db: Database, viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_VIEWS", 1)
    save(db, viewer, "a")
    with pytest.raises(Invalid):
        save(db, viewer, "b")
