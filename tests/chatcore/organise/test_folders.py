"""Folders, folders in folders, and what lies in them."""

import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing, suppress

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatcore import rows
from chatcore.db import Database, init_db, open_database
from chatcore.errors import Invalid, NotFound
from chatcore.history import delete_chats, get_chat, purge_chats, restore_chats
from chatcore.organise import folders
from chatcore.organise.folders import (
    DEEPEST,
    NO_FOLDER,
    FolderInfo,
    change_folder,
    delete_folder,
    find_folders,
    folder_and_below,
    list_folders,
    make_folder,
    move_chats,
    move_folder,
    rename_folder,
)
from chatcore.parts import Viewer
from tests.conftest import NOW
from tests.factories import make_chat, make_viewer
from tests.plans import plans


@pytest.fixture
def viewer(db: Database) -> Viewer:
    return make_viewer(db)


def make_path(db: Database, viewer: Viewer, path: str) -> int:
    """The folder of that path, with all above it that are not there yet."""
    parent_id = None
    for depth in range(1, path.count("/") + 2):
        so_far = "/".join(path.split("/")[:depth])
        there = [folder.id for folder in list_folders(db, viewer) if folder.path == so_far]
        parent_id = there[0] if there else make_folder(db, viewer, name=so_far.rpartition("/")[2], parent_id=parent_id).id
    assert parent_id is not None
    return parent_id


def paths(db: Database, viewer: Viewer) -> list[str]:
    return [folder.path for folder in list_folders(db, viewer)]


def lies_in(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> int | None:
    return get_chat(db, viewer, chat_id).folder_id


# --- the tree ----------------------------------------------------------------------------------------------------


def test_folders_come_in_the_order_of_the_tree(db: Database, viewer: Viewer) -> None:
    for path in ("work", "Home", "work/Plans", "work/accounts/2026", "Äpfel", "home 2"):
        make_path(db, viewer, path)
    assert paths(db, viewer) == ["Home", "home 2", "work", "work/accounts", "work/accounts/2026", "work/Plans", "Äpfel"]
    assert [folder.depth for folder in list_folders(db, viewer)] == [1, 1, 1, 2, 3, 2, 1]


def test_a_folder_counts_what_is_in_it_and_below_without_the_trash(db: Database, viewer: Viewer) -> None:
    inner = make_path(db, viewer, "work/plans")
    outer = make_path(db, viewer, "work")
    make_path(db, viewer, "empty")
    chats = [make_chat(db, viewer).id for _ in range(5)]
    assert move_chats(db, viewer, chats[:3], folder_id=inner) == 3
    assert move_chats(db, viewer, chats[3:4], folder_id=outer) == 1
    delete_chats(db, viewer, chats[:1], now=NOW)
    assert {folder.path: (folder.chats, folder.own_chats) for folder in list_folders(db, viewer)} == {
        "empty": (0, 0), "work": (3, 1), "work/plans": (2, 2),
    }  # fmt: skip


def test_what_is_made_renamed_or_moved_is_answered_as_the_list_shows_it(db: Database, viewer: Viewer) -> None:
    made = make_folder(db, viewer, name="Plans")
    assert list_folders(db, viewer) == (made,)
    assert made == FolderInfo(made.id, None, "Plans", "Plans", 1, 0, 0)
    work = make_folder(db, viewer, name="Work")
    renamed = rename_folder(db, viewer, made.id, name=" Great\nplans ")
    assert renamed.path == "Great plans"
    moved = move_folder(db, viewer, made.id, parent_id=work.id)
    assert (moved.path, moved.depth, moved.parent_id) == ("Work/Great plans", 2, work.id)
    assert moved in list_folders(db, viewer)
    assert move_folder(db, viewer, made.id, parent_id=None).path == "Great plans"


def test_filing_moves_no_chat_in_the_list(db: Database, viewer: Viewer) -> None:
    chat = make_chat(db, viewer)
    folder_id = make_path(db, viewer, "work")
    move_chats(db, viewer, [chat.id], folder_id=folder_id)
    assert get_chat(db, viewer, chat.id).updated_at == chat.updated_at
    assert lies_in(db, viewer, chat.id) == folder_id
    move_chats(db, viewer, [chat.id], folder_id=None)
    assert get_chat(db, viewer, chat.id) == chat


def test_what_comes_back_from_the_trash_lies_in_its_folder(db: Database, viewer: Viewer) -> None:
    chat = make_chat(db, viewer)
    folder_id = make_path(db, viewer, "work")
    move_chats(db, viewer, [chat.id], folder_id=folder_id)
    delete_chats(db, viewer, [chat.id], now=NOW)
    restore_chats(db, viewer, [chat.id])
    assert lies_in(db, viewer, chat.id) == folder_id
    purge_chats(db, viewer, [chat.id])
    assert paths(db, viewer) == ["work"]


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "  ", "a/b", "/", "x" * 81, "\u200d"])
def test_a_name_that_cannot_be_is_invalid(db: Database, viewer: Viewer, name: str) -> None:
    folder_id = make_path(db, viewer, "work")
    calls: list[Callable[[], object]] = [
        lambda: make_folder(db, viewer, name=name),
        lambda: rename_folder(db, viewer, folder_id, name=name),
    ]
    for call in calls:
        with pytest.raises(Invalid) as refused:
            call()
        assert refused.value.hint
    assert paths(db, viewer) == ["work"]


