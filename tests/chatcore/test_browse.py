"""Finding chats again."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatcore import browse as browse_module
from chatcore.browse import SORT_TYPES, Browse, Sort, browse_chats, count_chats, known_models
from chatcore.columns import new_chat_id
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.history import archive_chats, delete_chats, list_chats, pin_chats
from chatcore.organise.folders import NO_FOLDER, make_folder, move_chats
from chatcore.organise.tags import tag_chats
from chatcore.parts import Period, Shelf, Viewer
from chatcore.rows import CHATS
from tests.factories import make_chat, make_exchange, make_viewer
from tests.plans import plans, statements

MOMENTS = st.sampled_from([datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(seconds=second / 2) for second in range(4)])


def walk(db: Database, viewer: Viewer, browse: Browse, *, limit: int = 50) -> list[uuid.UUID]:
    """The ids of all chats that match, page by page."""
    found: list[uuid.UUID] = []
    cursor = None
    while True:
        page = browse_chats(db, viewer, browse, limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        found += [chat.id for chat in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


def titles(db: Database, viewer: Viewer, browse: Browse) -> set[str]:
    return {chat.title for chat in browse_chats(db, viewer, browse).items}


@pytest.fixture
def viewer(db: Database) -> Viewer:
    return make_viewer(db)


# --- filters -----------------------------------------------------------------------------------------------------


def test_a_model_is_found_on_the_chat_and_on_its_messages(db: Database, viewer: Viewer) -> None:
    make_chat(db, viewer, title="by chat", provider="ollama", model_name="llama")
    chat = make_chat(db, viewer, title="by message", provider="guide", model_name="guide")
    make_exchange(db, viewer, chat.id, provider="ollama", model_name="llama")
    make_chat(db, viewer, title="neither", provider="openai", model_name="gpt")
    assert titles(db, viewer, Browse(models=("llama",))) == {"by chat", "by message"}
    assert titles(db, viewer, Browse(providers=("ollama",))) == {"by chat", "by message"}
    assert titles(db, viewer, Browse(providers=("guide",), models=("llama",))) == set()
    assert titles(db, viewer, Browse(providers=("guide", "openai"))) == {"by message", "neither"}
    assert titles(db, viewer, Browse(models=("", "nul\0", "\ud800"))) == set()


def test_a_period_holds_its_start_and_not_its_end(db: Database, viewer: Viewer, now: datetime) -> None:
    for day in range(4):
        make_chat(db, viewer, title=str(day), now=now + timedelta(days=day))
    assert titles(db, viewer, Browse(period=Period(now + timedelta(days=1), now + timedelta(days=3)))) == {"1", "2"}


def test_each_shelf_is_browsed_apart(db: Database, viewer: Viewer, now: datetime) -> None:
    active, archived, trashed = (make_chat(db, viewer, title=title) for title in ("active", "archived", "trashed"))
    archive_chats(db, viewer, [archived.id, trashed.id], archived=True)
    delete_chats(db, viewer, [trashed.id], now=now)
    pin_chats(db, viewer, [active.id, archived.id], pinned=True)
    for shelf, title in ((Shelf.ACTIVE, "active"), (Shelf.ARCHIVED, "archived"), (Shelf.TRASH, "trashed")):
        assert titles(db, viewer, Browse(shelf=shelf)) == {title}


def test_a_count_stops_at_its_cap(db: Database, viewer: Viewer) -> None:
    for _ in range(3):
        make_chat(db, viewer)
    assert [count_chats(db, viewer, Browse(), cap=cap) for cap in (0, 2, 3, 4)] == [0, 2, 3, 3]


def test_a_model_that_only_a_message_names_is_known(db: Database, viewer: Viewer) -> None:
    chat = make_chat(db, viewer, provider="guide", model_name="guide")
    make_exchange(db, viewer, chat.id, provider="ollama", model_name="llama")
    assert known_models(db, viewer) == (("guide", "guide"), ("ollama", "llama"))
    assert known_models(db, make_viewer(db)) == ()


def test_known_models_are_those_of_the_chats_each_once(db: Database, viewer: Viewer, now: datetime) -> None:
    for model in ("b", "a", "b"):
        make_chat(db, viewer, model_name=model)
    trashed = make_chat(db, viewer, provider="guide", model_name="guide")
    delete_chats(db, viewer, [trashed.id], now=now)
    assert known_models(db, viewer) == (("guide", "guide"), ("ollama", "a"), ("ollama", "b"))


# --- folders and tags --------------------------------------------------------------------------------------------


def test_a_folder_has_the_chats_in_it_and_in_folders_below(db: Database, viewer: Viewer) -> None:
    work = make_folder(db, viewer, name="Work").id
    plans_id = make_folder(db, viewer, name="Plans", parent_id=work).id
    home = make_folder(db, viewer, name="Home").id
    for title, folder_id in (("work", work), ("plans", plans_id), ("home", home), ("free", None)):
        move_chats(db, viewer, [make_chat(db, viewer, title=title).id], folder_id=folder_id)
    for asked, found in (
        ((work,), {"work", "plans"}),
        ((plans_id,), {"plans"}),
        ((work, plans_id, home), {"work", "plans", "home"}),
        ((NO_FOLDER,), {"free"}),
        ((NO_FOLDER, home), {"free", "home"}),
        ((2**80,), set()),
        ((-1,), set()),
        ((), {"work", "plans", "home", "free"}),
    ):
        assert titles(db, viewer, Browse(folders=asked)) == found, asked
        assert count_chats(db, viewer, Browse(folders=asked)) == len(found)


def test_every_tag_asked_for_must_be_on_the_chat(db: Database, viewer: Viewer) -> None:
    for title, tags in (("both", ["tea", "Work"]), ("tea", ["tea"]), ("none", [])):
        tag_chats(db, viewer, [make_chat(db, viewer, title=title).id], add=tags)
    for asked, found in (
        (("TEA",), {"both", "tea"}),
        (("tea", "work", "Tea"), {"both"}),
        (("tea", "unknown"), set()),
        (("",), set()),
        (("\0\ud800",), set()),
    ):
        assert titles(db, viewer, Browse(tags=asked)) == found, asked
        assert count_chats(db, viewer, Browse(tags=asked)) == len(found)


FILED = st.lists(
    st.tuples(MOMENTS, st.integers(0, 3), st.sets(st.sampled_from(["a", "b", "c"])), st.booleans(), st.booleans()), max_size=15
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=FILED,
    folders=st.sets(st.integers(0, 3), max_size=2),
    tags=st.sets(st.sampled_from(["a", "b", "c"]), max_size=2),
    limit=st.integers(1, 5),
    rare=st.sampled_from([0, 2, 1000]),
    walks=st.sampled_from([0, 50]),
)
@pytest.mark.parametrize("sort", ["updated", "title"])
@pytest.mark.parametrize("shelf", [Shelf.ACTIVE, Shelf.TRASH])
def test_every_way_to_a_page_of_folders_and_tags_finds_the_same(
    db: Database,
    sort: Sort,
    shelf: Shelf,
    rows: list[tuple[datetime, int, set[str], bool, bool]],
    folders: set[int],
    tags: set[str],
    limit: int,
    rare: int,
    walks: int,
) -> None:
    someone = make_viewer(db)
    # Three folders, the second in the first; 0 is none.
    first = make_folder(db, someone, name="1").id
    second = make_folder(db, someone, name="2", parent_id=first).id
    known = [NO_FOLDER, first, second, make_folder(db, someone, name="3").id]
    expected = []
    for when, place, names, pinned, trashed in rows:
        chat = make_chat(db, someone, title=f"{place}", now=when)
        tag_chats(db, someone, [chat.id], add=names)
        move_chats(db, someone, [chat.id], folder_id=known[place] or None)
        pin_chats(db, someone, [chat.id], pinned=pinned)
        if trashed:
            delete_chats(db, someone, [chat.id], now=when)
        in_folder = not folders or place in folders or (place == 2 and 1 in folders)
        if in_folder and tags <= names and trashed == (shelf is Shelf.TRASH):
            expected.append((when if sort == "updated" else str(place), chat.id))
    browse = Browse(folders=tuple(known[place] for place in folders), tags=tuple(tags), shelf=shelf, sort=sort)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(browse_module, "RARE", rare)
        patch.setattr(browse_module, "MOST_WALKS", walks)
        assert walk(db, someone, browse, limit=limit) == [chat_id for _, chat_id in sorted(expected, reverse=True)]
        assert count_chats(db, someone, browse) == len(expected)


# --- order -------------------------------------------------------------------------------------------------------

CHAT_ROWS = st.lists(
    st.fixed_dictionaries({
        "updated_at": MOMENTS,
        "created_at": MOMENTS,
        "pinned": st.booleans(),
        "title": st.sampled_from(["a", "A", "b", "Über", "über", "z", "漢字", "😀", "_", "a b", "ab", ""]),
        "message_count": st.integers(0, 2),
        "input_tokens": st.sampled_from([0, 1, 2**40]),
        "output_tokens": st.integers(0, 1),
    }),
    max_size=20,
)  # fmt: skip


def ascii_lower(title: str) -> bytes:
    return "".join(letter.lower() if letter.isascii() else letter for letter in title).encode()


def key_of(row: dict[str, object], sort: Sort) -> tuple[object, object]:
    """What the documentation of a sort promises to order by."""
    keys = {
        "updated": row["updated_at"],
        "created": row["created_at"],
        "title": ascii_lower(str(row["title"])),
        "messages": row["message_count"],
        "tokens": int(str(row["input_tokens"])) + int(str(row["output_tokens"])),
    }
    return keys[sort], row["id"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=CHAT_ROWS, limit=st.integers(1, 8))
@pytest.mark.parametrize("sort", get_args(Sort))
def test_the_pages_of_a_sort_hold_each_chat_once_in_order(db: Database, sort: Sort, rows: list[dict[str, object]], limit: int) -> None:
    someone = make_viewer(db)
    chats = [row | {"id": new_chat_id(), "user_id": someone.user_id} for row in rows]
    if chats:
        with db.write() as tx:
            tx.execute(sa.insert(CHATS), chats)
    for descending in (True, False):
        ordered = sorted(chats, key=lambda row: key_of(row, sort), reverse=descending)
        assert walk(db, someone, Browse(sort=sort, descending=descending), limit=limit) == [row["id"] for row in ordered]


def test_every_sort_is_known_to_the_cursors() -> None:
    assert set(SORT_TYPES) == set(get_args(Sort))


def test_a_cursor_serves_only_its_own_sort_and_direction(db: Database, viewer: Viewer) -> None:
    for _ in range(2):
        make_chat(db, viewer)
    cursor = browse_chats(db, viewer, Browse(), limit=1).next_cursor
    assert cursor is not None
    wrong = [Browse(sort="title"), Browse(descending=False)]
    for browse in wrong:
        with pytest.raises(Invalid):
            browse_chats(db, viewer, browse, cursor=cursor)
    with pytest.raises(Invalid):
        browse_chats(db, viewer, Browse(), cursor=list_chats(db, viewer, limit=1).next_cursor)
    with pytest.raises(Invalid):
        browse_chats(db, viewer, Browse(), cursor="garbage")


def test_a_sort_that_is_not_known_is_invalid(db: Database, viewer: Viewer) -> None:
    with pytest.raises(Invalid) as error:
        browse_chats(db, viewer, Browse(sort="size"))  # type: ignore[arg-type]  # as it comes from a URL
    assert "updated" in error.value.hint


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_page_has_1_to_1000_rows(db: Database, viewer: Viewer, limit: int) -> None:
    with pytest.raises(Invalid):
        browse_chats(db, viewer, Browse(), limit=limit)


# --- how it is done ----------------------------------------------------------------------------------------------


def test_browsing_reads_no_message(db: Database, viewer: Viewer) -> None:
    make_chat(db, viewer, messages=2)
    for sort in get_args(Sort):
        with statements() as seen:
            browse_chats(db, viewer, Browse(sort=sort, period=Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))))
        assert len(seen) == 1
        assert "chatmessage" not in seen[0][0]


@pytest.mark.parametrize("shelf", [Shelf.ACTIVE, Shelf.ARCHIVED])
@pytest.mark.parametrize("descending", [True, False])
def test_the_default_order_walks_along_the_index(db: Database, viewer: Viewer, shelf: Shelf, descending: bool) -> None:
    chats = [make_chat(db, viewer) for _ in range(4)]
    archive_chats(db, viewer, [chat.id for chat in chats[2:]], archived=True)
    browse = Browse(shelf=shelf, descending=descending)
    cursor = browse_chats(db, viewer, browse, limit=1).next_cursor
    assert cursor
    (plan,) = plans(db, lambda: browse_chats(db, viewer, browse, limit=1, cursor=cursor))
    assert plan.count("ix_chatsession_list") == 2, plan
    assert "SCAN chatsession" not in plan, plan
    if db.is_sqlite:
        assert plan.count("(updated_at,id)") == 2, plan
        # The one sort is of the page.
        assert plan.count("TEMP B-TREE") == 1, plan


@pytest.mark.parametrize("sort", ["created", "title", "messages", "tokens"])
@pytest.mark.parametrize("descending", [True, False])
def test_every_other_order_walks_along_its_own_index(db: Database, viewer: Viewer, sort: Sort, descending: bool) -> None:
    for _ in range(4):
        make_chat(db, viewer)
    browse = Browse(sort=sort, descending=descending)
    cursor = browse_chats(db, viewer, browse, limit=1).next_cursor
    (plan,) = plans(db, lambda: browse_chats(db, viewer, browse, limit=1, cursor=cursor))
    assert f"ix_chatsession_by_{sort}" in plan, plan
    if db.is_sqlite:
        # The one sort is of the page.
        assert plan.count("TEMP B-TREE") == 1, plan


def test_a_folder_walks_along_its_own_index(db: Database, viewer: Viewer) -> None:
    folder_id = make_folder(db, viewer, name="Work").id
    inner = make_folder(db, viewer, name="Plans", parent_id=folder_id).id
    move_chats(db, viewer, [make_chat(db, viewer).id, make_chat(db, viewer).id], folder_id=inner)
    plan = plans(db, lambda: browse_chats(db, viewer, Browse(folders=(folder_id,)), limit=1))[-1]
    assert plan.count("ix_chatsession_folder") == 2, plan
    if db.is_sqlite:
        assert plan.count("TEMP B-TREE") == 1, plan


def test_a_rare_tag_leads_and_a_common_one_is_asked_of_each_chat(db: Database, viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    tag_chats(db, viewer, [make_chat(db, viewer).id, make_chat(db, viewer).id], add=["tea"])
    plan = plans(db, lambda: browse_chats(db, viewer, Browse(tags=("tea",)), limit=1))[-1]
    assert "ix_chattag_tag" in plan, plan
    assert "ix_chatsession_list" not in plan, plan
    monkeypatch.setattr(browse_module, "RARE", 2)
    plan = plans(db, lambda: browse_chats(db, viewer, Browse(tags=("tea",)), limit=1))[-1]
    assert plan.count("ix_chatsession_list") == 2, plan