def test_a_name_is_taken_in_any_case_but_only_beside_each_other(db: Database, viewer: Viewer) -> None:
    work = make_path(db, viewer, "Work")
    plans_id = make_path(db, viewer, "Work/plans")
    make_path(db, viewer, "plans")
    refused: list[Callable[[], object]] = [
        lambda: make_folder(db, viewer, name="WORK"),
        lambda: make_folder(db, viewer, name="Plans", parent_id=work),
        lambda: rename_folder(db, viewer, work, name="Plans"),
        lambda: move_folder(db, viewer, plans_id, parent_id=None),
    ]
    for call in refused:
        with pytest.raises(Invalid, match="already"):
            call()
    assert rename_folder(db, viewer, work, name="WORK").name == "WORK"


def test_a_folder_is_renamed_and_moved_at_once_or_not_at_all(db: Database, viewer: Viewer) -> None:
    plans_id, work = make_path(db, viewer, "Home/Plans"), make_path(db, viewer, "Work")
    make_path(db, viewer, "Work/Plans")
    assert change_folder(db, viewer, plans_id, name="Ideas", parent_id=work).path == "Work/Ideas"
    assert change_folder(db, viewer, plans_id, name="Plans", parent_id=NO_FOLDER).path == "Plans"
    for wrong in ({"name": "x", "parent_id": plans_id}, {"name": "a/b", "parent_id": work}, {"name": "Plans", "parent_id": work}):
        with pytest.raises(Invalid):
            change_folder(db, viewer, plans_id, **wrong)  # type: ignore[arg-type]  # text and numbers in one table
    assert change_folder(db, viewer, plans_id).path == "Plans"


def test_a_folder_never_lies_in_itself(db: Database, viewer: Viewer) -> None:
    top = make_path(db, viewer, "a")
    middle = make_path(db, viewer, "a/b")
    bottom = make_path(db, viewer, "a/b/c")
    before = list_folders(db, viewer)
    for parent_id in (top, middle, bottom):
        with pytest.raises(Invalid, match="itself"):
            move_folder(db, viewer, top, parent_id=parent_id)
    assert list_folders(db, viewer) == before


def test_two_moves_at_once_make_no_circle(db: Database, viewer: Viewer) -> None:
    pairs = [(make_path(db, viewer, f"a{n}"), make_path(db, viewer, f"b{n}")) for n in range(10)]
    start = threading.Barrier(2)

    def move(order: int) -> None:
        for pair in pairs:
            folder_id, parent_id = pair[order], pair[1 - order]
            start.wait(20)
            with suppress(Invalid):
                move_folder(db, viewer, folder_id, parent_id=parent_id)

    movers = [threading.Thread(target=move, args=(order,)) for order in (0, 1)]
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join(60)
    found = list_folders(db, viewer)
    assert len(found) == 20
    assert sum(folder.depth == 2 for folder in found) == 10


def test_folders_lie_eight_deep_and_no_deeper(db: Database, viewer: Viewer) -> None:
    deepest = make_path(db, viewer, "/".join(str(number) for number in range(1, DEEPEST + 1)))
    with pytest.raises(Invalid, match="deep"):
        make_folder(db, viewer, name="x", parent_id=deepest)
    two = make_path(db, viewer, "a/b")
    a = make_path(db, viewer, "a")
    seventh = next(folder.id for folder in list_folders(db, viewer) if folder.depth == DEEPEST - 1)
    with pytest.raises(Invalid, match="deep"):
        move_folder(db, viewer, a, parent_id=seventh)
    assert move_folder(db, viewer, two, parent_id=seventh).depth == DEEPEST


def test_there_is_an_end_to_new_folders(db: Database, viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MOST_FOLDERS", 1)
    make_path(db, viewer, "a")
    with pytest.raises(Invalid):
        make_folder(db, viewer, name="b")


@pytest.mark.parametrize("wrong", [0, -1, 2**80])
def test_a_folder_that_is_not_there_is_not_found(db: Database, viewer: Viewer, wrong: int) -> None:
    folder_id = make_path(db, viewer, "work")
    chat = make_chat(db, viewer)
    calls: list[Callable[[], object]] = [
        lambda: make_folder(db, viewer, name="x", parent_id=wrong),
        lambda: rename_folder(db, viewer, wrong, name="x"),
        lambda: move_folder(db, viewer, wrong, parent_id=None),
        lambda: move_folder(db, viewer, folder_id, parent_id=wrong or -2),
        lambda: delete_folder(db, viewer, wrong),
        lambda: move_chats(db, viewer, [chat.id], folder_id=wrong),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()
    assert get_chat(db, viewer, chat.id) == chat


def test_many_chats_are_moved_all_or_none(db: Database, viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two ids a statement, so that the missing one is found when the first statement has been run.
    monkeypatch.setattr(rows, "IDS_A_STATEMENT", 2)
    folder_id = make_path(db, viewer, "work")
    chats = [make_chat(db, viewer).id for _ in range(3)]
    with pytest.raises(NotFound):
        move_chats(db, viewer, [*chats, uuid.uuid4()], folder_id=folder_id)
    assert {lies_in(db, viewer, chat) for chat in chats} == {None}
    assert move_chats(db, viewer, [*chats, chats[0]], folder_id=folder_id) == 3
    assert {lies_in(db, viewer, chat) for chat in chats} == {folder_id}
    assert move_chats(db, viewer, [], folder_id=folder_id) == 0


# --- deleting ----------------------------------------------------------------------------------------------------


def test_what_is_in_a_folder_that_is_deleted_moves_up(db: Database, viewer: Viewer) -> None:
    work, plans_id = make_path(db, viewer, "Work"), make_path(db, viewer, "Work/Plans")
    make_path(db, viewer, "Work/Plans/2026")
    chat, trashed = make_chat(db, viewer), make_chat(db, viewer)
    move_chats(db, viewer, [chat.id, trashed.id], folder_id=plans_id)
    delete_chats(db, viewer, [trashed.id], now=NOW)
    delete_folder(db, viewer, plans_id)
    assert paths(db, viewer) == ["Work", "Work/2026"]
    assert lies_in(db, viewer, chat.id) == lies_in(db, viewer, trashed.id) == work
    delete_folder(db, viewer, work)
    assert paths(db, viewer) == ["2026"]
    assert lies_in(db, viewer, chat.id) is None
    assert get_chat(db, viewer, trashed.id).deleted_at == NOW


def test_a_folder_that_moves_up_to_its_name_gets_a_number(db: Database, viewer: Viewer) -> None:
    make_path(db, viewer, "Plans")
    make_path(db, viewer, "plans (2)")
    work = make_path(db, viewer, "Work")
    for path in ("Work/Plans/a", "Work/Work", "Work/" + "x" * 80, "x" * 80):
        make_path(db, viewer, path)
    delete_folder(db, viewer, work)
    assert paths(db, viewer) == ["Plans", "plans (2)", "Plans (3)", "Plans (3)/a", "Work", "x" * 76 + " (2)", "x" * 80]


# --- finding -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("work", ["Work", "Work/Plans", "Work/Plans/2026"]),
        ("Work/plans", ["Work/Plans", "Work/Plans/2026"]),
        (" /work / PLANS/ ", ["Work/Plans", "Work/Plans/2026"]),
        ("plans", ["Home/Plans", "Work/Plans", "Work/Plans/2026"]),
        ("2026", ["Work/Plans/2026"]),
        ("lans", []),
        ("work/2026", []),
        ("", []),
        ("/", []),
        ("\0\ud800", []),
    ],
)
def test_a_typed_path_finds_folders_with_what_is_in_them(db: Database, viewer: Viewer, typed: str, found: list[str]) -> None:
    for path in ("Work/Plans/2026", "Home/Plans"):
        make_path(db, viewer, path)
    of_id = {folder.id: folder.path for folder in list_folders(db, viewer)}
    with db.read() as tx:
        assert [of_id[folder_id] for folder_id in find_folders(tx, viewer, typed)] == found


def test_folders_and_what_is_below_come_once(db: Database, viewer: Viewer) -> None:
    inner, outer, other = make_path(db, viewer, "a/b"), make_path(db, viewer, "a"), make_path(db, viewer, "c")
    with db.read() as tx:
        assert folder_and_below(tx, viewer, [inner, outer, 2**80]) == (outer, inner)
        assert folder_and_below(tx, viewer, [other, inner]) == (inner, other)
        assert folder_and_below(tx, viewer, []) == ()


# --- all together ------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(st.sampled_from(["make", "rename", "move", "delete", "file"]), st.integers(0, 7), st.integers(0, 7), st.sampled_from("abc")),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_is_done_the_tree_is_whole_and_no_chat_is_lost(db: Database, steps: Sequence[tuple[str, int, int, str]]) -> None:
    someone = make_viewer(db)
    chats = [make_chat(db, someone).id for _ in range(3)]
    for what, first, second, name in steps:
        known = [folder.id for folder in list_folders(db, someone)]
        one, other = ((known[number] if number < len(known) else None) for number in (first, second))
        with suppress(Invalid):
            match what:
                case "make":
                    make_folder(db, someone, name=name, parent_id=one)
                case "file":
                    move_chats(db, someone, [chats[second % 3]], folder_id=one)
                case "rename" if one:
                    rename_folder(db, someone, one, name=name)
                case "move" if one:
                    move_folder(db, someone, one, parent_id=other)
                case "delete" if one:
                    delete_folder(db, someone, one)
    found = list_folders(db, someone)
    with db.read() as tx:
        number = tx.execute(sa.text("SELECT count(*) FROM folder WHERE user_id = :id"), {"id": someone.user_id}).scalar_one()
    assert len(found) == number
    assert len({folder.path.casefold() for folder in found}) == number
    assert all(folder.depth == folder.path.count("/") + 1 <= DEEPEST for folder in found)
    filed = [lies_in(db, someone, chat) for chat in chats]
    assert sum(folder.own_chats for folder in found) == sum(folder_id is not None for folder_id in filed)


def test_counting_walks_along_the_index_of_folders(empty_database_url: str) -> None:
    # A new database: in one that another test has used, that index may be larger than the others by what was deleted.
    with closing(open_database(empty_database_url)) as db:
        init_db(db)
        viewer = make_viewer(db)
        move_chats(db, viewer, [make_chat(db, viewer).id], folder_id=make_path(db, viewer, "work"))
        counting = plans(db, lambda: list_folders(db, viewer))[-1]
    assert "ix_chatsession_folder" in counting
    assert "SCAN chatsession" not in counting
